"""What numerics need of a task: how many threads there are, how to use them, whether to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


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
