"""What kernels read pictures as: four dtypes, so that few kernels are compiled for several."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = ("uint8", "uint16", "float32", "float64")  # in signatures u1 u2 f4 f8


def readable(picture: NDArray[Any]) -> NDArray[Any]:
    """Return a picture in a dtype that kernels read, aligned; nothing is copied that is so.

    Real numbers hold what the other dtypes hold; of 64-bit whole numbers, those below 2**53.

    >>> readable(np.zeros((2, 2), np.int16)).dtype, readable(np.zeros((2, 2), bool)).dtype
    (dtype('float32'), dtype('uint8'))
    """
    if picture.dtype.name in DTYPES:
        return picture if picture.flags.aligned else picture.copy()
    if picture.dtype == np.bool_:
        return picture.view(np.uint8)
    return picture.astype(np.float32 if picture.dtype.itemsize <= 2 else np.float64)
