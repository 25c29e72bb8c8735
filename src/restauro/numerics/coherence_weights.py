"""Weights of coherence transport, for a batch of pixels at once: of which neighbours a value is made, and how much.

A pixel has two kinds of neighbours: those of the disc around it, weighed alike in all directions, and the ghosts,
points on the line through it along its direction, each interpolated from the four pixels around it, its corners
(Hocking, MacKenzie & Schönlieb 2018). The pixels of a batch run fastest in all arrays, so that a vector register holds
one neighbour of eight or sixteen of them. Flat indices are unsigned: none can be negative, which spares a check.

Arrays that the steps share; B pixels in a batch, n neighbours in the disc, 2 R ghosts with four corners each:

- pixels: int32 [B], flat indices
- places: uint64 [n + 8 R, B], where neighbours and corners are; times: int32 [n + 8 R, B], when the front came there
- weights: float [n + 8 R, B]; here: int32 [B], the pixels' own times
- guides: float [3, B], the direction of coherence (x, y) and the share of the weight that the line has
- apart: float [8 R, B], squared distances of the corners (pixels^2)
- whole: float [B], the weight of all neighbours within the picture, known or not; room: float [4, B], scratch
- aside: how far to the side (pixels) a neighbour may lie for each unit of time that it is earlier on the way in, or
  later on the way out: so a value's origin isn't far away
- nowhere: pixels of that time or earlier were never loaded
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner
from restauro.numerics.march import BEYOND

# Pixels that are filled side by side. Fewer are made up to that many, so that all go through the same instructions and
# round alike, whichever pixels are beside them.
BATCH = 32
# A ghost with this share of its weight on pixels not known yet isn't known (eq. 4).
_FADE = 0.25


@inner
def place_disc(flat: Any, pixels: Any, neighbours: Any, into_corner: int, places: Any, times: Any, here: Any) -> None:
    """Find the disc's neighbours. neighbours: uint64 [n], offsets from `into_corner` before the pixel."""
    for b in range(BATCH):
        here[b] = flat[pixels[b]]
    for m in range(neighbours.shape[0]):
        offset = neighbours[m]
        for b in range(BATCH):
            places[m, b] = np.uint64(pixels[b] - into_corner) + offset
        for b in range(BATCH):
            times[m, b] = flat[places[m, b]]


