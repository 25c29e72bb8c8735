"""Runs, labels and depths against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from restauro.holes import Holes, count_regions, find_holes, groups
from restauro.numerics import runs
from tests.numerics.kernels import plain
from tests.promises.pictures import holes, seeds


def of(seed: int, height: int, width: int) -> tuple[np.ndarray, Holes]:
    mask = holes(np.random.default_rng(seed), (height, width))
    return mask, find_holes(mask)


@given(seed=seeds, height=st.integers(1, 40), width=st.integers(1, 40), data=st.data())
@settings(max_examples=50)
def test_runs_drawn_are_the_mask(seed: int, height: int, width: int, data: st.DataObject) -> None:
    mask, found = of(seed, height, width)
    assert found.pixels == mask.sum()
    np.testing.assert_array_equal(found.within((0, height, 0, width)), mask)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    np.testing.assert_array_equal(found.within((top, bottom, left, right)), mask[top:bottom, left:right])
    assert (found.stop > found.start).all()
    rows = np.repeat(np.arange(height), np.diff(found.row_start))
    same_row = rows[1:] == rows[:-1]
    assert (found.start[1:][same_row] > found.stop[:-1][same_row]).all()


def test_long_runs_and_full_words() -> None:
    mask = np.zeros((5, 67), bool)
    mask[1, 3:67] = True
    mask[2] = True
    mask[3, :66] = True
    found = find_holes(mask)
    assert list(zip(found.start.tolist(), found.stop.tolist(), strict=True)) == [(3, 67), (0, 67), (0, 66)]
    np.testing.assert_array_equal(found.row_start, [0, 0, 1, 2, 3, 3])


def test_more_runs_than_there_was_room_for() -> None:
    mask = np.zeros((60, 100), bool)
    mask[:, ::2] = True
    found = find_holes(mask)
    assert len(found.start) == 3000
    np.testing.assert_array_equal(found.within((0, 60, 0, 100)), mask)


@given(seed=seeds, height=st.integers(1, 40), width=st.integers(1, 40))
@settings(max_examples=50)
def test_regions_are_eight_connected(seed: int, height: int, width: int) -> None:
    mask, _ = of(seed, height, width)
    assert count_regions(mask) == ndimage.label(mask, np.ones((3, 3)))[1]


@given(seed=seeds, side=st.integers(2, 30), distance=st.integers(1, 6))
@settings(max_examples=50)
def test_groups_within_a_distance(seed: int, side: int, distance: int) -> None:
    """Pixels belong together where a square of that reach around one covers the other."""
    mask, found = of(seed, side, side)
    groups = runs.label(found.row_start, found.start, found.stop, distance)
    points = np.argwhere(mask)
    near = np.abs(points[:, None] - points[None]).max(axis=2) <= distance
    while True:
        wider = (near.astype(int) @ near) > 0
        if (wider == near).all():
            break
        near = wider
    of_pixel = np.repeat(groups, found.stop - found.start)
    np.testing.assert_array_equal(of_pixel[:, None] == of_pixel[None], near)


@given(seed=seeds, height=st.integers(1, 30), width=st.integers(1, 30), distance=st.integers(1, 4))
@settings(max_examples=50)
def test_groups_have_boxes_runs_and_pixels(seed: int, height: int, width: int, distance: int) -> None:
    mask, found = of(seed, height, width)
    labels = runs.label(found.row_start, found.start, found.stop, distance)
    everything = groups(found, distance)
    assert len(everything) == len(np.unique(labels))
    for box, own, pixels in everything:
        np.testing.assert_array_equal(own, np.flatnonzero(labels == labels[own[0]]))
        group = found.within((0, height, 0, width), own)
        rows, columns = np.nonzero(group)
        assert box == (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
        assert pixels == group.sum()
    assert sum(pixels for _, _, pixels in everything) == mask.sum()


def test_grouping_a_dense_net_compares_few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are compared chain by chain: of every second pixel a row has 60 runs, and is one chain."""
    joined = 0
    join = plain(runs._join)
    monkeypatch.setattr(runs, "_root", plain(runs._root))

    def counted(parent: np.ndarray, a: int, b: int) -> None:
        nonlocal joined
        joined += 1
        join(parent, a, b)

    monkeypatch.setattr(runs, "_join", counted)
    mask = np.zeros((40, 120), bool)
    mask[:, ::2] = True
    found = find_holes(mask)
    assert not plain(runs.label)(found.row_start, found.start, found.stop, 20).any()
    assert joined <= 40 * 20


@pytest.mark.parametrize("offset", range(9))
def test_runs_are_found_wherever_a_mask_lies_in_memory(offset: int) -> None:
    mask = holes(np.random.default_rng(offset), (9, 21))
    moved = np.zeros(offset + mask.size, bool)[offset:].reshape(mask.shape)
    moved[:] = mask
    for one, other in zip(runs.find(moved), runs.find(mask), strict=True):
        np.testing.assert_array_equal(one, other)


@given(seed=seeds, height=st.integers(1, 20), width=st.integers(1, 20), dtype=st.sampled_from(["uint8", "float32"]))
def test_values_are_stored_rounded_and_cut_to_what_fits(seed: int, height: int, width: int, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    mask, _ = of(seed, height, width)
    picture = rng.integers(0, 99, (height, width, 2)).astype(dtype)
    values = np.round(rng.uniform(-99, 400, (int(mask.sum()), 2)), 2)
    if dtype == "uint8":
        low, high, expected = 0.0, 255.0, np.clip(np.rint(values), 0, 255)
    else:
        values[rng.random(values.shape) < 0.3] *= 1e37
        low, high = float(np.finfo(dtype).min), float(np.finfo(dtype).max)
        expected = np.clip(values, low, high)
    stored = picture.copy()
    runs.store(values, mask, stored, low, high, dtype == "uint8")
    picture[mask] = expected.astype(dtype)
    np.testing.assert_array_equal(stored, picture)


@given(seed=seeds, height=st.integers(1, 60), width=st.integers(1, 60), deepest=st.integers(1, 12))
@settings(max_examples=50)
def test_depths_are_city_block_distances(seed: int, height: int, width: int, deepest: int) -> None:
    mask, found = of(seed, height, width)
    tile = 16
    shape = (-(-height // tile), -(-width // tile))
    boxes, pixels, depths = np.zeros((*shape, 4), np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    as_runs = (found.row_start, found.start, found.stop)
    runs.survey(*as_runs, *as_runs, width, tile, deepest, boxes, pixels, depths)
    distance = ndimage.distance_transform_cdt(np.pad(mask, 1, constant_values=True), "taxicab")[1:-1, 1:-1]
    distance = np.where(distance < 0, deepest, distance)
    for row in range(shape[0]):
        for column in range(shape[1]):
            place = (slice(row * tile, (row + 1) * tile), slice(column * tile, (column + 1) * tile))
            part = mask[place]
            assert pixels[row, column] == part.sum()
            if part.any():
                assert depths[row, column] == min(deepest, distance[place][part].max())
                y, x = np.nonzero(part)
                expected = [y.min() + place[0].start, y.max() + 1 + place[0].start]
                expected += [x.min() + place[1].start, x.max() + 1 + place[1].start]
                assert boxes[row, column].tolist() == expected
