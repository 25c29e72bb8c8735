"""Large holes, each filled in a process of its own: seconds, and the memory beyond picture, mask and result."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import _processes
import _tables

# Each with the paths of picture and mask, and the method's name; what is printed last are the seconds of the fill.
# Without a fill the process has the same in memory, a copy in the place of the result.
_BEGIN = """
import sys, time
import numpy as np
import restauro
small = np.zeros((64, 64), bool)
small[20:40, 10:50] = True
restauro.inpaint(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8), small, sys.argv[3])
image, hole = np.load(sys.argv[1]), np.load(sys.argv[2])
start = time.perf_counter()
"""
_END = """
print(time.perf_counter() - start)
assert restored.shape == image.shape
"""
WITHOUT = f"{_BEGIN}restored = image.copy(){_END}"
FILL = f"{_BEGIN}restored = restauro.inpaint(image, hole, sys.argv[3]){_END}"
MAKE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import _large
_large.make(*sys.argv[1:])
"""

SQUARE, SMALLER, NET = "4096 square, a hole of 2048 square", "2048 square, a hole of 1024 square", "100 MP, net of 2 %"
CASES = {SQUARE: ("square", 4096), SMALLER: ("square", 2048), NET: ("cracks", 10_000)}
CHOSEN = {"harmonic": (SMALLER, SQUARE, NET), "biharmonic": (SMALLER, SQUARE)}
HEAD = ["method", "picture", "hole pixels", "seconds", "peak, GB", "bytes a hole pixel", "target"]


@dataclass(frozen=True)
class Limit:
    """What a fill may take at most: seconds, the process's peak in GB, bytes a hole pixel beyond the arrays."""

    seconds: float | None = None
    peak: float | None = None
    bytes: float | None = None


LIMITS = {("harmonic", SQUARE): Limit(seconds=3, peak=1), ("harmonic", NET): Limit(bytes=400)}


def make(picture: str, mask: str, damage: str, size: str) -> None:
    """Write the example, made larger, and a mask as arrays; print how many hole pixels there are."""
    import numpy as np

    import _masks
    import _pictures

    hole = (_masks.square(int(size), 0.25) if damage == "square" else _masks.cracks(int(size), 0.02)) != 0
    np.save(picture, _pictures.example(int(size)))
    np.save(mask, hole)
    print(int(hole.sum()))


def measure(folder: Path, case: str, methods: Sequence[str], rounds: int) -> list[list[str]]:
    """Return a row for every method that fills a case."""
    picture, mask = folder / "picture.npy", folder / "mask.npy"
    damage, size = CASES[case]
    made = _processes.run([_processes.PYTHON, "-c", MAKE, picture, mask, damage, str(size)])
    hole_pixels, rows = int(made.last_line), []
    for method in methods:
        arguments = [picture, mask, method]
        for _ in range(2):  # the first may compile
            without = _processes.run([_processes.PYTHON, "-c", WITHOUT, *arguments])
        filled = [_processes.run([_processes.PYTHON, "-c", FILL, *arguments]) for _ in range(rounds)]
        rows.append(row(method, case, hole_pixels, without, filled))
        print(*rows[-1], sep="  ", file=sys.stderr)
    return rows


def row(
    method: str, case: str, hole_pixels: int, without: _processes.Finished, filled: Sequence[_processes.Finished]
) -> list[str]:
    seconds = [float(one.last_line) for one in filled]
    peak = max(one.peak for one in filled)
    extra = (peak - without.peak) / hole_pixels
    limit = LIMITS.get((method, case), Limit())
    compared = [
        (statistics.median(seconds), limit.seconds, "s"),
        (peak / 1e9, limit.peak, "GB"),
        (extra, limit.bytes, "bytes"),
    ]
    verdicts = [f"{_tables.met(got, most, at_most=True)} ({most:g} {unit})" for got, most, unit in compared if most]
    sizes = [f"{hole_pixels:,}".replace(",", " "), _tables.median_and_range(seconds), f"{peak / 1e9:.2f}"]
    return [method, case, *sizes, f"{extra:.0f}", ", ".join(verdicts) or "-"]
