"""Damage found from hints: a few strokes say what is damage and what isn't, and the rest of the picture follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters, scratch
from restauro.detection import network, tiles
from restauro.errors import MaskError, MaskTypeError
from restauro.mask import full_scale, strips

DAMAGE, SOUND = 1, -1

_SCALES = (1.5, 5.0)  # pixels, standard deviations of the smoothing
_HALO = 13  # pixels that the widest reaches
_MOST = 20_000  # hint pixels of each kind that are learnt from
_PENALTY = 10.0  # of squared weights: a hundred hints say little about fifty features
_FAR_OUT = 2.0  # standard deviations, beyond which a feature says no more: rarely large ones would decide alone
_STEPS, _ENOUGH = 50, 1e-6  # of Newton's method: at most so many, and a step so short is the last
_LIKELY = 0.75  # probability: among hints half is damage, in a picture it is rare
_KEPT, _ADDED = 0.45, 0.75  # the same where a detector found damage, and where it didn't
_FAR = 0.05  # of the work is done when the picture was looked at at parts of its size
_SMOOTHING = 0.7  # pixels, of the probabilities
_VIVID = 0.45  # of full scale: the largest band less the smallest, of a stroke
_DIFFERENT = 0.15  # of full scale: what a stroke on a copy of the picture differs by from the picture


def read_hints(hints: NDArray[Any], picture: NDArray[Any]) -> NDArray[np.int8]:
    """Return what the strokes of a hints picture say: 1 damage, -1 sound, 0 nothing.

    Strokes are vivid: red ones are damage, green and blue ones are not. With transparency, strokes are what is at least
    half opaque; without, what differs from the picture too, so that red paint isn't taken for a stroke. Pale, mixed
    pixels, as antialiasing and JPEG leave them at a stroke's rim, say nothing.

    Parameters
    ----------
    hints
        [H, W, 3] red, green, blue, or [H, W, 4] with transparency; uint8 or uint16.
    picture
        [H, W] or [H, W, 3], uint8, uint16 or float of 0 to 1: what the hints were drawn over.

    Raises
    ------
    MaskTypeError, MaskError
        Not such an array; not as large as the picture; no stroke of one of the two kinds.

    Examples
    --------
    >>> hints = np.zeros((2, 3, 4), np.uint8)
    >>> hints[0, 0] = 255, 0, 0, 255
    >>> hints[1, 2] = 0, 255, 0, 255
    >>> read_hints(hints, np.zeros((2, 3), np.uint8))
    array([[ 1,  0,  0],
           [ 0,  0, -1]], dtype=int8)
    """
    if hints.ndim != 3 or hints.shape[2] not in (3, 4) or hints.dtype not in (np.uint8, np.uint16):
        raise MaskTypeError(
            f"Hints are strokes in red and green, [H, W, 3] or [H, W, 4] of 8 or 16 bits, not {hints.shape} of "
            f"{hints.dtype}: save them as a PNG in colour."
        )
    _check_size(hints.shape, picture.shape)
    labels = np.zeros(hints.shape[:2], np.int8)
    for rows in strips(hints):
        strokes = hints[rows] / np.float32(full_scale(hints.dtype))
        red, green, blue = (strokes[..., band] for band in range(3))
        drawn = strokes[..., :3].max(axis=2) - strokes[..., :3].min(axis=2) >= _VIVID
        if hints.shape[2] == 4:
            drawn &= strokes[..., 3] >= 0.5
        if hints.shape[2] == 3 or (hints[rows][..., 3] == full_scale(hints.dtype)).all():
            below = tiles.as_floats(picture[rows])
            below = below if below.ndim == 3 else below[..., np.newaxis]
            drawn &= np.abs(strokes[..., :3] - below).max(axis=2) >= _DIFFERENT
        labels[rows][drawn & (red - np.maximum(green, blue) >= _VIVID / 2)] = DAMAGE
        labels[rows][drawn & (np.maximum(green, blue) - red >= _VIVID / 2)] = SOUND
    check_labels(labels, picture.shape)
    return labels


def check_labels(labels: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise MaskError unless labels [H, W] are as large as the picture and say both damage and sound somewhere."""
    _check_size(labels.shape, shape)
    damage, sound = int(np.count_nonzero(labels == DAMAGE)), int(np.count_nonzero(labels == SOUND))
    if not (damage and sound):
        raise MaskError(
            f"The hints have {damage} pixels of damage (red) and {sound} of sound picture (green or blue): both are "
            f"needed, so draw some strokes of each, in full colour and opaque."
        )


