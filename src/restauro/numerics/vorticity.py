"""Kernels of Navier-Stokes inpainting: the vorticity around holes, isophotes, and transport along them.

Arrays are planes of `Surroundings`. Bertalmio, Bertozzi and Sapiro (CVPR 2001): the intensity I is a stream function,
w its Laplacian, the velocity v its perpendicular gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner, orderly_kernel
from restauro.numerics.surroundings import KNOWN, NEAR, SOUND

# Pixels of one step along an isophote. Nothing in a picture has this period, so no step ends just between two pixels.
_STEP = 0.927
_FINE_STEP = 0.8  # among known pixels; 0.618 restores no better, 0.927 worse where holes are wide
_MOST_STEPS = 300
_HARDLY_ANYTHING = 0.05  # the share of the vorticity that isn't worth another step
_ABSORPTION = 1 - np.exp(-_STEP / 0.7)  # by known pixels in one step
_LARGEST_GAIN = 3.0
_BATCH = 32  # pixels whose isophotes are followed side by side

# What is kept of an isophote on its way: where within a pixel it is (-0.5 to 0.5), its last step, the shares that known
# pixels have left and absorbed and that friction leaves, its length in the hole, how far the known pixels are, and
# what it reads, from _READ on a row a channel.
_X, _Y, _BEFORE_X, _BEFORE_Y, _REMAINS, _ABSORBED, _SURVIVES, _PATH, _DISTANCE, _READ = range(10)


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], u1[::1], f8[:, ::1]")
def laplacian(table: Any, low: int, high: int, values: Any, kind: Any, w: Any) -> None:
    """Set w = lap I of known pixels whose neighbours are known, else 0."""
    for c in range(values.shape[0]):
        for run in range(low, high):
            i, up, down = table[run, 0], table[run, 2], table[run, 3]
            for j in range(table[run, 5]):
                k = i + j
                if kind[k] & SOUND:
                    around = values[c, k - 1] + values[c, k + 1] + values[c, up + j] + values[c, down + j]
                    w[c, k] = around - 4 * values[c, k]


@orderly_kernel("i8[:, ::1], i8, i8, f8[::1], f4[:, ::1]")
def parts(table: Any, low: int, high: int, w: Any, both_signs: Any) -> None:
    """Split w, [size], into the difference of two planes that are nowhere negative."""
    for run in range(low, high):
        for k in range(table[run, 0], table[run, 0] + table[run, 5]):
            both_signs[0, k] = max(w[k], 0.0)
            both_signs[1, k] = max(-w[k], 0.0)


@orderly_kernel("i8[:, ::1], i8, i8, f8[::1], f4[:, ::1]")
def parts_of_holes(hole_table: Any, low: int, high: int, w: Any, both_signs: Any) -> None:
    """Split the vorticity of hole pixels, [holes' size], as `parts` does."""
    for run in range(low, high):
        for j in range(hole_table[run, 2]):
            of_hole = w[hole_table[run, 1] + j]
            both_signs[0, hole_table[run, 0] + j] = max(of_hole, 0.0)
            both_signs[1, hole_table[run, 0] + j] = max(-of_hole, 0.0)


@orderly_kernel("i8[:, ::1], i8, i8, f4[:, ::1], f8, f8[::1]")
def balance(hole_table: Any, low: int, high: int, both_signs: Any, excess: float, w: Any) -> None:
    """Reduce vorticity where its sign outweighs the other around it by more than `excess`, as far as that.

    both_signs: local means of positive and of negative vorticity. w: [holes' size], changed in place.
    """
    for run in range(low, high):
        for j in range(hole_table[run, 2]):
            k, i = hole_table[run, 0] + j, hole_table[run, 1] + j
            mine = both_signs[0 if w[i] > 0 else 1, k]
            other = excess * both_signs[1 if w[i] > 0 else 0, k]
            if mine > other:
                w[i] *= other / mine


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], u1[::1], f8[:, ::1], f8[:, ::1]")
def diffuse(table: Any, low: int, high: int, J: Any, kind: Any, smoothed: Any, w: Any) -> None:
    """Smooth the vorticity of known pixels the more, the less their structure tensor J shows isophotes.

    w: changed in place from sharp to something between sharp and smoothed; 0 where neighbours aren't known.
    """
    for run in range(low, high):
        for k in range(table[run, 0], table[run, 0] + table[run, 5]):
            trace = J[0, k] + J[2, k]
            difference = J[0, k] - J[2, k]
            coherence = np.sqrt(difference * difference + 4 * J[1, k] * J[1, k]) / trace if trace > 0 else 0.0
            sharp = coherence**8
            for c in range(w.shape[0]):
                w[c, k] = smoothed[c, k] + sharp * (w[c, k] - smoothed[c, k]) if kind[k] & SOUND else 0


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], u1[::1], i8, f8[:, ::1]")
def gradient_products(table: Any, low: int, high: int, values: Any, kind: Any, wanted: int, J: Any) -> None:
    """xx, xy, yy of the gradients (Sobel) of all channels, summed; 0 at pixels that aren't of the kind wanted."""
    for run in range(low, high):
        i, up, down = table[run, 0], table[run, 2], table[run, 3]
        for j in range(table[run, 5]):
            k = i + j
            J[0, k] = 0
            J[1, k] = 0
            J[2, k] = 0
            if kind[k] & wanted:
                for c in range(values.shape[0]):
                    u, d = up + j, down + j
                    falling = values[c, d + 1] - values[c, u - 1]
                    rising = values[c, u + 1] - values[c, d - 1]
                    x = 2 * (values[c, k + 1] - values[c, k - 1]) + falling + rising
                    y = 2 * (values[c, d] - values[c, u]) + falling - rising
                    J[0, k] += x * x
                    J[1, k] += x * y
                    J[2, k] += y * y


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], u1[::1], f8[:, ::1]")
def set_sources(table: Any, low: int, high: int, source: Any, kind: Any, fields: Any) -> None:
    """Set what `transport` reads of known pixels: 1 for those whose neighbours are known, and the vorticity there.

    fields: [size, 3 + C]; the other two are of `isophotes`.
    """
    for run in range(low, high):
        for k in range(table[run, 0], table[run, 0] + table[run, 5]):
            fields[k, 2] = 1 if kind[k] & SOUND else 0
            for c in range(source.shape[0]):
                fields[k, 3 + c] = source[c, k]


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], f8[:, ::1], f8[:, ::1]")
def isophotes(table: Any, low: int, high: int, J: Any, K: Any, fields: Any) -> None:
    """Set fields[:, :2] to the directions of the isophotes of a structure tensor J + K.

    That is coherence times cosine and sine of twice the angle of the tensor's lesser eigenvector.
    """
    for run in range(low, high):
        for k in range(table[run, 0], table[run, 0] + table[run, 5]):
            trace = J[0, k] + K[0, k] + J[2, k] + K[2, k]
            if trace > 0:
                fields[k, 0] = (J[2, k] + K[2, k] - J[0, k] - K[0, k]) / trace
                fields[k, 1] = -2 * (J[1, k] + K[1, k]) / trace
            else:
                fields[k, 0] = 0
                fields[k, 1] = 0


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], u1[::1], i4[:, ::1], f8, i8[::1], f8[:, ::1]")
def transport(
    hole_table: Any, low: int, high: int, fields: Any, kind: Any, column: Any, friction: float, control: Any, w: Any
) -> None:
    """Solve v . grad w = -r w with the known vorticity at both ends of each isophote, by characteristics.

    From every hole pixel the isophote is followed both ways until known pixels have absorbed it. The two values are
    weighed as linear interpolation between the ends would. w: [C, holes' size].
    """
    starts, going, place = np.empty(_BATCH, np.int64), np.empty(2 * _BATCH, np.int64), np.empty(2 * _BATCH, np.uint64)
    state = np.empty((2 * _BATCH, _READ + w.shape[0]))
    to = np.empty(_BATCH, np.int64)
    run, j, count = low, 0, 0
    while run < high or count > 0:
        if run < high and count < _BATCH:
            starts[count], to[count] = hole_table[run, 0] + j, hole_table[run, 1] + j
            count += 1
            j += 1
            if j == hole_table[run, 2]:
                run += 1
                j = 0
            continue
        if control[0] != 0:
            return
        _follow(fields, kind, column, starts, count, _STEP, friction, False, place, going, state)
        for p in range(count):
            _settle(state, p, w, to[p])
        count = 0


