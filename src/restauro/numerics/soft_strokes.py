"""Lines with soft rims, antialiased: what cracks, scratches, hairs and pen strokes are painted with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import orderly_kernel

_NARROWEST = 0.55  # pixels: a line's core is in one piece, however thin the line is


@orderly_kernel("f8[:, ::1], f8[::1], f8[::1], f8, f4[:, ::1], b1[:, ::1]")
def draw_soft(
    path: NDArray[np.float64],
    radii: NDArray[np.float64],
    strengths: NDArray[np.float64],
    softness: float,
    field: NDArray[np.float32],
    core: NDArray[np.bool_],
) -> None:
    """Draw a line over a field of strengths, which is raised to the line's where it is lower.

    path: [n, 2], rows and columns. radii: [n], at which the profile has fallen to half of strengths, [n]. softness: 0
    for a gaussian profile, else the pixels over which a flat one falls at its rim. field: [H, W], written. core:
    [H, W], set within the radii where the line has a strength, or half a pixel beside its middle where it is thinner.
    """
    height, width = field.shape
    for k in range(path.shape[0] - 1):
        row, column = path[k, 0], path[k, 1]
        down, right = path[k + 1, 0] - row, path[k + 1, 1] - column
        length = max(down * down + right * right, 1e-9)
        widest = max(radii[k], radii[k + 1])
        reach = max(_NARROWEST, 3 * widest / 1.1774 if softness == 0 else widest + softness)
        top, bottom = min(row, row + down) - reach, max(row, row + down) + reach
        left, last = min(column, column + right) - reach, max(column, column + right) + reach
        for y in range(max(int(np.ceil(top)), 0), min(int(np.floor(bottom)), height - 1) + 1):
            for x in range(max(int(np.ceil(left)), 0), min(int(np.floor(last)), width - 1) + 1):
                part = ((y - row) * down + (x - column) * right) / length
                part = min(max(part, 0.0), 1.0)
                away = np.hypot(y - row - part * down, x - column - part * right)
                radius = radii[k] + part * (radii[k + 1] - radii[k])
                strength = strengths[k] + part * (strengths[k + 1] - strengths[k])
                if softness == 0:
                    share = np.exp(-0.6931 * (away / max(radius, 0.05)) ** 2)
                else:
                    share = min(max((radius - away) / softness + 0.5, 0.0), 1.0)
                    share *= min(1.0, 2 * radius)  # what a line thinner than a pixel covers of it
                if share * strength > field[y, x]:
                    field[y, x] = share * strength
                if strength > 0.0 and away <= max(radius, _NARROWEST):
                    core[y, x] = True
