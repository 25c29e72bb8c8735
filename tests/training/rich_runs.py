"""Short runs with all that a run may have, and how two are compared."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.training.preset import Preset
from restauro.training.presets import PRESETS
from restauro.training.run import Outcome, train
from tests.training.runs import TINY

COURSE = PRESETS["cifar10-course"].changed(dict(setting.split("=") for setting in TINY)).lasting(epochs=2)
# Momentum, a mean of weights, batch normalisation, a rate that changes: all that a checkpoint must hold.
RICH = {
    "batch": "4",
    "checkpoint_every": "3",
    "log_every": "2",
    "warm_up": "2",
    "steps": "11",
}


def rich(**changes: str) -> Preset:
    unet = {"width": 4, "depth": 2, "batch_norm": True}
    return replace(PRESETS["cifar10"], network="unet", network_options=unet).changed({**RICH, **changes})


def run(preset: Preset, data: Path, out: Path, **options: Any) -> Outcome:
    options = {"device": "cpu", "precision": "float32", "workers": 1, "say": lambda line: None, **options}
    return train(preset, data, out, **options)


def rows(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="ascii") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
