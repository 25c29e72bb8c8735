"""Measures how long a fill goes on after it is cancelled: every method, on a net of cracks, stopped at many moments."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import numpy as np

import _masks
import _pictures
import _tables
import restauro
from restauro.inpainting import load_kernels
from restauro.method import Method, make_method

SIZE, SHARE, MOMENTS = 1500, 0.3, 20
TARGET = 0.2  # seconds


class EnoughError(Exception):
    """Somebody pressed the button."""


def cancelled(image: _pictures.Picture, hole: np.ndarray, method: Method, after: float) -> tuple[float, float] | None:
    """Return the seconds from an exception in `progress`, so long after the start, to its arrival; None: too late.

    The second number is the processor's seconds, of all threads, which say more on a machine that is busy.
    """
    begun, raised, work = time.perf_counter(), 0.0, 0.0

    def progress(fraction: float) -> None:
        nonlocal raised, work
        raised, work = time.perf_counter(), time.process_time()
        if fraction < 1 and raised - begun >= after:
            raise EnoughError

    try:
        restauro.inpaint(image, hole, method, progress=progress)
    except EnoughError:
        return time.perf_counter() - raised, time.process_time() - work
    return None


def row(image: _pictures.Picture, hole: np.ndarray, method: Method, moments: int) -> list[str]:
    """Return what a table says of one method."""
    if method.name != "network":
        load_kernels(method)
    begun = time.perf_counter()
    restauro.inpaint(image, hole, method, progress=lambda fraction: None)
    whole = time.perf_counter() - begun
    tried = (cancelled(image, hole, method, whole * moment / moments) for moment in range(moments))
    found = [seconds for seconds in tried if seconds is not None] or [(0.0, 0.0)]
    waits, works = zip(*found, strict=True)
    middle, longest, work = statistics.median(waits), max(waits), max(works)
    verdict = _tables.met(longest, TARGET, at_most=True)
    print(method.name, f"{whole:.2f} s, {longest:.3f} s, of processors {work:.3f} s", file=sys.stderr)
    return [method.name, f"{whole:.2f}", str(len(found)), f"{middle:.3f}", f"{longest:.3f}", f"{work:.3f}", verdict]


def main() -> None:
    """Measure and publish."""
    options = _tables.parser(__doc__)
    options.add_argument("--size", type=int, default=SIZE, help=f"side of the picture; {SIZE}")
    options.add_argument("--share", type=float, default=SHARE, help=f"of its pixels that are cracks; {SHARE:g}")
    options.add_argument("--moments", type=int, default=MOMENTS, help=f"at which each fill is cancelled; {MOMENTS}")
    options.add_argument("--methods", nargs="+", default=_tables.classical_methods(), help="all but network")
    options.add_argument("--model", type=Path, help="measures network with this model too")
    chosen = options.parse_args()
    load = _tables.load_before()
    image, hole = _pictures.example(chosen.size), _masks.cracks(chosen.size, chosen.share) != 0
    methods = [make_method(name, {}) for name in chosen.methods]
    if chosen.model:
        methods.append(make_method("network", {"model": str(chosen.model)}))
    rows = [row(image, hole, method, chosen.moments) for method in methods]
    head = [
        "method",
        "whole fill, s",
        "times cancelled",
        "median, s",
        "longest, s",
        "processor, s",
        f"target ({TARGET:g} s)",
    ]
    told = (
        f"{_tables.conditions(load, 'restauro', 'numba')}\n\nThe example painting, {chosen.size} x {chosen.size}, with "
        f"a net of cracks on {100 * chosen.share:g} % of it. An exception is raised in `progress` at moments spread "
        "over the fill; the seconds are those until it arrives. Kernels were loaded before."
    )
    _tables.publish("cancelling", "Cancelling", [told, _tables.table(head, rows)], print_only=chosen.print_only)


if __name__ == "__main__":
    main()
