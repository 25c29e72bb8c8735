"""How long a way takes to fill, without what it loads and compiles on first use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
from numpy.typing import NDArray

from restauro.evaluation.references import Way

_WARM_SIDE = 48  # pixels of what each way fills first, so that imports and models don't count as its time
_TRIES = 3  # kernels of a method may load one after the other


def timed_fill(
    way: Way,
    image: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    workers: int,
    warm: set[str],
    clock: Callable[[], float] = time.process_time,
) -> tuple[NDArray[np.uint8], float]:
    """Return what a way makes of a picture, and the seconds it took by a clock.

    A way that isn't among the warm ones fills a small picture before, and is among them afterwards. Which kernels a
    method needs depends on the picture, so a fill during which one was loaded or compiled is repeated.

    Examples
    --------
    >>> from restauro.evaluation.references import make_way
    >>> image, hole = np.full((32, 32, 3), 90, np.uint8), np.zeros((32, 32), bool)
    >>> hole[10:14, 5:25] = True
    >>> filled, seconds = timed_fill(make_way("telea:radius=3"), image, hole, 1, set())
    >>> bool((filled == 90).all()), seconds < 1
    (True, True)
    """
    if way.name not in warm:
        small, middle = (
            np.zeros((_WARM_SIDE, _WARM_SIDE, *image.shape[2:]), np.uint8),
            np.zeros((_WARM_SIDE,) * 2, bool),
        )
        small[:, ::2], middle[20:24, 20:24] = 200, True
        with suppress(Exception):  # what is wrong with it, the fill itself will say
            way.fill(small, middle, workers)
        warm.add(way.name)
    for _ in range(_TRIES):
        seen, own_hole = image.copy(), hole.copy()
        with _compilations() as kernels:
            began = clock()
            filled = way.fill(seen, own_hole, workers)
            seconds = clock() - began
        if not kernels:
            break
    return filled, seconds


@contextmanager
def _compilations() -> Iterator[list[object]]:
    """Yield a list that grows while kernels are compiled or loaded; those of a library never are."""
    from restauro.numerics.kernel import MODE

    if MODE != "jit":
        yield []
        return
    from numba.core import event

    with event.install_recorder("numba:compiler_lock") as recorder:
        yield recorder.buffer
