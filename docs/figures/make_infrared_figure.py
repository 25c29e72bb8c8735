"""Makes infrared.jpg, made scans and what infrared finds in them: python docs/figures/make_infrared_figure.py.

From the left: the scan, its infrared plane, what is found (white is opaque, grey takes part of the light), restored,
the truth. The paintings are not in the repository: they are in data/paintings-val of the folder that RESTAURO_SHARED
names, or of ../shared.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

import _film  # noqa: E402
import _pictures  # noqa: E402
import restauro  # noqa: E402

SHOWN = (("val-041.jpg", 0.1, 4), ("val-011.jpg", 0.2, 1))  # file, leak, seed: as the benchmark makes them
ROWS, COLUMNS, GAP = slice(150, 390), slice(150, 390), 6


def as_shown(plane: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return what is looked at of a plane or a picture of 16 bits, or of shares, in 8 bits and three bands."""
    full = 65535 if plane.dtype == np.uint16 else 1
    view = np.rint(plane[ROWS, COLUMNS] * (255 / full)).astype(np.uint8)
    return view if view.ndim == 3 else np.repeat(view[..., np.newaxis], 3, axis=2)


def row(file: str, leak: float, seed: int) -> NDArray[np.uint8]:
    """Return five views side by side."""
    painting = _pictures.middle(_pictures.read(_pictures.shared() / "data" / "paintings-val" / file))
    made = _film.make(painting, leak, seed)
    mask = restauro.infrared_mask(made.picture, made.infrared)
    weights = mask.hole.astype(np.float32) if mask.weights is None else mask.weights
    restored = restauro.inpaint(made.picture, weights, partial="tone")
    views = [as_shown(view) for view in (made.picture, made.infrared, weights, restored, made.truth)]
    gap = np.full((len(views[0]), GAP, 3), 255, np.uint8)
    return np.concatenate([part for view in views for part in (view, gap)][:-1], axis=1)


def main() -> None:
    """Write the figure."""
    rows = [row(*shown) for shown in SHOWN]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for one in rows for part in (one, gap)][:-1])
    pyvips.Image.new_from_array(sheet).write_to_file(str(HERE / "infrared.jpg"), Q=86, strip=True)


if __name__ == "__main__":
    main()
