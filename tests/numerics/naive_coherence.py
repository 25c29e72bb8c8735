"""Coherence transport in plain loops, from the formulas in docs/methods/coherence.md, with times from the march."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

Weights = list[tuple[float, tuple[int, int]]]


class Fill:
    """One picture [H, W, C] with holes; times: T in pixels, signed."""

    def __init__(
        self, image: np.ndarray, hole: np.ndarray, times: np.ndarray, radius: int, lines: np.ndarray | None = None
    ) -> None:
        self.lines = np.zeros((2, *hole.shape)) if lines is None else lines  # which way drawn lines run, (x, y)
        self.times, self.radius, self.shape = times, radius, hole.shape
        self.layers = np.where(hole, np.floor(times * 2), -1).astype(int)
        self.values = np.where(hole[..., None], 0.0, image)
        self.keeps = np.where(hole, 0.0, 1.0)
        self.tensors = np.zeros((*hole.shape, 2, 2))
        for y, x in np.argwhere(~hole):
            self.tensors[y, x] = tensor(image, hole, int(y), int(x))
        self.guides: dict[tuple[int, int], tuple[float, float, float]] = {}

    def filled(self) -> np.ndarray:
        deepest = self.layers.max()
        for layer in range(deepest + 1):
            for y, x in np.argwhere(self.layers == layer):
                self.inwards(int(y), int(x))
        final, keeps = self.values.copy(), self.keeps.copy()
        for layer in range(deepest, -1, -1):
            pixels = [(int(y), int(x)) for y, x in np.argwhere(self.layers == layer)]
            for y, x in pixels:
                final[y, x] = self.outwards(y, x, final, keeps)
            for y, x in pixels:
                keeps[y, x] = 1
        return final

    def inwards(self, y: int, x: int) -> None:
        """Eq. 2 to 6 for one pixel."""
        disc = list(self.disc(y, x))
        known = [(d, q) for d, q in disc if self.known(y, x, q)]
        smooth = sum(math.exp(-(d**2) / (2 * (0.4 * self.radius) ** 2)) * self.tensors[q] for d, q in known)
        drawn = self.lines[0, y, x], self.lines[1, y, x], 0.98
        across_x, across_y, share = self.guides[y, x] = drawn if any(drawn[:2]) else guide(smooth)
        whole = sum(1 / d**2 for d, _ in disc)
        weights = [((1 - share) / d**2 / whole, q) for d, q in known]
        unknown = 1 - share - sum(w for w, _ in weights)
        for corners in self.ghosts(y, x, across_x, across_y):
            inside = sum(w for w, q in corners if self.inside(q))
            of_known = [(w, q) for w, q in corners if self.inside(q) and self.known(y, x, q)]
            on_known = sum(w for w, _ in of_known)
            ghost = share / (2 * self.radius)
            taken = ghost * max(0, 1 - (1 - on_known) / 0.25)
            unknown += ghost * max(0, 1 - (1 - inside) / 0.25) - taken
            weights += [(taken * w / on_known, q) for w, q in of_known if taken > 0]
        kept = [(w * self.keeps[q], q) for w, q in weights]
        mass = sum(w for w, _ in kept)
        self.values[y, x] = sum(w * self.values[q] for w, q in kept) / mass
        self.tensors[y, x] = sum(w * self.tensors[q] for w, q in kept) / mass
        self.keeps[y, x] = 1 - 0.95 * unknown / (mass + unknown)

    def outwards(self, y: int, x: int, final: np.ndarray, keeps: np.ndarray) -> np.ndarray:
        """Eq. 7 for one pixel."""
        across_x, across_y, share = self.guides[y, x]
        disc = list(self.disc(y, x))
        whole = sum(1 / d**2 for d, _ in disc)
        weights = [((1 - share) / d**2 / whole, q) for d, q in disc]
        for corners in self.ghosts(y, x, across_x, across_y):
            inside = sum(w for w, q in corners if self.inside(q))
            ghost = share / (2 * self.radius) * max(0, 1 - (1 - inside) / 0.25)
            weights += [(ghost * w, q) for w, q in corners if self.inside(q)]
        here = self.layers[y, x], self.times[y, x]
        result, mass = np.zeros(final.shape[2]), 0.0
        for w, q in weights:
            late = self.layers[q] > here[0]
            if late and math.dist(q, (y, x)) > 3 * (self.times[q] - here[1]):
                continue
            kept = w * keeps[q]
            result += kept * (final[q] if late else self.values[q])
            mass += kept
        return result / mass

    def inside(self, q: tuple[int, int]) -> bool:
        return 0 <= q[0] < self.shape[0] and 0 <= q[1] < self.shape[1]

    def known(self, y: int, x: int, q: tuple[int, int]) -> bool:
        """Whether q is known when p is filled, and not too far to the side."""
        if self.layers[q] < 0:
            return True
        earlier = self.times[y, x] - self.times[q]
        return self.layers[q] < self.layers[y, x] and math.dist(q, (y, x)) <= 6 * earlier

    def disc(self, y: int, x: int) -> Iterator[tuple[float, tuple[int, int]]]:
        """Distance and place of p's neighbours."""
        for v in range(max(0, y - self.radius), min(self.shape[0], y + self.radius + 1)):
            for u in range(max(0, x - self.radius), min(self.shape[1], x + self.radius + 1)):
                if 0 < math.dist((y, x), (v, u)) <= self.radius:
                    yield math.dist((y, x), (v, u)), (v, u)

    def ghosts(self, y: int, x: int, across_x: float, across_y: float) -> Iterator[Weights]:
        """Weights and places of every ghost's corners."""
        for step in [k for k in range(-self.radius, self.radius + 1) if k != 0]:
            v, u = y + step * across_y, x + step * across_x
            top, left = math.floor(v), math.floor(u)
            yield [
                ((1 - abs(v - row)) * (1 - abs(u - column)), (row, column))
                for row in (top, top + 1)
                for column in (left, left + 1)
            ]


def tensor(image: np.ndarray, hole: np.ndarray, y: int, x: int) -> np.ndarray:
    """J, eq. 1, of a known pixel."""
    offsets, weights, values = [], [], []
    for v in range(max(0, y - 1), min(hole.shape[0], y + 2)):
        for u in range(max(0, x - 1), min(hole.shape[1], x + 2)):
            if not hole[v, u]:
                offsets.append((u - x, v - y))
                weights.append(math.exp(-(math.dist((u, v), (x, y)) ** 2) / (2 * 0.7**2)))
                values.append(image[v, u])
    w, r, v = np.array(weights) / sum(weights), np.array(offsets, float), np.array(values)
    r -= w @ r
    slopes = np.linalg.solve((w[:, None] * r).T @ r + 0.05 * np.eye(2), (w[:, None] * r).T @ (v - w @ v))
    return slopes @ slopes.T


def guide(smooth: np.ndarray) -> tuple[float, float, float]:
    """Direction (x, y) across the tensor's main one, and the line's share, eq. 3."""
    (small, large), vectors = np.linalg.eigh(smooth)
    if large <= 0:
        return 1.0, 0.0, 0.0
    fourth = ((large - small) / (large + small)) ** 4
    return vectors[0, 0], vectors[1, 0], 0.98 * 1.25 * fourth / (fourth + 0.25)
