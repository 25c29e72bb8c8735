"""Lines against OpenCV's, pixel by pixel, and against distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restauro.numerics import lines
from restauro.numerics.kernel import MODE

seeds = st.integers(0, 2**32 - 1)
CASES = 200 if MODE == "python" else 20_000


@pytest.mark.parametrize(("height", "width"), [(32, 32), (20, 57)])
def test_lines_are_opencvs(height: int, width: int) -> None:
    """All 1,847,042 lines with ends in 1..31 of 32 x 32 were compared once; here are some of them."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV isn't installed: pip install .[eval]")
    rng = np.random.default_rng(height)
    for _ in range(CASES):
        ends = rng.integers(1, [height, width, height, width], (1, 4))
        if rng.random() < 0.1:
            ends[0, 2:] = ends[0, :2]
        thick = bool(rng.integers(2))
        mask = np.zeros((height, width), bool)
        lines.draw_opencv_lines(ends, np.array([thick]), mask)
        row, column, last_row, last_column = ends[0].tolist()
        theirs = cv2.line(
            np.zeros((height, width), np.uint8), (column, row), (last_column, last_row), 1, 2 if thick else 1
        )
        np.testing.assert_array_equal(mask, theirs == 1, err_msg=f"{ends}, thick: {thick}")


def test_lines_add_to_what_is_there() -> None:
    mask = np.zeros((4, 6), bool)
    mask[0, 5] = True
    lines.draw_opencv_lines(np.array([[1, 1, 1, 4], [3, 0, 3, 1]]), np.array([False, False]), mask)
    expected = [[0, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0]]
    np.testing.assert_array_equal(mask, expected)


@given(seed=seeds, height=st.integers(1, 24), width=st.integers(1, 24), along=st.sampled_from(["any", "row", "column"]))
def test_capsules_are_the_pixels_near_a_line(seed: int, height: int, width: int, along: str) -> None:
    rng = np.random.default_rng(seed)
    ends = rng.uniform(-4, 28, (1, 4))
    if along == "row":
        ends[0, 2] = ends[0, 0]
    elif along == "column":
        ends[0, 3] = ends[0, 1]
    radius = rng.uniform(0.3, 6)
    mask = np.zeros((height, width), bool)
    lines.draw_capsules(ends, np.array([radius]), mask)
    distance = distances(ends[0], height, width)
    unsure = abs(distance - radius) < 1e-9
    np.testing.assert_array_equal(mask | unsure, (distance <= radius) | unsure)


def distances(ends: np.ndarray, height: int, width: int) -> np.ndarray:
    """How far each pixel is from a line between two ends."""
    start, along = ends[:2], ends[2:] - ends[:2]
    pixels = np.stack(np.indices((height, width)), axis=-1) - start
    part = np.clip(pixels @ along / max(along @ along, 1e-300), 0, 1)
    return np.linalg.norm(pixels - part[..., np.newaxis] * along, axis=-1)
