"""Makes before-after.jpg from examples/: python docs/figures/make_figures.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

import restauro

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"

WIDTH = 620  # of a column, pixels
GAP = 8
CROP = (620, 110, 620, 400)  # left, top, width, height of what is shown in full size


def before_and_after(painting: str) -> list[NDArray[np.uint8]]:
    """Return a damaged painting of examples/ and the same restored by the default method, both [H, W, 3]."""
    picture = restauro.read_picture(EXAMPLES / f"{painting}-damaged.jpg")
    hole = restauro.read_mask(EXAMPLES / f"{painting}-mask.png", picture).hole
    return [picture.pixels, restauro.inpaint(picture.pixels, hole)]


def column(pixels: NDArray[np.uint8]) -> list[pyvips.Image]:
    """Return the whole picture and, below it, the crop, both as wide as a column."""
    picture = pyvips.Image.new_from_array(pixels, interpretation="srgb")
    return [part.resize(WIDTH / part.width, kernel="lanczos3") for part in (picture, picture.crop(*CROP))]


def main() -> None:
    """Make the figure of the README."""
    damaged, restored = (column(pixels) for pixels in before_and_after("canaletto"))
    parts = [part for row in zip(damaged, restored, strict=True) for part in row]
    figure = pyvips.Image.arrayjoin(parts[:2], across=2, shim=GAP, background=255)
    zoomed = pyvips.Image.arrayjoin(parts[2:], across=2, shim=GAP, background=255)
    figure = figure.join(zoomed, "vertical", shim=GAP, background=255, expand=True)
    figure.jpegsave(str(HERE / "before-after.jpg"), Q=86, keep="none")


if __name__ == "__main__":
    main()
