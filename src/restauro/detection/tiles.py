"""Pictures as detectors look at them: checked, grey or RGB, and cut into tiles that all cores work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro import filters, scratch
from restauro.errors import ImageError, ImageTypeError, MaskError
from restauro.mask import full_scale, marked, strips
from restauro.numerics.threads import checked_workers

SIDE = 1024  # pixels of a tile without its surroundings
_PROGRESS_INTERVAL = 0.2  # seconds
_AROUND = 33  # pixels, side of the square whose known pixels unknown ones are the mean of
_NEAR = 1e-3  # share of it that is known, from which on its mean counts

Progress = Callable[[float], object]


def checked_picture(image: ArrayLike) -> NDArray[Any]:
    """Return a picture as detectors take it: uint8, uint16 or float32, [H, W] grey or [H, W, 3] red, green, blue.

    One or three bands are taken as they are; of any other number the mean is looked at. Floats are 0 to 1.

    Raises
    ------
    ImageTypeError
        Not an array of uint8, uint16 or floats.
    ImageError
        Not [H, W] or [H, W, C], empty, or floats that aren't 0 to 1.

    Examples
    --------
    >>> checked_picture(np.zeros((2, 3, 1), np.uint8)).shape, checked_picture(np.zeros((2, 3, 5))).dtype
    ((2, 3), dtype('float32'))
    """
    if not isinstance(image, np.ndarray) or not (image.dtype in (np.uint8, np.uint16) or image.dtype.kind == "f"):
        what = f"dtype {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ImageTypeError(
            f"Damage is looked for in an array of uint8, uint16 or floats, not {what}: convert it, for instance "
            f"image.astype(np.uint8), or read a file with restauro.read_picture."
        )
    if image.ndim not in (2, 3) or not image.size:
        raise ImageError(f"The image has the shape {image.shape}: it must be [H, W] or [H, W, C], and not empty.")
    if image.dtype.kind == "f":
        _check_range(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim == 3 and image.shape[2] != 3:
        image = _mean(image)
    return image.astype(np.float32) if image.dtype.kind == "f" else image


def prepared(
    image: ArrayLike, unknown: NDArray[np.bool_] | None = None
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return a picture as `checked_picture` does; and which pixels are unknown, bool [H, W], or None if all are known.

    Unknown is what is said to be, and NaN. These pixels get the mean of the known ones around, so that they have no
    outline that could be taken for damage. Other whole numbers than 8 and 16 bits without a sign, which name no black
    and white, become 0 to 1 from the lowest known to the highest.

    Raises
    ------
    ImageTypeError, ImageError, MaskError
        See `checked_picture`; there is infinity; `unknown` is no such mask, or nothing is known.

    Examples
    --------
    >>> picture, unknown = prepared(np.array([[0.5, np.nan, 0.5]]))
    >>> picture, unknown
    (array([[0.5, 0.5, 0.5]], dtype=float32), array([[False,  True, False]]))
    """
    nothing = None if unknown is None else marked(unknown, np.shape(image), "array of unknown pixels").copy()
    if isinstance(image, np.ndarray) and image.ndim in (2, 3) and image.size:
        if image.dtype.kind == "f":
            nan = np.asarray(np.isnan(image).reshape(*image.shape[:2], -1).any(axis=2), np.bool_)
            nothing = nan if nothing is None else nothing | nan
        nothing = nothing if nothing is not None and nothing.any() else None
        if nothing is not None and nothing.all():
            raise MaskError("Nothing of the picture is known, so no damage can be looked for in it.")
        if image.dtype in (np.int8, np.int16, np.int32, np.uint32):
            image = _spread(image, nothing)
        if nothing is not None:
            image = _without_unknown(image, nothing)
    return checked_picture(image), nothing


