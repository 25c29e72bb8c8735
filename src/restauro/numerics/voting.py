"""Voting: a hole pixel becomes an average of what the patches over it have found there (Wexler et al. 2007)."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.atomics import atomic_add, wait_for_all
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.nearest_neighbour_field import improve, padded
from restauro.numerics.patches import SIDE

# For the last vote distances are measured in this many of the smallest among the patches over a pixel.
_SOFTNESS = 3.0
_CENTRED = 0.02  # how the last vote prefers patches whose middle is near, per squared pixel
_SMALLEST = 1e-12  # distance of patches that are equal but for rounding, of values 0 to 1
_BATCH = 256  # hole pixels or patches that a thread takes at a time


@kernel(
    "f4[::1], u1[:, ::1], f4[::1], f4, i8, i8, UniTuple(i8, 2), b1[::1], i4[::1], i4[::1], i4[::1], i8, b1, b1, "
    "i8, u8, i4[::1], f4[::1], f4[::1], i8, i8, i8, i8[::1], i8[::1]",
)
def refine(
    values: Any, depth: Any, trust: Any, far: Any, channels: int, voted: int, shape: Any, complete: Any, place: Any,
    targets: Any, holes: Any, sweeps: int, vote_first: bool, last: bool, radius: int, seed: Any, nearest: Any,
    distances: Any, confidence: Any, part: int, parts: int, progress: int, shared: Any, control: Any,
) -> None:  # fmt: skip
    """Improve the field and vote, in turn (the E and M steps of Wexler et al.); threads take batch after batch of each.

    Parameters
    ----------
    voted
        The first channels, which are voted for; the others stay as they are.
    holes
        int32 [n]: flat indices of the hole pixels.
    vote_first
        Whether the field is from a coarser level, so that the first picture is made of it, where it is.
    last
        Whether the last vote is for one source instead of an average.
    progress
        Hole pixels to report as done, over all sweeps and parts.
    shared
        int64 [1 + 3 * (sweeps + 1)], zero, the same for all parts: the barrier after every step, and for each step
        what has been taken of it.
    """
    length = SIDE * padded(channels)
    patch = np.zeros(length, np.float32)
    weights = np.zeros(length, np.float32)
    flat = depth.reshape(-1)
    step = 0
    for sweep in range(-1 if vote_first else 0, sweeps):
        for colour in range(2 if sweep >= 0 else 0):
            step += 1
            begin = atomic_add(shared, step, _BATCH)
            while begin < targets.shape[0]:
                if control[0] != 0:
                    return
                improve(
                    values, flat, trust, far, channels, shape, complete, place, targets, begin,
                    min(begin + _BATCH, targets.shape[0]), colour, radius, seed + np.uint64(100 * (sweep + 1)), patch,
                    weights, nearest, distances, confidence,
                )  # fmt: skip
                begin = atomic_add(shared, step, _BATCH)
            if parts > 1:
                wait_for_all(shared, step * parts, control)
        step += 1
        begin = atomic_add(shared, step, _BATCH)
        while begin < holes.shape[0]:
            if control[0] != 0:
                return
            vote(
                values, channels, voted, shape, place, nearest, distances, confidence, holes, begin,
                min(begin + _BATCH, holes.shape[0]), last and sweep == sweeps - 1, patch,
            )  # fmt: skip
            begin = atomic_add(shared, step, _BATCH)
        if parts > 1:
            wait_for_all(shared, step * parts, control)
        if part == 0 and sweep >= 0:
            atomic_add(control, 1, progress * (sweep + 1) // sweeps - progress * sweep // sweeps)


@inner
def vote(
    values: Any, channels: int, voted: int, shape: Any, place: Any, nearest: Any, distances: Any, confidence: Any,
    holes: Any, begin: int, end: int, sharp: bool, sums: Any,
) -> None:  # fmt: skip
    """Set the hole pixels begin to end to sum c u / sum c over the patches over them, c their confidence.

    Sources have known pixels only, so what is voted isn't read by other votes. Without any confidence a pixel stays as
    it is. sharp: take what one patch has.
    """
    height, width = shape
    for k in range(begin, end):
        pixel = np.int64(holes[k])
        y = pixel // width
        x = pixel - y * width
        up, down = max(0, y - height + SIDE), min(SIDE, y + 1)
        left, right = max(0, x - width + SIDE), min(SIDE, x + 1)
        if sharp:
            source = _best_source(pixel, up, down, left, right, width, place, nearest, distances, confidence)
            for c in range(voted):
                values[pixel * channels + c] = values[source * channels + c]
            continue
        total = np.float32(0)
        sums[:voted] = 0
        for dy in range(up, down):
            for dx in range(left, right):
                j = place[pixel - dy * width - dx]
                source = nearest[j] + dy * width + dx
                total += confidence[j]
                for c in range(voted):
                    sums[c] += confidence[j] * values[source * channels + c]
        if total > 0:
            for c in range(voted):
                values[pixel * channels + c] = sums[c] / total


@inner
def _best_source(
    pixel: Any, up: int, down: int, left: int, right: int, width: int, place: Any, nearest: Any, distances: Any,
    confidence: Any,
) -> Any:  # fmt: skip
    """Return the pixel that the best patch over a pixel has for it.

    That is the one of largest c exp(-0.02 r^2) / (1 + (d - d0) / (3 d0))^2, d0 being the smallest of the distances, r
    how far the patch's middle is from the pixel.
    """
    smallest = np.float32(np.inf)
    for dy in range(up, down):
        for dx in range(left, right):
            smallest = min(smallest, distances[place[pixel - dy * width - dx]])
    soft = np.float32(_SOFTNESS) * max(smallest, np.float32(_SMALLEST))
    highest = np.float32(-1)
    best = pixel
    for dy in range(up, down):
        for dx in range(left, right):
            j = place[pixel - dy * width - dx]
            share = soft / (soft + (distances[j] - smallest))
            off = (dy - SIDE // 2) ** 2 + (dx - SIDE // 2) ** 2
            weight = confidence[j] * share * share * np.exp(np.float32(-_CENTRED * off))
            if weight > highest:
                highest = weight
                best = np.int64(nearest[j] + dy * width + dx)
    return best
