"""Floats of any size: fills whose squares would overflow or vanish are done again at another scale.

A method computes with squares and products of values, and what it returns may lie beyond the known ones. In double
precision that goes well for values up to 1e150 or so. Larger ones, and ones so small that their squares are 0, are
multiplied by a power of two, which rounds nothing, and what is filled is divided by it again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method, Task

_SMALLEST, _LARGEST = 1e-150, 1e150
_EXPONENT = 600  # of the power of two: the largest double becomes 4e127, the smallest 2e-143


def fill_any_size(
    method: Method, image: NDArray[Any], hole: NDArray[np.bool_], task: Task
) -> NDArray[np.floating[Any]]:
    """Have a method fill what `Method.fill` describes, floats of any size included."""
    if image.dtype.kind != "f" or method.own_threads:  # to networks 0 and 1 aren't any numbers
        return method.fill(image, hole, task)
    with np.errstate(all="ignore"):  # what comes of it is looked at
        values = method.fill(image, hole, task)
    if task.stopped or values.size == 0:
        return values
    largest = float(max(values.max(), -values.min()))
    if largest == 0 or _SMALLEST <= largest <= _LARGEST:
        return values
    task.clear_scratch()
    exponent = _EXPONENT if largest < _SMALLEST else -_EXPONENT

    def scaled(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.ldexp(values.astype(np.float64), exponent)

    with np.errstate(all="ignore"):
        task.guidance = task.guidance.converted(scaled)
        again: NDArray[np.float64] = np.ldexp(method.fill(scaled(image), hole, task), -exponent)
    if largest < _SMALLEST and not np.isfinite(again).all():  # large values beside such small ones
        return values
    most = np.finfo(np.float64).max  # a fill may lie beyond what is known
    np.clip(again, -most, most, out=again)
    return again
