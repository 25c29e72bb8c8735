"""Parts of a picture's holes, each filled by its own method, beside what stays unknown."""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.errors import MethodError
from restauro.filling import Holed, fill
from restauro.holes import find_holes, joined
from restauro.method import Method, Task, method_names
from restauro.methods.coherence import Coherence
from restauro.methods.harmonic import Harmonic
from restauro.methods.patchmatch import PatchMatch
from restauro.methods.telea import Telea
from restauro.windows import Part, Sizes, plan_windows
from tests.fills import filled, filled_in_parts
from tests.networks import ready
from tests.promises.pictures import holes, losses, net, picture, seeds

CUT = Sizes(tile=32, small_picture=0, halo=40)
each_method = pytest.mark.parametrize("name", method_names())


def crack_and_loss() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, a crack that runs by 10 pixels beside a loss, and the loss."""
    rng = np.random.default_rng(11)
    image = picture(rng, (150, 160, 3), "float32")
    crack, loss = np.zeros((2, 150, 160), bool)
    crack[10:140, 40:43] = True
    loss[60:85, 53:80] = True
    return image, crack, loss


def in_two(rng: np.random.Generator, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two masks with no pixel in common, which are the hole together and touch."""
    one = hole & (np.add.outer(np.arange(hole.shape[0]), rng.integers(-9, 9, hole.shape[1])) % 40 < 22)
    return one, hole & ~one


@given(seed=seeds, whole=st.booleans(), deep=st.booleans())
@settings(max_examples=40)
def test_windows_of_two_parts(seed: int, whole: bool, deep: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(20, 200)), int(rng.integers(20, 200))
    everything = losses(rng, shape) if deep else holes(rng, shape) | net(rng, shape)
    everything[rng.integers(shape[0]), rng.integers(shape[1])] = False
    parts = [find_holes(mask) for mask in in_two(rng, everything)]
    unknown = joined(parts)
    assert unknown.pixels == everything.sum()
    for part in parts:
        plan = plan_windows(Part(part, Harmonic() if whole else Telea(2)), unknown, CUT)
        covered = np.zeros(shape, int)
        for window in plan:
            top, bottom, left, right = window.box
            hole, domain, wanted = window.masks()
            np.testing.assert_array_equal(hole, everything[top:bottom, left:right])
            assert not (wanted & ~domain).any()
            assert not (domain & ~hole).any()
            assert not hole.all()
            assert wanted.sum() == wanted[window.core_slices].sum() == window.pixels
            covered[top:bottom, left:right] += wanted
        np.testing.assert_array_equal(covered, part.within((0, shape[0], 0, shape[1])))


@pytest.mark.parametrize("method", [Telea(3), Coherence(3)])
@given(seed=seeds)
@settings(max_examples=25)
def test_a_method_that_may_be_cut_fills_a_part_as_if_it_filled_all(method: Method, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(60, 260)), int(rng.integers(60, 260))
    image = picture(rng, shape, "float32")
    hole = net(rng, shape) if seed % 2 else losses(rng, shape)
    hole[rng.integers(shape[0]), rng.integers(shape[1])] = False
    one, other = in_two(rng, hole)
    expected = np.where(one, filled(image, hole, method, Sizes(tile=10_000, small_picture=0, sparsest=0)), image)
    for sizes in (CUT, Sizes(tile=48, small_picture=0, halo=90), Sizes()):
        np.testing.assert_array_equal(filled_in_parts(image, [(one, method)], others=other, sizes=sizes), expected)


@each_method
def test_what_belongs_to_another_part_is_not_read(name: str) -> None:
    """A loss beside a crack of another part: what stands in the crack makes no difference, and stays."""
    image, crack, loss = crack_and_loss()
    crack[60:70, 43:53] = True  # as far as the loss
    method = ready(name)
    found = []
    for value in (0.0, np.nan, 1e6):
        damaged = np.where(crack[:, :, np.newaxis], np.float32(value), image)
        restored = filled_in_parts(damaged, [(loss, method)], others=crack)
        np.testing.assert_array_equal(restored[~loss], damaged[~loss])
        found.append(restored[loss])
        assert np.isfinite(found[-1]).all()
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
    assert (found[0] != filled_in_parts(damaged, [(loss, method)])[loss]).any() or name in (
        "network",
        "partial-convolution",
    )


def test_patchmatch_is_handed_the_crack_as_unknown() -> None:
    seen = []

    @dataclass(frozen=True)
    class Spy(PatchMatch):
        def fill(self, image: Any, hole: Any, task: Task) -> Any:
            seen.append((hole.sum(), task.domain.sum(), task.wanted.sum()))
            return super().fill(image, hole, task)

    image, crack, loss = crack_and_loss()
    filled_in_parts(image, [(loss, Spy())], others=crack)
    assert seen == [(crack.sum() + loss.sum(), crack.sum() + loss.sum(), loss.sum())]


