"""Kernels on runs of hole pixels: finding, drawing, labelling, surveying by tiles; and writing hole pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner, kernel

_WORD = 8  # mask pixels looked at together
_ALL_HOLE = np.uint64(0x0101010101010101)


def find(block: Any) -> tuple[Any, Any, Any]:
    """Return all runs in a block, bool [rows, W], C-contiguous: row_start, start and stop as of `Holes`."""
    flat = block.reshape(-1).view(np.uint8)
    words = flat[: flat.size // _WORD * _WORD].view(np.uint64)
    if not words.flags.aligned:  # a part of a stack of masks, say
        flat = flat.copy()
        words = flat[: words.nbytes].view(np.uint64)
    return _find(flat, words, *block.shape)  # type: ignore[no-any-return]


@kernel("u1[::1], u8[::1], i8, i8")
def _find(flat: Any, words: Any, height: int, width: int) -> Any:
    row_start = np.zeros(height + 1, np.int64)
    room = 256 + flat.shape[0] // 64
    while True:
        start = np.empty(room, np.int32)
        stop = np.empty(room, np.int32)
        found = _scan(flat, words, width, row_start[1:], start, stop)
        if found <= room:
            break
        room = found
        row_start[:] = 0
    for y in range(height):
        row_start[y + 1] += row_start[y]
    return row_start, start[:found].copy(), stop[:found].copy()


@kernel()
def _scan(flat: Any, words: Any, width: int, counts: Any, start: Any, stop: Any) -> int:
    """Scan eight pixels at a time; where they aren't all known, one at a time. Counts on where there is no room.

    counts: int64 [rows], set to the runs of every row.
    """
    found = 0
    room = start.shape[0]
    y = 0
    row_end = width
    after = -1  # flat index after the last hole pixel seen
    size = flat.shape[0]
    for word in range((size + _WORD - 1) // _WORD):
        if word < words.shape[0]:
            if words[word] == 0:
                continue
            if words[word] == _ALL_HOLE and after == word * _WORD and after + _WORD < row_end and found <= room:
                after += _WORD
                stop[found - 1] += _WORD
                continue
        for i in range(word * _WORD, min((word + 1) * _WORD, size)):
            if not flat[i]:
                continue
            if i >= row_end:
                y = i // width
                row_end = (y + 1) * width
            x = i - (row_end - width)
            if i != after or x == 0:
                counts[y] += 1
                if found < room:
                    start[found] = x
                found += 1
            if found <= room:
                stop[found - 1] = x + 1
            after = i + 1
    return found


@kernel("i8[::1], i4[::1], i4[::1], i8[::1], b1[:, ::1]")
def draw(row_start: Any, start: Any, stop: Any, box: Any, hole: Any) -> None:
    """Set the pixels of all runs within a box in hole, bool, of the box's size."""
    left = box[2]
    right = box[3]
    for y in range(box[0], box[1]):
        row = hole[y - box[0]]
        k = first_after(stop, row_start[y], row_start[y + 1], left)
        while k < row_start[y + 1] and start[k] < right:
            row[max(start[k], left) - left : min(stop[k], right) - left] = True
            k += 1


@kernel("i8[::1], i4[::1], i4[::1], i8, i8, b1[:, ::1]")
def draw_some(rows: Any, start: Any, stop: Any, top: int, left: int, hole: Any) -> None:
    """Set the pixels of the runs given in hole, bool, whose corner lies at (top, left)."""
    for k in range(rows.shape[0]):
        hole[rows[k] - top, start[k] - left : stop[k] - left] = True


@inner
def first_after(stop: Any, low: int, high: int, column: int) -> int:
    """Return the first run of low to high that ends after a column."""
    while low < high:
        middle = (low + high) >> 1
        if stop[middle] > column:
            high = middle
        else:
            low = middle + 1
    return low


