"""`python -m restauro`, and the command `restauro`: the command line as a process of its own."""

import os
import signal
import sys
import threading
from types import FrameType

from restauro.interrupts import end, ending_in_time, exit_status

_SOON = 0.25  # seconds
_INTERRUPTED = 130  # what the command line returns after any signal


def main() -> int:
    """Run the command line; one Ctrl-C or SIGTERM ends it within a second, and from here on without a traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, _end_before_work)
    from restauro.cli import main as run  # takes a moment

    signal.signal(signal.SIGINT, before)
    with ending_in_time(_leave):
        status = run()
    if status != _INTERRUPTED:
        return status
    _end_what_goes_on()
    return exit_status()


def _end_before_work(number: int, _: FrameType | None) -> None:
    os.write(2, b"Stopped; nothing was written.\n")
    os._exit(128 + number)


def _end_what_goes_on() -> None:
    """See that Python, which waits for processes and threads, doesn't wait long."""
    if "multiprocessing" in sys.modules:
        import multiprocessing

        for child in multiprocessing.active_children():
            child.kill()
    timer = threading.Timer(_SOON, end, [exit_status()])
    timer.daemon = True
    timer.start()


def _leave() -> None:
    """Clean up what the command, which is held up in a library, can't clean up itself."""
    if "restauro.files.replacing" in sys.modules:
        from restauro.files.replacing import remove_temporary

        remove_temporary()
    show_cursor = "\n\x1b[?25h" if sys.stderr.isatty() else ""
    os.write(2, f"{show_cursor}Stopped; no file is half written.\n".encode())


if __name__ == "__main__":
    raise SystemExit(main())
