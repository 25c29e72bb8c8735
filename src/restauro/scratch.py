"""Arrays that lie in files: of pictures too large for memory, which are worked on as all others are.

While `on_disk` says where, arrays of a picture's size are made there. The system reads and writes the parts of them
that are looked at, and keeps of them what there is memory for.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from restauro.errors import ParameterError, WriteError

Result = TypeVar("Result")

VARIABLE = "RESTAURO_MEMORY"  # bytes that pictures may take, where that isn't to be asked of the system

_FREE = 0.75  # the share of what is free that pictures may take: there are other programs
_LEAST = 32 << 20  # bytes that are always there
_SHARE = 1 / 3  # of what pictures may take: those that take more lie in files
_SMALL = 16 << 20  # bytes of an array that stays in memory
_HELD, _INTERVAL = 128 << 20, 0.05  # bytes of files that this process keeps, and the seconds between two looks
_STEP = 1 << 24

# Where arrays are made now, and from how many bytes on: of each piece of work by itself.
_place: ContextVar[tuple[Path, int] | None] = ContextVar("place", default=None)
_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_changing = threading.Lock()


def usable_memory() -> int:
    """Return how many bytes pictures may take: three quarters of what is free, within the container's limit.

    The environment's RESTAURO_MEMORY, in bytes, goes before.

    Raises
    ------
    ParameterError
        That is no number.
    """
    if said := os.environ.get(VARIABLE, ""):
        if not said.isdecimal():
            raise ParameterError(f"{VARIABLE} is {said!r}, and it must be a number of bytes, such as 4000000000.")
        return max(int(said), _LEAST)
    free = _free()
    limit = _read_number("/sys/fs/cgroup/memory.max")
    if limit is not None:
        free = min(free, limit - (_read_number("/sys/fs/cgroup/memory.current") or 0))
    return max(int(_FREE * free), _LEAST)


def is_large(pixels: int, size: int) -> bool:
    """Whether a picture, its mask and its result take more than a third of the memory that pictures may take.

    pixels, size: how many pixels it has, and how many bytes these take.
    """
    taken = 2 * size + pixels
    return taken > _SMALL and taken > _SHARE * usable_memory()


@contextmanager
def on_disk(folder: Path, least: int = _SMALL) -> Iterator[None]:
    """Have arrays of a picture's size made in files of a folder; these have no names, and go when the arrays do.

    It is said to this thread, and to others that do what `carried` returns.

    least: bytes from which arrays are; smaller ones stay in memory.

    Examples
    --------
    >>> with on_disk(Path(tempfile.gettempdir()), least=0):
    ...     some = zeros((2, 3), np.uint16)
    >>> some[1] += 7
    >>> some
    array([[0, 0, 0],
           [7, 7, 7]], dtype=uint16)
    >>> is_on_disk(some[:, 1:]), is_on_disk(np.zeros(3))
    (True, False)
    """
    before = _place.set((folder, least))
    try:
        yield
    finally:
        _place.reset(before)


def carried(step: Callable[..., Result]) -> Callable[..., Result]:
    """Return a step that makes arrays where this thread does now, for another thread to do, once.

    >>> with on_disk(Path("scratch"), least=0):
    ...     step = carried(place_for)
    >>> step((3, 4), np.uint8)
    PosixPath('scratch')
    """
    return partial(copy_context().run, step)


def zeros(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros: in a file where `on_disk` says so and it is large, else in memory.

    Raises
    ------
    WriteError
        See `new_file`.
    """
    place = place_for(shape, dtype)
    if place is None:
        return np.zeros(shape, dtype)
    with new_file(place, math.prod(shape) * np.dtype(dtype).itemsize) as file:
        return mapped(file, shape, dtype)


def contiguous(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in C order: itself, or a copy where `zeros` would make one."""
    if array.flags.c_contiguous:
        return array
    copy = zeros(array.shape, array.dtype)
    copy[:] = array
    return copy


def place_for(shape: tuple[int, ...], dtype: DTypeLike) -> Path | None:
    """Return the folder where an array is to lie in a file; None where it is to lie in memory."""
    if (place := _place.get()) is None:
        return None
    folder, least = place
    return folder if 0 < math.prod(shape) * np.dtype(dtype).itemsize >= least else None


@contextmanager
def new_file(folder: Path, size: int) -> Iterator[IO[bytes]]:
    """Give a file without a name, of zeros, whose room on the disk is taken.

    A write into a mapping for which there is no room would end the process.

    Raises
    ------
    WriteError
        The disk hasn't enough room, or the folder may not be written to.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder, buffering=0))
            _take_room(file, size)
        except OSError as error:
            raise WriteError(
                f"A picture so large is worked on in a file, of {size / 1e9:.1f} GB beside the result, and none can be "
                f"made in {folder} ({error.strerror}): make room, or choose another place."
            ) from None
        yield file


def _take_room(file: IO[bytes], size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for _ in range(-(-size // _STEP)):
        file.write(bytes(_STEP))
    file.seek(0)
    file.truncate(size)


def mapped(file: IO[bytes], shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return what a file holds as an array, that can be written to; the file may be closed."""
    held = mmap.mmap(file.fileno(), math.prod(shape) * np.dtype(dtype).itemsize)
    let_go_of(held)
    array: NDArray[Any] = np.frombuffer(held, dtype).reshape(shape)
    return array


def let_go_of(held: mmap.mmap) -> None:
    """Have what is looked at of a file's mapping taken out of this process's memory, as long as it is open."""
    with _changing:
        is_first = not _maps
        _maps.add(held)
    if is_first and sys.platform == "linux":
        threading.Thread(target=_let_go, name="restauro-scratch", daemon=True).start()


def is_on_disk(array: NDArray[Any]) -> bool:
    """Whether an array, or what it is a view of, lies in a file."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


def give_back() -> None:
    """Have memory that was freed go back to the system: of arrays of some megabytes glibc keeps it for later ones."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def _let_go() -> None:
    """Take what was looked at of files out of this process's memory, while there are any: the system has it still."""
    while True:
        with _changing:
            held = list(_maps)
        if not held:
            return  # the next mapping is a first one again
        if (_of_files() or _HELD + 1) > _HELD:
            for one in held:
                with suppress(ValueError):  # it is closed
                    one.madvise(mmap.MADV_DONTNEED)
        del held
        one = None  # type: ignore[assignment]
        time.sleep(_INTERVAL)


def _of_files() -> int | None:
    """Return how many bytes of files this process has in its memory."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[2]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return None


def _free() -> int:
    if sys.platform == "linux":
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) // 2
    return 4 << 30


def _read_number(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max"
        return None
