"""Kernels of the multigrid solver: sweeps, transfers between levels, the V-cycle and conjugate gradients.

The levels' pixels stand behind one another in flat arrays, so an index means one pixel of one level. A run is a few
hole pixels side by side; `table` says where it and its neighbours are kept (the columns are named below). Systems are
A = D - links: a positive diagonal `D` and symmetric links to the east (E), south (S), south-east (SE) and south-west
(SW); those to the other four neighbours are kept there. On the first level of the Laplacian the links are all 1 and
aren't read (`unit`).

Several threads run one solve side by side. Each level is divided into a fixed number of chunks, and sums are taken
chunk by chunk, so that the result doesn't depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.atomics import wait_for_all
from restauro.numerics.kernel import inner, kernel

# Columns of `table`, int64 [runs, 11]. The last three are rows of the finer level around a coarse run's first node.
FIRST, ABOVE, BELOW, LENGTH, PARENT_ABOVE, PARENT_BELOW, ODD, EDGES, CHILD_ABOVE, CHILD, CHILD_BELOW = range(11)
# Bits of EDGES: the run ends at the picture's last column, whose node would lie beyond it; the run's last node, or all
# its nodes, stand in for such a node of the finer level.
ENDS_BETWEEN, STANDS_FOR_RIGHT, STANDS_FOR_BELOW = 1, 2, 4

CHUNKS = 32
_SMALL = 2000  # pixels of a level up to which one thread does it and all coarser ones alone


@kernel
def sweep(table: Any, low: int, high: int, unit: bool, A: Any, B: Any, X: Any, Y: Any, damping: float) -> None:
    """Y = X + damping D^-1 (B - A X) at the pixels of some runs; with damping 0 the residual Y = B - A X."""
    for run in range(low, high):
        i = table[run, FIRST]
        n = table[run, LENGTH]
        above = table[run, ABOVE]
        below = table[run, BELOW]
        if unit:
            _unit_row(A, B, X, Y, i, n, above, below, damping)
        else:
            _row(A, B, X, Y, i, n, above, below, damping)


@inner
def _unit_row(A: Any, B: Any, X: Any, Y: Any, i: int, n: int, above: int, below: int, damping: float) -> None:
    d = A[0, i : i + n]
    b = B[i : i + n]
    west, x, east = X[i - 1 : i - 1 + n], X[i : i + n], X[i + 1 : i + 1 + n]
    north, south = X[above : above + n], X[below : below + n]
    y = Y[i : i + n]
    if damping == 0:
        for j in range(n):
            y[j] = b[j] - (d[j] * x[j] - west[j] - east[j] - north[j] - south[j])
    else:
        weight = y.dtype.type(damping)
        for j in range(n):
            y[j] = x[j] + weight * (b[j] - (d[j] * x[j] - west[j] - east[j] - north[j] - south[j])) / d[j]


@inner
def _row(A: Any, B: Any, X: Any, Y: Any, i: int, n: int, above: int, below: int, damping: float) -> None:
    weight = Y.dtype.type(damping)
    for j in range(n):
        k, up, down = i + j, above + j, below + j
        sides = A[1, k] * X[k + 1] + A[1, k - 1] * X[k - 1] + A[2, k] * X[down] + A[2, up] * X[up]
        corners = A[3, k] * X[down + 1] + A[3, up - 1] * X[up - 1] + A[4, k] * X[down - 1] + A[4, up + 1] * X[up + 1]
        residual = B[k] - (A[0, k] * X[k] - sides - corners)
        Y[k] = residual if damping == 0 else X[k] + weight * residual / A[0, k]


@kernel
def multiply(table: Any, low: int, high: int, unit: bool, A: Any, X: Any, Y: Any) -> float:
    """Y = A X at the pixels of some runs; return the sum of X Y."""
    product = 0.0
    for run in range(low, high):
        i = table[run, FIRST]
        above = table[run, ABOVE]
        below = table[run, BELOW]
        for j in range(table[run, LENGTH]):
            k, up, down = i + j, above + j, below + j
            if unit:
                value = A[0, k] * X[k] - X[k - 1] - X[k + 1] - X[up] - X[down]
            else:
                sides = A[1, k] * X[k + 1] + A[1, k - 1] * X[k - 1] + A[2, k] * X[down] + A[2, up] * X[up]
                corners = (
                    A[3, k] * X[down + 1] + A[3, up - 1] * X[up - 1] + A[4, k] * X[down - 1] + A[4, up + 1] * X[up + 1]
                )
                value = A[0, k] * X[k] - sides - corners
            Y[k] = value
            product += X[k] * value
    return product


@kernel
def _first_step(table: Any, low: int, high: int, A: Any, B: Any, X: Any, damping: float) -> None:
    """X = damping D^-1 B: a Jacobi step from zero."""
    weight = X.dtype.type(damping)
    for run in range(low, high):
        for k in range(table[run, FIRST], table[run, FIRST] + table[run, LENGTH]):
            X[k] = weight * B[k] / A[0, k]


@kernel
def _restrict(table: Any, low: int, high: int, X: Any, B: Any) -> None:
    """B of some coarse runs = transposed bilinear interpolation of the finer level's X."""
    half = B.dtype.type(0.5)
    for run in range(low, high):
        i = table[run, FIRST]
        n = table[run, LENGTH]
        up, at, down = table[run, CHILD_ABOVE], table[run, CHILD], table[run, CHILD_BELOW]
        edges = table[run, EDGES]
        under = B.dtype.type(1) if edges & STANDS_FOR_BELOW else half
        for j in range(n):
            k = 2 * j
            middle = X[at + k] + half * X[up + k] + under * X[down + k]
            left = X[at + k - 1] + half * X[up + k - 1] + under * X[down + k - 1]
            right = X[at + k + 1] + half * X[up + k + 1] + under * X[down + k + 1]
            B[i + j] = middle + half * (left + right)
        if edges & STANDS_FOR_RIGHT:
            k = 2 * n - 1
            B[i + n - 1] += half * (X[at + k] + half * X[up + k] + under * X[down + k])


