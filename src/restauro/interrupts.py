"""Ctrl-C and requests to end: an event that waits for a good place to stop; an end in time where none comes."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_GRACE = 0.7  # seconds in which what is asked to stop may do so by itself
_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class _Asked:
    """The last signal, which decides the exit status; whether work is on, or was met, that must come to a good end."""

    number = int(signal.SIGINT)
    patient = 0
    spared = False


def exit_status() -> int:
    """Return the exit status of a process that stops because it was asked to: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + _Asked.number


@contextmanager
def interruptible(*, patient: bool = False) -> Iterator[threading.Event]:
    """While the body runs, Ctrl-C and a request to end set an event; a second one stops at once.

    A KeyboardInterrupt that is raised wherever the program happens to be can get lost: one that meets a library's
    callback from C (llvmlite has them while kernels are loaded) is printed and forgotten, and one that meets an import
    can leave its lock taken for ever.

    patient: what is asked to stop here may take longer than `ending_in_time` allows.

    Examples
    --------
    >>> with interruptible() as asked:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     asked.is_set()
    True
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals arrive there only
        yield event
        return

    def ask(number: int, _: FrameType | None) -> None:
        _Asked.number = number
        _Asked.spared |= patient
        event.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in _NUMBERS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, ask)
    _Asked.patient += patient
    try:
        yield event
    finally:
        _Asked.patient -= patient
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ending_in_time(leave: Callable[[], object]) -> Iterator[None]:
    """While the body runs, Ctrl-C and SIGTERM raise KeyboardInterrupt; where that isn't heeded, the process ends.

    Python heeds signals between two of its own steps only: not while a library works, which may take minutes, or while
    an executor waits for its threads. So a thread watches: if the body hasn't ended 0.7 s after a signal, it calls
    `leave`, to clean up, and ends the process with the status of the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: FrameType | None) -> None:
        _Asked.number = number
        raise KeyboardInterrupt

    ended = threading.Event()
    ear, mouth = socket.socketpair()  # Python writes a signal's number there at once, whatever is being done
    mouth.setblocking(False)
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    for number, handler in before.items():
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, interrupt)
    written_to = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(ear, ended, leave), daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(written_to)
        for number, handler in before.items():
            with suppress(TypeError):  # a handler that wasn't set from Python
                signal.signal(number, handler)
        mouth.close()
        watch.join()


def _watch(ear: socket.socket, ended: threading.Event, leave: Callable[[], object]) -> None:
    """Wait for a signal's number, and then for the end."""
    with ear:
        while number := ear.recv(1):
            if number[0] not in _NUMBERS or _Asked.patient or ended.wait(_GRACE) or _Asked.spared:
                continue
            leave()
            end(128 + number[0])


def end(status: int) -> None:
    """End the process without waiting for its threads."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)
