"""A small picture and a mask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from restauro.picture import Picture

MARKS = np.zeros((12, 16), np.uint8)
MARKS[3:6, 4:11] = 255
HOLE = MARKS == 255


def picture(
    pixels: np.ndarray | None = None, *, orientation: int = 1, has_alpha: bool = False, kind: str = "png"
) -> Picture:
    pixels = np.zeros((*MARKS.shape, 3), np.uint8) if pixels is None else pixels
    return Picture(pixels, Path("panel.png"), kind, orientation, has_alpha)


def saved(path: Path, values: np.ndarray, *, orientation: int = 1, **options: Any) -> Path:
    """Write a picture with libvips: bands and depth as the array's; two and four bands are with transparency."""
    image = pyvips.Image.new_from_array(values)
    bands = 1 if values.ndim == 2 else values.shape[2]
    deep = values.dtype == np.uint16
    image = image.copy(interpretation=("grey16" if deep else "b-w") if bands < 3 else ("rgb16" if deep else "srgb"))
    if orientation != 1:
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.write_to_file(str(path), **options)
    return path
