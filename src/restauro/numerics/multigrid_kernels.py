"""Kernels of the multigrid solver: sweeps, transfers between levels, the V-cycle and conjugate gradients.

The levels' pixels stand behind one another in flat arrays, so an index means one pixel of one level. A run is a few
hole pixels side by side; `table` says where it and its neighbours are kept (the columns are named below). Systems are
A = D - links: a positive diagonal `D` and symmetric links to the east (E), south (S), south-east (SE) and south-west
(SW); those to the other four neighbours are kept there. On the first level of the Laplacian the links are all 1 and
aren't read (`unit`). Where `wide` isn't None, the system is the biharmonic one of plate_kernels.

Several threads run one solve side by side. Each level is divided into a fixed number of chunks, and sums are taken
chunk by chunk, so that the result doesn't depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics import plate_kernels
from restauro.numerics.atomics import wait_for_all
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.vectors import LANES, evens, load, lower_woven, store, upper_woven

# Columns of `table`, int64 [runs, 11]. The last three are rows of the finer level around a coarse run's first node.
FIRST, ABOVE, BELOW, LENGTH, PARENT_ABOVE, PARENT_BELOW, ODD, EDGES, CHILD_ABOVE, CHILD, CHILD_BELOW = range(11)
# Bits of EDGES: the run ends at the picture's last column, whose node would lie beyond it; the run's last node, or all
# its nodes, stand in for such a node of the finer level.
ENDS_BETWEEN, STANDS_FOR_RIGHT, STANDS_FOR_BELOW = 1, 2, 4

# Rows of `A`, float [5, pixels]: the diagonal and the four links.
DIAGONAL, EAST, SOUTH, SOUTH_EAST, SOUTH_WEST = range(5)

CHUNKS = 32
_SMALL = 2000  # pixels of a level up to which one thread does it and all coarser ones alone


@kernel()
def sweep(
    table: Any, low: int, high: int, unit: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any, Y: Any, damping: float
) -> None:
    """Y = X + damping D^-1 (B - A X) at the pixels of some runs: a damped Jacobi step."""
    if wide is not None:
        plate_kernels.sweep(table, low, high, unit, A, inverse, wide, B, X, Y, damping)
        return
    weight = Y.dtype.type(damping)
    for run in range(low, high):
        i, n, above, below = _places(table, run)
        for j in range(0, n, LANES):
            x = load(X, i + j)
            links = _sides(X, i + j, above + j, below + j) if unit else _links(A, X, i + j, above + j, below + j)
            store(Y, i + j, x + weight * (load(inverse, i + j) * (load(B, i + j) + links) - x), n - j)


@kernel()
def residual(table: Any, low: int, high: int, unit: bool, A: Any, wide: Any, B: Any, X: Any, Y: Any) -> None:
    """Y = B - A X at the pixels of some runs."""
    if wide is not None:
        plate_kernels.residual(table, low, high, unit, A, wide, B, X, Y)
        return
    for run in range(low, high):
        i, n, above, below = _places(table, run)
        for j in range(0, n, LANES):
            links = _sides(X, i + j, above + j, below + j) if unit else _links(A, X, i + j, above + j, below + j)
            store(Y, i + j, load(B, i + j) - load(A[DIAGONAL], i + j) * load(X, i + j) + links, n - j)


@inner
def _places(table: Any, run: int) -> Any:
    """Return where a run begins, its length, and where its rows above and below are."""
    return table[run, FIRST], table[run, LENGTH], table[run, ABOVE], table[run, BELOW]


@inner
def _sides(X: Any, k: int, up: int, down: int) -> Any:
    """Return the sum of the four neighbours of pixels side by side, a vector; the first is at k."""
    return load(X, k - 1) + load(X, k + 1) + load(X, up) + load(X, down)


@inner
def _links(A: Any, X: Any, k: int, up: int, down: int) -> Any:
    """Return the sum of the eight links times X of pixels side by side, a vector; the first is at k."""
    east, south, south_east, south_west = A[EAST], A[SOUTH], A[SOUTH_EAST], A[SOUTH_WEST]
    in_row = load(east, k) * load(X, k + 1) + load(east, k - 1) * load(X, k - 1)
    in_column = load(south, k) * load(X, down) + load(south, up) * load(X, up)
    falling = load(south_east, k) * load(X, down + 1) + load(south_east, up - 1) * load(X, up - 1)
    rising = load(south_west, k) * load(X, down - 1) + load(south_west, up + 1) * load(X, up + 1)
    return in_row + in_column + falling + rising


@inner
def _span(table: Any, low: int, high: int) -> Any:
    """Return the range from the first pixel of some runs to their last. What isn't hole between them is and stays 0."""
    if low == high:
        return range(np.uint64(0), np.uint64(0))
    end = table[high - 1, FIRST] + table[high - 1, LENGTH]
    return range(np.uint64(table[low, FIRST]), np.uint64(end))


