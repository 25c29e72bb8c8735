"""Kernels of coherence transport: directions, and the sweep inwards and the one outwards that fill along them.

Bornemann & März 2007 transport values inwards along the direction that the structure tensor gives. How the transport
is discretised, and the way back, are told in docs/methods/coherence.md; its numbers of equations stand here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from restauro.numerics.atomics import atomic_add, atomic_load, wait_for_all
from restauro.numerics.coherence_weights import (
    BATCH,
    place_disc,
    place_line,
    smooth_inwards,
    weigh_inwards,
    weigh_outwards,
)
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.layers import LAYER_SHIFT, earliest_neighbour

# A cell holds what a pixel keeps (eq. 6), its structure tensor (xx, xy, yy), and its channels.
KEEPS = 0
TENSOR = 1
CHANNELS = 4
# Of what an averaged pixel hands on to later ones, this share is taken back on the way out (eq. 6).
_BACK = 0.95
# Share of the weight along the line where coherence is complete, and how soon it rises (eq. 3).
_STRONGEST = 0.98
_HALF_COHERENT = 0.25
# Coherence that is rounding only and has no direction; the line's share would be a millionth of a millionth.
_SMALLEST_COHERENCE = 1e-4
# Ridge (pixels^2) of the plane fitted to a pixel's known neighbours (eq. 1).
_RIDGE = 0.05
# Weights of the 3 x 3 neighbours in that fit: a Gaussian of 0.7 pixels, beside and diagonally.
_BESIDE = math.exp(-1 / (2 * 0.7**2))
_DIAGONAL = _BESIDE**2


@kernel("i4[:, ::1], T[:, ::1], i8, i4[::1], i8, i8, i8, i8[::1]", T="f4 f8")
def tensors(T: Any, cells: Any, channels: int, known: Any, nearest: int, part: int, parts: int, control: Any) -> None:
    """Complete the cells of known pixels nearer than `nearest`: they keep all, and have a structure tensor (eq. 1)."""
    flat = T.reshape(-1)
    stride = T.shape[1]
    size = known.shape[0]
    for k in range(size * part // parts, size * (part + 1) // parts):
        i = known[k]
        if k & 1023 == 0 and atomic_load(control, 0) != 0:
            return
        if flat[i] > -nearest:
            _tensor(flat, stride, cells, channels, i)
            cells[i, KEEPS] = 1


@inner
def _tensor(flat: Any, stride: int, cells: Any, channels: int, i: int) -> None:
    """Sum over the channels of the outer product of the slope that fits a pixel's known neighbours best (eq. 1)."""
    one = cells.dtype.type(1)
    total, x, y = one, 0 * one, 0 * one
    xx, xy, yy = 0 * one, 0 * one, 0 * one
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            weight = cells.dtype.type(_DIAGONAL if dx * dy != 0 else _BESIDE)
            if flat[i + dy * stride + dx] > 0 or (dx == 0 and dy == 0):
                continue
            total += weight
            x += weight * dx
            y += weight * dy
            xx += weight * dx * dx
            xy += weight * dx * dy
            yy += weight * dy * dy
    share = one / total
    x *= share
    y *= share
    xx = xx * share - x * x + cells.dtype.type(_RIDGE)
    xy = xy * share - x * y
    yy = yy * share - y * y + cells.dtype.type(_RIDGE)
    inverse = one / (xx * yy - xy * xy)
    tensor_xx, tensor_xy, tensor_yy = 0 * one, 0 * one, 0 * one
    for c in range(CHANNELS, CHANNELS + channels):
        mean, with_x, with_y = 0 * one, 0 * one, 0 * one
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                j = i + dy * stride + dx
                if flat[j] > 0:
                    continue
                weight = cells.dtype.type(_DIAGONAL if dx * dy != 0 else _BESIDE)
                weighted = weight * (cells[j, c] - cells[i, c])
                mean += weighted
                with_x += weighted * dx
                with_y += weighted * dy
        with_x = (with_x - x * mean) * share
        with_y = (with_y - y * mean) * share
        slope_x = (with_x * yy - with_y * xy) * inverse
        slope_y = (with_y * xx - with_x * xy) * inverse
        tensor_xx += slope_x * slope_x
        tensor_xy += slope_x * slope_y
        tensor_yy += slope_y * slope_y
    cells[i, TENSOR], cells[i, TENSOR + 1], cells[i, TENSOR + 2] = tensor_xx, tensor_xy, tensor_yy


