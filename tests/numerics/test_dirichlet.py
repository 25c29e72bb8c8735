"""What known pixels give to a hole's, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from restauro.numerics.dirichlet import known_range, laplacian_right_side
from restauro.numerics.sparse_grid import SparseGrid
from tests.numerics.systems import gathered, known_sum
from tests.promises.pictures import holes, picture, seeds


@given(seed=seeds, height=st.integers(1, 20), width=st.integers(1, 20), margin=st.integers(1, 2))
def test_right_side_and_range(seed: int, height: int, width: int, margin: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width)) * 7 - 3, holes(rng, (height, width))
    if not hole.any():
        return
    grid = SparseGrid.of(hole, margin)
    known = grid.load(np.stack([np.where(hole, np.inf, image), 2 * image], axis=2), np.nan)
    near = np.zeros_like(hole)
    for y, x in np.argwhere(hole):
        near[max(y - margin, 0) : y + margin + 1, max(x - margin, 0) : x + margin + 1] = True
    seen = image[near & ~hole]
    expected = ((seen.min() + seen.max()) / 2, np.ptp(seen)) if seen.size else (np.nan, -np.inf)
    np.testing.assert_allclose(known_range(known), np.outer(expected, (1, 2)), rtol=1e-12)
    right_side = laplacian_right_side(grid, known, np.array([0.5, 1.0]), np.array([2.0, 0.0]))
    np.testing.assert_allclose(gathered(grid, right_side[0]), known_sum(hole, (image - 0.5) / 2), rtol=0, atol=1e-12)
    assert not right_side[1].any()
