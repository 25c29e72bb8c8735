"""Pictures and masks from the standard input and pipes, and to the standard output: as processes of a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.panels import is_restored

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")


def umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def run(command: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which restauro is this one."""
    restauro_ = f"{shlex.quote(sys.executable)} -m restauro restore"
    line = command.replace("restore", restauro_, 1)
    return subprocess.run(["bash", "-c", line], capture_output=True, timeout=100, check=False, **options)


@pytest.fixture(autouse=True)
def temporary(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, in which nothing is left."""
    temporary = folder / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    yield temporary
    assert list(temporary.iterdir()) == []


def test_in_and_out(folder: Path) -> None:
    done = run("cat panel.tif | restore - --mask losses.png -o - --format png")
    assert done.returncode == 0
    (folder / "out.png").write_bytes(done.stdout)
    assert is_restored("out.png")
    assert done.stderr.decode().splitlines()[-1].startswith("-: 2 regions, 124 pixels filled")


def test_json_goes_where_the_report_goes() -> None:
    done = run("restore panel.tif --mask losses.png -o - --format tiff --json")
    assert done.stdout.startswith(b"II*")
    said = json.loads(done.stderr.decode().splitlines()[-1])
    assert (said["source"], said["target"], said["changed_outside"]) == ("panel.tif", "-", 0)


def test_quiet_leaves_the_picture_alone() -> None:
    done = run("restore panel.tif --mask losses.png -o - --format png --quiet")
    assert done.stdout.startswith(b"\x89PNG")
    assert done.stderr == b""


@pytest.mark.parametrize(
    "command",
    [
        "restore <(cat panel.tif) --mask losses.png -o out.tif",
        "restore panel.tif --mask <(cat losses.png) -o out.tif",
        "restore <(cat panel.tif) --mask <(cat losses.png) -o out.tif",
        "cat losses.png | restore panel.tif --mask - -o out.tif",
        "restore - --mask losses.png -o out.tif < panel.tif",
    ],
)
def test_pictures_and_masks_from_pipes(command: str) -> None:
    done = run(command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"out.tif: 2 regions")
    assert is_restored("out.tif")
    assert Path("out.tif").stat().st_mode & 0o777 == 0o666 & ~umask()


def test_a_dry_run_and_a_bad_picture_write_nothing() -> None:
    done = run("restore panel.tif --mask losses.png -o - --format png --dry-run")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"124 pixels (5.5 %) would be filled" in done.stderr
    done = run("head -c 300 panel.tif | restore - --mask losses.png -o - --format png")
    assert (done.returncode, done.stdout) == (2, b"")
    assert re.match(rb"-: The TIFF .*cut short", done.stderr)
    done = run("restore - --mask losses.png -o out.png < /dev/null")
    assert (done.returncode, done.stderr) == (2, b"-: The file is empty: get a complete copy.\n")


def test_a_reader_that_leaves_is_no_traceback() -> None:
    done = run("restore panel.tif --mask losses.png -o - --format png | true")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_nothing_comes_leaves_nothing(temporary: Path, number: int) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the signal is ignored here, also by what is started")
    command = [sys.executable, "-m", "restauro", "restore", "-", "--mask", "losses.png", "-o", "out.png"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(b"\x89PNG")
        process.stdin.flush()
        while not list(temporary.glob("*/input")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        process.wait(timeout=60)
        assert process.returncode == 128 + number
        assert process.stderr
        assert process.stderr.read() == b"\nStopped; no file is half written.\n"
    assert not Path("out.png").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_an_output_that_is_full_is_not_the_pictures_fault() -> None:
    done = run("restore panel.tif --mask losses.png -o - --format png > /dev/full")
    assert done.returncode == 2
    assert b"The standard output doesn't take the picture (No space left on device): send it elsewhere" in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_limit_on_what_comes_through_a_pipe_says_where_it_may_go() -> None:
    done = run("cat panel.tif | (ulimit -f 1; restore - --mask losses.png -o out.png)")
    assert done.returncode == 2
    assert re.search(rb"larger than a file may be in \S+temporary: set TMPDIR to another folder, raise", done.stderr)


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="/proc is Linux's")
def test_a_folder_in_which_no_file_can_be_made() -> None:
    done = run("restore panel.tif --mask losses.png -o /proc/o.png")
    assert done.returncode == 2
    assert b"/proc/o.png: no file can be made in /proc: choose another place." in done.stderr
