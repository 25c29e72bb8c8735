"""Ragged patches: discs whose rims are moved by a texture, so that they have bays, points and islands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, orderly_kernel


@orderly_kernel("f8, f8, f8, f8, f8, f8, f8, f8[:, ::1], f8[::1], b1[:, ::1]")
def draw_flake(
    row: float,
    column: float,
    radius: float,
    stretch: float,
    heading: float,
    ragged: float,
    grain: float,
    texture: NDArray[np.float64],
    shift: NDArray[np.float64],
    mask: NDArray[np.bool_],
) -> int:
    """Draw a patch, and return how many pixels it set that weren't set.

    It is an ellipse, `stretch` times as long as wide with the same area as a disc of that radius, along the heading
    (radians). A pixel belongs to it where its distance from the middle, in radii, is at most 1 + ragged t. t, up to
    2.5, is the texture's sum over four octaves, the first with waves of `grain` pixels. texture: [S, S], periodic, S a
    power of two, standard deviation 1. shift: [2], where in the texture the patch lies. mask: [H, W], added to.
    """
    height, width = mask.shape
    drawn = 0
    furthest = 1 + 2.5 * ragged
    reach = radius * np.sqrt(stretch) * furthest + 1
    along_row, along_column = np.sin(heading), np.cos(heading)
    for y in range(max(int(np.floor(row - reach)), 0), min(int(np.ceil(row + reach)), height - 1) + 1):
        for x in range(max(int(np.floor(column - reach)), 0), min(int(np.ceil(column + reach)), width - 1) + 1):
            if mask[y, x]:
                continue
            down, right = y - row, x - column
            along = (down * along_row + right * along_column) / np.sqrt(stretch)
            aside = (down * along_column - right * along_row) * np.sqrt(stretch)
            away = np.sqrt(along * along + aside * aside) / radius
            if away > furthest:
                continue
            if away <= 1 + ragged * _octaves(y / grain + shift[0], x / grain + shift[1], texture):
                mask[y, x] = True
                drawn += 1
    return drawn


@inner
def _octaves(y: float, x: float, texture: NDArray[np.float64]) -> float:
    """Return the texture at a place, summed over four octaves, each with 0.6 of the weight of the one before."""
    found, weight = 0.0, 1.0
    for octave in range(4):
        found += weight * _between(y * 2**octave, x * 2**octave, texture)
        weight *= 0.6
    return found / 1.25


@inner
def _between(y: float, x: float, texture: NDArray[np.float64]) -> float:
    """Return the texture between its four nearest points, smoothly."""
    last = texture.shape[0] - 1
    top, left = int(np.floor(y)), int(np.floor(x))
    down, right = y - top, x - left
    down, right = down * down * (3 - 2 * down), right * right * (3 - 2 * right)
    above = texture[top & last, left & last] * (1 - right) + texture[top & last, (left + 1) & last] * right
    below = texture[(top + 1) & last, left & last] * (1 - right) + texture[(top + 1) & last, (left + 1) & last] * right
    found: float = above * (1 - down) + below * down
    return found
