"""What a network is trained to do: fill holes, or find damage; examples, output and metrics follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import torch

from restauro.datasets import KeptPictures, Pictures
from restauro.errors import Remedy, TrainingError
from restauro.training import checkpoints, finding, validating
from restauro.training.data import Examples, MaskFolder, ValidationExamples
from restauro.training.filled import Filled
from restauro.training.preset import Preset

Tensors = tuple[torch.Tensor, ...]
_TIMES = 8  # that a filled example comes, each time laid another way: a fill takes longer than learning from it
_TEST_SEED = 0  # of validation: the same whatever the run's seed, so that runs can be compared


class Task(Protocol):
    """What `run` asks for.

    Attributes
    ----------
    best_by
        The metric by which the best network is kept: the lower, the better.
    """

    best_by: str

    def examples(
        self, preset: Preset, pictures: Pictures, tests: Pictures, masks: Path | None, init: Path | None
    ) -> tuple[Any, Any]:
        """Return training examples and those to validate on; see `restauro.training.data`.

        masks: a folder of mask files. init: the weights that the run began with.
        """

    def tensors(self, batch: Any, device: torch.device) -> Tensors:
        """Return a batch as `output` takes it, the first two as losses do: pictures, what is known or to be found."""

    def output(self, network: Any, tensors: Tensors) -> Any:
        """Return what a network gives for a batch."""

    def judge(self, output: Any, batches: Iterable[Any], device: torch.device) -> tuple[torch.Tensor, Any]:
        """Return sums of scores over validation batches, and a picture of samples; output: of tensors."""

    def metrics(self, sums: torch.Tensor) -> dict[str, float]:
        """Return metrics by name, of the sums of all processes."""

    def described(self, metrics: dict[str, float]) -> str:
        """Return metrics in words."""


class Fill:
    """Fill holes: the network gets a picture, filled or not, and what is known of it, and gives the whole picture."""

    best_by = "composited_mae"

    def examples(
        self, preset: Preset, pictures: Pictures, tests: Pictures, masks: Path | None, init: Path | None
    ) -> tuple[Any, Any]:
        """See `Task`."""
        make_mask = MaskFolder(masks) if masks else preset.mask_maker()
        examples = Examples(
            KeptPictures(pictures), preset.side, make_mask, preset.seed, preset.flip, preset.least_scale
        )
        tested = ValidationExamples(tests, preset.side, make_mask, _TEST_SEED)
        if not preset.fill:
            return examples, tested
        return Filled(examples, preset.fill, _TIMES), Filled(tested, preset.fill)

    def tensors(self, batch: validating.Batch, device: torch.device) -> Tensors:
        """See `validating.to_tensors`."""
        return validating.to_tensors(batch, device)

    def output(self, network: Any, tensors: Tensors) -> Any:
        """See `Task`."""
        image, known, *filled = tensors
        return network(*(filled or [image]), known)

    def judge(self, output: Any, batches: Iterable[validating.Batch], device: torch.device) -> tuple[torch.Tensor, Any]:
        """See `validating.error_sums`."""
        sums, grid = validating.error_sums(output, batches, device)
        return sums, grid

    def metrics(self, sums: torch.Tensor) -> dict[str, float]:
        """See `validating.metrics_of`."""
        return validating.metrics_of(sums)

    def described(self, metrics: dict[str, float]) -> str:
        """See `Task`."""
        return (
            f"{metrics['composited_psnr']:.2f} dB and {metrics['composited_mae']:.5f} composited, "
            f"{metrics['hole_mae']:.4f} in holes, {metrics['output_mae']:.5f} as it comes"
        )


class Find:
    """Find damage: the network gets a picture, and gives log odds of every kind for each pixel."""

    best_by = "missed"

    def examples(
        self, preset: Preset, pictures: Pictures, tests: Pictures, masks: Path | None, init: Path | None
    ) -> tuple[finding.WornExamples, finding.FindingTests]:
        """See `Task`."""
        if masks:
            raise TrainingError(f"The preset {preset.name!r} renders its damage and takes no masks: leave out {masks}.")
        weights = None
        if preset.hard_negatives:
            if not init:
                raise TrainingError("hard_negatives needs weights that mark something", Remedy("init"))
            network = preset.make_network().eval()
            checkpoints.take_weights(network, None, init)
            weights = finding.hardness(network, pictures)
        only = str(preset.network_options.get("only", ""))
        return (
            finding.WornExamples(KeptPictures(pictures), preset.side, preset.seed, weights, only=only),
            finding.FindingTests(tests, _TEST_SEED, only=only),
        )

    def tensors(self, batch: finding.Batch, device: torch.device) -> Tensors:
        """See `finding.to_tensors`."""
        return finding.to_tensors(batch, device)

    def output(self, network: Any, tensors: Tensors) -> Any:
        """See `Task`."""
        return network(tensors[0])

    def judge(self, output: Any, batches: Iterable[finding.Batch], device: torch.device) -> tuple[torch.Tensor, Any]:
        """See `finding.score_sums`."""
        sums, grid = finding.score_sums(lambda image: output((image, image)), batches, device)
        return sums, grid

    def metrics(self, sums: torch.Tensor) -> dict[str, float]:
        """See `finding.metrics_of`."""
        return finding.metrics_of(sums)

    def described(self, metrics: dict[str, float]) -> str:
        """See `Task`."""
        names = {"cracks_f1": "cracks", "strokes_f1": "strokes", "worn_f1": "damage as in training"}
        found = ", ".join(f"{metrics[name]:.3f} of {what}" for name, what in names.items() if name in metrics)
        return f"F1 {found}; {metrics['undamaged_marked']:.2f} % of undamaged ones marked"


TASKS: dict[str, Task] = {"fill": Fill(), "find": Find()}
