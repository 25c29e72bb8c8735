"""Registration: planes moved by SciPy are found to be so; moving is cubic convolution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from restauro.infrared.registration import NONE, Displacement, moved, register, within

SHAPE = (300, 340)


def scene(seed: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    areas = ndimage.gaussian_filter(rng.normal(size=shape), 5)
    plane = (areas > 0) + 0.1 * ndimage.gaussian_filter(rng.normal(size=shape), 1)
    return ndimage.gaussian_filter(plane, 0.7).astype(np.float32)


def displaced(plane: np.ndarray, by: Displacement) -> np.ndarray:
    """Return what shows at y + shift + growth * (y - middle) what the plane shows at y."""
    at = []
    for (shift, growth), side in zip(by, plane.shape, strict=True):
        middle = (side - 1) / 2
        at.append((np.arange(side) - shift + growth * middle) / (1 + growth))
    return ndimage.map_coordinates(plane, np.meshgrid(*at, indexing="ij"), order=3, mode="nearest").astype(np.float32)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 1000),
    shift=st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
    sign=st.sampled_from([1, -0.3]),
)
def test_shifts_are_found_to_a_tenth_of_a_pixel(seed: int, shift: tuple[float, float], sign: float) -> None:
    """Where the other is fainter, has another focus and noise, and is light where the plane is dark."""
    plane = scene(seed)
    other = sign * ndimage.gaussian_filter(displaced(plane, Displacement((shift[0], 0), (shift[1], 0))), 0.7)
    other += 0.01 * np.random.default_rng(seed).normal(size=SHAPE)
    found = register(plane, other)
    assert found is not None
    assert abs(found.rows[0] - shift[0]) < 0.15
    assert abs(found.columns[0] - shift[1]) < 0.15


def test_growth_is_found() -> None:
    plane, by = scene(1, (900, 800)), Displacement((1.3, 0.002), (-2.4, -0.001))
    found = register(plane, displaced(plane, by))
    assert found is not None
    assert (np.abs(np.array(found) - np.array(by)) < [0.1, 3e-4]).all()
    laid = moved(displaced(plane, by), found)
    inside = tuple(slice(side.start + 4, side.stop - 4) for side in within(found, plane.shape))
    assert np.abs(laid - plane)[inside].max() < 0.1 * np.ptp(plane)


@pytest.mark.parametrize("other", ["flat", "noise", "another"])
def test_what_shows_something_else_is_not_laid_over_it(other: str) -> None:
    rng = np.random.default_rng(3)
    planes = {"flat": np.zeros(SHAPE), "noise": rng.normal(size=SHAPE), "another": scene(5)}
    assert register(scene(4), planes[other]) is None


@settings(max_examples=20)
@given(
    seed=st.integers(0, 1000),
    rows=st.tuples(st.floats(-5, 5), st.floats(-0.01, 0.01)),
    columns=st.tuples(st.floats(-5, 5), st.floats(-0.01, 0.01)),
)
def test_moving_is_exact_for_surfaces_of_the_second_degree(
    seed: int, rows: tuple[float, float], columns: tuple[float, float]
) -> None:
    """Keys: cubic convolution reproduces polynomials of up to that degree."""
    a = np.random.default_rng(seed).normal(size=6) / [1, 40, 40, 1600, 1600, 1600]
    by = Displacement(rows, columns)

    def surface(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return a[0] + a[1] * y + a[2] * x + a[3] * y * y + a[4] * x * y + a[5] * x * x

    y, x = (np.arange(side, dtype=float) for side in (40, 50))
    laid = moved(surface(y[:, np.newaxis], x).astype(np.float32), by)
    at_y, at_x = (t + s + g * (t - (len(t) - 1) / 2) for t, (s, g) in ((y, rows), (x, columns)))
    inside = np.ix_((at_y >= 1) & (at_y <= 38), (at_x >= 1) & (at_x <= 48))
    np.testing.assert_allclose(laid[inside], surface(at_y[:, np.newaxis], at_x)[inside], atol=1e-5)


def test_nothing_is_moved_by_nothing() -> None:
    plane = scene(6)
    np.testing.assert_array_equal(moved(plane, NONE), plane)
    assert within(NONE, SHAPE) == (slice(0, 300), slice(0, 340))
