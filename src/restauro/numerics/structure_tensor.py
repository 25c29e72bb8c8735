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


@kernel("f4[:, ::1], f8, f4[:, :, ::1], f8[:, :, ::1]")
def add_gradients(u: Any, scale: float, lines: Any, J: Any) -> None:
    """Add a channel's gradient products to the tensor.

    Parameters
    ----------
    u
        [H, W], the channel.
    scale
        What to multiply it by.
    lines
        [2, H, W - 3 or more], overwritten.
    J
        [3, H - 3 or more, W - 3 or more]: J_xx, J_xy, J_yy in corner (i + 2, j + 2). In double precision the order of
        the channels leaves no trace once it is rounded to single.
    """
    height, width = u.shape
    quarter = u.dtype.type(0.25 * scale)
    eighth = u.dtype.type(0.125 * scale)
    of_four = u.dtype.type(0.25)
    of_eight = u.dtype.type(0.125)
    three = u.dtype.type(3)
    for i in range(height):
        row, across, along = u[i], lines[0, i], lines[1, i]
        for j in range(width - 3):
            across[j] = (row[j + 2] + row[j + 3] - row[j] - row[j + 1]) * quarter
            along[j] = (row[j] + row[j + 3] + three * (row[j + 1] + row[j + 2])) * eighth
    for i in range(height - 3):
        a0, a1, a2, a3 = lines[0, i], lines[0, i + 1], lines[0, i + 2], lines[0, i + 3]
        s0, s1, s2, s3 = lines[1, i], lines[1, i + 1], lines[1, i + 2], lines[1, i + 3]
        xx, xy, yy = J[0, i], J[1, i], J[2, i]
        for j in range(width - 3):
            x = J.dtype.type((a0[j] + a3[j] + three * (a1[j] + a2[j])) * of_eight)
            y = J.dtype.type((s2[j] + s3[j] - s0[j] - s1[j]) * of_four)
            xx[j] += x * x
            xy[j] += x * y
            yy[j] += y * y


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
