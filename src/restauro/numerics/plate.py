"""The biharmonic system on hole pixels: see plate_kernels for what it is, multigrid for how it is solved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics import plate_kernels as kernels
from restauro.numerics.hierarchy import CHUNKS, Layout, set_bounds
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.multigrid import Levels
from restauro.numerics.multigrid_kernels import COLUMNS
from restauro.numerics.plate_kernels import CENTRE, CHILD, COLUMN, FINE_COLUMN, FINE_ROW, PARENT, PLACES, ROW
from restauro.numerics.sparse_grid import SparseGrid, check_places
from restauro.numerics.threads import Threads

MARGIN = 2
_PAD = 4  # zeros on either side of the weights of a level; even, so that a pixel's parity is that of its place
# Two Jacobi steps, damped by the roots of the Chebyshev polynomial on the spectrum from a tenth of its bound up.
_ROOTS = (11 + 9 * np.cos(np.pi * np.array([0.25, 0.75]))) / 20
_FIRST, _ABOVE, _BELOW, _LENGTH = range(4)  # columns of the table of runs


class Plate(Levels):
    """The system of a thin plate that is clamped to the known pixels and free at the picture's edge."""

    def __init__(self, grid: SparseGrid, task: Threads) -> None:
        grids = [grid]
        while (coarser := grids[-1].in_cells()).pixels not in (0, grids[-1].pixels):
            grids.append(coarser)
        layout = _layout(grids)
        self._grids = grids
        super().__init__(grid, layout, np.zeros((25, layout.sizes[1:].sum())), _ROOTS)
        self._unit = True
        heights, widths = zip(*(level.shape for level in grids), strict=True)
        self._weight_offsets = [_offsets(heights), _offsets(widths)]
        places = np.concatenate([self._places(level) for level in range(len(grids))])
        row_weights, column_weights = _interpolation(heights), _interpolation(widths)
        edges = _energy(grid.shape[0]), _energy(grid.shape[1])
        self._wide = (places, *edges, row_weights, column_weights, self._numbered())
        self._coarse_systems(task)

    def _places(self, level: int) -> NDArray[np.int64]:
        """Return the rows of `places` of one level's runs."""
        grid, offset = self._grids[level], self._offsets[level]
        places = np.zeros((len(grid.start), PLACES), np.int64)
        places[:, 0], places[:, 1] = grid.around[:, 0] + offset, grid.around[:, 4] + offset
        rows, columns = (offsets[level] for offsets in self._weight_offsets)
        places[:, ROW], places[:, COLUMN] = rows + grid.rows, columns + grid.start
        if level + 1 < len(self._grids):
            coarse = self._grids[level + 1]
            for k in range(3):
                found = coarse.kept_at(grid.rows >> 1, (grid.start >> 1) - 1, k - 1)
                places[:, PARENT + k] = found + self._offsets[level + 1]
        if level > 0:
            fine = self._grids[level - 1]
            rows, columns = (offsets[level - 1] for offsets in self._weight_offsets)
            places[:, FINE_ROW], places[:, FINE_COLUMN] = rows + 2 * grid.rows - 2, columns + 2 * grid.start - 2
            last = fine.shape[0] - 1 + fine.margin  # of a cell cut by the picture's edge the sixth row isn't kept
            for k in range(6):
                found = fine.kept_at(np.minimum(2 * grid.rows + k - 2, last), 2 * grid.start - 2)
                places[:, CHILD + k] = found + self._offsets[level - 1]
        return places

    def _numbered(self) -> NDArray[np.int32]:
        """Return the number of every coarse node among all."""
        numbers = np.zeros(self._offsets[-1], np.int32)
        _number(self._table[int(self._bounds[0, -1]) :], numbers)
        return numbers

    def _coarse_systems(self, task: Threads) -> None:
        table, wide, links, inverse = self._table, self._wide, self._links, self._inverse
        members = np.zeros(self.grid.size, np.int32)
        regular = np.zeros(self._offsets[-1], np.bool_)

        def set_finest(low: int, high: int) -> float:
            return _set_finest(table, low, high, wide, inverse)

        def find_members(low: int, high: int) -> None:
            _find_members(table, low, high, wide, inverse, members, regular)

        def galerkin(low: int, high: int) -> None:
            _galerkin(table, low, high, members if level == 1 else None, wide, regular, links, inverse)

        def cut_off(low: int, high: int) -> float:
            return _cut_off(table, low, high, wide, links, inverse, regular)

        bound = self._over_runs(0, task, set_finest)
        self._over_runs(0, task, find_members)
        self._spectrum[0] = 1 / (self._damping * max(1.0, bound))
        for level in range(1, self.levels):
            self._over_runs(level, task, galerkin)
            bound = self._over_runs(level, task, cut_off)
            self._spectrum[level] = 1 / (self._damping * max(1.0, bound))

    def right_side(self, known: NDArray[np.float64], zero: float, unit: float) -> NDArray[np.float64]:
        """Return what the known pixels (NaN where unknown), measured from `zero` in `unit`s, give to the hole's."""
        b = self.grid.empty()
        if unit > 0:
            g = np.where(np.isnan(known), 0, (known - zero) / unit)
            kernels.multiply(self._table, *self._runs(0), True, self._links, self._wide, g, b)
            np.negative(b, out=b)
        return b


