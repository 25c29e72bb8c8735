"""The tiles that a network is given: parts of a window with their surroundings, mixed where they overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.methods._onnx import Session

# Side (pixels) of the tiles that a large window is cut into, without their surroundings; what neighbours share.
TILE = 1024
OVERLAP = 64
# Surroundings of a tile for a network that corrects: pixels, and more of them for each of a hole's radius.
_LEAST, _TIMES = 32, 4


@dataclass(frozen=True)
class Tile:
    """A part of a window's core, `place`, and the box around it that the network is given.

    Only what lies within `context` of a hole pixel counts as known. What is further away may belong to other windows,
    whose holes are being filled meanwhile.
    """

    place: tuple[int, int, int, int]
    box: tuple[int, int, int, int]
    image: NDArray[Any]
    hole: NDArray[np.bool_]
    context: int

    @classmethod
    def of(
        cls, place: tuple[int, int, int, int], image: NDArray[Any], hole: NDArray[np.bool_], session: Session
    ) -> Tile:
        """Cut it out, so that all tiles of a window have the same grid of pixels that a network halves.

        A network that corrects a fill sees less around thin holes.
        """
        context, multiple = session.context, session.multiple
        if session.corrected:
            inside = hole[place[0] : place[1], place[2] : place[3]]
            context = min(context, _LEAST + _TIMES * _radius(inside, context // _TIMES))
        top, left = (max(start - context, 0) // multiple * multiple for start in (place[0], place[2]))
        bottom, right = min(place[1] + context, hole.shape[0]), min(place[3] + context, hole.shape[1])
        seen = slice(top, bottom), slice(left, right)
        return cls(place, (top, bottom, left, right), image[seen], hole[seen], session.context)

    def members(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Which of some pixels, in row-major order, lie in the place."""
        return _within(self.place, rows, columns)

    def inner(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Which of some pixels, in row-major order, lie in the box."""
        return _within(self.box, rows, columns)

    def known(self) -> NDArray[np.bool_]:
        """Pixels of the box that are known and near."""
        return _reached(self.hole, self.context) & ~self.hole

    def weights(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """How much this tile counts at some pixels, beside others that have them too: less towards its border."""
        top, bottom, left, right = self.place
        inwards = [np.minimum(rows - top + 1, bottom - rows), np.minimum(columns - left + 1, right - columns)]
        vertical, horizontal = (np.minimum(distance, OVERLAP) / OVERLAP for distance in inwards)
        weights: NDArray[np.float64] = vertical * horizontal
        return weights


def _within(box: tuple[int, int, int, int], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    top, bottom, left, right = box
    first, last = np.searchsorted(rows, (top, bottom))
    within = (columns[first:last] >= left) & (columns[first:last] < right)
    indices: NDArray[np.intp] = np.flatnonzero(within) + first
    return indices


def _radius(hole: NDArray[np.bool_], most: int) -> int:
    """Return how often a hole can be made thinner by a pixel from all sides, at most so often."""
    for radius in range(most):
        if not hole.any():
            return radius
        down = hole[:-2] & hole[1:-1] & hole[2:]
        hole = down[:, :-2] & down[:, 1:-1] & down[:, 2:]
    return most


def _reached(hole: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """Return the pixels that are at most so many rows and columns from a hole pixel."""
    for axis, length in enumerate(hole.shape):
        places = np.arange(length)
        first, last = np.maximum(places - distance, 0), np.minimum(places + distance + 1, length)
        counts = np.insert(np.cumsum(hole, axis, np.int32), 0, 0, axis)  # of hole pixels before a place
        hole = counts.take(last, axis) > counts.take(first, axis)
    return hole


def places(core: tuple[slice, slice]) -> list[tuple[int, int, int, int]]:
    """Cut a core into tiles of equal size that overlap by at least `OVERLAP`."""
    spans = []
    for part in core:
        length = part.stop - part.start
        count = 1 if length <= TILE else -(-(length - OVERLAP) // (TILE - OVERLAP))
        side = -(-(length + (count - 1) * OVERLAP) // count)
        starts = [part.start + (length - side) * k // max(count - 1, 1) for k in range(count)]
        spans.append([(start, start + side) for start in starts])
    return [(*vertical, *horizontal) for vertical in spans[0] for horizontal in spans[1]]
