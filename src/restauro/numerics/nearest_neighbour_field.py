"""Nearest-neighbour fields: for every patch that touches the hole one among the known that is like it (Barnes 2009).

Patches are visited in two colours, like the fields of a chessboard. A patch of one colour takes offers from its
neighbours of the other, which stand still meanwhile, and its random numbers are computed from seed and place: so the
field doesn't depend on how many threads share the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner, kernel
from restauro.numerics.patches import SIDE

DRAWS = 6  # random offers a patch gets in each sweep, from nearer and nearer to the best one
_TRIES = 12  # draws of a first source within the radius, then as many within four times the radius


@inner
def random_number(seed: Any, place: Any) -> Any:
    """Return 64 random bits that depend on these two alone (a multiply-xorshift hash)."""
    x = np.uint64(place) * np.uint64(0x9E3779B97F4A7C15) ^ (
        np.uint64(seed) + np.uint64(0x632BE59BD9B4E019)
    ) * np.uint64(0xD1B54A32D192ED03)
    x ^= x >> np.uint64(32)
    x *= np.uint64(0xD6E8FEB86659FD93)
    x ^= x >> np.uint64(32)
    x *= np.uint64(0xD6E8FEB86659FD93)
    return x ^ (x >> np.uint64(32))


@inner
def _random_near(seed: Any, place: Any, x: Any, y: Any, radius: int) -> Any:
    """Return a random place within `radius` columns and rows of (x, y)."""
    bits = random_number(seed, place)
    span = np.uint64(2 * radius + 1)
    half = np.uint64(0xFFFFFFFF)
    return (
        x + np.int64((bits & half) * span >> np.uint64(32)) - radius,
        y + np.int64((bits >> np.uint64(32)) * span >> np.uint64(32)) - radius,
    )


@inner
def _is_source(complete: Any, width: int, height: int, x: int, y: int) -> Any:
    return 0 <= x <= width - SIDE and 0 <= y <= height - SIDE and complete[y * width + x]


@inner
def _first_source(
    complete: Any, sample: Any, width: int, height: int, x: int, y: int, radius: int, seed: Any, place: Any
) -> Any:
    """Return a random source near (x, y) if that can be hit, else any."""
    for attempt in range(2 * _TRIES):
        within = radius if attempt < _TRIES else 4 * radius
        sx, sy = _random_near(seed + np.uint64(attempt), place, x, y, within)
        if _is_source(complete, width, height, sx, sy):
            return np.int64(sy * width + sx)
    bits = random_number(seed + np.uint64(2 * _TRIES), place)
    return np.int64(sample[np.int64(bits % np.uint64(sample.shape[0]))])


@kernel("b1[::1], i4[::1], UniTuple(i8, 2), i4[::1], i8, u8, i4[::1]")
def start_at_random(complete: Any, sample: Any, shape: Any, targets: Any, radius: int, seed: Any, nearest: Any) -> None:
    """Give every target a random source."""
    height, width = shape
    for i in range(targets.shape[0]):
        y = targets[i] // width
        x = targets[i] - y * width
        nearest[i] = _first_source(complete, sample, width, height, x, y, radius, seed, targets[i])


@kernel("b1[::1], i4[::1], UniTuple(i8, 2), i4[::1], i8, u8, i4[::1], f4[::1], UniTuple(i8, 2), i4[::1], i4[::1]")
def start_from_coarser(
    complete: Any, sample: Any, shape: Any, targets: Any, radius: int, seed: Any, nearest: Any, confidence: Any,
    coarse_shape: Any, coarse_place: Any, coarse_nearest: Any,
) -> None:  # fmt: skip
    """Give every target the source of the coarser target over its centre, twice as far away.

    confidence is 1 where there is one; where not, 0, and the source is random.
    """
    height, width = shape
    coarse_height, coarse_width = coarse_shape
    for i in range(targets.shape[0]):
        y = targets[i] // width
        x = targets[i] - y * width
        coarse_y = min(max((y + SIDE // 2) // 2 - SIDE // 2, 0), coarse_height - SIDE)
        coarse_x = min(max((x + SIDE // 2) // 2 - SIDE // 2, 0), coarse_width - SIDE)
        j = coarse_place[coarse_y * coarse_width + coarse_x]
        source = -1
        if j >= 0:
            source_y = coarse_nearest[j] // coarse_width
            sx = x + 2 * (coarse_nearest[j] - source_y * coarse_width - coarse_x)
            sy = y + 2 * (source_y - coarse_y)
            for attempt in range(9):
                tx, ty = (sx, sy) if attempt == 0 else _random_near(seed + np.uint64(attempt), targets[i], sx, sy, 4)
                if _is_source(complete, width, height, tx, ty):
                    source = ty * width + tx
                    break
        confidence[i] = source >= 0
        if source < 0:
            source = _first_source(complete, sample, width, height, x, y, radius, seed + np.uint64(9), targets[i])
        nearest[i] = source


@inner
def padded(channels: int) -> int:
    """Length of a patch's row in a copy: a multiple of the eight values of a vector register."""
    return (SIDE * channels + 7) // 8 * 8


