"""Straight lines drawn into masks: as OpenCV draws them, and with any width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, orderly_kernel

_SHIFT = 16  # bits after the point of coordinates
_ONE = 1 << _SHIFT
_HALF = _ONE >> 1
_Four = tuple[int, int, int, int]


@orderly_kernel("i8[:, ::1], b1[::1], b1[:, ::1]")
def draw_opencv_lines(ends: NDArray[np.int64], thick: NDArray[np.bool_], mask: NDArray[np.bool_]) -> None:
    """Set the pixels that OpenCV's `line` draws, 8-connected and not antialiased.

    ends: [n, 4], row and column of both ends: pixels of the mask, of thick lines not in its first row or column (OpenCV
    clips what crosses the rim, which changes roundings). thick: [n], False is thickness 1, True is thickness 2 (3
    pixels wide along the axes). mask: [H, W], added to.
    """
    for k in range(ends.shape[0]):
        row, column, last_row, last_column = int(ends[k, 0]), int(ends[k, 1]), int(ends[k, 2]), int(ends[k, 3])
        if thick[k]:
            _draw_thick(row, column, last_row, last_column, mask)
        else:
            _draw_thin(row, column, last_row, last_column, mask)


@orderly_kernel("f8[:, ::1], f8[::1], b1[:, ::1]")
def draw_capsules(ends: NDArray[np.float64], radius: NDArray[np.float64], mask: NDArray[np.bool_]) -> None:
    """Set the pixels whose centres are at most a radius away from a line: straight strokes with round ends.

    ends: [n, 4], row and column of both ends in pixels, anywhere. radius: [n]. mask: [H, W], added to.
    """
    height, width = mask.shape
    for k in range(ends.shape[0]):
        row, column, last_row, last_column = ends[k]
        reach = radius[k]
        top = max(int(np.ceil(min(row, last_row) - reach)), 0)
        bottom = min(int(np.floor(max(row, last_row) + reach)), height - 1)
        for y in range(top, bottom + 1):
            left, right = _capsule_at(y, row, column, last_row, last_column, reach)
            for x in range(max(int(np.ceil(left)), 0), min(int(np.floor(right)), width - 1) + 1):
                mask[y, x] = True


@inner
def _capsule_at(
    y: int, row: float, column: float, last_row: float, last_column: float, radius: float
) -> tuple[float, float]:
    """Return from where to where a row lies in a capsule: in its two discs or the rectangle between them.

    The capsule is convex, so nothing is missing between the leftmost and the rightmost of the three.
    """
    left, right = np.inf, -np.inf
    for centre_row, centre in ((row, column), (last_row, last_column)):
        square = radius * radius - (y - centre_row) ** 2
        if square >= 0:
            half = np.sqrt(square)
            left, right = min(left, centre - half), max(right, centre + half)
    length = np.hypot(last_row - row, last_column - column)
    if length > 0:
        down, across = (last_row - row) / length, (last_column - column) / length
        # Columns x of the rectangle: along = (y - row) down + (x - column) across is in 0..length, and
        # aside = (x - column) down - (y - row) across is in -radius..radius.
        low, high = -np.inf, np.inf
        if across != 0:
            one, other = -(y - row) * down / across, (length - (y - row) * down) / across
            low, high = min(one, other), max(one, other)
        elif not 0 <= (y - row) * down <= length:
            return left, right
        if down != 0:
            one, other = ((y - row) * across - radius) / down, ((y - row) * across + radius) / down
            low, high = max(low, min(one, other)), min(high, max(one, other))
        elif abs((y - row) * across) > radius:
            return left, right
        if low <= high:
            left, right = min(left, column + low), max(right, column + high)
    return left, right


@inner
def _put(row: int, column: int, mask: NDArray[np.bool_]) -> None:
    if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]:
        mask[row, column] = True


@inner
def _quotient(value: int, by: int) -> int:
    """Divide whole numbers, rounded towards zero; `by` is positive."""
    return value // by if value >= 0 else -(-value // by)


@inner
def _draw_thin(row: int, column: int, last_row: int, last_column: int, mask: NDArray[np.bool_]) -> None:
    """Draw Bresenham's line from left to right: a pixel a step, the nearest; of two as near, the one not yet aside."""
    if last_column < column:
        row, column, last_row, last_column = last_row, last_column, row, column
    across, down = last_column - column, abs(last_row - row)
    sign = 1 if last_row >= row else -1
    steps, aside = max(across, down), min(across, down)
    for k in range(steps + 1):
        moved = (2 * aside * k + steps - 1) // (2 * steps) if steps else 0
        if down > across:
            _put(row + sign * k, column + moved, mask)
        else:
            _put(row + sign * moved, column + k, mask)


