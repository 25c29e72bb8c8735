"""Filters against SciPy's: the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from restauro import filters

_MODES = {"symmetric": "reflect", "edge": "nearest"}  # SciPy's names of what is beyond a plane's rim
_SHAPES = [(1, 1), (1, 40), (33, 2), (40, 61), (70, 1100)]
_MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).normal(100, 40, shape).astype(np.float32)


@pytest.mark.parametrize("beyond", ["symmetric", "edge"])
@pytest.mark.parametrize("shape", _SHAPES)
class TestMeans:
    @pytest.mark.parametrize(("sigma", "truncate"), [(0.6, 4.0), (1.2, 3.0), (6.0, 2.5)])
    def test_gaussian(self, shape: tuple[int, int], beyond: filters.Beyond, sigma: float, truncate: float) -> None:
        plane = noise(*shape)
        expected = ndimage.gaussian_filter(plane, sigma, mode=_MODES[beyond], truncate=truncate)
        found = filters.gaussian(plane, sigma, beyond, truncate)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("side", [1, 3, 4, 7, 49, 97])
    def test_mean(self, shape: tuple[int, int], beyond: filters.Beyond, side: int) -> None:
        plane = noise(*shape)
        found = filters.mean(plane, side, beyond)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, ndimage.uniform_filter(plane, side, mode=_MODES[beyond]))


@given(_MASKS)
@settings(deadline=None)
def test_grown(mask: NDArray[np.bool_]) -> None:
    before = mask.copy()
    np.testing.assert_array_equal(filters.grown(mask), ndimage.binary_dilation(mask, np.ones((3, 3))))
    np.testing.assert_array_equal(mask, before)


@given(_MASKS, st.data())
@settings(deadline=None, max_examples=50)
def test_pieces(mask: NDArray[np.bool_], data: st.DataObject) -> None:
    others = data.draw(arrays.arrays(np.bool_, mask.shape))
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    found = filters.pieces(mask)
    boxes = ndimage.find_objects(labels)
    np.testing.assert_array_equal(found.numbers, labels[mask] - 1)
    np.testing.assert_array_equal(found.pixels, np.bincount(labels[mask], minlength=count + 1)[1:])
    np.testing.assert_array_equal(found.count(others), np.bincount(labels[mask & others], minlength=count + 1)[1:])
    np.testing.assert_array_equal(found.heights, [rows.stop - rows.start for rows, _ in boxes])
    np.testing.assert_array_equal(found.widths, [columns.stop - columns.start for _, columns in boxes])
    kept = np.arange(count) % 2 == 0
    np.testing.assert_array_equal(found.those(kept), np.append(False, kept)[labels])