@kernel()
def _first_step(table: Any, low: int, high: int, inverse: Any, B: Any, X: Any, damping: float) -> None:
    """X = damping D^-1 B at the pixels of some runs: a Jacobi step from zero."""
    weight = X.dtype.type(damping)
    for k in _span(table, low, high):
        X[k] = weight * inverse[k] * B[k]


@kernel()
def _restrict(table: Any, low: int, high: int, wide: Any, X: Any, B: Any) -> None:
    """B of some coarse runs = transposed interpolation, bilinear or as `wide` has it, of the finer level's X."""
    if wide is not None:
        plate_kernels.restrict(table, low, high, wide, X, B)
        return
    half = B.dtype.type(0.5)
    for run in range(low, high):
        i, n, edges = table[run, FIRST], table[run, LENGTH], table[run, EDGES]
        up, at, down = table[run, CHILD_ABOVE], table[run, CHILD], table[run, CHILD_BELOW]
        under = B.dtype.type(1) if edges & STANDS_FOR_BELOW else half
        for j in range(0, n, LANES):
            left = _every_second(X, up + 2 * j - 1, at + 2 * j - 1, down + 2 * j - 1, half, under)
            middle = _every_second(X, up + 2 * j, at + 2 * j, down + 2 * j, half, under)
            right = _every_second(X, up + 2 * j + 1, at + 2 * j + 1, down + 2 * j + 1, half, under)
            store(B, i + j, middle + half * (left + right), n - j)
        if edges & STANDS_FOR_RIGHT:
            k = 2 * n - 1
            B[i + n - 1] += half * (X[at + k] + half * X[up + k] + under * X[down + k])


@inner
def _every_second(X: Any, up: int, at: int, down: int, above: float, below: float) -> Any:
    """Return every second sum of a column of three pixels, the first row `above` times, the last `below` times."""
    first = load(X, at) + above * load(X, up) + below * load(X, down)
    second = load(X, at + LANES) + above * load(X, up + LANES) + below * load(X, down + LANES)
    return evens(first, second)


@kernel()
def _prolong(table: Any, low: int, high: int, wide: Any, X: Any, Y: Any) -> None:
    """Y of some fine runs += interpolation, bilinear or as `wide` has it, of the coarser level's X."""
    if wide is not None:
        plate_kernels.prolong(table, low, high, wide, X, Y)
        return
    half = Y.dtype.type(0.5)
    quarter = Y.dtype.type(0.25)
    for run in range(low, high):
        i, n, odd = table[run, FIRST], table[run, LENGTH], table[run, ODD]
        above, below = table[run, PARENT_ABOVE], table[run, PARENT_BELOW]
        inside = n - 1 if table[run, EDGES] & ENDS_BETWEEN else n
        if odd and inside:  # between the first node and the next
            Y[i] += quarter * (X[above] + X[below] + X[above + 1] + X[below + 1])
        count = inside - odd  # from a node's own column on
        for j in range(0, count, 2 * LANES):
            node = odd + j // 2
            here = load(X, above + node) + load(X, below + node)
            after = load(X, above + node + 1) + load(X, below + node + 1)
            own, between = half * here, quarter * (here + after)
            k = i + odd + j
            store(Y, k, load(Y, k) + lower_woven(own, between), count - j)
            if count - j > LANES:
                k += LANES
                store(Y, k, load(Y, k) + upper_woven(own, between), count - j - LANES)
        if inside < n:
            k = (n - 1 + odd) // 2
            Y[i + n - 1] += half * (X[above + k] + X[below + k])


