"""Strokes: marks as vectors in a picture's coordinates, and the one rule by which they become pixels.

A page, a file and a replay in Python draw the same pixels of them, at whatever zoom they were painted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ParameterError

SHAPES = ("brush", "polygon")
MOST_POINTS = 50_000
LARGEST_RADIUS = 2000.0  # pixels
FARTHEST = 10_000_000.0  # pixels that a point may lie from a picture's corner
_STEPS = 64  # coordinates are whole parts of a pixel, so that the rule's sums are exact wherever a stroke lies
_NEAREST = 0.5  # pixels: a thinner line would have gaps


class Drawn(NamedTuple):
    """What a stroke covers: rows from, to, columns from, to of the picture; and how much of each pixel there.

    `levels` is uint8 [rows, columns]: 0 nothing, 255 all of it.
    """

    box: tuple[int, int, int, int]
    levels: NDArray[np.uint8]


@dataclass(frozen=True)
class Stroke:
    """A stroke of a brush, or an area, in pixels of the picture as it is seen.

    Attributes
    ----------
    points
        [x, y, radius] each: x to the right and y down from the picture's upper left corner, so that the middle of the
        first pixel is at 0.5, 0.5. The radius, 0.5 to 2000, goes with the pen's pressure; of an area it says nothing.
    shape
        "brush": what is within the radius of the line through the points. "polygon": the area that the points go
        around, by the even-odd rule.
    hardness
        Of a brush, the share of its radius within which it covers wholly, 0 to 1; from there on less and less.
    strength
        How much of a pixel it covers at most, over 0 to 1.

    Raises
    ------
    ParameterError
        A value is out of range.

    Examples
    --------
    >>> Stroke(((2.5, 1.5, 1.0), (4.5, 1.5, 1.0))).drawn((3, 8))
    Drawn(box=(0, 3, 1, 6), levels=array([[  0, 255, 255, 255,   0],
           [255, 255, 255, 255, 255],
           [  0, 255, 255, 255,   0]], dtype=uint8))
    """

    points: tuple[tuple[float, float, float], ...]
    shape: str = "brush"
    hardness: float = 1.0
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Check the values; coordinates are rounded to a 64th of a pixel."""
        least = 1 if self.shape == "brush" else 3
        if self.shape not in SHAPES:
            raise ParameterError(f"A stroke's shape is {' or '.join(SHAPES)}, not {self.shape!r}.")
        if not least <= len(self.points) <= MOST_POINTS:
            raise ParameterError(
                f"A {self.shape} has {least} to {MOST_POINTS} points, not {len(self.points)}: draw it in parts."
            )
        if not all(len(point) == 3 and all(map(math.isfinite, point)) for point in self.points):
            raise ParameterError("A stroke's points are three numbers each: x, y and the radius.")
        if not all(abs(x) <= FARTHEST and abs(y) <= FARTHEST for x, y, _ in self.points):
            raise ParameterError(f"A stroke's points lie within {FARTHEST:g} pixels of the picture's corner.")
        if self.shape == "brush" and not all(_NEAREST <= point[2] <= LARGEST_RADIUS for point in self.points):
            raise ParameterError(f"A brush's radius is {_NEAREST} to {LARGEST_RADIUS:g} pixels.")
        if not 0 <= self.hardness <= 1:
            raise ParameterError(f"hardness={self.hardness} is out of range: it must be 0 to 1.")
        if not 0 < self.strength <= 1:
            raise ParameterError(f"strength={self.strength} is out of range: it must be over 0, to 1.")
        brush = self.shape == "brush"
        rounded = tuple((_rounded(x), _rounded(y), _rounded(radius) if brush else 0.0) for x, y, radius in self.points)
        object.__setattr__(self, "points", rounded)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the stroke that `as_dict` gave the values of."""
        return cls(**{**values, "points": tuple(tuple(point) for point in values["points"])})

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return asdict(self)

    def drawn(self, size: tuple[int, int]) -> Drawn:
        """Return what it covers of a picture of height and width `size`; an empty box where it lies outside."""
        points = np.array(self.points)
        reach = points[:, 2:] if self.shape == "brush" else np.zeros((len(points), 1))
        low, high = np.floor((points[:, :2] - reach).min(axis=0)), np.ceil((points[:, :2] + reach).max(axis=0))
        left, top = (int(value) for value in np.clip(low, 0, size[::-1]))
        right, bottom = (int(value) for value in np.clip(high, 0, size[::-1]))
        if self.shape == "polygon":
            levels = _inside(points[:, :2] - (left, top), max(bottom - top, 0), max(right - left, 0))
            levels *= np.uint8(math.ceil(255 * self.strength))
        else:
            points[:, :2] -= left, top
            levels = self._brushed(points, max(bottom - top, 0), max(right - left, 0))
        return Drawn((top, max(bottom, top), left, max(right, left)), levels)

    def _brushed(self, points: NDArray[np.float64], height: int, width: int) -> NDArray[np.uint8]:
        """Return the levels of a line of points [n, 3]: of each pixel that of the nearest segment's nearest point."""
        levels = np.zeros((height, width), np.uint8)
        ends = points[1:] if len(points) > 1 else points
        for (x, y, radius), (next_x, next_y, next_radius) in zip(points, ends, strict=False):
            reach = max(radius, next_radius)
            left, right = max(int(min(x, next_x) - reach), 0), min(math.ceil(max(x, next_x) + reach), width)
            top, bottom = max(int(min(y, next_y) - reach), 0), min(math.ceil(max(y, next_y) + reach), height)
            if left >= right or top >= bottom:
                continue
            across = np.arange(left, right) + 0.5 - x
            down = (np.arange(top, bottom) + 0.5 - y)[:, np.newaxis]
            length = (next_x - x) ** 2 + (next_y - y) ** 2
            part = np.clip((across * (next_x - x) + down * (next_y - y)) / length, 0, 1) if length else 0.0
            away = np.hypot(across - part * (next_x - x), down - part * (next_y - y))
            here = radius + part * (next_radius - radius)
            soft = (1 - self.hardness) * here
            share = np.where(away <= here - soft, 1.0, (here - away) / np.maximum(soft, 1e-9))
            covered = np.ceil(255 * self.strength * np.clip(share, 0, 1)).astype(np.uint8)
            window = levels[top:bottom, left:right]
            np.maximum(window, covered, out=window)
        return levels


def _rounded(value: float) -> float:
    return round(value * _STEPS) / _STEPS


def _inside(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.uint8]:
    """Return 1 where a pixel's middle lies inside a polygon of points [n, 2], uint8 [height, width]."""
    inside = np.zeros((height, width), np.uint8)
    x, y = points.T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    middles = np.arange(width) + 0.5
    for row in range(height):
        crosses = (y <= row + 0.5) != (next_y <= row + 0.5)
        part = (row + 0.5 - y[crosses]) / (next_y[crosses] - y[crosses])
        crossings = np.sort(x[crosses] + part * (next_x[crosses] - x[crosses]))
        inside[row] = np.searchsorted(crossings, middles) & 1
    return inside
