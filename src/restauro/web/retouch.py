"""What has been restored of a picture, patch by patch: each can be taken back, and what is beneath comes out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.filling import Holed, fill
from restauro.guidance import NO_PICTURE_GUIDANCE, PictureGuidance
from restauro.holes import Box, Holes, find_holes, placed
from restauro.mask import check_known
from restauro.method import NATURES, Method
from restauro.numerics.threads import checked_workers
from restauro.picture import TURNS, Picture, as_seen, as_stored
from restauro.policy import check_filled
from restauro.windows import Part

_BLOCK = 256  # pixels: a side of what is kept of the untouched picture when something near is changed


class Patch:
    """What was filled in one go.

    Attributes
    ----------
    box
        Rows from, to, columns from, to of the picture as it is seen.
    levels
        uint8 [h, w] of the box: 0 is untouched, 255 filled, between both mixed.
    values
        [n, C], or [n] of a grey picture: what the pixels above level 0 have become, row by row.
    reads
        The boxes of what they may depend on.
    made
        The number of the step that filled it.
    base
        What it was filled upon: numbers of earlier patches that it may depend on, and of the steps that filled those.
        None: that hasn't been looked at yet.
    """

    def __init__(self, box: Box, levels: NDArray[np.uint8], values: NDArray[Any], reads: tuple[Box, ...]) -> None:
        self.box, self.levels, self.values, self.reads = box, levels, values, reads
        self.made = 0
        self.base: frozenset[tuple[int, int]] | None = None
        self._row_start = np.append(0, np.cumsum(np.count_nonzero(levels, axis=1)))

    def fits(self, picture: NDArray[Any]) -> bool:
        """Whether it can be one of a picture, [H, W] or [H, W, C]."""
        top, bottom, left, right = self.box
        inside = 0 <= top <= bottom <= picture.shape[0] and 0 <= left <= right <= picture.shape[1]
        sizes = self.levels.shape == (bottom - top, right - left) and len(self.values) == self._row_start[-1]
        return inside and sizes and (self.values.dtype, self.values.shape[1:]) == (picture.dtype, picture.shape[2:])

    def put(self, pixels: NDArray[Any], box: Box) -> None:
        """Put what lies in a box into its pixels, [h, w] or [h, w, C]; what it costs goes with the box's rows."""
        common = _common(self.box, box)
        if common[0] >= common[1] or common[2] >= common[3]:
            return
        levels, values = self._in(common)
        inner = levels > 0
        pixels[_within(common, box)][inner] = values[inner]

    def mark(self, hole: NDArray[np.bool_], box: Box) -> None:
        """Mark what of it lies in a box, bool [h, w]."""
        common = _common(self.box, box)
        if common[0] < common[1] and common[2] < common[3]:
            hole[_within(common, box)] |= self.levels[_within(common, self.box)] > 0

    def part(self, box: Box, area: NDArray[np.uint8]) -> Patch | None:
        """Return what of it lies where levels [h, w] of a box aren't 0; None where nothing does."""
        common = _common(self.box, box)
        if common[0] >= common[1] or common[2] >= common[3]:
            return None
        levels, values = self._in(common)
        levels = np.where(area[_within(common, box)] > 0, levels, np.uint8(0))
        return Patch(common, levels, values[levels > 0], ()) if levels.any() else None

    def _in(self, common: Box) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Return levels and values of a box within it; of pixels that it doesn't touch any values."""
        rows, columns = _within(common, self.box)
        hole = self.levels[rows] > 0
        whole = np.empty((*hole.shape, *self.values.shape[1:]), self.values.dtype)
        whole[hole] = self.values[self._row_start[rows.start] : self._row_start[rows.stop]]
        return self.levels[rows, columns], whole[:, columns]


