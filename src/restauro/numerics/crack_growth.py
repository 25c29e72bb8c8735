"""Cracks that grow through a picture until they meet another, and are drawn with a width that varies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.brush import draw_disc
from restauro.numerics.kernel import orderly_kernel

_OWN = 4  # pixels that a branch takes to leave the crack that it comes from
_BEHIND = 12  # pixels after which a crack ends where it meets itself


@orderly_kernel("f8, f8, f8, f8[::1], f8, f8, b1[:, ::1], f8[:, ::1]")
def grow(
    row: float,
    column: float,
    heading: float,
    bends: NDArray[np.float64],
    axis: float,
    pull: float,
    net: NDArray[np.bool_],
    path: NDArray[np.float64],
) -> int:
    """Grow a crack pixel by pixel, and return how many points it has; negative if another crack or the rim ended it.

    heading: radians, 0 is to the right, a quarter of a turn is down. bends: [n], by how much the heading changes each
    pixel; their number is the most points. axis, pull: the heading is drawn to the axis and to what is at right angles
    to it, by as much of their difference a pixel. net: [H, W], the cracks that are there, added to. path: [n, 2], rows
    and columns of the points, written.
    """
    height, width = net.shape
    for k in range(len(bends)):
        path[k, 0], path[k, 1] = row, column
        heading += bends[k] + 0.25 * pull * np.sin(4 * (axis - heading))
        row += np.sin(heading)
        column += np.cos(heading)
        y, x = int(np.floor(row + 0.5)), int(np.floor(column + 0.5))
        if y < 0 or x < 0 or y >= height or x >= width or (k >= _OWN and net[y, x]):
            return -(k + 1)
        if k >= _BEHIND:
            net[int(path[k - _BEHIND, 0] + 0.5), int(path[k - _BEHIND, 1] + 0.5)] = True
    return len(bends)


@orderly_kernel("f8[:, ::1], f8[::1], b1[:, ::1], b1[:, ::1], i8")
def draw_path(
    path: NDArray[np.float64], radii: NDArray[np.float64], net: NDArray[np.bool_], mask: NDArray[np.bool_], most: int
) -> int:
    """Draw a disc at each point, and return how many pixels of the mask that set anew; from `most` on it ends.

    path: [n, 2], rows and columns. radii: [n]. net: [H, W], to which the points are added without gaps, so that no
    other crack slips through. mask: [H, W], added to.
    """
    height, width = net.shape
    drawn, above, before = 0, -1, -1
    for k in range(path.shape[0]):
        y, x = int(np.floor(path[k, 0] + 0.5)), int(np.floor(path[k, 1] + 0.5))
        if 0 <= y < height and 0 <= x < width:
            net[y, x] = True
            if above >= 0 and above != y and before != x:
                net[above, x] = True
            above, before = y, x
        drawn += draw_disc(path[k, 0], path[k, 1], radii[k], mask)
        if drawn >= most:
            return drawn
    return drawn
