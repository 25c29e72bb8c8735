"""Kernels of Telea's method: the weighted sum that fills a pixel, layer after layer (Telea 2004, Eq. 1-2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.atomics import atomic_add, atomic_load, wait_for_all
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.layers import LAYER_SHIFT, earliest_neighbour
from restauro.numerics.march import BEYOND, UNIT

# The directional factor never falls below this: a neighbour beside or behind the front's direction counts half.
_SMALLEST_DIRECTION = 0.5
# Ridge of the fitted slope (pixels^2) where the plane explains nothing, the unexplained share that is still taken for
# a perfect fit, and the ridge that remains then, which only keeps the system solvable.
_RIDGE = 4.0
_UNEXPLAINED_FREE = 0.02
_SMALLEST_RIDGE = 1e-4
_BATCH = 64  # pixels that are filled side by side


@kernel(
    "i4[:, ::1], T[:, ::1], i4[::1], i4[::1], i8[::1], i8, i8, u8[::1], T[:, ::1], i8, i8, i8[::1], i8[::1], T[:, ::1]",
    T="f4 f8",
)
def fill_layers(
    T: Any,
    planes: Any,
    ordered: Any,
    slots: Any,
    first: Any,
    limit: int,
    into_corner: int,
    neighbours: Any,
    geometry: Any,
    part: int,
    parts: int,
    arrivals: Any,
    control: Any,
    result: Any,
) -> None:
    """Fill layer after layer; this thread does its part of each and waits for the others.

    Parameters
    ----------
    planes
        [C, pixels], known pixels near holes loaded, anything finite elsewhere; filled pixels are written here, and to
        result, [n, C], in their slots.
    limit
        Known pixels whose time is -limit were never loaded.
    into_corner
        What to take from p's flat index to come to the corner of its window.
    neighbours
        uint64 [n], offsets of q from there; unsigned, so that no index can be negative, which spares a check.
    geometry
        [5, n]: the unit vector from q to p (x, y), 1 / |p - q|^2, and p - q (x, y).
    arrivals
        int64 [1], zero, shared by all parts: the barrier after every layer.
    """
    flat = T.reshape(-1)
    stride = T.shape[1]
    n = neighbours.shape[0]
    total = ordered.shape[0]
    wanted = result.shape[0]
    corners = np.empty(_BATCH, np.uint64)
    times = np.empty((n, _BATCH), np.int32)
    values = np.empty((n, _BATCH), planes.dtype)
    weights = np.empty((n, _BATCH), planes.dtype)
    front = np.empty((3, _BATCH), planes.dtype)
    moments = np.empty((6, _BATCH), planes.dtype)
    sums = np.empty((5, _BATCH), planes.dtype)
    for layer in range(first.shape[0] - 1):
        if atomic_load(control, 0) != 0:
            return
        count = first[layer + 1] - first[layer]
        begin = first[layer] + count * part // parts
        end = first[layer] + count * (part + 1) // parts
        reached = max(layer << LAYER_SHIFT, 1)  # the rim, T = 0, is known even to layer 0
        for batch in range(begin, end, _BATCH):
            if atomic_load(control, 0) != 0:
                return
            pixels_here = ordered[batch : min(batch + _BATCH, end)]
            size = pixels_here.shape[0]
            for b in range(size):
                i = pixels_here[b]
                corners[b] = np.uint64(i - into_corner)
                front[0, b] = flat[i]
                front[1, b], front[2, b] = _normal(flat, i, stride)
            _weigh(flat, corners, neighbours, front, size, reached, -limit, geometry, times, weights, moments)
            for c in range(planes.shape[0]):
                for b in range(size):
                    sums[4, b] = planes[c, earliest_neighbour(flat, pixels_here[b], stride)]
                _sum_up(planes, c, corners, neighbours, size, weights, geometry, moments, values, sums)
                for b in range(size):
                    planes[c, pixels_here[b]] = sums[0, b]
                    if slots[batch + b] >= 0:
                        result[slots[batch + b], c] = sums[0, b]
        if parts > 1:
            wait_for_all(arrivals, parts * (layer + 1), control)
        atomic_add(control, 1, end * wanted // total - begin * wanted // total)


@inner
def _normal(flat: Any, i: int, stride: int) -> Any:
    """N = grad T / |grad T|, of T smoothed by a 3x3 tent (Telea 2004, section 2.4); 0 where the gradient vanishes.

    Tent and central difference in one: (1 2 1) across times (-1 -2 0 2 1) along, in whole numbers, so that mirrored
    times give mirrored normals exactly. Beyond the picture T is as at its edge.
    """
    x = 0
    y = 0
    if max(max(flat[i - 2], flat[i + 2]), max(flat[i - 2 * stride], flat[i + 2 * stride])) < BEYOND:
        for across in range(-1, 2):
            weight = 2 - abs(across)
            j = i + across * stride
            x += weight * (flat[j + 2] - flat[j - 2] + 2 * (flat[j + 1] - flat[j - 1]))
            j = i + across
            y += weight * (flat[j + 2 * stride] - flat[j - 2 * stride] + 2 * (flat[j + stride] - flat[j - stride]))
    else:
        for across in range(-1, 2):
            for along in range(-2, 3):
                weight = (2 - abs(across)) * np.sign(along) * (3 - abs(along))
                x += weight * flat[_toward(flat, _toward(flat, i, stride, across), 1, along)]
                y += weight * flat[_toward(flat, _toward(flat, i, stride, along), 1, across)]
    length = np.sqrt(np.float32(x) * np.float32(x) + np.float32(y) * np.float32(y))
    if length > 0:
        return np.float32(x) / length, np.float32(y) / length
    return np.float32(0), np.float32(0)


@inner
def _toward(flat: Any, i: int, step: int, count: int) -> int:
    """Go `count` steps from i, forwards or backwards, but not beyond the picture."""
    if count < 0:
        step = -step
    for _ in range(abs(count)):
        if flat[i + step] < BEYOND:
            i += step
    return i


@inner
def _weigh(
    flat: Any,
    corners: Any,
    neighbours: Any,
    front: Any,
    size: int,
    reached: int,
    nowhere: int,
    geometry: Any,
    times: Any,
    weights: Any,
    moments: Any,
) -> None:
    """Weights of all neighbours of a batch of pixels, w = dir * dst * lev (Telea 2004, Eq. 2), and their moments.

    dir = (p - q) / |p - q| . N, not under a half; dst = 1 / |p - q|^2; lev = 1 / (1 + |T(p) - T(q)|). Neighbours that
    aren't known yet, or whose time is so early that they were never loaded, weigh nothing.
    front: T(p), N(p) (x, y). moments: 1 / sum w, the weighted means of p - q (x, y) and their covariances xx, xy, yy.
    Pixels run fastest in all arrays, so that a vector register holds one neighbour of eight or sixteen pixels.
    """
    one = weights.dtype.type(1)
    pixel = weights.dtype.type(1.0 / UNIT)
    smallest = weights.dtype.type(_SMALLEST_DIRECTION)
    moments[:, :size] = 0
    for m in range(neighbours.shape[0]):
        offset = neighbours[m]
        for b in range(size):
            times[m, b] = flat[corners[b] + offset]
    for m in range(neighbours.shape[0]):
        unit_x, unit_y, nearness, x, y = geometry[0, m], geometry[1, m], geometry[2, m], geometry[3, m], geometry[4, m]
        xx, xy, yy = x * x, x * y, y * y
        for b in range(size):
            t = times[m, b]
            direction = max(unit_x * front[1, b] + unit_y * front[2, b], smallest)
            level = one + abs(front[0, b] - weights.dtype.type(t)) * pixel
            weight = nearness * direction / level
            if t >= reached or t <= nowhere:
                weight = weights.dtype.type(0)
            weights[m, b] = weight
            moments[0, b] += weight
            moments[1, b] += weight * x
            moments[2, b] += weight * y
            moments[3, b] += weight * xx
            moments[4, b] += weight * xy
            moments[5, b] += weight * yy
    for b in range(size):
        share = one / moments[0, b]
        x = moments[1, b] * share
        y = moments[2, b] * share
        moments[0, b] = share
        moments[1, b] = x
        moments[2, b] = y
        moments[3, b] = moments[3, b] * share - x * x
        moments[4, b] = moments[4, b] * share - x * y
        moments[5, b] = moments[5, b] * share - y * y


@inner
def _sum_up(
    planes: Any,
    c: int,
    corners: Any,
    neighbours: Any,
    size: int,
    weights: Any,
    geometry: Any,
    moments: Any,
    values: Any,
    sums: Any,
) -> None:
    """Eq. 1 of Telea 2004 with one slope fitted to all neighbours: I(p) = mean of w [I(q) + g . (p - q)].

    The paper takes grad I at every q by differences; on canvas these are noise, and extrapolating them from layer to
    layer blows it up. Here g is the weighted least-squares slope of the neighbours, held back by a ridge that grows
    with the share of the variance that a plane leaves unexplained: a ramp goes on as it is, noise has no slope.
    sums[4]: a known value near p. Values are taken relative to it, so that a constant stays exactly constant and
    rounding is relative to the contrast. Returns I(p) in sums[0].
    """
    zero = weights.dtype.type(0)
    one = weights.dtype.type(1)
    smallest = weights.dtype.type(_SMALLEST_RIDGE)
    steepest = weights.dtype.type(_RIDGE)
    free = weights.dtype.type(_UNEXPLAINED_FREE)
    sums[:4, :size] = 0
    for m in range(neighbours.shape[0]):
        offset = neighbours[m]
        for b in range(size):
            values[m, b] = planes[c, corners[b] + offset]
    for m in range(neighbours.shape[0]):
        x, y = geometry[3, m], geometry[4, m]
        for b in range(size):
            value = values[m, b] - sums[4, b]
            weighted = weights[m, b] * value
            sums[0, b] += weighted
            sums[1, b] += weighted * x
            sums[2, b] += weighted * y
            sums[3, b] += weighted * value
    for b in range(size):
        share, x, y = moments[0, b], moments[1, b], moments[2, b]
        xx, xy, yy = moments[3, b], moments[4, b], moments[5, b]
        mean = sums[0, b] * share
        with_x = sums[1, b] * share - x * mean
        with_y = sums[2, b] * share - y * mean
        variance = sums[3, b] * share - mean * mean
        varies = variance > 0
        slope_x, slope_y = _solve(xx + smallest, xy, yy + smallest, with_x, with_y)
        explained = (slope_x * with_x + slope_y * with_y) / (variance if varies else one)
        unexplained = min(max(one - explained, zero), one)
        ridge = smallest + steepest * max(unexplained - free, zero)
        slope_x, slope_y = _solve(xx + ridge, xy, yy + ridge, with_x, with_y)
        if varies:
            mean -= slope_x * x + slope_y * y
        sums[0, b] = sums[4, b] + mean


@inner
def _solve(a: Any, b: Any, c: Any, x: Any, y: Any) -> Any:
    """Solve [[a, b], [b, c]] g = (x, y)."""
    inverse = 1 / (a * c - b * b)
    return (x * c - y * b) * inverse, (y * a - x * b) * inverse
