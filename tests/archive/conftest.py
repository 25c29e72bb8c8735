"""What tests of archives share: a folder of small damaged pictures and their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.panels import CLEAN, HOLE, save

NAMES = [f"p{number}.tif" for number in range(5)]


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: pictures scans/p0.tif to p4.tif, all different, and their masks masks/p0.png to p4.png."""
    monkeypatch.chdir(tmp_path)
    for folder in ("scans", "masks"):
        Path(folder).mkdir()
    for number, name in enumerate(NAMES):
        damaged = np.roll(CLEAN, 3 * number, axis=1)
        damaged[HOLE] = 0
        save(tmp_path / "scans" / name, damaged)
        save(tmp_path / "masks" / f"p{number}.png", np.where(HOLE, 255, 0).astype(np.uint8))
    return tmp_path
