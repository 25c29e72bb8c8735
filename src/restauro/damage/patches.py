"""Losses and stains made to order: patches with ragged and with smooth outlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restauro.damage import ratios
from restauro.numerics import flakes

_SIDE = 512  # pixels: radii below are those of a picture whose shorter side is as long
_TEXTURE = 64
_PART = 0.6  # of what lacks, so that a patch that comes out larger than its disc is not too much


@dataclass(frozen=True)
class _Outline:
    """What patches look like; radii in pixels at a side of 512."""

    name: str
    radii: tuple[float, float]  # of single patches
    few_large: float  # power of the distribution of radii: the higher, the fewer are large
    ragged: float  # how far the rim moves, in radii
    grain: float  # waves of the rim, in radii
    longest: float  # stretch


_LOSS = _Outline(name="losses", radii=(1.5, 60), few_large=1.4, ragged=0.33, grain=0.7, longest=2.5)
_BLOB = _Outline(name="blobs", radii=(5, 60), few_large=0.6, ragged=0.16, grain=1.6, longest=1.6)


def losses(height: int, width: int, ratio: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return losses of paint: ragged patches with islands in them, a few large and many small.

    Parameters, result and errors are those of `restauro.damage.kinds.make_damage`.

    Examples
    --------
    >>> hole = losses(256, 256, 0.1, np.random.default_rng(7))
    >>> round(float(hole.mean()), 2)
    0.1
    """
    return _patches(height, width, ratio, rng, _LOSS)


def blobs(height: int, width: int, ratio: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return blobs such as stains: patches with smooth outlines; parameters, result and errors as of `losses`.

    >>> hole = blobs(256, 256, 0.1, np.random.default_rng(7))
    >>> round(float(hole.mean()), 2)
    0.1
    """
    return _patches(height, width, ratio, rng, _BLOB)


def _patches(height: int, width: int, ratio: float, rng: np.random.Generator, outline: _Outline) -> NDArray[np.bool_]:
    ratios.check(ratio, outline.name)
    scale = min(height, width) / _SIDE
    mask = np.zeros((height, width), np.bool_)
    wanted = ratios.pixels(ratio, mask.size)
    texture = rng.standard_normal((_TEXTURE, _TEXTURE))
    smallest, largest = (max(0.6, radius * scale) for radius in outline.radii)
    largest = max(smallest, min(largest, np.sqrt(wanted / 4)))  # several patches, however little is asked for
    covered = 0
    while covered < ratios.ENOUGH * wanted:
        place = rng.random(2) * (height, width) - 0.5
        radius = smallest * (largest / smallest) ** (rng.random() ** (1 + outline.few_large))
        radius = min(radius, max(0.6, np.sqrt(_PART * (wanted - covered) / np.pi)))
        stretch = outline.longest ** rng.random()
        shift = rng.random(2) * _TEXTURE
        covered += flakes.draw_flake(
            place[0], place[1], radius, stretch, rng.uniform(0, np.pi), outline.ragged,
            max(1.0, outline.grain * radius), texture, shift, mask,
        )  # fmt: skip
    return mask