@inner
def _draw_thick(row: int, column: int, last_row: int, last_column: int, mask: NDArray[np.bool_]) -> None:
    """Draw a rectangle 2 pixels wide, its rim as lines of fixed-point ends, and a plus sign at each end."""
    down, across = float(last_row - row), float(column - last_column)
    length = np.sqrt(across * across + down * down)
    if length > 0:
        aside_x, aside_y = int(np.rint(down * (_ONE / length))), int(np.rint(across * (_ONE / length)))
        x, last_x, y, last_y = column * _ONE, last_column * _ONE, row * _ONE, last_row * _ONE
        corners_x = (x + aside_x, x - aside_x, last_x - aside_x, last_x + aside_x)
        corners_y = (y + aside_y, y - aside_y, last_y - aside_y, last_y + aside_y)
        for k in range(4):
            _draw_edge(corners_x[k - 1], corners_y[k - 1], corners_x[k], corners_y[k], mask)
        _fill_corners(corners_x, corners_y, mask)
    for centre_row, centre in ((row, column), (last_row, last_column)):
        _put(centre_row, centre, mask)
        for step in (-1, 1):
            _put(centre_row + step, centre, mask)
            _put(centre_row, centre + step, mask)


@inner
def _draw_edge(x: int, y: int, last_x: int, last_y: int, mask: NDArray[np.bool_]) -> None:
    """Draw a line between fixed-point ends: a pixel a step of its longer axis, and its last end."""
    across, down = last_x - x, last_y - y
    flat = abs(across) > abs(down)
    if (across if flat else down) < 0:
        x, y, last_x, last_y = last_x, last_y, x, y
        across, down = -across, -down
    _put((last_y + _HALF) >> _SHIFT, (last_x + _HALF) >> _SHIFT, mask)
    if flat:
        slope = _quotient(down * _ONE, across | 1)
        for k in range((across >> _SHIFT) + 1):
            _put((y + _HALF + k * slope) >> _SHIFT, ((x + _HALF) >> _SHIFT) + k, mask)
    else:
        slope = _quotient(across * _ONE, down | 1)
        for k in range((down >> _SHIFT) + 1):
            _put(((y + _HALF) >> _SHIFT) + k, (x + _HALF + k * slope) >> _SHIFT, mask)


@inner
def _fill_corners(x: _Four, y: _Four, mask: NDArray[np.bool_]) -> None:
    """Fill a rectangle of fixed-point corners, row by row between its two chains of edges, but for its last row."""
    first = 0
    for k in range(1, 4):
        first = k if y[k] < y[first] else first
    top = (y[first] + _HALF) >> _SHIFT
    rows = ((max(max(y[0], y[1]), max(y[2], y[3])) + _HALF) >> _SHIFT) - top
    sides = np.empty((2, max(rows, 0)), np.int64)
    for chain, step in enumerate((1, 3)):
        corner, row = first, 0
        while row < rows:
            following = (corner + step) % 4
            until = ((y[following] + _HALF) >> _SHIFT) - top
            if until > row:
                slope = _quotient(2 * (x[following] - x[corner]) + until - row, 2 * (until - row))
                for k in range(until - row):
                    sides[chain, row + k] = x[corner] + k * slope
                row = until
            corner = following
    for row in range(max(-top, 0), min(rows, mask.shape[0] - top)):
        left = (min(sides[0, row], sides[1, row]) + _HALF) >> _SHIFT
        right = (max(sides[0, row], sides[1, row]) + _HALF) >> _SHIFT
        for column in range(max(left, 0), min(right, mask.shape[1] - 1) + 1):
            mask[top + row, column] = True