def find_by_hints(
    image: NDArray[Any],
    labels: NDArray[np.int8],
    found: NDArray[np.bool_] | None = None,
    workers: int | None = None,
    progress: tiles.Progress | None = None,
) -> NDArray[np.bool_]:
    """Return what looks like the hints that say damage, and not like those that say sound.

    A logistic regression learns from the features of the network that finds damage at the hint pixels, from what that
    says, and from colours and contrasts at three scales; and is asked about every pixel.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], uint8, uint16 or float of 0 to 1; see `restauro.detection.tiles.checked_picture`.
    labels
        Integers [H, W]: 1 damage, -1 sound, 0 unknown.
    found
        bool [H, W]: what a detector found, which is learnt from too. It stays unless the hints are against it, and only
        what they are sure of comes to it: a few strokes know less than a detector that was made for a kind.
        All False says nothing.
    workers, progress
        See `restauro.detection.detecting.detect`.

    Returns
    -------
    bool [H, W]

    References
    ----------
    S. Berg et al., "ilastik: interactive machine learning for (bio)image analysis", Nature Methods 16, 2019.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(90, 110, (64, 64)).astype(np.uint8)
    >>> image[10:20, 10:20], image[40:50, 40:50] = 30, 30
    >>> labels = np.zeros((64, 64), np.int8)
    >>> labels[12:18, 12:18], labels[12:18, 30:50] = 1, -1
    >>> found = find_by_hints(image, labels)
    >>> bool(found[45, 45]), bool(found[45, 20])
    (True, False)
    """
    picture = tiles.checked_picture(image)
    check_labels(labels, picture.shape)
    if found is not None and not found.any():
        found = None
    seen = network.far(picture, workers, tiles.part(progress, 0, _FAR))
    like = _trained(picture, seen, _chosen(labels), found)
    damage: NDArray[np.bool_] = scratch.zeros(picture.shape[:2], np.bool_)

    def find(place: tiles.Place) -> None:
        likely = like.damage(_features(picture, seen, found, place.inside))
        smooth = filters.gaussian(likely, _SMOOTHING, "edge")
        least = _LIKELY if found is None else np.where(found[place.inside], _KEPT, _ADDED)
        damage[place.inside] = smooth > least

    tiles.do_at(network.places(picture.shape), find, network.threads(workers), tiles.part(progress, _FAR, 1))
    return damage


def _check_size(hints: tuple[int, ...], picture: tuple[int, ...]) -> None:
    if hints[:2] != picture[:2]:
        raise MaskError(
            f"The hints are {hints[1]} x {hints[0]} pixels and the picture {picture[1]} x {picture[0]}: draw them on a "
            f"layer over this very picture."
        )


