"""Pictures in every mode, as Pillow saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HOLE = (slice(5, 9), slice(3, 20))


def image_of(mode: str) -> Image.Image:
    rng = np.random.default_rng(1)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (20, 30), np.uint16))
    colours = Image.fromarray(rng.integers(0, 256, (20, 30, 4), np.uint8))
    return colours.convert("RGB").convert(mode) if mode in ("P", "CMYK") else colours.convert(mode)


def hole() -> NDArray[np.bool_]:
    mask = np.zeros((20, 30), bool)
    mask[HOLE] = True
    return mask


def saved(path: Path, mode: str = "RGB", **options: Any) -> Path:
    image_of(mode).save(path, **options)
    return path
