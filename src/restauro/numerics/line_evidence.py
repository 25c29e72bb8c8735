"""Evidence for lines, pixel by pixel and angle by angle, summed along the lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import kernel

Stack = NDArray[np.float32]  # [angles, H, W]


@kernel("i8, i8, f4[:, :, :, ::1], f4[:, :, ::1], f4[:, :, ::1], f8, f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[:, :, ::1]")
def combine(
    first_row: int,
    end_row: int,
    ridges: NDArray[np.float32],
    colour: Stack,
    weight: NDArray[np.float32],
    sign: float,
    best: NDArray[np.float32],
    mean: NDArray[np.float32],
    change: NDArray[np.float32],
    pooled: Stack,
) -> None:
    """Write what the widths say together about lines of one sign, for rows from one to before another, both even.

    ridges: [widths, angles, H, W], positive and negative; colour: [angles, H, W], by how much colour changes there;
    weight: [widths, H, W], what a ridge of a width is worth. best, mean: over angles; change: colour at the best angle;
    pooled: the highest value of every 2 x 2 pixels, [angles, H / 2, W / 2].
    """
    widths, angles, _, width = ridges.shape
    line = np.empty(width, np.float32)
    for y in range(first_row, end_row):
        best[y] = 0
        mean[y] = 0
        change[y] = 0
        for a in range(angles):
            line[:] = 0
            for j in range(widths):
                row, worth = ridges[j, a, y], weight[j, y]
                for x in range(width):
                    line[x] = max(line[x], sign * row[x] * worth[x])
            top, total, tint, here = best[y], mean[y], change[y], colour[a, y]
            for x in range(width):
                if line[x] > top[x]:
                    top[x] = line[x]
                    tint[x] = here[x]
                total[x] += line[x]
            small = pooled[a, y // 2]
            if y % 2 == 0:
                small[:] = 0
            for x in range(pooled.shape[2]):
                small[x] = max(small[x], max(line[2 * x], line[2 * x + 1]))
        mean[y] /= angles


@kernel("f4[:, :, ::1], f4[:, :, ::1], i8[:, ::1], i8[:, ::1], i8, i8, f4[:, :, ::1]")
def follow(
    stack: Stack, so_far: Stack, ahead: NDArray[np.int64], aside: NDArray[np.int64], first: int, last: int, out: Stack
) -> None:
    """Write, for angles first to last, the highest sum one step ahead: the value there and the sum so far.

    The step may go aside to either hand, or, straight ahead, to a neighbouring angle. ahead, aside: [angles, 2].
    Beyond the rim there is nothing.
    """
    angles, height, width = stack.shape
    for a in range(first, last):
        for y in range(height):
            out[a, y] = 0
            for k in range(5):
                hand = k - 1 if k < 3 else 0
                angle = a if k < 3 else a + 2 * (k - 3) - 1
                down, over = ahead[a, 0] + hand * aside[a, 0], ahead[a, 1] + hand * aside[a, 1]
                if angle < 0 or angle >= angles or y + down < 0 or y + down >= height:
                    continue
                line, values, sums = out[a, y], stack[angle, y + down], so_far[angle, y + down]
                for x in range(max(0, -over), min(width, width - over)):
                    line[x] = max(line[x], values[x + over] + sums[x + over])


@kernel("i8, i8, f4[:, :, ::1], f4[:, :, :], f4[:, :, :]")
def summarise(first_row: int, end_row: int, stack: Stack, best: NDArray[np.float32], mean: NDArray[np.float32]) -> None:
    """Write the highest and the mean value over angles, of positive and of negative values: [2, H, W] each."""
    angles, _, width = stack.shape
    share = np.float32(1 / angles)
    for y in range(first_row, end_row):
        best[:, y] = 0
        mean[:, y] = 0
        dark, bright, darks, brights = best[0, y], best[1, y], mean[0, y], mean[1, y]
        for a in range(angles):
            values = stack[a, y]
            for x in range(width):
                above, below = max(values[x], np.float32(0)), max(-values[x], np.float32(0))
                dark[x] = max(dark[x], above)
                bright[x] = max(bright[x], below)
                darks[x] += above * share
                brights[x] += below * share
