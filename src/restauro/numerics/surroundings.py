"""Pixels in and around holes, on which pictures are smoothed and differentiated as if there were nothing else.

Arrays here are planar, [planes, size], with one place for every pixel within `reach` of a hole, a frame of pixels that
belong to nothing, and zeros there. Smoothing is weighted by a mask of the pixels that count (normalised convolution;
Knutsson and Westin, 1993), so that neither the frame nor the picture's edge nor anything else that is left out has a
part in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import orderly_kernel
from restauro.numerics.pixels import strips
from restauro.numerics.sparse_grid import SparseGrid
from restauro.numerics.threads import Threads
from restauro.numerics.vectors import LANES, load, store

# What a pixel is: within reach of a hole, in a hole, with all eight neighbours within reach, and these known as well;
# within reach and known itself.
NEAR, HOLE, INNER, SOUND, KNOWN = 1, 2, 4, 8, 16

VARIANCE = 1.5  # pixels^2, of one pass of smoothing, along rows and along columns
_FRAME = 2  # pixels around those within reach: the smoothing's taps
_PIXELS_WORTH_A_THREAD = 8000
_PIXELS_AT_A_TIME = 100_000  # hundredths of a second, after which the work can be stopped


@dataclass(frozen=True)
class Surroundings:
    """The pixels within reach of holes.

    Attributes
    ----------
    grid
        Where they are kept.
    holes
        Where the hole pixels alone are kept.
    table
        int64 [runs, 6]: of each run of pixels within reach, where its first pixel is kept, and those 2 and 1 rows above
        it and 1 and 2 rows below it, and its length.
    kind
        uint8 [size]: what each pixel is, bits of NEAR, HOLE, INNER, SOUND, KNOWN; 0 in the frame.
    column
        int32 [size, 3]: where the pixel above, the pixel itself and the one below are kept; 0 in the frame.
    hole_table
        int64 [hole runs, 3]: of each run of hole pixels, where its first pixel is kept here and in `holes`, its length.
    task
        Threads, and whether to stop.
    """

    grid: SparseGrid
    holes: SparseGrid
    table: NDArray[np.int64]
    kind: NDArray[np.uint8]
    column: NDArray[np.int32]
    hole_table: NDArray[np.int64]
    task: Threads

    @classmethod
    def of(cls, hole: NDArray[np.bool_], reach: int, task: Threads) -> Surroundings:
        """Find the pixels within `reach` rows and columns of a hole, bool [H, W]."""
        holes = SparseGrid.of(hole)
        grid = holes.with_margin(reach).grown(_FRAME)
        table = np.ascontiguousarray(np.column_stack([grid.around[:, [2, 0, 1, 3, 4]], grid.lengths]))
        here = grid.kept_at(holes.rows, holes.start)
        hole_table = np.ascontiguousarray(np.column_stack([here, holes.around[:, holes.margin], holes.lengths]))
        kind = np.zeros(grid.size, np.uint8)
        column = np.zeros((grid.size, 3), np.int32)
        _classify(table, hole_table, kind, column)
        return cls(grid, holes, table, kind, column, hole_table, task)

    @cached_property
    def _smoothed(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        """Weights of means, smoothed, by kind and passes."""
        return {}

    @cached_property
    def _room(self) -> dict[np.dtype[Any], NDArray[Any]]:
        """Two times some planes, by their dtype, for `smooth`: what is new costs more than what is smoothed."""
        return {}

    @cached_property
    def _pixels(self) -> NDArray[np.int64]:
        """Pixels within reach up to each run's end."""
        return np.cumsum(self.table[:, 5])

    @cached_property
    def _hole_pixels(self) -> NDArray[np.int64]:
        """Hole pixels up to each run's end."""
        return np.cumsum(self.hole_table[:, 2])

    def planes(self, count: int) -> NDArray[np.float64]:
        """Return zeros, [count, size]."""
        return np.zeros((count, self.grid.size))

    def load(self, image: NDArray[Any]) -> NDArray[np.float64]:
        """Return the known pixels of [H, W, C] as planes, 0 in holes."""
        values = self.planes(image.shape[2])
        for top, strip in strips(image):
            _load(strip, self.grid.row_start[top:], self.grid.start, self.table, self.kind, values)
        return values

    def each(self, step: Callable[..., None], *arguments: Any) -> None:
        """Run a kernel, step(table, from run, to run, ...), on all runs within reach, on several threads."""
        self._divided(partial(step, self.table), self._pixels, arguments)

    def each_hole(self, step: Callable[..., None], *arguments: Any) -> None:
        """Run a kernel, step(hole_table, from run, to run, ...), on all runs of hole pixels, on several threads."""
        self._divided(partial(step, self.hole_table), self._hole_pixels, arguments)

    def _divided(self, step: Callable[..., None], pixels: NDArray[np.int64], arguments: tuple[Any, ...]) -> None:
        """Run step(from, to, ...) on parts of a list; pixels: how many there are up to each entry's end.

        Every part in pieces, between which it may be stopped; what has been stopped leaves anything in the arrays.
        """
        if self.task.control[0]:
            return
        parts = max(1, min(self.task.workers, int(pixels[-1]) // _PIXELS_WORTH_A_THREAD))
        pieces = 1 + int(pixels[-1]) // (parts * _PIXELS_AT_A_TIME)
        wanted = pixels[-1] * np.arange(1, parts * pieces) // (parts * pieces)
        bounds = [0, *(int(entry) for entry in np.searchsorted(pixels, wanted)), len(pixels)]

        def part_of(part: int) -> None:
            for low, high in pairwise(bounds[part * pieces : (part + 1) * pieces + 1]):
                if self.task.control[0]:
                    break
                step(low, high, *arguments)

        self.task.together([partial(part_of, part) for part in range(parts)])

    def smooth(self, planes: NDArray[Any], passes: int) -> NDArray[Any]:
        """Return sums over neighbours, weighted by nearly a Gaussian of variance VARIANCE times passes.

        planes: [planes, size], 0 in the frame. What is returned is overwritten by the next call for their dtype.
        """
        size = planes.size
        room = self._room.get(planes.dtype)
        if room is None or room.shape[1] < size:
            room = self._room[planes.dtype] = np.zeros((2, size), planes.dtype)
        here = planes.reshape(-1)
        for smoothed in range(passes):
            there = room[smoothed % 2, :size]
            self.each(_smooth, here, there, len(planes))
            here = there
        return here.reshape(planes.shape)

    def mean(self, planes: NDArray[np.float64], kind: int, passes: int) -> NDArray[np.float64]:
        """Return means over neighbouring pixels of a kind; 0 where there are none near.

        planes: 0 at pixels that aren't of the kind. For what is returned see `smooth`.
        """
        if self.task.control[0]:
            return planes
        if (kind, passes) not in self._smoothed:
            counts = ((self.kind & kind) > 0).astype(np.float64)
            self._smoothed[kind, passes] = self.smooth(counts[np.newaxis], passes)[0].copy()
        sums = self.smooth(planes, passes)
        self.each(_divide, sums, self._smoothed[kind, passes])
        return sums


@orderly_kernel("i8[:, ::1], i8[:, ::1], u1[::1], i4[:, ::1]")
def _classify(table: Any, hole_table: Any, kind: Any, column: Any) -> None:
    for run in range(table.shape[0]):
        i, above, below = table[run, 0], table[run, 2], table[run, 3]
        for j in range(table[run, 5]):
            kind[i + j] = NEAR
            column[i + j, 0], column[i + j, 1], column[i + j, 2] = above + j, i + j, below + j
    for run in range(hole_table.shape[0]):
        for k in range(hole_table[run, 0], hole_table[run, 0] + hole_table[run, 2]):
            kind[k] |= HOLE
    for run in range(table.shape[0]):
        for k in range(table[run, 0], table[run, 0] + table[run, 5]):
            every = NEAR
            some = 0
            kind[k] |= KNOWN if not kind[k] & HOLE else 0
            for row in column[k]:
                for q in range(row - 1, row + 2):
                    every &= kind[q]
                    some |= kind[q]
            if every & NEAR:
                kind[k] |= INNER if some & HOLE else INNER | SOUND


@orderly_kernel("T[:, :, :], i8[::1], i4[::1], i8[:, ::1], u1[::1], f8[:, ::1]", T="u1 u2 f4 f8")
def _load(image: Any, row_start: Any, start: Any, table: Any, kind: Any, values: Any) -> None:
    for y in range(image.shape[0]):
        for run in range(row_start[y], row_start[y + 1]):
            for j in range(table[run, 5]):
                k = table[run, 0] + j
                if not kind[k] & HOLE:
                    for c in range(values.shape[0]):
                        values[c, k] = image[y, start[run] + j, c]


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], f8[::1]")
def _divide(table: Any, low: int, high: int, sums: Any, weights: Any) -> None:
    """Divide sums by weights where there are any."""
    for run in range(low, high):
        for c in range(sums.shape[0]):
            for k in range(table[run, 0], table[run, 0] + table[run, 5]):
                if weights[k] > 0:
                    sums[c, k] /= weights[k]


@orderly_kernel("i8[:, ::1], i8, i8, T[::1], T[::1], i8", T="f4 f8")
def _smooth(table: Any, low: int, high: int, values: Any, smoothed: Any, planes: int) -> None:
    """(1 2 2 2 1) / 8 along each column, then along each row; planes stand behind one another.

    Along columns it is computed two pixels beyond each run as well, where the frame's zeros are part of it.
    """
    quarter, eighth = values.dtype.type(0.25), values.dtype.type(0.125)
    longest = 0
    for run in range(low, high):
        longest = max(longest, table[run, 5])
    line = np.empty(longest + 4 + LANES, values.dtype)
    stride = values.shape[0] // planes
    for run in range(low, high):
        n = table[run, 5]
        for plane in range(planes):
            past = plane * stride - 2
            i, up_2, up = past + table[run, 0], past + table[run, 1], past + table[run, 2]
            down, down_2 = past + table[run, 3], past + table[run, 4]
            for j in range(0, n + 4, LANES):
                near = load(values, i + j) + (load(values, up + j) + load(values, down + j))
                far = load(values, up_2 + j) + load(values, down_2 + j)
                store(line, j, quarter * near + eighth * far, LANES)
            for j in range(0, n, LANES):
                near = load(line, j + 2) + (load(line, j + 1) + load(line, j + 3))
                far = load(line, j) + load(line, j + 4)
                store(smoothed, i + 2 + j, quarter * near + eighth * far, n - j)
