"""Mutated picture files: `dev.py bench fuzzing`, a few of each format, and that it sees what fails."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("files are tried in forked processes", allow_module_level=True)
import fuzzing

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzzing.py"


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzzing.FORMATS)
def test_mutated_files_end_in_a_result_or_a_sentence(kind: str) -> None:
    """In a process of its own: this one has threads of libvips, which don't outlive a fork."""
    command = [sys.executable, SCRIPT, kind, "--count", "60", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{kind}: 60 files, ")


def test_a_seed_makes_the_same_files() -> None:
    files = [bytes(range(256)) * 4, b"\x89PNG" + bytes(300)]
    made = [[fuzzing.mutated(random.Random(f"png {seed}"), files) for seed in range(30)] for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) == 30


FAILING = """
import os, sys, tempfile
from pathlib import Path
import fuzzing
def read(path):
    {act}
fuzzing.read_picture, fuzzing._WALL, fuzzing.BYTES = read, 5, 1 << 26
with tempfile.TemporaryDirectory() as folder:
    outcome = fuzzing.tried(b"any", "any", Path(folder))
    print(outcome.kind, outcome.failed, os.listdir(folder))
"""


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("raise KeyError", "traceback True"),
        ("os.abort()", "crash True"),
        ("while True: pass", "hang True"),
        ("b'.' * (1 << 27); raise fuzzing.RestauroError('no')", "refused True"),
        ("(Path(path).parent / 'left').mkdir(); raise fuzzing.RestauroError('no')", "refused False"),
    ],
    ids=["traceback", "crash", "hang", "memory", "refusal"],
)
def test_failures_are_seen(act: str, kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING.format(act=act)], cwd=SCRIPT.parent, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{kind} []\n", done.stderr
