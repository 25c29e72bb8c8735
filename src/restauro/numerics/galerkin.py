"""Kernels that set up a multigrid hierarchy: the finest system, and of each coarser one the Galerkin product P^T A P.

For `table`, `A` and the columns see multigrid_kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.hierarchy import CHUNKS
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.multigrid_kernels import (
    ABOVE,
    BELOW,
    CHILD_ABOVE,
    DIAGONAL,
    EAST,
    EDGES,
    FIRST,
    LENGTH,
    SOUTH,
    SOUTH_EAST,
    SOUTH_WEST,
    STANDS_FOR_BELOW,
    STANDS_FOR_RIGHT,
)


@kernel("i8[::1], i4[::1], i8, i8, i4[:, ::1], f4[:, ::1], f4[::1]")
def set_laplacian(row_start: Any, start: Any, height: int, width: int, table: Any, A: Any, inverse: Any) -> None:
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


@kernel("i4[:, ::1], i8, f4[:, ::1], f4[:, ::1], f4[::1]")
def set_links(table: Any, runs: int, links: Any, A: Any, inverse: Any) -> None:
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


@kernel("i4[:, ::1], i8, f4[:, ::1], f4[::1]")
def keep_links(table: Any, runs: int, A: Any, inverse: Any) -> None:
    """Take the system that A has on the first level: drop links from and to known pixels, whose diagonals are 0."""
    for run in range(runs):
        i, above, below, n = table[run, FIRST], table[run, ABOVE], table[run, BELOW], table[run, LENGTH]
        A[EAST, i - 1] = 0
        A[EAST, i + n - 1] = 0
        for j in range(n):
            k, up, down = i + j, above + j, below + j
            inverse[k] = 1 / A[DIAGONAL, k]
            if A[DIAGONAL, down] == 0:
                A[SOUTH, k] = 0
            if A[DIAGONAL, down + 1] == 0:
                A[SOUTH_EAST, k] = 0
            if A[DIAGONAL, down - 1] == 0:
                A[SOUTH_WEST, k] = 0
            if A[DIAGONAL, up] == 0:
                A[SOUTH, up] = 0
            if A[DIAGONAL, up - 1] == 0:
                A[SOUTH_EAST, up - 1] = 0
            if A[DIAGONAL, up + 1] == 0:
                A[SOUTH_WEST, up + 1] = 0


@kernel("i4[:, ::1], i8[:, ::1], f4[:, ::1], f4[::1], f4[::1], f4[::1], f4[::1], f8[::1], f8[:, ::1]")
def set_small(
    table: Any, bounds: Any, A: Any, inverse: Any, north: Any, north_west: Any, north_east: Any, damping: Any,
    spectrum: Any,
) -> None:  # fmt: skip
    """Set the coarse systems and bounds of all levels, on one thread: calls would cost more than what is done."""
    for level in range(bounds.shape[0]):
        low, high = bounds[level, 0], bounds[level, CHUNKS]
        if level > 0:
            copy_opposite(table, bounds[level - 1, 0], bounds[level - 1, CHUNKS], A, north, north_west, north_east)
            set_products(table, low, high, A, inverse, north, north_west, north_east)
            cut_off(table, low, high, A, inverse)
        largest = max(1.0, bound(table, low, high, A))
        for step in range(damping.shape[0]):
            spectrum[level, step] = 1 / (damping[step] * largest)


@kernel("i4[:, ::1], i8, i8, f4[:, ::1]")
def bound(table: Any, low: int, high: int, A: Any) -> float:
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


@kernel("i4[:, ::1], i8, i8, f4[:, ::1], f4[::1], f4[::1], f4[::1]")
def copy_opposite(table: Any, low: int, high: int, A: Any, north: Any, north_west: Any, north_east: Any) -> None:
    """Copy each pixel's links to the row above to where the pixel is kept."""
    for run in range(low, high):
        i, above = table[run, 0], table[run, 1]
        for j in range(table[run, 3]):
            north[i + j] = A[2, above + j]
            north_west[i + j] = A[3, above + j - 1]
            north_east[i + j] = A[4, above + j + 1]


@kernel("i4[:, ::1], i8, i8, f4[:, ::1], f4[::1], f4[::1], f4[::1], f4[::1]")
def set_products(
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


@kernel("i4[:, ::1], i8, i8, f4[:, ::1], f4[::1]")
def cut_off(table: Any, low: int, high: int, A: Any, inverse: Any) -> None:
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
