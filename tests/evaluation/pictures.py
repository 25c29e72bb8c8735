"""Small pictures to evaluate on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    pyvips.Image.new_from_array(pixels).write_to_file(str(path))
    return path


def make_pictures(folder: Path, count: int, height: int = 40, width: int = 44) -> Path:
    """Pictures `p0.png` ... of smooth random colours."""
    folder.mkdir()
    for number in range(count):
        rng = np.random.default_rng(number)
        rows, columns = np.mgrid[:height, :width] / 10
        bands = [np.sin(rows * rng.random() + rng.random() * 6) + np.cos(columns * rng.random()) for _ in range(3)]
        write_picture(folder / f"p{number}.png", np.stack([60 * band + 125 for band in bands], axis=2).astype(np.uint8))
    return folder
