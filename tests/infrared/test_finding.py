"""Damage found by infrared: all of it, little else, by how much light it takes, and never on silver."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import restauro
from restauro.errors import ImageError, ImageTypeError, MaskError
from restauro.infrared.finding import find
from tests.infrared.film import SHAPE, film, light


@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000),
    leak=st.floats(-0.2, 0.2),
    shift=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)
def test_dust_is_found_and_little_else(seed: int, leak: float, shift: tuple[float, float]) -> None:
    """A negative leak is that of a negative which was turned into a positive."""
    made = film(seed, leak=leak, shift=shift)
    mask = restauro.infrared_mask(made.picture, made.infrared)
    near = ndimage.binary_dilation(made.passing < 0.995, iterations=5)
    assert (mask.hole & made.is_damaged).sum() > 0.97 * made.is_damaged.sum()
    assert (mask.hole & ~near).mean() < 0.005


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_weights_say_how_much_light_a_smear_takes(dtype: str) -> None:
    made = film(1, leak=0.05)
    if dtype.startswith("f"):
        picture, infrared = made.picture.astype(dtype), made.infrared.astype(dtype)
    else:
        full = np.iinfo(dtype).max
        picture, infrared = (
            np.rint(np.clip(plane, 0, 1) ** (1 / 2.2) * full).astype(dtype) for plane in (made.picture, made.infrared)
        )
    mask = restauro.infrared_mask(picture, infrared)
    assert mask.weights is not None
    smear = np.hypot(*(np.mgrid[: SHAPE[0], : SHAPE[1]] - np.array([140, 150])[:, None, None])) < 15
    shown = smear & (mask.weights < 0.9)
    assert shown.sum() > 0.8 * smear.sum()
    np.testing.assert_allclose(np.median((1 - mask.weights)[shown] / made.passing[shown]), 1, atol=0.03)
    hair = ndimage.binary_erosion(made.passing < 0.1, np.ones((1, 2)))
    assert (mask.weights[hair] == 1).mean() > 0.95


def test_what_takes_more_light_weighs_more() -> None:
    smear = np.s_[130:150, 140:160]
    means = []
    for damaged in (0.3, 0.6, 1.0, 1.5):
        made = film(2, damaged=damaged)
        weights = restauro.infrared_mask(made.picture, made.infrared).weights
        assert weights is not None
        means.append(weights[smear][weights[smear] < 0.9].mean())
    assert (np.diff(means) > 0.05).all()


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), leak=st.floats(0, 0.2))
def test_clean_film_has_next_to_nothing(seed: int, leak: float) -> None:
    made = film(seed, leak=leak, damaged=0)
    assert restauro.infrared_mask(made.picture, made.infrared).hole.mean() < 0.003


def test_flat_film_without_noise_has_nothing() -> None:
    assert not restauro.infrared_mask(np.full(SHAPE, 90, np.uint8), np.full(SHAPE, 200, np.uint8)).hole.any()


def test_what_infrared_does_not_show_is_not_marked() -> None:
    """Infrared begins five columns later than the picture, and its outermost one is dark."""
    made = film(3, shift=(0.0, -5.0), damaged=0)
    made.infrared[:, 0] *= 0.2
    hole = restauro.infrared_mask(made.picture, made.infrared).hole
    assert not hole[:, :3].any()
    assert hole[:, 5].all()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("bands", [1, 3])
def test_silver_is_refused(sign: int, bands: int) -> None:
    """Of a positive, of a negative that was turned into one."""
    silver = light(4)[..., 0]
    infrared = (0.9 * silver**0.8).astype(np.float32)
    picture = silver if sign > 0 else 0.1 / silver
    image = np.repeat(picture[..., np.newaxis], bands, axis=2).astype(np.float32)
    with pytest.raises(
        MaskError, match=r"^\d+% of the picture's density is in its infrared, as of film whose picture "
    ):
        restauro.infrared_mask(image if bands > 1 else image[..., 0], infrared)


def test_film_that_leaks_much_is_told() -> None:
    made = film(5, leak=0.35)
    with pytest.warns(UserWarning, match=r"^3\d% of the picture's density is in its infrared, as of Kodachrome"):
        restauro.infrared_mask(made.picture, made.infrared)
    assert [note.code for note in find(made.picture[..., 0], made.infrared).notes] == ["infrared-leaks"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        restauro.infrared_mask(film(5, leak=0.15).picture, film(5, leak=0.15).infrared)


@pytest.mark.parametrize(
    ("image", "infrared", "error", "says"),
    [
        (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.uint8), ImageError, r"shape \(5, 4\) and the picture"),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 1), np.uint8), ImageError, r"must be \[H, W\], and not empty"),
        (np.zeros((0, 5), np.uint8), np.zeros((0, 5), np.uint8), ImageError, "and not empty"),
        (np.zeros((4, 5), np.int32), np.zeros((4, 5), np.uint8), ImageTypeError, "not dtype int32: convert it"),
        (np.zeros((4, 5), np.uint8), [[1]], ImageTypeError, "not list: convert it"),
        (np.zeros((4, 5)), np.full((4, 5), np.nan), ImageError, "The infrared holds NaN or infinity"),
    ],
)
def test_what_is_no_plane_is_refused(image: np.ndarray, infrared: np.ndarray, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        restauro.infrared_mask(image, infrared)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3), (17, 15), (16, 300)])
def test_small_and_thin_pictures(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(6)
    image, infrared = rng.integers(90, 110, shape, np.uint8), rng.integers(198, 203, shape, np.uint8)
    assert restauro.infrared_mask(image, infrared).hole.shape == shape


def test_tall_pictures_are_looked_at_in_parts_without_seams() -> None:
    """The part where one strip ends and the next begins is found as the same anywhere else."""
    made = film(7, shape=(1100, 120), damaged=0)
    infrared = made.infrared.copy()
    for row in (300, 512):
        infrared[row - 2 : row + 3, 40:45] *= 0.3
    hole = restauro.infrared_mask(made.picture, infrared).hole
    assert hole[298:303, 40:45].all()
    assert hole[510:515, 40:45].all()
    assert abs(int(hole[280:320].sum()) - int(hole[492:532].sum())) < 12
