"""Which cells of a view are looked at next for damage, and in what blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from restauro.holes import Box

FIRST = 3, 2  # rows and columns of cells that each thread looks at first, in the middle: that is quickly done
LARGEST = 28  # cells that a thread looks at together, in 0.3 GB: what is around them is looked at once for all of them


def middle(some: range, most: int) -> range:
    """Return so many numbers at most, those in the middle.

    >>> middle(range(3, 10), 3)
    range(5, 8)
    """
    left_out = max(len(some) - most, 0)
    return range(some.start + left_out // 2, some.stop - (left_out - left_out // 2))


def blocks_of(new: Sequence[tuple[int, int]], threads: int, *, only_middle: bool) -> list[Box]:
    """Return blocks of cells to look at next, one a thread at most, from rows and columns of cells to others.

    They are as large as they may be, since what is around a block has to be looked at, too: cell by cell that would be
    six times the work.

    only_middle: it is the first look, and is to be quick.
    """
    if not new:
        return []
    rows, columns = (range(min(some), max(some) + 1) for some in zip(*new, strict=True))
    centre = rows.start + rows.stop, columns.start + columns.stop
    if only_middle:
        rows, columns = middle(rows, FIRST[0]), middle(columns, FIRST[1] * threads)
    blocks: list[Box] = [(rows.start, rows.stop, columns.start, columns.stop)]
    few = math.prod(FIRST)
    while cells_of(largest := max(blocks, key=cells_of)) > (few if only_middle or len(blocks) < threads else LARGEST):
        blocks.remove(largest)
        blocks += _halves(largest)
    blocks = [one for one in blocks if any(one[0] <= row < one[1] and one[2] <= column < one[3] for row, column in new)]
    return sorted(blocks, key=lambda box: abs(box[0] + box[1] - centre[0]) + abs(box[2] + box[3] - centre[1]))[:threads]


def cells_of(block: Box) -> int:
    """Return how many cells a block has."""
    return (block[1] - block[0]) * (block[3] - block[2])


def _halves(block: Box) -> tuple[Box, Box]:
    """Cut a block across its longer side."""
    top, bottom, left, right = block
    if bottom - top > right - left:
        between = (top + bottom + 1) // 2
        return (top, between, left, right), (between, bottom, left, right)
    between = (left + right + 1) // 2
    return (top, bottom, left, between), (top, bottom, between, right)