class Retouch:
    """A picture's pixels as they are seen, and the patches on them.

    It costs memory in proportion to what was touched: blocks of the picture are copied before they first change.
    """

    def __init__(self, picture: Picture, unknown: NDArray[np.bool_] | None = None) -> None:
        self.picture = picture
        self.seen = as_seen(picture.pixels, picture.orientation)
        self.size: tuple[int, int] = self.seen.shape[:2]
        self.unknown = unknown  # bool [H, W] as stored: NaN and the like, which is neither read nor filled
        self._blocks: dict[tuple[int, int], NDArray[Any]] = {}

    def untouched(self, box: Box) -> NDArray[Any]:
        """Return a copy of the picture's pixels in a box as they were in the file."""
        pixels = self.seen[box[0] : box[1], box[2] : box[3]].copy()
        for row, column in _blocks(box):
            if (block := self._blocks.get((row, column))) is not None:
                place = _place(row, column, self.size)
                common = _common(place, box)
                pixels[_within(common, box)] = block[_within(common, place)]
        return pixels

    def compose(self, box: Box, patches: Iterable[Patch]) -> None:
        """Put the untouched picture and then some patches, in their order, into a box."""
        pixels = self.untouched(box)
        for patch in patches:
            patch.put(pixels, box)
        self._keep(box)
        self.seen[box[0] : box[1], box[2] : box[3]] = pixels

    def filled(
        self,
        box: Box,
        levels: NDArray[np.uint8],
        method: Method,
        reads: tuple[Box, ...],
        progress: Callable[[float], object] | None = None,
        told: PictureGuidance = NO_PICTURE_GUIDANCE,
        allow: frozenset[str] = frozenset(NATURES),
        grain: str | None = None,
        seed: int = 0,
    ) -> Patch:
        """Fill what levels, uint8 [h, w] of a box, mark, in place; return what has become of it.

        reads: what it may depend on, to be remembered; told: what the method is told, as pixels are stored; allow: what
        the fill may be made of; grain, seed: see `restauro.inpaint`.

        The values are those of `restauro.inpaint` with the whole picture and mask, bit for bit; levels between 0 and
        255 are mixed, partial="cover", unless the method corrects. What an exception interrupts is put back.
        """
        hole = levels > 0
        if hole.shape == self.size:
            check_known(hole, None if self.unknown is None else as_seen(self.unknown, self.picture.orientation))
        self._keep(box)
        window = self.seen[box[0] : box[1], box[2] : box[3]]
        beneath = window[hole]
        try:
            check_filled(self._fill(box, levels, hole, method, told, progress, grain, seed), allow)
        except BaseException:
            window[hole] = beneath
            raise
        return Patch(box, levels, window[hole], reads)

    def _fill(
        self,
        box: Box,
        levels: NDArray[np.uint8],
        hole: NDArray[np.bool_],
        method: Method,
        told: PictureGuidance,
        progress: Callable[[float], object] | None,
        grain: str | None,
        seed: int,
    ) -> Counter[str]:
        """Fill it; return how many pixels by what."""
        pixels, turn = self.picture.pixels, self.picture.orientation
        stored = stored_box(box, self.size, turn)
        marked = np.ascontiguousarray(as_stored(hole, turn))
        shape = (pixels.shape[0], pixels.shape[1])
        weights = None
        if (levels[hole] < 255).any() and method.nature != "corrects":
            weights = np.zeros(shape, np.float32)  # of which only the window is ever touched, and so in memory
            weights[stored[0] : stored[1], stored[2] : stored[3]] = as_stored(levels, turn) / np.float32(255)
        bands = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
        part = Part(placed(marked, (stored[0], stored[2]), shape), method, told)
        picture = Holed(bands, [part], self._others(stored, marked), weights, grain is not None)
        return fill([picture], workers=checked_workers(None), seed=seed, progress=progress)

    def _others(self, stored: Box, marked: NDArray[np.bool_]) -> Holes | None:
        """Return what is unknown beside a hole."""
        if self.unknown is None:
            return None
        others = self.unknown.copy()
        others[stored[0] : stored[1], stored[2] : stored[3]] &= ~marked
        return find_holes(others)

    def _keep(self, box: Box) -> None:
        for row, column in _blocks(box):
            if (row, column) not in self._blocks:
                top, bottom, left, right = _place(row, column, self.size)
                self._blocks[row, column] = self.seen[top:bottom, left:right].copy()


def stored_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return where a box of a picture as it is seen, of height and width `size`, lies as its pixels are stored.

    >>> stored_box((0, 1, 2, 4), (3, 5), 6)
    (1, 3, 0, 1)
    """
    swap, mirror_rows, mirror_columns = TURNS[orientation]
    top, bottom, left, right = box
    if mirror_rows:
        top, bottom = size[0] - bottom, size[0] - top
    if mirror_columns:
        left, right = size[1] - right, size[1] - left
    return (left, right, top, bottom) if swap else (top, bottom, left, right)


def grown(box: Box, by: int, size: tuple[int, int]) -> Box:
    """Return a box that is larger on all sides, within a picture of height and width `size`."""
    return max(box[0] - by, 0), min(box[1] + by, size[0]), max(box[2] - by, 0), min(box[3] + by, size[1])


def meet(a: Box, b: Box) -> bool:
    """Whether two boxes have a pixel in common."""
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _blocks(box: Box) -> list[tuple[int, int]]:
    rows = range(box[0] // _BLOCK, -(-box[1] // _BLOCK))
    return [(row, column) for row in rows for column in range(box[2] // _BLOCK, -(-box[3] // _BLOCK))]


def _place(row: int, column: int, size: tuple[int, int]) -> Box:
    top, left = row * _BLOCK, column * _BLOCK
    return top, min(top + _BLOCK, size[0]), left, min(left + _BLOCK, size[1])


def _common(a: Box, b: Box) -> Box:
    return max(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), min(a[3], b[3])


def _within(box: Box, around: Box) -> tuple[slice, slice]:
    """Return the rows and columns of a box within another."""
    return slice(box[0] - around[0], box[1] - around[0]), slice(box[2] - around[2], box[3] - around[2])
