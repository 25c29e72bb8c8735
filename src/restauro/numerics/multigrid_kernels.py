"""Kernels of the multigrid solver: sweeps, products, transfers between levels.

The levels' pixels stand behind one another in flat arrays, so an index means one pixel of one level. A run is a few
hole pixels side by side; `table` says where it and its neighbours are kept (the columns are named below). Systems are
A = D - links: a positive diagonal `D` and symmetric links to the east (E), south (S), south-east (SE) and south-west
(SW); those to the other four neighbours are kept there. On the first level of the Laplacian the links are all 1 and
aren't read (`unit`). Where `wide` isn't None, the system is the biharmonic one of plate_kernels.

Eight pixels are written at a time, those behind a run's end as they were. Between the last run of one thread and the
first of the next is room for that: see `hierarchy.set_bounds`.

Vectors are planes behind one another, `stride` numbers apart: one for each right side, a channel of a picture. `planes`
says which of them are computed, side by side: links are read once for all, and runs are gone to once.
"""

from __future__ import annotations

from typing import Any

from restauro.numerics import plate_kernels
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.vectors import LANES, evens, load, lower_woven, rewrite, upper_woven

# Columns of `table`, int32 [runs, 10]. The last three are rows of the finer level around a coarse run's first node.
FIRST, ABOVE, BELOW, LENGTH, PARENT_ABOVE, PARENT_BELOW, EDGES, CHILD_ABOVE, CHILD, CHILD_BELOW = range(10)
COLUMNS = 10
# Bits of EDGES: the run begins between two nodes; it ends at the picture's last column, whose node would lie beyond it;
# its last node, or all its nodes, stand in for such a node of the finer level.
ODD, ENDS_BETWEEN, STANDS_FOR_RIGHT, STANDS_FOR_BELOW = 1, 2, 4, 8

# Rows of `A`, float [5, pixels]: the diagonal and the four links.
DIAGONAL, EAST, SOUTH, SOUTH_EAST, SOUTH_WEST = range(5)


@kernel()
def sweep(
    table: Any, low: int, high: int, unit: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any, Y: Any, planes: Any,
    stride: int, damping: float,
) -> None:  # fmt: skip
    """Y = X + damping D^-1 (B - A X) at the pixels of some runs: a damped Jacobi step."""
    if wide is not None:
        for plane in planes:
            b, x, y = _plane(B, plane, stride), _plane(X, plane, stride), _plane(Y, plane, stride)
            plate_kernels.sweep(table, low, high, unit, A, inverse, wide, b, x, y, damping)
        return
    weight = Y.dtype.type(damping)
    for run in range(low, high):
        i, n, above, below = _places(table, run)
        for j in range(0, n, LANES):
            k, up, down = i + j, above + j, below + j
            links, share = _links(A, unit, k, up, down), load(inverse, k)
            for plane in planes:
                past = plane * stride
                x = load(X, past + k)
                linked = _linked(X, past + k, past + up, past + down, unit, links)
                rewrite(Y, past + k, x + weight * (share * (load(B, past + k) + linked) - x), n - j)


@kernel()
def residual(
    table: Any, low: int, high: int, unit: bool, A: Any, wide: Any, B: Any, X: Any, Y: Any, planes: Any, stride: int
) -> None:
    """Y = B - A X at the pixels of some runs."""
    if wide is not None:
        for plane in planes:
            b, x, y = _plane(B, plane, stride), _plane(X, plane, stride), _plane(Y, plane, stride)
            plate_kernels.residual(table, low, high, unit, A, wide, b, x, y)
        return
    for run in range(low, high):
        i, n, above, below = _places(table, run)
        for j in range(0, n, LANES):
            k, up, down = i + j, above + j, below + j
            links, diagonal = _links(A, unit, k, up, down), load(A[DIAGONAL], k)
            for plane in planes:
                past = plane * stride
                linked = _linked(X, past + k, past + up, past + down, unit, links)
                rewrite(Y, past + k, load(B, past + k) - diagonal * load(X, past + k) + linked, n - j)


@kernel()
def multiply(
    table: Any, low: int, high: int, unit: bool, A: Any, wide: Any, X: Any, Y: Any, planes: Any, stride: int, apart: int
) -> None:
    """Y = A X at the pixels of some runs; the planes of Y are `apart`."""
    if wide is not None:
        for plane in planes:
            x, y = _plane(X, plane, stride), _plane(Y, plane, apart)
            plate_kernels.multiply(table, low, high, unit, A, wide, x, y)
        return
    for run in range(low, high):
        i, n, above, below = _places(table, run)
        for j in range(0, n, LANES):
            k, up, down = i + j, above + j, below + j
            links, diagonal = _links(A, unit, k, up, down), load(A[DIAGONAL], k)
            for plane in planes:
                past = plane * stride
                linked = _linked(X, past + k, past + up, past + down, unit, links)
                rewrite(Y, plane * apart + k, diagonal * load(X, past + k) - linked, n - j)


@inner
def _plane(X: Any, plane: int, stride: int) -> Any:
    return X[plane * stride : (plane + 1) * stride]


@inner
def _places(table: Any, run: int) -> Any:
    """Return where a run begins, its length, and where its rows above and below are."""
    return table[run, FIRST], table[run, LENGTH], table[run, ABOVE], table[run, BELOW]


