"""Holes as runs of pixels, and the windows in which they are filled.

The mask is read once, row by row, and becomes runs (row, first column, column after the last): memory in proportion
to the damage. Everything later works on runs and on small windows.

For a method that may be cut, the picture is divided into square tiles. Each tile that has hole pixels becomes a window:
the box around them, with the surroundings that the method needs at the depth of the holes there. Where holes are so
deep that the surroundings would outweigh the tile, those that stand by themselves are filled whole, and tiles with
others are joined, cluster by cluster; a net of cracks around them is still cut. A method that may not be cut gets
whole holes, grouped where they are closer than its reach, and small ones that lie in the same tile together (unless
a window costs what it measures).
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method

# Side (pixels) of tiles: large ones spend less on their surroundings, but every core should have some.
TILE = 512
SMALL_TILE = 256
SMALL_PICTURE = 2048 * 2048  # pixels, below which tiles are small
# Surroundings (pixels) that a tile may cost; holes that need more are filled in windows of their own.
WIDEST_HALO = 256
SMALL_HALO = 96
_DEEPEST = 254  # depths are counted in bytes
_SPARSEST = 12  # pixels of a window for each hole pixel, for a deep hole to be filled by itself

_BLOCK = 1 << 22  # mask pixels that one thread reads at a time

Box = tuple[int, int, int, int]  # rows from, to, columns from, to


@dataclass(frozen=True)
class Holes:
    """The hole pixels of a mask as runs, row by row.

    Attributes
    ----------
    shape
        Height and width of the picture.
    row_start
        int64 [H + 1]: the runs of row y are row_start[y] to row_start[y + 1].
    start, stop
        int32 [runs]: first column, column after the last.
    pixels
        Number of hole pixels.
    """

    shape: tuple[int, int]
    row_start: NDArray[np.int64]
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    pixels: int

    def within(self, box: Box, own: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Return the mask of a box, bool [height, width]: of all runs, or of those named, which lie within it."""
        from restauro.numerics import runs

        hole = np.zeros((box[1] - box[0], box[3] - box[2]), np.bool_)
        if own is None:
            runs.draw(self.row_start, self.start, self.stop, np.array(box), hole)
        else:
            rows = np.searchsorted(self.row_start, own, side="right") - 1
            runs.draw_some(rows, self.start[own], self.stop[own], box[0], box[2], hole)
        return hole

    def without(self, runs: NDArray[np.int64]) -> Holes:
        """Return the holes that remain when some runs are taken out."""
        remains = np.ones(len(self.start), np.bool_)
        remains[runs] = False
        row_start = np.append(0, np.cumsum(remains))[self.row_start]
        start, stop = self.start[remains], self.stop[remains]
        return Holes(self.shape, row_start, start, stop, int((stop - start).sum()))


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
    holes
        Where the hole pixels of the box are found. Other holes may lie within it, but not within the method's
        surroundings.
    own
        The runs of `holes` that belong to it; None means all that lie in the box.
    """

    box: Box
    core: Box
    depth: float
    pixels: int
    holes: Holes
    own: NDArray[np.int64] | None = None

    @property
    def hole(self) -> NDArray[np.bool_]:
        """The mask of the box, bool [height, width]."""
        return self.holes.within(self.box, self.own)

    @property
    def area(self) -> int:
        """Pixels of the box."""
        return math.prod(_sides(self.box))

    @property
    def core_slices(self) -> tuple[slice, slice]:
        """Rows and columns of the core within the box."""
        top, left = self.box[0], self.box[2]
        return slice(self.core[0] - top, self.core[1] - top), slice(self.core[2] - left, self.core[3] - left)


def find_holes(mask: NDArray[np.bool_], workers: int = 1) -> Holes:
    """Read a mask, bool [H, W] of any memory layout, once, on several threads where it is large."""
    from restauro.numerics import runs

    height, width = mask.shape
    rows = max(1, _BLOCK // max(width, 1))
    tops = range(0, height, rows)

    def scan(top: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        block = np.ascontiguousarray(mask[top : top + rows])
        counts = np.zeros(len(block), np.int64)
        return counts, *runs.find(block, counts)

    if workers > 1 and len(tops) > 1:
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(scan, tops))
    else:
        found = [scan(top) for top in tops]
    counts, start, stop = (np.concatenate([part[k] for part in found]) for k in range(3))
    pixels = int(stop.sum(dtype=np.int64) - start.sum(dtype=np.int64))
    return Holes((height, width), np.append(0, np.cumsum(counts)), start, stop, pixels)


def count_regions(mask: NDArray[np.bool_], workers: int = 1) -> int:
    """Return how many separate holes a mask, bool [H, W], has; pixels that touch by a corner belong together.

    >>> count_regions(np.array([[True, False, False], [False, True, False], [False, False, False]]))
    1
    """
    from restauro.numerics import runs

    holes = find_holes(mask, workers)
    labels = runs.label(holes.row_start, holes.start, holes.stop, 1)
    return int(np.count_nonzero(labels == np.arange(labels.size)))  # a group's label is its first run


def plan_windows(holes: Holes, method: Method) -> list[Window]:
    """Windows for all holes, the largest first."""
    windows = _whole_holes(holes, method) if method.whole_hole else _tiles(holes, method)
    if method.whole_hole and not method.own_threads:
        windows = _neighbours_joined(windows)
    return sorted(windows, key=lambda window: -window.pixels)


def _tiles(holes: Holes, method: Method) -> list[Window]:
    """Windows for tiles of holes; deep holes that stand alone are kept whole, others filled by clusters of tiles."""
    height, width = holes.shape
    small = height * width < SMALL_PICTURE
    side, halo = (SMALL_TILE, SMALL_HALO) if small else (TILE, WIDEST_HALO)
    cut = 1
    while cut < _DEEPEST and method.reach(cut + 1) <= halo:
        cut += 1
    from_afar = math.ceil(method.reach(cut) / side) if method.from_deeper else 0
    tiles = _survey(holes, side, cut + 1, from_afar)
    windows = []
    if not small and (tiles.depths > cut).any():  # a small picture is in the processor's cache as it is
        alone = [
            window
            for window in _whole_holes(holes, method)
            if min(_sides(window.core)) > cut and math.prod(_sides(window.box)) < _SPARSEST * window.pixels
        ]
        if alone:
            holes = holes.without(np.concatenate([window.own for window in alone if window.own is not None]))
            tiles = _survey(holes, side, cut + 1, from_afar)
            windows += alone
    for top, bottom, left, right in _clusters(tiles.depths > cut):
        members = (slice(top, bottom), slice(left, right))
        found = tiles.boxes[members][tiles.pixels[members] > 0]
        core = _as_box(np.array([found[:, 0].min(), found[:, 1].max(), found[:, 2].min(), found[:, 3].max()]))
        box = _grown(core, method.reach(cut), holes.shape)
        windows.append(Window(box, core, float(sum(holes.shape)), int(tiles.pixels[members].sum()), holes))
        tiles.pixels[members] = 0
    for tile in np.argwhere(tiles.pixels):
        at = (int(tile[0]), int(tile[1]))
        core, depth = _as_box(tiles.boxes[at]), int(tiles.depths[at])
        box = _grown(core, method.reach(depth), holes.shape)
        windows.append(Window(box, core, depth, int(tiles.pixels[at]), holes))
    return windows


@dataclass(frozen=True)
class _Tiles:
    """Of every tile the box around its hole pixels [rows, columns, 4], how many there are, and how deep they lie."""

    boxes: NDArray[np.int64]
    pixels: NDArray[np.int64]
    depths: NDArray[np.int64]


def _survey(holes: Holes, side: int, deepest: int, from_afar: int) -> _Tiles:
    """Look at the tiles of a side; depths are counted up to `deepest`, which stands for that and more.

    from_afar: how many tiles around it each tile's depth stands for as well.
    """
    from restauro.numerics import runs

    height, width = holes.shape
    shape = (-(-height // side), -(-width // side))
    tiles = _Tiles(np.zeros((*shape, 4), np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    runs.survey(holes.row_start, holes.start, holes.stop, width, side, deepest, tiles.boxes, tiles.pixels, tiles.depths)
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
    boxes = [box for box, _ in _groups(find_holes(deep), 1)]
    joined: list[Box] = []
    while boxes:
        box = boxes.pop()
        overlapping = [other for other in joined if _overlap(box, other)]
        if overlapping:
            joined = [other for other in joined if other not in overlapping]
            boxes.append(_around([box, *overlapping]))
        else:
            joined.append(box)
    return joined


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def _whole_holes(holes: Holes, method: Method) -> list[Window]:
    """One window for every group of holes that are closer to one another than the method's surroundings."""
    around = method.reach(0)
    windows = []
    for core, own in _groups(holes, 2 * around + 1):
        pixels = int((holes.stop[own] - holes.start[own]).sum())
        windows.append(Window(_grown(core, around, holes.shape), core, float(sum(holes.shape)), pixels, holes, own))
    return windows


