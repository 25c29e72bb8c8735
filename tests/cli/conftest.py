"""What tests of commands share: a folder to work in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.panels import CLEAN, HOLE, save


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a picture panel.tif, its mask losses.png, the mask's opposite inverted.png."""
    monkeypatch.chdir(tmp_path)
    damaged = CLEAN.copy()
    damaged[HOLE] = 0
    save(tmp_path / "panel.tif", damaged)
    save(tmp_path / "losses.png", np.where(HOLE, 255, 0).astype(np.uint8))
    save(tmp_path / "inverted.png", np.where(HOLE, 0, 255).astype(np.uint8))
    return tmp_path
