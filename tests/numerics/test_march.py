"""Arrival times against a heap that accepts the smallest trial value first, and against distances."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from restauro.numerics import march
from tests.promises.pictures import holes, seeds

FAR = 1 << 40
UNREACHED = int(march.UNREACHED)


def arrival_times(hole: np.ndarray, limit: float, room: int = 100_000) -> np.ndarray:
    """T in pixels, signed, as the kernels compute it."""
    pad = 2
    T = np.empty((hole.shape[0] + 2 * pad, hole.shape[1] + 2 * pad), np.int32)
    pixels = np.empty(hole.sum(), np.int32)
    rims = np.empty(4 * len(pixels), np.int32)
    units = round(limit * march.UNIT)
    rims = rims[: march.begin(hole, pad, units, T, pixels, rims)]
    control = np.zeros(2, np.int64)
    buckets = np.empty((2, room), np.int32)
    assert march.march(T, rims, 1, UNREACHED, buckets, np.empty(0, np.int32), control) == 0
    visited = np.empty(room, np.int32)
    count = march.march(T, rims, -1, units, buckets, visited, control)
    assert count >= len(rims)
    reached = np.zeros(T.shape, bool)
    reached.reshape(-1)[visited[:count]] = True
    np.testing.assert_array_equal(reached, (-units < T) & (T <= 0))
    return T[pad:-pad, pad:-pad] / march.UNIT


def by_heap(hole: np.ndarray, outside: bool) -> np.ndarray:
    """Sethian's fast march in real numbers, a heap of trial values, from the rim to one side of it."""
    height, width = hole.shape
    side = ~hole if outside else hole
    cross = ndimage.generate_binary_structure(2, 1)
    T = np.where(ndimage.binary_dilation(hole, cross) & ~hole, 0.0, math.inf)
    accepted = np.zeros(hole.shape, bool)
    heap = [(0.0, int(y), int(x)) for y, x in np.argwhere(T == 0)]
    heapq.heapify(heap)

    def time_at(y: int, x: int) -> float:
        return T[y, x] if 0 <= y < height and 0 <= x < width and accepted[y, x] else math.inf

    while heap:
        _, y, x = heapq.heappop(heap)
        if accepted[y, x]:
            continue
        accepted[y, x] = True
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= v < height and 0 <= u < width) or accepted[v, u] or not side[v, u]:
                continue
            a, b = sorted((min(time_at(v - 1, u), time_at(v + 1, u)), min(time_at(v, u - 1), time_at(v, u + 1))))
            new = a + 1 if b - a >= 1 else (a + b + math.sqrt(2 - (a - b) ** 2)) / 2
            if new < T[v, u]:
                T[v, u] = new
                heapq.heappush(heap, (new, v, u))
    return T


@given(seed=seeds, height=st.integers(1, 24), width=st.integers(1, 24))
@settings(max_examples=30)
def test_times_agree_with_a_heap(seed: int, height: int, width: int) -> None:
    hole = holes(np.random.default_rng(seed), (height, width))
    limit = 7.5
    times = arrival_times(hole, limit)
    steps = 0.6 / march.UNIT * (height + width)  # every update rounds to half a unit
    np.testing.assert_allclose(times[hole], by_heap(hole, outside=False)[hole], rtol=0, atol=steps)
    expected = np.minimum(by_heap(hole, outside=True), limit)
    np.testing.assert_allclose(-times[~hole], expected[~hole], rtol=0, atol=steps)


@given(seed=seeds, height=st.integers(1, 24), width=st.integers(1, 24))
@settings(max_examples=30)
def test_mirrored_and_turned_holes_have_mirrored_and_turned_times_exactly(seed: int, height: int, width: int) -> None:
    hole = holes(np.random.default_rng(seed), (height, width))
    times = arrival_times(hole, 6)
    for turned in (np.flipud, np.fliplr, np.rot90, np.transpose):
        np.testing.assert_array_equal(arrival_times(np.ascontiguousarray(turned(hole)), 6), turned(times))


def test_times_are_distances_near_a_straight_rim() -> None:
    hole = np.zeros((9, 12), bool)
    hole[:, 4:] = True
    np.testing.assert_array_equal(arrival_times(hole, 3), np.tile(np.clip(np.arange(12) - 3.0, -3, None), (9, 1)))


def test_too_little_scratch_is_reported_and_made_good() -> None:
    hole = np.zeros((40, 40), bool)
    hole[5:35, 5:35] = True
    expected = arrival_times(hole, 5)
    T = np.empty((44, 44), np.int32)
    pixels, rims = np.empty(900, np.int32), np.empty(3600, np.int32)
    rims = rims[: march.begin(hole, 2, 5 * march.UNIT, T, pixels, rims)]
    control = np.zeros(2, np.int64)
    nothing = np.empty(0, np.int32)
    small = np.empty((2, len(rims)), np.int32)
    assert march.march(T, rims, -1, 5 * march.UNIT, small, np.empty(len(rims) + 5, np.int32), control) == -1
    march.reset(T, -1, 5 * march.UNIT)
    large = np.empty((2, 5000), np.int32)
    assert march.march(T, rims, -1, 5 * march.UNIT, large, np.empty(5000, np.int32), control) > 0
    assert march.march(T, rims, 1, UNREACHED, large, nothing, control) == 0
    march.reset(T, 1, UNREACHED)
    assert march.march(T, rims, 1, UNREACHED, large, nothing, control) == 0
    np.testing.assert_array_equal(T[2:-2, 2:-2] / march.UNIT, expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_stopped_march_returns(sign: int) -> None:
    hole = np.zeros((12, 12), bool)
    hole[3:9, 3:9] = True
    T = np.empty((16, 16), np.int32)
    pixels, rims = np.empty(36, np.int32), np.empty(144, np.int32)
    rims = rims[: march.begin(hole, 2, 3 * march.UNIT, T, pixels, rims)]
    before = T.copy()
    march.march(T, rims, sign, UNREACHED, np.empty((2, 999), np.int32), np.empty(0, np.int32), np.array([1, 0]))
    np.testing.assert_array_equal(T, before)
