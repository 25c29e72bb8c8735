"""The windows in which holes are filled.

For a method that may be cut, the picture is divided into square tiles. Each tile that has hole pixels becomes a window:
the box around them, with the surroundings that the method needs at the depth of the holes there. Where holes are so
deep that the surroundings would outweigh the tile, those that stand by themselves are filled whole, and tiles with
others are joined, cluster by cluster; a net of cracks around them is still cut. A method that may not be cut gets
whole holes, grouped where they are closer than its reach, and small ones that lie in the same tile together (unless
a window costs what it measures).

A part of the holes can be planned by itself, for a method of its own. What else is unknown stays unknown in its
windows: a method that may be cut sees as much of it as if it filled it too, one that may not sees what is near.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from restauro.guidance import NO_PICTURE_GUIDANCE, PictureGuidance, points_along
from restauro.holes import Box, Holes, find_holes, groups
from restauro.method import Method

_DEEPEST = 254  # depths are counted in bytes
# Surroundings (pixels) of a hole that touches unknown pixels of others: known ones may be on their far side.
_FAR_SIDE = 64
_TIED = 256  # pixels along a guide from one hole to the next, up to which they are filled together


@dataclass(frozen=True)
class Sizes:
    """What windows are cut by, in pixels.

    Attributes
    ----------
    tile, small_tile
        Sides of tiles: large ones spend less on their surroundings, but every core should have some.
    small_picture
        Pixels below which tiles are small.
    halo, small_halo
        Surroundings that a tile may cost; holes that need more are filled in windows of their own.
    sparsest
        Pixels of a window for each hole pixel, for a deep hole to be filled by itself.
    """

    tile: int = 512
    small_tile: int = 256
    small_picture: int = 2048 * 2048
    halo: int = 256
    small_halo: int = 96
    sparsest: int = 12


SIZES = Sizes()


@dataclass(frozen=True)
class Part:
    """Some of a picture's holes, the method that fills them, and what that is told beside."""

    holes: Holes
    method: Method
    guidance: PictureGuidance = NO_PICTURE_GUIDANCE


