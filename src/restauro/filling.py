"""Pictures with holes being filled: windows planned, filled on several threads, the values written to the pictures."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MemoryShortError, MethodError, Remedy
from restauro.grain import GRAINY_NATURES, grain_of
from restauro.holes import Holes, joined
from restauro.magnitudes import fill_any_size
from restauro.mask import strips
from restauro.method import Task
from restauro.scratch import carried
from restauro.windows import SIZES, Part, Sizes, Window, plan_windows

_PROGRESS_INTERVAL = 0.1  # seconds
_SOON_DONE = 100_000  # hole pixels, hundredths of a second's work with common parameters: not to be interrupted
_PIXELS_WORTH_A_THREAD = 4000  # hole pixels from which one more thread pays
_ALONE = 500  # hole pixels of a picture, below which threads mostly wait for one another: Python runs one at a time
_SHARED_WINDOW = 20_000  # hole pixels from which one window is worth several threads
_SHARED_WHOLE = 4000  # the same where holes aren't cut, so that there are few windows


@dataclass(frozen=True)
class Holed:
    """A picture that is filled in place.

    Attributes
    ----------
    bands
        [H, W, C].
    parts
        Its holes, which have no pixel in common, in the order in which they are filled: what one part has filled is
        known to those after it.
    others
        What is unknown and stays so.
    weights
        float32 [H, W], 0 to 1: the share of the fill in each hole pixel; the rest is what is there. None: 1. A method
        that corrects is told, and makes of it what it can.
    grain
        Whether noise like that around the holes is added to fills that have none of their own.
    """

    bands: NDArray[Any]
    parts: Sequence[Part]
    others: Holes | None = None
    weights: NDArray[np.float32] | None = None
    grain: bool = False

    @cached_property
    def unknown(self) -> Holes:
        """All that isn't known before anything is filled."""
        return joined([part.holes for part in self.parts] + ([self.others] if self.others else []))

    @cached_property
    def known_range(self) -> tuple[float, float]:
        """The least and the greatest known value, before anything is filled; 0 and 0 where nothing is known."""
        found = []
        for rows in strips(self.bands):
            known = ~self.unknown.within((rows.start, rows.stop, 0, self.bands.shape[1]))
            if known.any():
                values = self.bands[rows][known]
                found.append((float(values.min()), float(values.max())))
        lows, highs = zip(*found, strict=True) if found else ((0.0,), (0.0,))
        return min(lows), max(highs)

    def windows(self, stage: int, sizes: Sizes) -> list[Window]:
        """Plan the windows of a part."""
        if stage >= len(self.parts):
            return []
        unknown = [part.holes for part in self.parts[stage:]] + ([self.others] if self.others else [])
        return plan_windows(self.parts[stage], joined(unknown), sizes)


def fill(
    pictures: Sequence[Holed],
    *,
    workers: int,
    seed: int,
    progress: Callable[[float], object] | None = None,
    sizes: Sizes = SIZES,
    memory: int | None = None,
) -> Counter[str]:
    """Fill the holes of some pictures, beside each other: all of them, or an exception leaves some unfilled.

    Arguments as of `inpaint`. Every picture's values are what they are without the others. Returns how many pixels
    what they are filled with is of each nature (`restauro.method.NATURES`).

    memory: bytes that fills may take together; MemoryShortError where a single one is foretold to take more.
    """
    parts = [part for picture in pictures for part in picture.parts]
    if not sum(part.holes.pixels for part in parts):
        return Counter()
    work = _Work(pictures, parts, workers, seed, sizes, memory)
    work.run(progress)
    return work.filled


