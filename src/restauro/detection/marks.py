"""Marks of what a network said: pixels that hang together, likely all over and surely somewhere, and not too small."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters, scratch
from restauro.detection.network import EVEN, LINES, MODEL, SCRATCH, STEPS, Grades, either
from restauro.errors import ParameterError, ParameterTypeError
from restauro.mask import strips

THRESHOLDS = MODEL.with_name("damage-thresholds.csv")
LEAST, MOST = 0.3, 30.0  # false marks a megapixel that can be asked for: what was measured
LIKELY = -0.5  # log odds that pixels of marks have at least: about as likely as not
_SAID = -1.5  # log odds from which on a pixel speaks for a mark
_SQUARES = ((np.arange(256) - EVEN) / STEPS - _SAID).clip(0) ** 2  # by grade: of how far it is above that
_SHORT = 10  # pixels of length, of a line whose rating is that of its odds alone
_UNDECIDED = 1.0  # log odds: where crack and scratch are nearer to each other, a line counts as both
_LONG, _SLENDER, _OFF = 30.0, 6.0, 0.04  # pixels, times its width, and share of its length that a straight line wavers
_NEAR, _STEEP = 4, 8.0  # pixels, and log odds below the largest within so many: what is outside a sharp rim


@dataclass(frozen=True)
class Class:
    """How marks of a class are made.

    Attributes
    ----------
    place
        In `CLASSES`.
    smallest
        Pixels: smaller marks are left out by default.
    """

    place: int
    smallest: int

    @property
    def needed(self) -> tuple[int, ...]:
        """What the network must say: lines are followed as cracks and scratches together."""
        return LINES if self.place in LINES else (self.place,)

    def marks(self, graded: dict[int, Grades], threshold: float, smallest: int | None = None) -> NDArray[np.bool_]:
        """Return the marks, bool [H, W].

        A mark hangs together by sides or corners, is likely all over, and rated at the threshold or above it. It
        ends at once where the odds fall steeply, as at a sharp rim. Cracks and scratches are followed as one line. It
        is a crack where half of its pixels are likely cracks, or not rather scratches, and the other way round: it may
        be both. A long straight line that may be a scratch counts as one, for cracks are seldom so straight.

        Parameters
        ----------
        graded
            Grades [H, W] of the needed classes, by place.
        threshold
            What a mark must be rated, 0 or more; see `rated`.
        smallest
            Pixels; None: as many as is usual for the class.
        """
        found, kept, _ = self.rated(graded, threshold, smallest)
        return found.those(kept)

    def rated(
        self, graded: dict[int, Grades], threshold: float = 0.0, smallest: int | None = None
    ) -> tuple[filters.Pieces, NDArray[np.bool_], NDArray[np.float64]]:
        """Return what hangs together, which of it are marks, and how they are rated, see `marks`: [pieces].

        The rating is the root of the mean square of a piece's log odds above `_SAID`: a few sure pixels count as much
        as many less sure ones. A line's is multiplied by the root of its length, by the box around it: what goes on
        for long needn't be as sure as what is short.
        """
        is_line = self.place in LINES
        plane = either(*(graded[place] for place in LINES)) if is_line else graded[self.place]
        found = filters.pieces(_likely(plane))
        mine = graded[self.place]
        squares = np.bincount(found.numbers, _SQUARES[mine[found.mask]], len(found.pixels))
        ratings = np.sqrt(squares / found.pixels)
        if is_line:
            ratings *= np.sqrt(np.maximum(found.heights, found.widths) / _SHORT)
        kept = (ratings >= threshold) & (found.pixels >= (self.smallest if smallest is None else smallest))
        if is_line:
            (other,) = (place for place in LINES if place != self.place)
            own = found.count(_surer(graded[other], mine)) * 2 < found.pixels
            own |= found.count(mine >= EVEN) * 2 >= found.pixels
            kept &= own | _straight(found, kept & ~own) if self.place == SCRATCH else own
        return found, kept, ratings


def _likely(plane: Grades) -> NDArray[np.bool_]:
    """Return which pixels may belong to marks, bool [H, W]: the likely ones, but not where odds fall steeply."""
    likely: NDArray[np.bool_] = scratch.zeros(plane.shape, np.bool_)
    for rows in strips(plane):
        upper = max(0, rows.start - _NEAR)
        around = plane[upper : rows.stop + _NEAR]
        steep = filters.largest(around, _NEAR) - around > round(STEPS * _STEEP)  # it is no less than around
        steep = steep[rows.start - upper :][: rows.stop - rows.start]
        likely[rows] = (plane[rows] >= _grade(LIKELY)) & ~steep
    return likely


def _straight(found: filters.Pieces, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the pieces that are asked about are long, straight lines, by their pixels' moments: [pieces]."""
    rows, columns = np.nonzero(found.those(asked))
    numbers, count = found.numbers[asked[found.numbers]], np.maximum(found.pixels, 1)

    def means(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(numbers, values, len(count)) / count

    down, right = rows - means(rows)[numbers], columns - means(columns)[numbers]
    vertical, horizontal, both = means(down**2), means(right**2), means(down * right)
    middle, apart = (vertical + horizontal) / 2, np.hypot((vertical - horizontal) / 2, both)
    # A rectangle of evenly spread pixels has the variance (side ** 2 - 1) / 12 along each side.
    length, breadth = np.sqrt(12 * (middle + apart) + 1), np.sqrt(12 * np.maximum(middle - apart, 0) + 1)
    width = np.maximum(found.pixels / length, 1)
    slender = length >= np.maximum(_LONG, _SLENDER * width)
    straight = breadth <= np.minimum(1.5 * width, 1 + width) + _OFF * length
    those: NDArray[np.bool_] = asked & slender & straight
    return those


def _surer(one: Grades, other: Grades) -> NDArray[np.bool_]:
    """Return where one is likelier by more than what leaves it undecided, bool [H, W]."""
    surer: NDArray[np.bool_] = scratch.zeros(one.shape, np.bool_)
    for rows in strips(one):
        surer[rows] = one[rows] > other[rows].astype(np.int16) + round(STEPS * _UNDECIDED)
    return surer


def _grade(odds: float) -> int:
    return int(np.clip(round(STEPS * odds) + EVEN, 1, 255))


def threshold_of(kind: str, false_marks: float) -> float:
    """Return the rating from which on so many marks a megapixel of undamaged pictures are wrong; see `THRESHOLDS`.

    Between those that were measured it is interpolated, by the logarithm of the number of marks.
    """
    marks, ratings = _measured(kind)
    return float(np.interp(np.log(false_marks), np.log(marks), ratings))


@cache
def _measured(kind: str) -> tuple[list[float], list[float]]:
    """Return false marks a megapixel, rising, and the rating for each."""
    with THRESHOLDS.open(encoding="ascii", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == kind]
    return [float(row["false_marks"]) for row in rows], [float(row["rating"]) for row in rows]


def checked_sensitivity(sensitivity: Any) -> float:
    """Return the false marks a megapixel that are asked for, or raise ParameterError or ParameterTypeError."""
    if isinstance(sensitivity, bool) or not isinstance(sensitivity, (int, float, np.integer, np.floating)):
        raise ParameterTypeError(
            f"The sensitivity {sensitivity!r} isn't a number: it is {LEAST} to {MOST:g} expected false marks a "
            "megapixel."
        )
    if not LEAST <= sensitivity <= MOST:
        raise ParameterError(
            f"The sensitivity {sensitivity} is out of range: it must be {LEAST} to {MOST:g} (expected false marks a "
            "megapixel)."
        )
    return float(sensitivity)


def checked_smallest(smallest: Any) -> int:
    """Return the pixels of the smallest mark, or raise ParameterError or ParameterTypeError."""
    if isinstance(smallest, bool) or not isinstance(smallest, (int, np.integer)):
        raise ParameterTypeError(f"The smallest mark {smallest!r} isn't a whole number of pixels, 1 or more.")
    if smallest < 1:
        raise ParameterError(f"The smallest mark {smallest} is out of range: it must be 1 pixel or more.")
    return int(smallest)
