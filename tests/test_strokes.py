"""Strokes become the same pixels wherever they are, whatever is drawn with them, and nothing outside."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restauro.errors import ParameterError
from restauro.strokes import Stroke

COORDINATE = st.floats(-10, 60)
POINT = st.tuples(COORDINATE, COORDINATE, st.floats(0.5, 12))
BRUSH = st.builds(
    Stroke, st.lists(POINT, min_size=1, max_size=5).map(tuple), hardness=st.floats(0, 1), strength=st.floats(0.01, 1)
)
POLYGON = st.builds(Stroke, st.lists(POINT, min_size=3, max_size=7).map(tuple), shape=st.just("polygon"))


def whole(stroke: Stroke, size: tuple[int, int]) -> Any:
    drawn = np.zeros(size, np.uint8)
    box, levels = stroke.drawn(size)
    drawn[box[0] : box[1], box[2] : box[3]] = levels
    return drawn


def naive_brush(stroke: Stroke, size: tuple[int, int]) -> Any:
    """Each pixel by itself: the most that a segment's nearest point gives it."""
    drawn = np.zeros(size, np.uint8)
    ends = stroke.points[1:] or stroke.points
    for row, column in np.ndindex(size):
        for (x, y, r), (x2, y2, r2) in zip(stroke.points, ends, strict=False):
            length = (x2 - x) ** 2 + (y2 - y) ** 2
            part = ((column + 0.5 - x) * (x2 - x) + (row + 0.5 - y) * (y2 - y)) / length if length else 0
            part = min(max(part, 0), 1)
            away = math.hypot(column + 0.5 - x - part * (x2 - x), row + 0.5 - y - part * (y2 - y))
            radius = r + part * (r2 - r)
            soft = (1 - stroke.hardness) * radius
            share = 1 if away <= radius - soft else max((radius - away) / max(soft, 1e-9), 0)
            drawn[row, column] = max(drawn[row, column], math.ceil(255 * stroke.strength * min(share, 1)))
    return drawn


@given(BRUSH)
def test_a_brush_is_what_the_rule_says_pixel_by_pixel(stroke: Stroke) -> None:
    drawn, expected = whole(stroke, (24, 30)).astype(int), naive_brush(stroke, (24, 30)).astype(int)
    assert np.abs(drawn - expected).max() <= 1  # hypot's last bit
    assert np.count_nonzero((drawn > 0) != (expected > 0)) == 0


@given(st.one_of(BRUSH, POLYGON), st.integers(0, 40), st.integers(0, 40))
def test_a_stroke_is_the_same_wherever_it_is(stroke: Stroke, down: int, across: int) -> None:
    moved = Stroke(
        tuple((x + across, y + down, r) for x, y, r in stroke.points), stroke.shape, stroke.hardness, stroke.strength
    )
    here, there = whole(stroke, (100, 100)), whole(moved, (100, 100))
    np.testing.assert_array_equal(here[: 100 - down, : 100 - across], there[down:, across:])


@given(st.one_of(BRUSH, POLYGON))
def test_what_json_holds_of_a_stroke_is_all_of_it(stroke: Stroke) -> None:
    assert Stroke.of(stroke.as_dict()) == stroke


def test_a_line_as_thin_as_can_be_has_no_gaps() -> None:
    drawn = whole(Stroke(((0.5, 0.5, 0.5), (30.5, 13.5, 0.5))), (20, 40))
    assert (drawn[:, :31] == 255).any(axis=0).all()


def test_an_area_has_the_pixels_whose_middles_lie_in_it() -> None:
    drawn = whole(Stroke(((1, 1, 0), (5, 1, 0), (5, 4, 0), (1, 4, 0)), "polygon"), (6, 8))
    expected = np.zeros((6, 8), np.uint8)
    expected[1:4, 1:5] = 255
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"points": ()}, "1 to 50000 points"),
        ({"points": ((0, 0, 1), (1, 1, 1)), "shape": "polygon"}, "3 to 50000 points"),
        ({"points": ((0, math.nan, 1),)}, "three numbers"),
        ({"points": ((0, 0),)}, "three numbers"),
        ({"points": ((0, 1e308, 1),)}, "within 1e\\+07 pixels"),
        ({"points": ((0, 0, 0.1),)}, "radius is 0.5 to 2000"),
        ({"points": ((0, 0, 1),), "hardness": 2}, "hardness=2"),
        ({"points": ((0, 0, 1),), "strength": 0}, "strength=0"),
        ({"points": ((0, 0, 1),), "shape": "star"}, "brush or polygon"),
    ],
)
def test_what_is_no_stroke_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        Stroke(**values)
