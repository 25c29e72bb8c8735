"""Grain: noise like that of the known pixels around a hole, for what a smooth method fills it with.

What is added is a field s with the spectrum and the covariance of bands of the hole's surroundings, less the membrane
through s on the rim: so nothing is added beside known pixels, and of slow waves only what a smooth fill lacks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ParameterError, Remedy
from restauro.holes import Box, Holes
from restauro.method import Method, Task, method_class, method_names
from restauro.methods.harmonic import membrane

GRAINS = ("match",)  # what grain can be asked for
GRAINY_NATURES = ("interpolates", "learned")  # fills of these have no grain of their own

# Widths are standard deviations of Gaussians in pixels.
_COARSEST = 7.0  # what is left of the surroundings by this is the picture, what it takes away is grain
_NEAR = 16.0  # how far from the holes known pixels count
_SURE = 20.0  # share of that, as its inverse, from which on they count in full
_SOFT = 3.0  # over which the sample begins beside holes: sharp ends would pass for fine grain
_LOCAL = 8.0  # over which the grain's strength is told
_BINS = 3.0  # of the spectrum, over which it is smoothed to be compared with rounding
_LOOKS = 2  # for what stands out: what is found first hid some
_TOO_STRONG = 4.0  # times the strength around, which a normal grain is in one of 16,000 pixels
_OF_GEOMETRIC_MEAN = 3.56  # times the geometric mean of squares, what their mean is of normal grain: 2 exp(0.577)
_QUIET = 0.1  # quantile of strengths that is the usual one, since a picture only adds to grain
_BUSY = 2.0  # times the usual strength, from which on a place is taken for picture more than for grain
_PULL = 0.1  # weight of the usual strength where another is told
_AROUND = 48  # pixels around holes that are read
_TILE = 512  # pixels of the squares that are worked on one after the other
_LEAST_KNOWN = 0.1  # share of a square and its surroundings that is known at least, or more is read around it
_NONE = 1e-12  # strength, as a share of the largest value, up to which it is rounding of computations
_ROUNDED = 1 / 12  # variance of the error of rounding to whole numbers

Planes = NDArray[np.float64]  # [h, w, C]


def check_grain(grain: object, method: Method, parts: Collection[Method] = ()) -> None:
    """Raise ParameterError for what grain can't be asked for, or for a method that it isn't added to.

    parts: the methods of a picture's parts, once these are known.
    """
    if grain is None:
        return
    if grain not in GRAINS:
        raise ParameterError(f"grain={grain!r} isn't known: it must be {' or '.join(map(repr, GRAINS))}, or None.")
    if method.nature not in GRAINY_NATURES or "copies" in method.natures:
        names = [name for name in method_names() if method_class(name).nature in GRAINY_NATURES]
        why = "copies texture, which has its grain" if "copies" in method.natures else "keeps the grain that is there"
        raise ParameterError(f"Method {method.name!r} {why}: leave grain out, or fill by one of {', '.join(names)}.")
    if parts and not any(part.nature in GRAINY_NATURES for part in parts):
        raise ParameterError(
            "Nothing is filled, all of it is corrected, and that keeps the grain that is there: leave grain out."
        )


def check_varies(method: Method, grain: str | None) -> None:
    """Raise ParameterError where other seeds would give the same."""
    if grain is None and not method.uses_chance:
        raise ParameterError(
            f"All variants by method {method.name!r} would be the same, as it leaves nothing to chance",
            *([Remedy("grain", "match", "to vary the grain")] if method.nature in GRAINY_NATURES else []),
            Remedy("method", "patchmatch", "to vary what is copied"),
        )


def farthest(side: int) -> int:
    """Return how far beyond a box grain may read, in pixels, where nothing else is unknown; `side`: its longer one.

    Surroundings are doubled until a tenth is known: that is so at 1.2 sides, or they are all of the picture.
    """
    return max(_AROUND, 4 * side)


def grain_of(
    picture: NDArray[Any],
    unknown: Holes,
    box: Box,
    wanted: NDArray[np.bool_],
    fill: NDArray[np.floating[Any]],
    task: Task,
) -> NDArray[np.float64]:
    """Return what is to be added to a fill, [n, C].

    Parameters
    ----------
    picture
        [H, W, C]; of it only known pixels are read.
    unknown
        What of it isn't known.
    box, wanted
        A window, and which of its pixels are filled, bool [h, w].
    fill
        Their values, [n, C], in row-major order.
    task
        Its threads and random numbers are used; the latter begin with its seed.
    """
    places = np.flatnonzero(wanted)
    rows, columns = np.divmod(places, wanted.shape[1])
    rows, columns = rows + box[0], columns + box[2]
    noise = np.zeros(fill.shape)
    for top, left in _tiles(rows, columns):
        own = (rows // _TILE == top) & (columns // _TILE == left)
        inner = _around(rows[own], columns[own])
        outer = _with_known(inner, unknown)
        near = (rows >= outer[0]) & (rows < outer[1]) & (columns >= outer[2]) & (columns < outer[3])
        there = rows[near] - outer[0], columns[near] - outer[2]
        values = picture[outer[0] : outer[1], outer[2] : outer[3]].astype(np.float64)
        known = ~unknown.within(outer)
        values[~known] = 0
        values[there] = fill[near]
        filled = np.zeros(known.shape, np.bool_)
        filled[there] = True
        rng = np.random.default_rng([*task.seed, top, left])
        rounded = picture.dtype.kind in "iu"
        try:
            made = _Surroundings.of(values, known, filled, task, rounded=rounded).noise(rng, task)
        except _Stopped:  # what is returned then is thrown away
            break
        noise[own] = made[rows[own] - outer[0], columns[own] - outer[2]]
    return noise


def _tiles(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    across = int(columns.max(initial=0)) // _TILE + 1
    for number in np.unique(rows // _TILE * across + columns // _TILE):
        yield int(number) // across, int(number) % across


def _around(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Box:
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1


def _with_known(box: Box, unknown: Holes) -> Box:
    """Return a box with surroundings, of which enough is known, or that are all of the picture."""
    height, width = unknown.shape
    by = _AROUND
    while True:
        grown = max(box[0] - by, 0), min(box[1] + by, height), max(box[2] - by, 0), min(box[3] + by, width)
        area = (grown[1] - grown[0]) * (grown[3] - grown[2])
        if unknown.count(grown) <= (1 - _LEAST_KNOWN) * area or area == height * width:
            return grown
        by *= 2


class _Stopped(Exception):  # noqa: N818
    """The work was to stop, as a long fill does between its steps."""


def _go_on(task: Task) -> None:
    if task.stopped:
        raise _Stopped


class _Surroundings(NamedTuple):
    """A sample of grain, even in strength, [h, w, C]; its strength where it is known; what is filled; rounding's share.

    unit: what values were divided by.
    """

    sample: Planes
    strength: Planes
    filled: NDArray[np.bool_]
    floor: NDArray[np.float64]
    unit: float

    @classmethod
    def of(
        cls, values: Planes, known: NDArray[np.bool_], filled: NDArray[np.bool_], task: Task, *, rounded: bool
    ) -> _Surroundings:
        """Take from known pixels near the filled ones what a Gaussian leaves of them; even out how strong it is.

        What stands out of grain, dust and scratches that nobody has marked, is left out.
        """
        unit = float(np.abs(values).max()) or 1.0
        readable, marked, sound = (some[..., np.newaxis].astype(np.float64) for some in (known | filled, filled, known))
        scaled: Planes = values / unit
        least = _ROUNDED / unit**2 if rounded else _NONE**2
        for _ in range(_LOOKS):
            even = ~_stands_out(_rest(scaled, readable, sound, task), sound, least, task)
            readable, sound = readable * even, sound * even
        rest = _rest(scaled, readable, sound, task)
        begun = np.maximum(2 * _blurred(sound, _SOFT, task) - 1, 0)
        weights = np.minimum(_SURE * _blurred(marked, _NEAR, task), 1) * begun * sound
        strength, usual = _strength(rest, weights, weights, task)
        busy = (strength / usual).max(axis=2, keepdims=True) / _BUSY
        strength, usual = _strength(rest, weights / np.maximum(busy, 1) ** 4, weights, task)
        weights = weights / np.maximum(busy, 1) ** 4
        sample = rest / strength * weights / max(float(np.sqrt((weights**2).sum())), 1e-30)
        sample[..., usual <= _NONE] = 0
        floor: NDArray[np.float64] = _ROUNDED / (unit * usual) ** 2 if rounded else np.zeros_like(usual)
        return cls(sample, strength, filled, floor, unit)

    def noise(self, rng: np.random.Generator, task: Task) -> Planes:
        """Return noise of the sample's spectrum, [h, w, C], 0 on the rim of what is filled."""
        shape = self.filled.shape
        spectrum = np.fft.rfft2(self.sample, axes=(0, 1))
        _go_on(task)
        power = _smooth_spectrum(np.abs(spectrum) ** 2, shape)
        spectrum *= np.sqrt(np.maximum(power - self.floor, 0) / np.maximum(power, 1e-300))  # rounding adds it again
        spectrum[0, 0] = 0
        _go_on(task)
        white = np.fft.rfft2(rng.standard_normal(shape))[..., np.newaxis]
        made = np.fft.irfft2(spectrum * white, shape, axes=(0, 1))
        _go_on(task)
        box = slice(0, shape[0]), slice(0, shape[1])
        through = membrane(np.concatenate([made, self.strength**2], axis=2), task.of(box, self.filled, self.filled), 0)
        bands = made.shape[2]
        strength = np.sqrt(np.maximum(through[:, bands:], 0))
        made[self.filled] = (made[self.filled] - through[:, :bands]) * strength * self.unit
        return made


