"""Low frequencies of what holes hold, by averages over cells: a sixteenth of the box that the holes are in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import kernel

CELL = 4  # pixels


def low_pass(difference: NDArray[np.float32], holes: NDArray[np.int32], width: int, sigma: float) -> Any:
    """Smooth values of hole pixels with a Gaussian; outside the holes they count as 0.

    Parameters
    ----------
    difference
        float32 [n, C], values of the hole pixels.
    holes
        int32 [n], their flat indices, ascending.
    sigma
        Standard deviation of the Gaussian, in pixels, 4 or more.

    Returns
    -------
    float32 [n, C].
    """
    spread = np.sqrt(sigma**2 - CELL**2 / 4) / CELL  # averaging over cells and interpolation smooth as well
    radius = int(np.ceil(3 * spread))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / spread) ** 2)
    first_row = int(holes[0]) // width // CELL
    rows = int(holes[-1]) // width // CELL - first_row + 1
    columns = (width - 1) // CELL + 1
    cells = np.zeros((rows + 2, columns + 2, difference.shape[1]), np.float32)  # one more on every side
    taps /= taps.sum()
    _sum_cells(difference, holes, width, first_row, cells)
    along_y = np.zeros_like(cells)
    _convolve(cells, taps.astype(np.float32), along_y)
    cells = np.ascontiguousarray(along_y.swapaxes(0, 1))
    both = np.zeros_like(cells)
    _convolve(cells, taps.astype(np.float32), both)
    smoothed = np.empty_like(difference)
    _interpolate(both, holes, width, first_row, smoothed)
    return smoothed


@kernel("f4[:, ::1], i4[::1], i8, i8, f4[:, :, ::1]")
def _sum_cells(difference: Any, holes: Any, width: int, first_row: int, cells: Any) -> None:
    """Set the cells, [row, column, channel] from the row above the first, to the means over their pixels."""
    share = np.float32(1 / CELL**2)
    for k in range(holes.shape[0]):
        y = holes[k] // width
        x = holes[k] - y * width
        for c in range(difference.shape[1]):
            cells[y // CELL - first_row + 1, x // CELL + 1, c] += share * difference[k, c]


@kernel("f4[:, :, ::1], f4[::1], f4[:, :, ::1]")
def _convolve(cells: Any, taps: Any, out: Any) -> None:
    """Convolve along the first axis; beyond the ends there are zeros."""
    radius = taps.shape[0] // 2
    for y in range(cells.shape[0]):
        for i in range(max(0, y - radius), min(cells.shape[0], y + radius + 1)):
            tap = taps[i - y + radius]
            for x in range(cells.shape[1]):
                for c in range(cells.shape[2]):
                    out[y, x, c] += tap * cells[i, x, c]


@kernel("f4[:, :, ::1], i4[::1], i8, i8, f4[:, ::1]")
def _interpolate(cells: Any, holes: Any, width: int, first_row: int, out: Any) -> None:
    """Bilinear interpolation between the cells' middles; cells: [column, row, channel]."""
    step = np.float32(1 / CELL)
    for k in range(holes.shape[0]):
        y = holes[k] // width
        x = holes[k] - y * width
        at_y = (np.float32(y) + np.float32(0.5)) * step + np.float32(0.5) - np.float32(first_row)
        at_x = (np.float32(x) + np.float32(0.5)) * step + np.float32(0.5)
        i, j = np.int64(at_y), np.int64(at_x)
        v, u = at_y - np.float32(i), at_x - np.float32(j)
        for c in range(out.shape[1]):
            upper = cells[j, i, c] + u * (cells[j + 1, i, c] - cells[j, i, c])
            lower = cells[j, i + 1, c] + u * (cells[j + 1, i + 1, c] - cells[j, i + 1, c])
            out[k, c] = upper + v * (lower - upper)
