"""`inpaint`: checks the arrays, has the windows filled on all cores, keeps the promises of docs/design.md."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro.errors import ImageError, ImageTypeError, ParameterError, ParameterTypeError
from restauro.magnitudes import fill_any_size
from restauro.mask import hole_from_array
from restauro.method import DEFAULT_METHOD, Method, Task, make_method
from restauro.numerics.threads import usable_cores as usable_cores
from restauro.windows import Holes, Window, find_holes, plan_windows

DTYPES = ("bool", "uint8", "int16", "uint16", "int32", "uint32", "float16", "float32", "float64")

_PROGRESS_INTERVAL = 0.1  # seconds
_SOON_DONE = 100_000  # hole pixels, hundredths of a second's work with common parameters: not to be interrupted
_PIXELS_WORTH_A_THREAD = 4000  # hole pixels from which one more thread pays
_SHORT = 1_000_000  # hole pixels that are filled in less time than Linux takes to spread threads well
_SHARED_WINDOW = 20_000  # hole pixels from which one window is worth several threads
_SHARED_WHOLE = 4000  # the same where holes aren't cut, so that there are few windows


def inpaint(
    image: ArrayLike,
    mask: ArrayLike,
    method: str | Method = DEFAULT_METHOD,
    *,
    out: NDArray[Any] | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
    **parameters: Any,
) -> NDArray[Any]:
    """Fill the holes of a picture; return it with all else unchanged.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], any number of bands C, not modified. uint8, uint16, float32, float64 as they are; int16,
        int32, uint32 and float16 are filled as real numbers and rounded to the nearest value they hold; bool is filled
        as 0 and 1 and cut at a half. Floats may be of any size; NaN and infinity may stand in holes only.
    mask
        [H, W]: bool, or integers where non-zero is hole, or floats that are 0 or 1. Not modified.
    method
        A name, with its parameters as keywords, or a `Method` instance. `restauro.method_names()` lists the names.
    out
        Array of the image's shape and dtype for the result; `out=image` works in place. By default a new one.
    workers
        Threads to use; by default every core that this process may use. The result doesn't depend on it.
    seed
        For methods that use random numbers: the same seed gives the same result.
    progress
        Called with the fraction done, rising to 1.0, several times a second, in the caller's thread. An exception
        raised in it stops the work and reaches the caller.
    **parameters
        The method's parameters; `restauro methods NAME` describes them.

    Returns
    -------
    The restored picture, of the image's shape and dtype. Outside the holes every value is the same bit for bit.

    Raises
    ------
    RestauroError
        A subclass that is also a ValueError or a TypeError, with a sentence that says what to do.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.full((6, 8, 3), 200, np.uint16)
    >>> mask = np.zeros((6, 8), bool)
    >>> mask[2:4, 1:6] = True
    >>> image[mask] = 0
    >>> restored = restauro.inpaint(image, mask, "telea", radius=3)
    >>> int(restored.min()), restored.dtype
    (200, dtype('uint16'))
    """
    chosen = make_method(method, parameters)
    picture = _checked_image(image)
    hole = hole_from_array(mask, picture.shape[:2])
    threads = _checked_workers(workers)
    _check_seed(seed)
    result = _result_array(picture, out)
    holes = find_holes(hole, threads)
    _check_finite(picture, hole)
    if out is not image:
        np.copyto(result, picture)
    if holes.pixels:
        bands = result if result.ndim == 3 else result[:, :, np.newaxis]
        _Work(bands, holes, chosen, seed, threads).run(progress)
    if progress is not None:
        progress(1.0)
    return result


class _Work:
    """All windows of a picture, being filled on several threads."""

    def __init__(self, bands: NDArray[Any], holes: Holes, method: Method, seed: int, threads: int) -> None:
        self.bands = bands
        self.holes = holes
        self.method = method
        self.seed = seed
        worth = threads if method.own_threads else 1 + holes.pixels // _PIXELS_WORTH_A_THREAD
        self.threads = min(threads, worth)
        self.control = np.zeros(2, np.int64)  # stop, hole pixels done: see Task

    def run(self, progress: Callable[[float], object] | None) -> None:
        """Fill all windows. Where it takes time, the caller's thread reports and can be interrupted."""
        own = self.method.own_threads  # they'd be born in a thread's place and stay there
        leads = progress is None and self.holes.pixels < _SOON_DONE and not own
        others = self.threads - leads
        places = _Places(self.threads, stay=self.holes.pixels < _SHORT and not own)
        with ThreadPoolExecutor(max(others, 1), initializer=places.take) as pool:
            ready = threading.Barrier(max(others, 1))
            try:
                for _ in range(others):
                    pool.submit(ready.wait)  # starts every thread, while the windows are planned or before
            except BaseException:  # no more threads to be had
                ready.abort()
                raise
            if leads:
                places.take()
                try:
                    self._lead(pool)
                finally:
                    places.leave()
                return
            leader = pool.submit(self._lead, pool)
            try:
                done = 0.0
                while not wait([leader], None if progress is None else _PROGRESS_INTERVAL).done:
                    if progress is not None:
                        done = max(done, min(int(self.control[1]) / self.holes.pixels, 1.0))
                        progress(done)
            finally:
                self.control[0] = 1  # nobody is left who'd mind, but after an exception here
            leader.result()

    def _lead(self, pool: ThreadPoolExecutor) -> None:
        """Fill the large windows one after the other on all threads, then the small ones beside each other."""
        try:
            windows = plan_windows(self.holes, self.method)
            least = _SHARED_WHOLE if self.method.whole_hole else _SHARED_WINDOW
            work = [window.area if self.method.own_threads else window.pixels for window in windows]
            shared_from = max(least, sum(work) // (2 * self.threads))
            shared = [window for window, size in zip(windows, work, strict=True) if size >= shared_from]
            scratch: dict[Any, Any] = {}
            for window in shared:
                self._fill(window, self.threads, scratch, pool)
            rest = [window for window, size in zip(windows, work, strict=True) if size < shared_from]
            queue = iter(rest)  # next() is atomic
            others = [pool.submit(self._drain, queue, {}) for _ in range(self.threads - 1)]
            self._drain(queue, scratch)
            for other in others:
                other.result()
        finally:
            self.control[0] = 1  # if one thread fails the others stop

    def _drain(self, queue: Iterator[Window], scratch: dict[Any, Any]) -> None:
        try:
            for window in queue:
                self._fill(window, 1, scratch, None)
        except BaseException:
            self.control[0] = 1
            raise

    def _fill(self, window: Window, threads: int, scratch: dict[Any, Any], pool: ThreadPoolExecutor | None) -> None:
        if self.control[0]:
            return
        top, bottom, left, right = window.box
        image = self.bands[top:bottom, left:right]
        hole = window.hole
        core = window.core_slices
        task = Task(core, window.depth, threads, (self.seed, *window.core), self.control, scratch, pool)
        values = fill_any_size(self.method, image, hole, task)
        if not self.control[0]:
            _store(values, hole[core], image[core])


class _Places:
    """A core for every thread, where there are enough.

    Linux lets threads that start or wake wait for milliseconds on the core of the one that started or woke them. Where
    all work takes no longer, they stay on their cores till its end; else they are free to move after the start.
    """

    def __init__(self, threads: int, *, stay: bool) -> None:
        self._cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._applies = 1 < threads <= len(self._cores)
        self._next = iter(self._cores)  # next() is atomic
        self._stay = stay

    def take(self) -> None:
        """Move the calling thread to the next core."""
        if not self._applies:
            return
        with contextlib.suppress(OSError):  # refused in some containers, and only a matter of speed
            os.sched_setaffinity(0, {next(self._next)})
        if not self._stay:
            self.leave()

    def leave(self) -> None:
        """Let the calling thread move again."""
        if self._applies:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, self._cores)


