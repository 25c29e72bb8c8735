"""What the tests of training share: tiny pictures, a tiny preset, a way to run the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyvips

TINY = ("batch=4", "checkpoint_every=2", "log_every=2")


def make_pictures(folder: Path, count: int = 33, side: int = 32) -> Path:
    """Write pictures of two flat colours each: a network can learn them a little in some steps."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        pixels = np.empty((side, side, 3), np.uint8)
        pixels[:] = rng.integers(0, 256, 3)
        pixels[:, int(rng.integers(4, side - 4)) :] = rng.integers(0, 256, 3)
        image = pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")
        image.write_to_file(str(folder / f"{number:03}.png"))
    return folder


def arguments(
    data: Path, out: Path, *more: str, preset: str = "cifar10-course", settings: tuple[str, ...] = TINY
) -> list[str]:
    """Return the arguments of a tiny run on one thread."""
    chosen = [part for setting in settings for part in ("--set", setting)]
    always = ["--device", "cpu", "--workers", "1"]
    return ["train", "--preset", preset, "--data", str(data), "--out", str(out), *always, *chosen, *more]


def start(command: list[str], **options: object) -> subprocess.Popen[str]:
    """Start the program in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen([sys.executable, "-m", *command], env=environment, text=True, **options)  # type: ignore[call-overload,no-any-return]
