"""Means along lines, ridges, and the following of lines, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from restauro.numerics import line_evidence, ridges

_RNG = np.random.default_rng(3)


@pytest.mark.parametrize("angle", np.pi * np.arange(16) / 16)
def test_steps_lie_along_and_across(angle: float) -> None:
    steps = ridges.along(angle, 13)
    assert 11 <= np.hypot(*(steps[-1] - steps[0])) + 1 <= 15
    assert len(np.unique(steps, axis=0)) == len(steps)
    assert (steps == -steps[::-1]).all()
    way = np.array([-np.sin(angle), np.cos(angle)])
    assert np.abs(steps[:, 0] * way[1] - steps[:, 1] * way[0]).max() <= 0.51
    aside = np.array(ridges.across(angle, 6))
    assert abs(np.hypot(*aside) - 6) <= 0.75
    assert abs(aside @ way) <= 0.75


def test_line_means_are_those_of_plain_loops() -> None:
    padded = _RNG.random((18, 21), np.float32)
    steps = ridges.along(0.4, 7)
    out = np.empty((10, 13), np.float32)
    ridges.line_means(padded, 4, steps, out)
    plain = [[np.mean([padded[y + 4 + v, x + 4 + u] for v, u in steps]) for x in range(13)] for y in range(10)]
    np.testing.assert_allclose(out, plain, rtol=1e-5)


def test_ridges_are_those_of_plain_loops() -> None:
    means = _RNG.random((14, 16), np.float32)
    inside, sides = np.array([[-1, 0], [1, 0]]), np.array([[2, 1], [-2, -1]])
    out = np.empty((8, 10), np.float32)
    ridges.ridges(means, 3, inside, sides, out)
    for y in range(8):
        for x in range(10):
            own = (means[y + 2, x + 3] + means[y + 4, x + 3]) / 2
            both = [means[y + 3 + v, x + 3 + u] for v, u in sides]
            assert out[y, x] == pytest.approx(max(min(both) - own, 0) - max(own - max(both), 0), abs=1e-6)


def test_an_edge_is_no_ridge() -> None:
    """The sides of an edge differ, and its middle lies between them."""
    step = np.where(np.arange(40) < 20, 10, 90).astype(np.float32)[None].repeat(30, 0)
    out = np.empty((22, 32), np.float32)
    ridges.ridges(step, 4, np.array([[0, 0]]), np.array([[0, 3], [0, -3]]), out)
    assert not out.any()


def _plain_follow(
    stack: NDArray[np.float32], so_far: NDArray[np.float32], ahead: NDArray[np.int64], aside: NDArray[np.int64]
) -> NDArray[np.float32]:
    out = np.zeros_like(stack)
    for a, y, x in np.ndindex(*stack.shape):
        steps = [(a, ahead[a] + hand * aside[a]) for hand in (-1, 0, 1)] + [(a - 1, ahead[a]), (a + 1, ahead[a])]
        for angle, (down, over) in steps:
            if 0 <= angle < len(stack) and 0 <= y + down < stack.shape[1] and 0 <= x + over < stack.shape[2]:
                value = stack[angle, y + down, x + over] + so_far[angle, y + down, x + over]
                out[a, y, x] = max(out[a, y, x], value)
    return out


def test_following_is_that_of_plain_loops() -> None:
    stack, so_far = _RNG.random((2, 4, 9, 8), np.float32)
    ahead, aside = np.array([[0, 2], [-2, 2], [-2, 0], [-2, -2]]), np.array([[1, 0], [1, 1], [0, 1], [-1, 1]])
    out = np.empty_like(stack)
    for angle in range(4):
        line_evidence.follow(stack, so_far, ahead, aside, angle, angle + 1, out)
    np.testing.assert_allclose(out, _plain_follow(stack, so_far, ahead, aside))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_combining_is_that_of_plain_arrays(sign: float) -> None:
    stack = _RNG.standard_normal((2, 4, 6, 8)).astype(np.float32)
    colour = _RNG.random((4, 6, 8), np.float32)
    weight = _RNG.random((2, 6, 8), np.float32) + 0.1
    best, mean, change = (np.empty((6, 8), np.float32) for _ in range(3))
    pooled = np.empty((4, 3, 4), np.float32)
    for first in (0, 2, 4):
        line_evidence.combine(first, first + 2, stack, colour, weight, sign, best, mean, change, pooled)
    together = np.maximum(sign * stack * weight[:, None], 0).max(axis=0)
    np.testing.assert_allclose(best, together.max(axis=0), rtol=1e-6)
    np.testing.assert_allclose(mean, together.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(pooled, together.reshape(4, 3, 2, 4, 2).max(axis=(2, 4)), rtol=1e-6)
    at_best = np.take_along_axis(colour, together.argmax(axis=0)[None], 0)[0]
    np.testing.assert_array_equal(change, np.where(best > 0, at_best, 0))
