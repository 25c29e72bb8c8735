"""Masks made to order: what they look like in numbers, and that they are the same again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from restauro.damage import ratios, synthesis
from restauro.errors import ParameterError

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


@given(seed=seeds, height=sides, width=sides, ratio=st.floats(0.005, 0.6), border=st.booleans())
def test_strokes_cover_what_is_asked_for(seed: int, height: int, width: int, ratio: float, border: bool) -> None:
    hole = synthesis.strokes(height, width, ratio, np.random.default_rng(seed), border=border)
    assert hole.shape == (height, width)
    assert hole.dtype == bool
    assert abs(hole.sum() - ratio * hole.size) <= max(0.1 * ratio * hole.size, 4)
    again = synthesis.strokes(height, width, ratio, np.random.default_rng(seed), border=border)
    np.testing.assert_array_equal(hole, again)


@pytest.mark.parametrize("border", [True, False])
@pytest.mark.parametrize("ratio_bin", ratios.RATIO_BINS)
def test_strokes_meet_the_bins_of_the_paper(ratio_bin: tuple[float, float], border: bool) -> None:
    rng = np.random.default_rng(0)
    for side in (128, 512):
        for _ in range(8):
            wanted = ratios.ratio_in(ratio_bin, rng)
            hole = synthesis.strokes(side, side, wanted, rng, border=border)
            assert hole.mean() == pytest.approx(wanted, rel=0.1)
            assert ratio_bin[0] < hole.mean() <= ratio_bin[1]


@pytest.mark.parametrize(("side", "margin"), [(512, 50), (128, 12), (32, 3)])
def test_a_free_border_is_free_and_the_other_is_not(side: int, margin: int) -> None:
    rng = np.random.default_rng(0)
    free = np.any([synthesis.strokes(side, side, 0.3, rng, border=False) for _ in range(30)], axis=0)
    assert free[margin:-margin, margin:-margin].mean() > 0.99
    free[margin:-margin, margin:-margin] = False
    assert not free.any()
    often = np.mean([synthesis.strokes(side, side, 0.3, rng) for _ in range(100)], axis=0)
    assert often[[0, -1]].mean() > 0.2
    assert often[:, [0, -1]].mean() > 0.2


def test_strokes_grow_with_the_picture() -> None:
    """The share of hole pixels at the holes' rims halves when the side is doubled."""
    shares = []
    for side in (128, 256, 512):
        rng = np.random.default_rng(0)
        holes = np.stack([synthesis.strokes(side, side, 0.2, rng) for _ in range(40)])
        shares.append((holes[:, :, 1:] & ~holes[:, :, :-1]).sum() / holes.sum())
    assert shares[0] / shares[1] == pytest.approx(2, rel=0.25)
    assert shares[1] / shares[2] == pytest.approx(2, rel=0.25)


def test_any_strokes_are_of_all_bins_with_and_without_border() -> None:
    rng = np.random.default_rng(0)
    holes = [synthesis.any_strokes(64, 96, rng) for _ in range(200)]
    counts, _ = np.histogram([hole.mean() for hole in holes], [0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert counts.sum() == 200
    assert counts.min() > 15
    touching = sum(hole[:6].any() or hole[-6:].any() or hole[:, :6].any() or hole[:, -6:].any() for hole in holes)
    assert 60 < touching < 130


@pytest.mark.parametrize(
    ("ratio", "border", "match"),
    [
        (0, True, r"The hole ratio 0 is out of range: of strokes it is above 0, at most 0\.97\."),
        (0.98, True, r"The hole ratio 0\.98 is out of range"),
        (
            0.7,
            False,
            r"The hole ratio 0\.7 is out of range: of strokes with a free border in 64 x 64 pixels it is above",
        ),
        (float("nan"), True, "The hole ratio nan is out of range"),
    ],
)
def test_ratios_out_of_range(ratio: float, border: bool, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        synthesis.strokes(64, 64, ratio, np.random.default_rng(0), border=border)


@given(seed=seeds, height=st.integers(8, 140), width=st.integers(8, 140))
@settings(max_examples=30, deadline=None)
def test_pieces_are_repeatable_masks_with_something_to_fill_and_to_know(seed: int, height: int, width: int) -> None:
    hole = synthesis.pieces(height, width, np.random.default_rng(seed))
    assert hole.shape == (height, width)
    assert hole.dtype == bool
    assert 0 < hole.mean() <= 0.95
    np.testing.assert_array_equal(hole, synthesis.pieces(height, width, np.random.default_rng(seed)))


def test_pieces_are_of_all_ratios_and_as_wide_as_in_large_pictures() -> None:
    rng = np.random.default_rng(0)
    holes = [synthesis.pieces(128, 128, rng) for _ in range(120)]
    shares = np.array([hole.mean() for hole in holes])
    assert np.median(shares) < 0.3
    assert (shares < 0.1).mean() > 0.2
    assert (shares > 0.4).mean() > 0.1
    widest = [ndimage.distance_transform_edt(hole).max() for hole in holes]
    assert np.quantile(widest, 0.75) > 12  # strokes drawn in 128 pixels are 4 to 9 wide from rim to middle
