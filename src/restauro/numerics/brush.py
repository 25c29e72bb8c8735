"""A brush that walks over a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, orderly_kernel


@orderly_kernel("f8, f8, f8, f8, f8[::1], f8[::1], b1[::1], b1[:, :], i8")
def draw_stroke(
    row: float,
    column: float,
    heading: float,
    stride: float,
    turns: NDArray[np.float64],
    radii: NDArray[np.float64],
    down: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    most: int,
) -> int:
    """Draw a stroke from one place on, and return how many pixels it set that weren't set; from `most` on it ends.

    It goes `stride` pixels for each of turns [n], in which its heading (radians; 0 is to the right, a quarter of a turn
    is down) changes by so much and its radius from radii[k] to radii[k + 1], [n + 1]; it leaves nothing where not down.
    mask: [H, W], added to; the stroke may leave it and come back.
    """
    drawn = 0
    for k in range(turns.shape[0]):
        # So close that a disc adds little to the one before: rims look smooth, and the end comes when it is due.
        steps = int(np.ceil(stride / max(radii[k] / 6, 0.5)))
        for step in range(steps):
            part = step / steps
            if down[k]:
                drawn += draw_disc(row, column, radii[k] + part * (radii[k + 1] - radii[k]), mask)
                if drawn >= most:
                    return drawn
            heading += turns[k] / steps
            row += stride / steps * np.sin(heading)
            column += stride / steps * np.cos(heading)
    return drawn


@inner
def draw_disc(row: float, column: float, radius: float, mask: NDArray[np.bool_]) -> int:
    """Set the pixels whose centres are at most a radius away, and return how many weren't set."""
    height, width = mask.shape
    drawn = 0
    for y in range(max(int(np.ceil(row - radius)), 0), min(int(np.floor(row + radius)), height - 1) + 1):
        half = np.sqrt(radius * radius - (y - row) ** 2)
        for x in range(max(int(np.ceil(column - half)), 0), min(int(np.floor(column + half)), width - 1) + 1):
            drawn += not mask[y, x]
            mask[y, x] = True
    return drawn
