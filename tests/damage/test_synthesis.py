"""Masks made to order: what they look like in numbers, and that they are the same again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restauro.damage import synthesis

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 80)


@given(seed=seeds, height=sides, width=sides)
def test_marks_are_repeatable_masks(seed: int, height: int, width: int) -> None:
    hole = synthesis.marks(height, width, np.random.default_rng(seed))
    assert hole.shape == (height, width)
    assert hole.dtype == bool
    np.testing.assert_array_equal(hole, synthesis.marks(height, width, np.random.default_rng(seed)))


def test_marks_cover_what_the_founding_project_drew() -> None:
    """Its recipe redrawn with OpenCV, three times 10,000 masks: mean 0.1485 to 0.1492, standard deviation 0.084."""
    rng = np.random.default_rng(0)
    ratios = np.array([synthesis.marks(32, 32, rng).mean() for _ in range(10_000)])
    assert ratios.mean() == pytest.approx(0.1487, abs=3 * 0.084 / 100)
    assert ratios.std() == pytest.approx(0.084, abs=0.002)
    np.testing.assert_allclose(np.quantile(ratios, [0.05, 0.5, 0.95]), [0.020, 0.146, 0.289], atol=0.006)
    assert 0 < ratios.min() < 0.005
    assert 0.38 < ratios.max() < 0.52


def test_marks_leave_the_first_row_to_thick_lines() -> None:
    """Ends are at 1 to 31, so a thin line never comes to row 0, and a thick one does."""
    rng = np.random.default_rng(0)
    often = np.mean([synthesis.marks(32, 32, rng) for _ in range(4000)], axis=0)
    assert 0 < often[0].mean() < 0.6 * often[1].mean()
    assert 0 < often[:, 0].mean() < 0.6 * often[:, 1].mean()
    assert often[31].mean() > often[0].mean()


@pytest.mark.parametrize("side", [48, 256])
def test_larger_marks_cover_as_much(side: int) -> None:
    rng = np.random.default_rng(1)
    ratios = [synthesis.marks(side, side, rng).mean() for _ in range(1500)]
    assert np.mean(ratios) == pytest.approx(0.1487, abs=0.0065)
    assert np.std(ratios) == pytest.approx(0.084, abs=0.005)
