"""Votes against plain loops, and low frequencies against SciPy's Gaussian."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import ndimage

from restauro.numerics import nearest_neighbour_field, voting
from restauro.numerics.kernel import MODE
from restauro.numerics.low_pass import low_pass
from restauro.numerics.patches import SIDE, Patches, measure_depth
from restauro.numerics.voting import refine
from tests.numerics.kernels import step
from tests.promises.pictures import picture

improve, padded, vote = map(step, (nearest_neighbour_field.improve, nearest_neighbour_field.padded, voting.vote))


@pytest.fixture(autouse=True)
def _whole_numbers_wrap() -> Iterator[None]:
    """Without compilation NumPy would warn that the random numbers' products wrap, which they are to do."""
    with np.errstate(over="ignore"):
        yield


def setting(channels: int) -> tuple[np.ndarray, np.ndarray, Patches, np.ndarray, np.ndarray, np.ndarray]:
    """Return values, hole, patches, and a random field: nearest, distances, confidence. The hole touches the border."""
    rng = np.random.default_rng(channels)
    image = picture(rng, (18, 19, channels)).astype(np.float32)
    hole = np.zeros((18, 19), bool)
    hole[:4, 3:6] = True
    hole[9, 9] = True
    patches = Patches.of(hole.astype(np.uint8))
    count = patches.targets.size
    nearest = rng.choice(np.flatnonzero(patches.complete), count).astype(np.int32)
    distances = rng.uniform(0, 1, count).astype(np.float32)
    return image, hole, patches, nearest, distances, rng.uniform(0.5, 1, count).astype(np.float32)


def voted(
    image: np.ndarray, hole: np.ndarray, patches: Patches, *field: np.ndarray, sharp: bool, bands: int = 0
) -> np.ndarray:
    values = np.append(image.ravel(), np.zeros(8, np.float32))
    holes = np.flatnonzero(hole).astype(np.int32)
    vote(
        values,
        image.shape[2],
        bands or image.shape[2],
        hole.shape,
        patches.place,
        *field,
        holes,
        0,
        holes.size,
        sharp,
        np.zeros(64, np.float32),
    )
    return values[: image.size].reshape(image.shape)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sharp", [False, True])
def test_votes_are_the_formula(channels: int, sharp: bool) -> None:
    image, hole, patches, nearest, distances, confidence = setting(channels)
    expected = image.copy()
    width = hole.shape[1]
    for y, x in np.argwhere(hole):
        votes = []
        for dy, dx in np.ndindex(SIDE, SIDE):
            if 0 <= y - dy <= hole.shape[0] - SIDE and 0 <= x - dx <= width - SIDE:
                j = patches.place[(y - dy) * width + x - dx]
                sy, sx = divmod(int(nearest[j]), width)
                centred = np.exp(-0.02 * ((dy - 3) ** 2 + (dx - 3) ** 2))
                votes.append((distances[j], confidence[j], centred, image[sy + dy, sx + dx]))
        d0 = min(vote[0] for vote in votes)
        if sharp:
            weights = [c * centred / (1 + (d - d0) / (3 * d0)) ** 2 for d, c, centred, _ in votes]
            expected[y, x] = votes[int(np.argmax(weights))][3]
        else:
            expected[y, x] = np.average([vote[3] for vote in votes], axis=0, weights=[vote[1] for vote in votes])
    result = voted(image, hole, patches, nearest, distances, confidence, sharp=sharp)
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("sharp", [False, True])
def test_channels_that_are_only_compared_stay_as_they_are(sharp: bool) -> None:
    image, *rest = setting(3)
    expected = np.concatenate([voted(image, *rest, sharp=sharp)[..., :2], image[..., 2:]], axis=2)
    np.testing.assert_array_equal(voted(image, *rest, sharp=sharp, bands=2), expected)


def test_equal_sources_and_no_distance_give_their_value() -> None:
    image, hole, patches, nearest, distances, confidence = setting(2)
    image[:] = np.float32(0.3)
    distances[:] = 0
    for sharp in (False, True):
        result = voted(image, hole, patches, nearest, distances, confidence, sharp=sharp)
        np.testing.assert_allclose(result, 0.3, rtol=5e-7)


def test_without_confidence_a_pixel_stays_as_it_is() -> None:
    image, hole, patches, nearest, distances, confidence = setting(2)
    result = voted(image, hole, patches, nearest, distances, 0 * confidence, sharp=False)
    np.testing.assert_array_equal(result, image)


@pytest.mark.skipif(MODE == "compiled", reason="its steps would be Python, which rounds in another way")
@pytest.mark.parametrize("vote_first", [False, True])
def test_refining_is_improving_and_voting_in_turn(vote_first: bool) -> None:
    image, hole, patches, nearest, distances, confidence = setting(2)
    depth = hole.astype(np.uint8)
    measure_depth(depth)
    trust = np.append(1.2 ** -np.arange(255.0), 0).astype(np.float32)
    holes, count, sweeps, seed = np.flatnonzero(hole).astype(np.int32), nearest.size, 3, 7
    start = [np.append(image.ravel(), np.zeros(8, np.float32)), nearest, distances, confidence]

    def improved(values: np.ndarray, *field: np.ndarray, colour: int, sweep: int) -> None:
        length = SIDE * padded(2)
        improve(
            values, depth.ravel(), trust, np.float32(0.1), 2, hole.shape, patches.complete, patches.place,
            patches.targets, 0, count, colour, 6, np.uint64(seed + 100 * (sweep + 1)), np.zeros(length, np.float32),
            np.zeros(length, np.float32), *field,
        )  # fmt: skip

    def take_votes(values: np.ndarray, *field: np.ndarray, sharp: bool) -> None:
        vote(values, 2, 2, hole.shape, patches.place, *field, holes, 0, holes.size, sharp, np.zeros(64, np.float32))

    expected = [array.copy() for array in start]
    if vote_first:
        take_votes(*expected, sharp=False)
    for sweep in range(sweeps):
        for colour in range(2):
            improved(*expected, colour=colour, sweep=sweep)
        take_votes(*expected, sharp=sweep == sweeps - 1)
    found, control = [array.copy() for array in start], np.zeros(2, np.int64)
    refine(
        found[0], depth, trust, np.float32(0.1), 2, 2, hole.shape, patches.complete, patches.place, patches.targets,
        holes, sweeps, vote_first, True, 6, np.uint64(seed), *found[1:], 0, 1, 1000,
        np.zeros(1 + 3 * (sweeps + 1), np.int64), control,
    )  # fmt: skip
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(found[0], start[0])
    assert control[1] == 1000


def test_low_pass_is_a_gaussian_of_what_is_in_the_hole() -> None:
    rng = np.random.default_rng(0)
    hole = np.zeros((61, 70), bool)
    hole[20:50, 12:70] = rng.random((30, 58)) < 0.8
    smooth = ndimage.gaussian_filter(rng.normal(size=(61, 70, 2)), (3, 3, 0))
    difference = np.where(hole[:, :, np.newaxis], smooth, 0)
    expected = ndimage.gaussian_filter(difference, (8, 8, 0), mode="constant")[hole]
    result = low_pass(smooth[hole].astype(np.float32), np.flatnonzero(hole).astype(np.int32), 70, 8)
    assert np.abs(result - expected).max() < 0.03 * np.abs(expected).max()


def test_low_pass_of_one_pixel() -> None:
    result = low_pass(np.ones((1, 1), np.float32), np.array([5], np.int32), 9, 8)
    np.testing.assert_allclose(result, 1 / (2 * np.pi * 64), rtol=0.25)