@inner
def _links(A: Any, unit: bool, k: int, up: int, down: int) -> Any:
    """Return the eight links of pixels side by side, vectors; the first pixel is at k. Of the Laplacian, anything."""
    east, south, south_east, south_west = A[EAST], A[SOUTH], A[SOUTH_EAST], A[SOUTH_WEST]
    if unit:
        one = load(east, k)
        return one, one, one, one, one, one, one, one
    in_row, in_column = (load(east, k), load(east, k - 1)), (load(south, k), load(south, up))
    falling, rising = (load(south_east, k), load(south_east, up - 1)), (load(south_west, k), load(south_west, up + 1))
    return in_row[0], in_row[1], in_column[0], in_column[1], falling[0], falling[1], rising[0], rising[1]


@inner
def _linked(X: Any, k: int, up: int, down: int, unit: bool, links: Any) -> Any:
    """Return the sum of the links times X of pixels side by side, a vector; the first pixel is at k."""
    if unit:
        return load(X, k - 1) + load(X, k + 1) + load(X, up) + load(X, down)
    east, west, south, north, south_east, north_west, south_west, north_east = links
    in_row = east * load(X, k + 1) + west * load(X, k - 1)
    in_column = south * load(X, down) + north * load(X, up)
    falling = south_east * load(X, down + 1) + north_west * load(X, up - 1)
    rising = south_west * load(X, down - 1) + north_east * load(X, up + 1)
    return in_row + in_column + falling + rising


@inner
def span(table: Any, low: int, high: int) -> Any:
    """Return the first pixel of some runs and the one after the last. What isn't hole between is and stays 0."""
    if low == high:
        return 0, 0
    return table[low, FIRST], table[high - 1, FIRST] + table[high - 1, LENGTH]


@kernel()
def first_step(
    table: Any, low: int, high: int, inverse: Any, B: Any, X: Any, planes: Any, stride: int, damping: float
) -> None:
    """X = damping D^-1 B at the pixels of some runs: a Jacobi step from zero."""
    weight = X.dtype.type(damping)
    first, end = span(table, low, high)
    for plane in planes:
        past = plane * stride
        x, b, shares = X[past + first : past + end], B[past + first : past + end], inverse[first:end]
        for k in range(end - first):
            x[k] = weight * shares[k] * b[k]


@kernel()
def restrict(table: Any, low: int, high: int, wide: Any, X: Any, B: Any, planes: Any, stride: int) -> None:
    """B of some coarse runs = transposed interpolation, bilinear or as `wide` has it, of the finer level's X."""
    if wide is not None:
        for plane in planes:
            plate_kernels.restrict(table, low, high, wide, _plane(X, plane, stride), _plane(B, plane, stride))
        return
    half = B.dtype.type(0.5)
    for run in range(low, high):
        n, edges = table[run, LENGTH], table[run, EDGES]
        under = B.dtype.type(1) if edges & STANDS_FOR_BELOW else half
        for plane in planes:
            past = plane * stride
            i = past + table[run, FIRST]
            up, at, down = past + table[run, CHILD_ABOVE], past + table[run, CHILD], past + table[run, CHILD_BELOW]
            for j in range(0, n, LANES):
                left = _every_second(X, up + 2 * j - 1, at + 2 * j - 1, down + 2 * j - 1, half, under)
                middle = _every_second(X, up + 2 * j, at + 2 * j, down + 2 * j, half, under)
                right = _every_second(X, up + 2 * j + 1, at + 2 * j + 1, down + 2 * j + 1, half, under)
                rewrite(B, i + j, middle + half * (left + right), n - j)
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
def prolong(table: Any, low: int, high: int, wide: Any, Y: Any, planes: Any, stride: int) -> None:
    """Y of some fine runs += interpolation, bilinear or as `wide` has it, of the coarser level's Y."""
    if wide is not None:
        for plane in planes:
            y = _plane(Y, plane, stride)
            plate_kernels.prolong(table, low, high, wide, y, y)
        return
    half = Y.dtype.type(0.5)
    quarter = Y.dtype.type(0.25)
    for run in range(low, high):
        n, edges = table[run, LENGTH], table[run, EDGES]
        odd = edges & ODD
        inside = n - 1 if edges & ENDS_BETWEEN else n
        count = inside - odd  # from a node's own column on
        for plane in planes:
            past = plane * stride
            i, above, below = past + table[run, FIRST], past + table[run, PARENT_ABOVE], past + table[run, PARENT_BELOW]
            if odd and inside:  # between the first node and the next
                Y[i] += quarter * (Y[above] + Y[below] + Y[above + 1] + Y[below + 1])
            for j in range(0, count, 2 * LANES):
                node = odd + j // 2
                here = load(Y, above + node) + load(Y, below + node)
                after = load(Y, above + node + 1) + load(Y, below + node + 1)
                own, between = half * here, quarter * (here + after)
                k = i + odd + j
                rewrite(Y, k, load(Y, k) + lower_woven(own, between), count - j)
                if count - j > LANES:
                    k += LANES
                    rewrite(Y, k, load(Y, k) + upper_woven(own, between), count - j - LANES)
            if inside < n:
                k = (n - 1 + odd) // 2
                Y[i + n - 1] += half * (Y[above + k] + Y[below + k])