class _Work:
    """All windows of some pictures, being filled on several threads."""

    def __init__(
        self,
        pictures: Sequence[Holed],
        parts: Sequence[Part],
        workers: int,
        seed: int,
        sizes: Sizes,
        memory: int | None,
    ) -> None:
        self.pictures = pictures
        self.seed = seed
        self.sizes = sizes
        self.memory = memory
        self.pixels = sum(part.holes.pixels for part in parts)
        self.own_threads = any(part.method.own_threads for part in parts)
        # To networks numbers have a meaning, the same in all windows.
        self.ranges = {
            id(picture): picture.known_range
            for picture in pictures
            if picture.bands.dtype.kind == "f" and any(part.method.own_threads for part in picture.parts)
        }
        worth = sum(part.holes.pixels for part in parts if part.holes.pixels >= _ALONE)
        self.threads = min(workers, workers if self.own_threads else 1 + worth // _PIXELS_WORTH_A_THREAD)
        self.control = np.zeros(2, np.int64)  # stop, hole pixels done: see Task
        self.filled: Counter[str] = Counter()
        self._counting = threading.Lock()

    def run(self, progress: Callable[[float], object] | None) -> None:
        """Fill all windows. Where it takes time, the caller's thread reports and can be interrupted."""
        leads = progress is None and self.pixels < _SOON_DONE and not self.own_threads
        others = self.threads - leads
        if not others:
            self._lead(None)
            return
        with ThreadPoolExecutor(others) as pool:
            ready = threading.Barrier(others)
            try:
                for _ in range(others):
                    pool.submit(ready.wait)  # starts every thread, while the windows are planned or before
            except BaseException:  # no more threads to be had
                ready.abort()
                raise
            if leads:
                self._lead(pool)
                return
            leader = pool.submit(carried(self._lead), pool)
            try:
                done = 0.0
                while not wait([leader], None if progress is None else _PROGRESS_INTERVAL).done:
                    if progress is not None:
                        done = max(done, min(int(self.control[1]) / self.pixels, 1.0))
                        progress(done)
            finally:
                self.control[0] = 1  # nobody is left who'd mind, but after an exception here
            leader.result()

    def _lead(self, pool: ThreadPoolExecutor | None) -> None:
        try:
            for stage in range(max(len(picture.parts) for picture in self.pictures)):
                self._fill_stage(stage, pool)
        finally:
            self.control[0] = 1  # if one thread fails the others stop

    def _fill_stage(self, stage: int, pool: ThreadPoolExecutor | None) -> None:
        """Fill the large windows one after the other on all threads, then the small ones beside each other."""
        planned = [(picture, window) for picture in self.pictures for window in picture.windows(stage, self.sizes)]
        beside = self.threads if self.memory is None else _beside_one_another(planned, self.memory)
        work = [_cost(window) for _, window in planned]
        share = sum(work) // (2 * self.threads)
        shared = [size >= max(_least_shared(window), share) for (_, window), size in zip(planned, work, strict=True)]
        scratch: dict[Any, Any] = {}
        for (picture, window), by_all in zip(planned, shared, strict=True):
            if by_all:
                self._fill(picture, window, self.threads, scratch, pool)
        queue = iter([item for item, by_all in zip(planned, shared, strict=True) if not by_all])  # next() is atomic
        count = min(self.threads, beside) - 1 if pool else 0
        others = [pool.submit(carried(self._drain), queue, {}) for _ in range(count)] if pool else []
        self._drain(queue, scratch)
        for other in others:
            other.result()

    def _drain(self, queue: Iterator[tuple[Holed, Window]], scratch: dict[Any, Any]) -> None:
        try:
            for picture, window in queue:
                self._fill(picture, window, 1, scratch, None)
        except BaseException:
            self.control[0] = 1
            raise

    def _fill(
        self,
        picture: Holed,
        window: Window,
        threads: int,
        scratch: dict[Any, Any],
        pool: ThreadPoolExecutor | None,
    ) -> None:
        if self.control[0]:
            return
        top, bottom, left, right = window.box
        image = picture.bands[top:bottom, left:right]
        weights = None if picture.weights is None else picture.weights[top:bottom, left:right]
        hole, domain, wanted = window.masks()
        core, seed, method = window.core_slices, (self.seed, *window.core), window.part.method
        task = Task(
            core, window.depth, threads, seed, self.control, scratch, pool,
            wanted=wanted, domain=domain, weights=weights if method.nature == "corrects" else None,
            guidance=window.part.guidance.within(window.box, picture.bands, lambda box: picture.unknown.within(box)),
            known_range=self.ranges.get(id(picture), (0.0, 0.0)),
        )  # fmt: skip
        values = fill_any_size(method, image, hole, task)
        if not self.control[0]:
            _check_values(values, (window.pixels, image.shape[2]), window)
            if picture.grain and method.nature in GRAINY_NATURES:
                values = values + grain_of(picture.bands, window.unknown, window.box, wanted, values, task)
            if weights is not None and method.nature != "corrects":
                values = _blended(image[wanted], values, weights[wanted])
            _store(values, wanted[core], image[core])
            with self._counting:
                self.filled += Counter(dict.fromkeys(method.natures, window.pixels - task.interpolated))
                self.filled += Counter(interpolates=task.interpolated)


def _beside_one_another(planned: Sequence[tuple[Holed, Window]], memory: int) -> int:
    """Return how many windows, whichever, fit in memory together; MemoryShortError where one alone doesn't."""
    needed = sorted((window.memory for _, window in planned), reverse=True)
    if needed and needed[0] > memory:
        largest = max((window for _, window in planned), key=lambda window: window.memory)
        raise MemoryShortError(
            f"{largest.part.method.name} would take some {needed[0] / 1e9:.2g} GB of memory for {largest.pixels} hole "
            f"pixels that hang together, and there are {memory / 1e9:.2g} GB for it",
            Remedy("method", "telea", "or coherence, which cut holes"),
            "take a machine with more",
        )
    return int(np.searchsorted(np.cumsum(needed), memory, side="right"))


def _cost(window: Window) -> int:
    return window.area if window.part.method.own_threads else window.pixels


def _least_shared(window: Window) -> int:
    return _SHARED_WHOLE if window.part.method.whole_hole else _SHARED_WINDOW


def _check_values(values: object, shape: tuple[int, int], window: Window) -> None:
    found = getattr(values, "shape", None)
    if found != shape:
        raise MethodError(
            f"Method {window.part.method.name!r} returned values of shape {found} where {shape} were wanted: its fill "
            "must return those of the pixels of task.wanted, row by row, and no longer those of hole[task.core]."
        )


def _blended(
    known: NDArray[Any], fill: NDArray[np.floating[Any]], weights: NDArray[np.float32]
) -> NDArray[np.floating[Any]]:
    """Mix what is there with a fill, [n, C] each, by its share [n]; of what isn't finite nothing is kept."""
    share = weights[:, np.newaxis].astype(np.float64)
    kept = np.where(np.isfinite(known), known, fill).astype(np.float64)
    return np.where(share < 1, (1 - share) * kept + share * fill, fill)


def _store(values: NDArray[np.floating[Any]], hole: NDArray[np.bool_], picture: NDArray[Any]) -> None:
    """Write real values to hole pixels, rounded where the dtype holds whole numbers, cut to what it holds."""
    from restauro.numerics import runs
    from restauro.numerics.pixels import DTYPES

    if picture.dtype == np.bool_:
        picture[hole] = values >= 0.5
        return
    whole = picture.dtype.kind in "iu"
    limits = np.iinfo(picture.dtype) if whole else np.finfo(picture.dtype)
    if picture.dtype in DTYPES and values.dtype in DTYPES and picture.flags.aligned:
        runs.store(np.ascontiguousarray(values), hole, picture, float(limits.min), float(limits.max), whole)
    else:  # a dtype that kernels don't know
        picture[hole] = np.clip(np.rint(values) if whole else values, limits.min, limits.max)
