"""Tone: stains are put over pictures in linear light, and taken back."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import restauro
from restauro.filters import gaussian
from restauro.method import Method
from restauro.methods.tone import Tone

inpaint = partial(restauro.inpaint, workers=1)
SHAPE = (120, 130)
COLOUR = np.array([0.3, 0.5, 0.8])  # density


def to_light(stored: np.ndarray) -> np.ndarray:
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def to_stored(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def texture(seed: int = 0) -> np.ndarray:
    """Linear light, [H, W, 3]: canvas and noise on a slope."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    weave = 0.05 * np.sin(y * 1.3) * np.sin(x * 1.1) + 0.05 * rng.normal(size=SHAPE)
    return np.clip((0.45 + x / 1000 + weave)[..., np.newaxis] * [1.0, 0.9, 0.8], 0.02, 0.95)


def depth() -> np.ndarray:
    """How far inside a disc of 40 pixels each pixel lies."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 40 - np.hypot(y - 60, x - 62)


STAINS = {
    "hard": lambda d: (d > 2) * 1.0,
    "soft": lambda d: np.clip(d / 12, 0, 1),
    "dark rim": lambda d: (d > 2) * 0.5 + np.exp(-(((d - 6) / 2) ** 2)),
    "lighter": lambda d: (d > 2) * -0.4,
}


def error(restored: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    return float(np.sqrt(np.mean((restored.astype(float) - truth)[where] ** 2)))


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_stain_is_taken_back_and_detail_stays(stain: str, dtype: str) -> None:
    """Integers are coded as sRGB and floats are linear light; a fifth of the stain may remain."""
    light, hole = texture(), depth() > 0
    stained = light * np.exp(-STAINS[stain](np.maximum(depth(), 0))[..., np.newaxis] * COLOUR)
    if dtype == "float32":
        truth, damaged, full = light.astype(dtype), stained.astype(dtype), 1.0
    else:
        full = float(np.iinfo(dtype).max)
        truth, damaged = (np.rint(to_stored(some) * full).clip(0, full).astype(dtype) for some in (light, stained))
    restored = inpaint(damaged, hole, "tone")
    assert error(restored, truth, hole) < 0.2 * error(damaged, truth, hole)
    np.testing.assert_array_equal(restored[~hole], damaged[~hole])
    fine = [np.diff(some.astype(float), axis=1)[hole[:, 1:]].ravel() for some in (restored, truth)]
    assert np.corrcoef(*fine)[0, 1] > 0.95


def test_a_veil_is_an_offset() -> None:
    light, hole = texture(1), depth() > 0
    veiled = np.where(hole[..., np.newaxis], 0.5 * light + 0.3, light)
    restored = inpaint(veiled, hole, "tone")
    assert error(restored, light, hole) < 0.5 * error(veiled, light, hole)
    contrast = restored[hole].std() / light[hole].std()
    assert 0.8 < contrast < 1.25  # one gain would leave it at a half


def faded(light: np.ndarray, soft: float = 4.0) -> np.ndarray:
    """Return what is left where half of the light of a large disc gives way to that of a pale veil, by degrees."""
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    share = 0.5 / (1 + np.exp((np.hypot(y - 120, x - 120) - 70) / soft))
    return (1 - share[..., np.newaxis]) * light + share[..., np.newaxis] * [0.6, 0.55, 0.45]


def scene(side: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Return areas that differ in light, with texture, [H, W, 3], and a disc."""
    rng = np.random.default_rng(8)
    areas = gaussian(rng.normal(size=(side, side)), 9)
    fine = gaussian(rng.normal(size=(side, side)), 1)
    light = 0.2 * np.exp(0.6 * areas / areas.std() + 0.15 * fine / fine.std())[..., np.newaxis] * [1.0, 0.8, 0.5]
    y, x = np.mgrid[:side, :side]
    return np.clip(light, 0.01, 0.95), np.hypot(y - 120, x - 120) < 100


def test_the_veil_of_a_large_faded_region_is_found_deep_inside() -> None:
    """A gain alone leaves dark areas too light and flat: the offset is what brings their contrast back."""
    light, hole = scene()
    damaged = faded(light)
    restored = inpaint(damaged, hole, "tone")
    assert error(restored, light, hole) < 0.4 * error(damaged, light, hole)
    fine = [np.diff(some, axis=1)[hole[:, 1:]].ravel() for some in (restored, light)]
    assert np.corrcoef(*fine)[0, 1] > 0.9


def test_a_flat_area_of_the_picture_is_no_veil() -> None:
    """Inside is half of the contrast outside, and nothing is damaged."""
    light, hole = scene()
    mean = light[hole].mean(axis=0)
    light[hole] = mean + 0.55 * (light[hole] - mean)
    assert error(inpaint(light, hole, "tone"), light, hole) < 0.05


def test_a_picture_that_is_not_damaged_stays_nearly_as_it_is() -> None:
    light, hole = texture(2), depth() > 0
    assert error(inpaint(light, hole, "tone"), light, hole) < 0.02


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_lost_is_filled(value: float) -> None:
    light, hole = texture(3), depth() > 0
    damaged = np.where(hole[..., np.newaxis], 0.5 * light, light)
    damaged[58:62, 60:64] = value
    restored = inpaint(damaged, hole, "tone")
    assert np.isfinite(restored).all()
    assert error(restored, light, hole) < 0.1


def test_what_needs_more_than_the_largest_gain_is_filled() -> None:
    light, hole = texture(4), depth() > 0
    damaged = np.where(hole[..., np.newaxis], 0.2 * light, light)
    corrected, filled = (inpaint(damaged, hole, Tone(largest)) for largest in (20, 2))
    assert error(corrected, light, hole) < 0.05
    inside = depth() > 10
    assert np.diff(filled, axis=1)[inside[:, 1:]].std() < 0.2 * np.diff(corrected, axis=1)[inside[:, 1:]].std()


@pytest.mark.parametrize("method", ["telea", Tone(10), "tone"])
def test_weights_say_how_much_light_comes_through(method: str | Method) -> None:
    """The method fills where next to nothing does; of `tone` the default does."""
    light = texture(5)
    weights = 0.6 * np.clip(depth() / 12, 0, 1) * (np.mgrid[: SHAPE[0], : SHAPE[1]][1] % 40 < 30)
    weights[58:62, 40:44] = 1
    passing = np.exp(np.log1p(-np.minimum(weights, 0.99))[..., np.newaxis] * COLOUR / 0.5)
    restored = inpaint(light * passing, weights, method, partial="tone")
    shown = (weights > 0) & (weights < 0.9)
    assert error(restored, light, shown) < 0.01
    assert error(restored, light, weights == 1) < 0.15
    np.testing.assert_array_equal(restored[weights == 0], (light * passing)[weights == 0])


def test_a_mask_of_two_values_says_nothing_of_light() -> None:
    light, hole = texture(6), depth() > 0
    damaged = np.where(hole[..., np.newaxis], 0.5 * light, light)
    expected = inpaint(damaged, hole, "tone")
    np.testing.assert_array_equal(inpaint(damaged, hole, "telea", partial="tone"), expected)
    np.testing.assert_array_equal(inpaint(damaged, hole * 1.0, partial="tone"), expected)
