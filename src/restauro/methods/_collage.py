"""What patchmatch looks at: a window, and beside it the pieces of the picture that texture may come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError, MaskError
from restauro.guidance import Guidance
from restauro.numerics import patches
from restauro.numerics.guide_lines import directions
from restauro.numerics.pixels import readable

# Pixels: corners of pieces lie on a grid of so many, so that coarser levels halve them all alike, and as many between
# them belong to none.
_GRID = 16
# What a drawn line weighs beside the image's values, which are 0 to 1; pixels (standard deviation) that it is wide.
_WEIGHT, _WIDTH = 0.3, 2.0


@dataclass(frozen=True)
class Collage:
    """A window with its pieces below it.

    Attributes
    ----------
    image
        [H, W, C], in one of the dtypes that kernels know.
    depth
        uint8 [H, W]: 1 in the window's hole, 0 where something is known, `patches.UNUSED` elsewhere.
    usable
        bool [H, W], what may be copied; None: all that is known.
    lines
        float32 [H, W, 2], channels to be compared beside the image's: how a pixel lies to a drawn line; [H, W, 0] where
        there is none.
    """

    image: NDArray[Any]
    depth: NDArray[np.uint8]
    usable: NDArray[np.bool_] | None
    lines: NDArray[np.float32]

    @classmethod
    def of(cls, image: NDArray[Any], domain: NDArray[np.bool_], surroundings: int, guidance: Guidance) -> Collage:
        """Put it together; what is further from the domain than its surroundings (pixels) isn't used."""
        depth = np.empty(domain.shape, np.uint8)
        patches.mark(domain, surroundings, depth)
        usable = None if guidance.avoid is None else ~guidance.avoid
        if guidance.sources is None:
            _check_size(domain.shape, "Holes that belong together span")
            lines = _beside_lines(guidance, (0, 0), domain.shape)
            return cls(readable(image), depth, usable, lines)
        places, shape = _places(domain.shape, [source.usable.shape for source in guidance.sources])
        _check_size(shape, "Holes that belong together and the sources take")
        whole = np.zeros((*shape, image.shape[2]), image.dtype)
        depths, allowed = np.full(shape, patches.UNUSED, np.uint8), np.zeros(shape, np.bool_)
        height, width = domain.shape
        lines = np.zeros((*shape, 2 if len(guidance.segments) else 0), np.float32)
        whole[:height, :width], depths[:height, :width] = image, depth
        lines[:height, :width] = _beside_lines(guidance, (0, 0), domain.shape)
        for (top, left), source in zip(places, guidance.sources, strict=True):
            box = np.s_[top : top + source.usable.shape[0], left : left + source.usable.shape[1]]
            whole[box], allowed[box] = source.image, source.usable
            depths[box] = np.where(source.usable, 0, patches.UNUSED)
            lines[box] = _beside_lines(guidance, source.place, source.usable.shape)
        return cls(readable(whole), depths, allowed, lines)

    def level(self, smooth: NDArray[Any], holes: NDArray[np.int32], low: float, unit: float) -> patches.Level:
        """Return the finest level: values in `unit`s above `low`, in holes (flat indices) those of a smooth fill."""
        height, width, bands = self.image.shape
        image = self.image
        if self.lines.shape[2]:
            lines = low + unit * self.lines.astype(smooth.dtype)
            image = np.concatenate([image.astype(smooth.dtype), lines], axis=2)
            smooth = np.concatenate([smooth, lines.reshape(height * width, -1)[holes]], axis=1)
        level = patches.Level.empty(height, width, image.shape[2], bands, self.usable)
        level.depth[:] = self.depth
        patches.load(image, level.depth, smooth, low, unit, level.values)
        patches.measure_depth(level.depth)
        return level

    def nothing_usable(self, guidance: Guidance) -> MaskError:
        """Return the error that nothing that may be copied is as large as a patch."""
        side = patches.SIDE
        what = "The sources have" if guidance.sources is not None else "What isn't to be avoided near the holes has"
        return MaskError(f"{what} no square of {side} x {side} known pixels, the least that can be copied: mark more.")


def _beside_lines(guidance: Guidance, place: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return what tells a pixel on a drawn line from one beside it, and left from right, [h, w, 2]; or [h, w, 0].

    A Gaussian of the distance to the line, and its slope: patches at the same place of lines that run alike are equal.
    """
    height, width = shape
    if not len(guidance.segments):
        return np.zeros((height, width, 0), np.float32)
    beside = np.zeros((height, width, 2), np.float32)
    field = directions(guidance.segments, float(place[0]), float(place[1]), (height, width))
    if field.size:
        distance = field[2] / _WIDTH
        bump = np.float32(_WEIGHT) * np.exp(-0.5 * distance**2) * (field[:2] != 0).any(axis=0)
        beside[..., 0], beside[..., 1] = bump, bump * distance
    return beside


def _check_size(shape: tuple[int, ...], what: str) -> None:
    if math.prod(shape) > np.iinfo(np.int32).max:
        raise ImageError(
            f"{what} {shape[0]} x {shape[1]} pixels, more than one window holds; restore the picture in parts."
        )


def _places(window: tuple[int, ...], pieces: list[tuple[int, ...]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Return where pieces go, on shelves below the window, and the size of all: height, width."""
    room = [tuple((side + 2 * _GRID - 1) // _GRID * _GRID for side in piece) for piece in pieces]
    width = max([window[1], *(across for _, across in room), math.isqrt(sum(map(math.prod, room)))])
    places = []
    top, left, shelf = (window[0] + 2 * _GRID - 1) // _GRID * _GRID, 0, 0
    for down, across in room:
        if left and left + across > width:
            top, left, shelf = top + shelf, 0, 0
        places.append((top, left))
        left, shelf = left + across, max(shelf, down)
    return places, (top + shelf, width)
