"""Measures how fast two checkouts fill the same pictures, in turns, each in a process of its own.

The other checkout is a folder that holds another state of this repository (`git worktree add ../before COMMIT`).
Processor seconds of one core (threads only where --workers asks for them): what else the machine does matters less.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import _masks
import _pictures
import _tables

MASK = _tables.CLONE / "examples" / "canaletto-mask.png"
SHORTEST = 0.1  # seconds that a round takes at least: small pictures are filled so many times
PAINTING = "README's painting"
PICTURES = (PAINTING, "512, cracks", "512, strokes", "512, square", "2048, cracks", "32, blob")


@lru_cache(maxsize=1)
def example(name: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a picture and its mask."""
    if name == PAINTING:
        mask = cv2.imread(str(MASK), cv2.IMREAD_GRAYSCALE)
        assert mask is not None
        return _pictures.read(_tables.PAINTING), mask > 127
    side, damage = name.split(", ")
    size = int(side)
    drawn = {
        "cracks": lambda: _masks.cracks(size, 0.1),
        "strokes": lambda: _masks.strokes(size, 0.1),
        "square": lambda: _masks.square(size, 0.25),
        "blob": lambda: _masks.square(size, 0.06),
    }[damage]()
    return _pictures.example(size), drawn > 0


def serve(workers: int) -> None:
    """Fill what each line of the input names; answer with the processor seconds of one fill."""
    import restauro

    for line in sys.stdin:
        method, picture = line.rstrip("\n").split("\t")
        image, mask = example(picture)
        begun, count = time.process_time(), 0
        while not count or time.process_time() - begun < SHORTEST:
            restauro.inpaint(image, mask, method, workers=workers)
            count += 1
        print((time.process_time() - begun) / count, flush=True)


@contextmanager
def served(checkout: Path, workers: int) -> Iterator[subprocess.Popen[str]]:
    """Yield a process that runs a checkout's code, and answers."""
    source = checkout / "src"
    if not (source / "restauro").is_dir():
        sys.exit(f"There is no src/restauro in {checkout}: give the folder of a checkout.")
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--workers", str(workers), str(checkout)],
        env={**os.environ, "PYTHONPATH": str(source)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process


def ask(process: subprocess.Popen[Any], method: str, picture: str) -> float:
    """Return the processor seconds that a process takes for a fill."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{method}\t{picture}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        sys.exit(f"{method} on {picture} failed.")
    return float(answer)


def measure(checkouts: list[Path], methods: list[str], pictures: list[str], rounds: int, workers: int) -> str:
    """Return a table of the medians of both, in microseconds a hole pixel, and their ratio."""
    rows = []
    with ExitStack() as stack:
        processes = [stack.enter_context(served(checkout, workers)) for checkout in checkouts]
        for picture in pictures:
            pixels = np.count_nonzero(example(picture)[1])
            for method in methods:
                seconds: list[list[float]] = [[], []]
                for turn in range(-1, rounds):  # the first loads kernels
                    for which in (0, 1) if turn % 2 else (1, 0):
                        taken = ask(processes[which], method, picture)
                        if turn >= 0:
                            seconds[which].append(taken)
                before, now = (1e6 * median(one) / pixels for one in seconds)
                ratios = sorted(b / a for a, b in zip(*seconds, strict=True))
                low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
                least = min(seconds[1]) / min(seconds[0])
                rows.append(
                    [picture, method, f"{before:.3f}", f"{now:.3f}", f"{100 * (median(ratios) - 1):+.1f} %",
                     f"{100 * (low - 1):+.1f} to {100 * (high - 1):+.1f} %", f"{100 * (least - 1):+.1f} %"]
                )  # fmt: skip
                print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    head = ["picture", "method", "before, us a hole pixel", "now", "median of ratios", "middle half", "shortest"]
    return _tables.table(head, rows, texts=2)


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("checkout", type=Path, help="the other one, with what was before")
    options.add_argument("--methods", nargs="+", help="all that need no model")
    options.add_argument("--pictures", nargs="+", default=list(PICTURES), choices=PICTURES)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.serve:
        serve(arguments.workers)
        return
    load = _tables.load_before()
    both = [arguments.checkout, _tables.CLONE]
    methods = arguments.methods or _tables.classical_methods()
    table = measure(both, methods, arguments.pictures, arguments.rounds, arguments.workers)
    parts = [
        _tables.conditions(load, "numpy", "numba"),
        f"{arguments.rounds} rounds, {arguments.workers} thread(s); medians of processor seconds. The ratios are of "
        "the two fills of a round; *shortest* compares the quickest of each.",
        table,
    ]
    _tables.publish("checkouts", "Two states of restauro, in turns", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
