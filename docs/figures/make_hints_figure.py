"""Makes hints.jpg, stains found by hints: python docs/figures/make_hints_figure.py.

The painting is not in the repository: it is in data/paintings-val of the folder that RESTAURO_SHARED names, or of
../shared.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from scipy import ndimage

import restauro

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("RESTAURO_SHARED", HERE.parents[2] / "shared"))

PAINTING = "val-004.jpg"
COUNT = 300  # hint pixels
STAIN = (150, 110, 60)  # its colour, of which a third is seen
SIDE = 288
GAP = 6
HEADS = ("stains", "300 hint pixels", "--hints", "the truth")


def hints(truth: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int8]:
    """Return hints at random pixels of the left half, half of them damage."""
    labels = np.zeros(truth.shape, np.int8)
    left = np.arange(truth.shape[1]) < truth.shape[1] // 2
    for kind, where in ((1, truth), (-1, ~truth)):
        labels.flat[rng.choice(np.flatnonzero(where & left), COUNT // 2, replace=False)] = kind
    return labels


def seen(labels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return single pixels as dots that can be seen."""
    return np.asarray(ndimage.binary_dilation(labels))


def marked(pixels: NDArray[Any], hole: NDArray[np.bool_], colour: tuple[int, int, int]) -> NDArray[Any]:
    """Return pixels with a hole in a colour."""
    shown = pixels.copy()
    shown[hole] = colour
    return shown


def main() -> None:
    """Make the figure."""
    pixels = restauro.read_picture(SHARED / "data" / "paintings-val" / PAINTING).pixels
    top, left = ((side - SIDE) // 2 for side in pixels.shape[:2])
    rng = np.random.default_rng(1)
    crop = np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])
    truth = restauro.make_damage("blobs", SIDE, SIDE, 0.12, rng)
    damaged = crop.copy()
    damaged[truth] = np.rint(0.65 * crop[truth] + 0.35 * np.array(STAIN)).astype(np.uint8)
    labels = hints(truth, rng)
    panels = [
        damaged,
        marked(marked(damaged, seen(labels == 1), (255, 0, 0)), seen(labels == -1), (0, 255, 0)),
        marked(damaged, restauro.detect(damaged, hints=labels), (255, 0, 200)),
        marked(damaged, truth, (255, 0, 200)),
    ]
    images = [pyvips.Image.new_from_array(panel, interpretation="srgb") for panel in panels]
    heads = [
        pyvips.Image.text(head, font="sans 13", dpi=96).invert().embed(4, 4, SIDE, 30, extend="white") for head in HEADS
    ]
    rows = [
        pyvips.Image.arrayjoin([head.colourspace("srgb") for head in heads], shim=GAP, background=255),
        pyvips.Image.arrayjoin(images, shim=GAP, background=255),
    ]
    rows[0].join(rows[1], "vertical", expand=True, background=255).jpegsave(str(HERE / "hints.jpg"), Q=88, keep="none")


if __name__ == "__main__":
    main()
