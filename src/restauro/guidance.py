"""What a person tells a method beside the mask: where texture may come from, and which lines go on across a hole.

`PictureGuidance` is of a picture, `Guidance` of a window: what a method's fill is told (`task.guidance`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.donor import Copied, Donor

Box = tuple[int, int, int, int]  # rows from, to, columns from, to

# Sources are cut into pieces while these hold less of them than one pixel of so many, and are longer than so many
# pixels. Pieces overlap, so that patches across a cut are in one of them.
_SPARSEST, _SHORTEST, _OVERLAP = 3, 128, 16


@dataclass(frozen=True, eq=False)
class Source:
    """A piece of the picture, [h, w, C], which of its pixels may be copied, bool [h, w], and where it lies.

    place: row and column of its first pixel, counted from the window's first.
    """

    image: NDArray[Any]
    usable: NDArray[np.bool_]
    place: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Guidance:
    """What a method's fill is told about its window.

    Attributes
    ----------
    sources
        Pieces of the picture, near or far, that texture may come from, and from nowhere else. None: from around.
    avoid
        bool [H, W], pixels of the window that texture mustn't come from; None: none.
    segments
        float64 [n, 4]: lines that go on across holes, piece by piece: rows and columns of their ends within the window;
        whole numbers are the middles of pixels.
    donor
        What a hole is healed with.
    """

    sources: tuple[Source, ...] | None = None
    avoid: NDArray[np.bool_] | None = None
    segments: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    donor: Copied | None = None

    def converted(self, convert: Callable[[NDArray[Any]], NDArray[Any]]) -> Guidance:
        """Return the same with all pixels' values converted."""
        sources, donor = self.sources, self.donor
        if sources is not None:
            sources = tuple(replace(source, image=convert(source.image)) for source in sources)
        return replace(self, sources=sources, donor=donor and replace(donor, image=convert(donor.image)))


NO_GUIDANCE = Guidance()


@dataclass(frozen=True, eq=False)
class PictureGuidance:
    """What was said about a picture.

    Attributes
    ----------
    sources, avoid
        bool [H, W]: pixels that texture may come from, from no others; pixels that it mustn't come from.
    guides
        Polylines that go on across holes, float64 [n, 2] each: rows and columns.
    donor
        Where holes are healed from.
    """

    sources: NDArray[np.bool_] | None = None
    avoid: NDArray[np.bool_] | None = None
    guides: tuple[NDArray[np.float64], ...] | None = None
    donor: Donor | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """Names of what was said."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) is not None)

    @cached_property
    def segments(self) -> NDArray[np.float64]:
        """The guides' pieces, float64 [n, 4]: rows and columns of their ends."""
        pieces = [np.concatenate([guide[:-1], guide[1:]], axis=1) for guide in self.guides or ()]
        return np.concatenate(pieces) if pieces else np.zeros((0, 4))

    @cached_property
    def pieces(self) -> tuple[Box, ...]:
        """Boxes that hold all sources, in area a small multiple of their pixels but for single ones."""
        return () if self.sources is None else tuple(_pieces(self.sources))

    def within(self, box: Box, picture: NDArray[Any], unknown: Callable[[Box], NDArray[np.bool_]]) -> Guidance:
        """Return what concerns a window.

        picture: [H, W, C]; unknown: gives the pixels of a box that hold nothing to copy, bool [h, w].
        """
        if not self.given:
            return NO_GUIDANCE
        sources = None
        if self.sources is not None:
            sources = tuple(
                Source(
                    picture[_slices(piece)],
                    self.sources[_slices(piece)] & ~unknown(piece),
                    (piece[0] - box[0], piece[2] - box[2]),
                )
                for piece in self.pieces
            )
        avoid = None if self.avoid is None else self.avoid[_slices(box)]
        donor = None if self.donor is None else self.donor.within(box, picture, unknown)
        return Guidance(sources, avoid, self.segments - (box[0], box[2], box[0], box[2]), donor)


NO_PICTURE_GUIDANCE = PictureGuidance()


def points_along(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of a polyline, [n, 2], half a pixel apart or less.

    >>> points_along(np.array([[0.0, 0.0], [0.0, 1.0]])).tolist()
    [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0]]
    """
    steps = np.maximum(np.ceil(2 * np.abs(np.diff(line, axis=0)).max(axis=1)), 1)
    at = np.concatenate([[0], np.cumsum(steps)])
    return np.stack([np.interp(np.arange(at[-1] + 1), at, line[:, axis]) for axis in (0, 1)], axis=1)


def _slices(box: Box) -> tuple[slice, slice]:
    return slice(box[0], box[1]), slice(box[2], box[3])


def _pieces(mask: NDArray[np.bool_]) -> list[Box]:
    """Cut the box around a mask's pixels in halves until each is filled well enough or small."""
    found, to_cut = [], [(0, mask.shape[0], 0, mask.shape[1])]
    while to_cut:
        top, bottom, left, right = to_cut.pop()
        rows = np.flatnonzero(mask[top:bottom, left:right].any(axis=1))
        if not rows.size:
            continue
        top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
        columns = np.flatnonzero(mask[top:bottom, left:right].any(axis=0))
        left, right = left + int(columns[0]), left + int(columns[-1]) + 1
        height, width = bottom - top, right - left
        pixels = int(np.count_nonzero(mask[top:bottom, left:right]))
        if max(height, width) <= _SHORTEST or height * width <= _SPARSEST * pixels:
            found.append((top, bottom, left, right))
        elif height > width:
            middle = (top + bottom) // 2
            to_cut += [(middle, bottom, left, right), (top, middle + _OVERLAP, left, right)]
        else:
            middle = (left + right) // 2
            to_cut += [(top, bottom, middle, right), (top, bottom, left, middle + _OVERLAP)]
    return found