@inner
def _together(turn: Any, parts: int, arrivals: Any, control: Any) -> None:
    """Wait until every thread has come here."""
    if parts > 1:
        turn[0] += 1
        wait_for_all(arrivals, turn[0] * parts, control)


@kernel()
def cycle(
    table: Any, bounds: Any, sizes: Any, spectrum: Any, unit: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any,
    Y: Any, part: int, parts: int, turn: Any, arrivals: Any, control: Any,
) -> None:  # fmt: skip
    """One V-cycle from zero: Y of the first level = approximately A^-1 B. All threads call it together.

    When it is told to stop, it leaves with anything in Y.
    """
    levels = bounds.shape[0]
    shared = 0
    while shared < levels and sizes[shared] > _SMALL and parts > 1:
        shared += 1
    for level in range(levels):
        alone = level >= shared
        if (alone and part > 0) or control[0] != 0:
            break
        low, high = _share(bounds, level, part, parts, alone)
        step = spectrum[level]
        if level > 0:
            _restrict(table, low, high, wide, X, B)
        _first_step(table, low, high, inverse, B, X, step[0])
        if not alone:
            _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, X, Y, step[1])
        if not alone:
            _together(turn, parts, arrivals, control)
        if level + 1 < levels:
            residual(table, low, high, unit and level == 0, A, wide, B, Y, X)
            if not alone:
                _together(turn, parts, arrivals, control)
    if shared < levels:
        if part == 0:
            _ascend(table, bounds, spectrum, unit, A, inverse, wide, B, X, Y, shared)
        _together(turn, parts, arrivals, control)
    for level in range(min(shared, levels - 1) - 1, -1, -1):
        if control[0] != 0:
            break
        low, high = _share(bounds, level, part, parts, False)
        step = spectrum[level]
        _prolong(table, low, high, wide, Y, Y)
        _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, Y, X, step[1])
        _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, X, Y, step[0])
        _together(turn, parts, arrivals, control)


@inner
def _share(bounds: Any, level: int, part: int, parts: int, alone: bool) -> Any:
    """Return the runs of a level that are this thread's."""
    if alone:
        return bounds[level, 0], bounds[level, CHUNKS]
    return bounds[level, CHUNKS * part // parts], bounds[level, CHUNKS * (part + 1) // parts]


@inner
def _ascend(
    table: Any,
    bounds: Any,
    spectrum: Any,
    unit: bool,
    A: Any,
    inverse: Any,
    wide: Any,
    B: Any,
    X: Any,
    Y: Any,
    shared: int,
) -> None:
    """Come back from the coarsest level up to the first that isn't shared, on one thread."""
    for level in range(bounds.shape[0] - 2, shared - 1, -1):
        low, high = bounds[level, 0], bounds[level, CHUNKS]
        step = spectrum[level]
        _prolong(table, low, high, wide, Y, Y)
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, Y, X, step[1])
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, X, Y, step[0])


@kernel()
def _start(table: Any, low: int, high: int, b: Any, r: Any, B: Any) -> float:
    """Set r = b - r, where r was A u, also as B; return the largest magnitude."""
    largest = 0.0
    for k in _span(table, low, high):
        r[k] = b[k] - r[k]
        B[k] = r[k]
        largest = max(largest, abs(r[k]))
    return largest


@kernel()
def _step(table: Any, low: int, high: int, alpha: float, p: Any, q: Any, u: Any, r: Any, B: Any) -> float:
    """Go along p: u += alpha p, r -= alpha q, B = r; return the largest magnitude of r."""
    largest = 0.0
    for k in _span(table, low, high):
        u[k] += alpha * p[k]
        r[k] -= alpha * q[k]
        B[k] = r[k]
        largest = max(largest, abs(r[k]))
    return largest


@kernel()
def _product(table: Any, low: int, high: int, r: Any, Z: Any) -> float:
    """Return the sum of r Z."""
    product = 0.0
    for k in _span(table, low, high):
        product += r[k] * Z[k]
    return product


@kernel()
def _largest(table: Any, low: int, high: int, Z: Any) -> float:
    """Return the largest magnitude of Z."""
    largest = 0.0
    for k in _span(table, low, high):
        largest = max(largest, abs(Z[k]))
    return largest


@kernel()
def _go(table: Any, low: int, high: int, Z: Any, u: Any) -> None:
    """Take multigrid's step: u += Z."""
    for k in _span(table, low, high):
        u[k] += Z[k]


