"""The brush against a slow one that looks at every pixel for every disc."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from restauro.numerics import brush


@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 24), width=st.integers(1, 24), most=st.integers(1, 200))
def test_a_stroke_is_its_discs(seed: int, height: int, width: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 6))
    place = rng.uniform(-3, 24, 2).tolist()
    heading, stride = rng.uniform(0, 6), rng.uniform(0.5, 5)
    turns, radii, down = rng.normal(0, 1, count), rng.uniform(0.5, 5, count + 1), rng.random(count) < 0.8
    before = rng.random((height, width)) < 0.2
    ours, theirs = before.copy(), before.copy()
    drawn = brush.draw_stroke(*place, heading, stride, turns, radii, down, ours, most)
    naive_stroke(place, heading, stride, turns, radii, down, theirs, most)
    np.testing.assert_array_equal(ours, theirs)
    assert drawn == ours.sum() - before.sum()


def naive_stroke(
    place: list[float],
    heading: float,
    stride: float,
    turns: np.ndarray,
    radii: np.ndarray,
    down: np.ndarray,
    mask: np.ndarray,
    most: int,
) -> None:
    rows, columns = np.indices(mask.shape)
    before, at = mask.sum(), np.array(place)
    for turn, radius, following, is_down in zip(turns, radii[:-1], radii[1:], down, strict=True):
        steps = int(np.ceil(stride / max(radius / 6, 0.5)))
        for step in range(steps):
            if is_down:
                square = (radius + step / steps * (following - radius)) ** 2
                mask |= (rows - at[0]) ** 2 + (columns - at[1]) ** 2 <= square
                if mask.sum() - before >= most:
                    return
            heading += turn / steps
            at = at + stride / steps * np.array([np.sin(heading), np.cos(heading)])
