"""Right sides from known pixels: what a hole's neighbours give to the system inside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import kernel, orderly_kernel
from restauro.numerics.sparse_grid import SparseGrid


def known_range(known: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middle of the range of each channel's values, [C, size], NaN where unknown, and its width, [C].

    Of a channel without values they are NaN and -infinity.
    """
    middle, width = np.empty((2, len(known)))
    _range(known, middle, width)
    return middle, width


def laplacian_right_side(
    grid: SparseGrid,
    known: NDArray[np.float64],
    zero: NDArray[np.float64],
    unit: NDArray[np.float64],
    dtype: type[np.floating[Any]] = np.float64,
) -> NDArray[np.floating[Any]]:
    """Return the sum of the known neighbours of each hole pixel, [C, size], measured from `zero` in `unit`s, [C]."""
    b = np.zeros(known.shape, dtype)
    _sum_neighbours(grid.around, grid.margin, grid.start, grid.stop, known, zero, unit, b)
    return b


@kernel("f8[:, ::1], f8[::1], f8[::1]")
def _range(known: Any, middle: Any, width: Any) -> None:
    for c in range(known.shape[0]):
        low, high = np.inf, -np.inf
        for value in known[c]:
            if value < low:  # NaN is neither
                low = value
            if value > high:
                high = value
        middle[c] = low / 2 + high / 2  # halved first: sums of large numbers might overflow
        width[c] = high - low


@orderly_kernel("i4[:, ::1], i8, i4[::1], i4[::1], f8[:, ::1], f8[::1], f8[::1], T[:, ::1]", T="f4 f8")
def _sum_neighbours(around: Any, margin: int, start: Any, stop: Any, known: Any, zero: Any, unit: Any, b: Any) -> None:
    for c in range(known.shape[0]):
        if not unit[c] > 0:
            continue
        for run in range(start.shape[0]):
            for j in range(stop[run] - start[run]):
                k = around[run, margin] + j
                total = 0.0
                for i in (k - 1, k + 1, around[run, margin - 1] + j, around[run, margin + 1] + j):
                    if not np.isnan(known[c, i]):
                        total += (known[c, i] - zero[c]) / unit[c]
                b[c, k] = total
