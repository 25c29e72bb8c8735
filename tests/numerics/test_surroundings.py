"""Smoothing around holes against SciPy's on the whole picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from restauro.method import Task
from restauro.numerics.surroundings import HOLE, INNER, KNOWN, NEAR, SOUND, Surroundings
from tests.promises.pictures import holes, picture, seeds

TAPS = np.array([1, 2, 2, 2, 1]) / 8


def task() -> Task:
    return Task((slice(0, 1), slice(0, 1)), 1, 1, (0,), np.zeros(2, np.int64))


def spread(near: Surroundings, plane: np.ndarray) -> np.ndarray:
    """A plane as a picture, 0 where nothing is kept."""
    image = np.zeros(near.grid.shape, plane.dtype)
    for row, column, (begin, *_, length) in zip(near.grid.rows, near.grid.start, near.table, strict=True):
        image[row, column : column + length] = plane[begin : begin + length]
    return image


def smoothed(image: np.ndarray, passes: int) -> np.ndarray:
    """Smoothed where `image` is, and beyond it as far as the taps reach."""
    for _ in range(passes):
        for axis in range(2):
            image = ndimage.correlate1d(image, TAPS, axis, mode="constant")
    return image


@given(seed=seeds, height=st.integers(1, 16), width=st.integers(1, 16), reach=st.integers(1, 4))
@settings(max_examples=15)
def test_kinds_of_pixels(seed: int, height: int, width: int, reach: int) -> None:
    hole = holes(np.random.default_rng(seed), (height, width))
    if not hole.any():
        return
    around = np.ones((3, 3), bool)
    near = ndimage.binary_dilation(hole, np.ones((2 * reach + 1,) * 2))
    kind = spread(Surroundings.of(hole, reach, task()), Surroundings.of(hole, reach, task()).kind)
    np.testing.assert_array_equal(kind & NEAR > 0, near)
    np.testing.assert_array_equal(kind & HOLE > 0, hole)
    np.testing.assert_array_equal(kind & KNOWN > 0, near & ~hole)
    np.testing.assert_array_equal(kind & INNER > 0, ndimage.binary_erosion(near, around))
    np.testing.assert_array_equal(kind & SOUND > 0, ndimage.binary_erosion(near & ~hole, around))


@given(seed=seeds, height=st.integers(1, 16), width=st.integers(1, 16), reach=st.integers(1, 4))
@settings(max_examples=15)
def test_means_are_those_of_the_pixels_that_count(seed: int, height: int, width: int, reach: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width, 2)), holes(rng, (height, width))
    if not hole.any():
        return
    near = Surroundings.of(hole, reach, task())
    values = near.load(image)
    mask = spread(near, ((near.kind & KNOWN) > 0).astype(float))
    sums, weights = smoothed(image[:, :, 1] * mask, 1), smoothed(mask, 1)
    expected = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    found = spread(near, near.mean(values, KNOWN, 1)[1])
    inside = spread(near, near.kind) > 0
    np.testing.assert_allclose(found[inside], expected[inside], rtol=0, atol=1e-12)


def test_several_passes_of_a_whole_picture() -> None:
    rng = np.random.default_rng(3)
    image, hole = rng.random((9, 11, 1)), np.zeros((9, 11), bool)
    hole[4, 5] = True
    near = Surroundings.of(hole, 11, task())
    values = near.load(image)
    expected = smoothed(spread(near, values[0]), 3)
    np.testing.assert_allclose(spread(near, near.smooth(values, 3)[0]), expected, rtol=0, atol=1e-12)
