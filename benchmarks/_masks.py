"""Damage drawn to order: nets of cracks, strokes of a brush, blobs, a square hole.

Masks are uint8 [size, size], 255 is hole; the same seed gives the same mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Points = NDArray[np.float64]

_STEP = 6.0  # pixels between the points of a crack
_THICKNESS = 2  # OpenCV's word for lines 3 pixels wide (2.6 to 3.6, by direction)


def cracks(size: int, share: float, seed: int = 1) -> Mask:
    """Return one connected net of wavy lines 3 pixels wide that covers a share of the picture.

    Each crack leaves the net where it is nearest to a random place, heads for that place and runs on beyond it, so that
    the net spreads evenly, branches and closes meshes.
    """
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    net = np.full((1, 2), size / 2)
    covered = 0
    while covered < share * mask.size:
        place = rng.uniform(0, size, 2)
        start = net[np.square(net - place).sum(axis=1).argmin()]
        points = _crack(start, place, rng)
        outside = ((points < 0) | (points >= size)).any(axis=1)
        points = points[: 1 + int(outside.argmax())] if outside.any() else points
        covered += _draw(
            mask, points, lambda line: cv2.polylines(mask, [line], isClosed=False, color=255, thickness=_THICKNESS)
        )
        net = np.concatenate([net, points[4:-1:4]])
    return mask


def _crack(start: Points, towards: Points, rng: np.random.Generator) -> Points:
    """Return the points [n, 2] of a wavy line."""
    ahead = towards - start
    count = 8 + int(1.8 * np.hypot(*ahead) / _STEP)
    waves = np.convolve(rng.normal(0, 1.2, count + 8), np.full(9, 1 / 9), "valid")
    heading = np.arctan2(ahead[1], ahead[0]) + waves
    steps = _STEP * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return np.concatenate([start[np.newaxis], start + np.cumsum(steps, axis=0)])


def strokes(size: int, share: float, seed: int = 3) -> Mask:
    """Return strokes of a free hand, round at their ends, that cover a share of the picture.

    They are 10 to 40 pixels wide in 1024, and as wide a part of other sizes; what remains of the share decides how long
    the last one is.
    """
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    covered = 0
    while covered < share * mask.size:
        width = max(1, round(rng.uniform(10, 40) * size / 1024))
        count = min(rng.integers(4, 16), 2 + int((share * mask.size - covered) / (2 * width**2)))
        turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.7, count))
        steps = 2 * width * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        points = rng.uniform(0, size, 2) + np.cumsum(steps, axis=0)
        covered += _draw(
            mask,
            points,
            lambda line, width=width: cv2.polylines(mask, [line], isClosed=False, color=255, thickness=width),
            beyond=width,
        )
    return mask


def blobs(size: int, share: float, seed: int = 2) -> Mask:
    """Return ragged blobs 5 to 40 pixels in radius that cover a share of the picture."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    waves = np.arange(2, 9)[:, np.newaxis]
    covered = 0
    while covered < share * mask.size:
        ragged = 1 + (0.3 / waves * np.cos(waves * angles + rng.uniform(0, 2 * np.pi, waves.shape))).sum(axis=0)
        rim = rng.uniform(5, 40) * ragged * np.stack([np.cos(angles), np.sin(angles)])
        points = rng.uniform(0, size, 2) + rim.T
        covered += _draw(mask, points, lambda outline: cv2.fillPoly(mask, [outline], color=255))
    return mask


def square(size: int, share: float) -> Mask:
    """Return one square hole in the middle."""
    side = round(size * share**0.5)
    start = (size - side) // 2
    mask = np.zeros((size, size), np.uint8)
    mask[start : start + side, start : start + side] = 255
    return mask


def _draw(mask: Mask, points: Points, draw: Callable[[NDArray[np.int32]], Any], beyond: int = 3) -> int:
    """Draw something through some points, at most so far beyond them; return how many pixels are new."""
    corners = np.rint(points).astype(np.int32)
    left, top = np.maximum(corners.min(axis=0) - beyond, 0)
    right, bottom = np.maximum(corners.max(axis=0) + beyond + 1, 0)
    around = mask[top:bottom, left:right]
    before = cv2.countNonZero(around)
    draw(corners)
    return cv2.countNonZero(around) - before
