"""Distances against NumPy, and what a sweep promises: nothing gets worse, the order of patches doesn't matter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from restauro.numerics import nearest_neighbour_field as fields
from restauro.numerics.patches import SIDE, Patches, measure_depth
from tests.numerics.kernels import step
from tests.promises.pictures import picture

padded, improve, distance = map(step, (fields.padded, fields.improve, fields.distance))
is_source, random_number = map(step, (fields._is_source, fields.random_number))

TRUST = np.append(1.2 ** -np.arange(255.0), 0).astype(np.float32)


@pytest.fixture(autouse=True)
def _whole_numbers_wrap() -> Iterator[None]:
    """Without compilation NumPy would warn that the random numbers' products wrap, which they are to do."""
    with np.errstate(over="ignore"):
        yield


class Case:
    """A picture [H, W, C] with a square hole, and a random field."""

    def __init__(self, image: np.ndarray, top: int = 8, side: int = 4) -> None:
        self.shape, self.channels = image.shape[:2], image.shape[2]
        self.image = image.astype(np.float32)
        self.values = np.append(self.image.ravel(), np.zeros(8, np.float32))
        depth = np.zeros(self.shape, np.uint8)
        depth[top : top + side, top : top + side] = 1
        measure_depth(depth)
        self.depth = depth.ravel()
        self.patches = Patches.of(depth)
        count = self.patches.targets.size
        self.nearest, self.distances = np.empty(count, np.int32), np.empty(count, np.float32)
        self.confidence = np.empty(count, np.float32)
        self.start()

    def start(self) -> None:
        p = self.patches
        fields.start_at_random(p.complete, p.sample, self.shape, p.targets, 5, np.uint64(1), self.nearest)

    def improve(self, begin: int, end: int, colour: int, seed: int = 0, far: float = 0.1) -> None:
        length = SIDE * padded(self.channels)
        p = self.patches
        improve(
            self.values, self.depth, TRUST, np.float32(far), self.channels, self.shape, p.complete, p.place, p.targets,
            begin, end, colour, 6, np.uint64(seed), np.zeros(length, np.float32), np.zeros(length, np.float32),
            self.nearest, self.distances, self.confidence,
        )  # fmt: skip

    def naive(self, target: int, source: int) -> tuple[float, float]:
        """Return the weighted mean squared difference, and the sum of the weights."""
        width = self.shape[1]
        trust = TRUST[self.depth].reshape(self.shape)
        (ty, tx), (sy, sx) = divmod(target, width), divmod(source, width)
        weights = trust[ty : ty + SIDE, tx : tx + SIDE].astype(float)
        difference = self.image[ty : ty + SIDE, tx : tx + SIDE] - self.image[sy : sy + SIDE, sx : sx + SIDE]
        return float((weights * np.square(difference).sum(axis=2)).sum() / weights.sum()), float(weights.sum())


def case(channels: int = 2, seed: int = 0) -> Case:
    return Case(picture(np.random.default_rng(seed), (20, 21, channels)))


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_distance_is_the_weighted_sum_of_squares(channels: int) -> None:
    of = case(channels)
    of.improve(0, of.nearest.size, 0)
    of.improve(0, of.nearest.size, 1)
    for i in range(0, of.nearest.size, 7):
        expected, trust = of.naive(of.patches.targets[i], of.nearest[i])
        np.testing.assert_allclose(of.distances[i], expected, rtol=1e-4)
        np.testing.assert_allclose(of.confidence[i], trust, rtol=1e-5)


def test_a_distance_that_is_large_enough_needn_t_be_finished() -> None:
    row = padded(1)
    patch, weights = np.zeros((SIDE, row), np.float32), np.zeros((SIDE, row), np.float32)
    weights[:, :SIDE] = 1
    values = np.ones(SIDE * SIDE + 8, np.float32)
    whole = distance(patch.ravel(), weights.ravel(), values, 0, SIDE, row, np.float32(np.inf))
    assert whole == SIDE * SIDE
    assert 20 <= distance(patch.ravel(), weights.ravel(), values, 0, SIDE, row, np.float32(20)) < SIDE * SIDE


def test_first_sources_are_complete_and_depend_on_the_seed() -> None:
    of = case()
    assert of.patches.complete[of.nearest].all()
    before = of.nearest.copy()
    of.start()
    np.testing.assert_array_equal(of.nearest, before)
    p = of.patches
    fields.start_at_random(p.complete, p.sample, of.shape, p.targets, 5, np.uint64(100), of.nearest)
    assert (of.nearest != before).mean() > 0.5


def test_sources_are_those_that_are_complete_and_lie_in_the_picture() -> None:
    height, width = 12, 13
    complete = np.random.default_rng(0).random(height * width) < 0.7
    for y in range(-2, height + 2):
        for x in range(-2, width + 2):
            inside = 0 <= y <= height - SIDE and 0 <= x <= width - SIDE
            expected = inside and complete[y * width + x]
            assert is_source(complete, width, height, x, y) == expected
    assert complete[: width - SIDE].any()


