"""Where pixels of damage lie from its rim, and how much levels differ along the way to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DEEPEST = 96  # pixels from the rim up to which a stain's profile is looked for; it is flat beyond
AROUND = 24  # pixels outside of the rim that are read


class Rim(NamedTuple):
    """Where the pixels of a domain lie from its rim: [n] in row-major order.

    rows, columns; depth: pixels to the nearest known one; foot: that one's row and column, [2, n]. Where none is within
    the reach, depth is that and the foot the pixel itself.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    depth: NDArray[np.float64]
    foot: NDArray[np.intp]

    @classmethod
    def of(cls, domain: NDArray[np.bool_], known: NDArray[np.bool_], reach: int = DEEPEST) -> Rim:
        """Exact distances: along columns by running maxima, then along rows by looking at each column in turn."""
        height, width = known.shape
        rows, columns = np.nonzero(domain)
        y = np.arange(height)[:, np.newaxis]
        far = 4 * reach
        above = np.maximum.accumulate(np.where(known, y, -far), axis=0)
        below = np.minimum.accumulate(np.where(known, y, height + far)[::-1], axis=0)[::-1]
        nearest = np.where(y - above <= below - y, above, below)  # row of the nearest known pixel in the column
        best = np.full(rows.size, float(reach**2))
        foot = np.stack([rows, columns])
        for distance in range(reach):
            if distance * distance >= best.max(initial=0):
                break
            for column in (-distance, distance):
                x = columns + column
                inside = (x >= 0) & (x < width)
                to = nearest[rows, np.clip(x, 0, width - 1)]
                squared = (to - rows) ** 2 + distance**2
                better: NDArray[np.bool_] = inside & (squared < best)
                best[better] = squared[better]
                foot[0, better], foot[1, better] = to[better], x[better]
        return cls(rows, columns, np.sqrt(best), foot)

    @classmethod
    def outside(cls, domain: NDArray[np.bool_], known: NDArray[np.bool_]) -> Rim:
        """Return the same of known pixels around a domain, whose depth is that from the damage."""
        near = domain
        for axis in (0, 1):
            total = np.cumsum(np.pad(near, [(AROUND + 1, AROUND) if k == axis else (0, 0) for k in (0, 1)]), axis=axis)
            side, reach = near.shape[axis], 2 * AROUND + 1
            near = total.take(range(reach, reach + side), axis) > total.take(range(side), axis)
        rim = cls.of(near & known, domain, AROUND)
        close = rim.depth < AROUND
        return cls(rim.rows[close], rim.columns[close], rim.depth[close], rim.foot[:, close])

    def towards(self, step: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the pixels so many pixels along the way to the foot, and beyond it; they may lie outside."""
        share = step / np.maximum(self.depth, 1)
        down, across = self.foot[0] - self.rows, self.foot[1] - self.columns
        return np.rint(self.rows + share * down).astype(np.intp), np.rint(self.columns + share * across).astype(np.intp)

    @property
    def layers(self) -> NDArray[np.intp]:
        """Of each pixel the layer that it belongs to, from 1 inwards."""
        return np.maximum(np.rint(self.depth).astype(np.intp), 1)


class Pairs(NamedTuple):
    """Pixels of a domain, by number, and pixels some way nearer to the rim or beyond it; by how much levels differ."""

    step: int
    at: NDArray[np.intp]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    difference: NDArray[np.float64]


def pairs_of(
    level: NDArray[np.float64], readable: NDArray[np.bool_], rim: Rim, steps: tuple[int, ...], *, within: bool = False
) -> list[Pairs]:
    """Pair pixels that may be read, over some steps; within: not beyond the rim.

    Pixels this side of the rim are paired with such as the way to it leads through, not past other damage.
    """
    height, width = readable.shape
    inside_domain = np.zeros(readable.shape, np.bool_)
    inside_domain[rim.rows, rim.columns] = True
    pairs = []
    for step in steps:
        y, x = rim.towards(step)
        inside: NDArray[np.bool_] = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
        is_out = rim.depth - step < 0.5
        usable = inside & readable[y, x] & readable[rim.rows, rim.columns] & (inside_domain[y, x] != is_out)
        usable &= ~is_out if within else (rim.depth < DEEPEST) & (step - rim.depth < AROUND)
        at = np.flatnonzero(usable)
        pairs.append(Pairs(step, at, y[at], x[at], level[rim.rows[at], rim.columns[at]] - level[y[at], x[at]]))
    return pairs
