"""Waiting for kernels is said once and isn't counted as work."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from restauro import compiling


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Return a list of one number, the time."""
    time = [compiling.time.perf_counter()]
    with monkeypatch.context() as patch:
        patch.setattr(compiling.time, "perf_counter", lambda: time[0])
        yield time


def test_the_clock_stands_still_while_any_kernel_is_compiled(now: list[float]) -> None:
    start = compiling.clock()
    now[0] += 1
    assert compiling.clock() - start == pytest.approx(1)
    compiling.begin("One.")
    now[0] += 10
    compiling.begin("Another.")  # by another thread
    now[0] += 10
    compiling.end()
    now[0] += 10
    assert compiling.clock() - start == pytest.approx(1)
    compiling.end()
    now[0] += 2
    assert compiling.clock() - start == pytest.approx(3)
    with contextlib.suppress(KeyboardInterrupt), compiling.waiting("One."):
        now[0] += 10
        raise KeyboardInterrupt
    assert compiling.clock() - start == pytest.approx(3)


def test_each_reason_is_given_once(caplog: pytest.LogCaptureFixture) -> None:
    for note in ("First reason.", "First reason.", "Second reason."):
        with compiling.waiting(note):
            pass
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, "First reason."),
        (logging.WARNING, "Second reason."),
    ]


FILES = """
import sys, time
from pathlib import Path
import pyvips
from restauro.cli import main
folder = Path(sys.argv[1])
panel = folder / "panel.png"
pyvips.Image.black(80, 60).linear(1, 90).cast("uchar").pngsave(str(panel))
from numba.core.dispatcher import Dispatcher
compile_it = Dispatcher.compile

def slowly(*arguments):
    from numba.core import event
    Dispatcher.compile = compile_it  # once is enough
    with event.trigger_event("numba:compile"):
        time.sleep(1)
        return compile_it(*arguments)

Dispatcher.compile = slowly
start = time.perf_counter()
command = ["damage", str(panel), "--kind", "text", "-o", str(folder / "out.png"), "--json", *sys.argv[2:]]
print(main(command), time.perf_counter() - start)
"""
NOTE = (
    "Compiling kernels with Numba, the first time for this kind of picture: up to a minute for a method, kept for "
    "later runs.\n"
)


@pytest.mark.parametrize("quiet", [False, True])
def test_the_command_line_says_so_unless_quiet_and_counts_no_waiting(tmp_path: Path, *, quiet: bool) -> None:
    command = [sys.executable, "-c", FILES, str(tmp_path), *(["--quiet"] if quiet else [])]
    environment = {**os.environ, "RESTAURO_KERNELS": "jit", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ("" if quiet else NOTE)
    line, last = done.stdout.splitlines()
    status, elapsed = last.split()
    assert status == "0"
    assert float(elapsed) - json.loads(line)["seconds"] >= 1
