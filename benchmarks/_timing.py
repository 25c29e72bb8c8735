"""Times of several ways to do the same, measured in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


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