@kernel("i8[::1], i4[::1], i4[::1], i8")
def label(row_start: Any, start: Any, stop: Any, distance: int) -> Any:
    """Return one number a run, the same for runs of one group: those within a Chebyshev distance of one another.

    Runs of a row that are so close to one another are a chain. What lies between two of them is within the distance of
    one, so that rows are compared chain by chain: in a net of cracks there are far fewer of them.
    """
    parent = np.arange(start.shape[0])
    height = row_start.shape[0] - 1
    chain_start = np.zeros(height + 1, np.int64)  # as row_start
    first = np.empty(start.shape[0], np.int64)
    left = np.empty(start.shape[0], np.int64)
    right = np.empty(start.shape[0], np.int64)
    chains = 0
    for y in range(height):
        for k in range(row_start[y], row_start[y + 1]):
            if k > row_start[y] and start[k] - stop[k - 1] < distance:
                parent[k] = first[chains - 1]
            else:
                first[chains] = k
                left[chains] = start[k]
                chains += 1
            right[chains - 1] = stop[k]
        chain_start[y + 1] = chains
        for above in range(max(0, y - distance), y):
            m = chain_start[above]
            for k in range(chain_start[y], chains):
                while m < chain_start[above + 1] and right[m] + distance <= left[k]:
                    m += 1
                j = m
                while j < chain_start[above + 1] and left[j] < right[k] + distance:
                    _join(parent, first[k], first[j])
                    j += 1
    for k in range(parent.shape[0]):
        parent[k] = _root(parent, k)
    return parent


@inner
def _root(parent: Any, k: int) -> int:
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@inner
def _join(parent: Any, a: int, b: int) -> None:
    a = _root(parent, a)
    b = _root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@kernel("i8[::1], i4[::1], i4[::1], i8")
def grouped(row_start: Any, start: Any, stop: Any, distance: int) -> Any:
    """Return the runs, group by group as `label` has it, where each group's end, and what each group is.

    That is int64 [groups, 5]: the box around it, rows from, to, columns from, to, and its pixels.
    """
    group = label(row_start, start, stop, distance)
    number = np.empty(group.shape[0], np.int64)
    groups = 0
    for run in range(group.shape[0]):  # the first run of a group is its label
        if group[run] == run:
            number[run] = groups
            groups += 1
    ends = np.zeros(groups, np.int64)
    about = np.zeros((groups, 5), np.int64)
    for y in range(row_start.shape[0] - 1):
        for run in range(row_start[y], row_start[y + 1]):
            k = number[group[run]]
            if ends[k] == 0:
                about[k, 0] = y
                about[k, 2] = start[run]
            about[k, 1] = y + 1
            about[k, 2] = min(about[k, 2], start[run])
            about[k, 3] = max(about[k, 3], stop[run])
            about[k, 4] += stop[run] - start[run]
            ends[k] += 1
    place = np.zeros(groups, np.int64)
    for k in range(1, groups):
        place[k] = ends[k - 1]
        ends[k] += ends[k - 1]
    order = np.empty(group.shape[0], np.int64)
    for run in range(group.shape[0]):
        k = number[group[run]]
        order[place[k]] = run
        place[k] += 1
    return order, ends, about


