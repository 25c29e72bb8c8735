"""Tests of training compute on one thread: small layers gain nothing from more, and those would wait for others."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.training.runs import make_pictures

if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("data") / "pictures")