def _store(values: NDArray[np.floating[Any]], hole: NDArray[np.bool_], picture: NDArray[Any]) -> None:
    """Write real values to hole pixels, rounded where the dtype holds whole numbers, cut to what it holds."""
    from restauro.numerics import runs

    if picture.dtype.kind in "iu":
        whole = np.iinfo(picture.dtype)
        runs.store(values, hole, picture, float(whole.min), float(whole.max), True)
    elif picture.dtype == np.bool_:
        picture[hole] = values >= 0.5
    else:
        real = np.finfo(picture.dtype)
        if picture.dtype == np.float16:  # which kernels don't know
            picture[hole] = np.clip(values, real.min, real.max)
        else:
            runs.store(values, hole, picture, float(real.min), float(real.max), False)


def _checked_image(image: ArrayLike) -> NDArray[Any]:
    try:
        picture = np.asarray(image)
    except ValueError as error:
        raise ImageTypeError(
            f"The image can't be made an array ({error}); pass an array [H, W] or [H, W, C]."
        ) from None
    if picture.dtype.name not in DTYPES or not picture.dtype.isnative:
        raise ImageTypeError(
            f"The image has dtype {picture.dtype}, which has no rule; convert it to one of {', '.join(DTYPES)}."
        )
    if picture.ndim not in (2, 3):
        raise ImageError(f"The image has shape {picture.shape}; it must be [H, W] or [H, W, C].")
    if picture.size == 0:
        raise ImageError(f"The image has shape {picture.shape}, so it has no pixels; there is nothing to restore.")
    return picture


