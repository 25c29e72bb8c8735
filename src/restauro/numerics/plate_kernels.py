"""Kernels of the biharmonic system: the bending of a thin plate on hole pixels, and its coarser versions.

The energy is the sum of u_xx^2 + u_yy^2 + 2 u_xy^2 over all differences that lie in the picture, so its derivative is
the usual 13-point stencil inside, and at the picture's edge the natural conditions of a free plate. Along one axis that
is a matrix for u_xx^2 (`bend`, 5 diagonals) and one for u_x^2 (`slope`, 3 diagonals); the system is

    A = bend_x + bend_y + 2 slope_x slope_y

Interpolation between levels is that of quadratic splines, (1/4, 3/4, 3/4, 1/4) along each axis, straight on beyond the
picture's edge; splines with a kink, as bilinear ones have, would cost infinite energy on ever finer grids. Coarse
systems have 25 links, all kept with the pixel.

`wide` is a tuple (places, rows, columns, row_weights, column_weights, numbers):
places: int64 [runs, 15], columns named below.
rows, columns: float64 [8, ...]: `bend` and `slope` of the picture's rows and columns.
row_weights, column_weights: float64 [3, ...]: how a pixel is made of the node before its own, its own, the next.
numbers: int32 [pixels]: where a coarse node's links are kept; side by side, without what surrounds the hole.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner, kernel

# The types in `wide`, for signatures.
WIDE = "Tuple((i8[:,::1],f8[:,::1],f8[:,::1],f8[:,::1],f8[:,::1],i4[::1]))"

# Columns of `table` that are read here: see multigrid_kernels.
_FIRST, _ABOVE, _BELOW, _LENGTH = range(4)
# Columns of `places`. Rows and columns count in the weights, where the levels stand behind one another. PARENT: the
# three rows of nodes around a run's first pixel, the column before its own node. CHILD: six rows of pixels, the column
# two before a run's first node's.
ABOVE_2, BELOW_2, ROW, COLUMN, FINE_ROW, FINE_COLUMN, PARENT, CHILD = 0, 1, 2, 3, 4, 5, 6, 9
PLACES = 15
# Rows of `rows` and `columns`.
_BEND, _SLOPE = 0, 5
CENTRE = 12  # of the 25 links

_1, _2 = np.uint64(1), np.uint64(2)


@inner
def _around(table: Any, places: Any, run: int) -> Any:
    """Return where a run's five rows are kept, from two above to two below, and its length."""
    return (
        np.uint64(places[run, ABOVE_2]),
        np.uint64(table[run, _ABOVE]),
        np.uint64(table[run, _FIRST]),
        np.uint64(table[run, _BELOW]),
        np.uint64(places[run, BELOW_2]),
        np.uint64(table[run, _LENGTH]),
    )


@inner
def _three(X: Any, k: Any, a: float, b: float, c: float) -> Any:
    return a * X[k - _1] + b * X[k] + c * X[k + _1]


@inner
def _five(X: Any, k: Any, weights: Any, row: int, j: Any) -> Any:
    outer = weights[row, j] * X[k - _2] + weights[row + 4, j] * X[k + _2]
    return outer + weights[row + 1, j] * X[k - _1] + weights[row + 2, j] * X[k] + weights[row + 3, j] * X[k + _1]


@inner
def _inside(X: Any, up_2: Any, up: Any, k: Any, down: Any, down_2: Any) -> Any:
    """Return A X where the picture's edge is far: the 13-point stencil."""
    sides = X[k - _1] + X[k + _1] + X[up] + X[down]
    corners = X[up - _1] + X[up + _1] + X[down - _1] + X[down + _1]
    return 20 * X[k] - 8 * sides + 2 * corners + (X[k - _2] + X[k + _2] + X[up_2] + X[down_2])


@inner
def _at_edge(
    X: Any, up_2: Any, up: Any, k: Any, down: Any, down_2: Any, rows: Any, row: Any, columns: Any, column: Any
) -> Any:
    """Return A X anywhere."""
    a, b, c = columns[_SLOPE, column], columns[_SLOPE + 1, column], columns[_SLOPE + 2, column]
    bend_y = rows[_BEND, row] * X[up_2] + rows[_BEND + 1, row] * X[up] + rows[_BEND + 2, row] * X[k]
    bend_y += rows[_BEND + 3, row] * X[down] + rows[_BEND + 4, row] * X[down_2]
    twist = rows[_SLOPE, row] * _three(X, up, a, b, c) + rows[_SLOPE + 1, row] * _three(X, k, a, b, c)
    twist += rows[_SLOPE + 2, row] * _three(X, down, a, b, c)
    return _five(X, k, columns, _BEND, column) + bend_y + 2 * twist


@inner
def _coarse(A: Any, kept: Any, X: Any, up_2: Any, up: Any, k: Any, down: Any, down_2: Any) -> Any:
    """Return A X of a coarse system; `kept` is where the pixel's links are."""
    total = _five(X, up_2, A, 0, kept) + _five(X, up, A, 5, kept) + _five(X, k, A, 10, kept)
    return total + _five(X, down, A, 15, kept) + _five(X, down_2, A, 20, kept)


