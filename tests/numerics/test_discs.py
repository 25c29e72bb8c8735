"""Discs around hole pixels, against one that looks at every pair of pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from restauro.numerics.discs import draw_discs
from tests.promises.pictures import holes, seeds


@given(seed=seeds, height=st.integers(1, 16), width=st.integers(1, 16), radius=st.integers(0, 6))
def test_what_is_grown_is_near_a_hole_pixel(seed: int, height: int, width: int, radius: int) -> None:
    hole = holes(np.random.default_rng(seed), (height, width))
    half_widths = np.sqrt(radius**2 - np.arange(radius + 1.0) ** 2).astype(np.int64)
    grown = np.zeros_like(hole)
    draw_discs(hole, half_widths, grown)
    pixels = np.argwhere(hole)
    expected = [
        [bool((np.square(pixels - (y, x)).sum(axis=1) <= radius**2).any()) for x in range(width)] for y in range(height)
    ]
    np.testing.assert_array_equal(grown, expected)
