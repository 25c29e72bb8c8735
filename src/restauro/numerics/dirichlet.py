"""Right sides from known pixels: what a hole's neighbours give to the system inside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import kernel, orderly_kernel
from restauro.numerics.sparse_grid import SparseGrid


def known_range(known: NDArray[np.float64]) -> tuple[float, float]:
    """Return the lowest and the highest of values that are NaN where unknown."""
    low, high = _range(known)
    return float(low), float(high)


def laplacian_right_side(grid: SparseGrid, known: NDArray[np.float64], zero: float, unit: float) -> NDArray[np.float64]:
    """Return the sum of the known neighbours of each hole pixel, measured from `zero` in `unit`s."""
    b = grid.empty()
    if unit > 0:
        _sum_neighbours(grid.around, grid.margin, grid.lengths, known, zero, unit, b)
    return b


@kernel("f8[::1]")
def _range(known: Any) -> Any:
    low, high = np.inf, -np.inf
    for value in known:
        if value < low:  # NaN is neither
            low = value
        if value > high:
            high = value
    return low, high


@orderly_kernel("i8[:, ::1], i8, i8[::1], f8[::1], f8, f8, f8[::1]")
def _sum_neighbours(around: Any, margin: int, lengths: Any, known: Any, zero: float, unit: float, b: Any) -> None:
    for run in range(around.shape[0]):
        for j in range(lengths[run]):
            k = around[run, margin] + j
            total = 0.0
            for i in (k - 1, k + 1, around[run, margin - 1] + j, around[run, margin + 1] + j):
                if not np.isnan(known[i]):
                    total += (known[i] - zero) / unit
            b[k] = total
