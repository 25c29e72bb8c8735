"""Levels of a picture for patch matching: the picture halved and halved again, its patches that touch the hole, others.

A patch is named by the flat index of its upper left pixel; it has SIDE rows and columns and lies within the picture.
Pictures are kept pixel by pixel, all channels of a pixel together, so that a patch's row is contiguous.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, kernel
from restauro.numerics.threads import Threads

SIDE = 7
# Depths of pixels: 0 is known, 1 to DEEPEST the city-block distance of a hole pixel from a known one, UNUSED is known
# but too far from the hole to be read.
DEEPEST = 254
UNUSED = 255

_BEYOND = 8  # values after a picture's end that the last patches' rows may be read with
_SMALLEST = 24  # side (pixels) under which a level isn't halved: it would hold hardly any patches
_SAMPLES = 4096  # sources to draw from where those nearby are hard to hit
# Of a hole pixel in averages: nothing beside a known one, but all there is where no known pixel is near.
_HINT = 1e-6
_KNOWN = 1e-4  # sum of weights above which there's a known pixel among them: one at least weighs 1 / 1024


@dataclass(frozen=True)
class Level:
    """A picture at one scale.

    Attributes
    ----------
    values
        float32 [H * W * C + some], pixel by pixel.
    depth
        uint8 [H, W], see DEEPEST and UNUSED.
    channels, voted
        How many values a pixel has, and how many of them are the picture's; the others are only compared.
    usable
        bool [H, W], which known pixels may be copied; None: all.
    """

    values: NDArray[np.float32]
    depth: NDArray[np.uint8]
    channels: int
    voted: int
    usable: NDArray[np.bool_] | None = None

    @classmethod
    def empty(
        cls, height: int, width: int, channels: int, voted: int, usable: NDArray[np.bool_] | None = None
    ) -> Level:
        """Return a level of zeros."""
        values = np.zeros(height * width * channels + _BEYOND, np.float32)
        return cls(values, np.zeros((height, width), np.uint8), channels, voted, usable)

    @property
    def halving(self) -> bool:
        """Whether there is anything to gain from a coarser level."""
        return min(self.depth.shape) >= _SMALLEST and bool((self.depth - np.uint8(1) < DEEPEST).any())

    def halved(self, task: Threads) -> Level:
        """Return the level of every second row and column, weighted averages of the known pixels around."""
        height, width = ((side + 1) // 2 for side in self.depth.shape)
        usable = None if self.usable is None else _halved(self.usable)
        coarse = Level.empty(height, width, self.channels, self.voted, usable)
        parts = task.workers
        ends = [height * part // parts for part in range(parts + 1)]
        task.together(
            [
                partial(_halve, self.values, self.depth, self.channels, coarse.values, coarse.depth, low, high)
                for low, high in pairwise(ends)
            ]
        )
        measure_depth(coarse.depth)
        return coarse


@dataclass(frozen=True)
class Patches:
    """The patches of a level.

    Attributes
    ----------
    complete
        bool [H * W]: whether a patch has known pixels only, so that it can be a source.
    targets
        int32 [n]: the patches that touch the hole.
    place
        int32 [H * W]: where a patch stands among the targets, or -1.
    sample
        int32: some of the sources, spread evenly.
    """

    complete: NDArray[np.bool_]
    targets: NDArray[np.int32]
    place: NDArray[np.int32]
    sample: NDArray[np.int32]

    @classmethod
    def of(cls, depth: NDArray[np.uint8], usable: NDArray[np.bool_] | None = None) -> Patches:
        """Find them; sources are those whose pixels are all usable."""
        complete, place = np.zeros(depth.size, np.bool_), np.full(depth.size, -1, np.int32)
        targets = np.empty(depth.size, np.int32)
        found, sources = _find(depth, complete, place, targets)
        if usable is not None:
            complete[:] = False
            known = np.where(usable & (depth == 0), np.uint8(0), np.uint8(UNUSED))
            _, sources = _find(known, complete, np.empty_like(place), np.empty(0, np.int32))
        sample = np.empty(min(sources, _SAMPLES), np.int32)
        _sample(complete, sources, sample)
        return cls(complete, targets[:found].copy(), place, sample)


def _halved(usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a coarser level may be copied from: where all four pixels that it is mainly made of may be."""
    for axis in (0, 1):
        first, second = (usable.take(range(start, usable.shape[axis], 2), axis) for start in (0, 1))
        if first.shape != second.shape:  # the last is by itself
            second = np.concatenate([second, first.take([-1], axis)], axis)
        usable = first & second
    return usable


