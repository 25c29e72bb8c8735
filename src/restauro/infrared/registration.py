"""Two planes of one thing laid over each other: by how much one is shifted and enlarged, and the same plane moved.

Phase correlation: C. D. Kuglin and D. C. Hines, "The phase correlation image alignment method", Proc. IEEE Conf. on
Cybernetics and Society, 1975; subpixels by the Fourier sum near the peak, as in M. Guizar-Sicairos, S. T. Thurman and
J. R. Fienup, Optics Letters 33 (2), 2008, doi:10.1364/OL.33.000156.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FARTHEST = 24  # pixels, of a shift that is looked for

_STRIP = 256  # rows or columns that are moved together
_SIDE = 256  # of the tiles that are compared
_LEAST = 16  # pixels of a side that can tell
_TILES = 8  # along each axis at most
_BLUR = 1.2  # pixels: finer detail differs, as infrared has another focus
_FINE = 20  # parts of a pixel that a peak is found to
_CLEAR = 10.0  # standard deviations that a peak rises above the rest, from which on it is one
_AGREES = 1.5  # pixels by which tiles may differ from what most say

Plane = NDArray[np.floating[Any]]


class Displacement(NamedTuple):
    """Where a plane shows what another shows at a row y and a column x.

    rows: shift and its growth a row, so at row y + shift + growth * (y - the middle row); columns: the same across.
    """

    rows: tuple[float, float]
    columns: tuple[float, float]


NONE = Displacement((0.0, 0.0), (0.0, 0.0))


def register(plane: Plane, other: Plane) -> Displacement | None:
    """Return where `other` shows what a plane shows, both [H, W]; None where too little says so.

    Tiles are compared by the magnitudes of their gradients, so one may be light where the other is dark.

    >>> rng = np.random.default_rng(2)
    >>> plane = rng.normal(size=(96, 96)).cumsum(axis=0).cumsum(axis=1)
    >>> found = register(plane, np.roll(plane, (3, -2), (0, 1)))
    >>> round(found.rows[0]), round(found.columns[0])
    (3, -2)
    """
    height, width = plane.shape
    if min(plane.shape) < _LEAST:
        return None
    found = []
    for top in _starts(height):
        for left in _starts(width):
            tile = np.s_[top : top + _SIDE, left : left + _SIDE]
            shift, clear = _shift(_gradient(plane[tile]), _gradient(other[tile]))
            if clear >= _CLEAR:
                rows, columns = plane[tile].shape
                middle = top + (rows - height) / 2, left + (columns - width) / 2
                found.append((*middle, *shift, clear))
    if not found:
        return None
    places = np.array(found)
    whole = np.median(places[:, 2:4], axis=0)
    agree = np.abs(places[:, 2:4] - whole).max(axis=1) < _AGREES + 0.002 * np.abs(places[:, :2]).max(axis=1)
    places = places[agree] if agree.any() else places
    rows, columns = (_line(places[:, axis], places[:, 2 + axis], places[:, 4]) for axis in (0, 1))
    return Displacement(rows, columns)


def moved(plane: NDArray[np.float32], by: Displacement) -> NDArray[np.float32]:
    """Return a plane [H, W] laid over the other one: its values where it shows the same, beyond its rim the nearest.

    Cubic convolution (R. G. Keys, IEEE Trans. ASSP 29 (6), 1981, doi:10.1109/TASSP.1981.1163711), along columns, then
    along rows.
    """
    for axis in (0, 1):
        at = _places(by[axis], plane.shape[axis])
        result = np.empty_like(plane)
        for first in range(0, plane.shape[1 - axis], _STRIP):
            part = (slice(None), slice(first, first + _STRIP)) if axis == 0 else slice(first, first + _STRIP)
            result[part] = _resampled(plane[part], at, axis)
        plane = result
    return plane


def within(by: Displacement, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of one plane that the other shows too.

    >>> within(Displacement((1.5, 0.0), (-2.0, 0.0)), (10, 10))
    (slice(0, 8, None), slice(2, 10, None))
    """
    down, across = (_places(along, side) for along, side in zip(by, shape, strict=True))
    return _inside(down), _inside(across)


