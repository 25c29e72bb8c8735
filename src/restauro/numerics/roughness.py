"""How rough a picture is, pixel by pixel: what the plane that fits a patch best leaves of its variance."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import kernel
from restauro.numerics.patches import SIDE, UNUSED, Level
from restauro.numerics.threads import Threads

_REACH = SIDE // 2


def lacking(smooth: NDArray[np.float32], textured: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return which share of a textured fill's roughness (standard deviation) a smooth fill lacks.

    Parameters
    ----------
    smooth, textured
        float32 [n], from `roughness`.

    Returns
    -------
    float32 [n], sqrt(1 - smooth / textured): 1 where the smooth fill is smooth, 0 where it is as rough or rougher.
    """
    share = smooth / np.maximum(textured, np.finfo(np.float32).tiny)
    lacked: NDArray[np.float32] = np.sqrt(1 - np.minimum(share, np.float32(1)))
    return lacked


def roughness(level: Level, holes: NDArray[np.int32], task: Threads) -> NDArray[np.float32]:
    """Return the variance about the best plane in the patch around each hole pixel, its mean over the bands.

    Parameters
    ----------
    level
        The picture with its holes filled; what is UNUSED in it doesn't count.
    holes
        int32 [n], flat indices.

    Returns
    -------
    float32 [n]; 0 from where the task is stopped.
    """
    found = np.zeros(holes.size, np.float32)
    ends = [holes.size * part // task.workers for part in range(task.workers + 1)]
    task.together(
        [
            partial(
                _measure, level.values, level.depth, holes[a:b], level.channels, level.voted, found[a:b], task.control
            )
            for a, b in pairwise(ends)
        ]
    )
    return found


@kernel("f4[::1], u1[:, ::1], i4[::1], i8, i8, f4[::1], i8[::1]")
def _measure(values: Any, depth: Any, holes: Any, channels: int, bands: int, found: Any, control: Any) -> None:
    """Least squares of v = a + b x + c y over the used pixels of a patch; x and y from the hole pixel."""
    height, width = depth.shape
    for k in range(holes.shape[0]):
        if control[0] != 0:
            return
        row = holes[k] // width
        column = holes[k] - row * width
        top, bottom = max(row - _REACH, 0), min(row + _REACH + 1, height)
        left, right = max(column - _REACH, 0), min(column + _REACH + 1, width)
        n = 0.0
        sum_x = 0.0
        sum_y = 0.0
        sum_xx = 0.0
        sum_xy = 0.0
        sum_yy = 0.0
        for i in range(top, bottom):
            for j in range(left, right):
                if depth[i, j] != UNUSED:
                    x, y = np.float64(j - column), np.float64(i - row)
                    n += 1
                    sum_x += x
                    sum_y += y
                    sum_xx += x * x
                    sum_xy += x * y
                    sum_yy += y * y
        xx, xy, yy = sum_xx - sum_x * sum_x / n, sum_xy - sum_x * sum_y / n, sum_yy - sum_y * sum_y / n
        determinant = xx * yy - xy * xy
        total = 0.0
        for c in range(bands):
            middle = np.float64(values[np.int64(holes[k]) * channels + c])  # near the values: squares stay exact
            sum_v = 0.0
            sum_vv = 0.0
            sum_xv = 0.0
            sum_yv = 0.0
            for i in range(top, bottom):
                for j in range(left, right):
                    if depth[i, j] != UNUSED:
                        v = np.float64(values[(np.int64(i) * width + j) * channels + c]) - middle
                        sum_v += v
                        sum_vv += v * v
                        sum_xv += np.float64(j - column) * v
                        sum_yv += np.float64(i - row) * v
            left_over = sum_vv - sum_v * sum_v / n
            if determinant > 1e-6:
                xv, yv = sum_xv - sum_x * sum_v / n, sum_yv - sum_y * sum_v / n
                left_over -= (yy * xv * xv - 2 * xy * xv * yv + xx * yv * yv) / determinant
            total += max(left_over, 0.0) / n
        found[k] = total / bands
