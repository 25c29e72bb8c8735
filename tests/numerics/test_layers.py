"""The order of layers against a sort in plain Python; what is left out must be too far away to matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restauro.numerics import layers, march
from tests.numerics.kernels import step
from tests.promises.pictures import holes, seeds

PAD = 3

earliest_neighbour = step(layers.earliest_neighbour)


@given(seed=seeds, height=st.integers(2, 24), width=st.integers(2, 24), outwards=st.sampled_from([0.0, 0.5]))
def test_pixels_are_sorted_by_layer_and_row(seed: int, height: int, width: int, outwards: float) -> None:
    rng = np.random.default_rng(seed)
    hole = holes(rng, (height, width))
    hole[0, 0] = True
    T = np.full((height + 2 * PAD, width + 2 * PAD), march.BEYOND, np.int32)
    T[PAD:-PAD, PAD:-PAD] = np.where(hole, rng.integers(0, 5 * march.UNIT, hole.shape), -1)
    pixels = np.flatnonzero((T >= 0) & (T < march.BEYOND)).astype(np.int32)
    rows, columns = (np.sort(rng.integers(0, side + 1, 2)) for side in hole.shape)
    core = np.array([*rows, *columns])
    inwards, around = float(rng.uniform(0, 2)), float(rng.uniform(0, 3))
    ordered, slots = np.full(pixels.size, -9, np.int32), np.full(pixels.size, -9, np.int32)
    first = layers.order_by_layer(T, pixels, PAD, core, np.array([inwards, outwards, around]), ordered, slots)

    layer = {int(i): int(T.ravel()[i]) // 512 for i in pixels}
    y, x = np.divmod(pixels, T.shape[1]) - np.full((2, 1), PAD)
    off = {int(i): max(rows[0] - a, a - rows[1] + 1, columns[0] - b, b - columns[1] + 1, 0)
           for i, a, b in zip(pixels, y, x, strict=True)}  # fmt: skip
    own = [i for i in layer if off[i] == 0]  # row by row
    counted = [layer[i] for i in (layer if outwards else own)]
    last = max(counted, default=-1)
    reach = outwards * (last + 1) + around
    expected = [i for i in layer if layer[i] <= last and off[i] <= inwards * (last - layer[i]) + reach]
    expected.sort(key=lambda i: (layer[i], i))
    assert len(first) == last + 2
    assert ordered[: first[-1]].tolist() == expected
    assert slots[: first[-1]].tolist() == [own.index(i) if off[i] == 0 else -1 for i in expected]
    for number in range(last + 1):
        assert {layer[int(i)] for i in ordered[first[number] : first[number + 1]]} <= {number}


def test_known_pixels_are_loaded_where_they_stand() -> None:
    rng = np.random.default_rng(1)
    image = rng.random((5, 7, 2))
    planes, wanted = np.zeros((3, 11 * 13)), [(0, 0), (2, 6), (4, 3)]
    visited = np.array([(y + PAD) * 13 + x + PAD for y, x in wanted], np.int32)
    layers.load(image, PAD, 13, visited, planes)
    for at, place in zip(visited, wanted, strict=True):
        np.testing.assert_array_equal(planes[:, at], [*image[place], 0])
    assert np.count_nonzero(planes) == 6


@pytest.mark.parametrize("earliest", [-1, 1, -4, 4])
def test_the_front_came_from_the_earliest_neighbour(earliest: int) -> None:
    flat = np.full(16, 50, np.int32)
    flat[5 + earliest] = 3
    flat[0] = flat[15] = 1  # no neighbours
    assert earliest_neighbour(flat, 5, 4) == 5 + earliest
    flat[9] = 3  # of several the first: left, right, above, below
    assert earliest_neighbour(flat, 5, 4) == 5 + earliest