@inner
def place_line(
    flat: Any, pixels: Any, stride: int, guides: Any, n: int, places: Any, times: Any, weights: Any, apart: Any,
    room: Any,
) -> None:  # fmt: skip
    """Find the corners of the ghosts; their weights are those of the interpolation (eq. 4)."""
    ghosts = apart.shape[0] // 4
    one = weights.dtype.type(1)
    left, top, x, y = room[0], room[1], room[2], room[3]
    for ghost in range(ghosts):
        step = weights.dtype.type(ghost - ghosts // 2 + (1 if ghost >= ghosts // 2 else 0))
        for b in range(BATCH):
            left[b] = np.floor(step * guides[0, b])
            x[b] = step * guides[0, b] - left[b]
        for b in range(BATCH):
            top[b] = np.floor(step * guides[1, b])
            y[b] = step * guides[1, b] - top[b]
        for e in range(4):
            right, down = weights.dtype.type(e & 1), weights.dtype.type(e >> 1)
            k = 4 * ghost + e
            for b in range(BATCH):
                across, along = left[b] + right, top[b] + down
                apart[k, b] = across * across + along * along
                places[n + k, b] = np.uint64(pixels[b] + np.int64(along) * stride + np.int64(across))
            for b in range(BATCH):
                weights[n + k, b] = abs(one - right - x[b]) * abs(one - down - y[b])
            for b in range(BATCH):
                times[n + k, b] = flat[places[n + k, b]]


@inner
def smooth_inwards(
    smoothing: Any, squared: Any, aside: Any, nowhere: int, reached: int, times: Any, here: Any,
    weights: Any,
) -> None:  # fmt: skip
    """Weights of the known neighbours' tensors (eq. 2)."""
    zero = weights.dtype.type(0)
    for m in range(smoothing.shape[0]):
        far, weight = squared[m], smoothing[m]
        for b in range(BATCH):
            t = times[m, b]
            near = weights.dtype.type(here[b] - t) * aside
            known = (t > nowhere) & ((t <= 0) | ((t < reached) & (near * near >= far)))
            weights[m, b] = weight if known else zero


@inner
def weigh_inwards(
    disc: Any, squared: Any, aside: Any, nowhere: int, reached: int, times: Any, apart: Any, here: Any,
    guides: Any, weights: Any, whole: Any, room: Any,
) -> None:  # fmt: skip
    """Weights of known neighbours on the way in (eq. 3, 4)."""
    zero, one = weights.dtype.type(0), weights.dtype.type(1)
    steep = weights.dtype.type(1 / _FADE)
    n, ghosts = disc.shape[0], apart.shape[0] // 4
    whole[:] = 0
    for m in range(n):
        far, weight = squared[m], disc[m]
        for b in range(BATCH):
            t = times[m, b]
            near = weights.dtype.type(here[b] - t) * aside
            known = (t > nowhere) & ((t <= 0) | ((t < reached) & (near * near >= far)))
            weights[m, b] = weight if known else zero
            whole[b] += weight if (t > nowhere) & (t < BEYOND) else zero
    line, on_known, outside = room[0], room[1], room[2]
    for b in range(BATCH):
        line[b] = whole[b] * guides[2, b] / ((one - guides[2, b]) * weights.dtype.type(ghosts))
    for ghost in range(ghosts):
        on_known[:] = 0
        outside[:] = 0
        for k in range(4 * ghost, 4 * ghost + 4):
            for b in range(BATCH):
                t = times[n + k, b]
                near = weights.dtype.type(here[b] - t) * aside
                known = (t > nowhere) & ((t <= 0) | ((t < reached) & (near * near >= apart[k, b])))
                outside[b] += zero if (t > nowhere) & (t < BEYOND) else weights[n + k, b]
                weights[n + k, b] = weights[n + k, b] if known else zero
                on_known[b] += weights[n + k, b]
        for b in range(BATCH):
            whole[b] += line[b] * max(zero, one - steep * outside[b])
            taken = line[b] * max(zero, one - steep * (one - on_known[b]))
            on_known[b] = taken / (on_known[b] if taken > zero else one)
        for k in range(n + 4 * ghost, n + 4 * ghost + 4):
            for b in range(BATCH):
                weights[k, b] *= on_known[b]


@inner
def weigh_outwards(
    disc: Any, squared: Any, aside: Any, nowhere: int, later: int, times: Any, apart: Any, here: Any,
    guides: Any, weights: Any, whole: Any, room: Any,
) -> None:  # fmt: skip
    """Weights on the way out (eq. 7): those of later neighbours, and of the others."""
    zero, one = weights.dtype.type(0), weights.dtype.type(1)
    steep = weights.dtype.type(1 / _FADE)
    n, ghosts = disc.shape[0], apart.shape[0] // 4
    whole[:] = 0
    for m in range(n):
        far, weight = squared[m], disc[m]
        for b in range(BATCH):
            t = times[m, b]
            near = weights.dtype.type(t - here[b]) * aside
            inside = (t > nowhere) & (t < BEYOND)
            weights[m, b] = weight if inside & ((t < later) | (near * near >= far)) else zero
            whole[b] += weight if inside else zero
    line, outside = room[0], room[1]
    for b in range(BATCH):
        line[b] = whole[b] * guides[2, b] / ((one - guides[2, b]) * weights.dtype.type(ghosts))
    for ghost in range(ghosts):
        outside[:] = 0
        for k in range(4 * ghost, 4 * ghost + 4):
            for b in range(BATCH):
                t = times[n + k, b]
                near = weights.dtype.type(t - here[b]) * aside
                inside = (t > nowhere) & (t < BEYOND)
                outside[b] += zero if inside else weights[n + k, b]
                taken = inside & ((t < later) | (near * near >= apart[k, b]))
                weights[n + k, b] = weights[n + k, b] if taken else zero
        for b in range(BATCH):
            outside[b] = line[b] * max(zero, one - steep * outside[b])
        for k in range(n + 4 * ghost, n + 4 * ghost + 4):
            for b in range(BATCH):
                weights[k, b] *= outside[b]
