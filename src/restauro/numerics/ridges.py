"""Lines that are darker or brighter than both of their sides: means along lines, compared across them.

Everything is a sum over whole-pixel steps, the same for every pixel, so the loops run along rows with vector
registers. `along` and `across` give the steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, kernel

_ZERO: Any = np.float32(0)  # 0 itself would make sums of float64

Steps = NDArray[np.int64]  # [n, 2]: rows and columns from a pixel


def along(angle: float, length: int) -> Steps:
    """Return the pixels of a straight line of `length` (odd) about a pixel; 0 is along a row, pi / 2 up a column."""
    way = np.array([-np.sin(angle), np.cos(angle)])
    way /= np.abs(way).max()
    half = round(float((length // 2) / np.hypot(*way)))
    steps: Steps = np.rint(np.arange(-half, half + 1)[:, None] * way).astype(np.int64)
    return steps


def across(angle: float, distance: float) -> tuple[int, int]:
    """Return the whole-pixel step that leads `distance` aside from a line of an angle."""
    return int(np.rint(distance * np.cos(angle))), int(np.rint(distance * np.sin(angle)))


@kernel("f4[:, ::1], i8, i8[:, ::1], f4[:, ::1]")
def line_means(padded: NDArray[np.float32], margin: int, steps: NDArray[np.int64], out: NDArray[np.float32]) -> None:
    """Write the mean over `steps` about every pixel; padded has `margin` more pixels than out on all sides."""
    height, width = out.shape
    share = np.float32(1.0 / steps.shape[0])
    for y in range(height):
        line = out[y]
        line[:] = 0
        for k in range(steps.shape[0]):
            row = padded[y + margin + steps[k, 0]]
            first = margin + steps[k, 1]
            for x in range(width):
                line[x] += row[first + x]
        for x in range(width):
            line[x] *= share


@inner
def _beyond_both(middle: float, one: float, other: float) -> float:
    """Return by how much a middle is beyond both sides: below them positive, above them negative, between them 0."""
    low, high = min(one, other), max(one, other)
    below: float = max(low - middle, _ZERO) - max(middle - high, _ZERO)
    return below


@kernel("f4[:, ::1], i8, i8[:, ::1], i8[:, ::1], f4[:, ::1]")
def ridges(
    means: NDArray[np.float32],
    margin: int,
    inside: NDArray[np.int64],
    sides: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """Write by how much lines are darker (positive) or brighter (negative) than both their sides; 0: than one only.

    means: from `line_means`, with `margin` more pixels than out. inside: [n, 2], steps across the line whose mean is
    the line's value. sides: [2, 2], a step to each side.
    """
    height, width = out.shape
    share = np.float32(1.0 / inside.shape[0])
    for y in range(height):
        line = out[y]
        line[:] = 0
        for k in range(inside.shape[0]):
            row = means[y + margin + inside[k, 0]]
            first = margin + inside[k, 1]
            for x in range(width):
                line[x] += row[first + x]
        one, other = means[y + margin + sides[0, 0]], means[y + margin + sides[1, 0]]
        from_one, from_other = margin + sides[0, 1], margin + sides[1, 1]
        for x in range(width):
            line[x] = _beyond_both(line[x] * share, one[from_one + x], other[from_other + x])
