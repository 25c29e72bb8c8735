"""Equations 1 and 2 of the partial-convolution paper in plain loops, with a mask as wide as the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def wide_mask(sources: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return all features [N, C, H, W] side by side, and a mask of the same shape."""
    features = np.concatenate([x for x, _ in sources], axis=1)
    mask = np.concatenate([np.repeat(known, x.shape[1], axis=1) for x, known in sources], axis=1)
    return features, mask


def partial_convolution(
    features: Array, mask: Array, weight: Array, bias: Array, stride: int, *, quirks: bool = False
) -> tuple[Array, Array]:
    """Return x' [N, O, H', W'] and m' [N, 1, H', W']; `quirks` as the course project's code has them."""
    outputs, channels, side, _ = weight.shape
    n, _, rows, columns = features.shape
    height, width = ((length - 1) // stride + 1 for length in (rows, columns))
    result, update = np.zeros((n, outputs, height, width)), np.zeros((n, 1, height, width))
    for i, y, x in np.ndindex(n, height, width):
        total, products = 0.0, np.zeros(outputs)
        for c, dy, dx in np.ndindex(channels, side, side):
            row, column = y * stride + dy - side // 2, x * stride + dx - side // 2
            if 0 <= row < rows and 0 <= column < columns and mask[i, c, row, column] == 1:
                total += 1
                products += weight[:, c, dy, dx] * features[i, c, row, column]
        ones = side * side if quirks else channels * side * side
        if total > 0:
            result[i, :, y, x], update[i, 0, y, x] = products * ones / total + bias, 1
        elif quirks:
            result[i, :, y, x] = bias
    return result, update
