"""Measures what people meet first: the README's painting, a small picture, a stack of small ones; by all methods.

In one process and in turns, with one thread and with two. Processor seconds beside wall seconds: what else the machine
does matters less to them. With --beside, OpenCV and scikit-image fill the same.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

import _tables
import checkouts
import restauro
from restauro.numerics.kernel import MODE

SMALL, STROKES = "32, blob", "512, strokes"
STACK = 1000
# Microseconds a hole pixel of the README's painting, on one core; milliseconds of a picture of 32 x 32.
PAINTING_LIMITS = {"edge-enhancing": 3.0, "harmonic": 0.6, "biharmonic": 2.5, "navier-stokes": 6.0}
SMALL_LIMITS = {"telea": 0.2, "harmonic": 0.3, "edge-enhancing": 0.8}
TWO_THREADS = 1.7  # seconds for the default method; and how much faster a stack is
TIMES_SKIMAGE = 5.0
OPENCV_THERE = 0.075  # milliseconds that OpenCV's Telea takes for the small picture on the machine the limits are of
SHORTEST = 0.05  # seconds that a turn takes at least


@dataclass(frozen=True)
class Taken:
    """Seconds of one fill, each turn's."""

    wall: list[float]
    processor: list[float]

    @property
    def shown(self) -> tuple[float, float]:
        """The medians."""
        return statistics.median(self.wall), statistics.median(self.processor)


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, Taken]:
    """Measure several ways to do the same, in turns, there and back; the first turn isn't counted."""
    taken = {name: Taken([], []) for name in ways}
    for turn in range(-1, rounds):
        for name, work in list(ways.items())[:: -1 if turn % 2 else 1]:
            count, wall, processor = 0, time.perf_counter(), time.process_time()
            while not count or time.perf_counter() - wall < SHORTEST:
                work()
                count += 1
            if turn >= 0:
                taken[name].wall.append((time.perf_counter() - wall) / count)
                taken[name].processor.append((time.process_time() - processor) / count)
    return taken


def fills(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], methods: list[str], workers: int
) -> dict[str, Callable[[], object]]:
    return {name: partial(restauro.inpaint, image, mask, name, workers=workers) for name in methods}


