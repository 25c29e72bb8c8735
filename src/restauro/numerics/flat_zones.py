"""Quasi-flat zones: pixels that small steps lead between, and what zones and their rims look like.

After P. Soille, "Constrained connectivity for hierarchical image partitioning and simplification", IEEE TPAMI 30 (7),
2008: neighbours of a pixel belong to its zone where no band differs by more than a step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, orderly_kernel

OUT = 3  # pixels beyond the rim at which a zone's surroundings are looked at


@orderly_kernel("f4[:, :, ::1], f8, i8")
def label(bands: Any, step: float, least: int) -> tuple[Any, int]:
    """Return the zones' numbers, int32 [H, W], and how many there are; zones of fewer pixels than `least` are 0.

    bands: float32 [H, W, C]. Neighbours at the four sides.
    """
    height, width, count = bands.shape
    parent = np.arange(height * width, dtype=np.int32)
    for y in range(height):
        for x in range(width):
            here = y * width + x
            for back in range(2):
                if (x if back == 0 else y) == 0:
                    continue
                there = here - 1 if back == 0 else here - width
                largest = np.float32(0)
                for band in range(count):
                    other = bands[y, x - 1, band] if back == 0 else bands[y - 1, x, band]
                    largest = max(largest, abs(bands[y, x, band] - other))
                if largest <= step:
                    _join(parent, here, there)
    sizes = np.zeros(height * width, np.int32)
    for here in range(height * width):
        sizes[_root(parent, here)] += 1
    numbers = np.zeros(height * width, np.int32)
    found = 0
    for here in range(height * width):  # a zone's root is its first pixel
        root = _root(parent, here)
        if sizes[root] >= least:
            if root == here:
                found += 1
                numbers[here] = found
            numbers[here] = numbers[root]
    return numbers.reshape(height, width), found


@inner
def _root(parent: Any, k: int) -> int:
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return int(k)


@inner
def _join(parent: Any, one: int, other: int) -> None:
    a, b = _root(parent, one), _root(parent, other)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@orderly_kernel("f4[:, :, ::1], i4[:, ::1], i8")
def survey(bands: Any, zones: Any, count: int) -> tuple[Any, Any, Any, Any]:
    """Return what zones are like, each array with a row a zone and an unused first one.

    Returns
    -------
    areas
        int64 [n + 1], pixels.
    means, deviations
        float64 [n + 1, C].
    boxes
        int64 [n + 1, 4]: first row, row after the last, first column, column after the last.
    """
    height, width, channels = bands.shape
    areas = np.zeros(count + 1, np.int64)
    sums, squares = np.zeros((count + 1, channels)), np.zeros((count + 1, channels))
    boxes = np.zeros((count + 1, 4), np.int64)
    boxes[:, 0], boxes[:, 2] = height, width
    for y in range(height):
        for x in range(width):
            zone = zones[y, x]
            if zone == 0:
                continue
            areas[zone] += 1
            box = boxes[zone]
            box[0], box[1] = min(box[0], y), max(box[1], y + 1)
            box[2], box[3] = min(box[2], x), max(box[3], x + 1)
            for band in range(channels):
                sums[zone, band] += bands[y, x, band]
                squares[zone, band] += bands[y, x, band] * bands[y, x, band]
    for zone in range(1, count + 1):
        for band in range(channels):
            sums[zone, band] /= areas[zone]
            squares[zone, band] = np.sqrt(max(squares[zone, band] / areas[zone] - sums[zone, band] ** 2, 0.0))
    return areas, sums, squares, boxes


@orderly_kernel("f4[:, ::1], i4[:, ::1], f8[:], f8")
def survey_rims(grey: Any, zones: Any, levels: Any, contrast: float) -> Any:
    """Return int64 [n + 1, 3]: sides of pixels on a zone's rim; those with darker surroundings; those with brighter.

    grey: float32 [H, W]. levels: [n + 1], brightness of the zones. contrast: what darker and brighter mean, `OUT`
    pixels beyond the rim. Sides whose surroundings lie outside the picture or in the same zone don't count.
    """
    height, width = grey.shape
    rims = np.zeros((levels.shape[0], 3), np.int64)
    for y in range(height):
        for x in range(width):
            zone = zones[y, x]
            if zone == 0:
                continue
            for side in range(4):
                down, right = (side == 0) - (side == 1), (side == 2) - (side == 3)
                far_y, far_x = y + OUT * down, x + OUT * right
                if not (0 <= far_y < height and 0 <= far_x < width):
                    continue
                if zones[y + down, x + right] == zone or zones[far_y, far_x] == zone:
                    continue
                rims[zone, 0] += 1
                rims[zone, 1] += levels[zone] - grey[far_y, far_x] > contrast
                rims[zone, 2] += grey[far_y, far_x] - levels[zone] > contrast
    return rims


def compactness(areas: NDArray[np.int64], rims: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return outlines' lengths over those of discs of the same areas: 1 and more; ragged ones have much more."""
    lengths = np.pi / 4 * rims[:, 0]  # a slanting outline has more sides than its length, on average by this
    return np.asarray(lengths / np.sqrt(4 * np.pi * np.maximum(areas, 1)))