@inner
def distance(patch: Any, weights: Any, values: Any, at: Any, stride: int, row: int, enough: Any) -> Any:
    """Sum of the weighted squared differences of a patch and that whose values begin at `at`; above `enough`, any.

    patch, weights: [SIDE, row], what is added to the rows' length has no weight. Four rows, then three, at once: a row
    by itself is too short for vector registers.
    """
    total = np.float32(0)
    length, step = np.uint64(row), np.uint64(stride)
    v0 = np.uint64(at)
    v1, v2, v3 = v0 + step, v0 + 2 * step, v0 + 3 * step
    p1, p2, p3 = length, 2 * length, 3 * length
    for k in range(length):
        d0 = patch[k] - values[v0 + k]
        d1 = patch[p1 + k] - values[v1 + k]
        d2 = patch[p2 + k] - values[v2 + k]
        d3 = patch[p3 + k] - values[v3 + k]
        total += weights[k] * d0 * d0 + weights[p1 + k] * d1 * d1
        total += weights[p2 + k] * d2 * d2 + weights[p3 + k] * d3 * d3
    if total >= enough:
        return total
    v0, v1, v2 = v3 + step, v3 + 2 * step, v3 + 3 * step
    p0, p1, p2 = 4 * length, 5 * length, 6 * length
    for k in range(length):
        d0 = patch[p0 + k] - values[v0 + k]
        d1 = patch[p1 + k] - values[v1 + k]
        d2 = patch[p2 + k] - values[v2 + k]
        total += weights[p0 + k] * d0 * d0 + weights[p1 + k] * d1 * d1 + weights[p2 + k] * d2 * d2
    return total


@inner
def _copy_patch(
    values: Any, depth: Any, trust: Any, at: Any, width: int, channels: int, patch: Any, weights: Any
) -> Any:
    """Copy a target and how far its pixels are trusted; return the sum of the trust."""
    row = padded(channels)
    total = np.float32(0)
    for y in range(SIDE):
        first = at + y * width
        for k in range(SIDE * channels):
            patch[y * row + k] = values[first * channels + k]
        for x in range(SIDE):
            weight = trust[depth[first + x]]
            total += weight
            for c in range(channels):
                weights[y * row + x * channels + c] = weight
    return total


@inner
def _farness(x: int, y: int, source: Any, width: int, far: Any) -> Any:
    """Return what the distance of a source this far away is multiplied by."""
    source_y = source // width
    dx = np.float32(source - source_y * width - x)
    dy = np.float32(source_y - y)
    return np.float32(1) + far * np.sqrt(dx * dx + dy * dy)


@inner
def improve(
    values: Any, depth: Any, trust: Any, far: Any, channels: int, shape: Any, complete: Any, place: Any, targets: Any,
    begin: int, end: int, colour: int, radius: int, seed: Any, patch: Any, weights: Any, nearest: Any, distances: Any,
    confidence: Any,
) -> None:  # fmt: skip
    """Offer the targets begin to end of one colour what their neighbours have, and random sources (Barnes 2009, 3.2).

    A source counts with its distance times (1 + far * pixels between): what is near is more likely to be of one kind.
    distances: the weighted mean of the squared differences of pixels. confidence: the sum of a patch's trust.
    """
    height, width = shape
    row = padded(channels)
    stride = width * channels
    for i in range(begin, end):
        at = np.int64(targets[i])
        y = at // width
        x = at - y * width
        if (x + y) & 1 != colour:
            continue
        total = _copy_patch(values, depth, trust, at, width, channels, patch, weights)
        best = np.int64(nearest[i])
        d = distance(patch, weights, values, best * channels, stride, row, np.float32(np.inf))
        lowest = d * _farness(x, y, best, width, far)
        for offer in range(4 + DRAWS):
            if offer < 4:
                dx, dy = ((offer == 0) - (offer == 1), (offer == 2) - (offer == 3))
                if not (0 <= x + dx <= width - SIDE and 0 <= y + dy <= height - SIDE):
                    continue
                j = place[at + dy * width + dx]
                if j < 0:
                    continue
                source_y = nearest[j] // width
                sx, sy = nearest[j] - source_y * width - dx, source_y - dy
            else:
                within = radius >> (offer - 4)
                if within == 0:
                    break
                best_y = best // width
                sx, sy = _random_near(seed + np.uint64(offer), at, best - best_y * width, best_y, within)
            source = np.int64(sy * width + sx)
            if source == best or not _is_source(complete, width, height, sx, sy):
                continue
            farness = _farness(x, y, source, width, far)
            e = distance(patch, weights, values, source * channels, stride, row, lowest / farness)
            if e * farness < lowest:
                d, best, lowest = e, source, e * farness
        nearest[i] = best
        distances[i] = d / total
        confidence[i] = total