@kernel()
def _turn_to(table: Any, low: int, high: int, beta: float, Z: Any, p: Any) -> None:
    """Set p = Z + beta p."""
    for k in _span(table, low, high):
        p[k] = Z[k] + beta * p[k]


@kernel()
def multiply(table: Any, low: int, high: int, unit: bool, A: Any, wide: Any, X: Any, Y: Any) -> None:
    """Y = A X at the pixels of some runs."""
    if wide is not None:
        plate_kernels.multiply(table, low, high, unit, A, wide, X, Y)
        return
    for run in range(low, high):
        i, n, above, below = _places(table, run)
        for j in range(0, n, LANES):
            links = _sides(X, i + j, above + j, below + j) if unit else _links(A, X, i + j, above + j, below + j)
            store(Y, i + j, load(A[DIAGONAL], i + j) * load(X, i + j) - links, n - j)


@kernel(
    "i8[:, ::1], i8[:, ::1], i8[::1], f8[:, ::1], b1, f4[:, ::1], f4[::1], none, f4[::1], f4[::1], f4[::1], "
    "f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8, f8, i8, f8[:, ::1], i8, i8, i8[::1], i8[::1]",
    "i8[:, ::1], i8[:, ::1], i8[::1], f8[:, ::1], b1, f8[:, ::1], f8[::1], W, f8[::1], f8[::1], f8[::1], "
    "f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8, f8, i8, f8[:, ::1], i8, i8, i8[::1], i8[::1]",
    W=plate_kernels.WIDE,
)
def conjugate_gradients(
    table: Any, bounds: Any, sizes: Any, spectrum: Any, unit: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any,
    Y: Any, b: Any, u: Any, r: Any, p: Any, q: Any, tolerance: float, change: float, most: int, sums: Any,
    part: int, parts: int, arrivals: Any, control: Any,
) -> int:  # fmt: skip
    """Solve A u = b from the u given; return the number of steps.

    It is done when no residual is larger than `tolerance`, or with a step of multigrid by itself that is nowhere larger
    than `change`.

    Preconditioned by one V-cycle. All threads call it together; p is zero at the start. sums: float64 [4, CHUNKS].
    """
    turn = np.zeros(1, np.int64)
    mine = CHUNKS * part // parts, CHUNKS * (part + 1) // parts
    for chunk in range(mine[0], mine[1]):
        low, high = bounds[0, chunk], bounds[0, chunk + 1]
        multiply(table, low, high, unit, A, wide, u, r)
        sums[0, chunk] = _start(table, low, high, b, r, B)
    before = 1.0
    for steps in range(most):
        _together(turn, parts, arrivals, control)
        if sums[0].max() <= tolerance or control[0] != 0:
            return steps
        cycle(
            table, bounds, sizes, spectrum, unit, A, inverse, wide, B, X, Y, part, parts, turn, arrivals, control,
        )  # fmt: skip
        for chunk in range(mine[0], mine[1]):
            sums[1, chunk] = _product(table, bounds[0, chunk], bounds[0, chunk + 1], r, Y)
            if change > 0:
                sums[3, chunk] = _largest(table, bounds[0, chunk], bounds[0, chunk + 1], Y)
        _together(turn, parts, arrivals, control)
        if change > 0 and sums[3].max() <= change:
            for chunk in range(mine[0], mine[1]):
                _go(table, bounds[0, chunk], bounds[0, chunk + 1], Y, u)
            return steps
        along = sums[1].sum()
        for chunk in range(mine[0], mine[1]):
            _turn_to(table, bounds[0, chunk], bounds[0, chunk + 1], along / before, Y, p)
        before = along
        _together(turn, parts, arrivals, control)
        for chunk in range(mine[0], mine[1]):
            multiply(table, bounds[0, chunk], bounds[0, chunk + 1], unit, A, wide, p, q)
            sums[2, chunk] = _product(table, bounds[0, chunk], bounds[0, chunk + 1], p, q)
        _together(turn, parts, arrivals, control)
        alpha = along / sums[2].sum()
        for chunk in range(mine[0], mine[1]):
            sums[0, chunk] = _step(table, bounds[0, chunk], bounds[0, chunk + 1], alpha, p, q, u, r, B)
    return most