def _layout(grids: list[SparseGrid]) -> Layout:
    """Lay out all levels behind one another, the finest first."""
    offsets = np.append(0, np.cumsum([grid.size for grid in grids]))
    check_places(int(offsets[-1]))
    counts = [len(grid.start) for grid in grids]
    begin = np.append(0, np.cumsum(counts))
    table = np.zeros((begin[-1], COLUMNS), np.int32)
    bounds = np.empty((len(grids), CHUNKS + 1), np.int64)
    for level, grid in enumerate(grids):
        mine = table[begin[level] : begin[level + 1]]
        for column, row in ((_FIRST, 0), (_ABOVE, -1), (_BELOW, 1)):
            mine[:, column] = grid.around[:, grid.margin + row] + offsets[level]
        mine[:, _LENGTH] = grid.lengths
        set_bounds(mine, begin[level], bounds[level])
    return Layout(table, bounds, np.array([grid.pixels for grid in grids]), offsets)


def _offsets(sizes: tuple[int, ...]) -> list[int]:
    """Return where the weights of each level begin."""
    return [int(start) + _PAD for start in np.cumsum([0, *(size + size % 2 + 2 * _PAD for size in sizes[:-1])])]


def _interpolation(sizes: tuple[int, ...]) -> NDArray[np.float64]:
    """Return how pixels are made of the nodes before their own, their own, the next, along one axis: [3, places]."""
    offsets = _offsets(sizes)
    weights = np.zeros((3, offsets[-1] + sizes[-1] + 2 * _PAD))
    for offset, size in zip(offsets, sizes, strict=True):
        mine = weights[:, offset : offset + size]
        mine[:, 0::2] = np.array([[0.25], [0.75], [0]])
        mine[:, 1::2] = np.array([[0], [0.75], [0.25]])
        if size <= 2:  # one node
            mine[:] = np.array([[0], [1], [0]])
            continue
        mine[:, 0] = 0, 1.25, -0.25
        if size % 2 == 0:
            mine[:, -1] = -0.25, 1.25, 0
    return weights


def _energy(size: int) -> NDArray[np.float64]:
    """Return the diagonals of the second derivative squared (5) and the first squared (3), along one axis."""
    diagonals = np.zeros((8, size + 2 * _PAD))
    for first, weights in ((0, (1, -2, 1)), (5, (-1, 1))):
        middle = len(weights) - 1
        differences = max(size - middle, 0)
        for i, a in enumerate(weights):
            for j, b in enumerate(weights):
                diagonals[first + middle + j - i, _PAD + i : _PAD + i + differences] += a * b
    return diagonals


