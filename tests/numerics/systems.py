"""Systems on hole pixels written down in full, to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.sparse_grid import SparseGrid


def scattered(grid: Any, values: np.ndarray) -> np.ndarray:
    """Values of hole pixels where the grid keeps them."""
    kept, n = grid.empty(), 0
    for begin, length in zip(grid.around[:, grid.margin], grid.lengths, strict=True):
        kept[begin : begin + length] = values[n : n + length]
        n += length
    return kept


def gathered(grid: SparseGrid, kept: np.ndarray) -> np.ndarray:
    """Values of hole pixels, row by row, of those that the grid keeps."""
    begins = zip(grid.around[:, grid.margin], grid.lengths, strict=True)
    return np.concatenate([kept[begin : begin + length] for begin, length in begins])


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


def plate_energy(shape: tuple[int, int]) -> np.ndarray:
    """The matrix of the sum of u_xx^2 + u_yy^2 + 2 u_xy^2 over all differences in a picture, dense."""

    def differences(size: int, weights: tuple[int, ...]) -> np.ndarray:
        rows = max(size - len(weights) + 1, 0)
        matrix = np.zeros((rows, size))
        for i in range(rows):
            matrix[i, i : i + len(weights)] = weights
        return matrix

    y, x = (np.eye(size) for size in shape)
    terms = [
        (1, np.kron(differences(shape[0], (1, -2, 1)), x)),
        (1, np.kron(y, differences(shape[1], (1, -2, 1)))),
        (2, np.kron(differences(shape[0], (-1, 1)), differences(shape[1], (-1, 1)))),
    ]
    return sum(weight * term.T @ term for weight, term in terms)


def plate(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The plate of least energy in the holes of a picture [H, W], by a dense solver."""
    matrix, inside = plate_energy(hole.shape), hole.ravel()
    right_side = -matrix[np.ix_(inside, ~inside)] @ image.ravel()[~inside]
    return np.linalg.solve(matrix[np.ix_(inside, inside)], right_side)
