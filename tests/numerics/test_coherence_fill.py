"""Coherence transport against the formulas in plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.numerics.guide_lines import directions
from tests.numerics import naive_coherence
from tests.numerics.test_march import arrival_times
from tests.promises.pictures import holes, picture, seeds


@given(
    seed=seeds,
    height=st.integers(3, 16),
    width=st.integers(3, 16),
    radius=st.integers(2, 5),
    channels=st.sampled_from([1, 2, 3, 9]),
)
@settings(max_examples=15, deadline=None)
def test_fill_is_the_formula(seed: int, height: int, width: int, radius: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, (height, width, channels))
    hole = holes(rng, (height, width))
    expected = naive_coherence.Fill(image, hole, arrival_times(hole, 10), radius).filled()
    restored = restauro.inpaint(image, hole, "coherence", radius=radius)
    np.testing.assert_allclose(restored, expected, rtol=0, atol=1e-8)


@given(seed=seeds, radius=st.integers(2, 5))
@settings(max_examples=8, deadline=None)
def test_along_drawn_lines_it_is_the_formula(seed: int, radius: int) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(8, 20)), int(rng.integers(8, 20))
    image, hole = picture(rng, (*shape, 2)), holes(rng, shape)
    line = rng.uniform(0, min(shape), (3, 2))
    line[1] = np.argwhere(hole)[0] if hole.any() else line[1]
    segments = np.concatenate([line[:-1], line[1:]], axis=1)
    field = directions(segments, 0.0, 0.0, shape)
    expected = naive_coherence.Fill(image, hole, arrival_times(hole, 10), radius, field[:2].astype(float)).filled()
    restored = restauro.inpaint(image, hole, "coherence", radius=radius, guides=[line])
    np.testing.assert_allclose(restored, expected, rtol=0, atol=1e-6)


def test_a_wide_hole_is_the_formula() -> None:
    rng = np.random.default_rng(8)
    image = picture(rng, (30, 28, 1))
    hole = np.zeros((30, 28), bool)
    hole[6:24, 5:28] = True
    hole[14:16] = True
    expected = naive_coherence.Fill(image, hole, arrival_times(hole, 10), 3).filled()
    np.testing.assert_allclose(restauro.inpaint(image, hole, "coherence", radius=3), expected, rtol=0, atol=1e-8)
