"""Craquelure made to order: a net of cracks that grow, branch, and end where they meet others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from restauro.damage import ratios
from restauro.errors import ParameterError
from restauro.numerics import crack_growth

Pattern = Literal["age", "drying"]
Course = Literal["rectilinear", "rounded"]

_SIDE = 512  # pixels: lengths and widths below are those of a picture whose shorter side is as long
_CELL = 24  # pixels, side of the cells in which the net's density is counted
_PLACES = 8  # that a new crack may begin at; the one where the net is thinnest is taken
_EVERY = 6  # pixels between the points that branches may leave from
_TAPER = 30  # pixels in which a free end runs out


@dataclass(frozen=True)
class _Kind:
    """How a pattern's cracks are; pixels at a side of 512, and shares."""

    widths: tuple[float, float]  # of a whole net
    lengths: tuple[float, float]  # at most: most end earlier, at others
    branches: float  # share of cracks that leave from another
    wavering: float  # how much a crack's heading wanders, radians over its smooth waves
    thinner: float  # width of late cracks as a part of the first ones'


# Age cracks: thin, sharp, meeting at right angles, the first ones the widest. Drying cracks: short, wide, smooth, with
# many free ends, where islands of paint drew apart. After S. Bucklow, "The description of craquelure patterns", Studies
# in Conservation 42 (3), 1997.
_KINDS: dict[str, _Kind] = {
    "age": _Kind(widths=(1.2, 3.5), lengths=(120, 900), branches=0.85, wavering=0.018, thinner=0.45),
    "drying": _Kind(widths=(3, 8), lengths=(30, 160), branches=0.7, wavering=0.03, thinner=0.7),
}


def cracks(
    height: int,
    width: int,
    ratio: float,
    rng: np.random.Generator,
    pattern: Pattern | None = None,
    course: Course | None = None,
    crack_width: float | None = None,
) -> NDArray[np.bool_]:
    """Return craquelure: a net of cracks with branches, junctions, and ends that run out.

    Parameters
    ----------
    height, width, ratio, rng
        See `restauro.damage.kinds.make_damage`.
    pattern
        "age": thin and sharp, meeting at right angles; "drying": short, wide, smooth. By default either.
    course
        "rectilinear": along two directions at right angles, as over canvas and wood; "rounded": in arcs. By default
        either.
    crack_width
        Pixels, mean width of the first cracks; later ones are thinner. At most a quarter of the shorter side. By
        default drawn, in proportion to the picture.

    Returns
    -------
    bool [H, W]

    Raises
    ------
    ParameterError
        The ratio or the width is out of range, or there is no such pattern or course.

    Examples
    --------
    >>> hole = cracks(256, 256, 0.05, np.random.default_rng(7), pattern="age")
    >>> round(float(hole.mean()), 2)
    0.05
    """
    ratios.check(ratio, "cracks")
    if crack_width is not None:
        check_width(crack_width, (height, width))
    kind = _KINDS[_one_of("pattern", pattern, ("age", "drying"), rng)]
    rectilinear = _one_of("course", course, ("rectilinear", "rounded"), rng) == "rectilinear"
    scale = min(height, width) / _SIDE
    low, high = kind.widths
    wider = 1 + 4 * ratio + 40 * max(0, ratio - 0.1) ** 2  # half a picture isn't covered with hairlines
    drawn_width = scale * low * (high / low) ** rng.random() * wider
    net = _Net(height, width, scale, kind, rectilinear, crack_width or drawn_width, rng)
    wanted = ratios.pixels(ratio, height * width)
    covered = 0
    while covered < ratios.ENOUGH * wanted:
        covered += net.add(wanted, covered)
    return net.mask


