"""Times of several ways to do the same, measured in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np


def interleaved(
    ways: Mapping[str, Callable[[], object]], rounds: int, fewer: Mapping[str, int] | None = None
) -> dict[str, list[float]]:
    """Return the seconds of every way, one a round; all ways take turns, those in `fewer` in the first rounds only."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        # There and back, so that none always has to fetch from the system the memory that another gave back.
        for name, work in list(ways.items())[:: -1 if turn % 2 else 1]:
            if turn < (fewer or {}).get(name, rounds):
                start = time.perf_counter()
                work()
                seconds[name].append(time.perf_counter() - start)
    return seconds


def work_rates(make: Callable[[np.random.Generator], object], rounds: int, seconds: float) -> list[float]:
    """Return how often a second of one core's work something is made, a rate a round; the first isn't counted."""
    rates = []
    for turn in range(rounds):
        rng = np.random.default_rng(turn)
        make(rng)
        start, work, made = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - start < seconds:
            make(rng)
            made += 1
        rates.append(made / (time.process_time() - work))
    return rates