def _rest(scaled: Planes, readable: Planes, sound: Planes, task: Task) -> Planes:
    """Return what a Gaussian of what is readable takes away from what is sound, 0 elsewhere."""
    smooth = _blurred(scaled * readable, _COARSEST, task) / np.maximum(_blurred(readable, _COARSEST, task), 1e-9)
    rest: Planes = (scaled - smooth) * sound
    return rest


def _stands_out(rest: Planes, sound: Planes, least: float, task: Task) -> NDArray[np.bool_]:
    """Return what is too strong for grain in any band, [h, w, 1], beside the geometric mean of what is around.

    Dust and scratches hardly move a geometric mean, and a mean of squares the more, the stronger they are. least: the
    variance that is none.
    """
    around = sound.astype(np.float32)
    logs = np.log(rest**2 + least).astype(np.float32)
    mean = _blurred(logs * around, _LOCAL, task) / np.maximum(_blurred(around, _LOCAL, task), np.float32(1e-6))
    found: NDArray[np.bool_] = (logs > mean + np.log(_TOO_STRONG**2 * _OF_GEOMETRIC_MEAN)).any(axis=2, keepdims=True)
    return found


def _strength(rest: Planes, weights: Planes, of_all: Planes, task: Task) -> tuple[Planes, NDArray[np.float64]]:
    """Return how strong grain is at each pixel, by those around it, and the usual strength of each band, [C].

    of_all: weights before busy places lost theirs; where all have, it is the usual strength.
    """
    counts = weights[..., 0] > 0.1 * weights.max(initial=0)
    total, whole = _blurred(weights, _LOCAL, task), _blurred(of_all, _LOCAL, task)
    squares = np.maximum(_blurred(rest**2 * weights, _LOCAL, task), 0)
    mean = squares / np.maximum(total, 1e-12)
    usual = np.quantile(mean[counts], _QUIET, axis=0) if counts.any() else np.zeros(rest.shape[2])
    usual = np.maximum(usual, _NONE**2)
    mean = (squares + _PULL * whole * usual) / np.maximum(total + _PULL * whole, 1e-12)
    return np.sqrt(np.clip(mean, 1e-6 * usual, 1e6 * usual)), np.sqrt(usual)


