"""Damage found from hints: a few strokes say what is damage and what isn't, and the rest of the picture follows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.detection import tiles
from restauro.errors import MaskError, MaskTypeError
from restauro.mask import full_scale, strips
from restauro.numerics.threads import checked_workers

DAMAGE, SOUND = 1, -1

_SCALES = (0.7, 1.5, 3.0, 6.0)  # pixels, standard deviations of the smoothing
_TREES = 100
_FEW, _LEAST = 25, 0.3  # where so many trees give less, no more are asked: most of a picture is sound
_MOST = 20_000  # hint pixels of each kind that are learnt from
_SIDE = 512  # of tiles: some fifty values a pixel are in memory at once
_HALO = 32
_VOTES = 0.75  # of the forest: among hints half is damage, in a picture it is rare
_KEPT, _ADDED = 0.45, 0.85  # the same where a detector found damage, and where it didn't
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

    A random forest learns from the responses of some fifty filters at the hint pixels: crack filters, smoothed colours,
    gradients, Hessian and structure tensor at four scales; and is asked about every pixel.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], uint8, uint16 or float of 0 to 1; see `restauro.detection.tiles.checked_picture`.
    labels
        Integers [H, W]: 1 damage, -1 sound, 0 unknown.
    found
        bool [H, W]: what a detector found, which the forest may use too. It stays unless the forest is against it, and
        only what the forest is sure of comes to it: a few strokes know less than a detector that was made for a kind.
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
    from restauro.numerics import forest

    picture = tiles.checked_picture(image)
    check_labels(labels, picture.shape)
    if found is not None and not found.any():
        found = None
    chosen = _chosen(labels)
    trees: Any = forest.flattened(_trained(picture, chosen, found, workers))
    places = tiles.places_of(picture.shape, _SIDE, _HALO)

    def find(place: tiles.Place) -> NDArray[np.bool_]:
        values = _features(picture, found, place.with_halo)
        height, width = values.shape[1:]
        shares = np.empty(height * width, np.float32)
        forest.votes(values.reshape(len(values), -1), trees, shares, _FEW, _LEAST)
        smooth = filters.gaussian(shares.reshape(height, width), _SMOOTHING, "edge")
        votes = smooth[place.core]
        if found is None:
            return votes > _VOTES
        return np.where(found[place.inside], votes > _KEPT, votes > _ADDED)

    return tiles.find_at(places, picture.shape, find, workers, progress)


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


def _trained(
    picture: NDArray[Any], labels: NDArray[np.int8], found: NDArray[np.bool_] | None, workers: int | None
) -> Any:
    """Return a forest that has learnt from the hints."""
    from sklearn.ensemble import RandomForestClassifier

    samples, answers = [], []
    for place in tiles.places_of(picture.shape, _SIDE, _HALO):
        here = labels[place.inside]
        if here.any():
            values = _features(picture, found, place.with_halo)[:, *place.core]
            samples.append(values[:, here != 0].T)
            answers.append(here[here != 0] == DAMAGE)
    forest = RandomForestClassifier(
        _TREES,
        min_samples_leaf=2,
        max_features="sqrt",
        class_weight="balanced",
        random_state=0,
        n_jobs=checked_workers(workers),
    )
    return forest.fit(np.concatenate(samples), np.concatenate(answers))


def _features(
    picture: NDArray[Any], found: NDArray[np.bool_] | None, where: tuple[slice, slice]
) -> NDArray[np.float32]:
    """Return what filters say about a part of a picture, float32 [F, h, w]."""
    from restauro.detection.crack_detection import crack_features

    bands, grey = tiles.as_floats(picture[where]), tiles.as_grey(picture[where])
    channels = [bands[..., k] for k in range(3)] if bands.ndim == 3 else [grey]
    values: list[NDArray[Any]] = []
    for scale in _SCALES:
        values += [_smooth(channel, scale) for channel in channels]
        values += _derivatives(grey, scale)
    values += list(crack_features(picture[where], workers=1))
    if found is not None:
        values.append(_smooth(found[where].astype(np.float32), 1.0))
    return np.stack(values).astype(np.float32, copy=False)


def _derivatives(grey: NDArray[np.float32], scale: float) -> list[NDArray[Any]]:
    """Return the gradient's length, and the eigenvalues of the Hessian and of the structure tensor."""
    smooth = _smooth(grey, scale)
    down, across = _slope(smooth, 0), _slope(smooth, 1)
    yy, yx, xx = _slope(down, 0), _slope(down, 1), _slope(across, 1)
    tensor = [_smooth(product, 2 * scale) for product in (down * down, down * across, across * across)]
    return [np.hypot(down, across), *_eigenvalues(yy, yx, xx), *(np.sqrt(np.abs(e)) for e in _eigenvalues(*tensor))]


def _slope(values: NDArray[Any], axis: int) -> NDArray[Any]:
    return np.asarray(np.gradient(values, axis=axis)) if values.shape[axis] > 1 else np.zeros_like(values)


def _eigenvalues(yy: NDArray[Any], yx: NDArray[Any], xx: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    half, difference = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    return half + difference, half - difference


def _smooth(values: NDArray[Any], scale: float) -> NDArray[Any]:
    return filters.gaussian(values, scale, "edge", truncate=2.5)
