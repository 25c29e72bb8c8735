"""Tiles of a picture around its holes: their boxes, their known pixels, the picture going on mirrored at its edges.

Corners lie between four pixels: corner (i, j) above and to the left of pixel (i, j), see `structure_tensor`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner, kernel
from restauro.numerics.runs import first_after
from restauro.numerics.structure_tensor import GRADIENT_REACH

_SMALLEST_UNIT = 1e-300  # its reciprocal is finite
_FARTHEST = 1e6  # value of a known pixel, in ranges of the hole's rim, that stands for all larger ones


@kernel("i8[::1], i4[::1], i4[::1], i8, i8")
def tile_boxes(row_start: Any, start: Any, stop: Any, width: int, side: int) -> Any:
    """Return boxes around the hole pixels of each tile that has any: rows from, to, columns from, to; int64 [n, 4]."""
    height = row_start.shape[0] - 1
    columns = (width + side - 1) // side
    tiles = (height + side - 1) // side * columns
    boxes = np.empty((tiles, 4), np.int64)
    for tile in range(tiles):
        boxes[tile, 0], boxes[tile, 1], boxes[tile, 2], boxes[tile, 3] = height, 0, width, 0
    for y in range(height):
        for run in range(row_start[y], row_start[y + 1]):
            for column in range(start[run] // side, (stop[run] - 1) // side + 1):
                tile = y // side * columns + column
                boxes[tile, 0] = min(boxes[tile, 0], y)
                boxes[tile, 1] = y + 1
                boxes[tile, 2] = min(boxes[tile, 2], max(start[run], column * side))
                boxes[tile, 3] = max(boxes[tile, 3], min(stop[run], (column + 1) * side))
    found = 0
    for tile in range(tiles):
        if boxes[tile, 1] > 0:
            for part in range(4):
                boxes[found, part] = boxes[tile, part]
            found += 1
    return boxes[:found].copy()


@kernel("T[:, :, :], i8, i8, f8[::1], f8[::1], f4[:, :, ::1]", T="u1 u2 f4 f8")
def load_known(image: Any, top: int, left: int, zero: Any, unit: Any, tile: Any) -> None:
    """Copy a part of an image, [H, W, C], with its holes, to tile, [C, h, w], in `unit`s above `zero`."""
    low, high = max(left, 0), min(left + tile.shape[2], image.shape[1])
    for c in range(image.shape[2]):
        middle, share = zero[c], 1 / max(unit[c], _SMALLEST_UNIT)
        for y in range(max(top, 0), min(top + tile.shape[1], image.shape[0])):
            row = tile[c, y - top]
            if image.itemsize <= 2:  # integers, no further than 1e6 ranges from any other
                for x in range(low, high):
                    row[x - left] = (np.float32(image[y, x, c]) - np.float32(middle)) * np.float32(share)
            else:
                for x in range(low, high):
                    row[x - left] = min(max((image[y, x, c] - middle) * share, -_FARTHEST), _FARTHEST)


@inner
def corners_touched(row_start: Any, start: Any, stop: Any, box: Any) -> Any:
    """Return which of a box's corners touch its hole pixels: bool [rows + 1, columns + 1]."""
    touch = np.zeros((box[1] - box[0] + 1, box[3] - box[2] + 1), np.bool_)
    for y in range(box[0], box[1]):
        for run in range(row_start[y], row_start[y + 1]):
            first, last = max(start[run], box[2]), min(stop[run], box[3])
            for x in range(first, last + 1 if first < last else first):
                touch[y - box[0], x - box[2]] = True
                touch[y + 1 - box[0], x - box[2]] = True
    return touch


@inner
def _whole(size: int) -> Any:
    """Return the first and the last corner in a line of pixels whose gradients read no pixel beyond its ends.

    In a line too short for any they are the middle ones.
    """
    return min(GRADIENT_REACH, size // 2), max(size - GRADIENT_REACH, (size + 1) // 2)


@inner
def keep_whole(plane: Any, shape: Any, top: int, left: int) -> None:
    """Set a plane, of which (top, left) is the first corner, to zero where gradients read beyond the picture."""
    first_row, last_row = _whole(shape[0])
    first_column, last_column = _whole(shape[1])
    bottom, right = top + plane.shape[0] - 1, left + plane.shape[1] - 1
    if first_row <= top and bottom <= last_row and first_column <= left and right <= last_column:
        return
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            if not (first_row <= top + i <= last_row and first_column <= left + j <= last_column):
                plane[i, j] = 0


@inner
def weight_inside(half: Any, low: int, high: int, size: int) -> Any:
    """Return, for the corners low to high of a line of pixels, what weight of `half` lies on those that are whole."""
    reach = half.shape[0] - 1
    first, last = _whole(size)
    inside = np.zeros(high - low + 1, np.float32)
    for i in range(low, high + 1):
        for k in range(max(first, i - reach), min(last, i + reach) + 1):
            inside[i - low] += half[abs(k - i)]
    return inside


@inner
def complete(u: Any, row_start: Any, start: Any, stop: Any, kept: Any, shape: Any, v: Any, top: int, left: int) -> None:
    """Fill the holes of a part of a channel; mirror what lies beyond the picture's edge."""
    height, width = shape
    low, high = max(left, 0), min(left + u.shape[1], width)
    for y in range(max(top, 0), min(top + u.shape[0], height)):
        row = u[y - top]
        run = first_after(stop, row_start[y], row_start[y + 1], left)
        while run < row_start[y + 1] and start[run] < high:
            for x in range(max(start[run], low), min(stop[run], high)):
                row[x - left] = v[kept[run] + x - start[run]]
            run += 1
        if low > left or high < left + u.shape[1]:
            for j in range(u.shape[1]):
                if not 0 <= left + j < width:
                    row[j] = row[mirrored(left + j, width) - left]
    for i in range(u.shape[0]):
        if not 0 <= top + i < height:
            other = mirrored(top + i, height) - top
            for j in range(u.shape[1]):
                u[i, j] = u[other, j]


@inner
def mirrored(i: int, size: int) -> int:
    """Return the index that i stands for in a picture that goes on mirrored at its edges."""
    i = i % (2 * size)
    return i if i < size else 2 * size - 1 - i