@kernel
def _prolong(table: Any, low: int, high: int, X: Any, Y: Any) -> None:
    """Y of some fine runs += bilinear interpolation of the coarser level's X."""
    half = Y.dtype.type(0.5)
    quarter = Y.dtype.type(0.25)
    for run in range(low, high):
        i = table[run, FIRST]
        n = table[run, LENGTH]
        above, below = table[run, PARENT_ABOVE], table[run, PARENT_BELOW]
        odd = table[run, ODD]
        inside = n - 1 if table[run, EDGES] & ENDS_BETWEEN else n
        if odd and inside > 0:
            Y[i] += quarter * (X[above] + X[below] + X[above + 1] + X[below + 1])
        nodes = (inside - odd + 1) >> 1
        between = (inside - odd) >> 1
        for j in range(nodes):
            k = odd + j
            Y[i + odd + 2 * j] += half * (X[above + k] + X[below + k])
        for j in range(between):
            k = odd + j
            Y[i + odd + 2 * j + 1] += quarter * (X[above + k] + X[below + k] + X[above + k + 1] + X[below + k + 1])
        if inside < n:
            k = (n - 1 + odd) >> 1
            Y[i + n - 1] += half * (X[above + k] + X[below + k])


@inner
def _together(turn: Any, parts: int, arrivals: Any, control: Any) -> None:
    """Wait until every thread has come here."""
    if parts > 1:
        turn[0] += 1
        wait_for_all(arrivals, turn[0] * parts, control)


@kernel
def cycle(
    table: Any, bounds: Any, sizes: Any, spectrum: Any, unit: bool, A: Any, B: Any, X: Any, Y: Any,
    part: int, parts: int, turn: Any, arrivals: Any, control: Any,
) -> None:  # fmt: skip
    """One V-cycle from zero: Y of the first level = approximately A^-1 B. All threads call it together."""
    levels = bounds.shape[0]
    shared = 0
    while shared < levels and sizes[shared] > _SMALL and parts > 1:
        shared += 1
    for level in range(levels):
        alone = level >= shared
        if alone and part > 0:
            break
        low, high = _share(bounds, level, part, parts, alone)
        step = spectrum[level]
        if level > 0:
            _restrict(table, low, high, X, B)
        _first_step(table, low, high, A, B, X, step[0])
        if not alone:
            _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, B, X, Y, step[1])
        if not alone:
            _together(turn, parts, arrivals, control)
        if level + 1 < levels:
            sweep(table, low, high, unit and level == 0, A, B, Y, X, 0.0)
            if not alone:
                _together(turn, parts, arrivals, control)
    if shared < levels:
        if part == 0:
            _ascend(table, bounds, spectrum, unit, A, B, X, Y, shared)
        _together(turn, parts, arrivals, control)
    for level in range(min(shared, levels - 1) - 1, -1, -1):
        low, high = _share(bounds, level, part, parts, False)
        step = spectrum[level]
        _prolong(table, low, high, Y, Y)
        _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, B, Y, X, step[1])
        _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, B, X, Y, step[0])
        _together(turn, parts, arrivals, control)


