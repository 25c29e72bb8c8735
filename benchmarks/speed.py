"""Measures Telea's method against OpenCV's, in one process and interleaved.

A table of another OpenCV beside it, which needs an environment of its own with that OpenCV (and NumPy):

    python benchmarks/speed.py --only-opencv opencv5.json
    python3 dev.py bench speed --beside opencv5.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import _masks
import _pictures
import _tables
import _timing

ROUNDS = {512: 9, 2048: 5, 4096: 3}
DAMAGES: dict[str, Callable[[int], NDArray[np.uint8]]] = {
    "cracks 2 %": partial(_masks.cracks, share=0.02),
    "cracks 10 %": partial(_masks.cracks, share=0.10),
    "blobs 10 %": partial(_masks.blobs, share=0.10),
    "blobs 25 %": partial(_masks.blobs, share=0.25),
    "square 25 %": partial(_masks.square, share=0.25),
}
# How many times as fast as OpenCV: with one thread; with two, and with two in one square hole.
ONE_THREAD, TWO_THREADS, TWO_IN_SQUARE = 1.8, 3.4, 2.5
SMALL = 20_000  # hole pixels up to which there is no target

OPENCV, ONE, ALL = "OpenCV", "one", "all"


@dataclass(frozen=True)
class Case:
    """A picture [size, size, 3] with damage, and the radius to fill it with."""

    size: int
    damage: str
    radius: int
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    hole_pixels: int

    @property
    def key(self) -> list[Any]:
        """What the case is called in a file."""
        return [self.size, self.damage, self.radius]


def cases(sizes: list[int], radii: list[int], damages: list[str]) -> Iterator[Case]:
    for size in sizes:
        image = _pictures.example(size)
        for damage in damages:
            mask = DAMAGES[damage](size)
            for radius in radii:
                yield Case(size, damage, radius, image, mask, cv2.countNonZero(mask))


Way = Callable[[Case], object]


def opencv(case: Case) -> None:
    cv2.inpaint(case.image, case.mask, case.radius, cv2.INPAINT_TELEA)


def ours(case: Case, workers: int) -> None:
    import restauro

    restauro.inpaint(case.image, case.mask, "telea", radius=case.radius, workers=workers)


def measure(case: Case, ways: dict[str, Way], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every way, one a round; all ways take turns."""
    return _timing.interleaved({name: partial(fill, case) for name, fill in ways.items()}, rounds)


def row(case: Case, seconds: dict[str, list[float]]) -> list[str]:
    gains = {name: [a / b for a, b in zip(seconds[OPENCV], seconds[name], strict=True)] for name in (ONE, ALL)}
    medians = [statistics.median(seconds[name]) for name in (OPENCV, ONE, ALL)]
    return [
        *_names(case),
        f"{case.hole_pixels:,}".replace(",", " "),
        *(cell for median in medians for cell in _time_cells(median, case.hole_pixels)),
        *(_tables.median_and_range(gains[name]) for name in (ONE, ALL)),
        _verdict(case, statistics.median(gains[ONE]), statistics.median(gains[ALL])),
    ]


def _names(case: Case) -> list[str]:
    return [str(case.size), case.damage, str(case.radius)]


def _time_cells(seconds: float, hole_pixels: int) -> list[str]:
    return [f"{1e3 * seconds:.1f}", f"{1e6 * seconds / hole_pixels:.3f}"]


def _verdict(case: Case, one: float, two: float) -> str:
    if case.hole_pixels <= SMALL:
        return "-"
    wanted = TWO_IN_SQUARE if case.damage.startswith("square") else TWO_THREADS
    missed = [f"{got:.2f} of {target}" for got, target in ((one, ONE_THREAD), (two, wanted)) if got < target]
    return "missed: " + ", ".join(missed) if missed else "met"


def beside(measured: list[dict[str, Any]], case: Case, seconds: dict[str, list[float]]) -> list[list[str]]:
    """Return the row of a case in the table of another OpenCV: one, or none where that wasn't measured."""
    rows = []
    for other in measured:
        if other["case"] == case.key:
            a_pixel = other["seconds"] / other["hole_pixels"]  # lines may be drawn a little differently there
            gains = [a_pixel / (statistics.median(seconds[name]) / case.hole_pixels) for name in (ONE, ALL)]
            rows.append(
                [*_names(case), *_time_cells(other["seconds"], other["hole_pixels"]), *map("{:.2f}".format, gains)]
            )
    return rows


