"""Scratches and losses found where they are, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from restauro.damage.patches import losses
from restauro.detection import tiles
from restauro.detection.loss_detection import find_losses
from restauro.detection.scratch_detection import find_scratches
from restauro.numerics import flat_zones, straight_lines


def noise(side: int = 160, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.5, 0.04, (side, side)).clip(0, 1)


def line_through(side: int, angle: float, width: float = 1.5) -> np.ndarray:
    """A line through the middle, 60 pixels to each side."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    along, aside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return (np.abs(aside) <= width / 2) & (np.abs(along) <= 60)


def near(found: np.ndarray, pixels: int = 3) -> np.ndarray:
    return np.asarray(ndimage.binary_dilation(found, iterations=pixels))


@pytest.mark.parametrize("angle", [0, 0.3, np.pi / 4, 1.2, np.pi / 2, 2.6])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_faint_line_is_found_at_any_angle(angle: float, sign: int) -> None:
    line = line_through(160, angle)
    found = find_scratches(noise() + sign * 0.1 * line)
    assert near(found)[line].mean() > 0.8
    assert not (found & ~near(line, 11)).any()


def test_it_cannot_be_told_from_single_pixels() -> None:
    """What the test above finds lies within the noise, pixel by pixel: two and a half standard deviations."""
    image, line = noise() + 0.1 * line_through(160, 0.3), line_through(160, 0.3)
    threshold = np.quantile(image[~line], 0.999)
    assert (image[line] > threshold).mean() < 0.4


@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_scratches_and_no_losses(seed: int) -> None:
    assert not find_scratches(noise(seed=seed)).any()
    assert not find_losses(noise(seed=seed)).any()


def test_an_edge_and_a_flat_picture_are_no_scratches() -> None:
    image = noise()
    image[:, 80:] += 0.2
    assert not find_scratches(image.clip(0, 1)).any()
    assert not find_scratches(np.full((90, 90), 0.3)).any()


def test_a_short_or_a_wide_mark_is_no_scratch() -> None:
    image = noise()
    image[60:63, 60:75] = 1
    image[100:130, 40:70] = 1
    assert not find_scratches(image).any()


def test_workers_and_turning_make_no_difference() -> None:
    image = noise() + 0.1 * line_through(160, 0.2)
    found = find_scratches(image, workers=1)
    np.testing.assert_array_equal(find_scratches(image, workers=3), found)
    turned = find_scratches(np.ascontiguousarray(image.T))
    assert (turned.T & near(found)).sum() > 0.9 * turned.sum() > 0


@pytest.mark.parametrize("value", [0.97, 0.02])
def test_losses_of_one_ground_are_found_large_and_small(value: float) -> None:
    hole = losses(256, 256, 0.05, np.random.default_rng(1))
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.normal(0.45, 0.5, (256, 256)), 2).clip(0.2, 0.7)
    image[hole] = value + rng.normal(0, 0.01, hole.sum())
    found = find_losses(image.clip(0, 1))
    assert near(found, 2)[hole].mean() > 0.9
    assert not (found & ~near(hole, 3)).any()
    assert not find_losses(ndimage.gaussian_filter(rng.normal(0.45, 0.5, (256, 256)), 2).clip(0.2, 0.7)).any()


def test_a_smooth_disc_is_no_loss() -> None:
    y, x = np.mgrid[:256, :256] - 128.0
    image = noise(256).clip(0.3, 0.6)
    image[np.hypot(x, y) < 30] = 0.97
    assert not find_losses(image).any()


def test_large_pictures_are_looked_at_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    from restauro.detection import loss_detection

    hole = losses(256, 256, 0.2, np.random.default_rng(1))
    image = noise(256)
    image[hole] = 0.97
    whole = find_losses(image)
    monkeypatch.setattr(tiles, "SIDE", 64)
    monkeypatch.setattr(loss_detection, "_SCALE", 128)
    monkeypatch.setattr(loss_detection, "_HALO", 48)
    cut = find_losses(image, workers=2)
    assert (near(cut, 2) & hole).sum() > 0.95 * (whole & hole).sum() > 0
    assert not (cut & ~near(hole, 4)).any()


class TestKernels:
    def test_sums_along_lines_are_what_plain_loops_say(self) -> None:
        z = np.random.default_rng(0).normal(0, 1, (40, 50)).astype(np.float32)
        best, support = np.zeros_like(z), np.zeros_like(z)
        slope, half = 1 / 3, 6
        straight_lines.add_slope(z, slope, half, 2, np.array([1]), best, support)
        shift = np.rint(slope * np.arange(50)).astype(int)

        def along(y: int, x: int) -> float:
            columns = range(max(x - half, 0), min(x + half, 49) + 1)
            rows = [y + shift[column] - shift[x] for column in columns]
            return sum(float(z[row, column]) for row, column in zip(rows, columns, strict=True) if 0 <= row < 40)

        expected = np.zeros((40, 50))
        for y in range(10, 30):
            for x in range(50):
                one, other = ((along(y + s * 2, x) + along(y + s * 3, x)) / 2 for s in (-1, 1))
                unlike, centre = abs(one - other) / 2, along(y, x)
                above, below = centre - max(one, other) - unlike, centre - min(one, other) + unlike
                expected[y, x] = above if above > 0 else min(below, 0)
        expected /= np.sqrt((2 * half + 1) * 1.5)
        ratio = best[10:30] / np.where(expected[10:30] == 0, 1, expected[10:30])
        seen = np.abs(expected[10:30]) > 0.1  # the texture of the block, one number, divides them all
        np.testing.assert_allclose(ratio[seen], ratio[seen][0], rtol=1e-3)

    def test_zones_are_what_scipy_finds(self) -> None:
        image = np.random.default_rng(0).integers(0, 3, (30, 40)).astype(np.float32)
        zones, count = flat_zones.label(image[..., None], 0.5, 1)
        expected = np.zeros(image.shape, int)
        total = 0
        for value in range(3):
            labels, found = ndimage.label(image == value)
            expected[labels > 0] = labels[labels > 0] + total
            total += found
        assert count == total
        pairs = np.unique(np.stack([zones.ravel(), expected.ravel()]), axis=1)
        assert pairs.shape[1] == total
        areas, means, deviations, boxes = flat_zones.survey(image[..., None], zones, count)
        np.testing.assert_array_equal(areas[1:], np.bincount(zones.ravel())[1:])
        for zone in (1, count // 2, count):
            rows, columns = np.nonzero(zones == zone)
            assert boxes[zone].tolist() == [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1]
            assert means[zone, 0] == image[rows[0], columns[0]]
            assert deviations[zone, 0] == 0

    def test_small_zones_are_left_out(self) -> None:
        image = np.zeros((10, 10, 1), np.float32)
        image[2, 2], image[5:8, 5:8] = 1, 1
        zones, count = flat_zones.label(image, 0.5, 5)
        assert count == 2
        assert zones[2, 2] == 0
        assert zones[6, 6] == 2
