"""Vorticity and its transport: plain formulas, and flows whose solution is known."""

from __future__ import annotations

import numpy as np
import pytest

from restauro.numerics import vorticity
from restauro.numerics.navier_stokes import _Flow, navier_stokes
from restauro.numerics.surroundings import HOLE, NEAR, SOUND, Surroundings
from tests.numerics.systems import gathered
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
    near.each_hole(vorticity.transport, fields, near.kind, near.column, friction, task().control, w)
    return gathered(near.holes, w[0]).reshape(14, -1)


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
    near.each(vorticity.isophotes, J, near.planes(3), fields)
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
    across = np.cos(0.4 * (np.cos(angle) * y - np.sin(angle) * x))  # not linear: ends elsewhere would have another mean
    found = transported(near, angle, 1.0, as_plane(near, across), friction=5.0)
    inner = slice(7, 8)  # other rows' isophotes leave the picture
    np.testing.assert_allclose(found[inner, 2:4], across[inner, 11:13], rtol=0, atol=0.03)  # pixels


@pytest.mark.parametrize("turned", [False, True])
def test_at_the_picture_s_edge_the_one_end_that_there_is_counts(turned: bool) -> None:
    hole = np.zeros((14, 24), bool)
    hole[:, 18:] = True
    rows = np.cos(np.arange(14.0))[:, np.newaxis] * np.ones(24)
    near = Surroundings.of(hole[:, ::-1].copy() if turned else hole, 6, task())
    found = transported(near, 0.0, 1.0, as_plane(near, rows), friction=5.0)
    np.testing.assert_allclose(found[1:-1], rows[1:-1, 18:], rtol=0, atol=1e-12)


def means_by_steps(near: Surroundings, fields: np.ndarray) -> np.ndarray:
    """Means of fields' last column along isophotes, on pictures: [H, W]."""
    cosine, sine, known, source = (spread(near, column) for column in np.ascontiguousarray(fields.T))
    kind, means = spread(near, near.kind), np.zeros(near.grid.shape)

    def at(picture: np.ndarray, y: float, x: float) -> float:
        """Interpolate between four pixels; nothing is beyond the picture."""
        top, left = int(np.floor(y)), int(np.floor(x))
        down, right = y - top, x - left
        padded = np.pad(picture, 1)[top + 1 : top + 3, left + 1 : left + 3]
        return float(np.array([1 - down, down]) @ padded @ np.array([1 - right, right]))

    for start in np.argwhere(kind & SOUND):
        total, weight = 0.0, 0.0
        for sense in (1.0, -1.0):
            (y, x), before, remains = start.astype(float), None, 1.0
            for _ in range(vorticity._MOST_STEPS):
                remains *= at(known, y, x)
                weight, total = weight + remains, total + remains * at(source, y, x)
                a, b = at(cosine, y, x), at(sine, y, x)
                if remains <= 0 or a == b == 0:
                    break
                step = np.array([np.sin(np.arctan2(b, a) / 2), np.cos(np.arctan2(b, a) / 2)])
                forwards = sense if before is None else step @ before
                before = step if forwards >= 0 else -step
                y, x = np.array([y, x]) + vorticity._FINE_STEP * before
                nearest = int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
                if not (0 <= nearest[0] < kind.shape[0] and 0 <= nearest[1] < kind.shape[1] and kind[nearest] & NEAR):
                    break
        means[tuple(start)] = total / weight
    return means


def test_means_along_isophotes_are_those_of_small_steps() -> None:
    near = band(4)
    y, x = np.mgrid[:14, :24]
    angle = 0.5 + 0.07 * y - 0.04 * x
    planes = [0.9 * np.cos(2 * angle), 0.9 * np.sin(2 * angle), np.ones((14, 24)), np.sin(0.7 * y) + np.cos(0.4 * x)]
    fields = np.stack([as_plane(near, plane) for plane in planes], axis=1)
    fields[near.kind & SOUND == 0, 2:] = 0
    means = near.planes(1)
    near.each(vorticity.means_along_isophotes, fields, near.kind, near.column, task().control, means)
    expected = means_by_steps(near, fields)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(spread(near, means[0]), expected, rtol=0, atol=1e-9)


