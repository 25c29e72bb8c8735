"""Systems on hole pixels written down in full, to compare with."""

from __future__ import annotations

import numpy as np


def neighbours(shape: tuple[int, int], y: int, x: int) -> list[tuple[int, int]]:
    around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    return [(a, b) for a, b in around if 0 <= a < shape[0] and 0 <= b < shape[1]]


def laplacian(hole: np.ndarray) -> np.ndarray:
    """The Laplacian of the hole pixels, row by row, dense; nothing beyond the picture's edge."""
    number = {(int(y), int(x)): k for k, (y, x) in enumerate(np.argwhere(hole))}
    matrix = np.zeros((len(number), len(number)))
    for pixel, k in number.items():
        around = neighbours(hole.shape, *pixel)
        matrix[k, k] = len(around)
        for other in around:
            if other in number:
                matrix[k, number[other]] = -1
    return matrix


def known_sum(hole: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The sum of each hole pixel's known neighbours."""
    return np.array(
        [
            sum(image[other] for other in neighbours(hole.shape, int(y), int(x)) if not hole[other])
            for y, x in np.argwhere(hole)
        ]
    )
