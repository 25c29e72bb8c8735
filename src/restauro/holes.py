"""Holes as runs of pixels (row, first column, column after the last): memory in proportion to the damage."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restauro import scratch

_BLOCK = 1 << 22  # mask pixels that one thread reads at a time
_TILE, _DEEPEST = 512, 254  # in which widths are measured, and up to which depth

Box = tuple[int, int, int, int]  # rows from, to, columns from, to


@dataclass(frozen=True)
class Holes:
    """The hole pixels of a mask as runs, row by row.

    Attributes
    ----------
    shape
        Height and width of the picture.
    row_start
        int64 [H + 1]: the runs of row y are row_start[y] to row_start[y + 1].
    start, stop
        int32 [runs]: first column, column after the last.
    pixels
        Number of hole pixels.
    """

    shape: tuple[int, int]
    row_start: NDArray[np.int64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    pixels: int

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of every run, int64 [runs]."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.row_start))

    @property
    def places(self) -> NDArray[np.int64]:
        """The first pixel of every run, counted row by row, int64 [runs]."""
        return self.rows * self.shape[1] + self.start

    def within(self, box: Box, own: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Return the mask of a box, bool [height, width]: of all runs, or of those named, which lie within it."""
        from restauro.numerics import runs

        hole: NDArray[np.bool_] = scratch.zeros((box[1] - box[0], box[3] - box[2]), np.bool_)
        if own is None:
            runs.draw(self.row_start, self.start, self.stop, np.array(box), hole)
        else:
            rows = np.searchsorted(self.row_start, own, side="right") - 1
            runs.draw_some(rows, self.start[own], self.stop[own], box[0], box[2], hole)
        return hole

    def count(self, box: Box) -> int:
        """Return how many hole pixels a box has."""
        return int(np.count_nonzero(self.within(box)))

    def without(self, runs: NDArray[np.int64]) -> Holes:
        """Return the holes that remain when some runs are taken out."""
        remains = np.ones(len(self.start), np.bool_)
        remains[runs] = False
        row_start = np.append(0, np.cumsum(remains))[self.row_start]
        start, stop = self.start[remains], self.stop[remains]
        return Holes(self.shape, row_start, start, stop, int((stop - start).sum()))


def find_holes(mask: NDArray[np.bool_], workers: int = 1) -> Holes:
    """Read a mask, bool [H, W] of any memory layout, once, on several threads where it is large."""
    from restauro.numerics import runs

    height, width = mask.shape
    rows = max(1, _BLOCK // max(width, 1))
    tops = range(0, height, rows)

    def scan(top: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        return runs.find(np.ascontiguousarray(mask[top : top + rows]))

    if len(tops) == 1:
        row_start, start, stop = scan(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(scan, tops))
        counts = np.concatenate([np.diff(part[0]) for part in found])
        row_start = np.append(0, np.cumsum(counts))
        start, stop = (np.concatenate([part[k] for part in found]) for k in (1, 2))
    pixels = int((stop - start).sum(dtype=np.int64))
    return Holes((height, width), row_start, start, stop, pixels)


def placed(hole: NDArray[np.bool_], corner: tuple[int, int], shape: tuple[int, int]) -> Holes:
    """Return the holes of a picture of a shape that has them only in a window at a corner (row, column): bool [h, w].

    Nothing is looked at but the window.

    >>> placed(np.array([[True, True]]), (2, 5), (4, 9)).places
    array([23])
    """
    within = find_holes(hole)
    top, left = corner
    row_start = np.zeros(shape[0] + 1, np.int64)
    row_start[top : top + len(hole) + 1] = within.row_start
    row_start[top + len(hole) + 1 :] = within.row_start[-1]
    offset = np.int32(left)
    return Holes(shape, row_start, within.start + offset, within.stop + offset, within.pixels)


def count_regions(mask: NDArray[np.bool_], workers: int = 1) -> int:
    """Return how many separate holes a mask, bool [H, W], has; pixels that touch by a corner belong together.

    >>> count_regions(np.array([[True, False, False], [False, True, False], [False, False, False]]))
    1
    """
    from restauro.numerics import runs

    holes = find_holes(mask, workers)
    labels = runs.label(holes.row_start, holes.start, holes.stop, 1)
    return int(np.count_nonzero(labels == np.arange(labels.size)))  # a group's label is its first run


@dataclass(frozen=True)
class Extent:
    """How many holes there are, how many pixels the largest has, and how wide the widest place of any is."""

    regions: int
    largest: int
    widest: int


def extent(mask: NDArray[np.bool_], workers: int = 1) -> Extent:
    """Measure the holes of a mask, bool [H, W]; pixels that touch by a corner belong to one hole.

    Widths are in pixels, by the city-block distance to what is known: odd, of an even width one less; 507 and more is
    507.

    >>> mask = np.zeros((20, 20), bool)
    >>> mask[2:5, 1:15] = mask[10, 3:7] = True
    >>> extent(mask)
    Extent(regions=2, largest=42, widest=3)
    """
    from restauro.numerics import runs

    holes = find_holes(mask, workers)
    if not holes.pixels:
        return Extent(0, 0, 0)
    as_runs = (holes.row_start, holes.start, holes.stop)
    pixels = np.bincount(runs.label(*as_runs, 1), holes.stop - holes.start)  # of the group that each run begins
    shape = (-(-holes.shape[0] // _TILE), -(-holes.shape[1] // _TILE))
    boxes, counts, depths = np.zeros((*shape, 4), np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    runs.survey(*as_runs, *as_runs, holes.shape[1], _TILE, _DEEPEST, boxes, counts, depths)
    return Extent(int(np.count_nonzero(pixels)), int(pixels.max()), 2 * int(depths.max()) - 1)


def joined(parts: Sequence[Holes]) -> Holes:
    """Return the holes of several that have no pixel in common, of one picture; of one, itself."""
    if len(parts) == 1:
        return parts[0]
    rows, start, stop = (np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "start", "stop"))
    order = np.lexsort((start, rows))
    counts = np.bincount(rows, minlength=parts[0].shape[0])
    pixels = sum(part.pixels for part in parts)
    return Holes(parts[0].shape, np.append(0, np.cumsum(counts)), start[order], stop[order], pixels)


def groups(holes: Holes, distance: int) -> list[tuple[Box, NDArray[np.int64], int]]:
    """Boxes, runs and pixels of groups of holes: those within a Chebyshev distance of one another belong together."""
    from restauro.numerics import runs

    order, ends, about = runs.grouped(holes.row_start, holes.start, holes.stop, distance)
    found, first = [], 0
    for (top, bottom, left, right, pixels), end in zip(about.tolist(), ends.tolist(), strict=True):
        found.append(((top, bottom, left, right), order[first:end], pixels))
        first = end
    return found
