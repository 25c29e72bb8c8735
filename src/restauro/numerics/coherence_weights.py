"""Weights of coherence transport, for a batch of pixels at once: of which neighbours a value is made, and how much.

A pixel has two kinds of neighbours: those of the disc around it, weighed alike in all directions, and the ghosts,
points on the line through it along its direction, each interpolated from the four pixels around it, its corners
(Hocking, MacKenzie & Schönlieb 2018). The pixels of a batch run fastest in all arrays, so that a vector register holds
one neighbour of eight or sixteen of them. Flat indices are unsigned: none can be negative, which spares a check.

Arrays that the steps share; B pixels in a batch, n neighbours in the disc, 2 R ghosts with four corners each:

- places: uint64 [n + 8 R, B], where neighbours and corners are; times: int32 [n + 8 R, B], when the front came there
- weights: float [n + 8 R, B]; here: int32 [B], the pixels' own times
- guides: float [3, B], the direction of coherence (x, y) and the share of the weight that the line has
- apart: int32 [8 R, B], squared distances of the corners (pixels^2)
- needs: int32 [2, ...], by squared distance, how much earlier a neighbour must be for its value to be taken on the way
  in, and how much later on the way out: so a value's origin isn't far to the side
- nowhere: pixels of that time or earlier were never loaded
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner
from restauro.numerics.march import BEYOND

# A ghost with this share of its weight on pixels not known yet isn't known (eq. 4).
_FADE = 0.25


@inner
def place_disc(flat: Any, pixels: Any, neighbours: Any, into_corner: int, places: Any, times: Any, here: Any) -> None:
    """Find the disc's neighbours. neighbours: uint64 [n], offsets from `into_corner` before the pixel."""
    size = pixels.shape[0]
    for b in range(size):
        here[b] = flat[pixels[b]]
    for m in range(neighbours.shape[0]):
        offset = neighbours[m]
        for b in range(size):
            places[m, b] = np.uint64(pixels[b] - into_corner) + offset
        for b in range(size):
            times[m, b] = flat[places[m, b]]


@inner
def smooth_inwards(
    smoothing: Any, squared: Any, needs: Any, nowhere: int, reached: int, size: int, times: Any, here: Any,
    weights: Any,
) -> None:  # fmt: skip
    """Weights of the known neighbours' tensors (eq. 2)."""
    zero = weights.dtype.type(0)
    for m in range(smoothing.shape[0]):
        need = needs[0, squared[m]]
        for b in range(size):
            t = times[m, b]
            known = (t > nowhere) & ((t <= 0) | ((t < reached) & (here[b] - t >= need)))
            weights[m, b] = smoothing[m] if known else zero


