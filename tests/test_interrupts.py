"""One Ctrl-C, or SIGTERM, ends the command line within a second, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import pyvips

from restauro.interrupts import ending_in_time, interruptible

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to the whole console")

SIGNALS = pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])

# libvips at work for minutes, in C.
BUSY = """
import os, sys, pyvips

def busy(*args, **options):
    os.write(1, b"begun\\n")  # at once: two threads may
    pyvips.Image.gaussnoise(200_000, 200_000).avg()
"""


def started(code: str, *arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """Run Python code in a process, with Ctrl-C as a terminal has it, up to its first line of output."""
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", heard + textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | environment,
    )
    assert process.stdout
    if process.stdout.readline() != "begun\n":
        process.kill()
        pytest.fail(process.communicate()[1])
    return process


def stopped(process: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """Ask a process to stop; return its status and what it says. The timeout is no measure of the second."""
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pyvips.Image.black(20, 30).linear(1, 90).cast("uchar").pngsave(str(tmp_path / "a.png"))
    pyvips.Image.black(20, 30).draw_rect(255, 4, 4, 3, 3, fill=True).pngsave(str(tmp_path / "mask.png"))
    return tmp_path


@SIGNALS
@pytest.mark.parametrize(
    ("command", "at"),
    [
        ("restore", "files.images.pixels_of"),
        ("restore", "files.png.save_png"),
        ("restore", "inpainting.load_kernels"),
        ("damage", "files.images.pixels_of"),
        ("damage", "files.png.save_png"),
    ],
)
def test_libvips_does_not_hold_it_up(folder: Path, number: int, status: int, command: str, at: str) -> None:
    module, _, name = f"restauro.{at}".rpartition(".")
    code = f"""
    import {module}
    import restauro.restoring
    for module in ({module}, restauro.restoring):
        if hasattr(module, {name!r}):
            setattr(module, {name!r}, busy)
    from restauro.__main__ import main
    sys.exit(main())
    """
    options = {"restore": "a.png --mask mask.png -o b.png", "damage": "a.png --kind losses -o b.png"}[command]
    process = started(BUSY + textwrap.dedent(code), command, *options.split(), folder=folder)
    found, said = stopped(process, number)
    assert (found, said.strip().partition(";")[0]) == (status, "Stopped")
    if command == "restore":  # damage may be met between two steps
        assert said == "Stopped; no file is half written.\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "mask.png"]


@SIGNALS
def test_it_stops_by_itself_where_it_can(folder: Path, number: int, status: int) -> None:
    code = """
    import sys, time
    import restauro.restoring, restauro.restoring_files
    def slow(*args, progress, **options):
        print("begun", flush=True)
        while True:
            progress(0.5)
            time.sleep(0.01)
    restauro.restoring.fill_and_count, restauro.restoring_files.load_kernels = slow, lambda method: None
    from restauro.__main__ import main
    sys.exit(main())
    """
    process = started(code, *["restore", "a.png", "--mask", "mask.png", "-o", "b.png"], folder=folder)
    found, said = stopped(process, number)
    assert (found, said.strip()) == (status, "Stopped; no file is half written.")
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "mask.png"]


def test_while_it_is_being_imported_there_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    code = "import sys; from restauro.__main__ import main; sys.exit(main())"
    process = started(code, "methods", folder=tmp_path, PYTHONPATH=str(tmp_path))
    assert stopped(process, signal.SIGINT) == (130, "Stopped; nothing was written.\n")


def test_work_that_must_come_to_a_good_end_may_take_its_time(tmp_path: Path) -> None:
    code = """
    import os, sys, time
    from restauro.interrupts import ending_in_time, interruptible
    with ending_in_time(lambda: print("cut off", flush=True)):
        with interruptible(patient=True) as asked:
            print("begun", flush=True)
            asked.wait()
        time.sleep(2)
        print("checkpoint", file=sys.stderr)
    """
    assert stopped(started(code, folder=tmp_path), signal.SIGTERM) == (0, "checkpoint\n")


def test_handlers_are_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with ending_in_time(lambda: None), interruptible():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1
