"""Telea's fill against the formulas in plain loops, and what its slope is for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.methods import _fronts
from restauro.methods.telea import Telea
from tests.numerics import naive_telea
from tests.numerics.test_march import arrival_times
from tests.promises.pictures import holes, picture, seeds


@given(seed=seeds, height=st.integers(2, 20), width=st.integers(2, 20), radius=st.integers(2, 6))
@settings(max_examples=20)
def test_fill_is_the_formula(seed: int, height: int, width: int, radius: int) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, (height, width, 2))
    hole = holes(rng, (height, width))
    times = arrival_times(hole, Telea(radius)._limit())
    expected = naive_telea.fill(image, hole, times, radius)
    np.testing.assert_allclose(restauro.inpaint(image, hole, "telea", radius=radius), expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("step", [(1, 0), (0, 1), (1, 1), (-2, 1)])
@pytest.mark.parametrize("side", [4, 20, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint16"])
def test_a_ramp_goes_on_into_the_hole(step: tuple[int, int], side: int, dtype: str) -> None:
    y, x = np.mgrid[:64, :72]
    ramp = (step[0] * y + step[1] * x) * 200.0 + 30000
    image = ramp.astype(dtype)
    hole = np.zeros(ramp.shape, bool)
    hole[10 : 10 + side, 14 : 14 + side] = True
    restored = restauro.inpaint(image, hole, "telea")
    assert np.abs(restored - ramp).max() <= 0.01 * np.ptp(ramp)


def test_noise_has_no_slope() -> None:
    """Values stay within those of the surroundings: nothing is extrapolated."""
    rng = np.random.default_rng(1)
    image = rng.normal(size=(80, 80))
    hole = np.zeros(image.shape, bool)
    hole[20:60, 20:60] = True
    restored = restauro.inpaint(image, hole, "telea")
    assert np.abs(restored[hole]).max() < np.abs(image[~hole]).max()
    assert restored[hole].std() < 0.6


def test_a_step_edge_across_a_slot_stays_sharp() -> None:
    image = np.zeros((40, 40))
    image[20:] = 1
    hole = np.zeros(image.shape, bool)
    hole[:, 17:23] = True
    restored = restauro.inpaint(image, hole, "telea", radius=3)
    assert restored[15, 20] < 0.15
    assert restored[24, 20] > 0.85


def test_scratch_that_is_too_small_is_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    image = picture(rng, (90, 90))
    hole = holes(rng, (90, 90))
    hole[30:50, 10:80] = True
    expected = restauro.inpaint(image, hole, "telea")
    march = _fronts._march
    asked = []

    def with_little_room(T, rims, sign, unreached, room, task):  # type: ignore[no-untyped-def]
        asked.append(room)
        return march(T, rims, sign, unreached, -1020, task)  # room for the rims and four more

    monkeypatch.setattr(_fronts, "_march", with_little_room)
    np.testing.assert_array_equal(restauro.inpaint(image, hole, "telea"), expected)
    assert asked