def _neighbours_joined(windows: list[Window]) -> list[Window]:
    """Join windows no larger than a tile that begin in the same one: a window has a price of its own."""
    joined: dict[tuple[int, ...], list[Window]] = {}
    for number, window in enumerate(windows):
        small = max(_sides(window.core)) <= TILE
        tile = (window.core[0] // TILE, window.core[2] // TILE) if small else (number,)
        joined.setdefault(tile, []).append(window)
    return [members[0] if len(members) == 1 else _union(members) for members in joined.values()]


def _union(windows: list[Window]) -> Window:
    """Return one window for the holes of several."""
    own = np.concatenate([window.own for window in windows if window.own is not None])
    pixels = sum(window.pixels for window in windows)
    return Window(
        _around([window.box for window in windows]),
        _around([window.core for window in windows]),
        windows[0].depth,
        pixels,
        windows[0].holes,
        own,
    )


def _around(boxes: list[Box]) -> Box:
    """Return the box around some boxes."""
    found = np.array(boxes)
    return _as_box(np.where([True, False] * 2, found.min(axis=0), found.max(axis=0)))


def _groups(holes: Holes, distance: int) -> list[tuple[Box, NDArray[np.int64]]]:
    """Boxes and runs of groups of holes: those within a Chebyshev distance of one another belong together."""
    from restauro.numerics import runs

    labels = runs.label(holes.row_start, holes.start, holes.stop, distance)
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[order])) + 1
    rows = np.repeat(np.arange(holes.shape[0]), np.diff(holes.row_start))
    return [
        (
            (int(rows[own[0]]), int(rows[own[-1]]) + 1, int(holes.start[own].min()), int(holes.stop[own].max())),
            own,
        )
        for own in np.split(order, ends)
        if own.size
    ]


def _as_box(values: NDArray[np.int64]) -> Box:
    return int(values[0]), int(values[1]), int(values[2]), int(values[3])


def _grown(box: Box, by: int, shape: tuple[int, int]) -> Box:
    return (
        max(box[0] - by, 0),
        min(box[1] + by, shape[0]),
        max(box[2] - by, 0),
        min(box[3] + by, shape[1]),
    )
