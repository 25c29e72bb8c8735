"""Damage by infrared: dyes of film let it pass, dust and scratches don't, so its plane shows these and little else.

The plane is laid over the picture, what of the red it holds is taken away, and what is darker then than noise explains
is damage. That infrared tells dust from the picture is United States patent 5,266,805 (A. D. Edgar, 1993); the rest is
this package's own. See docs/infrared.md.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.errors import ImageError, ImageTypeError, MaskError
from restauro.infrared import registration
from restauro.infrared.leak import Expected, fall_off, leak_of
from restauro.mask import Mask, full_scale, strips
from restauro.notes import Note

_FLOOR = 1 / 2048  # of full scale, added before logarithms are taken
_CODED = 2.2  # power of light that whole numbers are stored as the root of
_SILVER = 0.5  # of red's density: infrared that has more of it shows silver
_EXPLAINED = 0.5  # share of infrared's contrast that silver explains
_LEAKS = 0.25  # of red's density: a leak that is worth a warning
_BLURS = (0.0, 0.5, 0.7, 0.9, 1.1, 1.4, 1.8, 2.3)  # pixels, of Gaussians
_WINDOWS = (1, 3, 9)  # pixels of the squares that are looked at
_LEAST, _MOST = 4.5, 9.0  # standard deviations from which one is damaged
_RARE = 1e-4  # share of sound pixels that may seem damaged, as told by how many are that much too light
_WEAK = 2.0  # standard deviations from which it is beside such pixels
_SEEN = 0.015  # share of the light that damage keeps at least to be any
_LIKE_NOISE = 3.0  # standard deviations up to which a pixel may differ from the mean around it to be set to that
_UNSURE = 0.7  # pixels by which an edge in infrared may lie beside the picture's
_EXACT = 0.15  # logarithm of light that may be wrong for that; where more is, the pixel counts as opaque
_ROWS = 512  # that are worked on together
_AROUND = 10  # rows above and below that are looked at with them
_SAMPLES = 8  # of so many rows by which noise is told

Plane = NDArray[np.float32]


class Found(NamedTuple):
    """What infrared says of a picture: its damage, and what else there is to say."""

    mask: Mask
    notes: tuple[Note, ...] = ()


def infrared_mask(image: NDArray[Any], infrared: NDArray[Any]) -> Mask:
    """Return what of a film's scan is dust, hairs, scratches or smears, by its infrared plane.

    Dyes of colour film, and of black-and-white film that is developed like it (C-41), let infrared pass. Silver
    doesn't: of all other black-and-white film infrared shows the picture. Memory is some 25 bytes a pixel.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], uint8, uint16, or floats of 0 or more, red first. Positive or negative, coded or linear.
    infrared
        [H, W], of any of these dtypes. It may be shifted by up to 24 pixels, a little larger, and out of focus.

    Returns
    -------
    Its weights are shares of light that are lost, for `inpaint(image, mask.weights, partial="tone")`: integers are
    taken to be coded by a power of 2.2, floats to be linear light. They are 1 where next to nothing passes, and beside
    edges that are too sharp to tell how much does. None where nothing is damaged in part.

    Raises
    ------
    ImageTypeError, ImageError
        No such arrays, or not of one size.
    MaskError
        Infrared shows the picture itself, as it does of silver.

    Warns
    -----
    UserWarning
        Much of the picture leaks into infrared, as in Kodachrome: what is marked may be none.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> film = rng.uniform(0.3, 0.6, (64, 64, 3)).astype(np.float32)
    >>> infrared = rng.normal(0.8, 0.004, (64, 64)).astype(np.float32)
    >>> film[20:24, 30:50] *= 0.1
    >>> infrared[20:24, 30:50] *= 0.1
    >>> mask = infrared_mask(film, infrared)
    >>> bool(mask.hole[21, 40]), bool(mask.hole[50, 10])
    (True, False)
    """
    _check("The image", image, (2, 3), "[H, W] or [H, W, C]")
    _check("The infrared", infrared, (2,), "[H, W]")
    if infrared.shape != image.shape[:2]:
        raise ImageError(
            f"The infrared has the shape {infrared.shape} and the picture [H, W] = {image.shape[:2]}: scan both at "
            "once."
        )
    found = find(image if image.ndim == 2 else image[..., 0], infrared)
    for note in found.notes:
        warnings.warn(note, stacklevel=2)
    return found.mask


def _check(what: str, array: object, dimensions: tuple[int, ...], shapes: str) -> None:
    if not isinstance(array, np.ndarray) or not (array.dtype in (np.uint8, np.uint16) or array.dtype.kind == "f"):
        given = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ImageTypeError(f"{what} must be an array of uint8, uint16 or floats, not {given}: convert it.")
    if array.ndim not in dimensions or not array.size:
        raise ImageError(f"{what} has the shape {array.shape}: it must be {shapes}, and not empty.")
    if array.dtype.kind == "f" and not all(np.isfinite(array[rows]).all() for rows in strips(array)):
        raise ImageError(f"{what} holds NaN or infinity, in which no damage can be found: replace these first.")


def find(red: NDArray[Any], infrared: NDArray[Any]) -> Found:
    """See `infrared_mask`; red, or grey, [H, W]. Notes take the place of warnings."""
    shown, passed = _logarithm(red), _logarithm(infrared)
    by = registration.register(shown, passed) or registration.NONE
    passed = registration.moved(passed, by)
    share, explains = leak_of(shown, passed)
    leaks = f"{abs(share):.0%} of the picture's density is in its infrared"
    if abs(share) > _SILVER and explains > _EXPLAINED:
        raise MaskError(f"{leaks}, as of film whose picture is silver: mark the damage in a mask of your own.")
    shown = _as_sharp(shown, passed, share)
    passed -= fall_off(shown, passed)
    power = 1.0 if infrared.dtype.kind == "f" else _CODED
    weights = _Look(
        shown, passed, Expected.of(shown, passed, share), registration.within(by, shown.shape), power
    ).lost()
    hole = weights > 0
    notes: tuple[Note, ...] = ()
    if abs(share) > _LEAKS:
        text = f"{leaks}, as of Kodachrome: some of what it marks may be picture, so look at the mask."
        notes = (Note("infrared-leaks", text),)
    return Found(Mask(hole, weights if (weights[hole] < 1).any() else None), notes)


def _logarithm(values: NDArray[Any]) -> Plane:
    full = full_scale(values.dtype) if values.dtype.kind != "f" else float(values.max()) or 1.0
    logarithm = np.empty(values.shape, np.float32)
    for rows in strips(values):
        logarithm[rows] = np.log(np.maximum(values[rows] / full, 0) + _FLOOR)
    return logarithm


def _as_sharp(shown: Plane, passed: Plane, share: float) -> Plane:
    """Return the picture as much out of focus as infrared is, so that as little as can be of it is left there."""
    least, best = np.inf, 0.0
    for blur in _BLURS:
        steps = []
        for top in _samples(shown.shape[0]):
            rest = passed[top : top + _ROWS] - share * _blurred(shown[top : top + _ROWS], blur)
            steps += [np.abs(np.diff(rest, axis=axis)).ravel() for axis in (0, 1)]
        left = float(np.median(np.concatenate(steps))) if shown.size > 1 else 0.0
        if not left < least:
            break
        least, best = left, blur
    return _blurred(shown, best)


def _blurred(plane: Plane, blur: float) -> Plane:
    return filters.gaussian(plane, blur, "edge", truncate=3) if blur else plane


def _mean(plane: Plane, side: int) -> Plane:
    return filters.mean(plane, side, "edge") if side > 1 else plane


def _samples(height: int) -> list[int]:
    """Return the first rows of some strips of a plane, spread evenly over it."""
    tops = range(0, height, _ROWS)
    count = min(len(tops), _SAMPLES)
    return [tops[k * len(tops) // count] for k in range(count)]


class _Bound(NamedTuple):
    """From how much too dark a square of some pixels is damaged: surely, and beside what surely is."""

    side: int
    sure: float
    weak: float


class _Look(NamedTuple):
    """A picture and its infrared, laid over each other, and what is to be expected of these.

    inside: rows and columns that infrared shows. power: of the light that logarithms are the roots of.
    """

    shown: Plane
    passed: Plane
    expected: Expected
    inside: tuple[slice, slice]
    power: float

    def lost(self) -> NDArray[np.float32]:
        """Return how much light is lost: where it is darker than noise makes it, and where a little so beside that."""
        bounds = self._bounds()
        sure, weak = np.zeros((2, *self.shown.shape), np.bool_)
        weights = np.empty_like(self.shown)
        for top in range(0, self.shown.shape[0], _ROWS):
            rows = slice(top, top + _ROWS)
            core, error, spread = self._errors(top)
            for side, surely, weakly in bounds:
                strength, dark = _mean(error / spread, side)[core], -self.power * _mean(error, side)[core]
                sure[rows] |= (strength < -surely) & (dark > _SEEN)
                if side == 3:
                    weak[rows] = (strength < -weakly) & (dark > _SEEN / 2)
            weights[rows] = _shares(error, spread, self.power)[core]
        pieces = filters.pieces(sure | weak)
        weights[~pieces.those(pieces.count(sure) > 0)] = 0
        return weights

    def _errors(self, top: int) -> tuple[slice, Plane, Plane]:
        """Return where rows lie among those around them, what passes of all of these, and by how much that errs."""
        height = self.shown.shape[0]
        rows = slice(max(top - _AROUND, 0), min(top + _ROWS + _AROUND, height))
        error, spread = self.expected.errors(self.shown, self.passed, rows)
        first, last = (
            np.clip(at, rows.start, rows.stop) - rows.start for at in (self.inside[0].start, self.inside[0].stop)
        )
        error[:first] = error[last:] = 0
        error[:, : self.inside[1].start] = error[:, self.inside[1].stop :] = 0
        return slice(top - rows.start, min(top + _ROWS, height) - rows.start), error, spread

    def _bounds(self) -> list[_Bound]:
        """Tell noise by what is too light: damage only darkens."""
        bounds = []
        looks = [self._errors(top) for top in _samples(self.shown.shape[0])]
        for side in _WINDOWS:
            light = np.concatenate([_mean(error / spread, side)[core].ravel() for core, error, spread in looks])
            light = light[light > 0]
            usual = 1.4826 * float(np.median(light)) if light.size else 1.0
            rare = float(np.quantile(light, 1 - 2 * _RARE)) if light.size else 0.0
            bounds.append(_Bound(side, min(max(rare, _LEAST * usual), _MOST * usual), _WEAK * usual))
        return bounds


def _shares(error: Plane, spread: Plane, power: float) -> Plane:
    """Return shares of light that are lost, without noise where there is nothing else; 1 beside edges."""
    smooth = _mean(error, 3)
    density = power * np.maximum(-np.where(np.abs(error - smooth) < _LIKE_NOISE * spread, smooth, error), 0)
    steep = np.hypot(_steepest(density), _steepest(density.T).T)
    return np.where(steep * _UNSURE > _EXACT, np.float32(1), 1 - np.exp(-density))


def _steepest(density: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return by how much a pixel differs from the one above or below, whichever differs more: on a hair's ridge too."""
    apart = np.abs(np.diff(density, axis=0, prepend=density[:1], append=density[-1:]))
    return np.maximum(apart[:-1], apart[1:])