def _chosen(labels: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return labels with at most so many pixels of each kind, drawn at random."""
    chosen = np.zeros(labels.shape, np.int8)
    rng = np.random.default_rng(0)
    for kind in (DAMAGE, SOUND):
        places = np.flatnonzero(labels == kind)
        places = places if len(places) <= _MOST else rng.choice(places, _MOST, replace=False)
        chosen.flat[places] = kind
    return chosen


@dataclass(frozen=True)
class _Likeness:
    """A logistic regression: the log odds of damage are a weighted sum of features, standardised and cut."""

    center: NDArray[np.float32]  # [F]
    spread: NDArray[np.float32]  # [F]
    weights: NDArray[np.float32]  # [F]
    bias: float

    def damage(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return probabilities, float32 [h, w], of features [F, h, w]."""
        odds = np.full(features.shape[1:], self.bias, np.float32)
        for feature, center, spread, weight in zip(features, self.center, self.spread, self.weights, strict=True):
            odds += weight * _standardised(feature, center, spread)
        likely: NDArray[np.float32] = _probability(odds).astype(np.float32, copy=False)
        return likely

    @classmethod
    def of(cls, samples: NDArray[np.floating[Any]], is_damage: NDArray[np.bool_]) -> _Likeness:
        """Return what samples [n, F] teach, both kinds alike, however many there are of each.

        Newton's method on the penalised likelihood.
        """
        center, spread = samples.mean(axis=0, dtype=np.float64), samples.std(axis=0, dtype=np.float64) + 1e-6
        x = np.column_stack([_standardised(samples, center, spread), np.ones(len(samples))])  # [n, F + 1]
        share = np.where(is_damage, is_damage.mean(), 1 - is_damage.mean())
        counts = 0.5 / share  # of samples: together as many as there are
        penalty = np.append(np.full(x.shape[1] - 1, _PENALTY), 1e-6)
        weights = np.zeros(x.shape[1])
        for _ in range(_STEPS):
            likely = _probability(x @ weights)
            slope = x.T @ (counts * (likely - is_damage)) + penalty * weights
            curvature = (x.T * (counts * likely * (1 - likely))) @ x + np.diag(penalty)
            step = np.linalg.solve(curvature, slope)
            weights -= step
            if np.abs(step).max() < _ENOUGH:
                break
        center, spread, slopes = (values.astype(np.float32) for values in (center, spread, weights[:-1]))
        return cls(center, spread, slopes, float(weights[-1]))


def _standardised(values: NDArray[Any], center: Any, spread: Any) -> NDArray[np.floating[Any]]:
    cut: NDArray[np.floating[Any]] = np.clip((values - center) / spread, -_FAR_OUT, _FAR_OUT)
    return cut


def _probability(odds: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    likely: NDArray[np.floating[Any]] = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    return likely


def _trained(
    picture: NDArray[Any], seen: network.Told, labels: NDArray[np.int8], found: NDArray[np.bool_] | None
) -> _Likeness:
    """Return what the hints teach; of tiles only the box around their hints is looked at."""
    samples, answers = [], []
    for place in network.places(picture.shape):
        rows, columns = (np.flatnonzero(labels[place.inside].any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            continue
        box = tuple(
            slice(tile.start + network.GRID * int(hinted[0] // network.GRID), tile.start + int(hinted[-1]) + 1)
            for tile, hinted in zip(place.inside, (rows, columns), strict=True)
        )
        here = labels[box]
        samples.append(_features(picture, seen, found, box)[:, here != 0].T)
        answers.append(here[here != 0] == DAMAGE)
    return _Likeness.of(np.concatenate(samples), np.concatenate(answers))


def _features(
    picture: NDArray[Any], seen: network.Told, found: NDArray[np.bool_] | None, inside: tuple[slice, ...]
) -> NDArray[np.floating[Any]]:
    """Return what a part of a picture is told apart by, floats [F, h, w]."""
    rows, columns = inside
    around = tuple(slice(max(0, at.start - _HALO), at.stop + _HALO) for at in inside)
    core = tuple(slice(at.start - wide.start, at.stop - wide.start) for at, wide in zip(inside, around, strict=True))
    bands = np.atleast_3d(tiles.as_floats(picture[around]))
    grey = tiles.as_grey(picture[around])
    values = [band[core] for band in np.moveaxis(bands, 2, 0)]
    for scale in _SCALES:
        values += [_smooth(band, scale)[core] for band in np.moveaxis(bands, 2, 0)]
        mean, mean_square = _smooth(grey, scale), _smooth(grey * grey, scale)
        values.append(np.sqrt(np.maximum(mean_square - mean * mean, 0))[core])
    if found is not None:
        values.append(_smooth(found[around].astype(np.float32), 1.0)[core])
    return np.concatenate([network.features_at(picture, seen, (rows, columns)), np.stack(values)])


def _smooth(values: NDArray[Any], scale: float) -> NDArray[Any]:
    return filters.gaussian(np.ascontiguousarray(values), scale, "edge", truncate=2.5)
