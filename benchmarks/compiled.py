"""Compares kernels that were compiled ahead of time with Numba's: processor seconds of whole fills, and of a call.

One process a way, and they take turns, so that what else the machine does meets both. `python3 dev.py kernels` first.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import _masks
import _processes
import _tables

WAYS = {"compiled": {"RESTAURO_KERNELS": "compiled"}, "jit": {"RESTAURO_KERNELS": "jit"}}
METHODS = ("telea", "harmonic", "edge-enhancing")
SIDE, SMALL_HOLES = 1200, 3000
CALLS = 20_000


def large_holes() -> np.ndarray:
    return _masks.blobs(SIDE, 0.1)


def small_holes() -> np.ndarray:
    hole = np.zeros((SIDE, SIDE), bool)
    rng = np.random.default_rng(5)
    for top, left in rng.integers(0, SIDE - 5, (SMALL_HOLES, 2)):
        hole[top : top + 5, left : left + 5] = True
    return hole


def jobs() -> dict[str, Callable[[], Any]]:
    """Return what is measured: fills by one thread, and calls of a kernel of four arrays on nothing."""
    import restauro
    from restauro.numerics import edge_diffusion_kernels

    y, x = np.mgrid[:SIDE, :SIDE]
    image = (128 + 60 * np.sin(x / 17) + 50 * np.cos(y / 23 + x / 40))[:, :, None].repeat(3, axis=2)
    image = (image + np.random.default_rng(1).normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8)
    holes = {"large holes": large_holes(), f"{SMALL_HOLES} small holes": small_holes()}
    found: dict[str, Callable[[], Any]] = {
        f"{method}, {what}": lambda method=method, hole=hole: restauro.inpaint(image, hole, method, workers=1)
        for what, hole in holes.items()
        for method in METHODS
    }
    around, lengths, values = np.zeros((0, 3), np.int64), np.zeros(0, np.int64), np.zeros(0)
    call = edge_diffusion_kernels.add_holes

    def calls() -> None:
        for _ in range(CALLS):
            call(around, lengths, values, values)

    return found | {f"{CALLS} calls of a kernel": calls}


def serve() -> None:
    """Do each job whose name is read, and print its processor seconds and a digest; the first time isn't measured."""
    import hashlib

    named = jobs()
    for line in sys.stdin:
        began = time.process_time()
        result = named[line.rstrip("\n")]()
        seconds = time.process_time() - began
        digest = "" if result is None else hashlib.sha256(result.tobytes()).hexdigest()[:12]
        print(seconds, digest, flush=True)


def measure(rounds: int) -> tuple[dict[str, dict[str, list[float]]], dict[str, set[str]]]:
    """Return the processor seconds of every job, a list a way, and the digests of what was filled."""
    processes = {
        way: subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            env=os.environ | variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for way, variables in WAYS.items()
    }  # fmt: skip
    seconds: dict[str, dict[str, list[float]]] = {}
    digests: dict[str, set[str]] = {}
    for job in jobs():
        seconds[job] = {way: [] for way in WAYS}
        for turn in range(rounds + 1):
            for way, process in processes.items():
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(f"{job}\n")
                process.stdin.flush()
                took, _, digest = process.stdout.readline().partition(" ")
                if turn:
                    seconds[job][way].append(float(took))
                digests.setdefault(job, set()).add(digest.strip())
    for process in processes.values():
        process.communicate()
    return seconds, digests


def measure_starts(rounds: int) -> dict[str, list[float]]:
    """Return the wall seconds of restoring a small PNG in a process of its own."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="restauro-compiled-") as name:
        import cv2

        picture, mask = Path(name, "picture.png"), Path(name, "mask.png")
        painting = cv2.imread(str(_tables.PAINTING))
        assert painting is not None
        cv2.imwrite(str(picture), painting[:256, :256])
        cv2.imwrite(str(mask), _masks.cracks(256, 0.02))
        for turn in range(rounds + 1):
            for way, variables in WAYS.items():
                target = Path(name, f"{way}-{turn}.png")
                command = [_processes.RESTAURO, "restore", picture, "--mask", mask, "-o", target]
                finished = _processes.run(command, **variables)
                if turn:
                    seconds[way].append(finished.seconds)
    return seconds


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--serve", action="store_true")
    arguments = options.parse_args()
    if arguments.serve:
        serve()
        return
    load = _tables.load_before()
    starts = measure_starts(arguments.rounds)
    seconds, digests = measure(arguments.rounds)
    rows = []
    for job, measured in seconds.items():
        compiled, jit = (min(measured[way]) for way in WAYS)
        same = "-" if digests[job] == {""} else "yes" if len(digests[job]) == 1 else "no"
        rows.append([job, f"{compiled:.3f}", f"{jit:.3f}", f"{compiled / jit:.2f}", same])
    rows.append(
        ["restauro restore, 256 x 256, wall", *(f"{statistics.median(starts[way]):.2f}" for way in WAYS),
         f"{statistics.median(starts['compiled']) / statistics.median(starts['jit']):.2f}", "-"]
    )  # fmt: skip
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numba', 'numpy')}\n\nProcessor seconds of one thread, the least of "
        f"{arguments.rounds} rounds in which both ways take turns; {SIDE} x {SIDE} pixels, three bands of 8 bits. "
        "Numba compiles for this very processor, a library for its kind: results may then differ in rounding. The last "
        "row is the median of whole processes, with Numba's code kept on the disk."
    )
    parts = [introduction, _tables.table(["what", "compiled", "Numba", "ratio", "same bits"], rows)]
    _tables.publish("compiled", "Kernels compiled ahead of time", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
