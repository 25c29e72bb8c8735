"""Kernels of edge-enhancing diffusion: the diffusion tensor, its nine-point stencil, what is out of balance."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.guide_lines import follow
from restauro.numerics.hole_tiles import complete, corners_touched, keep_whole, mirrored, weight_inside
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.structure_tensor import GRADIENT_REACH, set_gradients, smooth

# Of the largest diffusivity, the smallest: no edge is so strong that its two sides know nothing of each other.
_SMALLEST = 1e-3
_NO_CONTRAST = 1e12  # squared contrast where no gradient is known: every edge is weak against it
_ALL = 0.9999  # of the weight of a Gaussian, but for rounding
# Roots and reciprocals of smaller numbers aren't finite on every processor, where they are made of estimates.
_SMALLEST_NORMAL = np.finfo(np.float32).tiny


@kernel(
    "f4[:, :, ::1], b1[:, ::1], i8[::1], i4[::1], i4[::1], i4[:, ::1], f8[:, ::1], f8[::1], f4[::1], i8[::1], "
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
    J, line, known = _gradients(tile, row_start, start, stop, kept, hole.shape, v, scale, half, box, sums, room)
    rows, columns = J.shape[1], J.shape[2]
    reach = half.shape[0] - 1 + GRADIENT_REACH
    _keep_known(hole, box[0] - reach, box[2] - reach, J, known)
    for plane in range(2):
        keep_whole(known[plane], hole.shape, box[0] - half.shape[0] + 1, box[2] - half.shape[0] + 1)
    wanted = corners_touched(row_start, start, stop, box)
    smooth(known[0], rows, columns, half, wanted, line)
    smooth(known[1], rows, columns, half, wanted, line)
    for y in range(box[0], box[1]):
        for run in range(row_start[y], row_start[y + 1]):
            for x in range(max(start[run], box[2]), min(stop[run], box[3])):
                i, j = y - box[0], x - box[2]
                k = kept[run] + x - start[run]
                for part in range(2):
                    plane = known[part]
                    energy[part, k] = (plane[i, j] + plane[i + 1, j + 1]) + (plane[i, j + 1] + plane[i + 1, j])


@kernel("i8[::1], i4[:, ::1], i4[::1], i4[::1], f4[:, ::1], f8")
def contrast_of_groups(group: Any, around: Any, start: Any, stop: Any, energy: Any, ratio: float) -> Any:
    """Return the squared contrast parameter of every run, float32 [runs]: that of its group of holes.

    It is `ratio` times the root mean square of the known gradients around the group. group: the group of each run.
    """
    kept = around[:, around.shape[1] // 2]
    sums = np.zeros((2, group.shape[0]))
    for run in range(group.shape[0]):
        for part in range(2):
            for k in range(kept[run], kept[run] + stop[run] - start[run]):
                sums[part, group[run]] += energy[part, k]
    contrast = np.full(group.shape[0], _NO_CONTRAST, np.float32)
    for run in range(group.shape[0]):
        if sums[1, group[run]] > 0:
            contrast[run] = ratio * ratio * sums[0, group[run]] / sums[1, group[run]]
    return contrast


@kernel(
    "f4[:, :, ::1], b1[:, ::1], i8[::1], i4[::1], i4[::1], i4[:, ::1], f8[:, ::1], f8[::1], f4[::1], i8[::1], "
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
        float64 [3 w or more] and float32 [5 h w + 8 C w or more], overwritten: room to compute in.
    guides
        [3, corners of the box] or [3, 0, 0]: which way lines run that edges are to follow, `guide_lines.directions`.
    contrast
        float32 [runs], squared contrast parameters.
    links
        [5, grid.size]: what `Multigrid.set_links` takes, set at hole pixels, and at known pixels the links to holes.
    """
    kept, above = around[:, around.shape[1] // 2], around[:, around.shape[1] // 2 - 1]
    J, line, _ = _gradients(tile, row_start, start, stop, kept, hole.shape, v, scale, half, box, sums, room)
    in_rows = weight_inside(half, box[0], box[1], hole.shape[0])
    in_columns = weight_inside(half, box[2], box[3], hole.shape[1])
    wanted = corners_touched(row_start, start, stop, box)
    for part in range(3):
        keep_whole(J[part], hole.shape, box[0] - half.shape[0] + 1, box[2] - half.shape[0] + 1)
        smooth(J[part], J.shape[1], J.shape[2], half, wanted, line)
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
def _gradients(
    tile: Any, row_start: Any, start: Any, stop: Any, kept: Any, shape: Any, v: Any, scale: Any, half: Any, box: Any,
    sums: Any, room: Any,
) -> Any:  # fmt: skip
    """Return the products of gradients in a box's corners and as far around as `half` reaches.

    And what is left of the room: a line to compute in, and two planes as large as J's.
    """
    reach = half.shape[0] - 1 + GRADIENT_REACH
    channels, height, width = tile.shape
    rows, columns = height - 3, width - 3
    in_lines, in_J = channels * 8 * width, rows * columns
    lines = room[:in_lines].reshape((channels, 2, 4, width))
    J = room[in_lines : in_lines + 3 * in_J].reshape((3, rows, columns))
    rest = room[in_lines + 3 * in_J : in_lines + 5 * in_J].reshape((2, rows, columns))
    for c in range(channels):
        complete(tile[c], row_start, start, stop, kept, shape, v[c], box[0] - reach, box[2] - reach)
    set_gradients(tile, scale, lines, sums[: 3 * width].reshape((3, width)), J)
    return J, lines[0, 0, 0], rest


@inner
def _keep_known(hole: Any, top: int, left: int, J: Any, known: Any) -> None:
    """Set known[0] to squared gradients, known[1] to 1, in the corners whose gradients read known pixels only.

    top, left: the first pixel that the first corner's gradient reads.
    """
    rows, columns = J.shape[1], J.shape[2]
    height, width = hole.shape
    clear_above = np.zeros(columns, np.int64)  # rows up to here in which four pixels side by side are known
    for i in range(rows + 3):
        y = mirrored(top + i, height)
        clear = 0  # known pixels up to here
        for j in range(columns + 3):
            clear = 0 if hole[y, mirrored(left + j, width)] else clear + 1
            if j >= 3:
                clear_above[j - 3] = clear_above[j - 3] + 1 if clear >= 4 else 0
        if i >= 3:
            for j in range(columns):
                whole = clear_above[j] >= 4
                known[0, i - 3, j] = J[0, i - 3, j] + J[2, i - 3, j] if whole else np.float32(0)
                known[1, i - 3, j] = np.float32(1) if whole else np.float32(0)


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


@kernel("i4[:, ::1], i4[::1], i4[::1], f4[:, ::1], f8[::1], f4[::1]")
def imbalance(around: Any, start: Any, stop: Any, links: Any, v: Any, r: Any) -> None:
    """Set r, [grid.size], at hole pixels to div(D grad v): the sum of links times differences to the neighbours.

    v: [grid.size], known pixels beside the holes included.
    """
    margin = around.shape[1] // 2
    for run in range(start.shape[0]):
        for j in range(stop[run] - start[run]):
            k, up, down = around[run, margin] + j, around[run, margin - 1] + j, around[run, margin + 1] + j
            here = v[k]
            sides = links[1, k] * (v[k + 1] - here) + links[1, k - 1] * (v[k - 1] - here)
            sides += links[2, k] * (v[down] - here) + links[2, up] * (v[up] - here)
            corners = links[3, k] * (v[down + 1] - here) + links[3, up - 1] * (v[up - 1] - here)
            corners += links[4, k] * (v[down - 1] - here) + links[4, up + 1] * (v[up + 1] - here)
            r[k] = sides + corners


@kernel("i4[:, ::1], i4[::1], i4[::1], f4[::1], f8, f8[::1]")
def add_holes(around: Any, start: Any, stop: Any, change: Any, relaxation: float, v: Any) -> None:
    """Add a change, `relaxation` times, to hole pixels, and set it to zero there."""
    kept = around[:, around.shape[1] // 2]
    for run in range(kept.shape[0]):
        for k in range(kept[run], kept[run] + stop[run] - start[run]):
            v[k] += relaxation * change[k]
            change[k] = 0