@dataclass(frozen=True)
class Window:
    """A part of the picture that is filled by itself.

    Attributes
    ----------
    box
        What the method sees.
    core
        What of it is written.
    depth
        City-block distance of the core's deepest hole pixel from the nearest known pixel, or more.
    pixels
        Hole pixels of the core that this window fills.
    part
        The holes of which they are (some may have got windows of their own), and the method.
    unknown
        Everything that isn't known.
    own
        The runs of the part's holes that belong to it; None means all that lie in the core.
    alone
        Whether all that is unknown near its holes is of the same part.
    """

    box: Box
    core: Box
    depth: float
    pixels: int
    part: Part
    unknown: Holes
    own: NDArray[np.int64] | None = None
    alone: bool = True

    def masks(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return hole, domain and wanted pixels of the box, bool [height, width] each: see `Method.fill` and `Task`.

        They may be one array.
        """
        hole, holes = self.unknown.within(self.box), self.part.holes
        if self.own is not None:
            if np.count_nonzero(hole) == self.pixels:
                return hole, hole, hole
            wanted = holes.within(self.box, self.own)
            reach = 2 * self.part.method.reach(0) + 1
            return hole, wanted if self.alone else _hanging_together(hole, wanted, reach), wanted
        domain = hole if holes is self.unknown or not self.alone else holes.within(self.box)
        if domain is hole and self.alone and self.core == self.box:
            return hole, hole, hole
        wanted = np.zeros(hole.shape, np.bool_)
        wanted[self.core_slices] = domain[self.core_slices] if self.alone else holes.within(self.core)
        return hole, domain, wanted

    @property
    def area(self) -> int:
        """Pixels of the box."""
        return math.prod(_sides(self.box))

    @property
    def memory(self) -> int:
        """Bytes that its fill is likely to take, as far as its method says, beside what it sees and lays in files."""
        costs, own_runs = self.part.method.memory, 0 if self.own is None else len(self.own)
        return costs.a_pixel * self.pixels + costs.a_run * own_runs + costs.of_window * self.area

    @property
    def core_slices(self) -> tuple[slice, slice]:
        """Rows and columns of the core within the box."""
        top, left = self.box[0], self.box[2]
        return slice(self.core[0] - top, self.core[1] - top), slice(self.core[2] - left, self.core[3] - left)


def _hanging_together(hole: NDArray[np.bool_], wanted: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """Return those groups of hole pixels, within a Chebyshev distance of one another, that have wanted pixels."""
    from restauro.numerics import runs

    holes, marked = find_holes(hole), find_holes(wanted)
    labels = runs.label(holes.row_start, holes.start, holes.stop, distance)
    with_wanted = np.searchsorted(holes.places, marked.places, side="right") - 1  # the runs that the wanted ones are of
    return holes.within((0, hole.shape[0], 0, hole.shape[1]), np.flatnonzero(np.isin(labels, labels[with_wanted])))


def plan_windows(part: Part, unknown: Holes | None = None, sizes: Sizes = SIZES) -> list[Window]:
    """Windows for the holes of a part, the largest first; `unknown`: these and whatever else isn't known."""
    everything = part.holes if unknown is None else unknown
    if part.method.whole_hole:
        windows = _whole_holes(part, everything)
        if not part.method.own_threads:
            windows = _neighbours_joined(windows, sizes.tile)
    else:
        windows = _tiles(part, everything, sizes)
    return sorted(windows, key=lambda window: -window.pixels)


def _tiles(part: Part, unknown: Holes, sizes: Sizes) -> list[Window]:
    """Windows for tiles of holes; deep holes that stand alone are kept whole, others filled by clusters of tiles."""
    height, width = part.holes.shape
    method, alone = part.method, part.holes is unknown
    small = height * width < sizes.small_picture
    side, halo = (sizes.small_tile, sizes.small_halo) if small else (sizes.tile, sizes.halo)
    cut = 1
    while cut < _DEEPEST and method.reach(cut + 1) <= halo:
        cut += 1
    from_afar = math.ceil(method.reach(cut) / side) if method.from_deeper else 0
    tiles = _survey(part.holes, unknown, side, cut + 1, from_afar)
    windows = []
    if alone and not small and (tiles.depths > cut).any():  # a small picture is in the processor's cache as it is
        windows = [
            window
            for window in _whole_holes(part, unknown)
            if min(_sides(window.core)) > cut and math.prod(_sides(window.box)) < sizes.sparsest * window.pixels
        ]
        if windows:
            taken = np.concatenate([window.own for window in windows if window.own is not None])
            part = replace(part, holes=part.holes.without(taken))
            tiles = _survey(part.holes, part.holes, side, cut + 1, from_afar)

    def add(core: NDArray[np.int64], seen: NDArray[np.int64], depth: int, most: float, pixels: int) -> None:
        box = _grown(_as_box(seen), method.reach(depth), unknown.shape)
        windows.append(Window(box, _as_box(core), most, pixels, part, unknown, alone=alone))

    if (tiles.depths > cut).any():
        everything = tiles if alone else _survey(unknown, unknown, side, cut + 1, from_afar)
        for top, bottom, left, right in _clusters(everything.depths > cut):
            members = (slice(top, bottom), slice(left, right))
            own = tiles.pixels[members] > 0
            if (tiles.depths[members][own] > cut).any():
                seen = _around(everything.boxes[members][everything.pixels[members] > 0])
                core, pixels = _around(tiles.boxes[members][own]), int(tiles.pixels[members].sum())
                add(core, seen, cut, float(sum(unknown.shape)), pixels)
                tiles.pixels[members] = 0
    for row, column in np.argwhere(tiles.pixels):
        core, depth = tiles.boxes[row, column], int(tiles.depths[row, column])
        add(core, core, depth, depth, int(tiles.pixels[row, column]))
    return windows


@dataclass(frozen=True)
class _Tiles:
    """Of every tile the box around its hole pixels [rows, columns, 4], how many there are, and how deep they lie."""

    boxes: NDArray[np.int64]
    pixels: NDArray[np.int64]
    depths: NDArray[np.int64]


def _survey(holes: Holes, unknown: Holes, side: int, deepest: int, from_afar: int) -> _Tiles:
    """Look at the tiles of a side; depths are counted up to `deepest`, which stands for that and more.

    from_afar: how many tiles around it each tile's depth stands for as well, whosever holes are in them.
    """
    from restauro.numerics import runs

    height, width = holes.shape
    shape = (-(-height // side), -(-width // side))
    tiles = _Tiles(np.zeros((*shape, 4), np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    own, everything = ((some.row_start, some.start, some.stop) for some in (holes, unknown))
    runs.survey(*own, *everything, width, side, deepest, tiles.boxes, tiles.pixels, tiles.depths)
    if from_afar and holes is not unknown:
        tiles.depths[:] = _survey(unknown, unknown, side, deepest, 0).depths
    for _ in range(from_afar):
        for depths in (tiles.depths, tiles.depths.T):
            here = depths.copy()
            np.maximum(depths[1:], here[:-1], out=depths[1:])
            np.maximum(depths[:-1], here[1:], out=depths[:-1])
    return tiles


def _sides(box: Box) -> tuple[int, int]:
    return box[1] - box[0], box[3] - box[2]


def _clusters(deep: NDArray[np.bool_]) -> list[Box]:
    """Rectangles of tiles around clusters of deep tiles that touch; rectangles that overlap are joined.

    What a deep pixel depends on reaches far inside the cluster; once it leaves it, it goes on through holes that are
    shallow, no further than their halo.
    """
    if not deep.any():
        return []
    boxes = [box for box, _, _ in groups(find_holes(deep), 1)]
    joined: list[Box] = []
    while boxes:
        box = boxes.pop()
        overlapping = [other for other in joined if _overlap(box, other)]
        if overlapping:
            joined = [other for other in joined if other not in overlapping]
            boxes.append(_as_box(_around(np.array([box, *overlapping]))))
        else:
            joined.append(box)
    return joined


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _whole_holes(part: Part, unknown: Holes) -> list[Window]:
    """One window for every group of holes that are closer to one another than the method's surroundings."""
    around = part.method.reach(0)
    windows = []
    for core, own, pixels in _tied(groups(part.holes, 2 * around + 1), part):
        box = _grown(core, around, unknown.shape)
        alone = part.holes is unknown or part.holes.count(box) == unknown.count(box)
        if not alone:
            box = _with_known(core, max(around, _FAR_SIDE), unknown)
        windows.append(Window(box, core, float(sum(unknown.shape)), pixels, part, unknown, own, alone))
    return windows


def _tied(grouped: list[tuple[Box, NDArray[np.int64], int]], part: Part) -> list[tuple[Box, NDArray[np.int64], int]]:
    """Join groups of holes that a guide goes through one after the other, without a long way between them."""
    holes, guides = part.holes, part.guidance.guides
    if guides is None or len(grouped) < 2:
        return grouped
    group = np.empty(len(holes.start), np.int64)
    for number, (_, own, _) in enumerate(grouped):
        group[own] = number
    names = np.arange(len(grouped))
    for guide in guides:
        rows, columns = np.rint(points_along(guide)).astype(np.int64).T
        inside = (rows >= 0) & (rows < holes.shape[0]) & (columns >= 0) & (columns < holes.shape[1])
        run = np.searchsorted(holes.places, rows * holes.shape[1] + columns, side="right") - 1
        inside &= (run >= 0) & (holes.rows[run] == rows) & (columns < holes.stop[run])
        at = np.flatnonzero(inside)
        met = group[run[at]]
        for before, after in zip(met[:-1][np.diff(at) <= 2 * _TIED], met[1:][np.diff(at) <= 2 * _TIED], strict=True):
            names[names == names[after]] = names[before]
    joined = []
    for name in dict.fromkeys(names.tolist()):  # in the order in which they were
        members = [grouped[number] for number in np.flatnonzero(names == name)]
        boxes, runs_of, pixels = zip(*members, strict=True)
        box = boxes[0] if len(boxes) == 1 else _as_box(_around(np.array(boxes)))
        joined.append((box, np.concatenate(runs_of), sum(pixels)))
    return joined


def _with_known(core: Box, around: int, unknown: Holes) -> Box:
    """Return a box grown until it holds known pixels or all of the picture."""
    box = _grown(core, around, unknown.shape)
    while unknown.count(box) == math.prod(_sides(box)) and _sides(box) != unknown.shape:
        around *= 2
        box = _grown(core, around, unknown.shape)
    return box


def _neighbours_joined(windows: list[Window], side: int) -> list[Window]:
    """Join windows no larger than a tile that begin in the same one: a window has a price of its own."""
    joined: dict[tuple[int, ...], list[Window]] = {}
    for number, window in enumerate(windows):
        small = max(_sides(window.core)) <= side
        tile = (window.core[0] // side, window.core[2] // side, window.alone) if small else (number,)
        joined.setdefault(tile, []).append(window)
    return [members[0] if len(members) == 1 else _union(members) for members in joined.values()]


def _union(windows: list[Window]) -> Window:
    """Return one window for the holes of several."""
    box, core = (_as_box(_around(np.array(boxes))) for boxes in zip(*((w.box, w.core) for w in windows), strict=True))
    own = np.concatenate([window.own for window in windows if window.own is not None])
    return replace(windows[0], box=box, core=core, pixels=sum(window.pixels for window in windows), own=own)


def _around(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the box around some boxes, [n, 4]."""
    around: NDArray[np.int64] = np.where([True, False] * 2, boxes.min(axis=0), boxes.max(axis=0))
    return around


def _as_box(values: NDArray[np.int64]) -> Box:
    return int(values[0]), int(values[1]), int(values[2]), int(values[3])


def _grown(box: Box, by: int, shape: tuple[int, int]) -> Box:
    return (
        max(box[0] - by, 0),
        min(box[1] + by, shape[0]),
        max(box[2] - by, 0),
        min(box[3] + by, shape[1]),
    )