@inner
def _settle(state: Any, p: int, w: Any, to: int) -> None:
    """Set the vorticity of a pixel from what its isophote has read both ways, for all that would have come along it."""
    ahead, back = state[2 * p], state[2 * p + 1]
    of_ahead = min(ahead[_SURVIVES] / ahead[_ABSORBED], _LARGEST_GAIN) if ahead[_ABSORBED] > 0 else 0.0
    of_back = min(back[_SURVIVES] / back[_ABSORBED], _LARGEST_GAIN) if back[_ABSORBED] > 0 else 0.0
    share = 0.0 if back[_ABSORBED] > 0 else 1.0
    if ahead[_ABSORBED] > 0 and back[_ABSORBED] > 0:  # by the mean distances of what has been read
        to_ahead, to_back = ahead[_DISTANCE] / ahead[_ABSORBED], back[_DISTANCE] / back[_ABSORBED]
        share = (to_back + 0.5) / (to_ahead + to_back + 1)
    for n in range(w.shape[0]):
        w[n, to] = share * (of_ahead * ahead[_READ + n]) + (1 - share) * (of_back * back[_READ + n])


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], u1[::1], i4[:, ::1], i8[::1], f8[:, ::1]")
def means_along_isophotes(
    table: Any, low: int, high: int, fields: Any, kind: Any, column: Any, control: Any, means: Any
) -> None:
    """Take the mean of the vorticity along each isophote, as far as its pixels' neighbours are known.

    means: [C, size], 0 where they aren't.
    """
    starts, going, place = np.empty(_BATCH, np.int64), np.empty(2 * _BATCH, np.int64), np.empty(2 * _BATCH, np.uint64)
    state = np.empty((2 * _BATCH, _READ + means.shape[0]))
    run, j, count = low, 0, 0
    while run < high or count > 0:
        if run < high and count < _BATCH:
            starts[count] = table[run, 0] + j
            count += 1 if kind[starts[count]] & SOUND else 0
            j += 1
            if j == table[run, 5]:
                run += 1
                j = 0
            continue
        if control[0] != 0:
            return
        _follow(fields, kind, column, starts, count, _FINE_STEP, 0.0, True, place, going, state)
        for p in range(count):
            weight = state[2 * p, _ABSORBED] + state[2 * p + 1, _ABSORBED]
            for n in range(means.shape[0] if weight > 0 else 0):
                means[n, starts[p]] = (state[2 * p, _READ + n] + state[2 * p + 1, _READ + n]) / weight
        count = 0


