"""Makes network-detail.jpg, what `detail` adds to the network's fill: python docs/figures/make_network_figure.py.

Each row: the hole, five fills, the truth. The paintings are not in the repository: they are in data/paintings-fine of
the folder that RESTAURO_SHARED names, or of ../shared.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

import restauro

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("RESTAURO_SHARED", HERE.parents[2] / "shared"))

# File, kind and share of damage, its seed, the upper left corner of what is shown. Not trained on.
SHOWN = (
    ("fine-061.jpg", "strokes", 0.15, 3, (250, 230)),
    ("fine-021.jpg", "losses", 0.1, 5, (220, 360)),
    ("fine-007.jpg", "strokes", 0.15, 2, (300, 300)),
)
WAYS = (
    ("edge-enhancing", {}),
    ("network", {}),
    ("network", {"detail": 0.2}),
    ("network", {"detail": 0.6}),
    ("patchmatch", {}),
)
SIDE, TIMES, GAP = 130, 2, 6

Pixels = NDArray[np.uint8]


def row(file: str, kind: str, share: float, seed: int, place: tuple[int, int]) -> Pixels:
    """Return the views of a painting side by side."""
    truth = pyvips.Image.new_from_file(str(SHARED / "data" / "paintings-fine" / file)).numpy()
    hole = restauro.make_damage(kind, *truth.shape[:2], share, rng=seed)
    damaged = np.where(hole[..., np.newaxis], np.uint8(255), truth)
    views = [damaged, *(restauro.inpaint(damaged, hole, way, **settings) for way, settings in WAYS), truth]
    box = np.s_[place[0] : place[0] + SIDE, place[1] : place[1] + SIDE]
    gap = np.full((SIDE * TIMES, GAP, 3), 255, np.uint8)
    enlarged = [view[box].repeat(TIMES, axis=0).repeat(TIMES, axis=1) for view in views]
    return np.concatenate([part for view in enlarged for part in (view, gap)][:-1], axis=1)


def main() -> None:
    """Write the figure."""
    rows = [row(*shown) for shown in SHOWN]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for one in rows for part in (one, gap)][:-1])
    pyvips.Image.new_from_array(sheet).write_to_file(str(HERE / "network-detail.jpg"), Q=88, strip=True)


if __name__ == "__main__":
    main()
