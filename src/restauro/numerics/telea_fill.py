"""Kernels of Telea's method: the order of filling, and the weighted sum that fills a pixel (Telea 2004, Eq. 1-2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.atomics import atomic_add, atomic_load, wait_for_all
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.march import BEYOND, UNIT

LAYER_SHIFT = 9  # layers are half a pixel of arrival time thick
LAYERS_PER_PIXEL = UNIT >> LAYER_SHIFT

# The directional factor never falls below this: a neighbour beside or behind the front's direction counts half.
_SMALLEST_DIRECTION = 0.5
# Ridge of the fitted slope (pixels^2) where the plane explains nothing, the unexplained share that is still taken for
# a perfect fit, and the ridge that remains then, which only keeps the system solvable.
_RIDGE = 4.0
_UNEXPLAINED_FREE = 0.02
_SMALLEST_RIDGE = 1e-4
_BATCH = 8  # pixels whose neighbourhoods are gathered at once


@kernel
def order_by_layer(T: Any, holes: Any, pad: int, core: Any, radius: int, ordered: Any) -> Any:
    """Sort hole pixels by layer, within a layer row by row, and leave out those that the core can't depend on.

    core: int64 [4], rows and columns of the window from, to. A pixel of the core in layer k depends on pixels of
    earlier layers within the radius, so one that lies D pixels off the core matters only to layers k + D / radius on.
    Returns the first place of every layer in `ordered`, int64 [layers + 1].
    """
    flat = T.reshape(-1)
    stride = T.shape[1]
    off_core = np.empty(holes.shape[0], np.int32)
    y = 0
    layers = 0
    for k in range(holes.shape[0]):
        i = holes[k]
        if k == 0 or i >= (y + 1) * stride:
            y = i // stride
        off_core[k] = _off_core(y - pad, i - y * stride - pad, core)
        if off_core[k] == 0:
            layers = max(layers, (flat[i] >> LAYER_SHIFT) + 1)
    first = np.zeros(layers + 1, np.int64)
    for k in range(holes.shape[0]):
        layer = flat[holes[k]] >> LAYER_SHIFT
        if layer < layers and off_core[k] <= radius * (layers - 1 - layer):
            first[layer + 1] += 1
    for layer in range(layers):
        first[layer + 1] += first[layer]
    place = first[:layers].copy()
    for k in range(holes.shape[0]):
        layer = flat[holes[k]] >> LAYER_SHIFT
        if layer < layers and off_core[k] <= radius * (layers - 1 - layer):
            ordered[place[layer]] = holes[k]
            place[layer] += 1
    return first


@inner
def _off_core(y: int, x: int, core: Any) -> int:
    """Chebyshev distance of a pixel from the core, 0 inside."""
    return max(max(core[0] - y, y - core[1] + 1), max(max(core[2] - x, x - core[3] + 1), 0))


@kernel
def load(image: Any, pad: int, stride: int, visited: Any, planes: Any) -> None:
    """Copy known pixels near the holes into planes [C, pixels], where T's flat indices hold."""
    for k in range(visited.shape[0]):
        i = visited[k]
        y = i // stride - pad
        x = i % stride - pad
        for c in range(image.shape[2]):
            planes[c, i] = image[y, x, c]


@kernel
def collect(holes: Any, stride: int, pad: int, core: Any, planes: Any, values: Any) -> None:
    """Copy the core's hole pixels out of the planes, row by row, into values [n, C]."""
    n = 0
    y = 0
    for k in range(holes.shape[0]):
        i = holes[k]
        if k == 0 or i >= (y + 1) * stride:
            y = i // stride
        if _off_core(y - pad, i - y * stride - pad, core) == 0:
            for c in range(planes.shape[0]):
                values[n, c] = planes[c, i]
            n += 1


