"""What an evaluation found, as tables in Markdown: means with intervals, and which differences can be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from restauro.evaluation import lpips, metrics, statistics
from restauro.evaluation.metrics import METRICS, Metric
from restauro.evaluation.references import labels_of
from restauro.evaluation.statistics import Estimate
from restauro.ledger import Row

_RATIO = "ratio"


# The explanation that every set of tables has.
LEGEND = (
    "Means over pictures of 8-bit results with all known pixels pasted back, each with its 95 % interval (bootstrap "
    "over pictures). L1 is the mean absolute error in percent of the range. Errors in holes are pooled over all hole "
    "pixels of all pictures; RMSE is in levels of 255. PSNR counts as {most:g} dB at most, for that of an exact "
    "restoration is infinite; {exact}. SSIM is scikit-image's (Gaussian window, sigma 1.5). LPIPS is "
    "version 0.1 with SqueezeNet 1.1, lower is better; it may be used to choose, and AlexNet's is the witness that "
    "nothing is chosen by. Seconds a megapixel of hole are processor time of one thread. "
    "Differences are paired, picture by picture; a way is called better or worse only where the "
    f"interval leaves out 0, of {statistics.FEW} pictures or more."
)


def report(rows: Sequence[Row], ways: Sequence[str], settings: Mapping[str, Any], about: str) -> str:
    """Return all tables of an evaluation in Markdown.

    Parameters
    ----------
    rows
        As `running.run` returns them.
    ways
        In the order of the tables.
    settings
        The run's.
    about
        A paragraph about what was evaluated.
    """
    names = labels_of(ways)
    good = [row for row in rows if not row["error"]]
    exact = sum(row["l1"] == 0 for row in good)
    legend = LEGEND.format(
        most=metrics.EXACT_PSNR, exact=f"{exact:,} of {len(good):,} are exact" if exact else "none is exact here"
    )
    parts = [about, legend, *_empty_columns(settings), *_failures(rows, names)]
    sections = _sections(good)
    if any(len({row["picture"] for row in section}) < statistics.FEW for section in sections.values()):
        parts.append(
            f"Of fewer than {statistics.FEW} pictures the intervals are too narrow to be trusted, and no way is called "
            "better or worse."
        )
    parts += _together(rows, names)
    for title, section in sections.items():
        ratio = np.mean([row[_RATIO] for row in section])
        count = len({row["picture"] for row in section})
        pictures = f"{count:,} picture{'s' * (count > 1)}, {ratio:.1%} hole on average."
        parts += [f"## {title}", pictures, _table(section, names),
                  *_verdicts(section, names)]  # fmt: skip
    return "\n\n".join(["# Methods compared", *parts]) + "\n"


def _together(rows: Sequence[Row], names: Mapping[str, str]) -> list[str]:
    """Return the table of all bins, where there are several; of ways that failed on some mask it would not be fair."""
    in_bins = [row for row in rows if row["bin"]]
    if len({row["mask"] for row in in_bins}) < 2:
        return []
    failed = {row["way"] for row in in_bins if row["error"]}
    left = {way: name for way, name in names.items() if way not in failed}
    if not left:
        return []
    means = _by_picture([row for row in in_bins if row["way"] not in failed])
    out = [name for way, name in names.items() if way in failed]
    note = [f"Without {', '.join(out)}, which failed on some masks."] if out else []
    return ["## All bins together", *note, _table(means, left), *_verdicts(means, left)]


def pooled(rows: Sequence[Row]) -> tuple[float, float, float]:
    """Return L1 (%) and RMSE (of 255) over all hole pixels together, and seconds a megapixel of hole.

    >>> rows = [{"hole_pixels": 1, "l1_hole": 4.0, "rmse_hole": 3.0, "seconds": 1e-6},
    ...         {"hole_pixels": 3, "l1_hole": 0.0, "rmse_hole": 0.0, "seconds": 3e-6}]
    >>> pooled(rows)
    (1.0, 1.5, 1.0)
    """
    pixels = np.array([row["hole_pixels"] for row in rows], np.float64)
    l1, rmse, seconds = (
        np.array([row[name] for row in rows], np.float64) for name in ("l1_hole", "rmse_hole", "seconds")
    )
    total = pixels.sum()
    squares = (np.square(rmse) * pixels).sum() / total
    return float((l1 * pixels).sum() / total), float(np.sqrt(squares)), float(1e6 * seconds.sum() / total)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown: the first column text, the others to the right."""
    widths = [max(3, *(len(row[column]) for row in [head, *rows])) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(head), line(rule), *map(line, rows)])


