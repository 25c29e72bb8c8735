"""Masks made to order: random marks, strokes of a free hand. True is hole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics import lines

_MARKS_SIDE = 32  # pixels: the side of the pictures that the recipe of `marks` was written for


def marks(height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the random marks of a student project on CIFAR-10: one to nine straight lines, thin or thick.

    Where the shorter side is 32 pixels, it is that project's recipe to the pixel: as many lines as a die of nine sides
    says, each end anywhere but within a pixel of the rim at the top and the left, thickness 1 or 2 as OpenCV's `line`
    draws them (thickness 2 is 3 pixels wide along the axes). On other sizes places and widths grow with the shorter
    side, and lines have smooth edges.

    Parameters
    ----------
    height, width
        Pixels, at least 1.
    rng
        What is drawn; it is the same for the same generator in the same state.

    Returns
    -------
    bool [H, W]
        Of 32 x 32 pixels a share of 0.149 is hole on average (standard deviation 0.084, 5 % to 95 %: 0.020 to 0.289);
        of larger squares as much, of other shapes less.

    References
    ----------
    S. Nandeshwar, COMP 558 course project, image inpainting with partial convolutions on CIFAR-10, 2023.

    Examples
    --------
    >>> hole = marks(32, 32, np.random.default_rng(7))
    >>> hole.shape, hole.dtype, round(float(hole.mean()), 3)
    ((32, 32), dtype('bool'), 0.289)
    """
    count = rng.integers(1, 10)
    drawn = rng.random((count, 5))
    hole = np.zeros((height, width), np.bool_)
    thick = drawn[:, 4] < 0.5
    scale = min(height, width) / _MARKS_SIDE
    sides = np.array([height, width, height, width])
    if scale == 1:
        ends = (1 + drawn[:, :4] * (sides - 1)).astype(np.int64)
        lines.draw_opencv_lines(ends, thick, hole)
        return hole
    ends = scale / 2 + drawn[:, :4] * (sides - scale) - 0.5
    # Averaged over all directions, OpenCV's lines are 0.9 and 2.9 pixels wide. The least keeps a line in one piece.
    lines.draw_capsules(ends, np.maximum(np.where(thick, 1.45, 0.45) * scale, 0.5), hole)
    return hole