@kernel("b1[:, ::1], i8, u1[:, ::1]")
def mark(hole: Any, reach: int, depth: Any) -> None:
    """Set depth to 1 in the hole, to 0 within `reach` rows and columns of it, to UNUSED elsewhere."""
    height, width = hole.shape
    beside, below, either = np.uint8(1), np.uint8(2), np.uint8(3)
    for y in range(height):
        for step in (1, -1):
            since = reach + 1
            for k in range(width):
                x = k if step == 1 else width - 1 - k
                since = 0 if hole[y, x] else since + 1
                depth[y, x] = beside if since <= reach else (depth[y, x] if step == -1 else np.uint8(0))
    since_row = np.full(width, reach + 1)
    for y in range(height):
        for x in range(width):
            since_row[x] = 0 if depth[y, x] & beside else since_row[x] + 1
            if since_row[x] <= reach:
                depth[y, x] |= below
    since_row[:] = reach + 1
    for y in range(height - 1, -1, -1):
        for x in range(width):
            since_row[x] = 0 if depth[y, x] & beside else since_row[x] + 1
            usable = since_row[x] <= reach or depth[y, x] & either
            depth[y, x] = hole[y, x] if usable else UNUSED


@kernel("u1[:, ::1]")
def measure_depth(depth: Any) -> None:
    """Replace what is neither 0 nor UNUSED by the city-block distance from a 0, at most DEEPEST."""
    height, width = depth.shape
    for sign in (1, -1):
        for i in range(height):
            y = i if sign == 1 else height - 1 - i
            for j in range(width):
                x = j if sign == 1 else width - 1 - j
                if depth[y, x] == 0 or depth[y, x] == UNUSED:
                    continue
                nearest = DEEPEST if sign == 1 else int(depth[y, x])
                if 0 <= y - sign < height and depth[y - sign, x] != UNUSED:
                    nearest = min(nearest, depth[y - sign, x] + 1)
                if 0 <= x - sign < width and depth[y, x - sign] != UNUSED:
                    nearest = min(nearest, depth[y, x - sign] + 1)
                depth[y, x] = nearest


@kernel("T[:, :, :], u1[:, ::1]", T="u1 u2 f4 f8")
def known_range(image: Any, depth: Any) -> Any:
    """Return the lowest and highest value of the known pixels, in all channels."""
    low, high = np.inf, -np.inf
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if depth[y, x] == 0:
                for c in range(image.shape[2]):
                    low = min(low, np.float64(image[y, x, c]))
                    high = max(high, np.float64(image[y, x, c]))
    return low, high


@kernel(
    "T[:, :, :], u1[:, ::1], f4[:, ::1], f8, f8, f4[::1]",
    "D[:, :, :], u1[:, ::1], f8[:, ::1], f8, f8, f4[::1]",
    T="u1 u2 f4",
    D="f4 f8",
)
def load(image: Any, depth: Any, start: Any, low: float, unit: float, values: Any) -> None:
    """Set values to the known pixels and, in the hole, to `start` [n, C], measured from `low` in `unit`s."""
    channels = image.shape[2]
    n = 0
    k = 0
    for y in range(depth.shape[0]):
        for x in range(depth.shape[1]):
            if depth[y, x] == 0:
                for c in range(channels):
                    values[k + c] = (np.float64(image[y, x, c]) - low) / unit
            elif depth[y, x] != UNUSED:
                for c in range(channels):
                    values[k + c] = (np.float64(start[n, c]) - low) / unit
                n += 1
            k += channels


