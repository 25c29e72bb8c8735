"""Numbers that threads share: no addition is lost, however the threads take turns."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from restauro.numerics.atomics import atomic_add
from tests.numerics.kernels import step

THREADS, TURNS = 4, 5000


@pytest.fixture
def hasty_turns() -> Iterator[None]:
    """Let Python's threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty_turns")
def test_every_addition_counts_and_tells_what_was_there_before() -> None:
    add = step(atomic_add)
    numbers = np.zeros(3, np.int64)
    add(numbers, 1, 0)  # compiled once, not by four threads

    def add_often(_: int) -> list[int]:
        return [int(add(numbers, 1, 1)) for _ in range(TURNS)]

    with ThreadPoolExecutor(THREADS) as threads:
        before = [number for seen in threads.map(add_often, range(THREADS)) for number in seen]
    assert numbers.tolist() == [0, THREADS * TURNS, 0]
    assert sorted(before) == list(range(THREADS * TURNS))
