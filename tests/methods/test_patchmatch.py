"""What patchmatch is for: texture goes on into the hole; and what it does where there is nothing to copy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

import restauro
from restauro.methods.patchmatch import PatchMatch
from restauro.windows import Sizes
from tests.fills import filled

DETAILS = (0.0, 0.25, 0.5, 0.75, 1.0)


def canvas(size: int) -> np.ndarray:
    """Threads: a periodic weave with noise, on a smooth ground."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:size, :size]
    threads = np.sin(2 * np.pi * x / 5) * (y % 10 < 5) + np.sin(2 * np.pi * y / 5) * (y % 10 >= 5)
    ground = ndimage.gaussian_filter(rng.normal(size=(size, size)), 20) * 40
    return 0.5 + 0.1 * threads + 0.05 * ground + 0.02 * rng.normal(size=(size, size))


def square(size: int, side: int) -> np.ndarray:
    hole = np.zeros((size, size), bool)
    hole[(size - side) // 2 : (size + side) // 2, (size - side) // 2 : (size + side) // 2] = True
    return hole


def contrast(image: np.ndarray, hole: np.ndarray) -> float:
    """Return the standard deviation of what is finer than two pixels, well inside the hole."""
    return float((image - ndimage.gaussian_filter(image, 2))[ndimage.binary_erosion(hole, iterations=4)].std())


@pytest.fixture(scope="module")
def fills() -> dict[float, np.ndarray]:
    image, hole = canvas(128), square(128, 32)
    return {detail: restauro.inpaint(image, hole, "patchmatch", detail=detail) for detail in DETAILS}


def test_texture_is_carried_into_the_hole(fills: dict[float, np.ndarray]) -> None:
    hole = square(128, 32)
    true = contrast(canvas(128), hole)
    assert 0.8 < contrast(fills[1.0], hole) / true < 1.2
    assert contrast(fills[0.0], hole) / true < 0.1


def test_more_detail_is_more_texture_and_less_faithful(fills: dict[float, np.ndarray]) -> None:
    hole = square(128, 32)
    contrasts = [contrast(fills[detail], hole) for detail in DETAILS]
    assert all(less < 0.9 * more for less, more in pairwise(contrasts))


def test_no_detail_is_the_harmonic_fill(fills: dict[float, np.ndarray]) -> None:
    harmonic = restauro.inpaint(canvas(128), square(128, 32), "harmonic")
    np.testing.assert_allclose(fills[0.0], harmonic, rtol=0, atol=1e-6)  # in a window of another size


def test_full_detail_makes_up_no_values(fills: dict[float, np.ndarray]) -> None:
    """Each pixel is that of one source."""
    image, hole = canvas(128), square(128, 32)
    known = np.sort(image[~hole])
    nearest = np.clip(np.searchsorted(known, fills[1.0][hole]), 1, known.size - 1)
    apart = np.minimum(np.abs(known[nearest] - fills[1.0][hole]), np.abs(known[nearest - 1] - fills[1.0][hole]))
    assert apart.max() < 1e-6


def test_the_seed_chooses_among_fills() -> None:
    image, hole = canvas(96), square(96, 24)
    one, same, other = (restauro.inpaint(image, hole, "patchmatch", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one[hole] != other[hole]).mean() > 0.1


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_depth_and_range_hardly_matter(dtype: str) -> None:
    image, hole = canvas(96), square(96, 24)
    unit = np.clip(image, 0, 1)
    scale = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1e30 if dtype == "float32" else 1e140
    scaled = np.rint(unit * scale) if np.dtype(dtype).kind == "u" else unit * scale
    restored = restauro.inpaint(scaled.astype(dtype), hole, "patchmatch") / scale
    assert np.isfinite(restored).all()
    ratio = contrast(restored, hole) / contrast(restauro.inpaint(unit, hole, "patchmatch"), hole)
    assert 0.9 < ratio < 1.1


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (6, 6), (1, 9)])
def test_pictures_smaller_than_a_patch_are_filled_smoothly(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=shape)
    hole = rng.random(shape) < 0.3
    hole[0, 0] = False
    np.testing.assert_array_equal(
        restauro.inpaint(image, hole, "patchmatch"), restauro.inpaint(image, hole, "harmonic")
    )


def test_without_a_complete_patch_the_fill_is_smooth() -> None:
    image = canvas(60)
    hole = np.zeros(image.shape, bool)
    hole[3::6, ::6] = True
    np.testing.assert_array_equal(
        restauro.inpaint(image, hole, "patchmatch"), restauro.inpaint(image, hole, "harmonic")
    )


def test_holes_of_other_windows_are_not_read() -> None:
    """The box of a hole like an L holds one of another window, whose pixels may be anything."""
    apart = Sizes(tile=64)  # so that they aren't joined to one window
    image = np.tile(canvas(100), (4, 4))
    hole = np.zeros(image.shape, bool)
    hole[10:390, 10:16] = True
    hole[384:390, 10:390] = True
    other = np.zeros_like(hole)
    other[120:126, 250:256] = True
    expected = filled(image, hole, PatchMatch(), apart)
    damaged = np.where(other, 1e6, image)
    np.testing.assert_array_equal(filled(damaged, hole | other, PatchMatch(), apart)[hole], expected[hole])


def test_seven_bands_follow_one_another() -> None:
    """All bands of a pixel come from one place."""
    image, hole = canvas(96), square(96, 24)
    bands = np.stack([image * k for k in range(1, 8)], axis=2)
    restored = restauro.inpaint(bands, hole, "patchmatch", detail=1)
    np.testing.assert_allclose(restored[:, :, 6], 7 * restored[:, :, 0], rtol=1e-5)


def test_the_reach_is_that_of_the_surroundings() -> None:
    assert PatchMatch().reach(0) == PatchMatch().reach(100) == 64