@kernel("i4[:, ::1], i8, i8, b1, f8[:, ::1], W, f8[::1], f8[::1]", W=WIDE)
def multiply(table: Any, low: int, high: int, finest: bool, A: Any, wide: Any, X: Any, Y: Any) -> None:
    """Y = A X at the pixels of some runs."""
    _apply(table, low, high, finest, A, None, wide, None, X, Y, 0.0)


@kernel()
def residual(table: Any, low: int, high: int, finest: bool, A: Any, wide: Any, B: Any, X: Any, Y: Any) -> None:
    """Y = B - A X at the pixels of some runs."""
    _apply(table, low, high, finest, A, None, wide, B, X, Y, 0.0)


@kernel()
def sweep(
    table: Any, low: int, high: int, finest: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any, Y: Any,
    damping: float,
) -> None:  # fmt: skip
    """Y = X + damping D^-1 (B - A X) at the pixels of some runs: a damped Jacobi step."""
    _apply(table, low, high, finest, A, inverse, wide, B, X, Y, damping)


@inner
def _apply(
    table: Any, low: int, high: int, finest: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any, Y: Any,
    damping: float,
) -> None:  # fmt: skip
    places, rows, columns, _, _, numbers = wide
    for run in range(low, high):
        up_2, up, i, down, down_2, n = _around(table, places, run)
        row, column = np.uint64(places[run, ROW]), np.uint64(places[run, COLUMN])
        if not finest:
            kept = np.uint64(numbers[i])
            for j in range(n):
                value = _coarse(A, kept + j, X, up_2 + j, up + j, i + j, down + j, down_2 + j)
                Y[i + j] = _finished(value, i + j, inverse, B, X, damping)
        elif _far_from_edge(rows, row, columns, column, n):
            for j in range(n):
                value = _inside(X, up_2 + j, up + j, i + j, down + j, down_2 + j)
                Y[i + j] = _finished(value, i + j, inverse, B, X, damping)
        else:
            for j in range(n):
                value = _at_edge(X, up_2 + j, up + j, i + j, down + j, down_2 + j, rows, row, columns, column + j)
                Y[i + j] = _finished(value, i + j, inverse, B, X, damping)


@inner
def _finished(value: Any, k: Any, inverse: Any, B: Any, X: Any, damping: float) -> Any:
    """Return what is stored of A X: itself, the residual, or the Jacobi step; what is None is left out on compiling."""
    if B is None:
        return value
    if inverse is None:
        return B[k] - value
    return X[k] + damping * inverse[k] * (B[k] - value)


@inner
def _far_from_edge(rows: Any, row: Any, columns: Any, column: Any, n: Any) -> bool:
    """Return whether the stencil of all pixels of a run is the one inside: only there the middle of `bend` is 6."""
    return bool(rows[2, row] == 6 and columns[2, column] == 6 and columns[2, column + n - _1] == 6)


@kernel()
def restrict(table: Any, low: int, high: int, wide: Any, X: Any, B: Any) -> None:
    """B of some coarse runs = transposed interpolation of the finer level's X."""
    places, _, _, row_weights, column_weights, _ = wide
    line = np.empty(2 * _longest(table, low, high) + 4)  # the finer rows together
    for run in range(low, high):
        n = table[run, _LENGTH]
        line[: 2 * n + 4] = 0
        for child in range(6):
            weight = _weight_of(row_weights, places[run, FINE_ROW], child)
            if weight != 0:
                k = places[run, CHILD + child]
                for j in range(2 * n + 4):
                    line[j] += weight * X[k + j]
        i, column = table[run, _FIRST], places[run, FINE_COLUMN]
        for j in range(n):
            total = 0.0
            for child in range(6):
                total += _weight_of(column_weights, column + 2 * j, child) * line[2 * j + child]
            B[i + j] = total


@inner
def _longest(table: Any, low: int, high: int) -> int:
    """Return the length of the longest of some runs."""
    longest = 0
    for run in range(low, high):
        longest = max(longest, table[run, _LENGTH])
    return longest


@inner
def _weight_of(weights: Any, first: int, child: int) -> Any:
    """Return how much of a node its child has: 0 to 5, the node's own two being 2 and 3, kept from `first` on."""
    return weights[2 - (child >> 1), first + child]


@kernel()
def prolong(table: Any, low: int, high: int, wide: Any, X: Any, Y: Any) -> None:
    """Y of some fine runs += interpolation of the coarser level's X."""
    places, _, _, row_weights, column_weights, _ = wide
    line = np.empty((_longest(table, low, high) >> 1) + 4)  # the coarser rows together
    for run in range(low, high):
        i, n = table[run, _FIRST], table[run, _LENGTH]
        row, column = places[run, ROW], places[run, COLUMN]
        odd = column & 1
        nodes = ((n - 1 + odd) >> 1) + 3
        line[:nodes] = 0
        for parent in range(3):
            weight = row_weights[parent, row]
            k = places[run, PARENT + parent]
            for j in range(nodes):
                line[j] += weight * X[k + j]
        for j in range(n):
            k = (j + odd) >> 1
            before, own = column_weights[0, column + j] * line[k], column_weights[1, column + j] * line[k + 1]
            Y[i + j] += before + own + column_weights[2, column + j] * line[k + 2]
