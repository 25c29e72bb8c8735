"""Flakes against a slow one that looks at every pixel of the picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from restauro.numerics import flakes
from tests.promises.pictures import seeds


@given(
    seed=seeds, height=st.integers(1, 24), width=st.integers(1, 24), ragged=st.sampled_from([0.0, 0.3, 1.0]),
    stretch=st.floats(1, 4),
)  # fmt: skip
def test_a_flake_is_an_ellipse_whose_rim_is_moved(
    seed: int, height: int, width: int, ragged: float, stretch: float
) -> None:
    rng = np.random.default_rng(seed)
    row, column = rng.uniform(-4, 28, 2)
    radius, heading, grain = rng.uniform(0.5, 9), rng.uniform(-7, 7), rng.uniform(1, 12)
    texture, shift = rng.choice([1, 4]) * rng.normal(size=(16, 16)), rng.uniform(-40, 40, 2)
    before = rng.random((height, width)) < 0.2
    mask = before.copy()
    drawn = flakes.draw_flake(row, column, radius, stretch, heading, ragged, grain, texture, shift, mask)
    for y, x in np.ndindex(height, width):
        away, rim = naive_flake(y, x, (row, column), radius, stretch, heading, ragged, grain, texture, shift)
        if abs(away - rim) > 1e-9:
            assert mask[y, x] == (before[y, x] or away <= rim)
    assert drawn == mask.sum() - before.sum()


def naive_flake(
    y: int, x: int, middle: tuple[float, float], radius: float, stretch: float, heading: float, ragged: float,
    grain: float, texture: np.ndarray, shift: np.ndarray,
) -> tuple[float, float]:  # fmt: skip
    """How far a pixel is from the middle, in radii of the ellipse, and where the rim is in its direction."""
    turned = np.array([[np.sin(heading), np.cos(heading)], [np.cos(heading), -np.sin(heading)]])
    along, aside = turned @ (np.array([y, x]) - middle)
    t = sum(
        0.6**octave * interpolated(2**octave * (np.array([y, x]) / grain + shift), texture) for octave in range(4)
    ) / 1.25  # fmt: skip
    return float(np.hypot(along / stretch**0.5, aside * stretch**0.5) / radius), min(1 + ragged * t, 1 + 2.5 * ragged)


def interpolated(place: np.ndarray, texture: np.ndarray) -> float:
    """The texture, periodic, between four points, with weights that begin and end level."""
    corner = np.floor(place).astype(int)
    weights = [(1 - s, s) for s in (3 * part**2 - 2 * part**3 for part in place - corner)]
    return sum(
        weights[0][i] * weights[1][j] * texture[tuple((corner + np.array([i, j])) % len(texture))]
        for i in range(2)
        for j in range(2)
    )
