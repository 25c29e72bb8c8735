"""Kernels of edge-enhancing diffusion: tiles, the diffusion tensor, its nine-point stencil, what is out of balance."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.guide_lines import follow
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.runs import first_after
from restauro.numerics.structure_tensor import GRADIENT_REACH, add_gradients, smooth

# Of the largest diffusivity, the smallest: no edge is so strong that its two sides know nothing of each other.
_SMALLEST = 1e-3
_NO_CONTRAST = 1e12  # squared contrast where no gradient is known: every edge is weak against it
_ALL = 0.9999  # of the weight of a Gaussian, but for rounding
_SMALLEST_UNIT = 1e-300  # its reciprocal is finite
# Roots and reciprocals of smaller numbers aren't finite on every processor, where they are made of estimates.
_SMALLEST_NORMAL = np.finfo(np.float32).tiny
_FARTHEST = 1e6  # value of a known pixel, in ranges of the hole's rim, that stands for all larger ones


@kernel("i8[::1], i4[::1], i4[::1], i8, i8")
def tile_boxes(row_start: Any, start: Any, stop: Any, width: int, side: int) -> Any:
    """Return boxes around the hole pixels of each tile that has any: rows from, to, columns from, to; int64 [n, 4]."""
    height = row_start.shape[0] - 1
    columns = (width + side - 1) // side
    tiles = (height + side - 1) // side * columns
    boxes = np.empty((tiles, 4), np.int64)
    for tile in range(tiles):
        boxes[tile, 0], boxes[tile, 1], boxes[tile, 2], boxes[tile, 3] = height, 0, width, 0
    for y in range(height):
        for run in range(row_start[y], row_start[y + 1]):
            for column in range(start[run] // side, (stop[run] - 1) // side + 1):
                tile = y // side * columns + column
                boxes[tile, 0] = min(boxes[tile, 0], y)
                boxes[tile, 1] = y + 1
                boxes[tile, 2] = min(boxes[tile, 2], max(start[run], column * side))
                boxes[tile, 3] = max(boxes[tile, 3], min(stop[run], (column + 1) * side))
    found = 0
    for tile in range(tiles):
        if boxes[tile, 1] > 0:
            for part in range(4):
                boxes[found, part] = boxes[tile, part]
            found += 1
    return boxes[:found].copy()


@kernel("T[:, :, :], i8, i8, f8[::1], f8[::1], f4[:, :, ::1]", T="u1 u2 f4 f8")
def load_known(image: Any, top: int, left: int, zero: Any, unit: Any, tile: Any) -> None:
    """Copy a part of an image, [H, W, C], with its holes, to tile, [C, h, w], in `unit`s above `zero`."""
    low, high = max(left, 0), min(left + tile.shape[2], image.shape[1])
    for c in range(image.shape[2]):
        middle, share = zero[c], 1 / max(unit[c], _SMALLEST_UNIT)
        for y in range(max(top, 0), min(top + tile.shape[1], image.shape[0])):
            row = tile[c, y - top]
            for x in range(low, high):
                row[x - left] = min(max((image[y, x, c] - middle) * share, -_FARTHEST), _FARTHEST)


@kernel(
    "f4[:, :, ::1], b1[:, ::1], i8[::1], i4[::1], i4[::1], i8[:, ::1], f8[:, ::1], f8[::1], f4[::1], i8[::1], "
    "f8[::1], f4[::1], f4[:, ::1]",
)
def known_energy(
    tile: Any, hole: Any, row_start: Any, start: Any, stop: Any, around: Any, v: Any, scale: Any, half: Any, box: Any,
    sums: Any, room: Any, energy: Any,
) -> None:  # fmt: skip
    """Sum up, around each hole pixel of a box, the squared gradients where they are known, and how many these are.

    For the arguments see `set_links`. energy: [2, grid.size], both written at hole pixels, weighed by `half` around
    each of the pixel's corners.
    """
    kept = around[:, around.shape[1] // 2]
    J, lines, known = _gradients(tile, row_start, start, stop, kept, hole.shape, v, scale, half, box, sums, room)
    rows, columns = J.shape[1], J.shape[2]
    reach = half.shape[0] - 1 + GRADIENT_REACH
    _keep_known(hole, box[0] - reach, box[2] - reach, J, lines, known)
    for plane in range(2):
        _keep_whole(known[plane], hole.shape, box[0] - half.shape[0] + 1, box[2] - half.shape[0] + 1)
    wanted = _corners(row_start, start, stop, box)
    smooth(known[0], rows, columns, half, wanted, lines[0, 0])
    smooth(known[1], rows, columns, half, wanted, lines[0, 0])
    for y in range(box[0], box[1]):
        for run in range(row_start[y], row_start[y + 1]):
            for x in range(max(start[run], box[2]), min(stop[run], box[3])):
                i, j = y - box[0], x - box[2]
                k = kept[run] + x - start[run]
                for part in range(2):
                    plane = known[part]
                    energy[part, k] = (plane[i, j] + plane[i + 1, j + 1]) + (plane[i, j + 1] + plane[i + 1, j])


@kernel("i8[::1], i8[:, ::1], i8[::1], f4[:, ::1], f8")
def contrast_of_groups(group: Any, around: Any, lengths: Any, energy: Any, ratio: float) -> Any:
    """Return the squared contrast parameter of every run, float32 [runs]: that of its group of holes.

    It is `ratio` times the root mean square of the known gradients around the group. group: the group of each run.
    """
    kept = around[:, around.shape[1] // 2]
    sums = np.zeros((2, group.shape[0]))
    for run in range(group.shape[0]):
        for part in range(2):
            for k in range(kept[run], kept[run] + lengths[run]):
                sums[part, group[run]] += energy[part, k]
    contrast = np.full(group.shape[0], _NO_CONTRAST, np.float32)
    for run in range(group.shape[0]):
        if sums[1, group[run]] > 0:
            contrast[run] = ratio * ratio * sums[0, group[run]] / sums[1, group[run]]
    return contrast


@kernel(
    "f4[:, :, ::1], b1[:, ::1], i8[::1], i4[::1], i4[::1], i8[:, ::1], f8[:, ::1], f8[::1], f4[::1], i8[::1], "
    "f8[::1], f4[::1], f4[:, :, ::1], f4[::1], f4[:, ::1]",
)
def set_links(
    tile: Any, hole: Any, row_start: Any, start: Any, stop: Any, around: Any, v: Any, scale: Any, half: Any, box: Any,
    sums: Any, room: Any, guides: Any, contrast: Any, links: Any,
) -> None:  # fmt: skip
    """Set the links of a box's hole pixels that the diffusion tensor of v makes.

    Parameters
    ----------
    tile
        float32 [C, h, w], the known pixels around the box's corners: `load_known`; overwritten.
    hole
        bool [H, W].
    row_start, start, stop, around
        Runs of hole pixels, and where they are kept, see `SparseGrid`.
    v
        [C, grid.size], channels in the unit of the tile at hole pixels.
    scale
        [C], what to multiply each channel by to bring all to one unit.
    half
        The Gaussian of the structure tensor, `half_gaussian`.
    box
        int64 [4], one of `tile_boxes`.
    sums, room
        float64 [3 h w or more] and float32 [7 h w or more], overwritten: room to compute in.
    guides
        [3, corners of the box] or [3, 0, 0]: which way lines run that edges are to follow, `guide_lines.directions`.
    contrast
        float32 [runs], squared contrast parameters.
    links
        [5, grid.size]: what `Multigrid.set_links` takes, set at hole pixels, and at known pixels the links to holes.
    """
    kept, above = around[:, around.shape[1] // 2], around[:, around.shape[1] // 2 - 1]
    J, lines, _ = _gradients(tile, row_start, start, stop, kept, hole.shape, v, scale, half, box, sums, room)
    in_rows = _weight_inside(half, box[0], box[1], hole.shape[0])
    in_columns = _weight_inside(half, box[2], box[3], hole.shape[1])
    wanted = _corners(row_start, start, stop, box)
    for part in range(3):
        _keep_whole(J[part], hole.shape, box[0] - half.shape[0] + 1, box[2] - half.shape[0] + 1)
        smooth(J[part], J.shape[1], J.shape[2], half, wanted, lines[0, 0])
        if in_rows.min() < _ALL or in_columns.min() < _ALL:
            for i in range(in_rows.shape[0]):
                for j in range(in_columns.shape[0]):
                    J[part, i, j] /= in_rows[i] * in_columns[j]
    follow(J, guides)
    weights = np.empty((2, 4, J.shape[2]), np.float32)
    for y in range(box[0], box[1]):
        for run in range(row_start[y], row_start[y + 1]):
            first = max(start[run], box[2])
            n = min(stop[run], box[3]) - first
            if n > 0:
                i, j = y - box[0], first - box[2]
                for side in range(2):
                    _stencil(J, i + side, j, n, contrast[run], y + side, first, hole.shape, weights[side])
                past = first - start[run]
                _link(weights, hole, y, first, n, kept[run] + past, above[run] + past, links)


@inner
def _corners(row_start: Any, start: Any, stop: Any, box: Any) -> Any:
    """Return which of a box's corners touch its hole pixels: bool [rows + 1, columns + 1]."""
    touch = np.zeros((box[1] - box[0] + 1, box[3] - box[2] + 1), np.bool_)
    for y in range(box[0], box[1]):
        for run in range(row_start[y], row_start[y + 1]):
            first, last = max(start[run], box[2]), min(stop[run], box[3])
            for x in range(first, last + 1 if first < last else first):
                touch[y - box[0], x - box[2]] = True
                touch[y + 1 - box[0], x - box[2]] = True
    return touch