@each_method
def test_parts_follow_one_another(name: str) -> None:
    """What the first part has filled is known to the second; the second is unknown to the first."""
    image, crack, loss = crack_and_loss()
    image[crack | loss] = np.nan
    method = ready(name)
    restored = filled_in_parts(image, [(crack, Telea(3)), (loss, method)], workers=3)
    first = filled_in_parts(image, [(crack, Telea(3))], others=loss)
    assert np.isfinite(first[crack]).all()
    np.testing.assert_array_equal(restored, restauro.inpaint(first, loss, method, workers=1))


def test_pictures_in_different_numbers_of_parts() -> None:
    image, crack, loss = crack_and_loss()
    plans = [[(crack, Telea(3)), (loss, Harmonic())], [(crack | loss, Telea(3))], []]
    bands = [image.copy() for _ in plans]
    fill(
        [
            Holed(own, [Part(find_holes(mask), method) for mask, method in plan])
            for own, plan in zip(bands, plans, strict=True)
        ],
        workers=2,
        seed=0,
    )
    for filled_along, plan in zip(bands, plans, strict=True):
        np.testing.assert_array_equal(filled_along, filled_in_parts(image, plan))


@each_method
@pytest.mark.parametrize("width", [3, 90])
def test_a_hole_in_the_midst_of_unknown_pixels_is_filled_from_their_far_side(name: str, width: int) -> None:
    """However wide the ring of unknown pixels is, nothing of it is read, and the rest of the picture is."""
    if name == "tone":
        pytest.skip("it corrects, by what is beside a hole")
    side = 2 * width + 60
    image = np.full((side, side, 3), 0.25, np.float32)
    hole, ring = np.zeros((2, side, side), bool)
    hole[width + 27 : width + 33, width + 27 : width + 33] = True
    ring[20:-20, 20:-20] = True
    ring &= ~hole
    image[ring] = np.nan
    image[hole] = 77
    restored = filled_in_parts(image, [(hole, ready(name))], others=ring)
    np.testing.assert_allclose(restored[hole], 0.25, atol=1e-6)


class OfTheOldContract(Telea):
    """Returns all hole pixels of the core, as was asked before there was `task.wanted`."""

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        return np.zeros((int(hole[task.core].sum()), image.shape[2]))


def test_a_method_of_the_old_contract_is_told_what_has_changed() -> None:
    image, crack, loss = crack_and_loss()
    crack[70:72, 43:79] = True
    loss &= ~crack
    for method in (OfTheOldContract(), OfTheOldContract(radius=3)):
        assert (filled_in_parts(image, [(crack | loss, method)])[loss] == 0).all()  # alone it is still right
        with pytest.raises(
            MethodError, match=r"Method 'telea' returned values of shape \(675, 3\) where \(\d+, 3\) were wanted: its"
        ):
            filled_in_parts(image, [(loss, method)], others=crack)


@dataclass(frozen=True)
class WhereItRuns(Telea):
    """Says which cores its threads may use."""

    cores: ClassVar[list[set[int]]] = []
    together: ClassVar[threading.Barrier] = threading.Barrier(4, timeout=60)

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        self.together.wait()  # four threads are in a window each, two of either call
        self.cores.append(os.sched_getaffinity(0))
        self.together.wait()
        return super().fill(image, hole, task)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux tells the cores of a thread")
