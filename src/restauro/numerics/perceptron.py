"""One hidden layer over planes of numbers, pixel by pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import orderly_kernel


@orderly_kernel("i8, i8, f4[:, :, ::1], f4[:, ::1], f4[::1], f4[::1], f8, f4[:, ::1]")
def apply(
    first_row: int,
    end_row: int,
    planes: NDArray[np.float32],
    weights: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    sums: NDArray[np.float32],
    last: float,
    out: NDArray[np.float32],
) -> None:
    """Write sums . max(weights planes + thresholds, 0) + last for some rows.

    planes: [F, H, W]; weights: [hidden, F]; thresholds, sums: [hidden]; out: [H, W].
    """
    width = out.shape[1]
    unit = np.empty(width, np.float32)
    for y in range(first_row, end_row):
        line = out[y]
        line[:] = np.float32(last)
        for h in range(weights.shape[0]):
            unit[:] = thresholds[h]
            for k in range(weights.shape[1]):
                weight, plane = weights[h, k], planes[k, y]
                for x in range(width):
                    unit[x] += weight * plane[x]
            share = sums[h]
            for x in range(width):
                line[x] += share * max(unit[x], np.float32(0))