def test_the_only_source_is_found_from_far_away() -> None:
    of = case()
    p = of.patches
    lonely = np.zeros_like(p.complete)
    lonely[0] = True
    fields.start_at_random(lonely, np.zeros(1, np.int32), of.shape, p.targets, 1, np.uint64(1), of.nearest)
    assert (of.nearest == 0).all()


def test_sweeps_make_no_distance_worse_and_keep_sources_complete() -> None:
    of = case()
    before = [of.naive(target, source)[0] for target, source in zip(of.patches.targets, of.nearest, strict=True)]
    for colour in (0, 1):
        of.improve(0, of.nearest.size, colour, far=0)
    assert (of.distances <= np.array(before) * (1 + 1e-5)).all()
    assert of.distances.mean() < 0.8 * np.mean(before)
    assert of.patches.complete[of.nearest].all()


def test_the_order_within_a_colour_does_not_matter() -> None:
    forwards, backwards = case(), case()
    count = forwards.nearest.size
    for colour in (0, 1):
        forwards.improve(0, count, colour)
        for begin in range(count - count % 10, -1, -10):
            backwards.improve(begin, min(begin + 10, count), colour)
    np.testing.assert_array_equal(forwards.nearest, backwards.nearest)
    np.testing.assert_array_equal(forwards.distances, backwards.distances)


def test_neighbours_hand_on_what_one_of_them_found() -> None:
    """In a periodic picture the sources beside a right one are right beside its target."""
    y, x = np.mgrid[:20, :21]
    of = Case(((3 * y + x) % 7 / 7.0 + (y % 5) / 5)[:, :, np.newaxis])
    p, width, first = of.patches, 21, of.patches.targets[0]
    right = [source for source in np.flatnonzero(p.complete) if of.naive(first, source)[0] < 1e-12]
    source = next(s for s in right if p.complete[s + 1] and p.complete[s + width])
    beside = p.place[[first + 1, first + width]]
    of.nearest[:] = np.flatnonzero(p.complete)[0]  # what random offers find by themselves would be luck
    before = [of.naive(p.targets[i], of.nearest[i])[0] for i in beside]
    of.nearest[0] = source
    of.improve(1, of.nearest.size, 1, far=0)
    assert min(before) > 0.01
    assert of.distances[beside].max() < 1e-6


def test_near_sources_are_preferred() -> None:
    near, far = case(), case()
    for sweep in range(4):
        for colour in (0, 1):
            far.improve(0, far.nearest.size, colour, seed=sweep, far=0)
            near.improve(0, near.nearest.size, colour, seed=sweep, far=10)

    def away(of: Case) -> float:
        (ty, tx), (sy, sx) = np.divmod(of.patches.targets, of.shape[1]), np.divmod(of.nearest, of.shape[1])
        return float(np.hypot(ty - sy, tx - sx).mean())

    assert away(near) < away(far)


@pytest.mark.parametrize(("top", "side", "without"), [(8, 4, 0), (8, 2, 27), (15, 4, 0)])
def test_a_finer_field_starts_from_the_coarser_one(top: int, side: int, without: int) -> None:
    """Where the coarser level's hole is smaller than half of this one, some targets have none over their centre."""
    coarse = Case(picture(np.random.default_rng(0), (20, 21, 2)), top, side)
    fine = Case(picture(np.random.default_rng(1), (40, 42, 2)), 2 * top, side=8)
    p = fine.patches
    fields.start_from_coarser(
        p.complete, p.sample, fine.shape, p.targets, 5, np.uint64(1), fine.nearest, fine.confidence,
        coarse.shape, coarse.patches.place, coarse.nearest,
    )  # fmt: skip
    assert p.complete[fine.nearest].all()
    twice = over = 0
    for i, target in enumerate(p.targets):
        y, x = divmod(int(target), fine.shape[1])
        above = min(max((y + 3) // 2 - 3, 0), 13), min(max((x + 3) // 2 - 3, 0), 14)
        j = coarse.patches.place[above[0] * coarse.shape[1] + above[1]]
        if j < 0:
            assert fine.confidence[i] == 0
            without -= 1
            continue
        over += 1
        sy, sx = divmod(int(coarse.nearest[j]), coarse.shape[1])
        away = 2 * (sy - above[0]) * fine.shape[1] + 2 * (sx - above[1])
        twice += fine.nearest[i] == target + away
    assert twice > 0.5 * p.targets.size
    assert twice <= fine.confidence.sum()
    assert fine.confidence.sum() > 0.95 * over
    assert without == 0


def test_random_numbers_are_spread_evenly() -> None:
    bits = [int(random_number(np.uint64(seed), place)) for seed in range(20) for place in range(50)]
    assert len(set(bits)) == len(bits)
    counts = np.bincount([b >> 61 for b in bits], minlength=8)
    assert counts.min() > 90
    assert counts.max() < 165
