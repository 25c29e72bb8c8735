"""A picture while damage is painted on it, where which kind is, and the smooth fields that painting takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]  # [H, W]
Mask = NDArray[np.bool_]  # [H, W]
Colour = NDArray[np.float32]  # [3], 0 to 255

KINDS = ("crack", "scratch", "loss", "dust", "stain")
CRACK, SCRATCH, LOSS, DUST, STAIN = range(len(KINDS))

_SEEN = 3.0  # levels that a pixel must change by, for a loss or a speck to be there


@dataclass
class Canvas:
    """A picture, float32 [H, W, 3], 0 to 255; and its marks, uint8 [H, W], where bit k is set on damage KINDS[k]."""

    picture: NDArray[np.float32]
    marks: NDArray[np.uint8]

    @classmethod
    def of(cls, picture: NDArray[np.uint8]) -> Canvas:
        """Return the canvas of an undamaged picture [H, W, 3]."""
        return cls(picture.astype(np.float32), np.zeros(picture.shape[:2], np.uint8))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.marks.shape
        return height, width

    def mark(self, where: Mask, kind: int) -> None:
        """Note damage of a kind."""
        self.marks |= where.view(np.uint8) << np.uint8(kind)

    def mark_seen(self, where: Mask, kind: int, before: NDArray[np.float32], seen: float = _SEEN) -> None:
        """Note damage of a kind where the picture differs by more than so many levels from what it was before."""
        self.mark(where & (np.abs(self.picture - before).max(axis=2) > seen), kind)

    def blend(self, colour: Colour | NDArray[np.float32], share: Field) -> None:
        """Mix a colour [3], or a picture [H, W, 3], in by shares of 0 to 1."""
        self.picture += share[..., None] * (colour - self.picture)

    def shift(self, by: Field, colour: Colour) -> None:
        """Make pixels lighter or darker by so many levels, towards a light or a dark colour, as far as it goes."""
        aim = float(colour.mean())
        room = np.abs(aim - self.picture.mean(axis=2))
        self.blend(colour, by / np.maximum(np.maximum(room, by), 1e-3))

    def add(self, levels: Field) -> None:
        """Make pixels lighter, or darker, by so many levels."""
        self.picture += levels[..., None]
        np.clip(self.picture, 0, 255, out=self.picture)


def smooth(shape: tuple[int, int], wave: float, rng: np.random.Generator) -> Field:
    """Return a random field whose waves are so many pixels long, mean about 0, standard deviation about 1."""
    down, across = (_between(side, wave, rng.random()) for side in shape)
    coarse = rng.standard_normal((down.shape[1], across.shape[1])).astype(np.float32)
    return (1.35 * (down @ coarse @ across.T)).astype(np.float32, copy=False)


def rough(shape: tuple[int, int], wave: float, rng: np.random.Generator, octaves: int = 3) -> Field:
    """Return a random field of several octaves, from the wave down, standard deviation about 1."""
    parts = [np.float32(0.65**octave) * smooth(shape, max(wave / 2**octave, 1.0), rng) for octave in range(octaves)]
    total: Field = sum(parts[1:], parts[0])
    spread = np.sqrt(sum(0.65 ** (2 * octave) for octave in range(octaves)))
    found: Field = (total / spread).astype(np.float32, copy=False)
    return found


def blurred(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return a field [H, W] or a picture [H, W, 3] blurred by a gaussian; at the rim by what lies within.

    >>> bool(np.allclose(blurred(np.ones((5, 7), np.float32), 1.5), 1))
    True
    """
    if sigma < 0.2:
        return values
    height, width = values.shape[:2]
    down, across = (_gaussian(side, round(20 * sigma)) for side in (height, width))
    rows = (down @ values.reshape(height, -1)).reshape(values.shape)
    if values.ndim == 2:
        return (rows @ across.T).astype(np.float32, copy=False)
    columns: NDArray[np.float32] = np.matmul(across, rows)
    return columns


def shifted(values: NDArray[np.float32], down: int, right: int) -> NDArray[np.float32]:
    """Return a field moved by whole pixels; what comes in is the rim's value."""
    height, width = values.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return values[rows][:, columns]


def colour_of(values: NDArray[Any]) -> Colour:
    """Return values as a colour: cut to 0..255, float32."""
    colour: Colour = np.clip(values, 0, 255).astype(np.float32)
    return colour


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number between two, small ones as often as large ones by their ratio."""
    return float(low * (high / low) ** rng.random())


def _between(side: int, wave: float, phase: float) -> Field:
    """Return the weights [side, n] that make a smooth row of `side` values of n random ones."""
    places = np.arange(side, dtype=np.float32) / np.float32(max(wave, 1.0)) + np.float32(phase)
    whole = places.astype(np.int64)
    rest = places - whole
    rest = rest * rest * (3 - 2 * rest)
    weights = np.zeros((side, int(whole[-1]) + 2), np.float32)
    rows = np.arange(side)
    weights[rows, whole], weights[rows, whole + 1] = 1 - rest, rest
    return weights


@lru_cache(maxsize=256)
def _gaussian(side: int, twentieths: int) -> Field:
    """Return the weights [side, side] that blur a row."""
    away = np.arange(side, dtype=np.float32)
    weights = np.exp(-0.5 * ((away[:, None] - away) * 20 / twentieths) ** 2)
    found: Field = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
