"""Names of ways in plots: where they stand so that they cover neither points nor one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Names = Mapping[str, tuple[str, str]]  # of each way: what is written, in which colour
Box = tuple[float, float, float, float]

_LABEL = 8.5  # points
_LEADER = {"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 1, "shrinkB": 3}  # from a name to its point


def beside_ends(axes: Any, points: Mapping[str, tuple[float, float]], names: Names) -> None:
    """Write each way's name at the right edge, as high as its line ends, pushed apart where two are near."""
    axes.figure.draw_without_rendering()  # so that the limits and the size of the axes are known
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    gap = (_LABEL + 1.5) / _points(axes)[1] * (high - low)
    named = sorted(points, key=lambda way: points[way][1])
    for way, y in zip(named, _spread([points[way][1] for way in named], gap, low, high), strict=True):
        name, colour = names[way]
        axes.annotate(
            name, points[way], xytext=(1.04, y), textcoords=axes.get_yaxis_transform(), color=colour,
            fontsize=_LABEL, va="center", annotation_clip=False,
            arrowprops=_LEADER | {"color": colour, "relpos": (0, 0.5)},
        )  # fmt: skip


def _spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Push rising values apart until none is nearer than `gap` to the next, within limits where there is room.

    >>> _spread([0.0, 0.0, 5.0], 1.0, -5, 5), _spread([0.0, 0.0], 1.0, 0, 5)
    ([-0.5, 0.5, 5.0], [0.0, 1.0])
    """
    blocks: list[tuple[float, int]] = []  # mean, members: a block's members stand a gap apart around its mean
    for value in values:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (blocks[-1][1] + blocks[-2][1]) / 2:
            (mean, members), (other, others) = blocks.pop(), blocks.pop()
            mean = (mean * members + other * others) / (members + others)
            half = gap * (members + others - 1) / 2
            blocks.append((max(min(mean, high - half), low + half), members + others))
    return [mean + gap * (k - (members - 1) / 2) for mean, members in blocks for k in range(members)]


def beside_points(axes: Any, points: Mapping[str, tuple[float, float]], names: Names) -> None:
    """Write each way's name beside its point, at the first place around it where it covers no point and no name."""
    axes.figure.draw_without_rendering()
    width, height = _points(axes)
    at = {way: axes.transAxes.inverted().transform(axes.transData.transform(point)) * (width, height)
          for way, point in points.items()}  # fmt: skip
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in at.values()]
    for way, (x, y) in at.items():
        name, colour = names[way]
        wide = 0.56 * _LABEL * len(name)
        sides = [(away, dy, align) for dy in (0, 11, -11, 22, -22, 33, -33) for away, align in _SIDES[dy != 0]]
        boxes = [_box(x + dx, y + dy, wide, align) for dx, dy, align in sides]
        outside = [max(0, left - 2 < 0) + max(0, right > 1.1 * width) for left, _, right, _ in boxes]
        covered = [sum(_overlap(box, other) for other in taken) for box in boxes]
        best = min(range(len(boxes)), key=lambda k: (covered[k] + outside[k], k))
        taken.append(boxes[best])
        dx, dy, align = sides[best]
        line = _LEADER | {"color": colour} if dy else None
        axes.annotate(
            name, points[way], xytext=(dx, dy), textcoords="offset points", color=colour, fontsize=_LABEL,
            va="center", ha=align, annotation_clip=False, arrowprops=line,
        )  # fmt: skip


# Where a name may stand beside a point: beside it, or above and below; points to the right, and how it is aligned.
_SIDES = (((7, "left"), (-7, "right")), ((0, "center"), (7, "left"), (-7, "right")))


def _box(x: float, y: float, wide: float, align: str) -> Box:
    """Return left, bottom, right and top of a name."""
    left = x - wide * {"left": 0, "center": 0.5, "right": 1}[align]
    return left, y - _LABEL / 2 - 1, left + wide, y + _LABEL / 2 + 1


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _points(axes: Any) -> tuple[float, float]:
    """Return the width and height of axes in points."""
    box, dots = axes.get_window_extent(), axes.figure.dpi / 72
    return box.width / dots, box.height / dots
