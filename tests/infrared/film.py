"""Film as scanners see it, made: linear light as floats, the picture and its infrared plane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SHAPE = (200, 230)

Plane = NDArray[np.float64]


class Film(NamedTuple):
    """A picture [H, W, 3], its infrared [H, W], and the share of light that damage lets pass."""

    picture: NDArray[np.float32]
    infrared: NDArray[np.float32]
    passing: Plane

    @property
    def is_damaged(self) -> NDArray[np.bool_]:
        return self.passing < 0.9


def light(seed: int, shape: tuple[int, int] = SHAPE) -> Plane:
    """What a picture shows: soft areas, edges, texture."""
    rng = np.random.default_rng(seed)
    areas = ndimage.gaussian_filter(rng.normal(size=shape), 12)
    fine = ndimage.gaussian_filter(rng.normal(size=shape), 1)
    density = 0.9 * np.digitize(areas / areas.std(), [-0.7, 0, 0.7]) / 2 + 0.1 * fine / fine.std()
    return np.exp(-np.clip(density[..., np.newaxis] * [1.0, 0.8, 0.6] + 0.2, 0.05, 3))


def damage(shape: tuple[int, int] = SHAPE) -> Plane:
    """Density of a hair, specks and a soft smear."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    hair = (np.abs(x - 60 - 10 * np.sin(y / 20)) < 1.2) & (y > 20) & (y < 120)
    specks = sum((y - 40 * k - 25) ** 2 + (x - 30 * k - 100) ** 2 < 6 for k in range(4))
    smear = 0.5 * np.exp(-((((y - 140) ** 2 + (x - 150) ** 2) / 28**2) ** 2))
    return 2.5 * (hair + specks) + smear


def film(
    seed: int = 0, *, leak: float = 0.1, shift: tuple[float, float] = (0.0, 0.0), damaged: float = 1.0,
    noise: float = 0.008, shape: tuple[int, int] = SHAPE,
) -> Film:  # fmt: skip
    """Make a piece; leak: share of the red's density in infrared; shift: what lies at y lies at y + shift there."""
    rng = np.random.default_rng([seed, 7])
    shown, passing = light(seed, shape), np.exp(-damaged * damage(shape))
    fall = 1 - 0.1 * (np.linspace(-1, 1, shape[0])[:, np.newaxis] ** 2)
    infrared = ndimage.shift(0.8 * fall * passing * shown[..., 0] ** leak, shift, order=3, mode="nearest")
    infrared = ndimage.gaussian_filter(infrared, 0.8) * (1 + noise * rng.normal(size=shape))
    seen = shown * passing[..., np.newaxis] * (1 + 0.004 * rng.normal(size=shown.shape))
    return Film(seen.astype(np.float32), infrared.astype(np.float32), passing)
