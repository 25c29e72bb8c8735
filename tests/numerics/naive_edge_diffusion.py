"""Edge-enhancing diffusion as the formulas have it, on the whole picture, with a dense matrix."""

from __future__ import annotations

import math

import numpy as np

SMALLEST = 1e-3


def gaussian(scale: float) -> np.ndarray:
    reach = math.ceil(2.5 * scale)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / scale) ** 2)
    return weights / weights.sum()


def smoothed(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Separable smoothing of [h, w]; the result is smaller by the kernel's reach on every side."""
    for axis in (0, 1):
        values = np.apply_along_axis(np.convolve, axis, values, weights, "valid")
    return values


def corner_gradients(u: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Gradients in the corners of [H, W] and `margin` more around, the picture mirrored at its edges."""
    u = np.pad(u, margin + 2, mode="symmetric")
    u = smoothed(u, np.array([1, 2, 1]) / 4)
    x = u[:, 1:] - u[:, :-1]
    y = u[1:] - u[:-1]
    return (x[1:] + x[:-1]) / 2, (y[:, 1:] + y[:, :-1]) / 2


def whole(size: int, margin: int) -> np.ndarray:
    """Which corners of a line of pixels, and of `margin` more at both ends, have gradients made of the line only."""
    corners = np.arange(-margin, size + 1 + margin)
    return (corners >= min(2, size // 2)) & (corners <= max(size - 2, (size + 1) // 2))


def structure_tensor(picture: np.ndarray, scale: float) -> np.ndarray:
    """J of [H, W, C] in its corners: [H + 1, W + 1, 2, 2]."""
    weights = gaussian(scale)
    reach = len(weights) // 2
    J = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1, 2, 2))
    inside = np.outer(*(whole(size, reach) for size in picture.shape[:2])).astype(float)
    for channel in np.moveaxis(picture, 2, 0):
        gradient = corner_gradients(channel, reach)
        for i in range(2):
            for j in range(2):
                J[:, :, i, j] += smoothed(inside * gradient[i] * gradient[j], weights)
    return J / smoothed(inside, weights)[:, :, np.newaxis, np.newaxis]


def squared_contrast(picture: np.ndarray, hole: np.ndarray, scale: float, ratio: float) -> float:
    """K^2, of holes that form one group: ratio^2 times the mean squared known gradient around them."""
    weights = gaussian(scale)
    reach = len(weights) // 2
    energy = sum(x**2 + y**2 for x, y in (corner_gradients(c, reach) for c in np.moveaxis(picture, 2, 0)))
    known = ~np.pad(hole, reach + 2, mode="symmetric")
    inside = np.outer(*(whole(size, reach) for size in hole.shape))
    inside &= np.lib.stride_tricks.sliding_window_view(known, (4, 4)).all(axis=(2, 3))
    sums = [smoothed(np.where(inside, values, 0.0), weights) for values in (energy, np.ones_like(energy))]
    at_holes = [(s[1:, 1:] + s[:-1, 1:] + s[1:, :-1] + s[:-1, :-1])[hole].sum() for s in sums]
    return math.inf if at_holes[1] == 0 else ratio**2 * at_holes[0] / at_holes[1]


def diffusion_tensor(J: np.ndarray, squared: float) -> np.ndarray:
    """D of one J, [2, 2]."""
    (small, large), axes = np.linalg.eigh(J)
    small = max(small, 0.0)
    if math.isinf(squared) or squared + large == 0:
        return np.eye(2)
    across = math.sqrt((squared + small) ** 2 + squared * (large - small)) / (squared + large)
    return axes @ np.diag([1.0, max(across, SMALLEST)]) @ axes.T


def matrix(shape: tuple[int, int], J: np.ndarray, squared: float) -> np.ndarray:
    """The matrix of -div(D grad u), the Hessian of the energy: sums over all corners, those on the edge by half.

    There the difference across the edge is free: it is the one that makes the energy least.
    """
    number = np.pad(np.arange(shape[0] * shape[1]).reshape(shape), 1, mode="edge")
    A = np.zeros((number.max() + 1,) * 2)
    for i in range(shape[0] + 1):
        for j in range(shape[1] + 1):
            differences = np.zeros((3, len(A)))
            for y in range(2):
                for x in range(2):
                    differences[:, number[i + y, j + x]] += (x - 0.5, y - 0.5, 4 * (x - 0.5) * (y - 0.5))
            D = diffusion_tensor(J[i, j], squared)
            k = np.linalg.det(D) / 2
            if i in (0, shape[0]):
                D = np.diag([np.linalg.det(D) / D[1, 1], 0])
            if j in (0, shape[1]):
                D = np.diag([0, np.linalg.det(D) / D[0, 0] if D[0, 0] else 0])
            energy = np.zeros((3, 3))
            energy[:2, :2] = D
            energy[2, 2] = k
            inside = (1 if 0 < i < shape[0] else 0.5) * (1 if 0 < j < shape[1] else 0.5)
            A += 2 * inside * differences.T @ energy @ differences
    return A


def step(picture: np.ndarray, hole: np.ndarray, scale: float, squared: float) -> np.ndarray:
    """Return [H, W, C] filled once more, with the edges of what it was filled with."""
    A = matrix(hole.shape, structure_tensor(picture, scale), squared)
    inside = hole.ravel()
    flat = picture.reshape(-1, picture.shape[2]).copy()
    flat[inside] = np.linalg.solve(A[inside][:, inside], -A[inside][:, ~inside] @ flat[~inside])
    return flat.reshape(picture.shape)