def _places(along: tuple[float, float], length: int) -> NDArray[np.float64]:
    at = np.arange(length)
    return at + along[0] + along[1] * (at - (length - 1) / 2)


def _inside(at: NDArray[np.float64]) -> slice:
    rows = np.flatnonzero((at >= 0) & (at <= len(at) - 1))
    return slice(int(rows[0]), int(rows[-1]) + 1) if rows.size else slice(0, 0)


def _starts(length: int) -> list[int]:
    """Return where tiles begin along a side, spread evenly."""
    if length <= _SIDE:
        return [0]
    count = min(_TILES, -(-length // _SIDE))
    return [round(k * (length - _SIDE) / (count - 1)) for k in range(count)]


def _gradient(tile: Plane) -> NDArray[np.float64]:
    """Return magnitudes of gradients, less their mean, faded out towards the rim."""
    down, across = np.gradient(tile.astype(np.float64))
    size = np.hypot(down, across)
    size = np.minimum(size, 8 * np.median(size) + 1e-12)  # one strong edge isn't to drown all else
    fade = np.outer(np.hanning(tile.shape[0] + 2)[1:-1], np.hanning(tile.shape[1] + 2)[1:-1])
    faded: NDArray[np.float64] = (size - (size * fade).sum() / fade.sum()) * fade
    return faded


def _shift(tile: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[tuple[float, float], float]:
    """Return by how much the other is shifted, and by how many standard deviations the peak rises that says so."""
    height, width = tile.shape
    y, x = np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width)
    product = np.conj(np.fft.rfft2(tile)) * np.fft.rfft2(other)
    product /= np.abs(product) + 1e-30
    product *= np.exp(-2 * (np.pi * _BLUR) ** 2 * (y**2 + x**2))
    product[0, 0] = 0
    match = np.fft.irfft2(product, (height, width))
    reach_y, reach_x = (min(FARTHEST, (side - 1) // 2) for side in (height, width))
    near = np.roll(match, (reach_y, reach_x), (0, 1))[: 2 * reach_y + 1, : 2 * reach_x + 1]
    peak = np.unravel_index(np.argmax(near), near.shape)
    clear = (near[peak] - match.mean()) / (match.std() + 1e-30)
    whole = np.array([peak[0] - reach_y, peak[1] - reach_x], dtype=np.float64)
    parts = np.arange(-_FINE, _FINE + 1) / _FINE
    along_y = np.exp(2j * np.pi * (whole[0] + parts[:, np.newaxis]) * y[:, 0])
    along_x = np.exp(2j * np.pi * x[:, np.newaxis] * (whole[1] + parts))
    twice = np.where((x == 0) | (x == 0.5), 1, 2)  # the half of the spectrum that isn't kept
    finely = (along_y @ (product * twice) @ along_x).real
    at = np.unravel_index(np.argmax(finely), finely.shape)
    return (whole[0] + parts[at[0]], whole[1] + parts[at[1]]), float(clear)


def _line(places: NDArray[np.float64], shifts: NDArray[np.float64], clear: NDArray[np.float64]) -> tuple[float, float]:
    """Return a shift in the middle and its growth, which only tiles far enough apart can tell."""
    if np.ptp(places) < _SIDE / 2:
        return float(np.average(shifts, weights=clear)), 0.0
    growth, shift = np.polyfit(places, shifts, 1, w=np.sqrt(clear))
    return float(shift), float(growth)


def _resampled(plane: Plane, at: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return rows, or columns, at real places."""
    first = np.floor(at).astype(np.intp)
    t = at - first
    weights = (
        ((-0.5 * t + 1) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1,
        ((-1.5 * t + 2) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )
    total: NDArray[np.float64] = np.zeros(1)
    for k, weight in enumerate(weights):
        some = np.take(plane, np.clip(first + k - 1, 0, plane.shape[axis] - 1), axis=axis)
        total = total + some * (weight[:, np.newaxis] if axis == 0 else weight)
    return total
