"""A damaged panel, its holes and how it was before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips

HOLE = np.zeros((40, 56), bool)
HOLE[8:12, 5:30] = True
HOLE[30:36, 40:44] = True
CLEAN = np.stack(np.broadcast_arrays(*np.ix_(range(40), range(56)), 90), axis=-1).astype(np.uint8)  # slopes


def save(path: Path, values: np.ndarray, *, orientation: int = 1, **options: Any) -> Path:
    image = pyvips.Image.new_from_array(values)
    image = image.copy(interpretation="b-w" if values.ndim == 2 else "srgb")
    if orientation != 1:
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.write_to_file(str(path), **options)
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
