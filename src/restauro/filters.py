"""Filters that damage is found by, of planes [H, W]: means, masks grown by a pixel, and what hangs together.

Means have the bits of SciPy's `gaussian_filter` and `uniform_filter`: their sums are taken in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from restauro.holes import find_holes

Beyond = Literal["symmetric", "edge"]  # what is beyond a plane's rim: a mirror of it, or its outermost pixel
_STRIP = 1 << 15  # values that are worked on together: few enough to stay in the processor's cache


def gaussian(plane: NDArray[Any], sigma: float, beyond: Beyond = "symmetric", truncate: float = 4.0) -> NDArray[Any]:
    """Return a plane of floats smoothed by a Gaussian, which is cut at so many standard deviations.

    >>> gaussian(np.array([[0.0, 0, 4, 0, 0]]), 0.5).round(2)
    array([[0.  , 0.43, 3.15, 0.43, 0.  ]])
    """
    reach = int(truncate * sigma + 0.5)
    weights = np.exp(-0.5 / sigma**2 * np.arange(-reach, reach + 1) ** 2)
    half = (weights / weights.sum())[reach:]
    for axis in (0, 1):
        smooth = np.empty_like(plane)
        padded = _padded(plane, axis, reach, reach, beyond)
        for along in _strips(padded.shape, axis):
            smooth[along] = _weighed(padded[along].astype(np.float64), half, axis)
        plane = smooth
    return plane


def _weighed(part: NDArray[np.float64], half: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the sums along an axis of pixels times weights, given as their middle and one side."""
    reach = len(half) - 1
    length = part.shape[axis] - 2 * reach

    def at(k: int) -> NDArray[np.float64]:
        return part[reach + k : reach + k + length] if axis == 0 else part[:, reach + k : reach + k + length]

    total: NDArray[np.float64] = at(0) * half[0]
    pair = np.empty_like(total)
    for k in range(reach, 0, -1):
        np.add(at(-k), at(k), out=pair)
        pair *= half[k]
        total += pair
    return total


def mean(plane: NDArray[np.float32], side: int, beyond: Beyond = "symmetric") -> NDArray[np.float32]:
    """Return the mean of the square about every pixel; of an even side it lies half a pixel up and to the left.

    >>> mean(np.array([[0, 3, 6, 9]], np.float32), 3)
    array([[1., 3., 6., 8.]], dtype=float32)
    """
    for axis in (0, 1):
        padded = _padded(plane, axis, side // 2, (side - 1) // 2, beyond)
        count = plane.shape[axis]
        plane = np.empty_like(plane)
        for along in _strips(padded.shape, axis):
            part = padded[along].swapaxes(0, axis)
            sums = np.empty((count, part.shape[1]))
            sums[0] = 0
            for row in part[:side]:
                sums[0] += row
            np.subtract(part[side:], part[: count - 1], out=sums[1:], dtype=np.float64)  # what is new less what is left
            np.cumsum(sums, axis=0, out=sums)
            plane.swapaxes(0, axis)[:, along[1 - axis]] = sums / side
    return plane


def largest(plane: NDArray[Any], reach: int) -> NDArray[Any]:
    """Return the largest value of a plane [H, W] within so many pixels of each, along both sides.

    >>> largest(np.array([[0, 0, 0, 7, 0]]), 1)
    array([[0, 0, 7, 7, 7]])
    """
    for axis in (0, 1):
        along = np.moveaxis(plane, axis, 0)
        found = along.copy()
        for step in range(1, min(reach, len(along) - 1) + 1):
            np.maximum(found[step:], along[:-step], out=found[step:])
            np.maximum(found[:-step], along[step:], out=found[:-step])
        plane = np.moveaxis(found, 0, axis)
    return plane


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask with the eight neighbours of its pixels.

    >>> grown(np.array([[True, False, False], [False, False, False]])).astype(int)
    array([[1, 1, 0],
           [1, 1, 0]])
    """
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown


@dataclass(frozen=True)
class Pieces:
    """What hangs together in a mask, by sides or corners, numbered from 0; arrays have one entry a piece.

    Attributes
    ----------
    mask
        bool [H, W].
    numbers
        The piece of every marked pixel, row by row, as `mask` picks values out of a plane.
    pixels
        How many each has.
    heights, widths
        Sides of the box around each.
    """

    mask: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    pixels: NDArray[np.int64]
    heights: NDArray[np.int64]
    widths: NDArray[np.int64]

    def those(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the mask of some pieces, bool [H, W]."""
        some = np.zeros(self.mask.shape, np.bool_)
        some[self.mask] = kept[self.numbers]
        return some

    def count(self, others: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many of each piece's pixels another mask has too."""
        return np.bincount(self.numbers[others[self.mask]], minlength=len(self.pixels))


def pieces(mask: NDArray[np.bool_]) -> Pieces:
    """Find what hangs together in a mask.

    >>> found = pieces(np.array([[True, False, False, True], [False, True, False, True]]))
    >>> found.numbers, found.widths
    (array([0, 1, 0, 1]), array([2, 1]))
    """
    from restauro.numerics import runs

    holes = find_holes(mask)
    first = runs.label(holes.row_start, holes.start, holes.stop, 1)  # of every run, the first of its piece
    order = np.cumsum(first == np.arange(len(first)))
    numbers, count = order[first] - 1, int(order[-1]) if len(order) else 0
    lengths = holes.stop.astype(np.int64) - holes.start
    boxes = []
    for first, last in ((holes.rows, holes.rows + 1), (holes.start, holes.stop)):
        lowest, highest = np.full(count, max(mask.shape)), np.zeros(count, np.int64)
        np.minimum.at(lowest, numbers, first)
        np.maximum.at(highest, numbers, last)
        boxes.append(highest - lowest)
    pixels = np.bincount(numbers, lengths, count).astype(np.int64)
    return Pieces(mask, np.repeat(numbers, lengths), pixels, *boxes)


def _padded(plane: NDArray[Any], axis: int, before: int, after: int, beyond: Beyond) -> NDArray[Any]:
    return np.pad(plane, [(before, after) if k == axis else (0, 0) for k in (0, 1)], beyond)


def _strips(shape: tuple[int, ...], axis: int) -> Iterator[tuple[slice, slice]]:
    """Yield parts of a plane that are as long along an axis as the plane is."""
    aside = shape[1 - axis]
    step = max(1, _STRIP // shape[axis])
    for start in range(0, aside, step):
        part = slice(start, min(start + step, aside))
        yield (slice(None), part) if axis == 0 else (part, slice(None))
