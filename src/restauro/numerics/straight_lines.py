"""Evidence of thin straight lines: a ridge summed along every direction, against the texture that runs there too.

A line of slope t is a row of the picture sheared by t, so sums along all lines of one slope are running sums over the
rows of one sheared copy. What a line of 61 pixels gains over noise is the root of 61.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, kernel

BLOCK = 64  # pixels, side of the squares in which texture is measured
_CAP = 4.0  # noise levels: what a pixel adds to the texture at most, so that one line doesn't hide itself


def slopes(half: int) -> NDArray[np.float64]:
    """Return slopes from -1 to 1, so close that a line `half` pixels to each side leaves none by over half a pixel.

    >>> slopes(2).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    return np.arange(-half, half + 1) / half


def strongest(
    z: NDArray[np.float32], half: int, short: int, widths: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the strongest evidence of a line through every pixel, and how far along it the pixel itself supports it.

    Parameters
    ----------
    z
        [H, W], brightness about 0 in units of the noise, clipped.
    half
        Pixels to each side that a line is summed over.
    short
        The same for the pixel's own part of it.
    widths
        Of lines, pixels.

    Returns
    -------
    float32 [H, W]
        Evidence in noise levels: above 0 of a bright line, below 0 of a dark one.
    float32 [H, W]
        The mean contrast to the nearer flank along the short part, over that along the whole.
    """
    best, support = np.zeros(z.shape, np.float32), np.zeros(z.shape, np.float32)
    turned = np.ascontiguousarray(z.T)
    best_turned, support_turned = np.zeros(turned.shape, np.float32), np.zeros(turned.shape, np.float32)
    for slope in slopes(half):
        add_slope(z, slope, half, short, np.array(widths), best, support)
        if abs(slope) < 1:
            add_slope(turned, slope, half, short, np.array(widths), best_turned, support_turned)
    stronger = np.abs(best_turned.T) > np.abs(best)
    return np.where(stronger, best_turned.T, best), np.where(stronger, support_turned.T, support)


@kernel("f4[:, ::1], f8, i8, i8, i8[::1], f4[:, ::1], f4[:, ::1]")
def add_slope(z: Any, slope: float, half: int, short: int, widths: Any, best: Any, support: Any) -> None:
    """Take the evidence of lines of one slope, in rows right a column, where it is stronger than what is there."""
    height, width = z.shape
    shift = np.empty(width, np.int64)
    for x in range(width):
        shift[x] = int(np.rint(slope * x))
    lowest = min(shift[0], shift[width - 1])
    shift -= lowest  # the sheared row of pixel (y, x) is y - shift[x] + last
    last = max(shift[0], shift[width - 1])
    rows = height + last
    long_sums = np.zeros((rows, width), np.float32)
    short_sums = np.zeros((rows, width), np.float32)
    _sum_rows(z, shift, last, half, short, long_sums, short_sums)
    down, across = (height + BLOCK - 1) // BLOCK, (width + BLOCK - 1) // BLOCK
    score = np.empty((height, width), np.float32)
    texture = np.empty((down, across), np.float32)
    count = np.float32(2 * half + 1)
    for k in range(widths.shape[0]):
        wide = widths[k]
        flank = max(wide, 2)
        unit = np.float32(1 / math.sqrt(count * (1 / wide + 1 / flank)))
        texture[:] = 0
        for y in range(height):
            for x in range(width):
                centre, one, other = _profile(long_sums, y - shift[x] + last, x, wide, flank)
                score[y, x] = unit * _contrast(centre, one, other)
                texture[y // BLOCK, x // BLOCK] += min(abs(unit * (centre - np.float32(0.5) * (one + other))), _CAP)
        _to_means(texture, height, width)
        for y in range(height):
            for x in range(width):
                value = score[y, x] / texture[y // BLOCK, x // BLOCK]
                if abs(value) > abs(best[y, x]):
                    best[y, x] = value
                    centre, one, other = _profile(short_sums, y - shift[x] + last, x, wide, flank)
                    along = _contrast(centre, one, other) * count / np.float32(2 * short + 1)
                    support[y, x] = along * unit / score[y, x]


@inner
def _sum_rows(z: Any, shift: Any, last: int, half: int, short: int, long_sums: Any, short_sums: Any) -> None:
    """Sum along the rows of the sheared picture, over long and over short pieces centred on every pixel."""
    height, width = z.shape
    prefix = np.zeros(width + 1, np.float64)
    for row in range(long_sums.shape[0]):
        for x in range(width):
            y = row + shift[x] - last
            value = z[y, x] if 0 <= y < height else np.float32(0)
            prefix[x + 1] = prefix[x] + value
        for x in range(width):
            long_sums[row, x] = prefix[min(x + half + 1, width)] - prefix[max(x - half, 0)]
            short_sums[row, x] = prefix[min(x + short + 1, width)] - prefix[max(x - short, 0)]


@inner
def _profile(sums: Any, row: int, x: int, wide: int, flank: int) -> tuple[Any, Any, Any]:
    """Return the means across a line and across the two strips beside it, a pixel away from it; 0 beyond the rim."""
    rows = sums.shape[0]
    first = row - (wide - 1) // 2
    centre, one, other = np.float32(0), np.float32(0), np.float32(0)
    for i in range(wide):
        centre += sums[first + i, x] if 0 <= first + i < rows else np.float32(0)
    for i in range(flank):
        above, below = first - 2 - i, first + wide + 1 + i
        one += sums[above, x] if above >= 0 else np.float32(0)
        other += sums[below, x] if below < rows else np.float32(0)
    return centre / wide, one / flank, other / flank


@inner
def _contrast(centre: Any, one: Any, other: Any) -> Any:
    """Return how far the middle stands out from the nearer of its flanks, less half of what tells the flanks apart."""
    unlike = np.float32(0.5) * abs(one - other)
    if centre > max(one, other) + unlike:
        return centre - max(one, other) - unlike
    if centre < min(one, other) - unlike:
        return centre - min(one, other) + unlike
    return centre - centre


@inner
def _to_means(texture: Any, height: int, width: int) -> None:
    """Turn sums over blocks into levels of texture, at least 1: white noise has a mean of 0.7."""
    for i in range(texture.shape[0]):
        for j in range(texture.shape[1]):
            pixels = (min((i + 1) * BLOCK, height) - i * BLOCK) * (min((j + 1) * BLOCK, width) - j * BLOCK)
            texture[i, j] = max(np.float32(1), texture[i, j] / pixels / np.float32(0.7))
