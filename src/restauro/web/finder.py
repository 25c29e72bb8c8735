"""Damage that is proposed in a picture: in what is looked at, or in all of it; every mark is taken or left out."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.detection import network
from restauro.detection.detecting import detect, detect_each
from restauro.detection.detecting_files import colours, without_value
from restauro.detection.detectors import KINDS, seen_for
from restauro.detection.lettering import lettering
from restauro.detection.marks import threshold_of
from restauro.detection.tiles import prepared
from restauro.holes import Box
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen, as_stored
from restauro.web.blocks import blocks_of, middle
from restauro.web.planes import DAMAGE, SOUND
from restauro.web.retouch import grown, meet
from restauro.web.zoom import Pyramid, shrunk_marks

TAKEN, LEFT = 255, 128  # levels of proposals
BY_HINTS = "like the hints"  # a kind
_SIDE = 128  # pixels of a cell, of which what the network says is kept
_PLACES = seen_for([kind for kind, detector in KINDS.items() if detector.filled])  # of grades; not stains
_MOST_SEEN = 144  # cells of a view that are looked at, the middle ones
_MOST_KEPT = 1152  # cells that are kept: 98 kB each
_MOST_THREADS = 4
_MOST_LISTED = 300  # marks that are told of, those on lettering first, then the largest

Place = tuple[int, int]  # row and column
_Grades = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Found:
    """Marks of damage.

    Attributes
    ----------
    box
        What was looked at: rows from, to, columns from, to of the picture as it is seen.
    rows, columns, mark
        int32 [n], of every marked pixel the place, and the number of the mark; a pixel may be of several.
    kinds, boxes, pixels
        Of every mark the kind, the box (int64 [m, 4]) and the number of pixels.
    on_lettering
        Of every mark whether it lies where letters seem to be, bool [m]; of what is in view that isn't looked for.
    """

    box: Box
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    mark: NDArray[np.int32]
    kinds: list[str]
    boxes: NDArray[np.int64]
    pixels: NDArray[np.int64]
    on_lettering: NDArray[np.bool_]

    @classmethod
    def of(cls, masks: dict[str, NDArray[np.bool_]], box: Box, letters: NDArray[np.bool_] | None = None) -> Found:
        """Return the marks of masks [h, w] of a box, by kind: what hangs together is one.

        letters: where letters seem to be in the box, bool [h, w].
        """
        rows, columns, mark = [], [], []
        kinds: list[str] = []
        for kind, mask in masks.items():
            pieces = filters.pieces(np.ascontiguousarray(mask))
            here = np.nonzero(mask)
            rows.append(here[0] + box[0])
            columns.append(here[1] + box[2])
            mark.append(pieces.numbers + len(kinds))
            kinds += [kind] * len(pieces.pixels)
        flat = [np.concatenate([np.zeros(0, np.int32), *arrays]).astype(np.int32) for arrays in (rows, columns, mark)]
        boxes = np.zeros((len(kinds), 4), np.int64)
        for side, values in ((0, flat[0]), (2, flat[1])):
            boxes[:, side] = np.iinfo(np.int32).max
            np.minimum.at(boxes[:, side], flat[2], values)
            np.maximum.at(boxes[:, side + 1], flat[2], values + 1)
        pixels = np.bincount(flat[2], minlength=len(kinds))
        on_lettering = np.zeros(len(kinds), np.bool_)
        if letters is not None:
            on_lettering[flat[2][letters[flat[0] - box[0], flat[1] - box[2]]]] = True
        return cls(box, flat[0], flat[1], flat[2], kinds, boxes, pixels, on_lettering)

    def at(self, places: Sequence[Place]) -> NDArray[np.bool_]:
        """Return which marks have one of some places, bool [m]."""
        some = np.zeros(len(self.kinds), np.bool_)
        if places:
            wanted = np.array(places, np.int64)
            width = int(self.columns.max(initial=0)) + 1
            inside = wanted[:, 1] < width
            keys = self.rows.astype(np.int64) * width + self.columns
            some[self.mark[np.isin(keys, wanted[inside, 0] * width + wanted[inside, 1])]] = True
        return some

    def within(self, box: Box, levels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return which marks have a pixel where levels [h, w] of a box aren't 0, bool [m]."""
        inside = (self.rows >= box[0]) & (self.rows < box[1]) & (self.columns >= box[2]) & (self.columns < box[3])
        places = np.flatnonzero(inside)
        hit = places[levels[self.rows[places] - box[0], self.columns[places] - box[2]] > 0]
        some = np.zeros(len(self.kinds), np.bool_)
        some[self.mark[hit]] = True
        return some

    def middles(self, numbers: Sequence[int]) -> list[Place]:
        """Return a pixel of each of some marks: the one in the middle of its pixels, row by row."""
        of = np.array(numbers, np.int64)
        order, starts = np.argsort(self.mark, kind="stable"), np.cumsum(self.pixels) - self.pixels
        pixels = order[starts[of] + self.pixels[of] // 2]
        return list(zip(self.rows[pixels].tolist(), self.columns[pixels].tolist(), strict=True))

    def places_of(self, numbers: Sequence[int]) -> set[Place]:
        """Return all pixels of some marks."""
        pixels = np.isin(self.mark, numbers)
        return set(zip(self.rows[pixels].tolist(), self.columns[pixels].tolist(), strict=True))


class Finder:
    """What is proposed in a session.

    Places that were left out are remembered: a mark that has one is left out, however it was found.

    Parameters
    ----------
    picture
        Whose pixels are looked at, as they are at the time.
    size
        Height and width as it is seen.
    """

    def __init__(self, picture: Picture, size: tuple[int, int]) -> None:
        self.size = size
        self.left_out: set[Place] = set()
        self.found: Found | None = None
        self.complete = True
        self.levels = np.zeros(size, np.uint8)  # as it is seen, of which the system gives memory for marks alone
        self.zoom = Pyramid(size, self._proposed, shrunk_marks)
        self._picture = picture
        self._unknown: list[NDArray[np.bool_] | None] = []
        self._cells: dict[Place, _Grades] = {}
        self._changes = 0
        self._lock = threading.RLock()

    def look(self, box: Box, kinds: Sequence[str], rate: float) -> list[Box]:
        """Propose what the network finds in a box, or in its middle; return the boxes that look different.

        Where it has seen nothing of the box yet, it looks at the middle first, in less than a second on an idle
        machine; `complete` says whether there is nothing more to look at. rate: false marks a megapixel.
        """
        cells = self._cells_of(box)
        with self._lock:
            new, changes = [cell for cell in cells if cell not in self._cells], self._changes
        threads = min(checked_workers(None), _MOST_THREADS)
        blocks = blocks_of(new, threads, only_middle=len(new) == len(cells))
        with ThreadPoolExecutor(threads) as pool:
            graded = list(pool.map(lambda block: self._graded(block, threads // len(blocks)), blocks))
        with self._lock:
            if changes == self._changes:  # else they show what isn't there any more
                for some in graded:
                    self._cells.update(some)
                for cell in list(self._cells)[: -_MOST_KEPT or None]:
                    del self._cells[cell]
            known = [cell for cell in cells if cell in self._cells]
            self.complete = len(known) == len(cells)
            return self._propose(self._marks_of(known, box, kinds, rate))

    def search(
        self,
        kinds: Sequence[str],
        rate: float,
        hints: NDArray[np.uint8] | None,
        progress: Callable[[float], object] | None,
    ) -> list[Box]:
        """Propose what is found in all of the picture, by the network: see `restauro.detect_each`.

        What lies on lettering is told of first, as filling over it does the most harm.

        hints: a plane that says what is damage and what is sound, as it is seen: see `restauro.detect`.
        """
        looked_at, turn = colours(self._picture), self._picture.orientation
        how: dict[str, Any] = {"unknown": without_value(self._picture), "progress": progress}
        if kinds:
            how["sensitivity"] = rate
        if hints is None:
            masks = detect_each(looked_at, kinds, **how)
        else:
            labels = (hints == DAMAGE).astype(np.int8) - (hints == SOUND)
            stored = np.ascontiguousarray(as_stored(labels, turn))
            masks = {BY_HINTS: detect(looked_at, kinds or None, hints=stored, **how)}
        seen = {kind: as_seen(mask, turn) for kind, mask in masks.items()}
        letters = lettering(as_seen(looked_at, turn)) if any(mask.any() for mask in seen.values()) else None
        with self._lock:
            self.complete = True
            return self._propose(Found.of(seen, (0, self.size[0], 0, self.size[1]), letters))

    def forget(self) -> list[Box]:
        """Propose nothing any more; return the boxes that look different."""
        with self._lock:
            return self._propose(None)

    def changed(self, box: Box) -> None:
        """Look anew at what a box of the picture can be seen from."""
        with self._lock:
            self._changes += 1
            if self._cells:
                seen_from = grown(box, network.context(), self.size)
                self._cells = {cell: kept for cell, kept in self._cells.items() if not meet(self._box(cell), seen_from)}

    def leave_out(self, places: Sequence[Place], *, left: bool) -> list[Box]:
        """Leave marks out that have one of some places, or take them again; return the boxes that look different."""
        with self._lock:
            if left:
                self.left_out |= set(places)
            else:
                self.left_out -= set(places)
            return [] if self.found is None else self._show(self.found.at(places))

    @property
    def left(self) -> NDArray[np.bool_]:
        """Which of the marks are left out, bool [m]."""
        assert self.found is not None
        return self.found.at(sorted(self.left_out))

    def taken(self) -> tuple[Box, NDArray[np.bool_]] | None:
        """Return the smallest box around marks that aren't left out, and their pixels in it; None: there are none."""
        with self._lock:
            if self.found is None or (left := self.left).all():
                return None
            boxes = self.found.boxes[~left]
            box = int(boxes[:, 0].min()), int(boxes[:, 1].max()), int(boxes[:, 2].min()), int(boxes[:, 3].max())
            mask = np.zeros((box[1] - box[0], box[3] - box[2]), np.bool_)
            pixels = ~left[self.found.mark]
            mask[self.found.rows[pixels] - box[0], self.found.columns[pixels] - box[2]] = True
            return box, mask

    def described(self) -> dict[str, Any]:
        """Return what a page needs to know of what is proposed."""
        with self._lock:
            found = self.found
            if found is None:
                return {"box": None, "complete": True, "kinds": {}, "marks": [], "left": 0, "lettering": 0}
            left = self.left
            first = np.lexsort((-found.pixels, ~found.on_lettering))[:_MOST_LISTED].tolist()
            marks = [
                {
                    "number": number,
                    "kind": found.kinds[number],
                    "box": found.boxes[number][[2, 0, 3, 1]].tolist(),
                    "pixels": int(found.pixels[number]),
                    "left": bool(left[number]),
                    "lettering": bool(found.on_lettering[number]),
                }
                for number in first
            ]
            return {
                "box": [found.box[side] for side in (2, 0, 3, 1)],
                "complete": self.complete,
                "kinds": dict(Counter(found.kinds)),
                "marks": marks,
                "left": int(np.count_nonzero(left)),
                "lettering": int(np.count_nonzero(found.on_lettering)),
            }

    def _cells_of(self, box: Box) -> list[Place]:
        """Return the cells of a box, the middle ones first, at most so many."""
        rows = range(box[0] // _SIDE, -(-box[1] // _SIDE))
        columns = range(box[2] // _SIDE, -(-box[3] // _SIDE))
        rows = middle(rows, max(_MOST_SEEN // len(columns), math.isqrt(_MOST_SEEN)))
        return [(row, column) for row in rows for column in middle(columns, _MOST_SEEN // len(rows))]

    def _box(self, cell: Place) -> Box:
        top, left = cell[0] * _SIDE, cell[1] * _SIDE
        return top, min(top + _SIDE, self.size[0]), left, min(left + _SIDE, self.size[1])

    def _graded(self, block: Box, threads: int) -> dict[Place, _Grades]:
        """Return what the network says of the cells of a block, uint8 [K, h, w] each; see `restauro.detection.network`.

        block: rows and columns of cells; threads share the work.
        """
        first, last = self._box((block[0], block[2])), self._box((block[1] - 1, block[3] - 1))
        box = first[0], last[1], first[2], last[3]
        around = grown(box, network.context(), self.size)
        window = slice(around[0], around[1]), slice(around[2], around[3])
        pixels = as_seen(self._picture.pixels, self._picture.orientation)[window]
        part = dataclasses.replace(self._picture, pixels=np.ascontiguousarray(pixels))
        nothing = self._without_value()
        picture, _ = prepared(colours(part), None if nothing is None else np.ascontiguousarray(nothing[window]))
        rows, columns = slice(box[0] - around[0], box[1] - around[0]), slice(box[2] - around[2], box[3] - around[2])
        graded = network.grades_at(picture, _PLACES, (rows, columns), threads)
        cells = [(row, column) for row in range(*block[:2]) for column in range(*block[2:])]
        places = {cell: self._box(cell) for cell in cells}
        return {
            cell: graded[:, a - box[0] : b - box[0], c - box[2] : d - box[2]].copy()
            for cell, (a, b, c, d) in places.items()
        }

    def _without_value(self) -> NDArray[np.bool_] | None:
        """Return which pixels hold no value, as they are seen; looked for once, as it takes all of the picture."""
        with self._lock:
            if not self._unknown:
                unknown = without_value(self._picture)
                self._unknown.append(None if unknown is None else as_seen(unknown, self._picture.orientation))
            return self._unknown[0]

    def _marks_of(self, cells: Sequence[Place], box: Box, kinds: Sequence[str], rate: float) -> Found | None:
        """Return the marks in what cells and a box have in common."""
        if not cells:
            return None
        boxes = np.array([self._box(cell) for cell in cells])
        top, bottom = int(boxes[:, 0].min()), int(boxes[:, 1].max())
        left, right = int(boxes[:, 2].min()), int(boxes[:, 3].max())
        graded = np.zeros((len(_PLACES), bottom - top, right - left), np.uint8)
        for cell, (a, b, c, d) in zip(cells, boxes.tolist(), strict=True):
            graded[:, a - top : b - top, c - left : d - left] = self._cells[cell]
        common = max(top, box[0]), min(bottom, box[1]), max(left, box[2]), min(right, box[3])
        inside = slice(common[0] - top, common[1] - top), slice(common[2] - left, common[3] - left)
        masks = {}
        for kind in kinds:
            learned = KINDS[kind].learned
            assert learned is not None  # the page asks for no others
            masks[kind] = learned.marks(dict(zip(_PLACES, graded, strict=True)), threshold_of(kind, rate))[inside]
        nothing = self._without_value()
        if nothing is not None:
            known = ~nothing[common[0] : common[1], common[2] : common[3]]
            masks = {kind: mask & known for kind, mask in masks.items()}
        return Found.of(masks, common)

    def _propose(self, found: Found | None) -> list[Box]:
        boxes = [] if self.found is None else [self.found.box]
        if self.found is not None:
            self.levels[self.found.rows, self.found.columns] = 0
        self.found = found
        for box in boxes:
            self.zoom.changed(box)
        return [*boxes, *([] if found is None else self._show(np.ones(len(found.kinds), np.bool_), found.box))]

    def _show(self, some: NDArray[np.bool_], box: Box | None = None) -> list[Box]:
        """Draw some of the marks, and others that have pixels of theirs; return the boxes that look different."""
        found = self.found
        assert found is not None
        left = self.left
        for level, which in ((LEFT, left), (TAKEN, ~left)):
            pixels = which[found.mark]
            self.levels[found.rows[pixels], found.columns[pixels]] = level
        boxes: list[Box] = [box] if box else [(a, b, c, d) for a, b, c, d in found.boxes[some].tolist()]
        for one in boxes:
            self.zoom.changed(one)
        return boxes

    def _proposed(self, box: Box) -> NDArray[np.uint8]:
        return self.levels[box[0] : box[1], box[2] : box[3]]
