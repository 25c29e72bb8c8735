"""Telea's method in plain loops, from the formulas in docs/methods/telea.md, with times from the march under test."""

from __future__ import annotations

import math

import numpy as np


def fill(image: np.ndarray, hole: np.ndarray, times: np.ndarray, radius: int) -> np.ndarray:
    """Return image [H, W, C] with its holes filled. times: T in pixels, signed, computed to `limit` outside."""
    filled = image.copy()
    filled[hole] = 0
    layers = np.floor(times * 2).astype(int)
    for layer in range(layers[hole].max(initial=-1) + 1):
        known = ~hole | (layers < layer)
        before = filled.copy()
        for y, x in np.argwhere(hole & (layers == layer)):
            filled[y, x] = value(before, known, times, int(y), int(x), radius)
    return filled


def value(image: np.ndarray, known: np.ndarray, times: np.ndarray, y: int, x: int, radius: int) -> np.ndarray:
    """I(p), Eq. 1, with one slope for all neighbours."""
    weights, offsets, values = [], [], []
    normal = normal_at(times, y, x)
    for v in range(max(0, y - radius), min(image.shape[0], y + radius + 1)):
        for u in range(max(0, x - radius), min(image.shape[1], x + radius + 1)):
            distance = math.hypot(y - v, x - u)
            if not known[v, u] or distance == 0 or distance > radius:
                continue
            direction = max(((x - u) * normal[0] + (y - v) * normal[1]) / distance, 0.5)
            weights.append(direction / distance**2 / (1 + abs(times[y, x] - times[v, u])))
            offsets.append((x - u, y - v))
            values.append(image[v, u])
    return np.array([mean_and_slope(weights, offsets, [each[c] for each in values]) for c in range(image.shape[2])])


def normal_at(times: np.ndarray, y: int, x: int) -> tuple[float, float]:
    """Gradient of T, smoothed by a tent, of length 1."""
    padded = np.pad(times, 2, mode="edge")[y : y + 5, x : x + 5]
    tent = np.array([1, 2, 1])
    smooth = np.array([[tent @ padded[i : i + 3, j : j + 3] @ tent for j in range(3)] for i in range(3)])
    gradient = smooth[1, 2] - smooth[1, 0], smooth[2, 1] - smooth[0, 1]
    length = math.hypot(*gradient)
    return (gradient[0] / length, gradient[1] / length) if length > 0 else (0.0, 0.0)


def mean_and_slope(weights: list[float], offsets: list[tuple[int, int]], values: list[float]) -> float:
    """The weighted plane through the neighbours at p, its slope held back by a ridge where it explains little."""
    w = np.array(weights) / sum(weights)
    r = np.array(offsets, float)
    v = np.array(values)
    centre, mean = w @ r, w @ v
    covariance = (w[:, None] * (r - centre)).T @ (r - centre)
    with_values = (w[:, None] * (r - centre)).T @ (v - mean)
    variance = w @ (v - mean) ** 2
    if variance < 1e-20:
        return mean
    first = np.linalg.solve(covariance + 1e-4 * np.eye(2), with_values)
    unexplained = min(max(1 - first @ with_values / variance, 0), 1)
    ridge = 1e-4 + 4 * max(unexplained - 0.02, 0)
    slope = np.linalg.solve(covariance + ridge * np.eye(2), with_values)
    return mean - slope @ centre
