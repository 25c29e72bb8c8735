"""Measures how long restauro takes to start: the import, --help, --version, a small picture restored.

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
from restauro.numerics.kernel import MODE

SIDE = 512
RESTORE = "restauro restore"
# Seconds that each may take at most.
TARGETS = {
    "python -c 'import restauro'": 0.3,
    "restauro --help": 0.7,
    RESTORE: 0.35,
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
    """Return the seconds of all commands that restore nothing; they take turns, and one turn more doesn't count."""
    turns = [{what: _processes.run(command).seconds for what, command in COMMANDS.items()} for _ in range(rounds + 1)]
    return {what: [turn[what] for turn in turns[1:]] for what in COMMANDS}


def measure_restoring(rounds: int) -> dict[str, list[float]]:
    """Return the seconds of restoring a small PNG; one turn more doesn't count."""
    seconds = []
    with tempfile.TemporaryDirectory(prefix="restauro-startup-") as name:
        folder = Path(name)
        picture, mask = folder / "picture.png", folder / "mask.png"
        painting = cv2.imread(str(_tables.PAINTING))
        assert painting is not None
        cv2.imwrite(str(picture), painting[:SIDE, :SIDE])
        cv2.imwrite(str(mask), _masks.cracks(SIDE, 0.02))
        for turn in range(rounds + 1):
            command = [_processes.RESTAURO, "restore", picture, "--mask", mask, "-o", folder / f"{turn}.png"]
            seconds.append(_processes.run(command).seconds)
    return {RESTORE: seconds[1:]}


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
        f"{_tables.conditions(load, 'restauro', 'numpy', 'click', 'pyvips')}\n\n"
        f"Processes from start to end, in seconds: medians of {arguments.rounds}, in brackets the lowest and highest. "
        f"What is restored is a PNG of {SIDE} x {SIDE} pixels with 2 % cracks, by the default method; kernels: {MODE}."
    )
    parts = [introduction, _tables.table(["what", "seconds", "at most", "target"], rows)]
    _tables.publish("startup", "Time to start", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
