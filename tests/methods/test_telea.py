"""Telea's method at the ends of its range; compiled only, for radius 64 is long in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

import restauro
from tests.promises.pictures import holes, picture


@pytest.mark.parametrize("radius", [1, 2, 64])
def test_mirrored_at_the_ends_of_the_range(radius: int) -> None:
    rng = np.random.default_rng(radius)
    image = picture(rng, (150, 170, 3), "float32") * np.float32(255)
    hole = holes(rng, (150, 170))
    hole[60:100, 50:110] = True
    restored = restauro.inpaint(image, hole, "telea", radius=radius)
    turned = restauro.inpaint(np.rot90(image), np.rot90(hole), "telea", radius=radius)
    np.testing.assert_allclose(turned, np.rot90(restored), rtol=0, atol=0.05)