def _sections(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each table, in the order in which they come."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_title(row), []).append(row)
    return found


def _title(row: Row) -> str:
    if not row["bin"]:
        return (
            str(row["mask"]).capitalize() if row["mask"] == row["kind"] and "." not in row["mask"] else str(row["mask"])
        )
    low, high = (100 * float(part) for part in row["bin"].split("-"))
    where = "near the border too" if row["border"] else "away from the border"
    return f"{row['kind'].capitalize()}, {low:g} to {high:g} %, {where}"


def _by_picture(rows: Sequence[Row]) -> list[Row]:
    """Return a row for each picture and way: the means over its masks, so that pictures stay what is drawn again."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["picture"], row["way"]), []).append(row)
    found = []
    for (picture, way), group in groups.items():
        l1, rmse, _ = pooled(group)
        means = {column: _mean(group, column) for column, metric in METRICS.items() if not metric.pooled}
        sums = {name: sum(row[name] for row in group) for name in ("seconds", "hole_pixels")}
        found.append({"picture": picture, "mask": "", "way": way, **means, "l1_hole": l1, "rmse_hole": rmse, **sums})
    return found


def _mean(rows: Sequence[Row], column: str) -> float | None:
    values = [row[column] for row in rows]
    return None if None in values else float(np.mean(values))


def _of_way(rows: Sequence[Row], way: str) -> dict[str, Row]:
    return {row["picture"]: row for row in rows if row["way"] == way}


def _table(rows: Sequence[Row], names: Mapping[str, str]) -> str:
    """Return the table of one section; a figure that no row has makes no column."""
    there = [metric for column, metric in METRICS.items() if any(row[column] is not None for row in rows)]
    lines = []
    counts = {way: len(_of_way(rows, way)) for way in names}
    for way, name in names.items():
        own = list(_of_way(rows, way).values())
        if not own:
            continue
        few = f" ({counts[way]} pictures)" if counts[way] < max(counts.values()) else ""
        means = [_estimate(metric, own).text(metric.digits) for metric in there]
        lines.append([name + few, *means, f"{pooled(own)[2]:.3g}"])
    return table(["way", *(metric.heading for metric in there), "s a hole megapixel"], lines)


def _estimate(metric: Metric, rows: Sequence[Row]) -> Estimate:
    """Return a way's figure over pictures, or over their hole pixels, as the metric has it."""
    values, pixels = [row[metric.column] for row in rows], [row["hole_pixels"] for row in rows]
    if metric.pooled == "root":
        return statistics.mean(np.square(values), pixels).root()
    return statistics.mean(values, pixels if metric.pooled else None)


def _verdicts(rows: Sequence[Row], names: Mapping[str, str]) -> list[str]:
    """Return the paired differences to the best way, by PSNR, and by LPIPS with its witness."""
    there = [way for way in names if _of_way(rows, way)]
    if len(there) < 2:
        return []
    parts = []
    best = _best(rows, there, METRICS["psnr"])
    columns: list[tuple[str, Callable[[str], Estimate], int, bool]] = [
        (f"PSNR, dB, minus {names[best]}'s", lambda way: _apart(rows, way, best, "psnr"), 2, True)
    ]
    if all(row["lpips"] is not None for row in rows):
        likest = _best(rows, there, METRICS["lpips"])
        columns.append((f"LPIPS minus {names[likest]}'s", lambda way: _apart(rows, way, likest, "lpips"), 4, False))
        if all(row["lpips_alex"] is not None for row in rows):
            columns.append(("the same, AlexNet", lambda way: _apart(rows, way, likest, "lpips_alex"), 4, False))
    lines = []
    for way in there:
        cells = [names[way]]
        for _, apart, digits, more_is_better in columns:
            found = apart(way)
            cells.append(f"{found.text(digits, sign=True)} {_verdict(found, more_is_better)}".rstrip())
        lines.append(cells)
    parts.append(table(["way", *(heading for heading, *_ in columns)], lines))
    return parts


def _best(rows: Sequence[Row], ways: Sequence[str], metric: Metric) -> str:
    """Return the best way of those that filled the most pictures."""
    counts = {way: len(_of_way(rows, way)) for way in ways}
    complete = [way for way in ways if counts[way] == max(counts.values())]
    means = {way: float(np.mean([row[metric.column] for row in _of_way(rows, way).values()])) for way in complete}
    return max(means, key=lambda way: means[way] * (1 if metric.more_is_better else -1))


def _apart(rows: Sequence[Row], way: str, other: str, column: str) -> Estimate:
    if way == other:
        return Estimate(np.nan, np.nan, np.nan, 0)
    own, others = _of_way(rows, way), _of_way(rows, other)
    both = [picture for picture in own if picture in others]
    return statistics.difference([own[one][column] for one in both], [others[one][column] for one in both])


def _verdict(found: Estimate, more_is_better: bool) -> str:
    if np.isnan(found.mean) or found.count < statistics.FEW:
        return ""
    if not found.is_other_than_zero:
        return "undecided"
    return "better" if (found.mean > 0) == more_is_better else "worse"


def _empty_columns(settings: Mapping[str, Any]) -> list[str]:
    """Say why a column is empty, and how to fill it."""
    there = " ".join(settings.get("lpips_weights", []))
    missing = [f"LPIPS with {lpips.TITLES[name]} is {lpips.MISSING}." for name in lpips.TITLES if name not in there]
    return [missing[0].replace(f" with {lpips.TITLES['squeeze']}", "")] if len(missing) == 2 else missing


def _failures(rows: Sequence[Row], names: Mapping[str, str]) -> list[str]:
    lines = []
    for way, name in names.items():
        failed = [row for row in rows if row["way"] == way and row["error"]]
        total = sum(row["way"] == way for row in rows)
        if failed:
            lines.append(f"- {name} failed on {len(failed):,} of {total:,} masks: {failed[0]['error']}")
    return ["Some ways failed, and their means leave out what they failed on:\n\n" + "\n".join(lines)] if lines else []
