"""Programs run as processes of their own: how long they take, how much memory they hold at most."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
RESTAURO = str(Path(sys.executable).with_name("restauro"))


@dataclass(frozen=True)
class Finished:
    """What a process took: seconds from start to end, the peak of its resident memory in bytes; what it printed."""

    seconds: float
    peak: int
    output: str

    @property
    def last_line(self) -> str:
        """What was printed last."""
        return self.output.splitlines()[-1]


def run(command: Sequence[str | Path], **variables: str) -> Finished:
    """Run a program to its end, with environment variables of its own; stop everything if it fails.

    The system counts a child's peak from its parent's on: a benchmark that measures memory must stay small itself.
    """
    os.sync()  # so that no file of an earlier program is still being written
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with status {process.returncode}:\n{output}")
    return Finished(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), output)
