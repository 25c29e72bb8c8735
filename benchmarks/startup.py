"""Measures how long restauro takes to start: the import, --help, --version, a first run that compiles, a second.

Needs Linux or macOS.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import cv2

import _masks
import _processes
import _tables

SIDE = 512
# Seconds that each may take at most.
TARGETS = {
    "python -c 'import restauro'": 0.3,
    "restauro --help": 0.7,
    "restauro restore, first run (compiles)": 15.0,
}
COMMANDS = {
    "python -c pass": [_processes.PYTHON, "-c", "pass"],
    "python -c 'import numpy'": [_processes.PYTHON, "-c", "import numpy"],
    "python -c 'import restauro'": [_processes.PYTHON, "-c", "import restauro"],
    "python -c 'from restauro import inpaint'": [_processes.PYTHON, "-c", "from restauro import inpaint"],
    "restauro --help": [_processes.RESTAURO, "--help"],
    "restauro --version": [_processes.RESTAURO, "--version"],
    "restauro restore --help": [_processes.RESTAURO, "restore", "--help"],
}


def measure_starts(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of all commands that compile nothing; they take turns, and one turn more doesn't count."""
    turns = [{what: _processes.run(command).seconds for what, command in COMMANDS.items()} for _ in range(rounds + 1)]
    return {what: [turn[what] for turn in turns[1:]] for what in COMMANDS}


def measure_restoring(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of restoring a small PNG without compiled kernels, and after that."""
    seconds: dict[str, list[float]] = {f"restauro restore, {run}": [] for run in ("first run (compiles)", "second run")}
    with tempfile.TemporaryDirectory(prefix="restauro-startup-") as name:
        folder = Path(name)
        picture, mask = folder / "picture.png", folder / "mask.png"
        painting = cv2.imread(str(_tables.PAINTING))
        assert painting is not None
        cv2.imwrite(str(picture), painting[:SIDE, :SIDE])
        cv2.imwrite(str(mask), _masks.cracks(SIDE, 0.02))
        for turn in range(rounds):
            for number, run in enumerate(seconds):
                target = folder / f"{turn}-{number}.png"
                command: list[str | Path] = [_processes.RESTAURO, "restore", picture, "--mask", mask, "-o", target]
                finished = _processes.run(command, NUMBA_CACHE_DIR=str(folder / f"kernels-{turn}"))
                seconds[run].append(finished.seconds)
    return seconds


def row(what: str, seconds: list[float]) -> list[str]:
    target = TARGETS.get(what)
    verdict = "-" if target is None else _tables.met(statistics.median(seconds), target, at_most=True)
    return [what, _tables.median_and_range(seconds), "-" if target is None else f"{target:g}", verdict]


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    load = _tables.load_before()
    seconds = measure_starts(arguments.rounds) | measure_restoring(arguments.rounds)
    rows = [row(what, measured) for what, measured in seconds.items()]
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numba', 'numpy', 'click', 'pyvips')}\n\n"
        f"Processes from start to end, in seconds: medians of {arguments.rounds}, in brackets the lowest and highest. "
        f"What is restored is a PNG of {SIDE} x {SIDE} pixels with 2 % cracks; before the first run the folder for "
        "compiled kernels is empty."
    )
    parts = [introduction, _tables.table(["what", "seconds", "at most", "target"], rows)]
    _tables.publish("startup", "Time to start", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
