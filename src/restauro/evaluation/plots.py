"""Plots of an evaluation: quality against hole ratio, and against time; PNG and SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.damage.ratios import RATIO_BINS
from restauro.errors import EvaluationError
from restauro.evaluation import plot_names, statistics
from restauro.evaluation.metrics import METRICS, Metric
from restauro.evaluation.references import PEERS, labels_of
from restauro.files.replacing import replacing

Row = Mapping[str, Any]

_EDGES = (*(low for low, _ in RATIO_BINS), RATIO_BINS[-1][1])  # hole ratios between which rows are put together
# Okabe and Ito's colours, which colour-blind readers can tell apart, without the pale yellow.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_SIZE = (9.0, 4.4)  # inches
_PANELS, _PANEL, _NAMES = 4, 2.0, 1.6  # of kinds side by side, and the inches of one and of the ways' names
_DPI = 120


_PLOTTED = tuple(metric for metric in METRICS.values() if metric.axis)
PATTERNS = tuple(f"{metric.column}-by-*.{ending}" for metric in _PLOTTED for ending in ("png", "svg"))


def plot(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw what an evaluation found.

    Parameters
    ----------
    rows
        One for each picture, mask and way, as in the CSV file of results; numbers may be texts. Columns without any
        number (LPIPS without its weights) get no plot.
    folder
        Where the files go; it is made if it is missing, and plots of an earlier run in it are replaced or taken away.

    Returns
    -------
    The files, each figure as PNG and as SVG: `METRIC-by-ratio` and `METRIC-by-time`, of the masks in bins of hole ratio
    where there are some, else of all, one by ratio for each kind of mask where these are several
    (`METRIC-by-ratio-KIND`); and, of several kinds, `METRIC-by-kind`.

    Raises
    ------
    EvaluationError
        There are no rows, or Matplotlib isn't installed.
    """
    if not rows:
        raise EvaluationError("There are no results to plot.")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise EvaluationError("Plots need Matplotlib: pip install 'restauro[eval]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    kinds = _kinds(rows)
    in_bins = [row for row in rows if row["bin"]]
    curves = in_bins or rows
    paths: list[Path] = []
    for metric in _PLOTTED:
        if all(math.isnan(_number(row.get(metric.column))) for row in rows):
            continue
        for kind in _kinds(curves):
            of_kind = [row for row in curves if row["kind"] == kind]
            name = f"{metric.column}-by-ratio" + f"-{_as_name(kind)}" * (not in_bins and len(kinds) > 1)
            paths += _save(ratio_figure(of_kind, metric), folder / name)
        paths += _save(time_figure(curves, metric), folder / f"{metric.column}-by-time")
        if len(kinds) > 1:
            paths += _save(kind_figure(rows, metric), folder / f"{metric.column}-by-kind")
    for old in {file for pattern in PATTERNS for file in folder.glob(pattern)} - set(paths):
        old.unlink()
    return paths


def _title(metric: Metric) -> str:
    return f"{metric.axis} ({'higher' if metric.more_is_better else 'lower'} is better)"


def _kinds(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(str(row["kind"]) for row in rows))


def _as_name(kind: str) -> str:
    """Return a kind as a part of a file's name: a folder of masks that is called as a kind ends in a slash."""
    return kind.replace("/", "_")


def ratio_figure(rows: Sequence[Row], metric: Metric) -> Any:
    """Return a figure of a metric against hole ratio, a line a way.

    On the left are means over the pictures. On the right is each way's difference from the first one, by pairs of the
    same picture and mask, with its 95 % interval: differences between pictures, which are far larger, fall out of it.
    """
    from matplotlib.figure import Figure

    scores = _Scores.of(rows, metric)
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    left, right = figure.subplots(1, 2)
    ends = {}
    for way in scores.ways:
        style = _style(way, scores.ways)
        left.plot(scores.ratios, [estimate.mean for estimate in scores.means(way)], **style)
        apart = scores.differences(way)
        centre = np.array([estimate.mean for estimate in apart])
        low, high = ([getattr(estimate, end) for estimate in apart] for end in ("low", "high"))
        ratios = np.array(scores.ratios)
        if len(ratios) > 1:
            right.fill_between(ratios, low, high, color=style["color"], alpha=0.15, linewidth=0)
        else:  # side by side, for a bar hides another
            ratios = ratios * (0.85 + 0.3 * (scores.ways.index(way) + 0.5) / len(scores.ways))
            right.vlines(ratios, low, high, color=style["color"])
        right.plot(ratios, centre, **style)
        last = np.flatnonzero(np.isfinite(centre))
        if last.size:
            ends[way] = (float(ratios[last[-1]]), float(centre[last[-1]]))
    for axes in (left, right):
        axes.set_xlabel("share of the picture that is hole")
        axes.set_xlim(0, (1.06 if len(scores.ratios) > 1 else 1.3) * max(scores.ratios))
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        _plain(axes)
    left.set_title(f"{_title(metric)}", loc="left", fontsize=10)
    right.set_title(
        f"difference from {labels_of(scores.ways)[scores.ways[0]]}, with 95 % interval", loc="left", fontsize=10
    )
    plot_names.beside_ends(right, ends, _names(scores.ways))
    return figure


def kind_figure(rows: Sequence[Row], metric: Metric) -> Any:
    """Return a figure of a metric for each kind of damage: a panel a kind, a line a way, means with 95 % intervals.

    A way that failed on some of a kind's masks isn't in its panel, for it would have been judged by easier ones. Errors
    are on a logarithmic axis, since those of thin and of wide holes are far apart, and a bad way's from all others'.
    """
    from matplotlib.figure import Figure

    ways, kinds = _ways(rows), _kinds(rows)
    labels = labels_of(ways)
    across = min(len(kinds), _PANELS)
    down = math.ceil(len(kinds) / across)
    size = (_NAMES + _PANEL * across, down * (0.9 + 0.2 * len(ways)))
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
    complete = True
    for kind, axes in zip(kinds, panels, strict=False):
        of_kind = [row for row in rows if row["kind"] == kind]
        masks = {_key(row) for row in of_kind}
        ends = []
        for line, way in enumerate(ways):
            own = [row for row in of_kind if row["way"] == way]
            values = [_number(row.get(metric.column)) for row in own]
            if sum(map(math.isfinite, values)) < len(masks):
                complete = False
                continue
            found = statistics.mean(_by_picture(own, values))
            style = _style(way, ways) | {"linestyle": ""}
            axes.hlines(line, found.low, found.high, color=style["color"])
            axes.plot([found.mean], [line], **style)
            ends += [value for value in (found.low, found.mean, found.high) if math.isfinite(value)]
        axes.set_title(kind, loc="left", fontsize=10)
        _plain(axes)
        _scale(axes, ends, logarithmic=not metric.more_is_better)
    panels[0].set_yticks(range(len(ways)), [labels[way] for way in ways])
    panels[0].set_ylim(len(ways) - 0.5, -0.5)
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    heading = f"{_title(metric)}, with 95 % interval"
    note = "" if complete else "; without ways that failed on some masks of the kind"
    figure.suptitle(heading + note, x=0.01, ha="left", fontsize=10)
    return figure


def _scale(axes: Any, values: Sequence[float], *, logarithmic: bool) -> None:
    """Give an axis of a narrow panel few enough labels; logarithmic only where all values allow it."""
    if not (logarithmic and values and min(values) > 0):
        axes.locator_params(axis="x", nbins=4)
        return
    from matplotlib.ticker import LogLocator, NullLocator

    span = max(values) / min(values)
    steps = (1, 3) if span > 12 else (1, 2, 5) if span > 4 else (1, 1.5, 2, 3, 5, 7)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def time_figure(rows: Sequence[Row], metric: Metric) -> Any:
    """Return a figure of a metric's mean against seconds a hole megapixel, a point a way.

    Only what every way filled counts, so that one that was given a few small holes isn't compared with others on all.
    """
    from matplotlib.figure import Figure

    ways = _ways(rows)
    filled: dict[tuple[str, str, str], set[str]] = {}
    for row in rows:
        if math.isfinite(_number(row.get(metric.column))):
            filled.setdefault(_key(row), set()).add(str(row["way"]))
    common = {key for key, by in filled.items() if len(by) == len(ways)}
    figure = Figure(figsize=(7.5, 4.8), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    points = {}
    for way in ways if common else []:
        own = [row for row in rows if row["way"] == way and _key(row) in common]
        seconds, pixels = (sum(_number(row[column]) for row in own) for column in ("seconds", "hole_pixels"))
        mean = _by_picture(own, [_number(row[metric.column]) for row in own]).mean()
        if seconds > 0:
            points[way] = (1e6 * seconds / pixels, float(mean))
            axes.plot(*([value] for value in points[way]), **_style(way, ways))
    axes.set_xlabel("seconds a megapixel of hole")
    fills = "1 fill" if len(common) == 1 else f"{len(common)} fills"
    heading = f"{_title(metric)}, mean of {fills} that all ways have"
    axes.set_title(heading, loc="left", fontsize=10)
    _plain(axes)
    axes.margins(x=0.12, y=0.1)
    _number_log_axis(axes)
    plot_names.beside_points(axes, points, _names(ways))
    return figure


@dataclass(frozen=True)
class _Scores:
    """A metric of all ways: for each group of hole ratios and way, the value of every (picture, mask)."""

    ways: list[str]
    ratios: list[float]  # mean of each group
    groups: list[list[Row]]
    metric: Metric

    @classmethod
    def of(cls, rows: Sequence[Row], metric: Metric) -> _Scores:
        """Put rows together by their hole ratio."""
        ratios = np.array([_number(row["ratio"]) for row in rows])
        number = np.digitize(ratios, _EDGES, right=True)
        present = np.unique(number)
        groups = [[row for row, of_row in zip(rows, number, strict=True) if of_row == group] for group in present]
        return cls(_ways(rows), [float(ratios[number == group].mean()) for group in present], groups, metric)

    def means(self, way: str) -> list[statistics.Estimate]:
        """Return a way's mean in every group."""
        return [statistics.mean(_by_picture(*self._of(way, group))) for group in self.groups]

    def differences(self, way: str) -> list[statistics.Estimate]:
        """Return the mean difference of a way from the first, over what both filled, in every group."""
        found = []
        for group in self.groups:
            ours, theirs = (dict(zip(map(_key, own), values, strict=True))
                            for own, values in (self._of(name, group) for name in (way, self.ways[0])))  # fmt: skip
            pairs = [row for row in group if row["way"] == way and _key(row) in theirs]
            found.append(statistics.mean(_by_picture(pairs, [ours[_key(row)] - theirs[_key(row)] for row in pairs])))
        return found

    def _of(self, way: str, group: Iterable[Row]) -> tuple[list[Row], list[float]]:
        own = [row for row in group if row["way"] == way]
        return own, [_number(row.get(self.metric.column)) for row in own]


def _key(row: Row) -> tuple[str, str, str]:
    return str(row["picture"]), str(row["mask"]), str(row["kind"])


def _by_picture(rows: Sequence[Row], values: Sequence[float]) -> NDArray[np.float64]:
    """Return the mean of each picture's values, without those that are missing: pictures are what is drawn."""
    of_picture: dict[str, list[float]] = {}
    for row, value in zip(rows, values, strict=True):
        if math.isfinite(value):
            of_picture.setdefault(str(row["picture"]), []).append(value)
    return np.array([np.mean(found) for found in of_picture.values()])


def _ways(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(str(row["way"]) for row in rows))


def _number(value: object) -> float:
    """Read a number as a row or its CSV file has it; what is missing is NaN."""
    return math.nan if value in (None, "") else float(str(value))


def _style(way: str, ways: Sequence[str]) -> dict[str, Any]:
    """Return how a way is drawn, alike in all figures: peers and others' networks are dashed and hollow."""
    number = ways.index(way)
    own = way.partition(":")[0] not in {*PEERS, "onnx"}
    colour = _COLOURS[number % len(_COLOURS)]
    return {
        "color": colour,
        "marker": _MARKERS[(number + number // len(_COLOURS)) % len(_MARKERS)],
        "markerfacecolor": colour if own else "white",
        "linestyle": "-" if own else "--",
        "linewidth": 1.4,
        "markersize": 5,
    }


def _names(ways: Sequence[str]) -> plot_names.Names:
    """Return what is written for each way, in its colour."""
    return {way: (label, _style(way, ways)["color"]) for way, label in labels_of(ways).items()}


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9)


def _number_log_axis(axes: Any) -> None:
    """Write numbers at powers of ten; where x has fewer than two, at 2 and 5 times them or in even steps too."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    low, high = axes.get_xlim()
    if math.floor(math.log10(high)) - math.ceil(math.log10(low)) < 1:
        few = high / low < 4  # in which 1, 2 and 5 may be missed
        axes.xaxis.set_major_locator(MaxNLocator(4) if few else LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _save(figure: Any, path: Path) -> list[Path]:
    """Write a figure as PNG and as SVG, each under another name first; the same figure gives the same files."""
    import matplotlib

    paths = []
    for ending, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        target = path.with_name(path.name + ending)
        with replacing(target, "The plot") as written, matplotlib.rc_context({"svg.hashsalt": "restauro"}):
            figure.savefig(written, format=ending[1:], metadata=metadata)
        paths.append(target)
    return paths