def test_two_fills_at_once_leave_the_cores_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that was bound to a core would share it with one of the other fill's, however many are idle."""
    made_up = set(range(8))
    bound_to = threading.local()
    monkeypatch.setattr("os.sched_setaffinity", lambda _, cores: setattr(bound_to, "cores", set(cores)))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: getattr(bound_to, "cores", made_up))
    hole = np.zeros((600, 600), bool)
    hole[20:30, 20:230] = hole[400:410, 300:500] = True  # in two tiles
    arguments = (np.zeros((600, 600), np.uint8), hole, WhereItRuns(3))
    both = [threading.Thread(target=restauro.inpaint, args=arguments, kwargs={"workers": 2}) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert WhereItRuns.cores == [made_up] * 4


class HowManyThreads(Harmonic):
    """Keeps, for each window by its hole pixels, the threads that it may use and those that are there."""

    seen: ClassVar[dict[int, tuple[int, int]]] = {}

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        self.seen[int(task.wanted.sum())] = task.workers, threading.active_count()
        return super().fill(image, hole, task)


class HowManyOfItsOwn(HowManyThreads):
    """The same of a method that costs what its window measures."""

    own_threads: ClassVar[bool] = True


def test_threads_follow_the_work() -> None:
    """Few pixels are filled by the caller's thread alone, large holes by all threads, small ones by one each."""
    image = np.zeros((700, 800), np.float32)
    scratch, loss = np.zeros((2, 700, 800), bool)
    scratch[10:501, 10] = scratch[10, 10:500] = True
    loss[520:670, 600:750] = True
    scratch_pixels, loss_pixels = int(scratch.sum()), int(loss.sum())
    before = threading.active_count()
    seen = HowManyThreads.seen
    restauro.inpaint(image, scratch, HowManyThreads(), workers=3)
    assert seen == {scratch_pixels: (1, before)}
    restauro.inpaint(image, scratch | loss, HowManyThreads(), workers=3)
    assert seen == {scratch_pixels: (1, before + 2), loss_pixels: (3, before + 2)}
    restauro.inpaint(image, scratch, HowManyOfItsOwn(), workers=3)
    assert seen[scratch_pixels] == (3, before + 3)  # the caller's thread waits for a signal


class Stepwise(Telea):
    """Goes on only when progress has been told, and ends only when it is stopped, if it is to wait for that."""

    told = threading.Semaphore(0)

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        for _ in range(4):
            task.control[1] += task.wanted.sum() // 5
            assert self.told.acquire(timeout=60)
            assert self.told.acquire(timeout=60)  # what was told first may be from before
        return super().fill(image, hole, task)


def test_progress_is_told_while_a_window_is_being_filled() -> None:
    seen: list[float] = []

    def progress(fraction: float) -> None:
        seen.append(fraction)
        Stepwise.told.release()

    image, _, loss = crack_and_loss()
    restauro.inpaint(image, loss, Stepwise(3), progress=progress)
    assert seen == sorted(seen)
    for share in (0.2, 0.4, 0.6, 0.8):
        assert any(abs(fraction - share) < 1e-9 for fraction in seen)
    assert seen[-1] == 1


class UntilStopped(Telea):
    """Ends when it is stopped."""

    stopped: ClassVar[list[bool]] = []

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        for _ in range(3000):
            if task.stopped:
                break
            threading.Event().wait(0.01)
        self.stopped.append(task.stopped)


class EnoughError(Exception):
    """Somebody pressed the button."""


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_in_progress_stops_a_fill(workers: int) -> None:
    def progress(fraction: float) -> None:
        raise EnoughError

    image, _, loss = crack_and_loss()
    before = image.copy()
    with pytest.raises(EnoughError):
        restauro.inpaint(image, loss, UntilStopped(3), out=image, workers=workers, progress=progress)
    np.testing.assert_array_equal(image, before)
    assert UntilStopped.stopped.pop()


class HalfBroken(UntilStopped):
    """Fails in one window and waits in the other until it is told to stop."""

    both: ClassVar[threading.Barrier] = threading.Barrier(2, timeout=60)

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        if self.both.wait() == 0:
            raise ZeroDivisionError("a bug in the method")
        return super().fill(image, hole, task)


def test_a_window_that_fails_stops_the_others() -> None:
    hole = np.zeros((600, 600), bool)
    hole[20:30, 20:230] = hole[400:410, 300:500] = True  # in two tiles
    with pytest.raises(ZeroDivisionError, match="a bug in the method"):
        restauro.inpaint(np.zeros((600, 600), np.uint8), hole, HalfBroken(3), workers=2)
    assert UntilStopped.stopped.pop()


class Interrupted(UntilStopped):
    """Has Ctrl-C pressed when the caller's thread waits for the other one, which ends when it is told to stop."""

    both: ClassVar[threading.Barrier] = threading.Barrier(2, timeout=60)
    filled: ClassVar[threading.Event] = threading.Event()

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        caller = threading.main_thread().ident or 0
        self.both.wait()
        if threading.get_ident() == caller:
            values = Telea.fill(self, image, hole, task)
            self.filled.set()
            return values
        assert self.filled.wait(60)
        while sys._current_frames()[caller].f_code.co_name != "wait":
            threading.Event().wait(0.01)
        signal.pthread_kill(caller, signal.SIGINT)
        return super().fill(image, hole, task)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows sends no signal to a thread")
@pytest.mark.usefixtures("ctrl_c_arrives")
def test_ctrl_c_stops_the_other_threads() -> None:
    hole = np.zeros((600, 600), bool)
    hole[20:30, 20:230] = hole[400:410, 300:500] = True  # in two tiles
    with pytest.raises(KeyboardInterrupt):
        restauro.inpaint(np.zeros((600, 600), np.uint8), hole, Interrupted(3), workers=2)
    assert UntilStopped.stopped.pop()
