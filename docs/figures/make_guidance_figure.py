"""Makes guidance.jpg, what guidance and grain change in fills: python docs/figures/make_guidance_figure.py.

Each row: the hole, the fill without, the fill with, the truth. The painting is not in the repository: it is in
data/paintings-val of the folder that RESTAURO_SHARED names, or of ../shared; the other pictures are made, two of those
that `python3 dev.py bench guidance` measures.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

import _pictures  # noqa: E402
import guidance  # noqa: E402
import restauro  # noqa: E402

SIDE, GAP = 240, 6
PAINTING, PLACE = "val-012.jpg", (250, 90)
HOLE = [(60, 70), (150, 60), (190, 130), (120, 180), (50, 150)]  # columns and rows
HILL, STRIPES = 4, 10  # seeds
RED = (220, 0, 0)

Pixels = NDArray[np.uint8]


def row(truth: Pixels, hole: NDArray[np.bool_], method: str, told: dict[str, Any]) -> Pixels:
    """Return four pictures side by side."""
    marked = np.where(hole[..., np.newaxis], np.uint8(255), truth)
    if "guides" in told:
        line = np.rint(told["guides"][0][:, ::-1]).astype(np.int32)
        marked = cv2.polylines(marked.copy(), [line], isClosed=False, color=RED, thickness=1)
    if "avoid" in told:
        tinted = (0.7 * marked + 0.3 * np.array(RED)).astype(np.uint8)
        marked = np.where((told["avoid"] & ~hole)[..., np.newaxis], tinted, marked)
    fills = [restauro.inpaint(truth, hole, method, **some) for some in ({}, told)]
    views = [cv2.resize(view, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for view in (marked, *fills, truth)]
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    return np.concatenate([part for view in views for part in (view, gap)][:-1], axis=1)


def main() -> None:
    """Write the figure."""
    painting = _pictures.read(_pictures.shared() / "data" / "paintings-val" / PAINTING)
    sea = np.ascontiguousarray(painting[PLACE[0] : PLACE[0] + SIDE, PLACE[1] : PLACE[1] + SIDE])
    spot = cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [np.array(HOLE)], 1).astype(bool)
    hill, across, outline = guidance.outlined(np.random.default_rng([HILL, 5]))
    stripes, beside, others = guidance.striped(np.random.default_rng([STRIPES, 7]))
    rows = [
        row(sea, spot, "edge-enhancing", {"grain": "match"}),
        row(hill, across, "edge-enhancing", {"guides": [outline]}),
        row(stripes, beside, "patchmatch", {"avoid": others}),
    ]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for one in rows for part in (one, gap)][:-1])
    pyvips.Image.new_from_array(sheet).write_to_file(str(HERE / "guidance.jpg"), Q=86, strip=True)


if __name__ == "__main__":
    main()
