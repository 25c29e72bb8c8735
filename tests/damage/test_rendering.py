from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks
from restauro.errors import ImageError, ImageTypeError, MaskError, MaskTypeError, ParameterError
from restauro.mask import grow_mask

DTYPES = ("uint8", "uint16", "float32", "float64")


def _picture(shape: tuple[int, ...], dtype: str, seed: int = 1) -> NDArray[np.generic]:
    values = np.random.default_rng(seed).random(shape)
    return (values * 255 * (257 if dtype == "uint16" else 1)).astype(dtype) if dtype[0] == "u" else values.astype(dtype)


@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([(), (1,), (3,), (5,)]),
    st.sampled_from(DTYPES),
    st.integers(0, 99),
)
def test_nothing_changes_outside_the_truth(
    height: int, width: int, bands: tuple[int, ...], dtype: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image, hole = _picture((height, width, *bands), dtype), rng.random((height, width)) < rng.random() / 3
    before = image.copy()
    rendered, truth = render_cracks(image, hole, np.random.default_rng(seed))
    assert (image == before).all()
    assert rendered.dtype == image.dtype
    assert rendered.shape == image.shape
    assert (rendered[~truth] == image[~truth]).all()
    assert (truth >= hole).all()
    assert (truth <= grow_mask(hole, 2)).all()
    assert np.isfinite(rendered).all()
    assert rendered.min(initial=0) >= 0
    assert rendered.max(initial=0) <= (np.iinfo(dtype).max if dtype[0] == "u" else 1)
    again, truth_again = render_cracks(image, hole, np.random.default_rng(seed))
    assert (again == rendered).all()
    assert (truth_again == truth).all()


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize("contrast", [15, 30, 60])
def test_the_middle_has_the_contrast_on_average(bright: bool, contrast: float) -> None:
    hole = np.zeros((600, 600), bool)
    hole[10::20] = True
    image = np.full((600, 600, 3), (0.55, 0.5, 0.45))
    rendered, truth = render_cracks(image, hole, np.random.default_rng(3), contrast=contrast, bright=bright, rim=False)
    assert (truth == hole).all()
    change = 255 * (rendered - image).mean(axis=2)[hole] * (1 if bright else -1)
    assert change.mean() == pytest.approx(contrast, rel=0.1)
    assert change.min() >= 0.5 * contrast - 1e-9
    assert change.max() <= 1.5 * contrast + 1e-9
    assert change.std() > 0.1 * contrast


def test_depth_varies_smoothly() -> None:
    hole = np.zeros((64, 512), bool)
    hole[30] = True
    rendered, _ = render_cracks(np.full(hole.shape, 0.8), hole, np.random.default_rng(3), contrast=60, bright=False)
    assert np.abs(np.diff(rendered[30])).max() < 0.12 * 60 / 255


def test_a_dark_crack_keeps_the_hue_and_a_bright_one_goes_to_white() -> None:
    hole = np.zeros((9, 9), bool)
    hole[4] = True
    image = np.full((9, 9, 3), (0.6, 0.4, 0.2))
    dark, _ = render_cracks(image, hole, np.random.default_rng(3), contrast=40, bright=False, rim=False)
    np.testing.assert_allclose(dark[4] / dark[4, :, :1], image[4] / image[4, :, :1])
    bright, _ = render_cracks(image, hole, np.random.default_rng(3), contrast=40, bright=True, rim=False)
    np.testing.assert_allclose((1 - bright[4]) / (1 - bright[4, :, :1]), (1 - image[4]) / (1 - image[4, :, :1]))


def test_where_there_is_no_room_a_crack_is_black_or_white() -> None:
    hole = np.zeros((9, 9), bool)
    hole[4] = True
    for value, bright, end in ((10, False, 0), (250, True, 255)):
        image = np.full((9, 9), value, np.uint8)
        rendered, _ = render_cracks(image, hole, np.random.default_rng(3), contrast=60, bright=bright, rim=False)
        assert (rendered[4] == end).all()


def test_wide_cracks_are_soft_at_their_rims_and_thin_ones_are_not() -> None:
    hole = np.zeros((40, 40), bool)
    hole[5], hole[12:14], hole[20:26] = True, True, True
    image = np.full(hole.shape, 0.8)
    rendered, _ = render_cracks(image, hole, np.random.default_rng(3), contrast=30, bright=False, rim=False)
    change = image - rendered
    middle = change[5].mean()
    assert change[12:14].mean() == pytest.approx(middle, rel=0.4)
    across = change[20:26].mean(axis=1)
    assert across[0] == pytest.approx(0.5 * across[2], rel=0.2)
    assert (np.diff(across[:3]) > 0).all()
    assert (np.diff(across[3:]) < 0).all()


def test_a_rim_is_bright_and_belongs_to_the_truth() -> None:
    hole = cracks(128, 128, 0.03, np.random.default_rng(1))
    image = np.full((128, 128, 3), 120, np.uint8)
    widths = set()
    for seed in range(8):
        rendered, truth = render_cracks(image, hole, np.random.default_rng(seed), contrast=40, bright=False, rim=True)
        assert (rendered[hole] < 120).all()
        assert (rendered[truth & ~hole] > 120).all()
        widths.add(next(pixels for pixels in (1, 2) if (grow_mask(hole, pixels) == truth).all()))
    assert widths == {1, 2}


def test_what_is_not_said_is_drawn() -> None:
    hole = np.zeros((16, 16), bool)
    hole[8] = True
    image = np.full((16, 16), 0.5)
    changes, rims = [], 0
    for seed in range(300):
        rendered, truth = render_cracks(image, hole, np.random.default_rng(seed))
        changes.append(255 * (rendered - image)[8].mean())
        rims += not (truth == hole).all()
    assert np.mean(np.array(changes) > 0) == pytest.approx(1 / 3, abs=0.1)
    assert rims / 300 == pytest.approx(1 / 3, abs=0.1)
    assert np.median(np.abs(changes)) == pytest.approx(37.5, rel=0.1)


def test_dtypes_are_rendered_alike() -> None:
    hole = cracks(64, 64, 0.05, np.random.default_rng(1))
    image = _picture((64, 64, 3), "uint8")
    eight, _ = render_cracks(image, hole, np.random.default_rng(5))
    sixteen, _ = render_cracks(image.astype(np.uint16) * 257, hole, np.random.default_rng(5))
    floats, _ = render_cracks(image / 255, hole, np.random.default_rng(5))
    assert np.abs(sixteen / 257 - eight).max() <= 0.51
    assert np.abs(floats * 255 - eight).max() <= 0.51


def test_no_hole_and_views_are_taken() -> None:
    image = _picture((40, 30, 3), "uint8")
    rendered, truth = render_cracks(image, np.zeros((40, 30), bool), np.random.default_rng(0), rim=True)
    assert (rendered == image).all()
    assert not truth.any()
    hole = cracks(40, 30, 0.05, np.random.default_rng(1))
    plain, _ = render_cracks(image, hole, np.random.default_rng(0))
    turned, _ = render_cracks(np.asfortranarray(image), np.asfortranarray(hole), np.random.default_rng(0))
    assert (plain == turned).all()


def test_what_is_wrong_is_said() -> None:
    image, hole, rng = np.zeros((4, 5), np.uint8), np.zeros((4, 5), bool), np.random.default_rng(0)
    with pytest.raises(ImageTypeError, match="must be an array of uint8, uint16 or floats, not dtype int32: convert"):
        render_cracks(image.astype(np.int32), hole, rng)
    with pytest.raises(ImageTypeError, match="not list"):
        render_cracks([[1]], hole, rng)  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"has the shape \(5,\): it must be \[H, W\] or \[H, W, C\]"):
        render_cracks(image[0], hole, rng)
    with pytest.raises(MaskTypeError, match="must be an array of bools, not dtype uint8: use mask != 0"):
        render_cracks(image, image, rng)  # type: ignore[arg-type]
    with pytest.raises(MaskError, match=r"the shape \(5, 4\) and the image \[H, W\] = \(4, 5\): make them equal"):
        render_cracks(image, hole.T, rng)
    for contrast in (0, 256, float("nan")):
        with pytest.raises(ParameterError, match=r"contrast \w+ is out of range: it is above 0, at most 255"):
            render_cracks(image, hole, rng, contrast=contrast)
