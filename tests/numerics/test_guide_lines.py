"""Which way drawn lines run, against plain distances from every segment."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.numerics.guide_lines import REACH, directions, follow
from tests.numerics.kernels import step
from tests.promises.pictures import seeds


def nearest(segments: np.ndarray, y: float, x: float) -> tuple[float, np.ndarray, float]:
    """Return the distance from the nearest segment, its direction (x, y), and the side: 1 on its left as seen."""
    found = (np.inf, np.zeros(2), 1.0)
    for y0, x0, y1, x1 in segments:
        along = np.array([x1 - x0, y1 - y0])
        length = np.hypot(*along)
        if length == 0:
            continue
        along /= length
        off = np.array([x - x0, y - y0])
        apart = off - np.clip(off @ along, 0, length) * along
        if np.hypot(*apart) < found[0]:
            found = (np.hypot(*apart), along, 1.0 if off[0] * along[1] - off[1] * along[0] >= 0 else -1.0)
    return found


@given(seed=seeds, count=st.integers(1, 6), top=st.floats(-20, 20), left=st.floats(-20, 20))
@settings(max_examples=40)
def test_directions_are_those_of_the_nearest_segment(seed: int, count: int, top: float, left: float) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(1, 25)), int(rng.integers(1, 25))
    segments = rng.uniform(-15, 40, (count, 4))
    if seed % 3 == 0:
        segments[:, 2:] = segments[:, :2]
        segments[0, 2] += 3
    field = directions(segments, top, left, shape)
    if not field.size:
        field = np.zeros((3, *shape), np.float32)
    for i, j in np.ndindex(shape):
        apart, _, side = nearest(segments, top + i, left + j)
        if abs(apart - REACH) < 1e-3:  # on the border either will do
            continue
        if apart > REACH:
            assert not field[:, i, j].any()
            continue
        found = np.hypot(*field[:2, i, j])
        assert abs(found - 1) < 1e-5
        assert abs(abs(field[2, i, j]) - apart) < 1e-3
        others = [nearest(segments[[k]], top + i, left + j) for k in range(count)]
        equals = [other for other in others if other[0] - apart < 1e-3]
        assert any(np.abs(other[1] - field[:2, i, j]).max() < 1e-4 for other in equals)
        if len(equals) == 1 and apart > 0.01:
            assert np.sign(field[2, i, j]) == side


def test_a_tensor_that_follows_has_no_gradient_along_the_line() -> None:
    field = directions(np.array([[3.0, 0, 9, 12]]), 0.0, 0.0, (12, 14))
    J = np.random.default_rng(0).random((3, 13, 16), np.float32)
    before = J.copy()
    step(follow)(J, field)
    on = np.zeros((13, 16), bool)
    on[:12, :14] = field[:2].any(axis=0)
    assert on.any()
    np.testing.assert_array_equal(J[:, ~on], before[:, ~on])
    x, y = field[:2, 6, 6]
    xx, xy, yy = J[:, 6, 6]
    tensor = np.array([[xx, xy], [xy, yy]])
    assert np.abs(tensor @ (x, y)).max() < 1e-6 * np.trace(tensor)
    assert np.trace(tensor) > 1e14
