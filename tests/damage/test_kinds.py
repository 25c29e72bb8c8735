"""Cracks, scratches, losses, blobs and text: they cover what is asked for, and look like what they are in numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from restauro.damage.cracks import cracks
from restauro.damage.kinds import KINDS as TABLE
from restauro.damage.kinds import make_damage
from restauro.damage.patches import losses
from restauro.errors import ParameterError

KINDS = [name for name, kind in TABLE.items() if kind.ratio_range]


def test_the_table() -> None:
    assert list(TABLE) == ["marks", "strokes", "cracks", "scratches", "losses", "blobs", "text"]
    assert TABLE["marks"].ratio_range is None
    assert TABLE["cracks"].ratio_range == (0, 0.5)
    for name, kind in TABLE.items():
        assert kind.name == name
        hole = make_damage(name, 64, 48, rng=3)
        np.testing.assert_array_equal(hole, kind.make(64, 48, None, np.random.default_rng(3)))
        if kind.default_ratio:
            assert hole.mean() == pytest.approx(kind.default_ratio, rel=0.1)
            np.testing.assert_array_equal(hole, make_damage(name, 64, 48, kind.default_ratio, np.random.default_rng(3)))


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(ParameterError, match="There is no kind of damage 'rust': choose one of marks, strokes, cracks"):
        make_damage("rust", 8, 8)
    with pytest.raises(ParameterError, match=r"There is no option border of cracks, which have only pattern, course"):
        make_damage("cracks", 8, 8, border=True)
    with pytest.raises(ParameterError, match=r"There is no ratio of marks, which cover as much as they do"):
        make_damage("marks", 8, 8, 0.1)
    with pytest.raises(ParameterError, match=r"A mask of 0 x 8 pixels can't be drawn: both must be at least 1"):
        make_damage("text", 0, 8)
    for width in (0.0, -1.0, float("nan")):
        with pytest.raises(ParameterError, match=r"The crack width \S+ is out of range: it is above 0, in pixels"):
            make_damage("cracks", 8, 8, crack_width=width)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(32, 32), (70, 400), (1100, 900), (2200, 2048)])
def test_ratios_are_met_at_all_sizes(kind: str, shape: tuple[int, int]) -> None:
    for ratio in (0.01, 0.06):
        hole = make_damage(kind, *shape, ratio, rng=1)
        assert hole.mean() == pytest.approx(ratio, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 90), width=st.integers(1, 90), share=st.floats(0.02, 1))
def test_they_cover_what_is_asked_for_again_and_again(
    kind: str, seed: int, height: int, width: int, share: float
) -> None:
    ratio = share * TABLE[kind].ratio_range[1]
    hole = make_damage(kind, height, width, ratio, np.random.default_rng(seed))
    assert hole.shape == (height, width)
    assert hole.dtype == bool
    assert abs(hole.sum() - ratio * hole.size) <= max(0.1 * ratio * hole.size, 6)
    np.testing.assert_array_equal(hole, make_damage(kind, height, width, ratio, np.random.default_rng(seed)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ratio", [0.0, -1.0, 0.98, float("nan")])
def test_a_ratio_out_of_range_is_refused(kind: str, ratio: float) -> None:
    with pytest.raises(ParameterError, match=f"The hole ratio .* is out of range: of {kind} it is above 0, at most"):
        make_damage(kind, 64, 64, ratio, np.random.default_rng(0))


def width_of(hole: np.ndarray) -> float:
    """Return the mean width of thin shapes: twice the mean distance to the rim on their middle lines."""
    distance = ndimage.distance_transform_edt(hole)
    middle = hole & (distance == ndimage.maximum_filter(distance, 3))
    return float(2 * distance[middle].mean() - 1)


@pytest.mark.parametrize("kind", ["cracks", "scratches"])
def test_widths_grow_with_the_picture(kind: str) -> None:
    widths = [
        np.mean([width_of(make_damage(kind, side, side, 0.04, np.random.default_rng(seed))) for seed in range(6)])
        for side in (256, 1024)
    ]
    assert widths[1] > 2 * widths[0]


def test_cracks_hang_together_and_enclose_islands() -> None:
    for seed in range(4):
        hole = cracks(512, 512, 0.1, np.random.default_rng(seed), pattern="age")
        labels, count = ndimage.label(hole, np.ones((3, 3)))
        assert np.bincount(labels.ravel())[1:].max() > 0.5 * hole.sum()
        assert ndimage.label(~hole)[1] > 30 > 0 < count


def test_a_width_that_is_asked_for_is_that_of_the_first_cracks() -> None:
    narrow, wide = (
        np.mean([width_of(cracks(512, 512, 0.02, np.random.default_rng(k), "age", crack_width=w)) for k in range(4)])
        for w in (2, 6)
    )
    assert 1 < narrow < 3
    assert 3.5 < wide < 7


def test_rectilinear_cracks_keep_to_two_directions_and_rounded_ones_do_not() -> None:
    def prevalence(course: str) -> float:
        """Return how much one pair of directions prevails, 0 to 1: the fourth harmonic of the gradients' angles."""
        found = []
        for seed in range(4):
            hole = cracks(384, 384, 0.06, np.random.default_rng(seed), "age", course)  # type: ignore[arg-type]
            smooth = ndimage.gaussian_filter(hole.astype(float), 2)
            down, across = np.gradient(smooth)
            angles = np.arctan2(down, across)
            found.append(abs(np.average(np.exp(4j * angles), weights=np.hypot(down, across))))
        return float(np.mean(found))

    assert prevalence("rectilinear") > 2 * prevalence("rounded")


def test_unknown_patterns_and_courses_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match=r"The pattern 'old' isn't known: it is age or drying\."):
        cracks(64, 64, 0.1, rng, pattern="old")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"The course 'round' isn't known: it is rectilinear or rounded\."):
        cracks(64, 64, 0.1, rng, course="round")  # type: ignore[arg-type]


def test_losses_are_ragged_and_blobs_are_not() -> None:
    def raggedness(kind: str) -> float:
        """Return the outline's length over that of a disc of the same area, of the largest patch."""
        found = []
        for seed in range(5):
            hole = make_damage(kind, 512, 512, 0.15, np.random.default_rng(seed))
            labels, _ = ndimage.label(hole)
            largest = labels == 1 + np.bincount(labels.ravel())[1:].argmax()
            outline = np.count_nonzero(largest[1:] != largest[:-1]) + np.count_nonzero(
                largest[:, 1:] != largest[:, :-1]
            )
            found.append(outline / np.sqrt(16 * largest.sum()))
        return float(np.mean(found))

    assert raggedness("losses") > 1.5 * raggedness("blobs")


def test_losses_are_a_few_large_and_many_small() -> None:
    labels, count = ndimage.label(losses(512, 512, 0.1, np.random.default_rng(2)))
    sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    assert count > 30
    assert sizes[:5].sum() > 0.5 * sizes.sum()
