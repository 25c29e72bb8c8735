"""Makes goya-strokes.png, strokes as a paint program exports them, and the figures of the first restoration.

    python docs/figures/make_first_restoration.py

The strokes follow the damage of the head as a hand does that paints with a pencil of 5 pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

import restauro

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"

HEAD = (slice(140, 345), slice(165, 415))  # rows, columns: where strokes are painted
DETAIL = (slice(165, 325), slice(185, 345))
PENCIL = 2  # pixels around the middle of the stroke
RED = (255, 0, 0)
WIDTH = 300  # of a panel, pixels
GAP = 6


def strokes(damage: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what a pencil covers that is set down along the damage of the head."""
    middle = np.zeros_like(damage)
    middle[HEAD] = damage[HEAD]
    on_the_way = np.zeros_like(damage)
    on_the_way[::2, ::2] = True  # a hand doesn't follow every pixel
    return restauro.grow_mask(middle & on_the_way, PENCIL)


def layer(painted: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a transparent layer with red strokes, [H, W, 4]."""
    pixels = np.zeros((*painted.shape, 4), np.uint8)
    pixels[painted] = (*RED, 255)
    return pixels


def on_chequers(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a layer over grey squares, as paint programs show transparency."""
    rows, columns = np.indices(pixels.shape[:2]) // 10
    under = np.where((rows + columns) % 2, 153, 102).astype(np.uint8)[..., np.newaxis].repeat(3, axis=2)
    return np.where(pixels[..., 3:] == 255, pixels[..., :3], under)


def row(panels: list[NDArray[Any]]) -> pyvips.Image:
    """Return panels of equal size beside each other."""
    images = [pyvips.Image.new_from_array(panel, interpretation="srgb") for panel in panels]
    kernel = "lanczos3" if images[0].width > WIDTH else "nearest"
    scaled = [image.resize(WIDTH / image.width, kernel=kernel) for image in images]
    return pyvips.Image.arrayjoin(scaled, across=len(scaled), shim=GAP, background=255)


def main() -> None:
    """Make the strokes and both figures."""
    picture = restauro.read_picture(EXAMPLES / "goya-damaged.tif")
    damage = restauro.read_mask(EXAMPLES / "goya-mask.png", picture).hole
    painted = strokes(damage)
    marks = layer(painted)
    target = str(EXAMPLES / "goya-strokes.png")
    pyvips.Image.new_from_array(marks, interpretation="srgb").pngsave(target, compression=9)
    over = np.where(painted[..., np.newaxis], np.array(RED, np.uint8), picture.pixels)
    restored = restauro.inpaint(picture.pixels, painted)
    for name, panels in {
        "first-restoration.jpg": [picture.pixels, over, on_chequers(marks), restored],
        "first-restoration-detail.jpg": [part[DETAIL] for part in (picture.pixels, over, restored)],
    }.items():
        row(panels).jpegsave(str(HERE / name), Q=88, keep="none")


if __name__ == "__main__":
    main()
