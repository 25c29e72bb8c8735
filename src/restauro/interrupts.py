"""Ctrl-C as an event: it waits for a good place to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """While the body runs, Ctrl-C and a request to end set an event; a second one stops at once.

    A KeyboardInterrupt that is raised wherever the program happens to be can get lost: one that meets a library's
    callback from C (llvmlite has them while kernels are loaded) is printed and forgotten, and one that meets an import
    can leave its lock taken for ever.

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
        event.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, ask)
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
