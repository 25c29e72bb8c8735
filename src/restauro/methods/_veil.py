"""The veil of damage: light that it adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.methods._rim import AROUND, Rim

_FLATTER = 0.8  # texture that has less than this of its contrast outside lies beneath a veil
# The same deep inside, which isn't beside what it is compared with, in every channel; beneath none from the second on.
_FLAT, _HARDLY_FLAT = 0.5, 0.6
_DEEP = 0.6  # of the largest depth
_LARGE, _MANY = 26, 1500  # pixels that a region is deep at least, and has deep inside, for its contrast to be told
_APART = (1, 2, 4)  # pixels over which contrast is told
_LAYERS = 4  # pixels of depth that are looked at together
_WIDTHS = (0.5, 1, 2, 4, 8, 16)  # pixels, of the slope by which a veil sets in
_SOON = 12  # pixels from the rim up to which a veil sets in as the gain does
_DARK = 0.02  # quantile of light inside that no veil is lighter than


def deep_veil_of(
    damaged: NDArray[np.float64],
    level: NDArray[np.float64],
    readable: NDArray[np.bool_],
    rim: Rim,
    around: Rim,
    strength: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the offsets, [n, C], of a large region that is much flatter deep inside than what is around.

    Pictures differ in contrast from place to place, so it has to be much. The veil sets in half as the gain does, whose
    strength is [n, 1], and half by the slope that tells best how contrast goes down with depth.
    """
    deepest, channels = float(rim.depth.max(initial=0)), level.shape[2]
    deep = (rim.depth > _DEEP * deepest) & readable[rim.rows, rim.columns]
    offset = np.zeros((rim.rows.size, channels))
    if deepest < _LARGE or np.count_nonzero(deep) < _MANY or around.rows.size < _MANY:
        return offset
    layer = np.full(level.shape[:2], -1)
    layer[around.rows, around.columns] = 0
    layer[rim.rows, rim.columns] = 1 + (rim.depth / _LAYERS).astype(np.intp)
    layer[~readable] = -1
    contrast, counts = _contrast(level, layer)
    flatter = contrast - contrast[0]
    middle = (np.arange(len(counts), dtype=np.float64) - 0.5) * _LAYERS
    is_deep = middle > _DEEP * deepest
    ratio = np.exp(np.average(flatter[is_deep], axis=0, weights=counts[is_deep] + 1e-9))
    share = np.clip((_HARDLY_FLAT - ratio.max()) / (_HARDLY_FLAT - _FLAT), 0, 1)
    if not share > 0:
        return offset
    light = np.maximum(damaged[rim.rows[deep], rim.columns[deep]], 0)
    veil = share * np.maximum(1 - ratio, 0) * np.median(light, axis=0)
    veil = np.minimum(veil, np.quantile(light, _DARK, axis=0))
    adds = np.maximum(1 / np.minimum(ratio, 1) - 1, 0)
    least, best = np.inf, (0.0, 1.0)
    for width in _WIDTHS:
        for begins in np.arange(0, _DEEP * deepest):
            expected = -np.log1p(adds * _slope(middle[1:], begins, width)[:, np.newaxis])
            error = float((np.abs(flatter[1:] - expected).sum(axis=1) * counts[1:]).sum())
            if error < least:
                least, best = error, (float(begins), float(width))
    shape = np.minimum(strength / max(float(np.median(strength[deep])), 1e-6), 1)
    if best[0] > _SOON:  # else the gain tells better how it sets in
        shape = (shape + _slope(rim.depth, *best)[:, np.newaxis]) / 2
    offset[:] = veil * shape
    return offset


def _slope(depth: NDArray[np.float64], begins: float, width: float) -> NDArray[np.float64]:
    """Return by how much a veil has set in at some depths, 0 to 1."""
    slope: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip((depth - begins) / width, -50, 50)))
    return slope


def _contrast(level: NDArray[np.float64], layer: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean logarithm of differences of pixels some way apart, by layers from 0, [k, C]; their numbers."""
    size, channels = int(layer.max()) + 1, level.shape[2]
    total, counts = np.zeros((size, channels)), np.zeros(size)
    for step in _APART:
        for a, b in ((np.s_[step:], np.s_[:-step]), (np.s_[:, step:], np.s_[:, :-step])):
            both = (layer[a] >= 0) & (np.abs(layer[a] - layer[b]) <= (layer[a] > 0) * (layer[b] > 0))
            at = layer[a][both]
            difference = np.log(np.abs(level[a][both] - level[b][both]) + 0.004)
            counts += np.bincount(at, minlength=size)
            for channel in range(channels):
                total[:, channel] += np.bincount(at, difference[:, channel], size)
    return total / np.maximum(counts, 1)[:, np.newaxis], counts


def veil_of(
    damaged: NDArray[np.float64],
    level: NDArray[np.float64],
    hole: NDArray[np.bool_],
    readable: NDArray[np.bool_],
    rim: Rim,
) -> NDArray[np.float64]:
    """Return the offset of each channel, [C], by how much flatter texture is inside than across the rim from there."""
    height, width = hole.shape
    channels = level.shape[2]
    down, across = np.abs(rim.foot[0] - rim.rows), np.abs(rim.foot[1] - rim.columns)
    dy, dx = (down < across).astype(np.intp), (down >= across).astype(np.intp)  # along the rim, more or less
    y, x = rim.towards(0)
    mirrored_y, mirrored_x = 2 * rim.foot[0] - rim.rows, 2 * rim.foot[1] - rim.columns
    use = (rim.depth >= 3) & (rim.depth < AROUND - 1)
    for some_y, some_x, is_hole in ((y, x, True), (mirrored_y, mirrored_x, False)):
        use &= (some_y >= 0) & (some_x >= 0) & (some_y + dy < height) & (some_x + dx < width)
        at_y, at_x = np.where(use, some_y, 0), np.where(use, some_x, 0)
        for add in (0, 1):
            there = at_y + add * dy * use, at_x + add * dx * use
            use &= readable[there] & (hole[there] == is_hole)
    at = np.flatnonzero(use)
    if at.size < 200:
        return np.zeros(channels)
    y, x, dy, dx = y[at], x[at], dy[at], dx[at]
    mirrored_y, mirrored_x = mirrored_y[at], mirrored_x[at]
    inner = np.abs(level[y + dy, x + dx] - level[y, x])
    outer = np.abs(level[mirrored_y + dy, mirrored_x + dx] - level[mirrored_y, mirrored_x])
    ratio = np.exp(np.median(np.log(inner + 0.004) - np.log(outer + 0.004), axis=0))
    inside = np.maximum(damaged[y, x], 0)
    veil = np.where(ratio < _FLATTER, (1 - ratio) * np.median(inside, axis=0), 0)
    offset: NDArray[np.float64] = np.minimum(veil, np.quantile(inside, _DARK, axis=0))
    return offset