def _blurred(planes: NDArray[Any], sigma: float, task: Task) -> NDArray[Any]:
    """Return planes smoothed by a Gaussian, 0 beyond their ends, by way of their spectra."""
    _go_on(task)
    reach = int(3 * sigma) + 1
    height, width = (_quick(side + reach) for side in planes.shape[:2])
    spectrum = np.fft.rfft2(planes, (height, width), axes=(0, 1))
    down, across = (np.exp(-2 * (np.pi * sigma * f) ** 2) for f in (np.fft.fftfreq(height), np.fft.rfftfreq(width)))
    spectrum *= (down[:, np.newaxis] * across)[..., np.newaxis]
    blurred: Planes = np.fft.irfft2(spectrum, (height, width), axes=(0, 1))[: planes.shape[0], : planes.shape[1]]
    return blurred


def _quick(side: int) -> int:
    """Return a length that isn't much larger, and made of small factors."""
    step = 1 << max(side.bit_length() - 4, 0)
    return -(-side // step) * step


def _smooth_spectrum(power: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the power of a spectrum, [h, w // 2 + 1, C], smoothed over some bins: by what lies near in the picture."""
    covariance = np.fft.irfft2(power, shape, axes=(0, 1))
    y, x = (np.minimum(np.arange(side), side - np.arange(side)) / side for side in shape)
    covariance *= np.exp(-2 * (np.pi * _BINS) ** 2 * (y[:, np.newaxis] ** 2 + x**2))[..., np.newaxis]
    return np.maximum(np.fft.rfft2(covariance, axes=(0, 1)).real, 0)
