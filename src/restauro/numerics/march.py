"""Arrival times of a front that starts at the rim of the holes: Sethian's fast march, inside and outside.

The times solve |grad T| = 1 with the first-order upwind scheme on the pixel grid. The rim, known pixels that touch a
hole by a side, has T = 0; hole pixels have T > 0, other known pixels T < 0 (Telea 2004, section 2.4).

Times are whole numbers of 1/1024 pixel, and the update takes its square root from a table that rises with both
arguments. So the times are the one fixed point of the scheme, whatever order pixels are visited in: a front that goes
on in untidy buckets (Yatziv, Bartesaghi, Sapiro 2006) and corrects itself gives the same numbers as a heap would,
mirrored holes give mirrored times exactly, and so does a hole cut into tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.atomics import atomic_load
from restauro.numerics.kernel import inner, kernel

UNIT = 1024  # of T in a pixel
UNREACHED = np.int32(1 << 29)  # T of hole pixels that the front hasn't reached
BEYOND = np.int32(1 << 30)  # T outside the picture, where no front goes
_BUCKET_SHIFT = 10  # a bucket holds times of one pixel; an update adds at most one pixel

_difference = np.arange(UNIT)
# (d + sqrt(2 - d^2)) / 2: what two upwind neighbours that differ by d add to the earlier one.
_STEP = np.rint((_difference + np.sqrt(2.0 * UNIT**2 - _difference**2.0)) / 2).astype(np.int32)


@kernel("b1[:, ::1], i8, i8, i4[:, ::1], i4[::1], i4[::1]")
def begin(hole: Any, pad: int, limit: int, T: Any, holes: Any, rims: Any) -> int:
    """Set T before the march; list hole pixels, row by row, and rim pixels. Returns how many of these.

    T: int32 [H + 2 pad, W + 2 pad]; holes, rims: flat indices into T. Known pixels get -limit, "no nearer than that".
    """
    height, width = hole.shape
    stride = T.shape[1]
    T[:pad] = BEYOND
    T[pad + height :] = BEYOND
    n_holes = 0
    for y in range(height):
        row = T[pad + y]
        row[:pad] = BEYOND
        row[pad : pad + width] = -limit
        row[pad + width :] = BEYOND
        first = (y + pad) * stride + pad
        hole_row = hole[y]
        for x in range(width):
            if hole_row[x]:
                row[pad + x] = UNREACHED
                holes[n_holes] = first + x
                n_holes += 1
    flat = T.reshape(-1)
    n_rims = 0
    for k in range(n_holes):
        i = holes[k]
        for j in (i - stride, i - 1, i + 1, i + stride):
            if flat[j] < 0:
                flat[j] = 0
                rims[n_rims] = j
                n_rims += 1
    return n_rims


@kernel("i4[:, ::1], i4[::1], i8, i8, i4[:, ::1], i4[::1], i8[::1]")
def march(T: Any, rims: Any, sign: int, unreached: int, buckets: Any, visited: Any, control: Any) -> int:
    """Let the front run from the rims into the holes (sign 1) or out of them (sign -1), until nothing changes.

    `unreached` is the time (times sign) of pixels that the front may still reach. buckets: int32 [2, n], scratch.
    visited: flat indices of the pixels passed are written there; pass an empty array where they aren't wanted.
    Returns how many were visited, or -1 where scratch was too small: `reset` T and call again with more.
    """
    flat = T.reshape(-1)
    stride = T.shape[1]
    capacity = buckets.shape[1]
    size = np.zeros(2, np.int64)
    for k in range(rims.shape[0]):
        buckets[0, k] = rims[k]
    size[0] = rims.shape[0]
    n_visited = 0
    bucket = 0
    while size[0] + size[1] > 0 and atomic_load(control, 0) == 0:
        current = bucket & 1
        k = 0
        while k < size[current]:  # grows while the front moves within the bucket
            i = buckets[current, k]
            k += 1
            t = sign * flat[i]
            if t >> _BUCKET_SHIFT != bucket:
                continue  # lowered since, and done in an earlier bucket
            if visited.shape[0] > 0:
                if n_visited == visited.shape[0]:
                    return -1
                visited[n_visited] = i
                n_visited += 1
            for j in (i - stride, i - 1, i + 1, i + stride):
                old = sign * flat[j]
                if old <= t or old > unreached:
                    continue
                new = _arrival(flat, j, stride, sign)
                if new >= old:
                    continue
                flat[j] = sign * new
                target = new >> _BUCKET_SHIFT
                if target == bucket or old >> _BUCKET_SHIFT != target or old == unreached:
                    if size[target & 1] == capacity:
                        return -1
                    buckets[target & 1, size[target & 1]] = j
                    size[target & 1] += 1
        size[current] = 0
        bucket += 1
    return n_visited


@kernel("i4[:, ::1], i8, i8")
def reset(T: Any, sign: int, unreached: int) -> None:
    """Take back what a march on one side of the rims has set."""
    flat = T.reshape(-1)
    for i in range(flat.shape[0]):
        if 0 < sign * flat[i] < BEYOND:
            flat[i] = sign * unreached


@inner
def _arrival(flat: Any, j: int, stride: int, sign: int) -> Any:
    """Upwind solution of |grad T| = 1 at j from its four neighbours."""
    horizontal = _earlier(sign * flat[j - 1], sign * flat[j + 1])
    vertical = _earlier(sign * flat[j - stride], sign * flat[j + stride])
    first = min(horizontal, vertical)
    difference = max(horizontal, vertical) - first
    return first + (_STEP[difference] if difference < UNIT else UNIT)


@inner
def _earlier(a: Any, b: Any) -> Any:
    """Return the smaller of two times; negative ones lie on the other side of the rim and don't count."""
    if a < 0:
        a = UNREACHED
    if b < 0:
        b = UNREACHED
    return min(a, b)
