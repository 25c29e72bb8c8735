"""How deep pixels lie in a crack, as far as its profile asks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, orderly_kernel


@orderly_kernel("b1[:, ::1], i8[:], i8[:], i8")
def profile(
    hole: NDArray[np.bool_], rows: NDArray[np.int64], columns: NDArray[np.int64], reach: int
) -> NDArray[np.float64]:
    """Return, for the hole pixels at rows and columns [n], how much of a crack's darkness each has, above 0 to 1.

    With d, a pixel's distance to what isn't hole (at most `reach`), and m, the greatest d among it and its eight
    neighbours, it is 1 - (1 - d / m) / d: 1 in the middle, so all along a crack one or two pixels wide, and 0.5 at the
    rim of a wider one. hole: [H, W]; what is outside the picture counts as hole.
    """
    nearest = np.zeros(hole.shape, np.uint8)  # squared distances
    for k in range(len(rows)):
        nearest[rows[k], columns[k]] = _squared_distance(hole, rows[k], columns[k], reach)
    found = np.empty(len(rows))
    for k in range(len(rows)):
        row, column = rows[k], columns[k]
        around = nearest[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        own, most = np.sqrt(float(nearest[row, column])), np.sqrt(float(around.max()))
        found[k] = 1 - (1 - own / most) / own
    return found


@inner
def _squared_distance(hole: NDArray[np.bool_], row: int, column: int, reach: int) -> int:
    height, width = hole.shape
    least = reach * reach
    for y in range(max(row - reach, 0), min(row + reach, height - 1) + 1):
        for x in range(max(column - reach, 0), min(column + reach, width - 1) + 1):
            if not hole[y, x]:
                least = min(least, (y - row) ** 2 + (x - column) ** 2)
    return least
