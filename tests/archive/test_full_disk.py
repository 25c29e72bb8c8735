"""Disks that are full: a picture that doesn't fit fails by itself, a ledger that doesn't stops the run; both go on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.archive.conftest import NAMES
from tests.panels import files_in, save

# Runs the command line, with files no larger than so many bytes.
LIMITED = """
import resource, sys
from restauro.__main__ import main
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(main())
"""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows knows no limits of files' sizes")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kilobytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def restore(limit: int, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        LIMITED,
        str(limit),
        "restore",
        "scans/",
        "--mask-dir",
        "masks/",
        "--method",
        "telea",
    ]
    return subprocess.run([*command, *more], check=False, capture_output=True, text=True, timeout=120)


def add_large(scans: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    save(scans / "scans/large.tif", noise)
    save(scans / "masks/large.png", np.where(noise > 250, 255, 0).astype(np.uint8))


def test_a_picture_that_does_not_fit_fails_by_itself(scans: Path) -> None:
    add_large(scans)
    first = restore(30_000, "-o", "out/")
    assert first.returncode == 1
    assert first.stderr.startswith("scans/large.tif: The picture can't be written to out/large.tif: ")
    assert sorted(os.listdir("out")) == NAMES
    assert all(len(data) > 5000 for data in files_in(scans / "out").values())


def test_a_ledger_that_does_not_fit_stops_the_run_which_goes_on_later(scans: Path) -> None:
    first = restore(12_000, "-o", "out/", "--ledger", "l.sqlite")
    assert first.returncode == 2
    assert "l.sqlite" in first.stderr
    assert "Traceback" not in first.stderr
    second = restore(10**9, "-o", "out/", "--ledger", "l.sqlite")
    assert (second.returncode, second.stderr) == (0, "")
    assert sorted(os.listdir("out")) == NAMES


def test_a_full_disk(scans: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(225_000))
    first = restore(10**9, "-o", str(small_disk / "out"), "--ledger", "l.sqlite")
    assert first.returncode == 1
    assert f"can't be written to {small_disk}/out/" in first.stderr
    assert "disk full: there is no room in" in first.stderr
    done = os.listdir(small_disk / "out")
    assert 0 < len(done) < len(NAMES)
    (small_disk / "filler").unlink()
    second = restore(10**9, "-o", str(small_disk / "out"), "--ledger", "l.sqlite")
    assert (second.returncode, second.stderr) == (0, "")
    assert sorted(os.listdir(small_disk / "out")) == NAMES
    assert f"{len(done)} done before" in second.stdout


def test_a_store_that_takes_no_more_is_said_and_tried_again_later(scans: Path, small_disk: Path) -> None:
    pytest.importorskip("fsspec", reason="needs the extra `cluster`: pip install 'restauro[cluster]'")
    (small_disk / "filler").write_bytes(bytes(225_000))
    where = ("-o", f"file://{small_disk}/out/", "--ledger", "l.sqlite")
    first = restore(10**9, *where)
    assert first.returncode == 1
    assert f"The store of file://{small_disk}/out/" in first.stderr
    assert "No space left on device" in first.stderr
    (small_disk / "filler").unlink()
    assert restore(10**9, *where).returncode == 0
    assert sorted(os.listdir(small_disk / "out")) == NAMES