@inner
def _gradients(
    tile: Any, row_start: Any, start: Any, stop: Any, kept: Any, shape: Any, v: Any, scale: Any, half: Any, box: Any,
    sums: Any, room: Any,
) -> Any:  # fmt: skip
    """Return the products of gradients in a box's corners and as far around as `half` reaches.

    And what is left of the room: two planes to compute lines in, and two as large as J's.
    """
    reach = half.shape[0] - 1 + GRADIENT_REACH
    height, width = tile.shape[1], tile.shape[2]
    rows, columns = height - 3, width - 3
    in_lines, in_J = 2 * height * width, rows * columns
    lines = room[:in_lines].reshape((2, height, width))
    J = room[in_lines : in_lines + 3 * in_J].reshape((3, rows, columns))
    rest = room[in_lines + 3 * in_J : in_lines + 5 * in_J].reshape((2, rows, columns))
    exact = sums[: 3 * in_J].reshape((3, rows, columns))
    exact[:] = 0
    for c in range(tile.shape[0]):
        _complete(tile[c], row_start, start, stop, kept, shape, v[c], box[0] - reach, box[2] - reach)
        add_gradients(tile[c], scale[c], lines, exact)
    for k in range(3 * in_J):  # J[:] = exact, which takes Numba longer than all the rest
        room[in_lines + k] = sums[k]
    return J, lines, rest


