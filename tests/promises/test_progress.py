"""What every method promises of its progress: it rises to one, and an exception in it ends the fill."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import restauro
from restauro.method import Method, Task
from tests.promises.pictures import (
    net,
    picture,
)


def test_progress_rises_to_one_in_the_callers_thread(method: Method) -> None:
    rng = np.random.default_rng(3)
    image = picture(rng, (400, 400, 3), "float32")
    hole = net(rng, (400, 400))
    seen: list[float] = []
    threads = set()

    def progress(fraction: float) -> None:
        seen.append(fraction)
        threads.add(threading.current_thread())

    restauro.inpaint(image, hole, method, progress=progress)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert all(0 <= fraction <= 1 for fraction in seen)
    assert threads == {threading.current_thread()}


def test_what_is_reported_as_done_comes_to_what_is_filled(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods in steps of which nobody knows how many are to come leave up to a fifth for the last jump."""
    rng = np.random.default_rng(3)
    image, hole = picture(rng, (120, 130, 3), "float32"), net(rng, (120, 130))
    hole[40:70, 30:80] = True
    fill, reported = type(method).fill, []

    def watched(method: Method, image: np.ndarray, hole: np.ndarray, task: Task) -> np.ndarray:
        values = fill(method, image, hole, task)
        reported.append(int(task.control[1]))
        return values

    monkeypatch.setattr(type(method), "fill", watched)
    restauro.inpaint(image, hole, method)
    assert 0.8 * hole.sum() <= max(reported) <= hole.sum()


class EnoughError(Exception):
    """Somebody pressed the button."""


def test_an_exception_in_progress_cancels(method: Method) -> None:
    rng = np.random.default_rng(3)
    image = picture(rng, (64, 64, 3), "float32")
    image = np.tile(image, (20, 20, 1))
    hole = np.zeros(image.shape[:2], bool)
    hole[100:-100, 100:-100] = True
    image[hole] = np.nan
    calls = 0
    threads = threading.active_count()

    def progress(fraction: float) -> None:
        nonlocal calls
        calls += 1
        raise EnoughError

    with pytest.raises(EnoughError):
        restauro.inpaint(image, hole, method, out=image, workers=1, progress=progress)
    assert calls == 1
    assert threading.active_count() == threads
    assert np.isnan(image[hole]).all()  # the work was stopped, and not waited for
