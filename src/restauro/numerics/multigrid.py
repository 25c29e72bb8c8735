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

from restauro.numerics import galerkin
from restauro.numerics.conjugate_gradients import conjugate_gradients
from restauro.numerics.hierarchy import CHUNKS, Layout, every_second
from restauro.numerics.sparse_grid import SparseGrid
from restauro.numerics.threads import Threads

_MOST_STEPS = 300  # of conjugate gradients; ten are usual
_AT_ONCE = 4  # systems that are solved side by side: more would read no less, and want more memory
_HARDLY_ANY_MEMORY = 10_000  # pixels kept, for which it doesn't matter how many there are
_MUCH_MEMORY = 1_000_000  # pixels kept, from which on it matters more than the fifth of the time that it saves
_PIXELS_WORTH_A_THREAD = 4000  # in a solve, where threads meet again and again
_PIXELS_WORTH_A_START = 20_000  # in a step of setting up, for which they have to be woken
# Two Jacobi steps, damped by the roots of the Chebyshev polynomial on the spectrum from 0.15 of its bound up.
_ROOTS = (1.15 + 0.85 * np.cos(np.pi * np.array([0.25, 0.75]))) / 2


class Levels:
    """A system on the hole pixels of a grid, and its coarser versions, as conjugate gradients need them.

    Parameters
    ----------
    grid
        The finest.
    layout
        Where the pixels of all levels are.
    links
        Room for what kernels know as A. Its dtype is what the V-cycle is computed in.
    damping
        Roots of the smoother's polynomial, as shares of the spectrum's bound.

    Attributes
    ----------
    history
        float64 [steps + 1, systems]: the largest residual of each system before each step of the last solve, NaN once
        it was done; of several groups of systems the last group's.

    Examples
    --------
    >>> hole = np.zeros((40, 50), bool)
    >>> hole[5:35, 5:45] = True
    >>> Multigrid(SparseGrid.of(hole))
    <Multigrid of 1,200, 300, 70, 20, 4, 1 hole pixels in 6 levels, float32>
    """

    def __init__(
        self, grid: SparseGrid, layout: Layout, links: NDArray[np.floating[Any]], damping: NDArray[np.float64]
    ) -> None:
        self.grid = grid
        self._table, self._bounds, self._sizes, self._offsets = layout
        self._links = links
        self._inverse = np.zeros(self._offsets[-1], links.dtype)
        self._room = np.zeros((3, 0), links.dtype)  # what kernels know as B, X and Y
        self._damping = damping
        self._spectrum = np.zeros((len(self._sizes), 2))
        self._unit = False
        self._wide: Any = None
        self.history: NDArray[np.float64] = np.zeros((0, 0))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size:,}" for size in self._sizes)
        return f"<{type(self).__name__} of {sizes} hole pixels in {len(self._sizes)} levels, {self._links.dtype}>"

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self._sizes)

    @property
    def at_once(self) -> int:
        """How many systems are solved side by side: fewer where most that is kept, and takes memory, isn't hole."""
        if self.grid.size < _HARDLY_ANY_MEMORY:
            return _AT_ONCE
        if self.grid.size > _MUCH_MEMORY:
            return 1
        return max(1, min(_AT_ONCE, 6 * int(self._sizes[0]) // self.grid.size))

    def _planes(self, count: int) -> NDArray[np.floating[Any]]:
        """Return room for so many planes of B, X and Y, [3, planes x pixels]; 0 at pixels that aren't hole."""
        size = count * int(self._offsets[-1])
        if self._room.shape[1] < size:
            self._room = np.zeros((3, size), self._links.dtype)
        return self._room

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
        b: NDArray[np.floating[Any]],
        u: NDArray[np.floating[Any]],
        task: Threads,
        *,
        residual: float,
        change: float = 0.0,
    ) -> int:
        """Solve A u = b, or several such systems, each as if it were alone.

        Parameters
        ----------
        b
            The right side, [grid.size] or [systems, grid.size], of order 1; float64, or float32 where its rounding is
            far below what is asked for.
        u
            The start, as b, overwritten with the solution; 0 at pixels that aren't hole.
        task
            Threads, and whether to stop.
        residual
            Largest magnitude of b - A u at any pixel with which the solution is done.
        change
            Largest step of multigrid by itself, about the error of u before it, with which it is done as well.

        Returns
        -------
        The steps that it took, for the system that takes most.
        """
        if b.ndim == 2:
            groups = [slice(first, first + self.at_once) for first in range(0, len(b), self.at_once)]
            return max(self._solve(b[some], u[some], task, residual, change) for some in groups)
        return self._solve(b[np.newaxis], u[np.newaxis], task, residual, change)

    def _solve(self, b: NDArray[Any], u: NDArray[Any], task: Threads, residual: float, change: float) -> int:
        if task.control[0]:
            return 0
        size, count, stride = self.grid.size, len(b), int(self._offsets[-1])
        B, X, Y = self._planes(count)
        p = np.zeros(count * size, b.dtype)
        r, q, apart = B, X, stride  # they needn't be arrays of their own, where they have the V-cycle's type
        if b.dtype != B.dtype:
            (r, q), apart = np.zeros((2, count * size), b.dtype), size
        parts = max(1, min(task.workers, count * int(self._sizes[0]) // _PIXELS_WORTH_A_THREAD))
        arrivals = np.zeros(1, np.int64)
        sums = np.zeros((4, count, CHUNKS))
        history = np.full((_MOST_STEPS, count), np.nan)

        def part_of(part: int) -> int:
            return conjugate_gradients(
                self._table, self._bounds, self._sizes, self._spectrum, self._unit, self._links, self._inverse,
                self._wide, B, X, Y, stride, b.reshape(-1), u.reshape(-1), p, r, q, size, apart, residual, change,
                history, sums, part, parts, arrivals, task.control,
            )  # fmt: skip

        steps = int(task.together([partial(part_of, part) for part in range(parts)])[0])
        self.history = history[: steps + 1]
        return steps


class Multigrid(Levels):
    """A symmetric system of nine points, A = D - links.

    Build it with `laplacian` or `set_links`, then `solve` for any number of right sides.
    """

    def __init__(self, grid: SparseGrid) -> None:
        layout = every_second(grid)
        super().__init__(grid, layout, np.zeros((5, layout.offsets[-1]), np.float32), _ROOTS)

    def laplacian(self, task: Threads) -> Multigrid:
        """Take the Laplacian: links of 1 between neighbours by a side; beyond the picture's edge there is nothing."""
        galerkin.set_laplacian(
            self.grid.row_start, self.grid.start, *self.grid.shape, self._table, self._links, self._inverse
        )
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
        galerkin.set_links(self._table, int(self._bounds[0, CHUNKS]), links, self._links, self._inverse)
        self._unit = False
        return self._coarse_systems(task)

    @property
    def links(self) -> NDArray[np.float32]:
        """Room for links, [5, grid.size or more], for `keep_links`: so they are in memory once."""
        return self._links

    def keep_links(self, task: Threads) -> Multigrid:
        """Take the system whose links, see `set_links`, were written to `links`; those to known pixels become 0 there.

        The diagonal must be 0 at known pixels, as it is where nobody has written.
        """
        galerkin.keep_links(self._table, int(self._bounds[0, CHUNKS]), self._links, self._inverse)
        self._unit = False
        return self._coarse_systems(task)

    def _coarse_systems(self, task: Threads) -> Multigrid:
        table, links, inverse = self._table, self._links, self._inverse
        opposite = self._planes(1)[:, : self._offsets[-1]]  # room that isn't used yet
        if self._sizes[0] < _PIXELS_WORTH_A_START:
            galerkin.set_small(
                table,
                self._bounds,
                links,
                inverse,
                opposite[0],
                opposite[1],
                opposite[2],
                self._damping,
                self._spectrum,
            )
            opposite[:] = 0
            return self

        def bound(low: int, high: int) -> float:
            return galerkin.bound(table, low, high, links)

        def copy_opposite(low: int, high: int) -> None:
            galerkin.copy_opposite(table, low, high, links, *opposite)

        def set_products(low: int, high: int) -> None:
            galerkin.set_products(table, low, high, links, inverse, *opposite)

        def cut_off(low: int, high: int) -> None:
            galerkin.cut_off(table, low, high, links, inverse)

        for level in range(self.levels):
            if level > 0:
                self._over_runs(level - 1, task, copy_opposite)
                self._over_runs(level, task, set_products)
                self._over_runs(level, task, cut_off)
            self._spectrum[level] = 1 / (self._damping * max(1.0, self._over_runs(level, task, bound)))
        opposite[:] = 0
        return self
