"""A fill that is stopped does no more work: counted, since times depend on the machine (`benchmarks/cancelling.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import restauro
from restauro.method import Method, Task
from tests.promises.pictures import net, picture


class Watch:
    """Stops a fill once it has shared out work so often, and counts what it shares out afterwards."""

    def __init__(self, stop_after: int | None) -> None:
        self.stop_after, self.before, self.late = stop_after, 0, 0
        self._together = Task.together

    def together(self, task: Task, steps: Sequence[Callable[[], Any]]) -> list[Any]:
        self.late += task.stopped
        found = self._together(task, steps)
        self.before += 1
        if self.before == self.stop_after:
            task.control[0] = 1
        return found


def watched(method: Method, image: np.ndarray, hole: np.ndarray, stop_after: int | None) -> Watch:
    watch = Watch(stop_after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "together", lambda task, steps: watch.together(task, steps))
        restauro.inpaint(image, hole, method, workers=1)
    return watch


def test_nothing_is_shared_out_after_a_stop(method: Method) -> None:
    rng = np.random.default_rng(4)
    image, hole = picture(rng, (90, 100, 2)), net(rng, (90, 100))
    whole = watched(method, image, hole, None)
    assert whole.late == 0
    moments = {*range(1, min(whole.before, 12)), *np.linspace(1, max(whole.before, 1), 12, dtype=int).tolist()}
    for moment in sorted(moments):
        late = watched(method, image, hole, moment).late
        assert late == 0, f"stopped after {moment} of {whole.before}"
