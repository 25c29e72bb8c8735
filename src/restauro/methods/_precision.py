"""The precision that methods compute in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def precision(image: NDArray[Any]) -> type[np.floating[Any]]:
    """Return the type to compute in: single precision holds 16-bit whole numbers, squares of real numbers may not fit.

    >>> precision(np.zeros((2, 2), np.uint16)).__name__, precision(np.zeros((2, 2), np.float32)).__name__
    ('float32', 'float64')
    """
    return np.float32 if image.dtype.kind in "bui" and image.dtype.itemsize <= 2 else np.float64