@kernel("i4[:, ::1], i4[::1]")
def _number(table: Any, numbers: Any) -> None:
    number = 0
    for run in range(table.shape[0]):
        for j in range(table[run, _LENGTH]):
            numbers[table[run, _FIRST] + j] = number
            number += 1


@inner
def _around(table: Any, places: Any, run: int) -> Any:
    """Return where a run's five rows are kept, from two above to two below."""
    above, first, below = table[run, _ABOVE], table[run, _FIRST], table[run, _BELOW]
    return places[run, 0], np.int64(above), np.int64(first), np.int64(below), places[run, 1]


@inner
def _set_stencil(rows: Any, row: int, columns: Any, column: int, stencil: Any) -> None:
    """Set the 5 x 5 links of the finest system from a pixel."""
    stencil[:] = 0
    for k in range(5):
        stencil[2, k] += columns[k, column]
        stencil[k, 2] += rows[k, row]
    for y in range(3):
        for x in range(3):
            stencil[1 + y, 1 + x] += 2 * rows[5 + y, row] * columns[5 + x, column]


@kernel("i4[:, ::1], i8, i8, W, f8[::1]", W=kernels.WIDE)
def _set_finest(table: Any, low: int, high: int, wide: Any, inverse: Any) -> float:
    """Set the inverse of the finest diagonal; return a bound of the spectrum (Gershgorin)."""
    places, rows, columns, _, _, _ = wide
    bound = 3.2
    stencil = np.empty((5, 5))
    for run in range(low, high):
        row = places[run, ROW]
        for j in range(table[run, _LENGTH]):
            column = places[run, COLUMN] + j
            diagonal = columns[2, column] + rows[2, row] + 2 * rows[6, row] * columns[6, column]
            inverse[table[run, _FIRST] + j] = 1 / diagonal
            if diagonal != 20:
                _set_stencil(rows, row, columns, column, stencil)
                bound = max(bound, np.abs(stencil).sum() / diagonal)
    return bound


@kernel("i4[:, ::1], i8, i8, W, f8[::1], i4[::1], b1[::1]", W=kernels.WIDE)
def _find_members(table: Any, low: int, high: int, wide: Any, inverse: Any, members: Any, regular: Any) -> None:
    """Note which of the 25 pixels around each are hole, as bits, and whether all are, far from the picture's edge."""
    places, rows, columns, _, _, _ = wide
    for run in range(low, high):
        around = _around(table, places, run)
        for j in range(table[run, _LENGTH]):
            bits = 0
            for y in range(5):
                for x in range(5):
                    if inverse[around[y] + j + x - 2] > 0:
                        bits |= 1 << (5 * y + x)
            i = table[run, _FIRST] + j
            members[i] = bits
            inside = rows[2, places[run, ROW]] == 6 and columns[2, places[run, COLUMN] + j] == 6
            regular[i] = inside and bits == (1 << 25) - 1


@kernel(
    "i4[:, ::1], i8, i8, none, W, b1[::1], f8[:, ::1], f8[::1]",
    "i4[:, ::1], i8, i8, i4[::1], W, b1[::1], f8[:, ::1], f8[::1]",
    W=kernels.WIDE,
)
def _galerkin(table: Any, low: int, high: int, members: Any, wide: Any, regular: Any, links: Any, inverse: Any) -> None:
    """Set the systems of some coarse runs to P^T A P of the finer level's. Far from all rims they are all the same.

    members: of the finest level, which of the 25 pixels around each are hole; None where the finer one is another.
    """
    places, _, _, row_weights, column_weights, numbers = wide
    same = np.zeros(25)
    found = False
    product = np.empty((5, 5))
    shares = np.empty((2, 6, 5, 5))
    work = np.empty((2, 5, 5))
    for run in range(low, high):
        _set_shares(row_weights, places[run, FINE_ROW], shares[0])
        for j in range(table[run, _LENGTH]):
            i = table[run, _FIRST] + j
            all_regular = True
            for child in range(1, 5):
                k = places[run, CHILD + child] + 2 * j
                for x in range(1, 5):
                    all_regular = all_regular and regular[k + x]
            regular[i] = all_regular
            if all_regular and found:
                links[:, numbers[i]] = same
            else:
                product[:] = 0
                _set_shares(column_weights, places[run, FINE_COLUMN] + 2 * j, shares[1])
                for child in range(6):
                    _add_row(run, j, child, wide, members, links, inverse, shares, work, product)
                links[:, numbers[i]] = product.reshape(-1)
                if all_regular:
                    same[:] = product.reshape(-1)
                    found = True
            inverse[i] = 1 / links[CENTRE, numbers[i]]


