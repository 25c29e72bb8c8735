"""Roughness is what a plane, fitted by NumPy's least squares, leaves of a patch's variance."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.numerics.patches import UNUSED, Level
from restauro.numerics.roughness import lacking, roughness


def threads(workers: int) -> Any:
    def together(steps: Any) -> Any:
        return [step() for step in steps]

    return SimpleNamespace(workers=workers, control=np.zeros(2, np.int64), together=together)


def level_of(values: np.ndarray, depth: np.ndarray, bands: int) -> Level:
    height, width, channels = values.shape
    level = Level.empty(height, width, channels, bands)
    level.values[: values.size] = values.ravel()
    level.depth[:] = depth
    return level


def left_over(values: np.ndarray, used: np.ndarray, row: int, column: int) -> float:
    ys, xs = (np.arange(max(at - 3, 0), min(at + 4, side)) for at, side in zip((row, column), used.shape, strict=True))
    y, x = (index.ravel() for index in np.meshgrid(ys, xs, indexing="ij"))
    there = used[y, x]
    y, x = y[there], x[there]
    plane = np.stack([np.ones(y.size), x, y], axis=1)
    v = values[y, x].astype(float)
    fitted = plane @ np.linalg.lstsq(plane, v, rcond=None)[0]
    return float(np.square(v - fitted).mean())


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(7, 16),
    width=st.integers(7, 16),
    bands=st.integers(1, 4),
    lines=st.sampled_from([0, 2]),
    workers=st.integers(1, 3),
)
@settings(max_examples=20)
def test_it_is_what_least_squares_leave(
    seed: int, height: int, width: int, bands: int, lines: int, workers: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, (height, width, bands + lines)).astype(np.float32)
    values[..., :bands] *= rng.choice([1e-3, 1])
    depth = rng.choice([0, 1, UNUSED], (height, width), p=[0.5, 0.35, 0.15]).astype(np.uint8)
    holes = np.flatnonzero(depth == 1).astype(np.int32)
    found = roughness(level_of(values, depth, bands), holes, threads(workers))
    assert found.dtype == np.float32
    expected = [left_over(values[..., :bands], depth != UNUSED, *divmod(int(at), width)) for at in holes]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-10)


def test_a_ramp_is_not_rough() -> None:
    y, x = np.mgrid[:12, :15]
    ramp = (0.01 * x - 0.02 * y + 0.3)[..., np.newaxis].astype(np.float32)
    holes = np.arange(12 * 15, dtype=np.int32)
    found = roughness(level_of(ramp, np.ones((12, 15), np.uint8), 1), holes, threads(1))
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_it_ends_where_the_task_is_stopped() -> None:
    rough = np.random.default_rng(2).random((12, 15, 1)).astype(np.float32)
    holes, task = np.arange(12 * 15, dtype=np.int32), threads(2)
    level = level_of(rough, np.ones((12, 15), np.uint8), 1)
    assert (roughness(level, holes, task) > 0).all()
    task.control[0] = 1
    assert (roughness(level, holes, task) == 0).all()


def test_what_a_fill_lacks_is_between_all_and_nothing() -> None:
    smooth, textured = np.float32([0, 0, 3, 4, 5]), np.float32([0, 4, 4, 4, 4])
    np.testing.assert_allclose(lacking(smooth, textured), [1, 1, 0.5, 0, 0])
