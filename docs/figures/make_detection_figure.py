"""Makes detection.jpg, cracks found on three paintings: python docs/figures/make_detection_figure.py.

From above: the painting with rendered cracks, with what is found in magenta, and with the truth in magenta. The
paintings are not in the repository: they are in data/paintings-val of the folder that RESTAURO_SHARED names, or of
../shared.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

import restauro
from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("RESTAURO_SHARED", HERE.parents[2] / "shared"))

# File, bright cracks, width in pixels, contrast; drawn with the seed of the place.
SHOWN = (("val-004.jpg", False, 2.0, 30), ("val-007.jpg", False, 1.5, 40), ("val-037.jpg", True, 3.0, 35))
SIDE, CROP = 512, 300
GAP = 6
MARK = (225, 30, 140)

Pixels = NDArray[np.uint8]


def marked(image: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    """Return a picture with a mask over it."""
    shown = image.copy()
    shown[mask] = MARK
    return shown


def column(k: int, file: str, bright: bool, width: float, contrast: float) -> Pixels:
    """Return a painting with cracks, with what was found, and with the truth, under one another."""
    whole = pyvips.Image.new_from_file(str(SHARED / "data" / "paintings-val" / file)).numpy()
    top, left = ((side - SIDE) // 2 for side in whole.shape[:2])
    image = np.ascontiguousarray(whole[top : top + SIDE, left : left + SIDE])
    rng = np.random.default_rng(k)
    hole = cracks(SIDE, SIDE, 0.025, rng, crack_width=width)
    rendered, truth = render_cracks(image, hole, rng, contrast=contrast, bright=bright, rim=False)
    views = [rendered, marked(rendered, restauro.detect(rendered, "cracks")), marked(rendered, truth)]
    off = (SIDE - CROP) // 2
    gap = np.full((GAP, CROP, 3), 255, np.uint8)
    cut = [view[off : off + CROP, off : off + CROP] for view in views]
    return np.concatenate([cut[0], gap, cut[1], gap, cut[2]])


def main() -> None:
    """Write the figure."""
    columns = [column(k, *shown) for k, shown in enumerate(SHOWN)]
    gap = np.full((len(columns[0]), GAP, 3), 255, np.uint8)
    sheet = np.concatenate([columns[0], gap, columns[1], gap, columns[2]], axis=1)
    pyvips.Image.new_from_array(sheet).write_to_file(str(HERE / "detection.jpg"), Q=88, strip=True)


if __name__ == "__main__":
    main()
