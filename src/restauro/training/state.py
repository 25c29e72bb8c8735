"""What changes while a run goes on: weights, optimiser, sums of the logs; all of it is in a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from restauro.training import checkpoints
from restauro.training.machine import Machine
from restauro.training.muon import Muon
from restauro.training.preset import Preset


@dataclass
class Means:
    """Means of the loss's terms since they were last taken; stored in checkpoints, so that no row is lost."""

    sums: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def add(self, terms: dict[str, torch.Tensor]) -> None:
        """Count the terms of one step in."""
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.detach().double()
        self.count += 1

    def take(self, device: Machine) -> dict[str, float]:
        """Return the means over all processes, and begin anew."""
        means = {name: float(device.mean(total / self.count)) for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means

    def plain(self) -> dict[str, Any]:
        """Return the sums as numbers, for a checkpoint."""
        return {"sums": {name: float(total) for name, total in self.sums.items()}, "count": self.count}


@dataclass
class State:
    """What changes while a run goes on: all of it is in its checkpoints."""

    network: Any
    mean: Any  # the network with the running mean of its weights, or None
    optimiser: Any
    scaler: Any
    best_by: str  # the metric that is lowest at its best
    step: int = 0
    validations: list[dict[str, float]] = field(default_factory=list)
    row: Means = field(default_factory=Means)  # of the training table's next row
    epoch: Means = field(default_factory=Means)  # since the last validation

    @property
    def best(self) -> dict[str, float] | None:
        """Return the metrics of the best validation so far, None before the first."""
        return min(self.validations, key=lambda metrics: metrics[self.best_by], default=None)

    def save(self, path: Path, preset: Preset, settings: dict[str, Any]) -> None:
        """Write a checkpoint."""
        checkpoints.save(
            path,
            preset=preset.plain(),
            settings=settings,
            step=self.step,
            network=self.network.state_dict(),
            ema=self.mean.state_dict() if self.mean is not None else None,
            optimiser=self.optimiser.state_dict(),
            scaler=self.scaler.state_dict(),
            validations=self.validations,
            progress={"row": self.row.plain(), "epoch": self.epoch.plain()},
        )

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Go back to what a checkpoint holds."""
        self.network.load_state_dict(checkpoint["network"])
        if self.mean is not None:
            self.mean.load_state_dict(checkpoint["ema"])
        self.optimiser.load_state_dict(checkpoint["optimiser"])
        self.scaler.load_state_dict(checkpoint["scaler"])
        self.step, self.validations = checkpoint["step"], checkpoint["validations"]
        self.row, self.epoch = (Means(**checkpoint["progress"][name]) for name in ("row", "epoch"))


def begin(preset: Preset, here: Machine, best_by: str) -> State:
    """Return the state of a run at step 0; `best_by` is the metric that is lowest at its best."""
    torch.manual_seed(preset.seed)
    network = preset.make_network().to(here.device, memory_format=torch.channels_last)
    if here.device.type == "cuda" and here.processes > 1:
        network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
    optimiser = _OPTIMISERS[preset.optimiser](network, weight_decay=preset.weight_decay)
    mean = copy.deepcopy(network).requires_grad_(False).eval() if preset.ema else None
    scaler = torch.amp.GradScaler(here.device.type, enabled=here.precision == "fp16")
    return State(network, mean, optimiser, scaler, best_by)


_OPTIMISERS: dict[str, Callable[..., Any]] = {
    "adam": lambda network, **options: torch.optim.Adam(network.parameters(), lr=0.0, fused=True, **options),
    "adamw": lambda network, **options: torch.optim.AdamW(network.parameters(), lr=0.0, fused=True, **options),
    "muon": lambda network, **options: Muon.of(network, lr=0.0, **options),
}


@torch.no_grad()
def move_mean(mean: Any, network: Any, decay: float) -> None:
    """Move the mean's weights towards the network's; what isn't trained (statistics, counts) is copied."""
    torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 - decay)
    for kept, present in zip(mean.buffers(), network.buffers(), strict=True):
        kept.copy_(present)
