"""What commands say: a line a file, or a JSON object a file; progress; that kernels are being compiled."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from restauro.cli.wording import printable, say, worded
from restauro.compiling import LOGGER
from restauro.interrupts import interruptible

if TYPE_CHECKING:
    from restauro.damage.damaging import Damaged
    from restauro.record import Restored


def as_line(restored: Restored) -> str:
    """Say in one line what was done to a file, or would be done."""
    share = restored.hole_pixels / (restored.width * restored.height)
    regions = count(restored.regions, "region")
    pixels = count(restored.hole_pixels, "pixel")
    target = printable(restored.target)
    if restored.changed_outside is None:
        return (
            f"{printable(restored.source)}: {restored.width} x {restored.height} pixels; {regions}, "
            f"{pixels} ({percent(share)}) would be filled by {_by(restored)} and written to {target}"
        )
    return (
        f"{target}: {regions}, {pixels} filled ({percent(share)}) by {_by(restored)} in {restored.seconds:.1f} s; "
        f"{_changed(restored.changed_outside, restored.counted_outside)}"
    )


def _by(restored: Restored) -> str:
    """Say what filled, of partial tone `tone`, and the method that was named only where too little is left; and how."""
    named = restored.method
    by = f"tone, {named} where nearly opaque" if restored.partial == "tone" and named != "tone" else named
    by = f"{by} with grain" if restored.grain else by
    natures = restored.natures
    if len(natures) > 1 and set(natures.values()) == {restored.hole_pixels}:
        return f"{by} ({' and '.join(sorted(natures))})"
    if len(natures) > 1:
        shares = (f"{nature} {count(pixels, 'pixel')}" for nature, pixels in natures.items())
        return f"{by} ({', '.join(shares)})"
    return f"{by} ({next(iter(natures))})" if natures else by


def damaged_as_line(damaged: Damaged) -> str:
    """Say in one line how a file was damaged."""
    share = damaged.hole_pixels / (damaged.width * damaged.height)
    return (
        f"{printable(damaged.target)}: {damaged.kind} of seed {damaged.seed}, "
        f"{count(damaged.hole_pixels, 'pixel')} ({percent(share)}) in {damaged.seconds:.1f} s; "
        f"{_changed(damaged.changed_outside, damaged.counted_outside)}"
    )


def error_as_json(source: Path, error: Exception) -> str:
    """Say what was wrong with a file as a JSON object in one line."""
    return json.dumps({"source": str(source), "error": worded(error).removeprefix(f"{source}: ")})


def _changed(pixels: int, outside: str) -> str:
    where = "the mask" if outside == "mask" else "the blocks that the holes touch"
    return f"{count(pixels, 'pixel')} changed outside {where}"


def count(number: int, what: str) -> str:
    """Write a number with spaces between thousands, and what is counted.

    >>> count(20412, "pixel"), count(1, "region")
    ('20 412 pixels', '1 region')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}".replace(",", " ")


def percent(share: float) -> str:
    """Write a share so that a small one isn't 0.

    >>> percent(0.019), percent(0.00012), percent(0)
    ('1.9 %', '0.012 %', '0 %')
    """
    value = 100 * share
    return f"{value:.1f} %" if value >= 0.95 else f"{value:.2g} %"


@contextmanager
def progress_bar(label: str, *, shown: bool) -> Iterator[Callable[[float], object]]:
    """Show a bar on a terminal while the body runs; yields what takes the fraction done.

    Ctrl-C raises KeyboardInterrupt there, or after the body, which then was not stopped but came to its end.
    """
    with _bar(printable(label), shown=shown) as show, interruptible() as asked:

        def progress(fraction: float) -> None:
            if asked.is_set():
                raise KeyboardInterrupt
            show(fraction)

        yield progress
    if asked.is_set():
        raise KeyboardInterrupt("the file at work was finished")


@contextmanager
def _bar(label: str, *, shown: bool) -> Iterator[Callable[[float], object]]:
    if not (shown and sys.stderr.isatty()):
        yield lambda fraction: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    here = sys.stdout.isatty()  # else what is printed while the bar is shown would be turned aside, to the terminal
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=here) as progress:
        task = progress.add_task(label, total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)


class _Announcement(logging.Handler):
    """Says on stderr, in the words of the log, that kernels are being compiled."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), err=True)


@contextmanager
def announce_compiling(*, quiet: bool = False) -> Iterator[None]:
    """While the body runs, say so on stderr, unless quiet, if kernels are compiled first."""
    handler = logging.NullHandler() if quiet else _Announcement()
    LOGGER.addHandler(handler)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.propagate = True
