"""Levels and their patches against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from restauro.method import Task
from restauro.numerics import patches
from restauro.numerics.patches import SIDE, UNUSED, Level, Patches
from tests.promises.pictures import holes, picture

BINOMIAL = np.array([1, 5, 10, 10, 5, 1]) / 32


def task(workers: int = 1) -> Task:
    return Task((slice(0), slice(0)), 0, workers, (0,), np.zeros(2, np.int64))


def level_of(image: np.ndarray, depth: np.ndarray) -> Level:
    level = Level.empty(*image.shape, image.shape[2])
    level.values[: image.size] = image.ravel()
    level.depth[:] = depth
    return level


def some_level(seed: int, shape: tuple[int, int, int]) -> Level:
    """A picture with a hole, and a corner that is too far away."""
    rng = np.random.default_rng(seed)
    depth = holes(rng, shape[:2]).astype(np.uint8)
    depth[-5:, -6:] = UNUSED
    return level_of(picture(rng, shape).astype(np.float32), depth)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_far_from_the_hole_is_unused(seed: int) -> None:
    hole = np.random.default_rng(seed).random((17, 23)) < 0.01
    hole[3, 4] = True
    depth = np.full(hole.shape, 77, np.uint8)
    patches.mark(hole, 4, depth)
    near = ndimage.binary_dilation(hole, np.ones((9, 9)))
    np.testing.assert_array_equal(depth, np.where(hole, 1, np.where(near, 0, UNUSED)))


@pytest.mark.parametrize("seed", range(3))
def test_depth_is_the_city_block_distance(seed: int) -> None:
    hole = holes(np.random.default_rng(seed), (16, 21))
    depth = hole.astype(np.uint8)
    patches.measure_depth(depth)
    np.testing.assert_array_equal(depth, ndimage.distance_transform_cdt(hole, "taxicab"))


def test_unused_pixels_give_no_depth() -> None:
    depth = np.array([[0, 1, 1, UNUSED]], np.uint8)
    patches.measure_depth(depth)
    np.testing.assert_array_equal(depth, [[0, 1, 2, UNUSED]])


def test_range_and_loading() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(6, 7, 2))
    depth = np.zeros((6, 7), np.uint8)
    depth[2:4, 3:6] = 1
    depth[:, 0] = UNUSED
    image[depth == 1] = np.nan
    image[depth == UNUSED] = np.inf
    low, high = patches.known_range(image, depth)
    known = image[depth == 0]
    assert (low, high) == (known.min(), known.max())
    start = rng.normal(size=(6, 2))
    level = Level.empty(6, 7, 2, 2)
    patches.load(image, depth, start, low, high - low, level.values)
    expected = np.where((depth == 0)[:, :, np.newaxis], image, low)
    expected[depth == 1] = start
    np.testing.assert_allclose(level.values[:84], (expected.ravel() - low) / (high - low), atol=1e-6)


@pytest.mark.parametrize("shape", [(24, 25, 3), (25, 24, 1)])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_coarser_level_averages_what_is_known(shape: tuple[int, int, int], workers: int) -> None:
    level = some_level(3, shape)
    coarse = level.halved(task(workers))
    values = coarse.values[: coarse.depth.size * shape[2]].reshape(*coarse.depth.shape, shape[2])
    fine = level.values[: level.depth.size * shape[2]].reshape(shape)
    for y, x in np.ndindex(coarse.depth.shape):
        total, known, any_used = np.zeros(shape[2]), 0.0, False
        for j, i in np.ndindex(6, 6):
            at = (2 * y - 2 + j, 2 * x - 2 + i)
            if min(at) >= 0 and at[0] < shape[0] and at[1] < shape[1]:
                any_used |= level.depth[at] != UNUSED
                if level.depth[at] == 0:
                    total += BINOMIAL[j] * BINOMIAL[i] * fine[at]
                    known += BINOMIAL[j] * BINOMIAL[i]
        if known > 0:
            assert coarse.depth[y, x] == 0
            np.testing.assert_allclose(values[y, x], total / known, atol=2e-3)
        else:
            assert (coarse.depth[y, x] != UNUSED) == any_used


def test_holes_shrink_until_nothing_is_gained() -> None:
    depth = np.zeros((64, 64), np.uint8)
    depth[20:40, 20:40] = 1
    level = level_of(np.ones((64, 64, 1), np.float32), depth)
    sizes = []
    while level.halving:
        sizes.append(int((level.depth > 0).sum()))
        level = level.halved(task())
    assert sizes == [400, 64]
    np.testing.assert_allclose(level.values[: level.depth.size], 1, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_sources_are_complete_and_targets_touch_the_hole(seed: int) -> None:
    depth = some_level(seed, (34, 37, 1)).depth
    depth[0, 3] = depth[9, 0] = 1  # what a running count adds in the first row and column, it has to take away again
    found = Patches.of(depth)
    targets, sources = [], []
    for y, x in np.ndindex(depth.shape[0] - SIDE + 1, depth.shape[1] - SIDE + 1):
        patch = depth[y : y + SIDE, x : x + SIDE]
        if ((patch > 0) & (patch != UNUSED)).any():
            targets.append(y * depth.shape[1] + x)
        elif (patch == 0).all():
            sources.append(y * depth.shape[1] + x)
    assert sources
    np.testing.assert_array_equal(found.targets, targets)
    np.testing.assert_array_equal(np.flatnonzero(found.complete), sources)
    np.testing.assert_array_equal(np.flatnonzero(found.place >= 0), targets)
    np.testing.assert_array_equal(found.place[found.targets], np.arange(len(targets)))
    np.testing.assert_array_equal(found.sample, sources)


def test_the_sample_is_spread_over_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "_SAMPLES", 5)
    depth = np.zeros((12, 20), np.uint8)
    depth[11, 19] = 1
    sources = np.flatnonzero(Patches.of(depth).complete)
    sample = Patches.of(depth).sample
    np.testing.assert_array_equal(sample, sources[np.arange(5) * len(sources) // 5])
