"""A fill that is stopped does no more work: counted, since times depend on the machine (`benchmarks/cancelling.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from restauro.method import Method, Task
from tests.promises.pictures import net, picture


class Watched(Task):
    """A task that is stopped once work has been shared out so often; it counts what is shared out afterwards."""

    def __init__(self, hole: np.ndarray, stop_after: int) -> None:
        all_of_it, depth = (slice(0, hole.shape[0]), slice(0, hole.shape[1])), sum(hole.shape)
        super().__init__(all_of_it, depth, 1, (0,), np.zeros(2, np.int64), wanted=hole, domain=hole)
        self.stop_after, self.before, self.late = stop_after, 0, 0
        self._stop_in_time()

    def _stop_in_time(self) -> None:
        self.control[0] = self.before == self.stop_after

    def together(self, steps: Sequence[Callable[[], Any]]) -> list[Any]:
        self.late += self.stopped
        found = super().together(steps)
        self.before += 1
        if not self.stopped:
            self._stop_in_time()
        return found


def test_nothing_is_shared_out_after_a_stop(method: Method) -> None:
    rng = np.random.default_rng(4)
    image, hole = picture(rng, (90, 100, 2)), net(rng, (90, 100))
    whole = Watched(hole, -1)
    method.fill(image, hole, whole)
    assert not whole.stopped
    for moment in sorted({*range(min(whole.before, 12)), *np.linspace(0, whole.before - 1, 12, dtype=int).tolist()}):
        task = Watched(hole, moment)
        method.fill(image, hole, task)
        assert task.late == 0, f"stopped after {moment} of {whole.before}"


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_a_fill_that_is_stopped_before_it_begins_reports_nothing_done(method: Method, dtype: str) -> None:
    rng = np.random.default_rng(4)
    image, hole = picture(rng, (60, 70, 3), dtype), net(rng, (60, 70))
    task = Watched(hole, 0)
    method.fill(image, hole, task)
    assert task.control[1] < 0.2 * hole.sum()
