"""The pictures that benchmarks measure on: paintings and masks outside the repository, and the example, made larger.

The folder that RESTAURO_SHARED names, or ../shared, holds data/paintings-val and data/masks/irregular, each with an
index.csv, and weights.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import _tables

SIDE = 512
MASKS_A_BIN = 10

Picture = NDArray[np.uint8]  # [H, W, 3], in the order red, green, blue
Mask = NDArray[np.uint8]  # [H, W], 255 is hole


def shared() -> Path:
    """Return the folder of what is not in the repository; stop where there is none."""
    named = Path(os.environ.get("RESTAURO_SHARED", _tables.CLONE.parent / "shared"))
    if not (named / "data").is_dir():
        sys.exit(f"There are no paintings in {named}: name the folder that holds data/ in RESTAURO_SHARED.")
    return named


def pair(bin_number: int, i: int) -> tuple[Picture, Mask]:
    """Return the middle of painting i and the bin's mask i mod 10, both in the order of their index."""
    masks = shared() / "data" / "masks" / "irregular"
    of_bin = [name for name in _listed(masks) if name.startswith(f"nv-b{bin_number}-")]
    if len(of_bin) != MASKS_A_BIN:
        sys.exit(f"Bin {bin_number} has {len(of_bin)} masks instead of {MASKS_A_BIN}; bins are 1 to 6.")
    mask = _decoded(masks / of_bin[i % MASKS_A_BIN], cv2.IMREAD_GRAYSCALE)
    return painting(i), mask


def painting(i: int) -> Picture:
    """Return the middle of painting i, in the order of their index, of those that nothing is tuned on."""
    paintings = shared() / "data" / "paintings-val"
    return middle(read(paintings / _listed(paintings)[i]))


def middle(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the middle of a picture or a mask, 512 square or, where a side is shorter, as long as it is."""
    top, left = (max(0, side - SIDE) // 2 for side in picture.shape[:2])
    return picture[top : top + SIDE, left : left + SIDE].copy()


def example(size: int) -> Picture:
    """Return the example painting [size, size, 3], mirrored on where it ends."""
    painting = read(_tables.PAINTING)
    beyond = [(0, max(0, size - side)) for side in painting.shape[:2]]
    return np.ascontiguousarray(np.pad(painting, [*beyond, (0, 0)], "symmetric")[:size, :size])


def read(path: Path) -> Picture:
    """Return a picture; stop where it can't be read."""
    return cv2.cvtColor(_decoded(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _decoded(path: Path, how: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), how)
    if picture is None:
        sys.exit(f"{path} can't be read.")
    return picture.astype(np.uint8, copy=False)


def _listed(folder: Path) -> list[str]:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]
