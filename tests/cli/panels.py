"""A damaged panel and its mask, which tests of commands work on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from restauro.cli import main
from restauro.files.reading import read_picture

HOLE = np.zeros((40, 56), bool)
HOLE[8:12, 5:30] = True
HOLE[30:36, 40:44] = True
CLEAN = np.stack(np.broadcast_arrays(*np.ix_(range(40), range(56)), 90), axis=-1).astype(np.uint8)


def save(path: Path, values: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    image = pyvips.Image.new_from_array(values)
    image.copy(interpretation="b-w" if values.ndim == 2 else "srgb").write_to_file(str(path), **options)
    return path


def run(arguments: str) -> int:
    return main(arguments.split())


def is_restored(path: str) -> bool:
    return bool(np.abs(read_picture(path).pixels.astype(int) - CLEAN).max() <= 2)