def _spread(image: NDArray[Any], unknown: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """Return whole numbers as floats from the lowest known, 0, to the highest, 1."""
    known = image if unknown is None else image[~unknown]
    low, high = float(known.min()), float(known.max())
    floats = np.empty(image.shape, np.float32)
    for rows in strips(image):
        floats[rows] = np.clip((image[rows].astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
    return floats


def _without_unknown(image: NDArray[Any], unknown: NDArray[np.bool_]) -> NDArray[Any]:
    """Return a copy whose unknown pixels have the mean of the known ones within some pixels, else of the picture."""
    filled = image.copy()
    bands = np.atleast_3d(filled)
    of_all = np.array([np.mean(bands[..., band][~unknown], dtype=np.float64) for band in range(bands.shape[2])])
    for place in places_of(unknown.shape, SIDE, _AROUND):
        hidden = unknown[place.with_halo]
        here = unknown[place.inside]
        if not here.any():
            continue
        weight = filters.mean((~hidden).astype(np.float32), _AROUND)[place.core][here]
        for band, usual in enumerate(of_all):
            values = np.atleast_3d(image)[place.with_halo][..., band].astype(np.float32)
            values[hidden] = 0
            sums = filters.mean(values, _AROUND)[place.core][here]
            near = weight > _NEAR
            means = np.where(near, sums / np.maximum(weight, _NEAR), usual)
            inside = bands[place.inside][..., band]
            inside[here] = means if image.dtype.kind == "f" else np.rint(means)
    return filled


def _check_range(image: NDArray[Any]) -> None:
    for rows in strips(image):
        low, high = float(image[rows].min()), float(image[rows].max())
        if np.isnan(low):
            raise ImageError("The image holds NaN: replace it by a value first.")
        if not 0 <= low <= high <= 1:
            raise ImageError(
                f"Floats must be 0 to 1, and the image's go from {low:g} to {high:g}: divide them by white's value."
            )


def _mean(image: NDArray[Any]) -> NDArray[Any]:
    mean = scratch.zeros(image.shape[:2], image.dtype)
    for rows in strips(image):
        values = image[rows].mean(axis=2, dtype=np.float32)
        mean[rows] = values if image.dtype.kind == "f" else np.rint(values)
    return mean


def as_floats(tile: NDArray[Any]) -> NDArray[np.float32]:
    """Return a part of a checked picture as float32, black 0 and white 1.

    >>> as_floats(np.array([[0, 255]], np.uint8))
    array([[0., 1.]], dtype=float32)
    """
    floats: NDArray[np.float32] = np.asarray(tile, np.float32) / np.float32(full_scale(tile.dtype))
    return floats


def as_grey(tile: NDArray[Any]) -> NDArray[np.float32]:
    """Return the brightness of a part of a checked picture, 0 to 1 (ITU-R BT.601's weights)."""
    floats = as_floats(tile)
    if floats.ndim == 2:
        return floats
    grey: NDArray[np.float32] = floats @ np.array([0.299, 0.587, 0.114], np.float32)
    return grey


def halved(picture: NDArray[Any]) -> NDArray[Any]:
    """Return a checked picture at half its size, rounded down, each pixel the mean of four; None of its sides is 1.

    >>> halved(np.array([[1, 3, 9], [5, 7, 9]], np.uint8))
    array([[4]], dtype=uint8)
    """
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    small = scratch.zeros((height, width, *picture.shape[2:]), picture.dtype)
    for rows in strips(small):
        source = picture[2 * rows.start : 2 * rows.stop, : 2 * width]
        four = source.reshape(rows.stop - rows.start, 2, width, 2, *picture.shape[2:])
        values = four[:, 0, :, 0] + four[:, 0, :, 1].astype(np.float32)  # several times as fast as their mean
        values += four[:, 1, :, 0]
        values += four[:, 1, :, 1]
        values *= np.float32(0.25)
        small[rows] = values if picture.dtype.kind == "f" else np.rint(values)
    return small


@dataclass(frozen=True)
class Place:
    """Where a tile lies in the picture, alone and with its surroundings, and where in those its core lies."""

    inside: tuple[slice, slice]
    with_halo: tuple[slice, slice]
    core: tuple[slice, slice]


def places_of(shape: tuple[int, ...], side: int, halo: int) -> list[Place]:
    """Return the tiles of a picture.

    >>> [place.with_halo for place in places_of((5, 4), 4, 2)]
    [(slice(0, 6, None), slice(0, 6, None)), (slice(2, 7, None), slice(0, 6, None))]
    """
    places = []
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            bottom, right = min(top + side, shape[0]), min(left + side, shape[1])
            upper, outer = max(0, top - halo), max(0, left - halo)
            places.append(
                Place(
                    (slice(top, bottom), slice(left, right)),
                    (slice(upper, bottom + halo), slice(outer, right + halo)),
                    (slice(top - upper, bottom - upper), slice(left - outer, right - outer)),
                )
            )
    return places


def find_in_tiles(
    picture: NDArray[Any],
    find: Callable[[NDArray[Any], tuple[slice, slice]], NDArray[np.bool_]],
    halo: int,
    workers: int | None,
    progress: Progress | None,
) -> NDArray[np.bool_]:
    """Have a mask found tile by tile, on several threads; how many makes no difference to the result.

    Parameters
    ----------
    picture
        As `checked_picture` returns it.
    find
        Given a tile with its surroundings and where its core lies in it, returns the core's mask.
    halo
        Pixels of surroundings on each side, where the picture has them.
    workers
        Threads; None is all usable cores.
    progress
        Called in this thread with the fraction done; an exception raised in it stops the work.
    """
    found: NDArray[np.bool_] = scratch.zeros(picture.shape[:2], np.bool_)

    def fill(place: Place) -> None:
        found[place.inside] = find(picture[place.with_halo], place.core)

    do_at(places_of(picture.shape, SIDE, halo), fill, checked_workers(workers), progress)
    return found


def do_at(places: Sequence[Place], do: Callable[[Place], None], threads: int, progress: Progress | None) -> None:
    """Have something done at every place, on several threads; progress is called in this one."""
    report = progress or (lambda fraction: None)
    with ThreadPoolExecutor(threads) as pool:
        running = {pool.submit(do, place) for place in places}
        try:
            while running:
                try:
                    for one in as_completed(running, timeout=_PROGRESS_INTERVAL):
                        one.result()
                        running.discard(one)
                        report(1 - len(running) / len(places))
                        break
                except NotYet:
                    report(1 - len(running) / len(places))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def part(progress: Progress | None, begin: float, end: float) -> Progress | None:
    """Return what reports the progress of a part of the work, which goes from one fraction to another."""
    return progress and (lambda fraction: progress(begin + (end - begin) * fraction))