def crack_paths(
    height: int, width: int, length: float, rng: np.random.Generator, scale: float, crack_width: float
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the cracks of a net as their courses [n, 2], rows and columns, and half their width there [n].

    They are of either pattern and course, together about `length` pixels long; lengths of single ones are in proportion
    to the scale, 1 for a picture whose shorter side is 512, and widths about `crack_width`, pixels.

    >>> found = crack_paths(64, 64, 200, np.random.default_rng(7), 1.0, 2.0)
    >>> sum(len(path) for path, _ in found) >= 200
    True
    """
    kind = _KINDS["age" if rng.random() < 0.5 else "drying"]
    net = _Net(height, width, scale, kind, rng.random() < 0.5, crack_width, rng)
    grown = 0
    while grown < length:
        net.add(height * width, int(grown / length * height * width / 1.5))
        grown += len(net.grown[-1][0])
    return net.grown


def check_width(crack_width: float, shape: tuple[int, int] | None = None) -> None:
    """Raise ParameterError for a width that isn't one, or is too much for a picture of that height and width."""
    if not 0 < crack_width < math.inf:
        raise ParameterError(f"The crack width {crack_width:g} is out of range: it is above 0, in pixels.")
    if shape and crack_width > (most := max(1, min(shape) / 4)):
        raise ParameterError(
            f"The crack width {crack_width:g} is too much for {shape[1]} x {shape[0]} pixels: it is at most {most:g}, "
            f"a quarter of the shorter side."
        )


class _Net:
    """Cracks so far: where they are, how dense, and what they may branch from."""

    def __init__(
        self,
        height: int,
        width: int,
        scale: float,
        kind: _Kind,
        rectilinear: bool,
        crack_width: float,
        rng: np.random.Generator,
    ) -> None:
        self.mask, self.lines = np.zeros((height, width), np.bool_), np.zeros((height, width), np.bool_)
        self.scale, self.kind, self.crack_width, self.rng = scale, kind, crack_width, rng
        self.axis = rng.uniform(0, np.pi / 2)
        self.pull = 0.05 / max(scale, 0.1) if rectilinear else 0.0
        self.arc = 0.0 if rectilinear else 1 / (160 * max(scale, 0.05))  # radians a pixel
        self.cell = max(4.0, _CELL * scale)
        self.density = np.zeros((int(height / self.cell) + 1, int(width / self.cell) + 1), np.int64)
        self.origins = np.zeros((0, 3))  # row, column, heading of points that branches may leave from
        self.grown: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []  # paths [n, 2] and radii [n]

    def add(self, wanted: int, covered: int) -> int:
        """Let one more crack grow, and return how many pixels it covers that weren't covered."""
        row, column, heading, is_branch = self._begin()
        ways = [heading] if is_branch else [heading, heading + np.pi]
        parts, free = [], []
        for way in ways:
            path = np.empty((self._length(), 2))
            count = crack_growth.grow(row, column, way, self._bends(len(path)), self.axis, self.pull, self.lines, path)
            parts.append(path[: abs(count)])
            free.append(count > 0)
        if is_branch:
            path, free = parts[0], [False, free[0]]
        else:
            path, free = np.concatenate([parts[1][:0:-1], parts[0]]), free[::-1]
        radii = self._radii(len(path), free, covered / wanted)
        excess = max(1.0, (ratios.TOO_MUCH - 1) * wanted)
        radii = np.minimum(radii, max(0.5, np.sqrt((excess + wanted - covered) / np.pi)))
        self._note(path)
        self.grown.append((path, radii))
        return int(crack_growth.draw_path(path, radii, self.lines, self.mask, wanted - covered))

    def _begin(self) -> tuple[float, float, float, bool]:
        """Return where a crack begins and whither it goes, and whether it branches off another."""
        height, width = self.mask.shape
        chance = self.rng.random()
        if len(self.origins) and chance < self.kind.branches:
            there = self.origins[self.rng.integers(len(self.origins), size=_PLACES)]
            row, column, along = there[self._thinnest(there)]
            aside = np.pi / 2 * (1 if self.rng.random() < 0.5 else -1) + self.rng.normal(0, 0.2)
            return row, column, along + aside, True
        there = self.rng.random((_PLACES, 2)) * (height, width) - 0.5
        row, column = there[self._thinnest(there)]
        heading = self.axis + np.pi / 2 * self.rng.integers(4) if self.pull else self.rng.uniform(0, 2 * np.pi)
        return row, column, heading + self.rng.normal(0, 0.15), False

    def _thinnest(self, places: NDArray[np.float64]) -> int:
        cells = (places[:, :2] / self.cell).astype(int)  # towards zero: places begin half a pixel before it
        return int(self.density[cells[:, 0], cells[:, 1]].argmin())

    def _length(self) -> int:
        shortest, longest = self.kind.lengths
        return max(3, int(self.scale * shortest * (longest / shortest) ** self.rng.random()))

    def _bends(self, count: int) -> NDArray[np.float64]:
        """Return changes of heading: smooth wandering, an arc, and now and then a kink."""
        smooth = max(3, int(12 * self.scale))
        noise = self.rng.standard_normal(count // smooth + 3)
        wandering = np.interp(np.arange(count) / smooth, np.arange(len(noise)), noise)
        bends = self.kind.wavering * wandering / max(self.scale, 0.2) + self.arc * (-1, 0.3, 1)[self.rng.integers(3)]
        kinks = self.rng.random(count) < 0.02 / max(self.scale, 0.2)
        kinked: NDArray[np.float64] = bends + kinks * self.rng.normal(0, 0.3, count)
        return kinked

    def _radii(self, count: int, free: list[bool], done: float) -> NDArray[np.float64]:
        """Return half the width at every point: it swells and ebbs, and runs out at free ends."""
        middle = 0.5 * self.crack_width * (1 - (1 - self.kind.thinner) * min(1.0, done * 1.5))
        middle *= np.exp(self.rng.normal(0, 0.25))
        smooth = max(4, int(16 * self.scale))
        noise = self.rng.standard_normal(count // smooth + 3)
        swelling = np.exp(0.2 * np.interp(np.arange(count) / smooth, np.arange(len(noise)), noise))
        taper = max(3.0, _TAPER * self.scale)
        ends = np.ones(count)
        if free[0]:
            ends = np.minimum(ends, (np.arange(count) + 1) / taper)
        if free[1]:
            ends = np.minimum(ends, (count - np.arange(count)) / taper)
        radii: NDArray[np.float64] = np.maximum(middle * swelling * np.sqrt(ends), 0.5)
        return radii

    def _note(self, path: NDArray[np.float64]) -> None:
        """Count a crack's points, and keep some for branches."""
        inside = path.min(axis=1) >= 0  # a path may run half a pixel beyond
        cells = (path[inside] / self.cell).astype(int)
        np.add.at(self.density, (cells[:, 0], cells[:, 1]), 1)
        every = max(2, int(_EVERY * self.scale))
        points = path[:-1:every]
        ahead = path[1::every] - points
        headings = np.arctan2(ahead[:, 0], ahead[:, 1])
        self.origins = np.concatenate([self.origins, np.column_stack([points, headings])[inside[:-1:every]]])


def _one_of(name: str, chosen: str | None, known: tuple[str, str], rng: np.random.Generator) -> str:
    drawn = known[int(rng.random() * len(known))]  # drawn in any case, so that the choice changes nothing else
    if chosen is not None and chosen not in known:
        raise ParameterError(f"The {name} {chosen!r} isn't known: it is {' or '.join(known)}.")
    return chosen or drawn
