"""Kernels of coherence transport: directions, and the sweep inwards and the one outwards that fill along them.

Bornemann & März 2007 transport values inwards along the direction that the structure tensor gives. How the transport
is discretised, and the way back, are told in docs/methods/coherence.md; its numbers of equations stand here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.atomics import atomic_add, atomic_load, wait_for_all
from restauro.numerics.coherence_weights import place_disc, place_line, weigh_inwards, weigh_outwards
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.layers import LAYER_SHIFT

_BATCH = 64  # pixels that are filled side by side
# Of what an averaged pixel hands on to later ones, this share is taken back on the way out (eq. 6).
_BACK = 0.95
# Share of the weight along the line where coherence is complete, and how soon it rises (eq. 4).
_STRONGEST = 0.98
_HALF_COHERENT = 0.25
# Coherence that is rounding only and has no direction; the line's share would be a millionth of a millionth.
_SMALLEST_COHERENCE = 1e-4
# Ridge (pixels^2) of the plane fitted to a pixel's known neighbours (eq. 1).
_RIDGE = 0.05
# Weights of the 3 x 3 neighbours in that fit: a Gaussian of 0.7 pixels, beside and diagonally.
_BESIDE = 0.3604
_DIAGONAL = 0.1299


@kernel
def tensors(T: Any, planes: Any, channels: int, known: Any, nearest: int, part: int, parts: int, control: Any) -> None:
    """Structure tensors (eq. 1) of known pixels nearer than -`nearest` into the planes after the channels.

    These are xx, xy, yy, and after them the plane of shares that pixels keep, 1 for known ones.
    """
    flat = T.reshape(-1)
    stride = T.shape[1]
    size = known.shape[0]
    one = planes.dtype.type(1)
    for k in range(size * part // parts, size * (part + 1) // parts):
        i = known[k]
        if flat[i] <= -nearest:
            continue
        if k & 1023 == 0 and atomic_load(control, 0) != 0:
            return
        _tensor(flat, stride, planes, channels, i)
        planes[channels + 3, i] = one


@inner
def _tensor(flat: Any, stride: int, planes: Any, channels: int, i: int) -> None:
    """Sum over the channels of the outer product of the slope that fits a pixel's known neighbours best (eq. 1)."""
    one = planes.dtype.type(1)
    total, x, y = one, 0 * one, 0 * one
    xx, xy, yy = 0 * one, 0 * one, 0 * one
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if flat[i + dy * stride + dx] > 0:
                continue
            weight = planes.dtype.type((_DIAGONAL if dx * dy != 0 else _BESIDE) if dx != 0 or dy != 0 else 0)
            total += weight
            x += weight * dx
            y += weight * dy
            xx += weight * dx * dx
            xy += weight * dx * dy
            yy += weight * dy * dy
    share = one / total
    x *= share
    y *= share
    xx = xx * share - x * x + planes.dtype.type(_RIDGE)
    xy = xy * share - x * y
    yy = yy * share - y * y + planes.dtype.type(_RIDGE)
    inverse = one / (xx * yy - xy * xy)
    for tensor in range(channels, channels + 3):
        planes[tensor, i] = 0
    for c in range(channels):
        mean, with_x, with_y = 0 * one, 0 * one, 0 * one
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                j = i + dy * stride + dx
                if flat[j] > 0 or j == i:
                    continue
                weight = planes.dtype.type(_DIAGONAL if dx * dy != 0 else _BESIDE)
                weighted = weight * (planes[c, j] - planes[c, i])
                mean += weighted
                with_x += weighted * dx
                with_y += weighted * dy
        with_x = (with_x - x * mean) * share
        with_y = (with_y - y * mean) * share
        slope_x = (with_x * yy - with_y * xy) * inverse
        slope_y = (with_y * xx - with_x * xy) * inverse
        planes[channels, i] += slope_x * slope_x
        planes[channels + 1, i] += slope_x * slope_y
        planes[channels + 2, i] += slope_y * slope_y