@inner
def _whole(size: int) -> Any:
    """Return the first and the last corner in a line of pixels whose gradients read no pixel beyond its ends.

    In a line too short for any they are the middle ones.
    """
    return min(GRADIENT_REACH, size // 2), max(size - GRADIENT_REACH, (size + 1) // 2)


@inner
def _keep_whole(plane: Any, shape: Any, top: int, left: int) -> None:
    """Set a plane, of which (top, left) is the first corner, to zero where gradients read beyond the picture."""
    first_row, last_row = _whole(shape[0])
    first_column, last_column = _whole(shape[1])
    bottom, right = top + plane.shape[0] - 1, left + plane.shape[1] - 1
    if first_row <= top and bottom <= last_row and first_column <= left and right <= last_column:
        return
    for i in range(plane.shape[0]):
        for j in range(plane.shape[1]):
            if not (first_row <= top + i <= last_row and first_column <= left + j <= last_column):
                plane[i, j] = 0


@inner
def _weight_inside(half: Any, low: int, high: int, size: int) -> Any:
    """Return, for the corners low to high of a line of pixels, what weight of `half` lies on those that are whole."""
    reach = half.shape[0] - 1
    first, last = _whole(size)
    inside = np.zeros(high - low + 1, np.float32)
    for i in range(low, high + 1):
        for k in range(max(first, i - reach), min(last, i + reach) + 1):
            inside[i - low] += half[abs(k - i)]
    return inside


@inner
def _complete(
    u: Any, row_start: Any, start: Any, stop: Any, kept: Any, shape: Any, v: Any, top: int, left: int
) -> None:
    """Fill the holes of a part of a channel; mirror what lies beyond the picture's edge."""
    height, width = shape
    low, high = max(left, 0), min(left + u.shape[1], width)
    for y in range(max(top, 0), min(top + u.shape[0], height)):
        row = u[y - top]
        run = first_after(stop, row_start[y], row_start[y + 1], left)
        while run < row_start[y + 1] and start[run] < high:
            for x in range(max(start[run], low), min(stop[run], high)):
                row[x - left] = v[kept[run] + x - start[run]]
            run += 1
        if low > left or high < left + u.shape[1]:
            for j in range(u.shape[1]):
                if not 0 <= left + j < width:
                    row[j] = row[_mirrored(left + j, width) - left]
    for i in range(u.shape[0]):
        if not 0 <= top + i < height:
            other = _mirrored(top + i, height) - top
            for j in range(u.shape[1]):
                u[i, j] = u[other, j]


@inner
def _mirrored(i: int, size: int) -> int:
    """Return the index that i stands for in a picture that goes on mirrored at its edges."""
    i = i % (2 * size)
    return i if i < size else 2 * size - 1 - i


@inner
def _keep_known(hole: Any, top: int, left: int, J: Any, lines: Any, known: Any) -> None:
    """Set known[0] to squared gradients, known[1] to 1, in the corners whose gradients read known pixels only.

    top, left: the first pixel that the first corner's gradient reads.
    """
    rows, columns = J.shape[1], J.shape[2]
    height, width = hole.shape
    for i in range(rows + 3):
        y = _mirrored(top + i, height)
        clear = 0  # known pixels up to here
        for j in range(columns + 3):
            clear = 0 if hole[y, _mirrored(left + j, width)] else clear + 1
            if j >= 3:
                lines[0, i, j - 3] = 1 if clear >= 4 else 0
    for i in range(rows):
        for j in range(columns):
            whole = lines[0, i, j] * lines[0, i + 1, j] * lines[0, i + 2, j] * lines[0, i + 3, j] > 0
            known[0, i, j] = J[0, i, j] + J[2, i, j] if whole else np.float32(0)
            known[1, i, j] = np.float32(1) if whole else np.float32(0)


@inner
def _stencil(J: Any, i: int, j: int, n: int, contrast: Any, y: int, x: int, shape: Any, weights: Any) -> None:
    """Set the weights of n + 1 corners of a row, from corner (i, j) of J on, which is corner (y, x) of the picture.

    The diffusion tensor (a b; b c) has the eigenvectors of J, and the eigenvalues 1 along the edge and, across it,

        sqrt((K^2 + mu_2)^2 + K^2 (mu_1 - mu_2)) / (K^2 + mu_1)

    with mu_1 >= mu_2 those of J and K the contrast parameter. On a straight edge mu_2 = 0 and it is Charbonnier's
    diffusivity, 1 / sqrt(1 + mu_1 / K^2) (Weickert 1998); where no direction prevails it is 1.

    With p and q the corner's mean differences along x and y and r its mixed difference, the corner's energy is
    a p^2 + 2 b p q + c q^2 + k r^2, with one number k that is free (Schrader, Weickert, Krause 2023). It is half of D's
    determinant: that makes the usual five points where D is 1, and hardly blurs an edge at any angle.

    weights: [4, n + 1 or more]: links along x, along y, along the falling and the rising diagonal of the corner.
    """
    zero, one, half = np.float32(0), np.float32(1), np.float32(0.5)
    smallest, normal = np.float32(_SMALLEST), np.float32(_SMALLEST_NORMAL)
    for m in range(n + 1):
        mean = half * (J[0, i, j + m] + J[2, i, j + m])
        difference = half * (J[0, i, j + m] - J[2, i, j + m])
        mixed = J[1, i, j + m]
        squared = difference * difference + mixed * mixed
        apart = np.sqrt(squared) if squared > normal else zero
        total = mean + apart + contrast
        least = max(mean - apart, zero) + contrast
        squared = least * least + contrast * (apart + apart)
        across = max(np.sqrt(squared) / total, smallest) if squared > normal else one
        turn = half * (across - one) / apart if apart > 0 else zero
        middle = half * (across + one) if apart > 0 else across
        a = middle + turn * difference
        c = middle - turn * difference
        b = turn * mixed
        k = half * across
        weights[0, m] = half * (a - c) + k + k
        weights[1, m] = half * (c - a) + k + k
        weights[2, m] = half * (a + c) + b - k - k
        weights[3, m] = half * (a + c) - b - k - k
        # Half of a corner on the picture's edge lies inside. Of the difference across the edge, which is free there,
        # it has the one of the least energy.
        in_rows, in_columns = 0 < y < shape[0], 0 < x + m < shape[1]
        if not (in_rows and in_columns):
            weights[0, m] = a - b * b / c if in_columns else zero
            weights[1, m] = c - b * b / a if in_rows else zero
            weights[2, m] = 0
            weights[3, m] = 0


@inner
def _link(weights: Any, hole: Any, y: int, x: int, n: int, k: int, up: int, links: Any) -> None:
    """Add up the corners' weights to links of a run's pixels, of which (y, x) is the first; the diagonal is their sum.

    Links to the rows above and to the west are kept at the other pixel; where that is a hole pixel it sets them itself.
    """
    above, below = weights[0], weights[1]
    for m in range(n):
        east, west = above[0, m + 1] + below[0, m + 1], above[0, m] + below[0, m]
        south, north = below[1, m] + below[1, m + 1], above[1, m] + above[1, m + 1]
        sides = (east + west) + (south + north)
        links[0, k + m] = sides + ((below[2, m + 1] + above[2, m]) + (below[3, m] + above[3, m + 1]))
        links[1, k + m] = east
        links[2, k + m] = south
        links[3, k + m] = below[2, m + 1]
        links[4, k + m] = below[3, m]
        if m == 0 and not (x > 0 and hole[y, x - 1]):
            links[1, k - 1] = west
        if y == 0 or not hole[y - 1, x + m]:
            links[2, up + m] = north
        if y == 0 or x + m == 0 or not hole[y - 1, x + m - 1]:
            links[3, up + m - 1] = above[2, m]
        if y == 0 or x + m + 1 == hole.shape[1] or not hole[y - 1, x + m + 1]:
            links[4, up + m + 1] = above[3, m + 1]


@kernel("i8[:, ::1], i8[::1], f4[:, ::1], f8[::1], f4[::1]")
def imbalance(around: Any, lengths: Any, links: Any, v: Any, r: Any) -> None:
    """Set r, [grid.size], at hole pixels to div(D grad v): the sum of links times differences to the neighbours.

    v: [grid.size], known pixels beside the holes included.
    """
    margin = around.shape[1] // 2
    for run in range(lengths.shape[0]):
        for j in range(lengths[run]):
            k, up, down = around[run, margin] + j, around[run, margin - 1] + j, around[run, margin + 1] + j
            here = v[k]
            sides = links[1, k] * (v[k + 1] - here) + links[1, k - 1] * (v[k - 1] - here)
            sides += links[2, k] * (v[down] - here) + links[2, up] * (v[up] - here)
            corners = links[3, k] * (v[down + 1] - here) + links[3, up - 1] * (v[up - 1] - here)
            corners += links[4, k] * (v[down - 1] - here) + links[4, up + 1] * (v[up + 1] - here)
            r[k] = sides + corners


@kernel("i8[:, ::1], i8[::1], f4[::1], f8[::1]")
def add_holes(around: Any, lengths: Any, change: Any, v: Any) -> None:
    """Add a change to hole pixels, and set it to zero there."""
    kept = around[:, around.shape[1] // 2]
    for run in range(kept.shape[0]):
        for k in range(kept[run], kept[run] + lengths[run]):
            v[k] += change[k]
            change[k] = 0