@kernel("i8[::1], i4[::1], i4[::1], i8[::1], i4[::1], i4[::1], i8, i8, i8, i8[:, :, ::1], i8[:, ::1], i8[:, ::1]")
def survey(
    row_start: Any,
    start: Any,
    stop: Any,
    all_row_start: Any,
    all_start: Any,
    all_stop: Any,
    width: int,
    tile: int,
    deepest: int,
    boxes: Any,
    pixels: Any,
    depths: Any,
) -> None:
    """Find, for every tile, the box around its hole pixels, how many there are, and how deep they lie.

    boxes: [rows, columns, 4]; pixels, depths: [rows, columns]. A depth is a city-block distance to the nearest pixel
    that none of `all` runs, which hold the others, covers; it counts up to `deepest`, which stands for that and more.
    """
    height = row_start.shape[0] - 1
    for y in range(height):
        row = y // tile
        for k in range(row_start[y], row_start[y + 1]):
            for column in range(start[k] // tile, (stop[k] - 1) // tile + 1):
                left = max(start[k], column * tile)
                right = min(stop[k], (column + 1) * tile)
                box = boxes[row, column]
                if pixels[row, column] == 0:
                    box[0] = y
                    box[2] = left
                pixels[row, column] += right - left
                box[1] = y + 1
                box[2] = min(box[2], left)
                box[3] = max(box[3], right)
    side = tile + 2 * deepest
    distance = np.zeros((side + 2, side + 2), np.uint8)
    for row in range(pixels.shape[0]):
        for column in range(pixels.shape[1]):
            if pixels[row, column] > 0:
                depths[row, column] = _depth(
                    row_start, start, stop, all_row_start, all_start, all_stop, width, boxes[row, column], deepest,
                    distance,
                )  # fmt: skip


@inner
def _depth(
    row_start: Any, start: Any, stop: Any, all_row_start: Any, all_start: Any, all_stop: Any, width: int, box: Any,
    deepest: int, distance: Any,
) -> int:  # fmt: skip
    """Depth of the deepest hole pixel in a box: two passes of the city-block distance over the box and a margin."""
    height = row_start.shape[0] - 1
    top = box[0] - deepest
    left = box[2] - deepest
    rows = box[1] - box[0] + 2 * deepest
    columns = box[3] - box[2] + 2 * deepest
    # 0 is known. Beyond the margin, and beyond the picture, nothing is known.
    distance[: rows + 2, : columns + 2] = deepest
    low = max(0, -left)
    high = min(columns, width - left)
    for y in range(max(0, -top), min(rows, height - top)):
        distance[y + 1, low + 1 : high + 1] = 0
    for y in range(max(0, -top), min(rows, height - top)):
        k = first_after(all_stop, all_row_start[top + y], all_row_start[top + y + 1], left + low)
        while k < all_row_start[top + y + 1] and all_start[k] < left + high:
            for x in range(max(all_start[k] - left, low) + 1, min(all_stop[k] - left, high) + 1):
                distance[y + 1, x] = min(deepest, 1 + min(distance[y, x], distance[y + 1, x - 1]))
            k += 1
    found = 0
    for y in range(min(rows, height - top) - 1, max(0, -top) - 1, -1):
        k = first_after(all_stop, all_row_start[top + y], all_row_start[top + y + 1], left + low)
        while k < all_row_start[top + y + 1] and all_start[k] < left + high:
            for x in range(min(all_stop[k] - left, high), max(all_start[k] - left, low), -1):
                distance[y + 1, x] = min(distance[y + 1, x], 1 + min(distance[y + 2, x], distance[y + 1, x + 1]))
            k += 1
        if deepest <= y < rows - deepest:
            k = first_after(stop, row_start[top + y], row_start[top + y + 1], box[2])
            while k < row_start[top + y + 1] and start[k] < box[3]:
                for x in range(max(start[k], box[2]) - left, min(stop[k], box[3]) - left):
                    found = max(found, distance[y + 1, x + 1])
                k += 1
            if found == deepest:
                break
    return found


@kernel("V[:, ::1], b1[:, :], T[:, :, :], f8, f8, b1", V="f4 f8", T="u1 u2 f4 f8")
def store(values: Any, hole: Any, picture: Any, low: float, high: float, whole: bool) -> None:
    """Write values [n, C] to the hole pixels of picture [H, W, C], cut to low to high and, where whole, rounded."""
    n = 0
    for y in range(hole.shape[0]):
        for x in range(hole.shape[1]):
            if hole[y, x]:
                for c in range(values.shape[1]):
                    value = np.rint(values[n, c]) if whole else values[n, c]
                    picture[y, x, c] = min(max(value, low), high)
                n += 1
