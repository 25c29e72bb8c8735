from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.numerics import multigrid
from tests.numerics.systems import plate
from tests.promises.pictures import holes, net, picture, seeds


@given(seed=seeds, height=st.integers(4, 26), width=st.integers(4, 26))
@settings(max_examples=25)
def test_the_fill_is_the_plate_of_least_energy(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width)), holes(rng, (height, width))
    hole[1, 1] = hole[1, 2] = hole[2, 1] = False  # three corners hold a plane
    restored = restauro.inpaint(np.where(hole, np.nan, image), hole, "biharmonic")
    np.testing.assert_allclose(restored[hole], plate(image, hole), rtol=0, atol=1e-3)


def test_the_fill_is_that_of_scikit_image_away_from_the_edge() -> None:
    restoration = pytest.importorskip("skimage.restoration", reason="scikit-image isn't installed")
    rng = np.random.default_rng(1)
    image = picture(rng, (90, 110))
    hole = np.zeros(image.shape, bool)
    hole[3:-3, 3:-3] = net(rng, (84, 104))
    hole[0, 0] = False
    image[0, :2] = -3, 4  # theirs is kept within the range of the known pixels, ours isn't
    expected = restoration.inpaint_biharmonic(image, hole)
    np.testing.assert_allclose(restauro.inpaint(image, hole, "biharmonic"), expected, rtol=0, atol=1e-3)


def test_a_ramp_goes_on_to_the_edge() -> None:
    image = np.add.outer(np.arange(50.0), 3 * np.arange(60.0)) / 200
    hole = np.zeros(image.shape, bool)
    hole[20:, 30:] = hole[:15, :25] = True
    restored = restauro.inpaint(np.where(hole, np.nan, image), hole, "biharmonic")
    np.testing.assert_allclose(restored, image, rtol=0, atol=1e-3)


def test_a_wide_hole_takes_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    solve = multigrid.Levels.solve

    def counted(self: multigrid.Levels, *arguments: object, **options: object) -> int:
        steps.append(solve(self, *arguments, **options))  # type: ignore[arg-type]
        return steps[-1]

    monkeypatch.setattr(multigrid.Levels, "solve", counted)
    rng = np.random.default_rng(2)
    image, hole = picture(rng, (400, 411)), np.zeros((400, 411), bool)
    hole[10:-10, 20:] = True
    restauro.inpaint(image, hole, "biharmonic")
    restauro.inpaint(image, net(rng, hole.shape), "biharmonic")
    assert 3 < max(steps) <= 20


def test_threads_that_share_a_hole_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multigrid, "_PIXELS_WORTH_A_THREAD", 100)
    rng = np.random.default_rng(4)
    hole = net(rng, (200, 240)) | (rng.random((200, 240)) < 0.55)
    image = picture(rng, (200, 240, 2))
    alone = restauro.inpaint(image, hole, "biharmonic", workers=1)
    np.testing.assert_array_equal(restauro.inpaint(image, hole, "biharmonic", workers=2), alone)


@pytest.mark.parametrize("known", [[(3, 4)], [(3, 4), (5, 9)], [(6, x) for x in range(14)]])
def test_a_plate_that_could_tilt_lies_level(known: list[tuple[int, int]]) -> None:
    image, hole = np.random.default_rng(3).random((12, 14)), np.ones((12, 14), bool)
    hole[tuple(np.array(known).T)] = False
    restored = restauro.inpaint(image, hole, "biharmonic")
    turned = restauro.inpaint(np.rot90(image), np.rot90(hole), "biharmonic")
    np.testing.assert_allclose(turned, np.rot90(restored), rtol=0, atol=2e-4)
    if len(known) == 1:
        np.testing.assert_allclose(restored, image[3, 4], rtol=0, atol=1e-6)
    if len(known) == 14:
        assert abs(np.diff(restored, axis=0).mean()) < 1e-6


def test_a_long_thin_picture_takes_little_memory() -> None:
    image, hole = np.random.default_rng(1).random((1, 20_000)), np.zeros((1, 20_000), bool)
    hole[:, 1::2] = True
    restauro.inpaint(image[:, :50], hole[:, :50], "biharmonic")
    tracemalloc.start()
    restauro.inpaint(image, hole, "biharmonic")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000