def _result_array(picture: NDArray[Any], out: NDArray[Any] | None) -> NDArray[Any]:
    if out is None:
        return np.empty_like(picture, subok=False)
    if not isinstance(out, np.ndarray):
        raise ImageTypeError(f"out must be an array of the image's shape and dtype, not {type(out).__name__}.")
    if out.shape != picture.shape or out.dtype != picture.dtype:
        raise ImageError(
            f"out has shape {out.shape} and dtype {out.dtype}; it must have the image's, {picture.shape} and "
            f"{picture.dtype}."
        )
    if not out.flags.writeable:
        raise ImageError("out can't be written to (it is read-only); pass a writable array, or leave it out.")
    return out


def _check_finite(picture: NDArray[Any], hole: NDArray[np.bool_]) -> None:
    """Refuse NaN and infinity among known pixels. A sum is the quickest way to see that there are none at all."""
    if picture.dtype.kind != "f":
        return
    rows = max(1, (1 << 20) // max(picture[0].size, 1))
    for top in range(0, picture.shape[0], rows):
        block = picture[top : top + rows]
        with np.errstate(all="ignore"):
            if math.isfinite(block.sum(dtype=np.float64)):
                continue
        bad = ~np.isfinite(block)
        if bad.ndim == 3:
            bad = bad.any(axis=2)
        bad &= ~hole[top : top + rows]
        if bad.any():
            y, x = np.argwhere(bad)[0]
            raise ImageError(
                f"The image has NaN or infinity among its known pixels (the first at row {top + y}, column {x}); mark "
                "such pixels in the mask, for example mask | ~np.isfinite(image), or replace them."
            )


def _checked_workers(workers: int | None) -> int:
    if workers is None:
        return usable_cores()
    if isinstance(workers, bool) or not isinstance(workers, (int, np.integer)):
        raise ParameterTypeError(f"workers must be a whole number of threads, not {workers!r}.")
    if workers < 1:
        raise ParameterError(f"workers={workers} is out of range: it must be 1 or more.")
    return int(workers)


def _check_seed(seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ParameterTypeError(f"seed must be a whole number, not {seed!r}.")
    if seed < 0:
        raise ParameterError(f"seed={seed} is out of range: it must be 0 or more.")


def load_kernels(method: Method) -> None:
    """Load a method's kernels, or compile them the first time, by filling a pixel.

    It takes a third of a second from the disk, which a caller can spend on reading files meanwhile.
    """
    hole = np.zeros((96, 96), np.bool_)
    hole[48, 48] = True
    inpaint(np.arange(hole.size * 3).astype(np.uint8).reshape(96, 96, 3), hole, method)  # a flat one skips steps
