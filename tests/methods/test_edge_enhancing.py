"""What edge-enhancing diffusion is for: edges go on; and what it keeps exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import restauro
from restauro.methods import edge_enhancing
from restauro.numerics.edge_diffusion import EdgeDiffusion
from restauro.numerics.structure_tensor import GRADIENT_REACH, half_gaussian
from tests.numerics import naive_edge_diffusion as naive
from tests.promises.pictures import holes, losses, picture, seeds


def contrast_left(restored: np.ndarray, angle: float) -> float:
    """Difference 5 pixels on either side of an edge through the middle, measured across it."""
    middle = (np.array(restored.shape) - 1) / 2
    across = np.array([np.cos(angle), -np.sin(angle)])
    places = np.stack([middle + 5 * across, middle - 5 * across], axis=1)
    high, low = ndimage.map_coordinates(restored, places, order=1)
    return float(high - low)


@pytest.mark.parametrize("degrees", [0, 30, 45, 60, -30, -60])
@pytest.mark.parametrize("height", [1.0, 0.01])
def test_step_edges_keep_their_contrast_across_a_band(degrees: float, height: float) -> None:
    angle = np.radians(degrees)
    y, x = np.mgrid[:256, :256] - 127.5
    image = height * (np.cos(angle) * y - np.sin(angle) * x > 0)
    hole = np.zeros(image.shape, bool)
    hole[:, 118:138] = True
    restored = restauro.inpaint(np.where(hole, 0, image), hole, "edge-enhancing")
    assert contrast_left(restored, angle) / height > 0.85
    assert contrast_left(restauro.inpaint(image, hole, "harmonic"), angle) / height < 0.5


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (1, 1), (-2, 1), (3, 1)])
def test_a_ramp_goes_on(direction: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:140, :150]
    ramp = (direction[0] * y + direction[1] * x) / 700.0
    hole = losses(rng, ramp.shape)
    hole[:1] = hole[-1:] = hole[:, :1] = hole[:, -1:] = False
    restored = restauro.inpaint(np.where(hole, 0, ramp), hole, "edge-enhancing")
    np.testing.assert_allclose(restored, ramp, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_constant_stays_exactly_constant(dtype: str) -> None:
    rng = np.random.default_rng(2)
    image = np.full((60, 70, 2), 0.3, dtype)
    image[:, :, 1] = picture(rng, (60, 70))
    hole = holes(rng, (60, 70))
    restored = restauro.inpaint(np.where(hole[:, :, np.newaxis], np.nan, image), hole, "edge-enhancing")
    np.testing.assert_array_equal(restored[:, :, 0], image[:, :, 0])
    assert np.isfinite(restored).all()


@given(seed=seeds, side=st.integers(4, 120))
@settings(max_examples=15)
def test_turned_and_mirrored_pictures(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (side, side + 3, 3)), holes(rng, (side, side + 3))
    expected = restauro.inpaint(image, hole, "edge-enhancing")
    for turn in (np.rot90, np.flipud, np.fliplr):
        found = restauro.inpaint(turn(image), turn(hole), "edge-enhancing")
        np.testing.assert_allclose(found, turn(expected), rtol=0, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_steps_are_dense_solves_and_go_beyond_them_but_for_the_last(steps: int) -> None:
    """From the harmonic fill on, with the scale and contrast as released."""
    rng = np.random.default_rng(3)
    image = picture(rng, (22, 24, 2))
    hole = np.zeros((22, 24), bool)
    hole[5:15, 6:17] = hole[15:, 12] = True
    expected = restauro.inpaint(image, hole, "harmonic")
    squared = naive.squared_contrast(expected, hole, edge_enhancing._SCALE, edge_enhancing._CONTRAST)
    for relaxation in (*(1.4, 1.8, 2.4, 2.0)[: steps - 1], 1.0):
        before = expected
        solved = naive.step(before, hole, edge_enhancing._SCALE, squared)
        expected = before + relaxation * (solved - before)
    found = restauro.inpaint(image, hole, "edge-enhancing", steps=steps)
    assert np.abs(expected - before).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)


def test_reach_is_what_the_tensor_reads() -> None:
    reach = half_gaussian(edge_enhancing._SCALE).size - 1 + GRADIENT_REACH
    assert edge_enhancing.EdgeEnhancing().reach(0) == edge_enhancing.EdgeEnhancing().reach(50) == reach


def test_holes_further_apart_do_not_know_of_each_other() -> None:
    rng = np.random.default_rng(4)
    image = picture(rng, (60, 90))
    image[:, 45:] *= 0.01
    left, right = np.zeros((60, 90), bool), np.zeros((60, 90), bool)
    left[20:40, 10:20] = right[15:45, 65:80] = True
    together = restauro.inpaint(image, left | right, "edge-enhancing")
    for hole in (left, right):
        alone = restauro.inpaint(image, hole, "edge-enhancing")
        np.testing.assert_allclose(together[hole], alone[hole], rtol=0, atol=2e-5 * np.ptp(alone[hole]) + 1e-5)


def test_a_picture_with_hardly_a_known_gradient() -> None:
    """Where no gradient is known there is no contrast to measure, and the fill is smooth."""
    rng = np.random.default_rng(5)
    image = picture(rng, (30, 31))
    hole = np.ones((30, 31), bool)
    hole[::3, ::3] = False
    restored = restauro.inpaint(np.where(hole, np.nan, image), hole, "edge-enhancing")
    assert np.isfinite(restored).all()
    assert np.abs(restored - restauro.inpaint(image, hole, "harmonic")).max() < 0.3


def test_far_brighter_pixels_near_the_hole_do_no_harm() -> None:
    image = picture(np.random.default_rng(6), (40, 40))
    hole = np.zeros((40, 40), bool)
    hole[15:25, 15:25] = True
    image[5, 5] = 1e200
    restored = restauro.inpaint(image, hole, "edge-enhancing")
    assert image[14:26, 14:26].min() - 0.2 < restored[hole].min()
    assert restored[hole].max() < image[14:26, 14:26].max() + 0.2


def test_progress_counts_every_pixel() -> None:
    from restauro.method import Task

    hole = np.zeros((20, 20), bool)
    hole[5:12, 5:12] = True
    for image in (np.zeros((20, 20, 2)), picture(np.random.default_rng(7), (20, 20, 2))):
        core = slice(0, 20), slice(0, 20)
        task = Task(core, 4, 1, (0,), np.zeros(2, np.int64), wanted=hole, domain=hole)
        edge_enhancing.EdgeEnhancing(steps=4).fill(image, hole, task)
        assert task.control[1] == hole.sum()


def test_a_diffusion_is_stopped_between_channels() -> None:
    from restauro.method import Task

    task = Task((slice(0, 20), slice(0, 20)), 4, 1, (0,), np.zeros(2, np.int64))
    hole = np.zeros((20, 20), bool)
    hole[5:12, 5:12] = True
    diffusion = EdgeDiffusion(picture(np.random.default_rng(7), (20, 20, 3)), hole, 5.0, 0.02, 1e-6, task)
    calls: list[int] = []

    def stop() -> None:
        calls.append(1)
        task.control[0] = 1

    diffusion.start(stop, 5)
    assert len(calls) == 1