def test_known_vorticity_is_kept_where_isophotes_are_clear_and_smoothed_elsewhere() -> None:
    near = band()
    rng = np.random.default_rng(1)
    J, smoothed, w = near.planes(3), near.planes(2), near.planes(2)
    for planes in (J, smoothed, w):
        planes[:] = rng.uniform(0.1, 0.4, planes.shape)
    J[:, ::7] = 0
    trace = J[0] + J[2]
    coherence = np.hypot(J[0] - J[2], 2 * J[1]) / np.where(trace > 0, trace, 1)
    expected = np.where(near.kind & SOUND, smoothed + coherence**8 * (w - smoothed), 0)
    near.each(vorticity.diffuse, J, near.kind, smoothed, w)
    inside = near.kind > 0
    np.testing.assert_allclose(w[:, inside], expected[:, inside], rtol=0, atol=1e-12)


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
    w = np.zeros(near.holes.size)
    w[near.holes.around[:, 1]] = 2.0
    w[near.holes.around[:, 1] + 1] = -1.0
    both_signs = near.planes(2).astype(np.float32)
    both_signs[0], both_signs[1] = 3.0, 1.0
    near.each_hole(vorticity.balance, both_signs, 1.5, w)
    assert w[near.holes.around[3, 1]] == 1.0  # by 1.5 * 1 / 3
    assert w[near.holes.around[3, 1] + 1] == -1.0


def test_kernels_that_follow_isophotes_end_when_stopped() -> None:
    near, stopped = band(), np.array([1, 0])
    fields = np.ones((near.grid.size, 4))
    means, w = near.planes(1), np.zeros((1, near.holes.size))
    rows = 0, len(near.table)
    vorticity.means_along_isophotes(near.table, *rows, fields, near.kind, near.column, stopped, means)
    assert not means.any()
    rows = 0, len(near.hole_table)
    vorticity.transport(near.hole_table, *rows, fields, near.kind, near.column, 1.0, stopped, w)
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
    small, of_small = navier_stokes(image / 1000 - 3, hole, 2.0, task())
    np.testing.assert_allclose(small, values / 1000 - 3, rtol=0, atol=1e-7)
    assert of_small.vorticity == pytest.approx(report.vorticity / 1000, rel=1e-3)


def test_the_structure_tensor_is_continued_harmonically_into_the_hole() -> None:
    near = band(4)
    y, x = np.mgrid[:14, :24]
    flow = _Flow(near, near.load(np.sin(0.4 * y + 0.3 * x + 0.02 * x * y)[:, :, np.newaxis]), 2.0)
    holes = (spread(near, near.kind) & HOLE > 0)[1:-1, 1:-1]
    for plane in flow._known_tensor:
        J = spread(near, plane)
        around = (J[:-2, 1:-1] + J[2:, 1:-1] + J[1:-1, :-2] + J[1:-1, 2:]) / 4
        np.testing.assert_allclose(J[1:-1, 1:-1][holes], around[holes], rtol=0, atol=0.02 * np.abs(J).max())
        assert np.abs(J[1:-1, 1:-1][holes]).max() > 0.2 * np.abs(J).max()
    assert not _Flow(near, near.load(np.zeros((14, 24, 1))), 2.0)._known_tensor.any()  # nor NaN


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_flat_picture_stays_flat(value: float) -> None:
    hole = np.zeros((9, 10), bool)
    hole[3:6, 4:7] = True
    np.testing.assert_array_equal(navier_stokes(np.full((9, 10, 1), value), hole, 2.0, task())[0], value)


def test_an_edge_goes_through_a_hole_and_stays_sharp() -> None:
    y = np.mgrid[:22, :30][0]
    image = np.tanh((y - 10.5) / 1.2)[:, :, np.newaxis] * 40
    hole = np.zeros((22, 30), bool)
    hole[4:18, 11:19] = True
    values, _ = navier_stokes(image, hole, 2.0, task())
    across = values[:, 0].reshape(14, 8)[:, 4] - image[4:18, 15, 0]
    assert np.abs(across).max() < 12
