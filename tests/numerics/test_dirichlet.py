"""What known pixels give to a hole's, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from restauro.numerics.dirichlet import known_range, laplacian_right_side
from restauro.numerics.sparse_grid import SparseGrid
from tests.numerics.systems import known_sum
from tests.promises.pictures import holes, picture, seeds


@given(seed=seeds, height=st.integers(1, 20), width=st.integers(1, 20), margin=st.integers(1, 2))
def test_right_side_and_range(seed: int, height: int, width: int, margin: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width)) * 7 - 3, holes(rng, (height, width))
    if not hole.any():
        return
    grid = SparseGrid.of(hole, margin)
    known = grid.load(np.where(hole, np.inf, image), np.nan)
    near = np.zeros_like(hole)
    for y, x in np.argwhere(hole):
        near[max(y - margin, 0) : y + margin + 1, max(x - margin, 0) : x + margin + 1] = True
    seen = image[near & ~hole]
    assert known_range(known) == ((seen.min(), seen.max()) if seen.size else (np.inf, -np.inf))
    found = np.empty(grid.pixels)
    grid.hole_values(laplacian_right_side(grid, known, 0.5, 2.0), found)
    np.testing.assert_allclose(found, known_sum(hole, (image - 0.5) / 2), rtol=0, atol=1e-12)
    assert not laplacian_right_side(grid, known, 0.5, 0.0).any()