@inner
def _follow(
    fields: Any, kind: Any, column: Any, starts: Any, count: int, length: float, friction: float, among_known: bool,
    place: Any, going: Any, state: Any,
) -> None:  # fmt: skip
    """Follow isophotes from the centres of pixels, both ways, in steps of a length.

    They go on side by side, a step each, so that none waits for the last one's square roots; and what depends on where
    they are is chosen without jumps, which a processor couldn't foresee. What they bring, in state[:, _READ:], is the
    vorticity of the first known pixels, less friction on the way through the hole, whose rate per pixel is the square
    of 1 - coherence; state[:, _DISTANCE] is how far these known pixels are. Or, `among_known`, the sum over all pixels
    up to the first whose neighbours aren't known. Indices are unsigned, so that none can be negative, which spares a
    check; and no step is a function of arrays, whose references would be counted at every call.
    """
    for ray in range(2 * count):
        going[ray] = ray
        place[ray] = np.uint64(starts[ray // 2])
        for n in range(state.shape[1]):
            state[ray, n] = 0
        state[ray, _REMAINS] = 1
        state[ray, _SURVIVES] = 1
    left = 2 * count
    for step in range(_MOST_STEPS):
        now, left = left, 0
        for m in range(now):
            ray = going[m]
            k, x, y = place[ray], state[ray, _X], state[ray, _Y]
            # The four pixels around the place, and their shares in bilinear interpolation.
            other = np.uint64(column[k, np.uint64(2 if y > 0 else 0)])
            k_beside, other_beside = _beside(k, x), _beside(other, x)
            a, b, c, d = _shares(abs(x), abs(y))
            cosine = a * fields[k, 0] + b * fields[k_beside, 0] + c * fields[other, 0] + d * fields[other_beside, 0]
            sine = a * fields[k, 1] + b * fields[k_beside, 1] + c * fields[other, 1] + d * fields[other_beside, 1]
            known = a * fields[k, 2] + b * fields[k_beside, 2] + c * fields[other, 2] + d * fields[other_beside, 2]
            remains = state[ray, _REMAINS]
            if among_known:
                remains *= known
                part = remains
                state[ray, _ABSORBED] += part
            else:
                part = remains * _ABSORPTION
                state[ray, _ABSORBED] += part * known
                state[ray, _DISTANCE] += part * known * state[ray, _PATH]
                remains *= 1 - _ABSORPTION * known
            for n in range(3, fields.shape[1]):
                of_k = a * fields[k, n] + b * fields[k_beside, n]
                state[ray, _READ - 3 + n] += part * (of_k + c * fields[other, n] + d * fields[other_beside, n])
            coherence = np.sqrt(cosine * cosine + sine * sine)
            if not among_known:
                decay = 1 / (1 + friction * length * (1 - known) * (1 - coherence) ** 2)
                remains *= decay
                state[ray, _SURVIVES] *= decay
                state[ray, _PATH] += length * (1 - known)
            state[ray, _REMAINS] = remains
            if not coherence > 0:
                continue
            step_x, step_y = _half_angle(cosine, sine, coherence)
            forwards = step_x * state[ray, _BEFORE_X] + step_y * state[ray, _BEFORE_Y]
            sense = 1.0 if forwards >= 0 else -1.0
            if step == 0:
                sense = 1.0 - 2.0 * (ray % 2)
            step_x, step_y = sense * step_x, sense * step_y
            state[ray, _BEFORE_X], state[ray, _BEFORE_Y] = step_x, step_y
            x += length * step_x
            y += length * step_y
            right, down = np.rint(x), np.rint(y)  # -1, 0 or 1
            k = np.uint64(column[k, np.uint64(1 + np.int64(down))] + np.int64(right))
            place[ray], state[ray, _X], state[ray, _Y] = k, x - right, y - down
            goes_on = remains > 0 if among_known else remains >= _HARDLY_ANYTHING
            going[left] = ray
            left += 1 if goes_on and kind[k] & NEAR else 0
        if left == 0:
            break


@inner
def _beside(k: Any, x: Any) -> Any:
    """Return the pixel to the right of pixel k, or to the left where x isn't positive."""
    return np.uint64(np.int64(k) + (1 if x > 0 else -1))


@inner
def _shares(x: Any, y: Any) -> Any:
    """Return the shares of bilinear interpolation: of a pixel, those beside it, above or below it, and aslant."""
    return (1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y


@inner
def _half_angle(cosine: Any, sine: Any, length: Any) -> Any:
    """Return a unit vector with half the angle of a vector of some length; which of the two is left open."""
    longer = length + abs(cosine)
    scale = 1 / np.sqrt(2 * length * longer)
    return scale * (longer if cosine >= 0 else sine), scale * (sine if cosine >= 0 else longer)


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], u1[::1], i4[:, ::1], f8[:, ::1]")
def known_neighbours(hole_table: Any, low: int, high: int, values: Any, kind: Any, column: Any, b: Any) -> None:
    """Return in b the sum of each hole pixel's known neighbours: the right side of Laplace's equation."""
    for run in range(low, high):
        for j in range(hole_table[run, 2]):
            k = hole_table[run, 0] + j
            for c in range(values.shape[0]):
                total = 0.0
                for q in (k - 1, k + 1, np.int64(column[k, 0]), np.int64(column[k, 2])):
                    if kind[q] & KNOWN:
                        total += values[c, q]
                b[c, hole_table[run, 1] + j] = total


@orderly_kernel("i8[:, ::1], i8, i8, f8[:, ::1], f8[:, ::1]")
def put(hole_table: Any, low: int, high: int, filled: Any, planes: Any) -> None:
    """Copy hole pixels, [C, holes' size], to planes."""
    for c in range(filled.shape[0]):
        for run in range(low, high):
            for j in range(hole_table[run, 2]):
                planes[c, hole_table[run, 0] + j] = filled[c, hole_table[run, 1] + j]
