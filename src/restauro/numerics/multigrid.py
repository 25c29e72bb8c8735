"""Symmetric systems on hole pixels, solved in time and memory in proportion to them.

Conjugate gradients, preconditioned by a V-cycle of multigrid (Briggs, Henson, McCormick, A Multigrid Tutorial, 2000).
Levels have every second row and column of the one before. Interpolation is bilinear from the nodes that lie in the
hole; known pixels have no error, so nothing comes from them. Coarse systems are the Galerkin products P^T A P: right
for a hole of any shape, where a Laplacian written down anew for the coarse grid wouldn't know of thin holes. Holes too
thin for a level's nodes are left to smoothing, which is all they need.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics import multigrid_kernels as kernels
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.multigrid_kernels import (
    BELOW,
    CHILD_ABOVE,
    CHUNKS,
    DIAGONAL,
    EAST,
    EDGES,
    ENDS_BETWEEN,
    FIRST,
    LENGTH,
    ODD,
    PARENT_ABOVE,
    PARENT_BELOW,
    SOUTH,
    SOUTH_EAST,
    SOUTH_WEST,
    STANDS_FOR_BELOW,
    STANDS_FOR_RIGHT,
)
from restauro.numerics.sparse_grid import SparseGrid
from restauro.numerics.threads import Threads

_MOST_STEPS = 300  # of conjugate gradients; ten are usual
_PIXELS_WORTH_A_THREAD = 4000  # in a solve, where threads meet again and again
_PIXELS_WORTH_A_START = 20_000  # in a step of setting up, for which they have to be woken
# Two Jacobi steps, damped by the roots of the Chebyshev polynomial on the upper three quarters of the spectrum.
_ROOTS = (5 + 3 * np.cos(np.pi * np.array([0.25, 0.75]))) / 8


class Levels:
    """A system on the hole pixels of a grid, and its coarser versions, as conjugate gradients need them.

    Parameters
    ----------
    grids
        Every level's, the finest first.
    links
        Room for what kernels know as A. Its dtype is what the V-cycle is computed in.
    damping
        Roots of the smoother's polynomial, as shares of the spectrum's bound.
    """

    def __init__(self, grids: list[SparseGrid], links: NDArray[np.floating[Any]], damping: NDArray[np.float64]) -> None:
        self.grid = grids[0]
        self._grids = grids
        self._offsets = np.append(0, np.cumsum([level.size for level in grids]))
        self._table, self._bounds = _table(grids, self._offsets)
        self._sizes = np.array([level.pixels for level in grids])
        self._links = links
        self._inverse, self._B, self._X, self._Y = (np.zeros(self._offsets[-1], links.dtype) for _ in range(4))
        self._damping = damping
        self._spectrum = np.zeros((len(grids), 2))
        self._unit = False
        self._wide: Any = None

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self._sizes)

    def _runs(self, level: int) -> tuple[int, int]:
        return int(self._bounds[level, 0]), int(self._bounds[level, CHUNKS])

    def _over_runs(self, level: int, task: Threads, step: Callable[[int, int], float | None]) -> float:
        """Call step(first run, run after the last) for all runs of a level, side by side; return its largest result."""
        if task.control[0]:
            return 0.0
        low, high = self._runs(level)
        parts = max(1, min(task.workers, int(self._sizes[level]) // _PIXELS_WORTH_A_START))
        if self._sizes[level] < _PIXELS_WORTH_A_START:
            return step(low, high) or 0.0

        def part_of(part: int) -> float:
            largest = 0.0
            for chunk in range(CHUNKS * part // parts, CHUNKS * (part + 1) // parts):
                if task.control[0]:
                    break
                largest = max(largest, step(int(self._bounds[level, chunk]), int(self._bounds[level, chunk + 1])) or 0)
            return largest

        return float(max(task.together([partial(part_of, part) for part in range(parts)])))

    def solve(
        self,
        b: NDArray[np.float64],
        u: NDArray[np.float64],
        task: Threads,
        *,
        residual: float,
        change: float = 0.0,
    ) -> int:
        """Solve A u = b.

        Parameters
        ----------
        b
            The right side, float64 [grid.size], of order 1.
        u
            The start, overwritten with the solution; 0 at pixels that aren't hole.
        task
            Threads, and whether to stop.
        residual
            Largest magnitude of b - A u at any pixel with which the solution is done.
        change
            Largest step of multigrid by itself, about the error of u before it, with which it is done as well.

        Returns
        -------
        The steps that it took.
        """
        if task.control[0]:
            return 0
        r, p, q = (np.zeros(self.grid.size) for _ in range(3))
        parts = max(1, min(task.workers, int(self._sizes[0]) // _PIXELS_WORTH_A_THREAD))
        arrivals = np.zeros(1, np.int64)
        sums = np.zeros((4, CHUNKS))

        def part_of(part: int) -> int:
            return kernels.conjugate_gradients(
                self._table, self._bounds, self._sizes, self._spectrum, self._unit, self._links, self._inverse,
                self._wide, self._B, self._X, self._Y, b, u, r, p, q, residual, change, _MOST_STEPS, sums,
                part, parts, arrivals, task.control,
            )  # fmt: skip

        return int(task.together([partial(part_of, part) for part in range(parts)])[0])


class Multigrid(Levels):
    """A symmetric system of nine points, A = D - links.

    Build it with `laplacian` or `set_links`, then `solve` for any number of right sides.
    """

    def __init__(self, grid: SparseGrid) -> None:
        grids = [grid]
        while (coarser := grids[-1].coarsened()).pixels not in (0, grids[-1].pixels):
            grids.append(coarser)
        super().__init__(grids, np.zeros((5, sum(level.size for level in grids)), np.float32), _ROOTS)
        for level in range(1, len(grids)):
            fine, coarse = (self._table[slice(*self._runs(k))] for k in (level - 1, level))
            _connect(grids[level - 1], grids[level], fine, coarse, self._offsets[level - 1 :])

    def laplacian(self, task: Threads) -> Multigrid:
        """Take the Laplacian: links of 1 between neighbours by a side; beyond the picture's edge there is nothing."""
        _set_laplacian(self.grid.row_start, self.grid.start, *self.grid.shape, self._table, self._links, self._inverse)
        self._unit = True
        return self._coarse_systems(task)

    def set_links(self, links: NDArray[Any], task: Threads) -> Multigrid:
        """Take the system with these links.

        Parameters
        ----------
        links
            [5, grid.size]: the diagonal D; links to the east, south, south-east and south-west. Links from or to known
            pixels are left out of the system; they belong to D and to the right side.
        task
            Threads, and whether to stop.
        """
        size = self.grid.size
        self._links[:, :size] = 0
        _set_links(self._table, int(self._bounds[0, CHUNKS]), links, self._links, self._inverse)
        self._unit = False
        return self._coarse_systems(task)

    def _coarse_systems(self, task: Threads) -> Multigrid:
        table, links, inverse = self._table, self._links, self._inverse
        opposite = self._B, self._X, self._Y  # room that isn't used yet

        def bound(low: int, high: int) -> float:
            return _bound(table, low, high, links)

        def copy_opposite(low: int, high: int) -> None:
            _copy_opposite(table, low, high, links, *opposite)

        def galerkin(low: int, high: int) -> None:
            _galerkin(table, low, high, links, inverse, *opposite)

        def cut_off(low: int, high: int) -> None:
            _cut_off(table, low, high, links, inverse)

        for level in range(self.levels):
            if level > 0:
                self._over_runs(level - 1, task, copy_opposite)
                self._over_runs(level, task, galerkin)
                self._over_runs(level, task, cut_off)
            self._spectrum[level] = 1 / (self._damping * max(1.0, self._over_runs(level, task, bound)))
        for array in opposite:
            array[:] = 0
        return self


