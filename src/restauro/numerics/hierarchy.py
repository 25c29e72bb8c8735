"""Levels of a multigrid hierarchy laid out behind one another, each with every second row and column of the one before.

All levels at once, in one kernel: for a small hole, calls and arrays a level would cost more than the solve.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, kernel
from restauro.numerics.multigrid_kernels import (
    ABOVE,
    BELOW,
    CHILD_ABOVE,
    COLUMNS,
    EDGES,
    ENDS_BETWEEN,
    FIRST,
    LENGTH,
    ODD,
    PARENT_ABOVE,
    PARENT_BELOW,
    STANDS_FOR_BELOW,
    STANDS_FOR_RIGHT,
)
from restauro.numerics.sparse_grid import (
    SparseGrid,
    around_runs,
    check_places,
    kept_at,
    kept_from,
    row_of_runs,
    size_of,
    stretches_around,
)
from restauro.numerics.vectors import LANES

CHUNKS = 32  # parts of a level, among which threads divide
_MOST_LEVELS = 64


class Layout(NamedTuple):
    """Where the pixels of all levels are.

    Attributes
    ----------
    table
        int32 [runs, COLUMNS], the runs of all levels, see `multigrid_kernels`.
    bounds
        int64 [levels, CHUNKS + 1]: where the chunks of each level begin in the table.
    sizes
        int64 [levels]: hole pixels.
    offsets
        int64 [levels + 1]: where the pixels of each level, with those beside them, begin.
    """

    table: NDArray[np.int32]
    bounds: NDArray[np.int64]
    sizes: NDArray[np.int64]
    offsets: NDArray[np.int64]


def every_second(grid: SparseGrid) -> Layout:
    """Lay out a grid of margin 1 and the coarser ones, from the first row and column on, while they become smaller."""
    s = grid.stretches
    layout = Layout(
        *_every_second(
            *grid.shape, grid.row_start, grid.start, grid.stop, grid.around, s.row_start, s.start, s.kept, grid.size
        )
    )
    check_places(int(layout.offsets[-1]))
    return layout


@kernel("i8, i8, i8[::1], i4[::1], i4[::1], i4[:, ::1], i8[::1], i4[::1], i8[::1], i8")
def _every_second(
    height: int, width: int, row_start: Any, start: Any, stop: Any, around: Any, rows_kept: Any, first: Any, kept: Any,
    size: int,
) -> Any:  # fmt: skip
    bounds = np.empty((_MOST_LEVELS, CHUNKS + 1), np.int64)
    sizes = np.empty(_MOST_LEVELS, np.int64)
    offsets = np.zeros(_MOST_LEVELS + 1, np.int64)
    table = np.zeros((start.shape[0], COLUMNS), np.int32)
    levels = 1
    offsets[1] = size
    sizes[0] = (stop - start).sum()
    _set_runs(table, start, stop, around, 0)
    set_bounds(table, 0, bounds[0])
    while True:
        fine_height, fine_width = height, width
        fine_row_start, fine_start, fine_stop = row_start, start, stop
        fine_rows_kept, fine_first, fine_kept = rows_kept, first, kept
        row_start, start, stop = _halved(fine_row_start, fine_start, fine_stop)
        pixels = (stop - start).sum()
        if pixels == 0 or pixels == sizes[levels - 1]:
            break
        height, width = (height + 1) // 2, (width + 1) // 2
        rows_kept, first, last = stretches_around(
            row_start, start, stop, 1, fine_row_start, fine_start, fine_stop, False
        )
        kept = kept_from(first, last)
        begin = table.shape[0] - fine_start.shape[0]
        table = _longer(table, start.shape[0])
        fine, coarse = table[begin : begin + fine_start.shape[0]], table[begin + fine_start.shape[0] :]
        rows = row_of_runs(row_start)
        fine_rows = row_of_runs(fine_row_start)
        _set_runs(coarse, start, stop, around_runs(rows, start, 1, rows_kept, first, kept), offsets[levels])
        set_bounds(coarse, begin + fine_start.shape[0], bounds[levels])
        # Where parents and children are, and which of them stand at the picture's edge.
        above = kept_at(fine_rows >> 1, fine_start >> 1, 1, rows_kept, first, kept)
        below = kept_at(np.minimum(fine_rows + 1 >> 1, height - 1), fine_start >> 1, 1, rows_kept, first, kept)
        for run in range(fine.shape[0]):
            fine[run, PARENT_ABOVE] = above[run] + offsets[levels]
            fine[run, PARENT_BELOW] = below[run] + offsets[levels]
            if fine_start[run] & 1:
                fine[run, EDGES] |= ODD
            if fine_stop[run] == fine_width and fine_width % 2 == 0:
                fine[run, EDGES] |= ENDS_BETWEEN
        for row in range(3):
            children = kept_at(2 * rows, 2 * start, row, fine_rows_kept, fine_first, fine_kept)
            coarse[:, CHILD_ABOVE + row] = children + offsets[levels - 1]
        for run in range(coarse.shape[0]):
            if stop[run] == width and fine_width % 2 == 0:
                coarse[run, EDGES] |= STANDS_FOR_RIGHT
            if rows[run] == height - 1 and fine_height % 2 == 0:
                coarse[run, EDGES] |= STANDS_FOR_BELOW
        sizes[levels] = pixels
        levels += 1
        offsets[levels] = offsets[levels - 1] + size_of(kept)
    return table, bounds[:levels].copy(), sizes[:levels].copy(), offsets[: levels + 1].copy()


@kernel()
def _halved(row_start: Any, start: Any, stop: Any) -> Any:
    """Return the runs of even rows and columns, numbered by half."""
    height = (row_start.shape[0]) // 2
    rows = np.zeros(height + 1, np.int64)
    first = np.empty(start.shape[0], np.int32)
    last = np.empty(start.shape[0], np.int32)
    found = 0
    for y in range(height):
        for k in range(row_start[2 * y], row_start[2 * y + 1]):
            left = start[k] + 1 >> 1
            right = stop[k] + 1 >> 1
            if left < right:
                first[found] = left
                last[found] = right
                found += 1
        rows[y + 1] = found
    return rows, first[:found].copy(), last[:found].copy()


@inner
def _longer(table: Any, by: int) -> Any:
    """Return a table with so many rows of zeros more."""
    longer = np.zeros((table.shape[0] + by, COLUMNS), np.int32)
    for run in range(table.shape[0]):  # a slice of a table takes a list, which only Numba has
        for column in range(COLUMNS):
            longer[run, column] = table[run, column]
    return longer


@inner
def _set_runs(table: Any, start: Any, stop: Any, around: Any, offset: int) -> None:
    """Note where runs and the rows around them are, and how long they are."""
    for run in range(start.shape[0]):
        table[run, ABOVE], table[run, FIRST], table[run, BELOW] = (
            around[run, 0] + offset,
            around[run, 1] + offset,
            around[run, 2] + offset,
        )
        table[run, LENGTH] = stop[run] - start[run]


@kernel("i4[:, ::1], i8, i8[::1]")
def set_bounds(runs: Any, begin: int, bounds: Any) -> None:
    """Set where the chunks of some runs begin, which begin at `begin` in the table: about as many pixels in each.

    None begins among the pixels that are rewritten with the run before it, when its last one is the first of eight.
    """
    total = runs[:, LENGTH].sum()
    count = runs.shape[0]
    run = 0
    before = 0  # pixels of the runs before
    rewritten = 0  # up to where they are written
    bounds[0] = begin
    for chunk in range(1, CHUNKS):
        while run < count and ((before + runs[run, LENGTH]) * CHUNKS < total * chunk or runs[run, FIRST] < rewritten):
            before += runs[run, LENGTH]
            rewritten = runs[run, FIRST] + runs[run, LENGTH] + LANES - 1
            run += 1
        bounds[chunk] = begin + run
    bounds[CHUNKS] = begin + count
