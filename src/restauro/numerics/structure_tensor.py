"""The structure tensor of a small part of a picture: which way its edges run, and how strong they are.

J = G * sum over channels of (grad v) (grad v)^T with v = B * u: a Gaussian G, and a binomial B of 3 x 3 for the noise
(Foerstner and Guelch 1987; several channels: Di Zenzo 1986). It is computed in the corners between four pixels: corner
(i, j) lies above and to the left of pixel (i, j), so n pixels in a row have n + 1 corners.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics.kernel import inner, kernel

GRADIENT_REACH = 2  # pixels on each side of a corner that its gradient is made of
_TRUNCATED_AT = 2.5  # standard deviations


def half_gaussian(scale: float) -> NDArray[np.float32]:
    """Return the middle and one side of a Gaussian of standard deviation `scale`, which sums to 1 with both sides.

    >>> [round(float(weight), 2) for weight in half_gaussian(1.0)]
    [0.4, 0.24, 0.05, 0.0]
    """
    x = np.arange(math.ceil(_TRUNCATED_AT * scale) + 1)
    weights = np.exp(-0.5 * (x / scale) ** 2)
    return np.asarray(weights / (2 * weights.sum() - weights[0]), np.float32)


@kernel("f4[:, :, ::1], f8[::1], f4[:, :, :, ::1], f8[:, ::1], f4[:, :, ::1]")
def set_gradients(u: Any, scale: Any, lines: Any, sums: Any, J: Any) -> None:
    """Set the tensor to the sum of the channels' gradient products, before they are smoothed.

    Parameters
    ----------
    u
        [C, H, W], the channels.
    scale
        [C], what to multiply them by.
    lines
        [C, 2, 4, W], overwritten: of the last four rows.
    sums
        [3, W], overwritten. In double precision the order of the channels leaves no trace once it is rounded to single.
    J
        [3, H - 3, W - 3]: J_xx, J_xy, J_yy in corner (i + 2, j + 2).
    """
    channels, height, width = u.shape
    for i in range(height):
        for c in range(channels):
            _set_differences(u[c, i], scale[c], width - 3, lines[c, 0, i % 4], lines[c, 1, i % 4])
        if i >= 3:
            sums[:] = 0
            for c in range(channels):
                _add_products(lines[c, 0], lines[c, 1], i - 3, width - 3, sums[0], sums[1], sums[2])
            for part in range(3):
                _round(sums[part], J[part, i - 3])


@inner
def _set_differences(row: Any, scale: float, n: int, across: Any, along: Any) -> None:
    """Set `scale` times differences of a row, and means, both for gradients in corners."""
    quarter, eighth, three = row.dtype.type(0.25 * scale), row.dtype.type(0.125 * scale), row.dtype.type(3)
    for j in range(n):
        across[j] = (row[j + 2] + row[j + 3] - row[j] - row[j + 1]) * quarter
        along[j] = (row[j] + row[j + 3] + three * (row[j + 1] + row[j + 2])) * eighth


@inner
def _add_products(across: Any, along: Any, i: int, n: int, xx: Any, xy: Any, yy: Any) -> None:
    """Add the products of the gradients that four rows make, of which i is the first; row k is kept at k % 4."""
    of_four, of_eight, three = across.dtype.type(0.25), across.dtype.type(0.125), across.dtype.type(3)
    a0, a1, a2, a3 = across[i % 4], across[(i + 1) % 4], across[(i + 2) % 4], across[(i + 3) % 4]
    s0, s1, s2, s3 = along[i % 4], along[(i + 1) % 4], along[(i + 2) % 4], along[(i + 3) % 4]
    for j in range(n):
        x = xx.dtype.type((a0[j] + a3[j] + three * (a1[j] + a2[j])) * of_eight)
        y = xx.dtype.type((s2[j] + s3[j] - s0[j] - s1[j]) * of_four)
        xx[j] += x * x
        xy[j] += x * y
        yy[j] += y * y


@inner
def _round(exact: Any, rounded: Any) -> None:
    for j in range(rounded.shape[0]):
        rounded[j] = exact[j]


@kernel("f4[:, ::1], i8, i8, f4[::1], b1[:, ::1], f4[::1]")
def smooth(values: Any, height: int, width: int, half: Any, wanted: Any, line: Any) -> None:
    """Smooth in place with a separable symmetric kernel; the result's corner is the first that has all neighbours.

    values: [H, W], of which the first `height` rows and `width` columns count; the result is smaller by
    2 (half.size - 1). half: the kernel's middle and one side. wanted: bool, as large as the result: where it is
    needed; elsewhere anything is left. line: [W], overwritten.
    """
    reach = half.shape[0] - 1
    for i in range(height - 2 * reach):
        begin, end = 0, width - 2 * reach
        while begin < end and not wanted[i, begin]:
            begin += 1
        while begin < end and not wanted[i, end - 1]:
            end -= 1
        # One stretch with all that is wanted: more to compute, and less than to begin anew with each kernel weight.
        if begin < end:  # row i of the values isn't read any more afterwards
            _weigh_rows(values[i:], begin, end - begin + 2 * reach, half, line)
            _weigh_columns(line, end - begin, half, values[i, begin:])


@inner
def _weigh_rows(values: Any, begin: int, width: int, half: Any, out: Any) -> None:
    middle = half.shape[0] - 1
    here, weight = values[middle, begin:], half[0]
    for j in range(width):
        out[j] = weight * here[j]
    k = 1
    while k + 2 < half.shape[0]:  # three at a time: a line that is read and written less often
        a0, a1, a2 = values[middle - k, begin:], values[middle - k - 1, begin:], values[middle - k - 2, begin:]
        b0, b1, b2 = values[middle + k, begin:], values[middle + k + 1, begin:], values[middle + k + 2, begin:]
        w0, w1, w2 = half[k], half[k + 1], half[k + 2]
        for j in range(width):
            out[j] += w0 * (a0[j] + b0[j]) + w1 * (a1[j] + b1[j]) + w2 * (a2[j] + b2[j])
        k += 3
    while k < half.shape[0]:
        before, after, weight = values[middle - k, begin:], values[middle + k, begin:], half[k]
        for j in range(width):
            out[j] += weight * (before[j] + after[j])
        k += 1


@inner
def _weigh_columns(line: Any, width: int, half: Any, out: Any) -> None:
    middle = half.shape[0] - 1
    here, weight = line[middle : middle + width], half[0]
    for j in range(width):
        out[j] = weight * here[j]
    k = 1
    while k + 2 < half.shape[0]:
        before, after = line[middle - k - 2 :], line[middle + k :]
        w0, w1, w2 = half[k], half[k + 1], half[k + 2]
        for j in range(width):
            out[j] += (
                w0 * (before[j + 2] + after[j]) + w1 * (before[j + 1] + after[j + 1]) + w2 * (before[j] + after[j + 2])
            )
        k += 3
    while k < half.shape[0]:
        before, after, weight = line[middle - k :], line[middle + k :], half[k]
        for j in range(width):
            out[j] += weight * (before[j] + after[j])
        k += 1
