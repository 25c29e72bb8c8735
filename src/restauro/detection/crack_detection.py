"""Cracks found: lines darker or brighter than both sides, followed along their length, weighed against the texture.

Two looks are taken. The first says of every pixel by itself how much its surroundings look like a crack. The second
follows lines through what the first one said, and compares a pixel with the cracks of the whole picture: they share
their polarity, their contrast and their width, and where a picture shows hardly any, there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters, scratch
from restauro.detection import crack_responses, crack_weights
from restauro.detection.tiles import Progress
from restauro.errors import ImageError, ImageTypeError
from restauro.numerics.threads import checked_workers

Field = NDArray[np.float32]
Odds = NDArray[np.float32] | NDArray[np.float16]

_TILE = 1024  # pixels, side; even, as the halo is
_HALO = 72  # pixels around a tile that are looked at too
_LENGTH = 9  # double pixels, over which what was found is straight
_AHEAD, _ASIDE, _STEPS = 6, 1.2, 3  # double pixels of a step along it, and steps
_NEAR, _FAR = 33, 97  # pixels, sides of the squares in which cracks are counted
_CLOSE = (3, 7)  # pixels, the same, close by
_SOME = 10  # pixels of crack, from which on a picture's own say what they are like
_ALIKE = (0, 1, 2, 3, crack_responses.LONG)  # responses in which a picture's cracks are alike
_POSSIBLE, _SURE = 0.3, 1.5  # log odds: cracks are of the possible pixels, and some of them must be sure
_SURE_SHARE = 0.1  # of a crack's pixels
_GRADES = 16  # of a log odd in which what was found is kept
_MIDDLE = 128  # the grade that is a log odd of 0
_SMALLEST = 10  # pixels of a crack


@dataclass(frozen=True)
class _Sums:
    """What the cracks of a picture are like, for dark and for bright ones: sums over pixels, [2, ...]."""

    pixels: int
    chances: NDArray[np.float64]  # of being crack
    sure: NDArray[np.float64]  # pixels that are nearly certain
    weights: NDArray[np.float64]
    alike: NDArray[np.float64]  # [2, 5], weighted responses

    def __add__(self, other: _Sums) -> _Sums:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Sums(*(one + another for one, another in pairs))


def find_cracks(image: NDArray[Any], workers: int | None = None, progress: Progress | None = None) -> NDArray[np.bool_]:
    """Return where a picture has cracks: dark or bright ones, up to some 12 pixels wide, and their bright rims.

    Parameters
    ----------
    image
        uint8, uint16 or floats with a full scale of 0 to 1, [H, W] or [H, W, C]; the first three bands are taken for
        colours. It isn't modified.
    workers
        Threads; by default all usable cores. The result doesn't depend on it.
    progress
        Called in this thread with the part that is done, rising to 1.

    Returns
    -------
    bool [H, W]
        Empty where the picture shows no cracks.

    Raises
    ------
    ImageTypeError, ImageError, ParameterError
        The image isn't as it is described above, or there are no workers.

    Notes
    -----
    Every pixel is told by the responses of filters (`crack_features`): lines of four widths and sixteen angles that
    differ from both their sides, weighed against the lines of the other polarity around them, followed along their
    length; by the change of colour across the line, which brush strokes have; and by top-hats of four sizes [1]_,
    which tell where exactly the line is and how wide. What these say together was learned on paintings with rendered
    cracks (benchmarks/tune_cracks.py). A second look follows lines through what the first one found and compares them
    with the cracks of the whole picture, which are alike [2]_. Possible pixels that hang together are marked where a
    tenth of them are sure, by fixed odds: a picture without cracks gets no marks.

    The picture is looked at twice, in tiles of 1024 pixels: some 1.2 GB, and a few bytes a pixel.

    References
    ----------
    .. [1] I. Giakoumis, N. Nikolaidis, I. Pitas, "Digital image processing techniques for the detection and removal of
       cracks in digitized paintings", IEEE Transactions on Image Processing 15 (1), 2006.
    .. [2] B. Cornelis et al., "Crack detection and inpainting for virtual restoration of paintings: the case of the
       Ghent Altarpiece", Signal Processing 93 (3), 2013.

    Examples
    --------
    >>> panel = np.full((64, 64), 150, np.uint8)
    >>> bool(find_cracks(panel).any())
    False
    """
    _check(image)
    height, width = image.shape[:2]
    tiles = list(_tiles(height, width))
    odds = scratch.zeros((2, height, width), np.float16)
    grades = scratch.zeros((height, width), np.uint8)
    with ThreadPoolExecutor(checked_workers(workers)) as pool:
        told = np.empty(0, np.float32)  # kept from the first look where there is one tile
        sums = []
        for k, tile in enumerate(tiles):
            told = tile.inner_of(_told(image, tile, pool))
            odds[:, tile.inner[0], tile.inner[1]] = [_weighed(told[s], crack_weights.FIRST, pool) for s in (0, 1)]
            sums.append(_summed(told, odds[:, tile.inner[0], tile.inner[1]]))
            if progress:
                progress(0.5 * (k + 1) / len(tiles))
        picture = sum(sums[1:], sums[0])
        for k, tile in enumerate(tiles):
            if len(tiles) > 1:
                told = tile.inner_of(_told(image, tile, pool))
            seen = _seen_again(told, odds[:, tile.outer[0], tile.outer[1]].astype(np.float32), tile, picture, pool)
            dark, bright = [_weighed(each, crack_weights.SECOND, pool) for each in seen]
            best = np.maximum(dark, bright)
            grades[tile.inner] = np.clip(np.rint(best * _GRADES) + _MIDDLE, 0, 255)
            if progress:
                progress(0.5 + 0.5 * (k + 1) / len(tiles))
    return _kept(grades)


def crack_features(image: NDArray[Any], workers: int | None = None) -> Field:
    """Return the responses of the filters that cracks are found by.

    Parameters
    ----------
    image
        uint8, uint16 or floats with a full scale of 0 to 1, [H, W] or [H, W, C]. It isn't modified.
    workers
        Threads; by default all usable cores. The result doesn't depend on it.

    Returns
    -------
    float32 [F, H, W]
        Logarithms, mostly, between -3 and 6: first of dark lines, then the same of bright ones.

    Notes
    -----
    All planes of the picture are in memory at once, some 800 bytes a pixel: cut large pictures into tiles.
    """
    _check(image)
    with ThreadPoolExecutor(checked_workers(workers)) as pool:
        told = crack_responses.responses(*crack_responses.planes(image), pool)
    return told.reshape(-1, *image.shape[:2])


def second_planes(image: NDArray[Any], first: crack_weights.Weights, pool: ThreadPoolExecutor) -> Field:
    """Return what there is to say at the second look [2, G, H, W], by given weights of the first: to learn from."""
    told = crack_responses.responses(*crack_responses.planes(image), pool)
    odds = np.stack([_weighed(each, first, pool) for each in told])
    whole = (slice(0, image.shape[0]), slice(0, image.shape[1]))
    return np.stack(list(_seen_again(told, odds, _Tile(whole, whole), _summed(told, odds), pool)))


@dataclass(frozen=True)
class _Tile:
    inner: tuple[slice, slice]
    outer: tuple[slice, slice]

    def inner_of(self, told: Field) -> Field:
        """Return the tile without its halo, of planes [..., H, W] with it."""
        return told[
            ...,
            self.inner[0].start - self.outer[0].start : self.inner[0].stop - self.outer[0].start,
            self.inner[1].start - self.outer[1].start : self.inner[1].stop - self.outer[1].start,
        ]


def _tiles(height: int, width: int) -> Iterator[_Tile]:
    def spans(length: int) -> list[tuple[slice, slice]]:
        firsts = range(0, length, _TILE)
        ends = [min(first + _TILE, length) for first in firsts]
        return [
            (slice(first, end), slice(max(0, first - _HALO), min(length, end + _HALO)))
            for first, end in zip(firsts, ends, strict=True)
        ]

    for inner_rows, outer_rows in spans(height):
        for inner_columns, outer_columns in spans(width):
            yield _Tile((inner_rows, inner_columns), (outer_rows, outer_columns))


def _told(image: NDArray[Any], tile: _Tile, pool: ThreadPoolExecutor) -> Field:
    return crack_responses.responses(*crack_responses.planes(image[tile.outer]), pool)


def _weighed(planes: Field, weights: crack_weights.Weights, pool: ThreadPoolExecutor) -> Field:
    """Return the log odds that pixels are crack, [H, W]."""
    from restauro.numerics import perceptron

    planes = np.ascontiguousarray(planes)
    out = np.empty(planes.shape[1:], np.float32)
    crack_responses.in_rows(perceptron.apply, len(out), pool, planes, *weights, out)
    return out


def _chances(odds: Odds) -> Field:
    chances: Field = np.reciprocal(1 + np.exp(-odds.astype(np.float32)))
    return chances


def _summed(told: Field, odds: Odds) -> _Sums:
    chances = _chances(odds)
    weights: Field = chances * chances
    alike = [[(one * each[k]).sum(dtype=np.float64) for k in _ALIKE] for one, each in zip(weights, told, strict=True)]
    return _Sums(
        chances[0].size,
        chances.sum(axis=(1, 2), dtype=np.float64),
        (chances > 0.9).sum(axis=(1, 2)).astype(np.float64),
        weights.sum(axis=(1, 2), dtype=np.float64),
        np.array(alike),
    )


def _seen_again(told: Field, odds: Field, tile: _Tile, picture: _Sums, pool: ThreadPoolExecutor) -> Iterator[Field]:
    """Yield what the second look is told of dark and of bright lines, [G, H, W]; odds come with their halo."""
    chances = _chances(odds)
    counts = [[filters.mean(one, side) for side in (_NEAR, _FAR)] for one in chances]
    for own, other in ((0, 1), (1, 0)):
        lines = [(np.log(value + np.float32(0.02))) for value in _lines(chances[own], pool)]
        near_and_far = [np.log(counts[s][k] + np.float32(0.005)) for k in (0, 1) for s in (own, other)]
        close = [np.log(filters.mean(chances[own], side) + np.float32(0.01)) for side in _CLOSE]
        around = [tile.inner_of(plane) for plane in (odds[own], odds[other], *close, *lines, *near_and_far)]
        here = told[own]
        typical = picture.alike[own] / (picture.weights[own] + _SOME)
        unlike = [here[k] - np.float32(value) for k, value in zip(_ALIKE, typical, strict=True)]
        same = here[[crack_responses.BEST, crack_responses.LONG, crack_responses.BALANCE]]
        shares = [
            np.log(total[s] / picture.pixels + 0.001)
            for s in (own, other)
            for total in (picture.weights, picture.sure, picture.chances)
        ]
        whole = [np.broadcast_to(np.float32(share), here.shape[1:]) for share in shares]
        yield np.stack([*around, *unlike, *same, *here[crack_responses.PIXEL_SHARP], *whole])


def _lines(chances: Field, pool: ThreadPoolExecutor) -> list[Field]:
    """Return the mean chance along the best line through every pixel: a long, a shorter, and a short one."""
    from restauro.numerics import ridges

    height, width = chances.shape
    even = np.pad(chances, ((0, height % 2), (0, width % 2)), "edge")
    half = even.reshape(len(even) // 2, 2, -1, 2).max(axis=(1, 3))
    margin = _LENGTH // 2 + 1
    padded = np.ascontiguousarray(np.pad(half, margin, "reflect" if min(half.shape) > margin else "symmetric"))
    stack = np.empty((crack_responses.ANGLES, *half.shape), np.float32)
    angles = np.pi * np.arange(len(stack)) / len(stack)
    list(
        pool.map(
            lambda k: ridges.line_means(padded, margin, ridges.along(float(angles[k]), _LENGTH), stack[k]),
            range(len(stack)),
        )
    )
    shorter, long = crack_responses.followed(stack, _AHEAD, _ASIDE, _STEPS, pool)
    return [value.repeat(2, 0).repeat(2, 1)[:height, :width] for value in (long, shorter, stack.max(axis=0))]


def _kept(grades: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the possible pixels that hang together, where enough of them are sure: hysteresis with a share."""
    possible = filters.pieces(grades > _POSSIBLE * _GRADES + _MIDDLE)
    sure = possible.count(grades > _SURE * _GRADES + _MIDDLE)
    return possible.those((possible.pixels >= _SMALLEST) & (sure > _SURE_SHARE * possible.pixels))


def _check(image: NDArray[Any]) -> None:
    if not isinstance(image, np.ndarray) or not (image.dtype in (np.uint8, np.uint16) or image.dtype.kind == "f"):
        what = f"dtype {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ImageTypeError(f"The image must be an array of uint8, uint16 or floats, not {what}: convert it first.")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ImageError(f"The image has the shape {image.shape}: it must be [H, W] or [H, W, C], and not empty.")
