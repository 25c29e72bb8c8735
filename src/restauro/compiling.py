"""Waiting for kernels to be compiled: it is said once, and no work's seconds are longer for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("restauro.kernels")

_lock = threading.Lock()
_said: set[str] = set()
_at_once = 0  # compilers at work
_since = 0.0  # when the first of them began
_before = 0.0  # seconds, of those that have ended


def begin(note: str) -> None:
    """Count from now on as waiting, until `end`; warn of it, in the log, unless the same has been said before."""
    global _at_once, _since
    with _lock:
        if not _at_once:
            _since = time.perf_counter()
        _at_once += 1
        said = note in _said
        _said.add(note)
    if not said:
        LOGGER.warning(note)


def end() -> None:
    """Say that what `begin` was called for has ended."""
    global _at_once, _before
    with _lock:
        _at_once -= 1
        if not _at_once:
            _before += time.perf_counter() - _since


@contextmanager
def waiting(note: str) -> Iterator[None]:
    """Count the body as waiting."""
    begin(note)
    try:
        yield
    finally:
        end()


def clock() -> float:
    """Return the seconds since some moment, of a clock that stands still while any kernel is compiled.

    >>> with waiting("Compiling, as nothing else is done here."):
    ...     clock() == clock()
    True
    """
    with _lock:
        return (_since if _at_once else time.perf_counter()) - _before
