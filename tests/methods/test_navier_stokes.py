"""What Navier-Stokes inpainting is for: edges go on through wide holes, at any angle; and its report."""

from __future__ import annotations

import numpy as np
import pytest

import restauro
from restauro.method import Task
from restauro.numerics.navier_stokes import Report, navier_stokes
from restauro.numerics.surroundings import Surroundings
from tests.promises.pictures import holes, picture

SIDE, BAND = 256, 20


def step_edge(angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return an anti-aliased step from 0 to 1, and each pixel's distance from it."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    distance = np.cos(np.deg2rad(angle)) * y - np.sin(np.deg2rad(angle)) * x
    return np.clip(distance + 0.5, 0, 1), distance


def contrast(filled: np.ndarray, distance: np.ndarray) -> float:
    """Mean of up to 5 pixels beyond the edge less that before it, on the band's midline."""
    midline = slice(SIDE // 2 - 1, SIDE // 2 + 1)
    d, values = distance[:, midline], filled[:, midline]
    near = np.abs(d) <= 5
    return float(values[near & (d > 0)].mean() - values[near & (d < 0)].mean())


@pytest.mark.parametrize("angle", [0, 30, 45, 60, -30])
def test_a_step_edge_goes_on_through_a_band(angle: float) -> None:
    image, distance = step_edge(angle)
    hole = np.zeros(image.shape, bool)
    hole[:, (SIDE - BAND) // 2 : (SIDE + BAND) // 2] = True
    assert contrast(restauro.inpaint(image, hole, "navier-stokes"), distance) > 0.75
    assert contrast(restauro.inpaint(image, hole, "harmonic"), distance) < 0.4


def report_of(image: np.ndarray, hole: np.ndarray, friction: float = 2.0) -> tuple[np.ndarray, Report]:
    task = Task((slice(0, 1), slice(0, 1)), 1, 1, (0,), np.zeros(2, np.int64))
    return navier_stokes(image, hole, friction, task)


def test_it_reports_steps_residual_change_and_vorticity() -> None:
    rng = np.random.default_rng(1)
    image, hole = picture(rng, (120, 130, 3)), np.zeros((120, 130), bool)
    hole[50:70] = True
    values, report = report_of(image, hole)
    assert report.steps > 1
    assert report.vorticity > 0
    assert 0 < report.residual < report.change
    harmonic = restauro.inpaint(image, hole, "harmonic")[hole]
    assert np.sqrt(np.square(values - harmonic).mean()) == pytest.approx(report.change, rel=1e-3)


def test_with_much_friction_it_is_harmonic() -> None:
    rng = np.random.default_rng(2)
    image, hole = picture(rng, (60, 60)), holes(rng, (60, 60))
    hole[20:40, 20:40] = True
    image += rng.normal(size=image.shape)
    with_friction = restauro.inpaint(image, hole, "navier-stokes", friction=1000)
    harmonic = restauro.inpaint(image, hole, "harmonic")
    without = restauro.inpaint(image, hole, "navier-stokes", friction=0)
    assert np.abs(with_friction - harmonic).mean() < 0.2 * np.abs(without - harmonic).mean()


@pytest.mark.parametrize("slope", [(1, 0), (0, 1), (3, -2)])
def test_a_ramp_goes_on(slope: tuple[int, int]) -> None:
    y, x = np.mgrid[:90, :100] / 100
    ramp = slope[0] * y + slope[1] * x
    hole = np.zeros(ramp.shape, bool)
    hole[20:70, 30:80] = True
    hole[:, 10] = hole[5, 40:] = True
    hole[:2], hole[-2:], hole[:, :2], hole[:, -2:] = False, False, False, False  # at the edge slopes end
    filled = restauro.inpaint(np.where(hole, 5, ramp), hole, "navier-stokes")
    np.testing.assert_allclose(filled, ramp, rtol=0, atol=1e-4)


def test_a_constant_is_exact() -> None:
    image = np.full((40, 50, 2), 0.1)
    hole = holes(np.random.default_rng(4), (40, 50))
    values, report = report_of(image, hole)
    assert (values == 0.1).all()
    assert report == Report(0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90, lambda a: np.swapaxes(a, 0, 1)])
def test_mirrored_and_turned_large_holes(turn) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(5)
    image, hole = picture(rng, (150, 170, 3)), holes(rng, (150, 170))
    hole[40:90, 50:110] = True
    hole |= rng.random(hole.shape) < 0.01
    filled = restauro.inpaint(image, hole, "navier-stokes")
    turned = restauro.inpaint(turn(image), turn(hole), "navier-stokes")
    np.testing.assert_allclose(turned, turn(filled), rtol=0, atol=1e-4)


def test_memory_follows_the_damage() -> None:
    """Two far specks of one window take no arrays of the box between them."""
    import tracemalloc

    hole = np.zeros((3000, 3000), bool)
    hole[10, 10] = hole[2990, 2990] = True
    image = np.zeros((3000, 3000, 1), np.uint8)
    image[::2] = 200
    report_of(image, hole)
    tracemalloc.start()
    report_of(image, hole)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_what_is_stopped_does_nothing_more() -> None:
    task = Task((slice(0, 1), slice(0, 1)), 1, 1, (0,), np.zeros(2, np.int64))
    near = Surroundings.of(np.pad(np.ones((9, 9), bool), 12), 8, task)
    ran: list[int] = []

    def step(table: np.ndarray, low: int, high: int) -> None:
        ran.append(high - low)

    near.each(step)
    assert sum(ran) == len(near.table)
    task.control[0] = 1
    near.each(step)
    near.each_hole(step)
    assert sum(ran) == len(near.table)