@inner
def place_line(
    flat: Any, pixels: Any, stride: int, guides: Any, n: int, places: Any, times: Any, weights: Any, apart: Any
) -> None:
    """Find the corners of the ghosts; their weights are those of the interpolation (eq. 4)."""
    size = pixels.shape[0]
    ghosts = apart.shape[0] // 4
    one = weights.dtype.type(1)
    for ghost in range(ghosts):
        step = weights.dtype.type(ghost - ghosts // 2 + (1 if ghost >= ghosts // 2 else 0))
        k = 4 * ghost
        m = n + k
        for b in range(size):
            x, y = step * guides[0, b], step * guides[1, b]
            left, top = np.int32(np.floor(x)), np.int32(np.floor(y))
            x -= weights.dtype.type(left)
            y -= weights.dtype.type(top)
            corner = np.uint64(pixels[b] + top * stride + left)
            squared = left * left + top * top
            apart[k, b], apart[k + 1, b] = squared, squared + 2 * left + 1
            apart[k + 2, b], apart[k + 3, b] = squared + 2 * top + 1, squared + 2 * (left + top + 1)
            places[m, b], places[m + 1, b] = corner, corner + np.uint64(1)
            places[m + 2, b], places[m + 3, b] = corner + np.uint64(stride), corner + np.uint64(stride + 1)
            weights[m, b], weights[m + 1, b] = (one - x) * (one - y), x * (one - y)
            weights[m + 2, b], weights[m + 3, b] = (one - x) * y, x * y
    for m in range(n, n + apart.shape[0]):
        for b in range(size):
            times[m, b] = flat[places[m, b]]


@inner
def _share_disc(disc: Any, times: Any, nowhere: int, size: int, guides: Any, shares: Any) -> None:
    """Weight of the disc over the sum of its weights, which the picture's edge makes smaller (eq. 3)."""
    zero, one = shares.dtype.type(0), shares.dtype.type(1)
    shares[:size] = 0
    for m in range(disc.shape[0]):
        for b in range(size):
            shares[b] += disc[m] if (times[m, b] < BEYOND) & (times[m, b] > nowhere) else zero
    for b in range(size):
        shares[b] = (one - guides[2, b]) / shares[b]


@inner
def weigh_inwards(
    disc: Any, squared: Any, needs: Any, nowhere: int, reached: int, size: int, times: Any, apart: Any, here: Any,
    guides: Any, shares: Any, weights: Any, unknown: Any,
) -> None:  # fmt: skip
    """Weights of known neighbours on the way in (eq. 3 to 5); unknown: float [B], what falls to the others."""
    zero, one = weights.dtype.type(0), weights.dtype.type(1)
    steep = weights.dtype.type(1 / _FADE)
    n = disc.shape[0]
    _share_disc(disc, times, nowhere, size, guides, shares)
    unknown[:size] = 0
    for m in range(n):
        need = needs[0, squared[m]]
        for b in range(size):
            t = times[m, b]
            known = (t > nowhere) & ((t <= 0) | ((t < reached) & (here[b] - t >= need)))
            weight = disc[m] * shares[b]
            weights[m, b] = weight if known else zero
            unknown[b] += weight if (not known) & (t > nowhere) & (t < BEYOND) else zero
    ghosts = apart.shape[0] // 4
    for ghost in range(ghosts):
        for b in range(size):
            on_known, outside = zero, zero
            for k in range(4 * ghost, 4 * ghost + 4):
                t = times[n + k, b]
                known = (t > nowhere) & ((t <= 0) | ((t < reached) & (here[b] - t >= needs[0, apart[k, b]])))
                on_known += weights[n + k, b] if known else zero
                outside += weights[n + k, b] if (t <= nowhere) | (t >= BEYOND) else zero
            weight = guides[2, b] / weights.dtype.type(ghosts)
            taken = weight * max(zero, one - steep * (one - on_known))
            unknown[b] += max(zero, weight * max(zero, one - steep * outside) - taken)
            taken = taken / on_known if taken > zero else zero
            for k in range(4 * ghost, 4 * ghost + 4):
                t = times[n + k, b]
                known = (t > nowhere) & ((t <= 0) | ((t < reached) & (here[b] - t >= needs[0, apart[k, b]])))
                weights[n + k, b] *= taken if known else zero


@inner
def weigh_outwards(
    disc: Any, squared: Any, needs: Any, nowhere: int, later: int, size: int, times: Any, apart: Any, here: Any,
    guides: Any, shares: Any, weights: Any,
) -> None:  # fmt: skip
    """Weights on the way out (eq. 7): those of later neighbours, and of the others."""
    zero, one = weights.dtype.type(0), weights.dtype.type(1)
    steep = weights.dtype.type(1 / _FADE)
    n = disc.shape[0]
    _share_disc(disc, times, nowhere, size, guides, shares)
    for m in range(n):
        need = needs[1, squared[m]]
        for b in range(size):
            t = times[m, b]
            taken = (t > nowhere) & (t < BEYOND) & ((t < later) | (t - here[b] >= need))
            weights[m, b] = disc[m] * shares[b] if taken else zero
    ghosts = apart.shape[0] // 4
    for ghost in range(ghosts):
        for b in range(size):
            outside = zero
            for k in range(4 * ghost, 4 * ghost + 4):
                t = times[n + k, b]
                outside += weights[n + k, b] if (t <= nowhere) | (t >= BEYOND) else zero
            weight = guides[2, b] / weights.dtype.type(ghosts) * max(zero, one - steep * outside)
            for k in range(4 * ghost, 4 * ghost + 4):
                t = times[n + k, b]
                late = t - here[b] >= needs[1, apart[k, b]]
                weights[n + k, b] *= weight if (t > nowhere) & (t < BEYOND) & ((t < later) | late) else zero