def peers(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> dict[str, Callable[[], object]]:
    import cv2
    from skimage.restoration import inpaint_biharmonic

    marks = mask.astype(np.uint8)
    return {
        "OpenCV, Telea, radius 5": lambda: cv2.inpaint(image, marks, 5, cv2.INPAINT_TELEA),
        "OpenCV, Navier-Stokes": lambda: cv2.inpaint(image, marks, 5, cv2.INPAINT_NS),
        "scikit-image, biharmonic": lambda: inpaint_biharmonic(image, mask, channel_axis=2, split_into_regions=True),
    }


def picture_table(name: str, methods: list[str], rounds: int, *, beside: bool) -> str:
    image, mask = checkouts.example(name)
    pixels = np.count_nonzero(mask)
    one = in_turns(fills(image, mask, methods, 1) | (peers(image, mask) if beside else {}), rounds)
    two = in_turns(fills(image, mask, methods, 2), rounds)
    rows = []
    for way, taken in one.items():
        wall, processor = taken.shown
        limit = PAINTING_LIMITS.get(way) if name == checkouts.PAINTING else None
        target = _tables.met(1e6 * processor / pixels, limit, at_most=True) if limit else "-"
        numbers = [1e6 * processor / pixels, 1e6 * wall / pixels, wall]
        both = two[way].shown if way in two else None
        rows.append(
            [way, *(f"{number:.3f}" for number in numbers), *([f"{second:.3f}" for second in both] if both else "--"),
             f"{limit:g}: {target}" if limit else "-"]
        )  # fmt: skip
    head = ["way", "us/px, processor", "us/px, wall", "wall, s", "two threads: wall, s", "processor, s", "limit"]
    return f"{pixels:,} hole pixels of {image.shape[1]} x {image.shape[0]}.\n\n{_tables.table(head, rows)}"


def small_table(methods: list[str], rounds: int) -> str:
    image, mask = checkouts.example(SMALL)
    ways = fills(image, mask, methods, 1) | peers(image, mask)
    found, rows = in_turns(ways, rounds), []
    for way, taken in found.items():
        wall, processor = taken.shown
        limit = SMALL_LIMITS.get(way)
        target = f"{limit:g}: {_tables.met(1e3 * processor, limit, at_most=True)}" if limit else "-"
        rows.append([way, f"{1e3 * processor:.3f}", f"{1e3 * wall:.3f}", target])
    here = 1e3 * found["OpenCV, Telea, radius 5"].shown[1]
    compared = (
        f"The limits are of a machine on which OpenCV's Telea takes {OPENCV_THERE:g} ms for this picture; here it "
        f"takes {here / OPENCV_THERE:.1f} times as long, and so does most else."
    )
    return f"{_tables.table(['way', 'ms, processor', 'ms, wall', 'limit'], rows)}\n\n{compared}"


def stack_table(methods: list[str], rounds: int) -> str:
    image, mask = checkouts.example(SMALL)
    images, masks = np.stack([image] * STACK), np.stack([mask] * STACK)
    rows = []
    for method in methods:
        ways: dict[str, Callable[[], object]] = {
            "one by one": lambda method=method: [  # type: ignore[misc]
                restauro.inpaint(one, hole, method, workers=1) for one, hole in zip(images, masks, strict=True)
            ],
            "as a stack, one thread": partial(restauro.inpaint, images, masks, method, workers=1),
            "as a stack, two": partial(restauro.inpaint, images, masks, method, workers=2),
        }
        taken = in_turns(ways, rounds)
        faster = taken["one by one"].shown[0] / taken["as a stack, two"].shown[0]
        rows.append(
            [method, *(f"{one.shown[0]:.3f} ({one.shown[1]:.3f})" for one in taken.values()),
             f"{faster:.2f}", f"{TWO_THREADS:g}: {_tables.met(faster, TWO_THREADS)}"]
        )  # fmt: skip
    return _tables.table(["method", *ways, "times as fast", "limit"], rows)


def strokes_line(rounds: int) -> str:
    image, mask = checkouts.example(STROKES)
    known = peers(image, mask)["scikit-image, biharmonic"]
    taken = in_turns({"ours": partial(restauro.inpaint, image, mask, "biharmonic", workers=1), "theirs": known}, rounds)
    ours, theirs = (taken[name].shown[1] for name in ("ours", "theirs"))
    return (
        f"Biharmonic on strokes (10 % of 512 x 512): {ours:.3f} processor seconds, scikit-image's {theirs:.3f}, "
        f"{theirs / ours:.2f} times as long ({TIMES_SKIMAGE:g}: {_tables.met(theirs / ours, TIMES_SKIMAGE)})."
    )


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--methods", nargs="+", help="all that need no model")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--beside", action="store_true", help="OpenCV and scikit-image on the painting too (minutes)")
    arguments = options.parse_args()
    load = _tables.load_before()
    methods = arguments.methods or _tables.classical_methods()
    in_stack = [name for name in methods if name in SMALL_LIMITS]
    parts = [
        _tables.conditions(load, "restauro", "numpy", "opencv-contrib-python-headless", "scikit-image"),
        f"Medians of {arguments.rounds} rounds. Processor seconds are of all threads. Kernels: {MODE}.",
        "## The README's painting",
        picture_table(checkouts.PAINTING, methods, arguments.rounds, beside=arguments.beside),
        strokes_line(arguments.rounds),
        "## A picture of 32 x 32",
        small_table(methods, arguments.rounds),
        f"## {STACK:,} of them: wall seconds (processor seconds)",
        stack_table(in_stack, arguments.rounds),
    ]
    _tables.publish("everyday", "The first minutes: everyday pictures", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
