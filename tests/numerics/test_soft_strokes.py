from __future__ import annotations

import numpy as np
import pytest

from restauro.numerics.soft_strokes import draw_soft


def drawn(path: list[list[float]], radius: float, softness: float, strength: float = 1.0) -> tuple[np.ndarray, ...]:
    field, core = np.zeros((24, 30), np.float32), np.zeros((24, 30), np.bool_)
    count = len(path)
    draw_soft(np.array(path, float), np.full(count, radius), np.full(count, strength), softness, field, core)
    return field, core


def distances(path: list[list[float]]) -> np.ndarray:
    """How far each pixel is from a path of one segment, by the plain formula."""
    start, end = np.array(path, float)
    places = np.stack(np.mgrid[:24, :30], -1) - start
    part = np.clip(places @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return np.linalg.norm(places - part[..., None] * (end - start), axis=-1)


SLANTED = [[5.3, 4.1], [15.2, 22.7]]


@pytest.mark.parametrize("radius", [0.7, 2.0, 4.5])
def test_a_gaussian_profile_has_half_of_its_strength_at_the_radius(radius: float) -> None:
    field, core = drawn(SLANTED, radius, 0.0, 20.0)
    away = distances(SLANTED)
    wanted = 20 * 0.5 ** ((away / radius) ** 2)
    near = away < 2.5 * radius
    np.testing.assert_allclose(field[near], wanted[near], rtol=1e-3)
    assert field[away > 4 * radius + 1].max(initial=0) < 1e-3
    assert (core == (away <= radius)).mean() > 0.995


@pytest.mark.parametrize("softness", [0.6, 2.0])
def test_a_flat_profile_falls_over_its_softness(softness: float) -> None:
    field, _ = drawn(SLANTED, 3.0, softness)
    np.testing.assert_allclose(field, np.clip((3 - distances(SLANTED)) / softness + 0.5, 0, 1), atol=1e-4)


def test_a_hairline_is_faint_but_its_core_is_in_one_piece() -> None:
    field, core = drawn(SLANTED, 0.2, 1.0)
    assert 0 < field.max() <= 0.4
    assert core[5:16, 4:23].any(axis=0).all()


def test_lines_do_not_add_up_and_may_leave_the_picture() -> None:
    field, core = np.zeros((9, 9), np.float32), np.zeros((9, 9), np.bool_)
    for _ in range(2):
        draw_soft(np.array([[-20.0, 4], [40, 4]]), np.ones(2), np.full(2, 3.0), 0.0, field, core)
    np.testing.assert_allclose(field[:, 4], 3, rtol=1e-6)
    assert core.sum() == 27


def test_nothing_is_marked_where_a_line_has_no_strength() -> None:
    _, core = drawn(SLANTED, 2.0, 1.0, strength=0.0)
    assert not core.any()
