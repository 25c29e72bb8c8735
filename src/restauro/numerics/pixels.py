"""What kernels read pictures as: four dtypes, so that few kernels are compiled for several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = frozenset(np.dtype(code) for code in ("u1", "u2", "f4", "f8"))  # as signatures write them
_STRIP = 1 << 16  # values that are converted at a time


def is_readable(picture: NDArray[Any]) -> bool:
    """Whether kernels can read a picture, or a view of it, so that `readable` copies nothing."""
    return picture.dtype == np.bool_ or (picture.dtype in DTYPES and picture.flags.aligned)


def readable(picture: NDArray[Any]) -> NDArray[Any]:
    """Return a picture in a dtype that kernels read, aligned; nothing is copied that is so.

    Real numbers hold what the other dtypes hold; of 64-bit whole numbers, those below 2**53. For a window that may be
    much larger than its holes see `strips`.

    >>> readable(np.zeros((2, 2), np.int16)).dtype, readable(np.zeros((2, 2), bool)).dtype
    (dtype('float32'), dtype('uint8'))
    """
    if is_readable(picture):
        return picture.view(np.uint8) if picture.dtype == np.bool_ else picture
    if picture.dtype in DTYPES:
        return picture.copy()
    return picture.astype(np.float32 if picture.dtype.itemsize <= 2 else np.float64)


def strips(picture: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield a picture, [H, W] or [H, W, C], as `readable` makes it: parts, each with its first row.

    It is one part where nothing is copied, and few rows at a time where they are converted.

    >>> [(top, strip.shape) for top, strip in strips(np.zeros((3, 40_000), np.int16))]
    [(0, (1, 40000)), (1, (1, 40000)), (2, (1, 40000))]
    """
    rows = len(picture) if is_readable(picture) else max(1, _STRIP // picture[0].size)
    for top in range(0, len(picture), rows):
        yield top, readable(picture[top : top + rows])
