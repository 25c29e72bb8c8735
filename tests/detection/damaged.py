"""A small picture with clear damage of each kind that the network knows, and where it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks
from tests.detection.test_detection import noisy

SIZE = (160, 200)


def damaged(kind: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the picture, uint8 [160, 200, 3], with damage of a kind, and its mask."""
    image, (y, x) = noisy(*SIZE), np.mgrid[: SIZE[0], : SIZE[1]]
    if kind == "cracks":
        hole = cracks(*SIZE, 0.03, np.random.default_rng(3), crack_width=3)
        return render_cracks(image, hole, np.random.default_rng(4), contrast=60)
    if kind == "stains":  # what is beneath shows through
        soaked = np.clip(2 - np.hypot(1.2 * (y - 70), x - 110) / 22, 0, 1)
        stained = image * (1 - soaked[..., np.newaxis] * (0.35, 0.5, 0.7))
        return np.rint(stained).astype(np.uint8), soaked > 0.15
    hole = np.zeros(SIZE, np.bool_)
    if kind == "dust":
        for row, column in ((20, 30), (60, 80), (120, 150), (100, 20), (30, 170)):
            hole |= np.hypot(y - row, x - column) <= 2.5
    elif kind == "scratches":
        hole[10:150, 100:102] = True
    else:
        hole = np.hypot(1.3 * (y - 80), x - 90) <= 25 + 4 * np.sin(7 * np.arctan2(y - 80, x - 90))
    image[hole] = 240
    return image, hole
