"""Cracks that grow, step by step in plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from restauro.numerics import crack_growth


def test_a_crack_follows_its_heading_bends_and_axis() -> None:
    bends = np.random.default_rng(2).normal(0, 0.05, 25)
    path, net = np.zeros((25, 2)), np.zeros((40, 40), bool)
    row, column, heading, expected = 11.0, 6.0, 0.3, []
    for bend in bends:
        expected.append((row, column))
        heading += bend + 0.05 * np.sin(4 * (0.8 - heading))  # a quarter of the pull of 0.2
        row, column = row + np.sin(heading), column + np.cos(heading)
    assert crack_growth.grow(11.0, 6.0, 0.3, bends, 0.8, 0.2, net, path) == 25
    np.testing.assert_allclose(path, expected, rtol=0, atol=1e-9)
    drawn = np.zeros_like(net)
    for y, x in np.array(expected[:-12]).round().astype(int):  # the last pixels aren't there yet to be met with
        drawn[y, x] = True
    np.testing.assert_array_equal(net, drawn)


@pytest.mark.parametrize(("row", "heading"), [(20.0, 0.0), (3.0, -np.pi / 2), (36.0, np.pi / 2)])
def test_another_crack_or_the_rim_ends_it(row: float, heading: float) -> None:
    net, path = np.zeros((40, 40), bool), np.zeros((30, 2))
    net[:, 14] = True
    net[20, 5:8] = True  # the crack that it comes from, which it may leave
    points = crack_growth.grow(row, 5.0, heading, np.zeros(30), 0.0, 0.0, net, path)
    assert points == (-9 if heading == 0 else -4)


def test_a_path_is_drawn_without_gaps_until_there_is_enough() -> None:
    path = np.array([[3.0, 3.0], [4.0, 4.0], [5.0, 4.0], [5.0, 30.0]])
    net, mask = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    assert crack_growth.draw_path(path, np.full(4, 0.5), net, mask, 99) == 3
    assert sorted(map(tuple, np.argwhere(mask).tolist())) == [(3, 3), (4, 4), (5, 4)]
    assert sorted(map(tuple, np.argwhere(net).tolist())) == [(3, 3), (3, 4), (4, 4), (5, 4)]
    again = np.zeros((9, 9), bool)
    assert crack_growth.draw_path(path, np.full(4, 0.5), net, again, 2) == 2
    assert again.sum() == 2