@inner
def _set_shares(weights: Any, first: int, shares: Any) -> None:
    """Set what links of a node's six children along one axis give to the five nodes around it.

    shares[child, k, node]: of a link to the pixel k - 2 on from the child, to the node node - 2 on, times the child's
    own weight. The children are kept in `weights` from `first` on.
    """
    shares[:] = 0
    for child in range(6):
        own = weights[2 - (child >> 1), first + child]
        if own != 0:
            for k in range(5):
                pixel = child + k - 2
                for parent in range(3):
                    node = (pixel >> 1) + parent  # the pixel's own is (pixel >> 1) - 1 from the node
                    if 0 <= node < 5:
                        shares[child, k, node] = own * weights[parent, first + pixel]


@inner
def _add_row(
    run: int,
    j: int,
    child: int,
    wide: Any,
    members: Any,
    links: Any,
    inverse: Any,
    shares: Any,
    work: Any,
    product: Any,
) -> None:
    """Add to a node's system what its children in one row give."""
    places, rows, columns, row_weights, _, numbers = wide
    row = places[run, FINE_ROW] + child
    if row_weights[2 - (child >> 1), row] == 0:
        return
    stencil, across = work[0], work[1]  # a child's links; those of the row's children, shared out to columns of nodes
    across[:] = 0
    for other in range(6):
        k = places[run, CHILD + child] + 2 * j + other
        if shares[1, other, 2, 2] + shares[1, other, 2, 1] == 0 or inverse[k] == 0:
            continue
        if members is not None:
            _set_stencil(rows, row, columns, places[run, FINE_COLUMN] + 2 * j + other, stencil)
        for y in range(5):
            for x in range(5):
                if members is not None:
                    link = stencil[y, x] if members[k] >> (5 * y + x) & 1 else 0.0
                else:
                    link = links[5 * y + x, numbers[k]]
                if link != 0:
                    for node in range(5):
                        across[y, node] += link * shares[1, other, x, node]
    for y in range(5):
        for node_row in range(5):
            share = shares[0, child, y, node_row]
            if share != 0:
                for node in range(5):
                    product[node_row, node] += share * across[y, node]


@kernel("i4[:, ::1], i8, i8, W, f8[:, ::1], f8[::1], b1[::1]", W=kernels.WIDE)
def _cut_off(table: Any, low: int, high: int, wide: Any, links: Any, inverse: Any, regular: Any) -> float:
    """Drop links to nodes that aren't in the hole; return an upper bound of the spectrum of D^-1 A (Gershgorin)."""
    places, _, _, _, _, numbers = wide
    largest = 1.0
    for run in range(low, high):
        around = _around(table, places, run)
        for j in range(table[run, _LENGTH]):
            i = table[run, _FIRST] + j
            total = 0.0
            for y in range(5):
                for x in range(5):
                    if inverse[around[y] + j + x - 2] == 0:
                        links[5 * y + x, numbers[i]] = 0
                        regular[i] = False
                    total += abs(links[5 * y + x, numbers[i]])
            largest = max(largest, total * inverse[i])
    return largest
