"""Lines that go on across a hole, drawn by a person: which way they run near each point of a window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, kernel

# Pixels on either side of a line that follow it: a line drawn by hand lies some pixels beside the edge that is meant.
REACH = 5.0
NO_LINES = np.zeros((0, 4))
# Squared gradient across a line, far above those of edges, whatever their unit.
_STRONG = 1e18


def directions(segments: NDArray[np.float64], top: float, left: float, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return which way the nearest line runs at points on a grid.

    Parameters
    ----------
    segments
        float64 [n, 4]: row and column of their ends, in pixels.
    top, left, shape
        Row and column of the grid's first point, and how many rows and columns it has, a pixel apart.

    Returns
    -------
    float32 [3, height, width]: direction (x, y), of length 1, and distance to the line, negative on its right, as it
    is seen with rows downwards; direction (0, 0) where none is within REACH. [3, 0, 0] where that is so everywhere.

    Examples
    --------
    >>> field = directions(np.array([[2.0, 0.0, 2.0, 9.0]]), 0.0, 0.0, (10, 10))
    >>> field[:, 3, 4].tolist(), field[:2, 8, 4].tolist()
    ([1.0, 0.0, -1.0], [0.0, 0.0])
    """
    if not len(segments):
        return np.zeros((3, 0, 0), np.float32)
    ends = np.sort(segments.reshape(-1, 2, 2), axis=1) - (top, left)
    near = (ends[:, 1] > -REACH).all(axis=1) & (ends[:, 0] < np.array(shape) - 1 + REACH).all(axis=1)
    if not near.any():
        return np.zeros((3, 0, 0), np.float32)
    field = np.zeros((3, *shape), np.float32)
    squared = np.full(shape, np.float32(REACH**2), np.float32)
    _draw(np.ascontiguousarray(segments[near]), float(top), float(left), REACH, squared, field)
    return field


@kernel("f8[:, ::1], f8, f8, f8, f4[:, ::1], f4[:, :, ::1]")
def _draw(segments: Any, top: float, left: float, reach: float, squared: Any, field: Any) -> None:
    """Set the field where a segment is nearer than those before; squared: [H, W], the distance that there is so far."""
    height, width = squared.shape
    for k in range(segments.shape[0]):
        y0, x0 = segments[k, 0] - top, segments[k, 1] - left
        down, across = segments[k, 2] - segments[k, 0], segments[k, 3] - segments[k, 1]
        length = np.sqrt(down * down + across * across)
        if length == 0:
            continue
        along_y, along_x = down / length, across / length
        first_row = max(int(np.ceil(min(y0, y0 + down) - reach)), 0)
        last_row = min(int(np.floor(max(y0, y0 + down) + reach)), height - 1)
        first_column = max(int(np.ceil(min(x0, x0 + across) - reach)), 0)
        last_column = min(int(np.floor(max(x0, x0 + across) + reach)), width - 1)
        for y in range(first_row, last_row + 1):
            for x in range(first_column, last_column + 1):
                dy, dx = y - y0, x - x0
                past = min(max(dy * along_y + dx * along_x, 0.0), length)
                off_y, off_x = dy - past * along_y, dx - past * along_x
                apart = np.float32(off_y * off_y + off_x * off_x)
                if apart < squared[y, x]:
                    squared[y, x] = apart
                    field[0, y, x] = along_x
                    field[1, y, x] = along_y
                    field[2, y, x] = np.sqrt(apart) * (1 if along_y * dx >= along_x * dy else -1)


@inner
def follow(J: Any, field: Any) -> None:
    """Make the structure tensor's edges run along the lines, where there are any: J is [3, h or more, w or more]."""
    for i in range(field.shape[1]):
        for j in range(field.shape[2]):
            x, y = field[0, i, j], field[1, i, j]
            if x != 0 or y != 0:
                strong = np.float32(_STRONG)
                J[0, i, j] = strong * y * y
                J[1, i, j] = -strong * x * y
                J[2, i, j] = strong * x * x
