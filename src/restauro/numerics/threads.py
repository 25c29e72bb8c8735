"""Threads: what numerics need of a task to use them, how many there may be, and how many a caller asks for."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ParameterError, ParameterTypeError


class Threads(Protocol):
    """A task as solvers see it; `restauro.method.Task` is one.

    Attributes
    ----------
    workers
        Threads that may be used.
    control
        int64 [2]: [0] becomes non-zero when the work is to stop.
    """

    workers: int
    control: NDArray[np.int64]

    def together(self, steps: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run steps, no more than `workers`, that may wait for one another; return their results."""
        ...


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and the quota of a container (control groups, version 2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))


def checked_workers(workers: object) -> int:
    """Return how many threads, or processes, a caller asks for; all usable cores by default.

    Raises
    ------
    ParameterTypeError, ParameterError
        It is no whole number; it is less than 1.

    >>> checked_workers(3), checked_workers(None) == usable_cores()
    (3, True)
    """
    if workers is None:
        return usable_cores()
    if isinstance(workers, (bool, np.bool_)) or not isinstance(workers, (int, np.integer)):
        raise ParameterTypeError(f"workers must be a whole number, 1 or more, not {workers!r}.")
    if workers < 1:
        raise ParameterError(f"workers={workers} is out of range: it must be a whole number, 1 or more.")
    return int(workers)
