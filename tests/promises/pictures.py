"""Random pictures with holes, for properties."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import ndimage

# Methods that needn't keep the promises on scale, mirroring and permuted channels (docs/design.md).
FREE = {"patchmatch", "network", "tone"}
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "float32", "float64"]


def picture(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    """A smooth picture with edges and a little noise, over much of the dtype's range (0 to 1 for floats)."""
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), (3, 3, 0)[: len(shape)], mode="nearest")
    smooth = smooth / (np.abs(smooth).max() + 1e-9) + (smooth > 0.2) + 0.05 * rng.normal(size=shape)
    unit = (smooth - smooth.min()) / max(np.ptp(smooth), 1e-9)
    if dtype == "bool":
        return unit > 0.5
    if np.dtype(dtype).kind == "f":
        return unit.astype(dtype)
    limits = np.iinfo(dtype)
    return (limits.min / 2 + unit * (limits.max * 0.9 - limits.min / 2)).astype(dtype)


def holes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Lines, blobs and specks, also at the border; never all of the picture."""
    hole = np.zeros(shape, bool)
    height, width = shape
    y, x = np.mgrid[:height, :width]
    for _ in range(rng.integers(1, 6)):
        centre_y, centre_x = rng.uniform(0, height), rng.uniform(0, width)
        kind = rng.integers(3)
        if kind == 0:
            hole |= (y - centre_y) ** 2 + (x - centre_x) ** 2 < rng.uniform(0.5, 8) ** 2
        elif kind == 1:
            angle = rng.uniform(0, np.pi)
            hole |= np.abs((y - centre_y) * np.cos(angle) - (x - centre_x) * np.sin(angle)) < rng.uniform(0.5, 2)
        else:
            hole |= rng.random(shape) < 0.03
    known = rng.integers(height), rng.integers(width)
    hole[known] = False
    hole[rng.integers(height), rng.integers(width)] = hole.size > 1
    hole[known] = False
    return hole


def net(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A craquelure-like net that spans the picture, with a deep loss or two on it."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    hole = np.zeros(shape, bool)
    for _ in range(8):
        angle, offset = rng.uniform(0, np.pi), rng.uniform(0, max(shape))
        wave = 6 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / rng.uniform(8, 30))
        hole |= np.abs(x * np.sin(angle) - y * np.cos(angle) + wave - offset + shape[0] / 2) < rng.uniform(0.6, 2.5)
    for _ in range(rng.integers(0, 3)):
        hole |= (y - rng.uniform(0, shape[0])) ** 2 + (x - rng.uniform(0, shape[1])) ** 2 < rng.uniform(4, 20) ** 2
    return hole


def losses(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Deep losses, some apart and some near one another, and a scratch."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    hole = np.abs(x - shape[1] / 3 - 4 * np.sin(y / 9)) < rng.uniform(0, 3)
    for _ in range(rng.integers(2, 12)):
        hole |= (y - rng.uniform(0, shape[0])) ** 2 + (x - rng.uniform(0, shape[1])) ** 2 < rng.uniform(3, 25) ** 2
    return hole


seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 48)
channels = st.sampled_from([None, 1, 2, 3, 4, 7])
_MAGNITUDES = [0, 5e-324, 1e-310, 1e-170, 1e-45, 1e-30, 6e-8, 1, 4e4, 65504, 1e30, 3e38, 1e150, 1e160, 1.7e308]
extremes = st.sampled_from([sign * size for sign in (1, -1) for size in _MAGNITUDES])


def shape_of(height: int, width: int, bands: int | None) -> tuple[int, ...]:
    return (height, width) if bands is None else (height, width, bands)
