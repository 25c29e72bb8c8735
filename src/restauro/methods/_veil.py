"""The veil of damage: light that it adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.methods._rim import AROUND, Rim

_FLATTER = 0.8  # texture that has less than this of its contrast outside lies beneath a veil


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
    offset: NDArray[np.float64] = np.minimum(veil, np.quantile(inside, 0.02, axis=0))
    return offset