@kernel
def sweep_inwards(
    T: Any, planes: Any, ordered: Any, first: Any, nowhere: int, into_corner: int, neighbours: Any, disc: Any,
    squared: Any, needs: Any, guides: Any, part: int, parts: int, arrivals: Any, control: Any, wanted: int,
) -> None:  # fmt: skip
    """Fill layer after layer from earlier ones; this thread does its part of each and waits for the others.

    Parameters
    ----------
    planes
        [C + 4, pixels]: channels, tensors and what pixels keep, of known pixels near the holes; anything finite
        elsewhere. Those of the filled pixels are written here.
    neighbours, squared
        uint64 and int64 [n]: offsets of the disc's pixels from `into_corner` before p; their squared distances.
    disc
        [2, n]: their weights (eq. 3), and in smoothing the tensors (eq. 2).
    guides
        [3, pixels in `ordered`]: direction (x, y) and the line's share of the weight are written here.
    arrivals
        int64 [1], zero, shared by all parts: the barrier after every layer.
    wanted
        Pixels of the core, which this sweep and the one outwards report together.

    The other arguments are explained in `numerics.coherence_weights` and `numerics.layers`.
    """
    flat = T.reshape(-1)
    n = neighbours.shape[0]
    total = ordered.shape[0]
    keep = planes.shape[0] - 1
    places, times, weights, apart, here, room = _room(n, needs, planes)
    guide, masses, shares, bases, sums = room[:3], room[3:5], room[5:7], room[7], room[8]
    back = planes.dtype.type(_BACK)
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
            pixels = ordered[batch : min(batch + _BATCH, end)]
            size = pixels.shape[0]
            place_disc(flat, pixels, neighbours, into_corner, places, times, here)
            _guide(planes, disc[1], squared, needs, nowhere, reached, size, places, times, here, guide, weights, sums)
            place_line(flat, pixels, T.shape[1], guide, n, places, times, weights, apart)
            weigh_inwards(
                planes[keep], disc[0], squared, needs, nowhere, reached, size, places, times, apart, here, guide,
                shares, weights, masses,
            )  # fmt: skip
            for c in range(keep):
                for b in range(size):
                    bases[b] = planes[c, _earliest_neighbour(flat, pixels[b], T.shape[1])]
                _sum_up(planes[c], places, weights, size, bases, sums)
                for b in range(size):
                    planes[c, pixels[b]] = bases[b] + sums[b] / masses[0, b]
            for b in range(size):
                planes[keep, pixels[b]] = 1 - back * masses[1, b] / (masses[0, b] + masses[1, b])
                for k in range(3):
                    guides[k, batch + b] = guide[k, b]
        if parts > 1:
            wait_for_all(arrivals, parts * (layer + 1), control)
        atomic_add(control, 1, end * wanted // (2 * total) - begin * wanted // (2 * total))


@kernel
def sweep_outwards(
    T: Any, planes: Any, ordered: Any, slots: Any, first: Any, nowhere: int, into_corner: int, neighbours: Any,
    disc: Any, squared: Any, needs: Any, guides: Any, final: Any, part: int, parts: int, arrivals: Any, control: Any,
    result: Any,
) -> None:  # fmt: skip
    """Go back from the last layer to the first, so that every pixel hears of what lies beyond it (eq. 7).

    final: [C, pixels in `ordered`], scratch. result: [n, C], the pixels of the core in their slots. The other
    arguments are those of `sweep_inwards`.
    """
    flat = T.reshape(-1)
    n = neighbours.shape[0]
    total = ordered.shape[0]
    channels = final.shape[0]
    wanted = result.shape[0]
    places, times, weights, apart, here, room = _room(n, needs, planes)
    guide, masses, shares, bases, sums = room[:3], room[3:5], room[5:7], room[7], room[8]
    layers = first.shape[0] - 1
    for layer in range(layers - 1, -1, -1):
        count = first[layer + 1] - first[layer]
        begin = first[layer] + count * part // parts
        end = first[layer] + count * (part + 1) // parts
        for batch in range(begin, end, _BATCH):
            if atomic_load(control, 0) != 0:
                return
            pixels = ordered[batch : min(batch + _BATCH, end)]
            size = pixels.shape[0]
            for b in range(size):
                for k in range(3):
                    guide[k, b] = guides[k, batch + b]
            place_disc(flat, pixels, neighbours, into_corner, places, times, here)
            place_line(flat, pixels, T.shape[1], guide, n, places, times, weights, apart)
            weigh_outwards(
                planes[channels + 3], disc[0], squared, needs, nowhere, (layer + 1) << LAYER_SHIFT, size, places,
                times, apart, here, guide, shares, weights, masses,
            )  # fmt: skip
            for c in range(channels):
                for b in range(size):
                    bases[b] = planes[c, pixels[b]]
                _sum_up(planes[c], places, weights, size, bases, sums)
                for b in range(size):
                    final[c, batch + b] = bases[b] + sums[b] / masses[0, b]
                    if slots[batch + b] >= 0:
                        result[slots[batch + b], c] = final[c, batch + b]
        # Pixels of one layer read one another's values from the way in: these go only when all have read.
        if parts > 1:
            wait_for_all(arrivals, parts * (2 * (layers - layer) - 1), control)
        for c in range(channels):
            for k in range(begin, end):
                planes[c, ordered[k]] = final[c, k]
        if parts > 1:
            wait_for_all(arrivals, parts * 2 * (layers - layer), control)
        done = (total + end) * wanted // (2 * total) - (total + begin) * wanted // (2 * total)
        atomic_add(control, 1, done)


@inner
def _room(n: int, needs: Any, planes: Any) -> Any:
    """Scratch for a batch: places, times, weights, apart, here, and nine rows of floats."""
    corners = 8 * (int(np.sqrt(needs.shape[1] // 2)) - 1)
    return (
        np.empty((n + corners, _BATCH), np.uint64),
        np.empty((n + corners, _BATCH), np.int32),
        np.empty((n + corners, _BATCH), planes.dtype),
        np.empty((corners, _BATCH), np.int32),
        np.empty(_BATCH, np.int32),
        np.empty((9, _BATCH), planes.dtype),
    )


@inner
def _earliest_neighbour(flat: Any, i: int, stride: int) -> int:
    """Return the neighbour that the front came from. Its time is at least 0.7 pixels earlier, so it is known."""
    earliest = i - 1
    for j in (i + 1, i - stride, i + stride):
        if flat[j] < flat[earliest]:
            earliest = j
    return earliest


@inner
def _guide(
    planes: Any, smoothing: Any, squared: Any, needs: Any, nowhere: int, reached: int, size: int, places: Any,
    times: Any, here: Any, guide: Any, weights: Any, sums: Any,
) -> None:  # fmt: skip
    """Direction of coherence and the line's share of the weight, from the tensors of known neighbours (eq. 2, 3)."""
    zero = weights.dtype.type(0)
    tensor = planes.shape[0] - 4
    for m in range(smoothing.shape[0]):
        need = needs[0, squared[m]]
        for b in range(size):
            t = times[m, b]
            known = (t > nowhere) & ((t <= 0) | ((t < reached) & (here[b] - t >= need)))
            weights[m, b] = smoothing[m] if known else zero
    guide[:, :size] = 0
    for k in range(3):
        plane = planes[tensor + k]
        for m in range(smoothing.shape[0]):
            for b in range(size):
                guide[k, b] += weights[m, b] * plane[places[m, b]]
    for b in range(size):
        guide[0, b], guide[1, b], guide[2, b] = _coherence(guide[0, b], guide[1, b], guide[2, b])


@inner
def _coherence(xx: Any, xy: Any, yy: Any) -> Any:
    """Return the direction across the tensor's main one (x, y), of length 1, and the line's share (eq. 3).

    Half the angle is taken from the larger of its sine and cosine, so that rounding stays rounding near the axes.
    """
    kind = type(xx)
    one, half = kind(1), kind(0.5)
    trace = xx + yy
    if not trace > np.finfo(kind).tiny:
        return one, kind(0), kind(0)
    across, twice = (xx - yy) / trace, kind(2) * xy / trace
    coherence = np.sqrt(across * across + twice * twice)
    if not coherence > kind(_SMALLEST_COHERENCE):
        return one, kind(0), kind(0)
    cosine, sine = across / coherence, twice / coherence
    if cosine >= 0:
        x = np.sqrt((one + cosine) * half)
        y = sine * half / x
    else:
        y = np.sqrt((one - cosine) * half)
        x = sine * half / y
    fourth = coherence * coherence * coherence * coherence
    share = kind(_STRONGEST * (1 + _HALF_COHERENT)) * fourth / (fourth + kind(_HALF_COHERENT))
    return -y, x, share


@inner
def _sum_up(plane: Any, places: Any, weights: Any, size: int, bases: Any, sums: Any) -> None:
    """Weighted sum of the neighbours' values less the base, so that a constant stays exactly constant."""
    sums[:size] = 0
    for m in range(places.shape[0]):
        for b in range(size):
            sums[b] += weights[m, b] * (plane[places[m, b]] - bases[b])
