"""Leak and light, beside brute force and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from restauro.infrared import leak
from restauro.infrared.leak import Expected, fall_off, leak_of
from tests.infrared.film import SHAPE, film


def planes(seed: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    made = film(seed, leak=share)
    return np.log(made.picture[..., 0]), np.log(made.infrared)


@pytest.mark.parametrize("share", [-0.3, 0.0, 0.1, 0.6])
def test_the_leak_is_the_share_that_leaves_least(share: float) -> None:
    """Brute force: the sum of all deviations between medians of cells, over all shares."""
    shown, passed = planes(1, share)
    medians = [
        np.array([[np.median(p[y : y + 16, x : x + 16]) for x in range(0, 224, 16)] for y in range(0, 192, 16)])
        for p in (shown, passed)
    ]
    steps = [
        np.concatenate([(m[s:] - m[:-s]).ravel() for s in (1, 3)] + [(m[:, s:] - m[:, :-s]).ravel() for s in (1, 3)])
        for m in medians
    ]
    use = np.abs(steps[0]) > 0.02
    shares = np.arange(-1, 1, 0.001)
    left = [np.abs(steps[1][use] - some * steps[0][use]).sum() for some in shares]
    found = leak_of(shown, passed)
    assert abs(found.share - shares[np.argmin(left)]) < 0.0015
    assert abs(found.share - share) < 0.03
    np.testing.assert_allclose(found.explains, 1 - min(left) / np.abs(steps[1][use]).sum(), atol=1e-3)


def test_values_at_pixels_are_those_of_straight_lines_between_cells() -> None:
    grid = np.random.default_rng(2).normal(size=(5, 7))
    y, x = np.mgrid[30:60, :100]
    expected = ndimage.map_coordinates(grid, [(y + 0.5) / 16 - 0.5, (x + 0.5) / 16 - 0.5], order=1, mode="nearest")
    np.testing.assert_allclose(leak._at_pixels(grid, slice(30, 60), 100), expected, atol=1e-12)


def test_sums_around_cells_are_those_of_all_their_pixels() -> None:
    plane = np.random.default_rng(3).normal(size=(70, 90))
    sums = leak._windowed(leak._summed(plane)[np.newaxis], 1)[0]
    for y in range(5):
        for x in range(6):
            part = plane[max(y - 1, 0) * 16 : (y + 2) * 16, max(x - 1, 0) * 16 : (x + 2) * 16]
            np.testing.assert_allclose(sums[y, x], part.sum(), atol=1e-10)


def test_light_that_falls_off_is_followed_and_damage_is_not() -> None:
    y, x = (np.linspace(-1, 1, side) for side in SHAPE)
    lamp = (-0.1 * y[:, np.newaxis] ** 2 + 0.05 * x - 0.03 * y[:, np.newaxis] * x).astype(np.float32)
    shown = np.log(film(8).picture[..., 0]) + x.astype(np.float32)
    damaged = lamp + np.float32(0.1) * (shown - shown.mean())
    damaged[60:100, 60:110] -= 1
    found = fall_off(shown, damaged)
    assert np.abs(found - lamp).max() < 0.01


def test_what_is_expected_is_what_sound_film_shows() -> None:
    """Damage takes its light from the red too: what is told is the logarithm of what passes."""
    made = film(4, leak=0.2)
    shown, passed = planes(4, 0.2)
    passed -= fall_off(shown, passed)
    expected = Expected.of(shown, passed, leak_of(shown, passed).share)
    error, spread = expected.errors(shown, passed, slice(0, SHAPE[0]))
    sound = made.passing > 0.999
    assert abs(np.median(error[sound])) < 0.002
    assert 0.5 < np.median(spread) / (1.4826 * np.median(np.abs(error[sound]))) < 1.5
    smear = (made.passing < 0.9) & (made.passing > 0.5)
    np.testing.assert_allclose(np.median(error[smear] / np.log(made.passing[smear])), 1, atol=0.05)
