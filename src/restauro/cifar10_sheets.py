"""CIFAR-10 as the founding project kept it: sheets of 40 x 25 pictures, row by row, as lossless WebP."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.errors import DataError

_SIDE = 32  # pixels of a picture
_ROWS, _COLUMNS = 25, 40  # pictures in a sheet


def read(folder: Path, split: str, read_file: Callable[[Path], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the pictures of a split, uint8 [N, 32, 32, 3]: all cells of its sheets but those that are no pictures.

    Parameters
    ----------
    folder
        With `train-000.webp`, `test-000.webp` and so on; `test-missing.txt` has the numbers of cells that are no
        pictures.
    split
        "train" or "test".
    read_file
        Reads a picture file, uint8 [H, W, 3].

    Raises
    ------
    DataError
        A sheet lacks, or is of another size.
    """
    cells, missing = read_cells(folder, split, read_file), folder / f"{split}-missing.txt"
    without = [int(word) for word in missing.read_text(encoding="ascii").split()] if missing.exists() else []
    return np.delete(cells, without, axis=0) if without else cells


def read_cells(folder: Path, split: str, read_file: Callable[[Path], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return all cells of a split's sheets, those that are no pictures among them; see `read`."""
    sheets = sorted(folder.glob(f"{split}-[0-9][0-9][0-9].webp"))
    names = [f"{split}-{number:03}.webp" for number in range(len(sheets))]
    if not sheets or [sheet.name for sheet in sheets] != names:
        raise DataError(
            f"The sheets {split}-000.webp, {split}-001.webp ... in {folder} aren't complete: {len(sheets)} are there."
        )
    cells = np.empty((len(sheets), _ROWS, _COLUMNS, _SIDE, _SIDE, 3), np.uint8)
    with ThreadPoolExecutor() as threads:
        for number, pixels in enumerate(threads.map(read_file, sheets)):
            if pixels.shape != (_ROWS * _SIDE, _COLUMNS * _SIDE, 3):
                size = f"{pixels.shape[1]} x {pixels.shape[0]}"
                raise DataError(f"The sheet {sheets[number]} is {size} pixels, not 1280 x 800.")
            cells[number] = pixels.reshape(_ROWS, _SIDE, _COLUMNS, _SIDE, 3).swapaxes(1, 2)
    return cells.reshape(-1, _SIDE, _SIDE, 3)
