"""Measures what is left of two threads when another program keeps a core busy: on the README's painting.

One thread and two take turns, first on the machine as it is, then beside a process that does nothing but compute.
Needs two cores. Wall seconds are what matters here; processor seconds say whether threads wait or work.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import _tables
import checkouts
import everyday
import restauro

LIMIT = 1.3  # times what one thread takes, beside a busy core


@contextmanager
def busy() -> Iterator[None]:
    """Keep a core busy, from when it computes on."""
    began = multiprocessing.Event()
    process = multiprocessing.Process(target=_compute, args=(began,), daemon=True)
    process.start()
    began.wait()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _compute(began: object) -> None:
    began.set()  # type: ignore[attr-defined]
    until = time.monotonic() + 3600
    while time.monotonic() < until:
        sum(range(10_000))


def measure(methods: list[str], rounds: int) -> list[list[str]]:
    image, mask = checkouts.example(checkouts.PAINTING)
    rows = []
    for method in methods:
        ways = {f"{workers}": partial(restauro.inpaint, image, mask, method, workers=workers) for workers in (1, 2)}
        alone = everyday.in_turns(ways, rounds)
        with busy():
            beside = everyday.in_turns(ways, rounds)
        shown = [taken[workers].shown for taken in (alone, beside) for workers in ("1", "2")]
        share = shown[3][0] / shown[0][0]
        cells = [f"{wall:.3f} ({processor:.3f})" for wall, processor in shown]
        rows.append([method, *cells, f"{share:.2f}", _tables.met(share, LIMIT, at_most=True)])
    return rows


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--methods", nargs="+", default=["telea", "harmonic", "edge-enhancing", "navier-stokes"])
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    load = _tables.load_before()
    head = [
        "method",
        "one thread, s",
        "two, s",
        "one, beside a busy core",
        "two, beside it",
        "two beside it / one alone",
    ]
    parts = [
        _tables.conditions(load, "restauro", "numpy"),
        f"Wall seconds, in brackets processor seconds; medians of {arguments.rounds} rounds. The limit: two threads "
        f"beside a busy core take at most {LIMIT:g} times what one takes on a machine that does nothing else.",
        _tables.table([*head, "limit"], measure(arguments.methods, arguments.rounds)),
    ]
    _tables.publish("busy", "Two threads when one core is busy", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
