"""What coherence transport is for: step edges; and what it keeps: convexity, mirrored and cut pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage

import restauro
from restauro.methods.coherence import Coherence
from restauro.windows import Sizes
from tests.fills import filled
from tests.promises.pictures import holes, picture, seeds

SIDE = 256


def step(angle: float, sharp: bool) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """A step of height 1, an upright band across its edge, and the edge's normal (y, x), at an angle to the band."""
    normal = math.cos(math.radians(angle)), -math.sin(math.radians(angle))
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    distance = normal[0] * y + normal[1] * x
    band = np.zeros((SIDE, SIDE), bool)
    band[:, 118:138] = True
    return np.where(distance > 0, 1.0, 0.0) if sharp else np.clip(distance + 0.5, 0, 1), band, normal


@pytest.mark.parametrize("sharp", [True, False])
@pytest.mark.parametrize("angle", [-60, -30, 0, 15, 30, 45, 60])
def test_step_edges_keep_their_contrast_and_stay_straight(angle: float, sharp: bool) -> None:
    image, band, normal = step(angle, sharp)
    restored = restauro.inpaint(image, band, "coherence")
    middle = (SIDE - 1) / 2
    above, below = (
        ndimage.map_coordinates(restored, [[middle + 5 * way * normal[0]], [middle + 5 * way * normal[1]]], order=1)[0]
        for way in (1, -1)
    )
    assert above - below >= 0.88
    # Where every column crosses a half: no further from the edge than a pixel and a half, measured across it.
    for column in range(118, 138):
        crossing = np.interp(0.5, restored[:, column], np.arange(SIDE))
        edge = middle - normal[1] / normal[0] * (column - middle)
        assert abs(crossing - edge) * normal[0] < 1.5


@given(seed=seeds)
@settings(max_examples=25)
def test_values_stay_within_those_of_the_surroundings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, (40, 44, 2), "float64")
    hole = holes(rng, (40, 44))
    hole[5:25, 10:30] = True
    restored = restauro.inpaint(image, hole, "coherence")
    low, high = image[~hole].min(axis=0), image[~hole].max(axis=0)
    assert (restored >= low - 1e-12).all()
    assert (restored <= high + 1e-12).all()


def test_both_sides_are_heard_across_a_slot() -> None:
    """Two plain sides without an edge between them: the values go over from one to the other."""
    image = np.zeros((60, 60))
    image[:, 30:] = 1
    slot = np.zeros((60, 60), bool)
    slot[:, 22:38] = True
    restored = restauro.inpaint(image, slot, "coherence")[30, 21:39]
    assert (np.diff(restored) > 0).all()
    assert np.diff(restored).max() < 0.2


@pytest.mark.parametrize("radius", [2, 32])
def test_mirrored_at_the_ends_of_the_range(radius: int) -> None:
    rng = np.random.default_rng(radius)
    image = picture(rng, (110, 130, 3), "float32") * np.float32(255)
    hole = holes(rng, (110, 130))
    hole[40:70, 40:90] = True
    restored = restauro.inpaint(image, hole, "coherence", radius=radius)
    turned = restauro.inpaint(np.rot90(image), np.rot90(hole), "coherence", radius=radius)
    np.testing.assert_allclose(turned, np.rot90(restored), rtol=0, atol=0.05)


def test_a_hole_that_widens_is_cut_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is still narrow, values come from further along too."""
    image = picture(np.random.default_rng(4), (200, 260, 1))
    y, x = np.mgrid[:200, :260]
    hole = abs(y - 100) < 0.5 * (x - 60)
    whole = restauro.inpaint(image, hole, "coherence")
    for side in (16, 32, 50):
        cut = Sizes(tile=side, small_picture=0, halo=10_000)
        np.testing.assert_array_equal(filled(image, hole, Coherence(), cut), whole)
    monkeypatch.setattr(Coherence, "from_deeper", False)  # otherwise this test would show nothing
    cut = Sizes(tile=16, small_picture=0, halo=10_000)
    assert (filled(image, hole, Coherence(), cut) != whole).any()
