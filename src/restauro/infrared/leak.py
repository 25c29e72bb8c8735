"""What sound film lets pass in infrared: the lamp's light, and a share of the red's density that leaks into it.

All planes are logarithms. Sums over cells of 16 x 16 pixels are what is regressed, so memory and time go with the
picture, whatever the size of the surroundings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_CELL = 16  # pixels of a cell's side
_AROUND = 10  # cells to each side whose sums are taken together
_FAR = 40  # the same where those hold little that is sound
_SHARE_OF_FAR = 0.02
_STRIP = 16  # rows of cells that are worked on together
_ROUNDS = 4
_LIKE = 0.05  # how much a place's leak may differ from the whole picture's
_ALIKE = 200  # neighbouring pixels err together: so many count as one
_SOUND = 3.0  # standard deviations up to which a pixel counts as undamaged
_RATHER_LIGHT = 0.6  # quantile of light around a cell that is taken first: damage darkens
_LEAST_STEP = 0.02  # difference of logarithms of red from which it says something of a leak
_STEPS = (1, 3)  # cells over which red and infrared are compared
_DEGREE = 2  # of the surface by which the lamp's light falls off

Plane = NDArray[np.float32]  # [H, W]
Grid = NDArray[np.float64]  # [cells down, cells across]


class Leak(NamedTuple):
    """The share of the picture's density that infrared has, and the share of infrared's contrast that it explains."""

    share: float
    explains: float


def leak_of(shown: Plane, passed: Plane) -> Leak:
    """Compare medians of cells across some distance; the share is what makes the sum of all deviations least.

    >>> rng = np.random.default_rng(1)
    >>> shown = rng.normal(size=(8, 1, 8, 1)).repeat(16, 1).repeat(16, 3).reshape(128, 128).astype(np.float32)
    >>> round(leak_of(shown, np.float32(0.2) * shown + 3).share, 3)
    0.2
    """
    steps = []
    for grid in (_medians(shown), _medians(passed)):
        some = [grid[step:] - grid[:-step] for step in _STEPS] + [grid[:, step:] - grid[:, :-step] for step in _STEPS]
        steps.append(np.concatenate([one.ravel() for one in some]))
    red, infrared = (one[np.abs(steps[0]) > _LEAST_STEP] for one in steps)
    if not red.size:
        return Leak(0.0, 0.0)
    order = np.argsort(infrared / red)
    weights = np.cumsum(np.abs(red[order]))
    middle = order[np.searchsorted(weights, weights[-1] / 2)]
    share = float(infrared[middle] / red[middle])
    left = np.abs(infrared - share * red).sum() / max(float(np.abs(infrared).sum()), 1e-12)
    return Leak(share, float(1 - left))


def fall_off(shown: Plane, passed: Plane) -> Plane:
    """Return how the lamp's light falls off, as a surface of the second degree, which damage moves little.

    It is found together with the leak, or else where the picture is lighter on one side it would be taken for light.
    """
    red, infrared = _medians(shown), _medians(passed)
    powers = [(k, m) for k in range(_DEGREE + 1) for m in range(_DEGREE + 1 - k)]
    middles = [(np.arange(side) + 0.5) * _CELL for side in red.shape]
    down, across = (_powers(at, side) for at, side in zip(middles, passed.shape, strict=True))
    terms = [np.outer(down[:, k], across[:, m]).ravel() for k, m in powers]
    A, b = np.stack([*terms, (red - red.mean()).ravel()], axis=1), infrared.ravel()
    weights = np.ones_like(b)
    for _ in range(20):  # Tukey's biweight
        found = np.linalg.lstsq(A * weights[:, np.newaxis], b * weights, rcond=None)[0]
        error = b - A @ found
        weights = np.maximum(1 - (error / (6 * float(np.median(np.abs(error))) + 1e-4)) ** 2, 0)
    surface = np.zeros((_DEGREE + 1, _DEGREE + 1))
    surface[tuple(np.transpose(powers))] = found[:-1]
    down, across = (_powers(np.arange(side) + 0.5, side) for side in passed.shape)
    fall: Plane = (down @ surface).astype(np.float32) @ across.T.astype(np.float32)
    return fall


def _powers(at: NDArray[np.floating[Any]], side: int) -> NDArray[np.float64]:
    """Return the powers [n, degree + 1] of places along a side, which goes from -1 to 1."""
    powers: NDArray[np.float64] = np.vander(2 * at / side - 1, _DEGREE + 1, increasing=True)
    return powers


class Expected(NamedTuple):
    """What infrared is to be where nothing is damaged: light + leak * red, and by how much that errs; grids."""

    light: Grid
    leak: Grid
    spread: Grid

    @classmethod
    def of(cls, shown: Plane, passed: Plane, share: float) -> Expected:
        """Regress infrared on red around every cell, in rounds, each without what the one before took for damage."""
        rest = _medians(passed) - share * _medians(shown)
        cells = tuple(-(-side // _CELL) for side in shown.shape)
        rest = np.pad(rest, [(0, want - have) for want, have in zip(cells, rest.shape, strict=True)], "edge")
        light = _rather_light(rest)
        noise = 1.5 * float(np.median(np.abs(rest - light))) + 0.003
        expected = cls(light, np.full(cells, share), np.full(cells, noise))
        for _ in range(_ROUNDS):
            expected = expected._again(shown, passed, share)
        return expected

    def _again(self, shown: Plane, passed: Plane, share: float) -> Expected:
        sums = np.zeros((7, *self.light.shape))
        for cells, rows in _strips(shown.shape):
            x, y = shown[rows].astype(np.float64), passed[rows].astype(np.float64)
            error = y - self._expected(x, rows)
            sound = np.abs(error) < _SOUND * _at_pixels(self.spread, rows, x.shape[1])
            bright = sound & (error > 0)
            planes = [sound, sound * x, sound * y, sound * x * x, sound * x * y, bright, bright * error**2]
            for total, plane in zip(sums, planes, strict=True):
                total[cells] = _summed(plane)
        count, x, y, xx, xy, bright, squares = _windowed(sums, _AROUND) + _SHARE_OF_FAR * _windowed(sums, _FAR)
        count = np.maximum(count, 1e-9)
        x, y = x / count, y / count
        variance, covariance = np.maximum(xx / count - x * x, 0), xy / count - x * y
        spread = np.sqrt(squares / np.maximum(bright, 1e-9)) + 1e-4  # damage darkens, so half of the errors are noise
        prior = _ALIKE * (spread / _LIKE) ** 2 / count
        leak = (covariance + prior * share) / (variance + prior)
        return Expected(y - leak * x, leak, spread)

    def _expected(self, shown: NDArray[np.floating[Any]], rows: slice) -> NDArray[np.float64]:
        width = shown.shape[1]
        return _at_pixels(self.light, rows, width) + _at_pixels(self.leak, rows, width) * shown

    def errors(self, shown: Plane, passed: Plane, rows: slice) -> tuple[Plane, Plane]:
        """Return the logarithm of what passes of some rows' light, and by how much that errs.

        What damage takes away it takes from the red as well, and of that the leak's share was expected in infrared.
        """
        seen = np.maximum(1 - _at_pixels(self.leak, rows, shown.shape[1]), 0.5)
        error = (passed[rows] - self._expected(shown[rows], rows)) / seen
        return error.astype(np.float32), (_at_pixels(self.spread, rows, shown.shape[1]) / seen).astype(np.float32)


def _medians(plane: Plane) -> Grid:
    """Return the median of every whole cell, or of what there is of one."""
    down, across = (max(side // _CELL, 1) for side in plane.shape)
    tall, wide = (min(_CELL, side) for side in plane.shape)
    cells = plane[: down * tall, : across * wide].reshape(down, tall, across, wide).swapaxes(1, 2)
    medians: Grid = np.median(cells.reshape(down, across, -1), axis=2).astype(np.float64)
    return medians


def _rather_light(grid: Grid) -> Grid:
    side = 2 * _AROUND + 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(grid, _AROUND, "edge"), (side, side))[..., ::3, ::3]
    light: Grid = np.quantile(windows.reshape(*grid.shape, -1), _RATHER_LIGHT, axis=2)
    return light


def _strips(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Yield rows of cells, some at a time, and the rows of pixels that they have."""
    for first in range(0, -(-shape[0] // _CELL), _STRIP):
        yield slice(first, first + _STRIP), slice(first * _CELL, min((first + _STRIP) * _CELL, shape[0]))


def _summed(plane: NDArray[Any]) -> Grid:
    rows, columns = (np.arange(0, side, _CELL) for side in plane.shape)
    summed: Grid = np.add.reduceat(np.add.reduceat(plane.astype(np.float64), rows, axis=0), columns, axis=1)
    return summed


def _windowed(sums: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return sums [n, cells down, cells across] over the cells around each."""
    for axis in (1, 2):
        length = sums.shape[axis]
        total = np.concatenate([np.zeros_like(sums.take([0], axis)), np.cumsum(sums, axis)], axis)
        at = np.arange(length)
        sums = total.take(np.minimum(at + reach + 1, length), axis) - total.take(np.maximum(at - reach, 0), axis)
    return sums


def _at_pixels(grid: Grid, rows: slice, width: int) -> NDArray[np.float64]:
    """Return a grid's values at the pixels of some rows, along straight lines between the middles of cells."""
    for axis, at in ((0, np.arange(rows.start, rows.stop)), (1, np.arange(width))):
        place = np.clip((at + 0.5) / _CELL - 0.5, 0, grid.shape[axis] - 1)
        first = np.minimum(place.astype(np.intp), max(grid.shape[axis] - 2, 0))
        second = np.minimum(first + 1, grid.shape[axis] - 1)
        part = (place - first)[:, np.newaxis] if axis == 0 else place - first
        grid = grid.take(first, axis) * (1 - part) + grid.take(second, axis) * part
    return grid
