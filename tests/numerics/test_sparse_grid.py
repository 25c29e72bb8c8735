from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.errors import MemoryShortError
from restauro.numerics.sparse_grid import SparseGrid, check_places
from tests.promises.pictures import holes, seeds


@given(seed=seeds, height=st.integers(1, 25), width=st.integers(1, 25), margin=st.integers(1, 3))
@settings(max_examples=25)
def test_what_surrounds_a_hole_pixel_is_found_beside_it(seed: int, height: int, width: int, margin: int) -> None:
    rng = np.random.default_rng(seed)
    hole = holes(rng, (height, width))
    grid = SparseGrid.of(hole, margin)
    image = rng.random((height, width))
    image[hole] = np.nan
    kept = grid.load(image[..., np.newaxis], unknown=-1)[0]
    expected = np.pad(np.where(hole, -1, image), margin, constant_values=-1)
    run = 0
    for y in range(height):
        for _ in range(grid.row_start[y], grid.row_start[y + 1]):
            for j in range(grid.lengths[run]):
                x = grid.start[run] + j
                for row in range(2 * margin + 1):
                    at = grid.around[run, row] + j
                    np.testing.assert_array_equal(
                        kept[at - margin : at + margin + 1], expected[y + row, x : x + 2 * margin + 1]
                    )
            run += 1
    assert grid.pixels == hole.sum()
    assert (kept == -1).sum() >= grid.pixels


def test_hole_values_come_back_row_by_row() -> None:
    hole = np.array([[0, 1, 1, 0, 1], [1, 0, 0, 0, 0]], bool)
    grid = SparseGrid.of(hole)
    kept = np.zeros((2, grid.size))
    for run, (begin, length) in enumerate(zip(grid.around[:, 1], grid.lengths, strict=True)):
        kept[:, begin : begin + length] = 10 * run + np.arange(length)
    out = np.empty((4, 2))
    grid.hole_values(kept, out, np.array([0.0, 5.0]), np.array([1.0, 3.0]))
    np.testing.assert_array_equal(out, [[0, 5], [1, 8], [10, 35], [20, 65]])


def test_more_pixels_than_tables_count_to_are_refused() -> None:
    check_places(2**31 - 1)
    with pytest.raises(MemoryShortError, match=r'are 2147483648 pixels, .* 2147483647 at most: use method="telea"'):
        check_places(2**31)