def only_opencv(chosen: list[Case], rounds: dict[int, int], path: Path) -> None:
    measured = []
    for case in chosen:
        seconds = statistics.median(measure(case, {OPENCV: opencv}, rounds[case.size])[OPENCV])
        measured.append({"case": case.key, "hole_pixels": case.hole_pixels, "seconds": seconds})
        print(case.key, f"{1e6 * seconds / case.hole_pixels:.3f} us/px", file=sys.stderr)
    path.write_text(json.dumps({"version": cv2.__version__, "cases": measured}), encoding="utf-8")


def compare(chosen: list[Case], rounds: dict[int, int], arguments: argparse.Namespace) -> None:
    load = _tables.load_before()
    other = json.loads(arguments.beside.read_text(encoding="utf-8")) if arguments.beside else {"cases": []}
    ways: dict[str, Way] = {
        ONE: partial(ours, workers=1),
        ALL: partial(ours, workers=arguments.workers),
        OPENCV: opencv,
    }
    rows, other_rows, warm = [], [], set()
    for case in chosen:
        if case.radius not in warm:  # kernels are compiled or loaded, threads started
            measure(next(cases([512], [case.radius], ["blobs 10 %"])), ways, 1)
            warm.add(case.radius)
        seconds = measure(case, ways, rounds[case.size])
        rows.append(row(case, seconds))
        print(*rows[-1], sep="  ", file=sys.stderr)
        other_rows += beside(other["cases"], case, seconds)
    parts = [_introduction(load, rounds), _tables.table(_head(arguments.workers), rows, texts=3)]
    if other_rows:
        head = ["size", "damage", "radius", "OpenCV ms", "us/px", "1 thread ×", f"{arguments.workers} threads ×"]
        parts += [
            f"OpenCV {other['version']} in a process of its own, against the times of restauro above:",
            _tables.table(head, other_rows, texts=3),
        ]
    _tables.publish("speed", "Speed of Telea's method against OpenCV's", parts, print_only=arguments.print_only)


def _introduction(load: str, rounds: dict[int, int]) -> str:
    times = ", ".join(f"{count} at {size}" for size, count in rounds.items())
    return (
        f"{_tables.conditions(load, 'restauro', 'numba', 'numpy', 'opencv-contrib-python-headless')}\n\n"
        "RGB, uint8. In one process restauro with one thread, restauro with all, and cv2.inpaint (INPAINT_TELEA, "
        f"always one thread) take turns, there and back; medians of the rounds ({times}), in brackets the lowest and "
        "highest. us/px: microseconds a hole pixel; ×: how many times as fast as OpenCV in the same round. Cracks are "
        "one connected net of lines 3 pixels wide, blobs are 5 to 40 pixels in radius, the square is one hole.\n\n"
        f"Targets, for more than 20 000 hole pixels: {ONE_THREAD} times with one thread, {TWO_THREADS} with two, "
        f"{TWO_IN_SQUARE} with two in the square."
    )


def _head(workers: int) -> list[str]:
    times = ["OpenCV ms", "us/px", "1 thread ms", "us/px", f"{workers} threads ms", "us/px"]
    return ["size", "damage", "radius", "hole pixels", *times, "1 thread ×", f"{workers} threads ×", "target"]


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=list(ROUNDS), help="sides of the pictures, pixels")
    options.add_argument("--radii", type=int, nargs="+", default=[3, 5])
    options.add_argument("--damages", nargs="+", choices=DAMAGES, default=list(DAMAGES))
    options.add_argument("--rounds", type=int, help="by default 9 at 512, 5 at 2048, 3 at 4096")
    options.add_argument("--workers", type=int, default=_tables.cores(), help="threads of restauro: all cores")
    options.add_argument("--only-opencv", type=Path, metavar="FILE", help="measure OpenCV alone, write to a JSON file")
    options.add_argument("--beside", type=Path, metavar="FILE", help="add a table of what --only-opencv wrote")
    arguments = options.parse_args()
    rounds = {size: arguments.rounds or ROUNDS.get(size, 3) for size in arguments.sizes}
    chosen = cases(arguments.sizes, arguments.radii, arguments.damages)
    if arguments.only_opencv:
        only_opencv(list(chosen), rounds, arguments.only_opencv)
    else:
        compare(list(chosen), rounds, arguments)


if __name__ == "__main__":
    main()