@kernel(
    "i4[:, ::1], T[:, ::1], i4[::1], i8[::1], i8, i8, u8[::1], T[:, ::1], T[::1], T, f4[:, ::1], T[:, ::1], i8, i8, "
    "i8[::1], i8[::1], i8",
    T="f4 f8",
)
def sweep_inwards(
    T: Any, cells: Any, ordered: Any, first: Any, nowhere: int, into_corner: int, neighbours: Any, disc: Any,
    squared: Any, aside: Any, drawn: Any, guides: Any, part: int, parts: int, arrivals: Any, control: Any, wanted: int,
) -> None:  # fmt: skip
    """Fill layer after layer from earlier ones; this thread does its part of each and waits for the others.

    Parameters
    ----------
    cells
        [pixels, 8 or a multiple]: what a pixel keeps, its tensor and its channels; those of known pixels near the
        holes, anything finite elsewhere. Those of the filled pixels are written here.
    neighbours, squared
        uint64 and float [n]: offsets of the disc's pixels from `into_corner` before p; their squared distances.
    disc
        [2, n]: their weights (eq. 3), and in smoothing the tensors (eq. 2).
    drawn
        [2, pixels in `ordered`] or [2, 0]: direction (x, y) of a line that a person has drawn; (0, 0) where none is.
    guides
        [pixels in `ordered`, 3]: direction (x, y) and the line's share of the weight are written here.
    arrivals
        int64 [1], zero, shared by all parts: the barrier after every layer.
    wanted
        Pixels of the core, which this sweep and the one outwards report together.

    The other arguments are explained in `numerics.coherence_weights` and `numerics.layers`.
    """
    flat = T.reshape(-1)
    n = neighbours.shape[0]
    total = ordered.shape[0]
    pixels, places, times, weights, apart, here, guide, whole, room, bases, sums = _room(n, into_corner, cells, T)
    none, one, back = cells.dtype.type(0), cells.dtype.type(1), cells.dtype.type(_BACK)
    for layer in range(first.shape[0] - 1):
        count = first[layer + 1] - first[layer]
        begin = first[layer] + count * part // parts
        end = first[layer] + count * (part + 1) // parts
        reached = max(layer << LAYER_SHIFT, 1)  # the rim, T = 0, is known even to layer 0
        for batch in range(begin, end, BATCH):
            if atomic_load(control, 0) != 0:
                return
            size = min(BATCH, end - batch)
            for b in range(BATCH):
                pixels[b] = ordered[batch + min(b, size - 1)]
            place_disc(flat, pixels, neighbours, into_corner, places, times, here)
            smooth_inwards(disc[1], squared, aside, nowhere, reached, times, here, weights)
            for b in range(BATCH):
                _guide(cells, places, weights, n, b, guide)
            _follow(drawn, batch, guide)
            place_line(flat, pixels, T.shape[1], guide, n, places, times, weights, apart, room)
            weigh_inwards(
                disc[0], squared, aside, nowhere, reached, times, apart, here, guide, weights, whole, room
            )  # fmt: skip
            for b in range(size):
                i = pixels[b]
                nearby = earliest_neighbour(flat, i, T.shape[1])
                for c in range(cells.shape[1]):
                    bases[c] = cells[nearby, c] if c >= CHANNELS else 0
                mass, known = _sum_up(cells, places, weights, b, bases, sums)
                for c in range(cells.shape[1]):
                    cells[i, c] = bases[c] + sums[c] / mass
                unknown = max(whole[b] - known, none)
                cells[i, KEEPS] = one - back * unknown / (mass + unknown)
                for k in range(3):
                    guides[batch + b, k] = guide[k, b]
        if parts > 1:
            wait_for_all(arrivals, parts * (layer + 1), control)
        atomic_add(control, 1, end * wanted // (2 * total) - begin * wanted // (2 * total))


@kernel(
    "i4[:, ::1], T[:, ::1], i4[::1], i4[::1], i8[::1], i8, i8, u8[::1], T[:, ::1], T[::1], T, T[:, ::1], "
    "T[:, ::1], i8, i8, i8[::1], i8[::1], T[:, ::1]",
    T="f4 f8",
)
def sweep_outwards(
    T: Any, cells: Any, ordered: Any, slots: Any, first: Any, nowhere: int, into_corner: int, neighbours: Any,
    disc: Any, squared: Any, aside: Any, guides: Any, final: Any, part: int, parts: int, arrivals: Any, control: Any,
    result: Any,
) -> None:  # fmt: skip
    """Go back from the last layer to the first, so that every pixel hears of what lies beyond it (eq. 7).

    final: [pixels in `ordered`, C], scratch. result: [n, C], the pixels of the core in their slots. The other
    arguments are those of `sweep_inwards`.
    """
    flat = T.reshape(-1)
    n = neighbours.shape[0]
    total = ordered.shape[0]
    channels = final.shape[1]
    wanted = result.shape[0]
    pixels, places, times, weights, apart, here, guide, whole, room, bases, sums = _room(n, into_corner, cells, T)
    layers = first.shape[0] - 1
    for layer in range(layers - 1, -1, -1):
        count = first[layer + 1] - first[layer]
        begin = first[layer] + count * part // parts
        end = first[layer] + count * (part + 1) // parts
        for batch in range(begin, end, BATCH):
            if atomic_load(control, 0) != 0:
                return
            size = min(BATCH, end - batch)
            for b in range(BATCH):
                pixels[b] = ordered[batch + min(b, size - 1)]
            for b in range(BATCH):
                for k in range(3):
                    guide[k, b] = guides[batch + min(b, size - 1), k]
            place_disc(flat, pixels, neighbours, into_corner, places, times, here)
            place_line(flat, pixels, T.shape[1], guide, n, places, times, weights, apart, room)
            later = (layer + 1) << LAYER_SHIFT
            weigh_outwards(disc[0], squared, aside, nowhere, later, times, apart, here, guide, weights, whole, room)
            for b in range(size):
                for c in range(cells.shape[1]):
                    bases[c] = cells[pixels[b], c]
                mass, _ = _sum_up(cells, places, weights, b, bases, sums)
                for c in range(channels):
                    final[batch + b, c] = bases[CHANNELS + c] + sums[CHANNELS + c] / mass
                    if slots[batch + b] >= 0:
                        result[slots[batch + b], c] = final[batch + b, c]
        # Pixels of one layer read one another's values from the way in: these go only when all have read.
        if parts > 1:
            wait_for_all(arrivals, parts * (2 * (layers - layer) - 1), control)
        for k in range(begin, end):
            cells[ordered[k], KEEPS] = 1
            for c in range(channels):
                cells[ordered[k], CHANNELS + c] = final[k, c]
        if parts > 1:
            wait_for_all(arrivals, parts * 2 * (layers - layer), control)
        done = (total + end) * wanted // (2 * total) - (total + begin) * wanted // (2 * total)
        atomic_add(control, 1, done)


@inner
def _room(n: int, into_corner: int, cells: Any, T: Any) -> Any:
    """Scratch for a batch."""
    corners = 8 * (into_corner // (T.shape[1] + 1))
    return (
        np.empty(BATCH, np.int32),
        np.empty((n + corners, BATCH), np.uint64),
        np.empty((n + corners, BATCH), np.int32),
        np.empty((n + corners, BATCH), cells.dtype),
        np.empty((corners, BATCH), cells.dtype),
        np.empty(BATCH, np.int32),
        np.empty((3, BATCH), cells.dtype),
        np.empty(BATCH, cells.dtype),
        np.empty((4, BATCH), cells.dtype),
        np.empty(cells.shape[1], cells.dtype),
        np.empty(cells.shape[1], cells.dtype),
    )


@inner
def _guide(cells: Any, places: Any, weights: Any, n: int, b: int, guide: Any) -> None:
    """Direction of coherence and the line's share of the weight, from the tensors of known neighbours (eq. 2, 3)."""
    xx = cells.dtype.type(0)
    xy = cells.dtype.type(0)
    yy = cells.dtype.type(0)
    for m in range(n):
        weight = weights[m, b]
        j = places[m, b]
        xx += weight * cells[j, TENSOR]
        xy += weight * cells[j, TENSOR + 1]
        yy += weight * cells[j, TENSOR + 2]
    guide[0, b], guide[1, b], guide[2, b] = _coherence(xx, xy, yy)


@inner
def _follow(drawn: Any, batch: int, guide: Any) -> None:
    """Take the drawn line's direction, and the strongest coherence, where there is one."""
    for b in range(min(BATCH, drawn.shape[1] - batch)):
        x, y = drawn[0, batch + b], drawn[1, batch + b]
        if x != 0 or y != 0:
            guide[0, b], guide[1, b], guide[2, b] = x, y, _STRONGEST


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
def _sum_up(cells: Any, places: Any, weights: Any, b: int, bases: Any, sums: Any) -> Any:
    """Weighted sum of the neighbours' cells less the base, each with what it keeps (eq. 5, 7).

    Returns the sums of the weights with that and without. Less the base, so that a constant stays exactly constant.
    """
    mass = total = cells.dtype.type(0)
    for first in range(0, cells.shape[1], 8):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = mass = total = cells.dtype.type(0)
        b0, b1, b2, b3 = bases[first], bases[first + 1], bases[first + 2], bases[first + 3]
        b4, b5, b6, b7 = bases[first + 4], bases[first + 5], bases[first + 6], bases[first + 7]
        for m in range(places.shape[0]):
            j = places[m, b]
            kept = weights[m, b] * cells[j, KEEPS]
            mass += kept
            total += weights[m, b]
            s0 += kept * (cells[j, first] - b0)
            s1 += kept * (cells[j, first + 1] - b1)
            s2 += kept * (cells[j, first + 2] - b2)
            s3 += kept * (cells[j, first + 3] - b3)
            s4 += kept * (cells[j, first + 4] - b4)
            s5 += kept * (cells[j, first + 5] - b5)
            s6 += kept * (cells[j, first + 6] - b6)
            s7 += kept * (cells[j, first + 7] - b7)
        sums[first], sums[first + 1], sums[first + 2], sums[first + 3] = s0, s1, s2, s3
        sums[first + 4], sums[first + 5], sums[first + 6], sums[first + 7] = s4, s5, s6, s7
    return mass, total
