"""Makes partial.jpg, made stains and what `tone` leaves of them: python docs/figures/make_partial_figure.py.

From above: damaged, corrected by the mask alone, corrected by the made weights, the truth. The last column is one in
which the mask alone fails. The paintings are not in the repository: they are in data/paintings-val of the folder that
RESTAURO_SHARED names, or of ../shared.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

import _pictures  # noqa: E402
import partial as damage  # noqa: E402

# Kind, file, seed: as the benchmark damages them.
SHOWN = (
    ("stain, hard edge", "val-007.jpg", 1),
    ("stain, dark rim", "val-025.jpg", 4),
    ("tide lines", "val-055.jpg", 9),
)
CROP, GAP = 300, 6

Pixels = NDArray[np.uint8]


def column(kind: str, file: str, seed: int) -> Pixels:
    """Return a damaged painting and what becomes of it, under one another."""
    painting = _pictures.middle(_pictures.read(_pictures.shared() / "data" / "paintings-val" / file))
    truth = painting[: damage.SIDE, : damage.SIDE]
    made = damage.make(kind, truth, seed)
    views = [made.picture, damage.WAYS["tone"](made), damage.WAYS["tone, weights"](made), truth]
    off = (damage.SIDE - CROP) // 2
    gap = np.full((GAP, CROP, 3), 255, np.uint8)
    return np.concatenate([row for view in views for row in (view[off : off + CROP, off : off + CROP], gap)][:-1])


def main() -> None:
    """Write the figure."""
    columns = [column(*shown) for shown in SHOWN]
    gap = np.full((len(columns[0]), GAP, 3), 255, np.uint8)
    sheet = np.concatenate([part for one in columns for part in (one, gap)][:-1], axis=1)
    pyvips.Image.new_from_array(sheet).write_to_file(str(HERE / "partial.jpg"), Q=88, strip=True)


if __name__ == "__main__":
    main()
