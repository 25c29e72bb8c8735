"""What all benchmarks share: their options, the machine in words, tables in Markdown, where results go."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import statistics
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import restauro

CLONE = Path(__file__).resolve().parents[1]
FOLDER = Path("docs", "benchmarks")
PAINTING = CLONE / "examples" / "canaletto-damaged.jpg"

_QUIET = 0.3  # processes running beside, on average of the last minute, up to which times can be trusted


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--print-only", action="store_true", help="write no file (for trials)")
    return options


def classical_methods() -> list[str]:
    """Return the names of all methods that fill and need no model."""
    return [
        name for name in restauro.method_names() if restauro.method_class(name).nature not in ("learned", "corrects")
    ]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_before() -> str:
    """Say how busy the machine is; call it before the work."""
    if not hasattr(os, "getloadavg"):
        return "not known"
    load = os.getloadavg()[0]
    if load > _QUIET:
        print(f"The machine is busy (load {load:.2f}): times will be too long.", file=sys.stderr)
    return f"{load:.2f}"


def conditions(load: str, *packages: str) -> str:
    """Return what has to be known of a measurement: command, date, machine, versions, load before."""
    arguments = [Path(argument).name if os.sep in argument else argument for argument in sys.argv[1:]]
    command = shlex.join(["python3", "dev.py", "bench", Path(sys.argv[0]).stem, *arguments])
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    today = date.today()
    return (
        f"Made by `{command}` on {today.day} {today:%B %Y}. {_processor()}, {cores()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}. Load of the machine before: {load}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """Return a table in Markdown: the first columns are texts, the others numbers, to the right."""
    widths = [max(3, *(len(row[column]) for row in [head, *rows])) for column in range(len(head))]
    rules = ["-" * width if column < texts else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    lines = [
        [cell.ljust(width) if column < texts else cell.rjust(width) for column, (cell, width) in enumerate(padded)]
        for padded in (zip(row, widths, strict=True) for row in [head, *rows])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rules, *lines[1:]])


def median_and_range(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, and the lowest and highest in brackets."""
    lowest, median, highest = (f"{f(values):.{digits}f}" for f in (min, statistics.median, max))
    return f"{median} ({lowest}–{highest})"


def met(value: float, target: float, *, at_most: bool = False) -> str:
    """Say whether a target is met, or by how much it is missed."""
    missed = value - target if at_most else target - value
    return "met" if missed <= 0 else f"missed by {missed:.2f}"


def publish(name: str, title: str, parts: Sequence[str], *, print_only: bool) -> None:
    """Print results, and write them into docs/benchmarks."""
    text = "\n\n".join([f"# {title}", *parts]) + "\n"
    print(text)
    if not print_only:
        (CLONE / FOLDER).mkdir(exist_ok=True)
        (CLONE / FOLDER / f"{name}.md").write_text(text, encoding="utf-8")
        print(f"Written to {FOLDER / f'{name}.md'}", file=sys.stderr)
