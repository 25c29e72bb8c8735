"""Measures how fast all methods of restauro fill, beside their peers.

Small pictures in one process and in turns; large ones in processes of their own, with their memory. Needs Linux or
macOS, and 500 MB in the temporary folder.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import _large
import _masks
import _peers
import _pictures
import _tables
import _timing

DAMAGES: dict[str, Callable[[int], NDArray[np.uint8]]] = {
    "cracks 2 %": partial(_masks.cracks, share=0.02),
    "cracks 10 %": partial(_masks.cracks, share=0.10),
    "strokes 10 %": partial(_masks.strokes, share=0.10),
    "strokes 20 %": partial(_masks.strokes, share=0.20),
    "strokes 30 %": partial(_masks.strokes, share=0.30),
    "square 25 %": partial(_masks.square, share=0.25),
}
CASES = [(512, damage) for damage in DAMAGES] + [(1024, damage) for damage in ("cracks 2 %", "strokes 10 %")]
Case = tuple[int, str]
CRACKS_AND_SQUARE = [(512, damage) for damage in DAMAGES if not damage.startswith("strokes")]
STROKES = [(512, damage) for damage in DAMAGES if damage.startswith("strokes")]
# The cases that a peer fills; those that aren't here fill all.
FILLED_BY = {_peers.SKIMAGE: CRACKS_AND_SQUARE, _peers.PYPATCHMATCH: STROKES, _peers.PATCHMATCH_CYTHON: STROKES}
ROUNDS, SLOW_ROUNDS = 7, 3


@dataclass(frozen=True)
class Limit:
    """A method takes at most so many microseconds a hole pixel, or is at least so many times as fast as a peer."""

    method: str
    most: float | None = None
    peer: str | None = None
    times: float = 5
    cases: Sequence[Case] = tuple(CASES)


LIMITS = [
    Limit("harmonic", most=0.5),
    Limit("biharmonic", peer=_peers.SKIMAGE, cases=CRACKS_AND_SQUARE),
    Limit("edge-enhancing", most=6),
    Limit("navier-stokes", most=5, cases=[(1024, "strokes 10 %")]),
    Limit("coherence", most=1.5),
    Limit("patchmatch", peer=_peers.PYPATCHMATCH, cases=STROKES),
    Limit("patchmatch", peer=_peers.PATCHMATCH_CYTHON, cases=STROKES),
]

Seconds = dict[str, list[float]]  # of every way, a round each


def measure(ways: Sequence[str], case: Case, rounds: int, workers: int) -> tuple[int, Seconds]:
    """Return how many hole pixels a case has, and the seconds of all ways that fill it."""
    size, damage = case
    image, mask = _pictures.example(size), DAMAGES[damage](size)
    filling = {way: _peers.fill_of(way, workers) for way in ways if case in FILLED_BY.get(way, [case])}
    fewer = {way: SLOW_ROUNDS for way in filling if way in _peers.PEERS and _peers.PEERS[way].slow}
    seconds = _timing.interleaved({way: partial(fill, image, mask) for way, fill in filling.items()}, rounds, fewer)
    return int(np.count_nonzero(mask)), seconds


def a_pixel(hole_pixels: int, seconds: list[float]) -> float:
    """Return the median in microseconds a hole pixel."""
    return 1e6 * statistics.median(seconds) / hole_pixels


def times_table(ways: Sequence[str], found: dict[Case, tuple[int, Seconds]]) -> str:
    rows = [["hole pixels", *(f"{hole_pixels:,}".replace(",", " ") for hole_pixels, _ in found.values())]]
    for way in ways:
        cells = [f"{a_pixel(n, seconds[way]):.2f}" if way in seconds else "-" for n, seconds in found.values()]
        rows.append([_peers.label(way), *cells])
    return _tables.table(["us a hole pixel", *(f"{size}, {damage}" for size, damage in found)], rows)


def targets_table(found: dict[Case, tuple[int, Seconds]]) -> str:
    rows = []
    for limit in LIMITS:
        for case in [case for case in found if case in limit.cases]:
            hole_pixels, seconds = found[case]
            ways = [way for way in seconds if _peers.settings(way)[0] == limit.method]
            if limit.peer is None or limit.peer in seconds:
                picture = f"{case[0]}, {case[1]}"
                rows += [[_peers.label(way), picture, *_judged(limit, hole_pixels, seconds, way)] for way in ways]
    head = ["method", "picture", "measured", "at least", "at most", "target"]
    return _tables.table(head, rows, texts=2) if rows else "No target is set for these."


def _judged(limit: Limit, hole_pixels: int, seconds: Seconds, way: str) -> list[str]:
    if limit.most is not None:
        got = a_pixel(hole_pixels, seconds[way])
        cell = _tables.median_and_range([1e6 * one / hole_pixels for one in seconds[way]])
        return [f"{cell} us", "-", f"{limit.most:g} us", _tables.met(got, limit.most, at_most=True)]
    assert limit.peer is not None
    gains = [theirs / ours for theirs, ours in zip(seconds[limit.peer], seconds[way], strict=False)]
    verdict = _tables.met(statistics.median(gains), limit.times)
    return [f"{_tables.median_and_range(gains)} × {limit.peer}", f"{limit.times:g} ×", "-", verdict]


def small(arguments: argparse.Namespace) -> list[str]:
    """Measure all chosen cases in this process; return the parts of the page."""
    ways = [*arguments.methods, *arguments.peers]
    measure([way for way in ways if way not in FILLED_BY], (64, "square 25 %"), 1, arguments.workers)  # kernels load
    found = {}
    for case in CASES:
        if case[0] in arguments.sizes and case[1] in arguments.damages:
            found[case] = measure(ways, case, arguments.rounds, arguments.workers)
            hole_pixels, seconds = found[case]
            print(case, {way: round(a_pixel(hole_pixels, one), 2) for way, one in seconds.items()}, file=sys.stderr)
    explained = (
        "RGB, uint8. In one process all methods, as they are by default, and their peers take turns, there and back; "
        f"medians of {arguments.rounds} rounds, of {SLOW_ROUNDS} of peers that take seconds; in brackets the lowest "
        f"and highest, and gains of the same round. restauro with {arguments.workers} threads; all peers have one. "
        "Cracks are one connected net of lines 3 pixels wide, strokes are 10 to 40 pixels wide in 1024 and half as "
        f"wide in 512, the square is one hole. {_peers.SCIPY} assembles Laplace's equation and solves it by spsolve."
    )
    return ["## Time a hole pixel", explained, times_table(ways, found), targets_table(found)]


def large(arguments: argparse.Namespace) -> list[str]:
    """Measure the large holes, each in a process of its own; return the parts of the page."""
    chosen = {method: tuple(_large.CASES) for method in arguments.large} if arguments.large else _large.CHOSEN
    there = {method: cases for method, cases in chosen.items() if method in _tables.classical_methods()}
    rows = []
    with tempfile.TemporaryDirectory(prefix="restauro-classical-", dir=arguments.folder) as name:
        for case in _large.CASES:
            methods = [method for method, cases in there.items() if case in cases]
            rows += _large.measure(Path(name), case, methods, arguments.large_rounds) if methods else []
    explained = (
        f"RGB, uint8; each fill in a process of its own, medians of {arguments.large_rounds}, in brackets the lowest "
        "and highest; the highest peak of the process's resident memory, Python and compiled kernels included; and how "
        "much, a hole pixel, it lies above that of a process that does the same but copies the picture instead of "
        "filling it: what is needed beyond picture, mask and result. Kernels were compiled before."
    )
    return ["## Large holes", explained, _tables.table(_large.HEAD, rows, texts=2)] if rows else []


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--methods", nargs="*", default=_tables.classical_methods(), help="by default all but network")
    options.add_argument("--peers", nargs="*", default=list(_peers.PEERS), help="by default all")
    options.add_argument("--sizes", type=int, nargs="+", default=[512, 1024], help="sides of the pictures, pixels")
    options.add_argument("--damages", nargs="+", choices=DAMAGES, default=list(DAMAGES))
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--workers", type=int, default=_tables.cores(), help="threads of restauro: all cores")
    options.add_argument("--large", nargs="+", metavar="METHOD", help="fill all large holes with these, not the usual")
    options.add_argument("--large-rounds", type=int, default=3, help="0: no large holes")
    options.add_argument("--folder", type=Path, help="where to put large files: a temporary folder of the system")
    arguments = options.parse_args()
    packages = ["restauro", "numba", "numpy", "scipy", *{_peers.PEERS[peer].package for peer in arguments.peers}]
    introduction = _tables.conditions(_tables.load_before(), *dict.fromkeys(packages))
    of_large = large(arguments) if arguments.large_rounds else []  # first: a process's peak counts its parent's
    parts = [introduction, *(small(arguments) if arguments.rounds else []), *of_large]
    _tables.publish("classical", "Speed of all methods", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
