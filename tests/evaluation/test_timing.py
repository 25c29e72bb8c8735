"""Seconds of a fill: loading and compiling aside, what is filled untouched."""

from __future__ import annotations

import itertools

import numba
import numpy as np
import pytest

from restauro.evaluation.references import Way
from restauro.evaluation.timing import timed_fill
from restauro.numerics.kernel import MODE

IMAGE = np.full((60, 70, 3), 90, np.uint8)
HOLE = np.zeros((60, 70), bool)
HOLE[20:30, 20:30] = True


@pytest.mark.skipif(MODE != "jit", reason="nothing is compiled here")
def test_a_fill_that_compiles_is_repeated() -> None:
    calls: list[int] = []

    def fill(image: np.ndarray, hole: np.ndarray, workers: int) -> np.ndarray:
        if image.shape == IMAGE.shape:
            calls.append(0)
            if len(calls) == 1:
                numba.njit(lambda x: x + 1)(1)
        image[hole] = 7
        hole[:] = False
        return image

    ticks = itertools.count()
    warm: set[str] = set()
    image, hole = IMAGE.copy(), HOLE.copy()
    for expected in (2, 3):
        filled, seconds = timed_fill(Way("w", "w", {}, fill), image, hole, 1, warm, clock=lambda: float(next(ticks)))
        assert len(calls) == expected  # twice, then once
        assert seconds == 1
        assert (filled[HOLE] == 7).all()
    assert (image == IMAGE).all()
    assert (hole == HOLE).all()
    assert warm == {"w"}


def test_what_a_way_raises_comes_through() -> None:
    def fill(image: np.ndarray, hole: np.ndarray, workers: int) -> np.ndarray:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        timed_fill(Way("w", "w", {}, fill), IMAGE, HOLE, 1, set())
