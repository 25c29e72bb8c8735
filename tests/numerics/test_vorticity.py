"""Vorticity and its transport: plain formulas, and flows whose solution is known."""

from __future__ import annotations

import numpy as np
import pytest

from restauro.numerics import vorticity
from restauro.numerics.navier_stokes import navier_stokes
from restauro.numerics.surroundings import SOUND, Surroundings
from tests.numerics.test_surroundings import spread, task


def band(width: int = 6) -> Surroundings:
    hole = np.zeros((14, 24), bool)
    hole[:, 9 : 9 + width] = True
    return Surroundings.of(hole, 6, task())


def transported(near: Surroundings, angle: float, coherence: float, source: np.ndarray, friction: float) -> np.ndarray:
    """What arrives in the hole, [H, hole's width], where all isophotes run at an angle."""
    fields = np.zeros((near.grid.size, 4))
    inside = near.kind > 0
    fields[inside, 0] = coherence * np.cos(2 * angle)
    fields[inside, 1] = coherence * np.sin(2 * angle)
    fields[:, 2] = near.kind & SOUND > 0
    fields[:, 3] = source * fields[:, 2]
    w = np.zeros((1, near.holes.size))
    near.each_hole(vorticity.transport, fields, near.kind, near.up, near.down, friction, task().control, w)
    values = np.empty(near.holes.pixels)
    near.holes.hole_values(w[0], values)
    return values.reshape(14, -1)


def as_plane(near: Surroundings, image: np.ndarray) -> np.ndarray:
    return near.load(image[:, :, np.newaxis])[0]


def test_the_laplacian_of_known_pixels() -> None:
    near = band()
    y, x = np.mgrid[:14, :24]
    w = near.planes(1)
    near.each(vorticity.laplacian, near.load((3 * x**2 - y**2 + x * y)[:, :, np.newaxis]), near.kind, w)
    np.testing.assert_array_equal(spread(near, w[0]), np.where(spread(near, near.kind) & SOUND, 4.0, 0.0))


def test_isophotes_of_a_ramp() -> None:
    near = band()
    y, x = np.mgrid[:14, :24]
    J = near.planes(3)
    near.each(vorticity.gradient_products, near.load((x + 2 * y)[:, :, np.newaxis]), near.kind, SOUND, J)
    fields = np.zeros((near.grid.size, 4))
    near.each(vorticity.isophotes, J, near.planes(3), near.kind, near.planes(1), fields)
    sound = near.kind & SOUND > 0
    angle = np.arctan2(-1, 2)  # along the isophote x + 2 y = 0
    np.testing.assert_allclose(fields[sound, :2], [[np.cos(2 * angle), np.sin(2 * angle)]] * sound.sum(), atol=1e-12)


def test_vorticity_is_carried_straight_along_horizontal_isophotes() -> None:
    near = band()
    rows = np.cos(np.arange(14.0))[:, np.newaxis] * np.ones(24)
    found = transported(near, 0.0, 1.0, as_plane(near, rows), friction=5.0)
    np.testing.assert_allclose(found[1:-1], rows[1:-1, 9:15], rtol=0, atol=1e-12)


def test_between_the_ends_it_is_interpolated() -> None:
    near = band(8)
    x = np.arange(24.0) * np.ones((14, 1))
    found = transported(near, 0.0, 1.0, as_plane(near, np.where(x < 12, 0.0, 1.0)), friction=0.0)[7]
    np.testing.assert_allclose(found, (np.arange(8) + 0.5 + 1) / 10, rtol=0, atol=0.06)
    np.testing.assert_allclose(found, 1 - found[::-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("angle", [0.4, -0.7])
def test_slanted_isophotes_carry_it_at_their_angle(angle: float) -> None:
    near = band()
    y, x = np.mgrid[:14, :24]
    across = np.cos(angle) * y - np.sin(angle) * x
    found = transported(near, angle, 1.0, as_plane(near, across), friction=5.0)
    inner = slice(7, 8)  # other rows' isophotes leave the picture
    np.testing.assert_allclose(found[inner, 2:4], across[inner, 11:13], rtol=0, atol=0.03)  # pixels


def test_friction_where_isophotes_are_unclear() -> None:
    near = band(9)
    ones = as_plane(near, np.ones((14, 24)))
    clear, unclear, rough = (
        transported(near, 0.0, coherence, ones, friction)[7, 4]
        for coherence, friction in ((1.0, 2.0), (0.5, 0.2), (0.5, 0.4))
    )
    assert clear == pytest.approx(1)
    assert 1 > unclear > rough > 0
    # Some 5 pixels to the first known ones, at a rate of 0.2 (1 - 0.5)^2 a pixel.
    assert unclear == pytest.approx(np.exp(-0.2 * 0.25 * 5), abs=0.05)


def test_nothing_flows_without_isophotes() -> None:
    near = band()
    assert not transported(near, 0.0, 0.0, as_plane(near, np.ones((14, 24))), 1.0).any()


def test_vorticity_of_one_sign_is_reduced_as_far_as_the_other() -> None:
    near = band()
    w = np.zeros((1, near.holes.size))
    w[0, near.holes.around[:, 1]] = 2.0
    w[0, near.holes.around[:, 1] + 1] = -1.0
    both_signs = near.planes(2)
    both_signs[0], both_signs[1] = 3.0, 1.0
    near.each_hole(vorticity.balance, both_signs, 1.5, w)
    assert w[0, near.holes.around[3, 1]] == 1.0  # by 1.5 * 1 / 3
    assert w[0, near.holes.around[3, 1] + 1] == -1.0


def test_kernels_that_follow_isophotes_end_when_stopped() -> None:
    near, stopped = band(), np.array([1, 0])
    fields = np.ones((near.grid.size, 4))
    means, w = near.planes(1), np.zeros((1, near.holes.size))
    rows = 0, len(near.table)
    vorticity.means_along_isophotes(near.table, *rows, fields, near.kind, near.up, near.down, stopped, means)
    assert not means.any()
    rows = 0, len(near.hole_table)
    vorticity.transport(near.hole_table, *rows, fields, near.kind, near.up, near.down, 1.0, stopped, w)
    assert not w.any()


def test_the_fill_solves_poissons_equation_for_the_vorticity_reported() -> None:
    y, x = np.mgrid[:18, :20]
    image = np.tanh((y - 0.4 * x - 5) / 1.5)[:, :, np.newaxis] * 40 + 7
    hole = np.zeros((18, 20), bool)
    hole[2:16, 7:12] = True
    values, report = navier_stokes(image, hole, 2.0, task())
    filled = image[:, :, 0].copy()
    filled[hole] = values[:, 0]
    laplacian = (filled[:-2, 1:-1] + filled[2:, 1:-1] + filled[1:-1, :-2] + filled[1:-1, 2:] - 4 * filled[1:-1, 1:-1])[
        hole[1:-1, 1:-1]
    ]
    assert np.sqrt(np.square(laplacian).mean()) == pytest.approx(report.vorticity, rel=1e-4)
    assert report.vorticity > 0.1
    assert 1 <= report.steps <= 8
    assert 0 < report.residual <= 0.15 * report.change