@inner
def _share(bounds: Any, level: int, part: int, parts: int, alone: bool) -> Any:
    """Return the runs of a level that are this thread's."""
    if alone:
        return bounds[level, 0], bounds[level, CHUNKS]
    return bounds[level, CHUNKS * part // parts], bounds[level, CHUNKS * (part + 1) // parts]


@inner
def _ascend(table: Any, bounds: Any, spectrum: Any, unit: bool, A: Any, B: Any, X: Any, Y: Any, shared: int) -> None:
    """Come back from the coarsest level up to the first that isn't shared, on one thread."""
    for level in range(bounds.shape[0] - 2, shared - 1, -1):
        low, high = bounds[level, 0], bounds[level, CHUNKS]
        step = spectrum[level]
        _prolong(table, low, high, Y, Y)
        sweep(table, low, high, unit and level == 0, A, B, Y, X, step[1])
        sweep(table, low, high, unit and level == 0, A, B, X, Y, step[0])


@kernel
def _residual(table: Any, low: int, high: int, unit: bool, A: Any, b: Any, u: Any, r: Any, B: Any) -> float:
    """Set r = b - A u, also as B; return its largest magnitude."""
    multiply(table, low, high, unit, A, u, r)
    largest = 0.0
    for run in range(low, high):
        for k in range(table[run, FIRST], table[run, FIRST] + table[run, LENGTH]):
            r[k] = b[k] - r[k]
            B[k] = r[k]
            largest = max(largest, abs(r[k]))
    return largest


@kernel
def _step(table: Any, low: int, high: int, alpha: float, p: Any, q: Any, u: Any, r: Any, B: Any) -> float:
    """Go along p: u += alpha p, r -= alpha q, B = r; return the largest magnitude of r."""
    largest = 0.0
    for run in range(low, high):
        for k in range(table[run, FIRST], table[run, FIRST] + table[run, LENGTH]):
            u[k] += alpha * p[k]
            r[k] -= alpha * q[k]
            B[k] = r[k]
            largest = max(largest, abs(r[k]))
    return largest


@kernel
def _product(table: Any, low: int, high: int, r: Any, Z: Any) -> float:
    """Return the sum of r Z over some runs."""
    product = 0.0
    for run in range(low, high):
        for k in range(table[run, FIRST], table[run, FIRST] + table[run, LENGTH]):
            product += r[k] * Z[k]
    return product


@kernel
def _turn_to(table: Any, low: int, high: int, beta: float, Z: Any, p: Any) -> None:
    """Set p = Z + beta p."""
    for run in range(low, high):
        for k in range(table[run, FIRST], table[run, FIRST] + table[run, LENGTH]):
            p[k] = Z[k] + beta * p[k]


@kernel
def conjugate_gradients(
    table: Any, bounds: Any, sizes: Any, spectrum: Any, unit: bool, A: Any, B: Any, X: Any, Y: Any,
    b: Any, u: Any, r: Any, p: Any, q: Any, tolerance: float, most: int, sums: Any,
    part: int, parts: int, arrivals: Any, control: Any,
) -> int:  # fmt: skip
    """Solve A u = b from the u given, until no residual is larger than `tolerance`; return the number of steps.

    Preconditioned by one V-cycle. All threads call it together; p is zero at the start. sums: float64 [3, CHUNKS].
    """
    turn = np.zeros(1, np.int64)
    mine = CHUNKS * part // parts, CHUNKS * (part + 1) // parts
    for chunk in range(mine[0], mine[1]):
        low, high = bounds[0, chunk], bounds[0, chunk + 1]
        sums[0, chunk] = _residual(table, low, high, unit, A, b, u, r, B)
    before = 1.0
    for steps in range(most):
        _together(turn, parts, arrivals, control)
        if sums[0].max() <= tolerance or control[0] != 0:
            return steps
        cycle(table, bounds, sizes, spectrum, unit, A, B, X, Y, part, parts, turn, arrivals, control)
        for chunk in range(mine[0], mine[1]):
            sums[1, chunk] = _product(table, bounds[0, chunk], bounds[0, chunk + 1], r, Y)
        _together(turn, parts, arrivals, control)
        along = sums[1].sum()
        for chunk in range(mine[0], mine[1]):
            _turn_to(table, bounds[0, chunk], bounds[0, chunk + 1], along / before, Y, p)
        before = along
        _together(turn, parts, arrivals, control)
        for chunk in range(mine[0], mine[1]):
            sums[2, chunk] = multiply(table, bounds[0, chunk], bounds[0, chunk + 1], unit, A, p, q)
        _together(turn, parts, arrivals, control)
        alpha = along / sums[2].sum()
        for chunk in range(mine[0], mine[1]):
            sums[0, chunk] = _step(table, bounds[0, chunk], bounds[0, chunk + 1], alpha, p, q, u, r, B)
    return most