def _table(grids: list[SparseGrid], offsets: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the table of all runs of all levels, and where the chunks of every level begin in it."""
    counts = [len(grid.start) for grid in grids]
    begin = np.append(0, np.cumsum(counts))
    table = np.zeros((begin[-1], 11), np.int64)
    bounds = np.empty((len(grids), CHUNKS + 1), np.int64)
    for level, grid in enumerate(grids):
        mine = table[begin[level] : begin[level + 1]]
        for column, row in enumerate((0, -1, 1)):
            mine[:, column] = grid.around[:, grid.margin + row] + offsets[level]
        mine[:, LENGTH] = grid.lengths
        ends = np.cumsum(grid.lengths)
        wanted = ends[-1] * np.arange(1, CHUNKS) / CHUNKS
        bounds[level] = begin[level] + np.concatenate([[0], np.searchsorted(ends, wanted), [len(ends)]])
    return table, bounds


def _connect(
    fine: SparseGrid, coarse: SparseGrid, fine_table: Any, coarse_table: Any, offsets: NDArray[np.int64]
) -> None:
    """Note where parents and children are, and which of them stand at the picture's edge."""
    height, width = fine.shape
    rows, columns = fine.rows, fine.start >> 1
    above, below = rows >> 1, np.minimum((rows + 1) >> 1, coarse.shape[0] - 1)
    fine_table[:, PARENT_ABOVE] = coarse.kept_at(above, columns) + offsets[1]
    fine_table[:, PARENT_BELOW] = coarse.kept_at(below, columns) + offsets[1]
    fine_table[:, ODD] = fine.start & 1
    fine_table[:, EDGES] |= np.where((fine.stop == width) & (width % 2 == 0), ENDS_BETWEEN, 0)
    rows, columns = coarse.rows, 2 * coarse.start
    for row in range(3):
        coarse_table[:, CHILD_ABOVE + row] = fine.kept_at(2 * rows, columns, row - 1) + offsets[0]
    coarse_table[:, EDGES] |= np.where((coarse.stop == coarse.shape[1]) & (width % 2 == 0), STANDS_FOR_RIGHT, 0)
    coarse_table[:, EDGES] |= np.where((rows == coarse.shape[0] - 1) & (height % 2 == 0), STANDS_FOR_BELOW, 0)


@kernel("i8[::1], i4[::1], i8, i8, i8[:, ::1], f4[:, ::1], f4[::1]")
def _set_laplacian(row_start: Any, start: Any, height: int, width: int, table: Any, A: Any, inverse: Any) -> None:
    """Set the first level's diagonals to the number of neighbours in the picture, and its links to 1."""
    for y in range(height):
        for run in range(row_start[y], row_start[y + 1]):
            i = table[run, 0]
            n = table[run, 3]
            in_column = 2 - (y == 0) - (y == height - 1)
            for j in range(n):
                x = start[run] + j
                A[0, i + j] = in_column + 2 - (x == 0) - (x == width - 1)
                inverse[i + j] = 1 / A[0, i + j]
                A[1, i + j] = 1 if j + 1 < n else 0
    for run in range(row_start[height]):
        i = table[run, 0]
        for j in range(table[run, 3]):
            A[2, i + j] = 1 if A[0, table[run, 2] + j] > 0 else 0


@kernel("i8[:, ::1], i8, f4[:, ::1], f4[:, ::1], f4[::1]")
def _set_links(table: Any, runs: int, links: Any, A: Any, inverse: Any) -> None:
    """Copy a system, without links to known pixels."""
    for run in range(runs):
        for k in range(table[run, 0], table[run, 0] + table[run, 3]):
            A[0, k] = links[0, k]
            inverse[k] = 1 / links[0, k]
    for run in range(runs):
        i, below, n = table[run, 0], table[run, 2], table[run, 3]
        for j in range(n):
            k, down = i + j, below + j
            A[1, k] = links[1, k] if A[0, k + 1] != 0 else 0
            A[2, k] = links[2, k] if A[0, down] != 0 else 0
            A[3, k] = links[3, k] if A[0, down + 1] != 0 else 0
            A[4, k] = links[4, k] if A[0, down - 1] != 0 else 0


@kernel("i8[:, ::1], i8, i8, f4[:, ::1]")
def _bound(table: Any, low: int, high: int, A: Any) -> float:
    """Return an upper bound of the spectrum of D^-1 A: the largest sum of magnitudes in a row (Gershgorin)."""
    largest = 1.0
    for run in range(low, high):
        i, above = table[run, 0], table[run, 1]
        for j in range(table[run, 3]):
            k, up = i + j, above + j
            links = abs(A[1, k]) + abs(A[1, k - 1]) + abs(A[2, k]) + abs(A[2, up])
            links += abs(A[3, k]) + abs(A[3, up - 1]) + abs(A[4, k]) + abs(A[4, up + 1])
            largest = max(largest, 1.0 + links / A[0, k])
    return largest


@kernel("i8[:, ::1], i8, i8, f4[:, ::1], f4[::1], f4[::1], f4[::1]")
def _copy_opposite(table: Any, low: int, high: int, A: Any, north: Any, north_west: Any, north_east: Any) -> None:
    """Copy each pixel's links to the row above to where the pixel is kept."""
    for run in range(low, high):
        i, above = table[run, 0], table[run, 1]
        for j in range(table[run, 3]):
            north[i + j] = A[2, above + j]
            north_west[i + j] = A[3, above + j - 1]
            north_east[i + j] = A[4, above + j + 1]


@kernel("i8[:, ::1], i8, i8, f4[:, ::1], f4[::1], f4[::1], f4[::1], f4[::1]")
def _galerkin(
    table: Any, low: int, high: int, A: Any, inverse: Any, north: Any, north_west: Any, north_east: Any
) -> None:
    """Set the systems of some coarse runs to P^T A P of the finer level's."""
    for run in range(low, high):
        edges = table[run, EDGES]
        below = _weights((edges & STANDS_FOR_BELOW) != 0)
        n = table[run, LENGTH]
        for j in range(n):
            right = _weights((edges & STANDS_FOR_RIGHT) != 0 and j == n - 1)
            node = np.zeros((2, 3))  # links to the nodes of this row and the next
            for row in range(3):
                k = np.uint64(table[run, CHILD_ABOVE + row] + 2 * j)
                upper = _across(north_west, north, north_east, k, k, 1.0, right)
                middle = _across(A[EAST], A[DIAGONAL], A[EAST], k, k - np.uint64(1), -1.0, right)
                lower = _across(A[SOUTH_WEST], A[SOUTH], A[SOUTH_EAST], k, k, 1.0, right)
                for column in range(3):
                    up, at, down = upper[column], middle[column], lower[column]
                    if row == 0:
                        node[0, column] += 0.25 * at + 0.5 * down
                    elif row == 1:
                        node[0, column] += 0.5 * up + at + below[1] * down
                        node[1, column] += below[2] * down
                    else:
                        node[0, column] += below[0] * (up + below[1] * at)
                        node[1, column] += below[0] * (below[2] * at + below[3] * down)
            i = table[run, FIRST] + j
            A[DIAGONAL, i] = -node[0, 1]
            A[EAST, i] = node[0, 2]
            A[SOUTH_WEST, i], A[SOUTH, i], A[SOUTH_EAST, i] = node[1, 0], node[1, 1], node[1, 2]
            inverse[i] = -1 / node[0, 1]


@kernel("i8[:, ::1], i8, i8, f4[:, ::1], f4[::1]")
def _cut_off(table: Any, low: int, high: int, A: Any, inverse: Any) -> None:
    """Drop links of some coarse runs to nodes that aren't in the hole."""
    for run in range(low, high):
        i, below = table[run, FIRST], table[run, BELOW]
        for j in range(table[run, LENGTH]):
            k, down = i + j, below + j
            if inverse[k + 1] == 0:
                A[EAST, k] = 0
            if inverse[down] == 0:
                A[SOUTH, k] = 0
            if inverse[down + 1] == 0:
                A[SOUTH_EAST, k] = 0
            if inverse[down - 1] == 0:
                A[SOUTH_WEST, k] = 0


@inner
def _weights(stands: bool) -> Any:
    """Return how interpolation weighs what comes after a node: its share of the next pixel, and how pixels 1 and 2 on.

    That is how much pixel 1 takes from the node and from the next one, and pixel 2 from the next one. stands: the node
    stands in for the next one, which would lie beyond the picture.
    """
    return (1.0, 1.0, 0.0, 0.0) if stands else (0.5, 0.5, 0.5, 1.0)


@inner
def _across(west: Any, here: Any, east: Any, k: Any, k_west: Any, sign: float, right: Any) -> Any:
    """Return what a node's three pixels in a row, weighted, give to the three columns of nodes by one row of links.

    west, here, east: links to the left, straight and to the right; k: the middle pixel.
    """
    one = np.uint64(1)
    share, of_first, of_next, of_second = right
    before = 0.5 * (0.5 * sign * here[k - one] + west[k_west])
    after = east[k] + share * sign * here[k + one]
    return (
        0.5 * west[k_west - one] + before,
        before + 0.5 * east[k - one] + sign * here[k] + share * west[k_west + one] + of_first * after,
        of_next * after + of_second * share * east[k + one],
    )
