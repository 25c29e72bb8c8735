"""Losses found: flat pale or dark areas with sharp outlines, all of one ground."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import filters
from restauro.detection import tiles

_STEPS = (0.016, 0.04, 0.08)  # of full scale: what a flat area may differ by from pixel to pixel
_SMALLEST = 8  # pixels
_LARGE = 120  # pixels: a loss that small ones may follow
_LARGEST = 0.2  # of the picture
_FLAT = 0.045  # of full scale: how far a loss deviates from its colour
_CONTRAST = 0.12  # of full scale: to what lies around
_AROUND, _MOSTLY = 0.9, 0.75  # of the rim, of large losses and of small ones, where they must have that contrast
_PALE, _DARK = 0.83, 0.1  # brightness of a large loss: at least, or at most
_RAGGED = 1.25  # outline of a large loss over that of a disc
_SATURATION = 0.25  # ground, plaster, paper and bare emulsion have little colour
_ALIKE = 0.05  # of full scale: losses of one ground
_HALO = 320
_SCALE, _WHOLE = 1024, 2048  # shorter and longer side of what is looked at as a whole


@dataclass(frozen=True)
class _Zones:
    """Flat areas of a tile that may be losses; arrays have one entry a zone."""

    numbers: NDArray[np.int32]  # [H, W]
    areas: NDArray[np.int64]
    colours: NDArray[np.float64]  # [n, C]
    possible: NDArray[np.bool_]
    sure: NDArray[np.bool_]


def find_losses(
    image: NDArray[Any], workers: int | None = None, progress: tiles.Progress | None = None
) -> NDArray[np.bool_]:
    """Return flat pale or dark areas with sharp outlines that stand out from all that is around them.

    A large one must be flat, of little colour, paler or darker than the surroundings along nearly all of its outline,
    and ragged. Where there is one, smaller ones of the same colour are found too: all losses of a picture show the same
    ground. Without a large one nothing is found.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], uint8, uint16 or float of 0 to 1; see `restauro.detection.tiles.checked_picture`.
    workers, progress
        See `restauro.detection.detecting.detect`.

    Returns
    -------
    bool [H, W], all False where there are no losses.

    Examples
    --------
    >>> from restauro import grow_mask
    >>> from restauro.damage.patches import losses
    >>> rng = np.random.default_rng(3)
    >>> image, hole = rng.uniform(0.3, 0.5, (256, 256)), losses(256, 256, 0.05, rng)
    >>> image[hole] = 0.95
    >>> found = find_losses(image)
    >>> bool(found[hole].mean() > 0.9), bool(found[~grow_mask(hole, 3)].any())
    (True, False)
    """
    picture = tiles.checked_picture(image)
    sizes = [picture]
    while min(sizes[-1].shape[:2]) > _SCALE or max(sizes[-1].shape[:2]) > _WHOLE:
        sizes.append(tiles.halved(sizes[-1]))
    costs = np.cumsum([0, *(size.size for size in sizes)]) / sum(size.size for size in sizes)
    found = np.zeros((1, 1), np.bool_)
    grounds: list[NDArray[np.float64]] = []
    for k in range(len(sizes) - 1, -1, -1):  # the smallest size first: the largest losses, and the colour of all
        step = tiles.part(progress, 1 - costs[k + 1], 1 - costs[k])
        whole = sizes[k].shape[:2]
        if k == len(sizes) - 1:
            zones = [_zones(sizes[k], difference, whole) for difference in _STEPS]
            grounds += [zone.colours[zone.sure] for zone in zones]
            here = _of_grounds(zones, np.concatenate(grounds), sizes[k])
            if step:
                step(1.0)
        else:
            find = partial(_find, grounds=np.concatenate(grounds), whole=whole)
            here = tiles.find_in_tiles(sizes[k], find, _HALO, workers, step)
        found = here if k == len(sizes) - 1 else here | tiles.doubled(found, here.shape)
    return found


def _find(
    tile: NDArray[Any], core: tuple[slice, slice], grounds: NDArray[np.float64], whole: tuple[int, ...]
) -> NDArray[np.bool_]:
    if not len(grounds):
        return np.zeros(tile.shape[:2], np.bool_)[core]
    return _of_grounds([_zones(tile, difference, whole) for difference in _STEPS], grounds, tile)[core]


def _zones(tile: NDArray[Any], difference: float, whole: tuple[int, ...]) -> _Zones:
    """Return the flat areas of a tile, and which of them may be losses and which surely are."""
    from restauro.numerics import flat_zones

    bands = np.atleast_3d(tiles.as_floats(filters.median(tile)))  # medians keep outlines sharp
    numbers, count = flat_zones.label(bands, difference, _SMALLEST)
    areas, means, deviations, _ = flat_zones.survey(bands, numbers, count)
    grey = tiles.as_grey(tile)
    levels = means @ [0.299, 0.587, 0.114] if means.shape[1] == 3 else means[:, 0]
    rims = flat_zones.survey_rims(grey, numbers, levels, _CONTRAST)
    share = np.maximum(rims[:, 1], rims[:, 2]) / np.maximum(rims[:, 0], 1)
    possible = (areas <= _LARGEST * whole[0] * whole[1]) & (deviations.max(axis=1) <= _FLAT)
    possible &= (share >= _MOSTLY) & (np.ptp(means, axis=1) <= _SATURATION) & (areas > 0)
    scale = max(1.0, min(whole) / 512)
    sure = possible & (share >= _AROUND) & ((levels >= _PALE) | (levels <= _DARK))
    sure &= (areas >= _LARGE * scale**2) & (flat_zones.compactness(areas, rims) >= _RAGGED)
    return _Zones(numbers, areas, means, possible, sure)


def _of_grounds(zones: list[_Zones], grounds: NDArray[np.float64], tile: NDArray[Any]) -> NDArray[np.bool_]:
    """Return zones that may be losses and have a ground's colour, and their blurred edges."""
    found = np.zeros(tile.shape[:2], np.bool_)
    if not len(grounds):
        return found
    for zone in zones:
        apart = np.abs(zone.colours[:, None] - grounds[None]).max(axis=2).min(axis=1)
        found |= (zone.possible & (apart <= _ALIKE))[zone.numbers]
    return filters.grown(found)
