"""Cracks found: where there are some, and nothing where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks
from restauro.detection import crack_detection, crack_responses
from restauro.detection.crack_detection import crack_features, find_cracks
from restauro.errors import ImageError, ImageTypeError, ParameterError
from restauro.evaluation.detection import score

Image = NDArray[np.uint8]


def _panel(height: int, width: int, seed: int = 0) -> Image:
    """Return smooth colours with a soft texture: a panel without cracks."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal((height, width, 3)), (30, 30, 0)) * 1200
    texture = ndimage.gaussian_filter(rng.standard_normal((height, width)), 1.2)[..., None] * 10
    panel: Image = np.clip(smooth + texture + (130, 110, 80), 0, 255).astype(np.uint8)
    return panel


def _cracked(width: float, bright: bool, contrast: float = 40, size: int = 256) -> tuple[Image, NDArray[np.bool_]]:
    rng = np.random.default_rng(11)
    hole = cracks(size, size, 0.03, rng, crack_width=width)
    return render_cracks(_panel(size, size), hole, rng, contrast=contrast, bright=bright, rim=False)


@pytest.mark.parametrize("bright", [False, True])
@pytest.mark.parametrize("width", [1.5, 3, 6])
def test_planted_cracks_are_found(width: float, bright: bool) -> None:
    image, truth = _cracked(width, bright)
    scores = score(find_cracks(image), truth)
    assert scores.precision > 0.98
    assert scores.f1 > 0.83


@pytest.mark.parametrize("width", [1.5, 3])
def test_marks_are_about_as_wide_as_the_cracks(width: float) -> None:
    image, truth = _cracked(width, bright=False)
    assert find_cracks(image).sum() < 2 * truth.sum()


def test_top_hats_are_those_of_scipy() -> None:
    plane = np.random.default_rng(2).normal(120, 20, (41, 33)).astype(np.float32)
    for side in (3, 5, 9, 15):
        dark, bright = crack_responses._top_hats(plane, side)
        np.testing.assert_array_equal(dark, ndimage.grey_closing(plane, (side, side), mode="nearest") - plane)
        np.testing.assert_array_equal(bright, plane - ndimage.grey_opening(plane, (side, side), mode="nearest"))


def test_where_nothing_is_nothing_is_found() -> None:
    rng = np.random.default_rng(1)
    gradient = np.linspace(20, 220, 200)[None, :, None] + np.linspace(0, 30, 160)[:, None, None] + np.zeros(3)
    for image in (
        np.full((160, 200, 3), 90, np.uint8),
        np.full((160, 200), 0.5, np.float32),
        gradient.astype(np.uint8),
        gradient / 255,
        rng.integers(0, 256, (160, 200, 3)).astype(np.uint8),
        np.clip(rng.normal(120, 8, (160, 200)), 0, 255).astype(np.uint8),
        _panel(200, 160),
    ):
        assert find_cracks(image).mean() < 0.001


def test_turned_and_mirrored_pictures_give_about_the_same() -> None:
    image, _ = _cracked(3, bright=False)
    found = find_cracks(image)
    assert score(np.rot90(find_cracks(np.rot90(image).copy()), -1).copy(), found).f1 > 0.95
    assert score(find_cracks(image[:, ::-1])[:, ::-1], found).f1 > 0.95


def test_depth_bands_and_layout_make_no_difference() -> None:
    image, _ = _cracked(3, bright=False)
    found = find_cracks(image)
    before = image.copy()
    np.testing.assert_array_equal(find_cracks(image.astype(np.uint16) * 257), found)
    assert (find_cracks(image / 255) == found).mean() > 0.999  # float64's last bits
    np.testing.assert_array_equal(find_cracks(np.asfortranarray(image)), found)
    np.testing.assert_array_equal(find_cracks(image, workers=1), found)
    grey = image[..., 0]
    as_grey = find_cracks(grey)
    np.testing.assert_array_equal(find_cracks(grey[..., None]), as_grey)
    assert (find_cracks(np.repeat(grey[..., None], 3, 2)) == as_grey).mean() > 0.999
    np.testing.assert_array_equal(image, before)


def test_tiles_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = _cracked(3, bright=False, size=320)
    whole = find_cracks(image)
    monkeypatch.setattr(crack_detection, "_TILE", 128)
    assert (find_cracks(image) == whole).mean() > 0.9995  # sums over a tile may round otherwise


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (5, 300, 3), (300, 2), (17, 23, 4), (16, 16, 2)])
def test_small_pictures_and_any_bands(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(90, 120, shape).astype(np.uint8)
    found = find_cracks(image)
    assert found.shape == shape[:2]
    assert found.dtype == bool
    features = crack_features(image)
    assert features.shape[1:] == shape[:2]
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_what_is_not_finite_is_no_crack() -> None:
    image = _panel(96, 128).astype(np.float32) / 255
    image[..., 1] = np.nan
    image[20:40, 30:60, 0] = np.inf
    assert np.isfinite(crack_features(image)).all()
    assert not find_cracks(np.full((64, 64, 3), np.nan)).any()


def test_progress_rises_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crack_detection, "_TILE", 64)
    heard: list[float] = []
    find_cracks(_panel(128, 100), progress=heard.append)
    assert heard == sorted(heard)
    assert len(heard) == 8
    assert heard[-1] == 1


def test_errors() -> None:
    with pytest.raises(ImageTypeError, match="The image must be an array of uint8, uint16 or floats, not dtype int64"):
        find_cracks(np.zeros((4, 4), np.int64))
    with pytest.raises(ImageTypeError, match="not list"):
        crack_features([[1]])  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"The image has the shape \(0, 4\)"):
        find_cracks(np.zeros((0, 4), np.uint8))
    with pytest.raises(ParameterError, match="workers=0 is out of range"):
        find_cracks(np.zeros((4, 4), np.uint8), workers=0)


@pytest.mark.shared
def test_cracks_on_paintings(shared: Path) -> None:
    import cv2

    values = []
    for i in (1, 14, 25, 40, 55):
        whole = cv2.imread(str(shared / "data" / "paintings-val" / f"val-{i:03}.jpg"))[..., ::-1]
        top, left = ((side - 512) // 2 for side in whole.shape[:2])
        image = whole[top : top + 512, left : left + 512].copy()
        rng = np.random.default_rng(i)
        hole = cracks(512, 512, 0.03, rng, crack_width=3)
        rendered, truth = render_cracks(image, hole, rng, contrast=45, bright=False, rim=False)
        values.append(score(find_cracks(rendered), truth).f1)
    assert np.mean(values) > 0.6