@kernel
def fill_layers(
    T: Any,
    planes: Any,
    ordered: Any,
    first: Any,
    limit: int,
    into_corner: int,
    neighbours: Any,
    geometry: Any,
    part: int,
    parts: int,
    arrivals: Any,
    control: Any,
    pixels: int,
) -> None:
    """Fill layer after layer; this thread does its part of each and waits for the others.

    into_corner: what to take from p's flat index to reach
    the corner of its window; neighbours: uint64 [n], offsets of q from there (unsigned: no index can be negative, which
    spares a check). geometry: [5, n] in the planes' dtype: the unit vector from q to p (x,
    y), 1 / |p - q|^2, and p - q (x, y). pixels: what a finished fill adds to control[1].
    """
    flat = T.reshape(-1)
    stride = T.shape[1]
    channels = planes.shape[0]
    n = neighbours.shape[0]
    times = np.empty((_BATCH, n), np.int32)
    values = np.empty((_BATCH, channels, n), planes.dtype)
    weights = np.empty(n, planes.dtype)
    for layer in range(first.shape[0] - 1):
        if atomic_load(control, 0) != 0:
            return
        count = first[layer + 1] - first[layer]
        begin = first[layer] + count * part // parts
        end = first[layer] + count * (part + 1) // parts
        reached = max(layer << LAYER_SHIFT, 1)  # the rim, T = 0, is known even to layer 0
        for batch in range(begin, end, _BATCH):
            size = min(_BATCH, end - batch)
            # All windows of a batch are gathered before any is used: a processor has to wait before it can read as a
            # vector what it has just written piece by piece.
            for b in range(size):
                corner = np.uint64(ordered[batch + b] - into_corner)
                for m in range(n):
                    times[b, m] = flat[corner + neighbours[m]]
                for c in range(channels):
                    for m in range(n):
                        values[b, c, m] = planes[c, corner + neighbours[m]]
            for b in range(size):
                i = ordered[batch + b]
                n_x, n_y = _normal(flat, i, stride)
                moments = _weigh(flat[i], n_x, n_y, reached, -limit, times, b, geometry, weights)
                earliest = _earliest_neighbour(flat, i, stride)
                for c in range(channels):
                    base = planes[c, earliest]
                    planes[c, i] = base + _mean_and_slope(values, b, c, base, weights, geometry, moments)
        if parts > 1:
            wait_for_all(arrivals, parts * (layer + 1), control)
        total = ordered.shape[0]
        atomic_add(control, 1, end * pixels // total - begin * pixels // total)


@inner
def _normal(flat: Any, i: int, stride: int) -> tuple[float, float]:
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
    T_p: int, n_x: Any, n_y: Any, reached: int, nowhere: int, times: Any, b: int, geometry: Any, weights: Any
) -> tuple[Any, Any, Any, Any, Any, Any]:
    """Weights of all neighbours, w = dir * dst * lev (Telea 2004, Eq. 2), and their moments about p.

    dir = (p - q) / |p - q| . N, not under a half; dst = 1 / |p - q|^2; lev = 1 / (1 + |T(p) - T(q)|). Neighbours that
    aren't known yet, or whose time is so early that they were never loaded, weigh nothing.
    Returns 1 / sum w, the weighted means of x and y of p - q, and their (co)variances xx, xy, yy.
    """
    one = weights.dtype.type(1)
    pixel = weights.dtype.type(1.0 / UNIT)
    n_x = weights.dtype.type(n_x)
    n_y = weights.dtype.type(n_y)
    smallest = weights.dtype.type(_SMALLEST_DIRECTION if n_x != 0 or n_y != 0 else 1.0)
    total = sum_x = sum_y = sum_xx = sum_xy = sum_yy = weights.dtype.type(0)
    for m in range(weights.shape[0]):
        t = times[b, m]
        direction = max(geometry[0, m] * n_x + geometry[1, m] * n_y, smallest)
        level = one + weights.dtype.type(abs(T_p - t)) * pixel
        weight = geometry[2, m] * direction / level
        if t >= reached or t <= nowhere:
            weight = weights.dtype.type(0)
        weights[m] = weight
        x = geometry[3, m]
        y = geometry[4, m]
        total += weight
        sum_x += weight * x
        sum_y += weight * y
        sum_xx += weight * x * x
        sum_xy += weight * x * y
        sum_yy += weight * y * y
    share = one / total
    x = sum_x * share
    y = sum_y * share
    return share, x, y, sum_xx * share - x * x, sum_xy * share - x * y, sum_yy * share - y * y


@inner
def _earliest_neighbour(flat: Any, i: int, stride: int) -> int:
    """The neighbour that the front came from. Its time is at least 0.7 pixels earlier, so it is known."""
    earliest = i - 1
    for j in (i + 1, i - stride, i + stride):
        if flat[j] < flat[earliest]:
            earliest = j
    return earliest


@inner
def _mean_and_slope(values: Any, b: int, c: int, reference: Any, weights: Any, geometry: Any, moments: Any) -> Any:
    """Eq. 1 of Telea 2004 with one slope fitted to all neighbours: mean of w [I(q) + g . (p - q)], less `reference`.

    The paper takes grad I at every q by differences; on canvas these are noise, and extrapolating them from layer to
    layer blows it up. Here g is the weighted least-squares slope of the neighbours, held back by a ridge that grows
    with the share of the variance that a plane leaves unexplained: a ramp goes on as it is, noise has no slope.
    Values are taken relative to `reference`, so that a constant stays exactly constant and rounding is relative to
    the contrast.
    """
    share, x, y, xx, xy, yy = moments
    zero = weights.dtype.type(0)
    one = weights.dtype.type(1)
    smallest = weights.dtype.type(_SMALLEST_RIDGE)
    mean = with_x = with_y = square = zero
    for m in range(weights.shape[0]):
        value = values[b, c, m] - reference
        weighted = weights[m] * value
        mean += weighted
        with_x += weighted * geometry[3, m]
        with_y += weighted * geometry[4, m]
        square += weighted * value
    mean *= share
    with_x = with_x * share - x * mean
    with_y = with_y * share - y * mean
    variance = square * share - mean * mean
    if not variance > 0:
        return mean
    slope_x, slope_y = _solve(xx + smallest, xy, yy + smallest, with_x, with_y)
    unexplained = min(max(one - (slope_x * with_x + slope_y * with_y) / variance, zero), one)
    ridge = smallest + weights.dtype.type(_RIDGE) * max(unexplained - weights.dtype.type(_UNEXPLAINED_FREE), zero)
    slope_x, slope_y = _solve(xx + ridge, xy, yy + ridge, with_x, with_y)
    return mean - slope_x * x - slope_y * y


@inner
def _solve(a: Any, b: Any, c: Any, x: Any, y: Any) -> Any:
    """Solve [[a, b], [b, c]] g = (x, y)."""
    inverse = 1 / (a * c - b * b)
    return (x * c - y * b) * inverse, (y * a - x * b) * inverse