@kernel("f4[::1], u1[:, ::1], i8, f4[::1], u1[:, ::1], i8, i8")
def _halve(fine: Any, depth: Any, channels: int, coarse: Any, coarse_depth: Any, low: int, high: int) -> None:
    """Rows low to high of the coarser level: binomial averages of 6 x 6 pixels, a pixel is known if one of them is.

    So holes shrink from level to level, and there are still sources where a picture is full of holes.
    """
    columns = coarse_depth.shape[1]
    rows = np.zeros((6, columns, channels + 1), np.float32)  # averaged along x; the last is the sum of the weights
    done = 2 * low - 2
    for y in range(low, high):
        while done < 2 * y + 4:
            _average_along(fine, depth, done, channels, rows[done % 6])
            done += 1
        for x in range(columns):
            k = (y * columns + x) * channels
            weight = _binomial(rows, 2 * y, x, channels)
            if weight > 0:
                for c in range(channels):
                    coarse[k + c] = _binomial(rows, 2 * y, x, c) / weight
            coarse_depth[y, x] = 0 if weight > _KNOWN else (1 if weight > 0 else UNUSED)


@inner
def _binomial(rows: Any, y: int, x: int, c: int) -> Any:
    """(1 5 10 10 5 1) / 32 of the rows y - 2 to y + 3."""
    outer = rows[(y - 2) % 6, x, c] + rows[(y + 3) % 6, x, c]
    middle = rows[(y - 1) % 6, x, c] + rows[(y + 2) % 6, x, c]
    centre = rows[y % 6, x, c] + rows[(y + 1) % 6, x, c]
    return (outer + np.float32(5) * middle + np.float32(10) * centre) * np.float32(1 / 32)


@inner
def _average_along(fine: Any, depth: Any, y: int, channels: int, row: Any) -> None:
    """Sum up weighted values and weights of six neighbours of a row of the finer level for every second column."""
    row[:] = 0
    if y < 0 or y >= depth.shape[0]:
        return
    width = depth.shape[1]
    taps = (1 / 32, 5 / 32, 10 / 32, 10 / 32, 5 / 32, 1 / 32)
    for x in range(row.shape[0]):
        for tap in range(6):
            column = 2 * x - 2 + tap
            if column < 0 or column >= width or depth[y, column] == UNUSED:
                continue
            weight = np.float32(taps[tap] * (1 if depth[y, column] == 0 else _HINT))
            k = (y * width + column) * channels
            for c in range(channels):
                row[x, c] += weight * fine[k + c]
            row[x, channels] += weight


@kernel("u1[:, ::1], b1[::1], i4[::1], i4[::1]")
def _find(depth: Any, complete: Any, place: Any, targets: Any) -> Any:
    """Find sources and targets by running counts of hole pixels and unused ones; return how many there are."""
    height, width = depth.shape
    found = 0
    sources = 0
    hole_below = np.zeros(width, np.int32)
    unused_below = np.zeros(width, np.int32)
    for y in range(height):
        for x in range(width):
            hole_below[x] += _in_hole(depth[y, x])
            unused_below[x] += depth[y, x] == UNUSED
            if y >= SIDE:
                hole_below[x] -= _in_hole(depth[y - SIDE, x])
                unused_below[x] -= depth[y - SIDE, x] == UNUSED
        if y < SIDE - 1:
            continue
        hole = 0
        unused = 0
        for x in range(width):
            hole += hole_below[x]
            unused += unused_below[x]
            if x >= SIDE:
                hole -= hole_below[x - SIDE]
                unused -= unused_below[x - SIDE]
            if x < SIDE - 1:
                continue
            patch = (y - SIDE + 1) * width + x - SIDE + 1
            if hole > 0:
                place[patch] = found
                targets[found] = patch
                found += 1
            elif unused == 0:
                complete[patch] = True
                sources += 1
    return found, sources


@inner
def _in_hole(depth: Any) -> Any:
    return 1 if depth != 0 and depth != UNUSED else 0


@kernel("b1[::1], i8, i4[::1]")
def _sample(complete: Any, sources: int, sample: Any) -> None:
    """Take sample.size of the sources, evenly."""
    seen = 0
    taken = 0
    for patch in range(complete.shape[0]):
        if complete[patch] and taken < sample.shape[0]:
            if seen == taken * sources // sample.shape[0]:
                sample[taken] = patch
                taken += 1
            seen += 1
