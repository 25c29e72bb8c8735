"""Cracks found: lines darker or brighter than both sides, followed along their length, weighed against the texture."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

_ANGLES = 16
_LENGTH = 13  # pixels, over which a line is straight
_MARGIN = 12  # pixels to where a line's sides are read
_EDGE = _MARGIN + _LENGTH // 2 + 2
# Distance to a line's sides, and the steps across it that are its own: for lines up to 2, 4, 8 and 13 pixels wide.
_WIDTHS: tuple[tuple[float, tuple[float, ...]], ...] = (
    (2.0, (0.0,)),
    (3.2, (-0.8, 0.8)),
    (5.6, (-1.8, 0.0, 1.8)),
    (8.8, (-3.0, 0.0, 3.0)),
)
_SURROUNDINGS = 49  # pixels, side of the square whose texture a line is weighed against
_NOISE = 0.15  # of 255: less than this no picture's texture is
_STEP, _STEPS = 4, 3  # of following a line, in double pixels


def crack_features(image: NDArray[Any], workers: int | None = None) -> Field:
    """Return the responses of the filters that cracks are found by.

    Parameters
    ----------
    image
        uint8, uint16 or floats with a full scale of 0 to 1, [H, W] or [H, W, C]. It isn't modified.
    workers
        Threads; by default all usable cores. The result doesn't depend on it.

    Returns
    -------
    float32 [F, H, W]
        About as large as 1; 0 is nothing.
    """
    threads = workers or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        local = _responses(*_planes(image), pool)
    return np.concatenate([local[0], local[1]])


def _planes(image: NDArray[Any]) -> tuple[Field, Field]:
    """Return lightness and two differences of colour, [H, W] and [2, H, W], in 255ths of the full scale."""
    scale = np.float32(255 / (np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1))
    bands = np.atleast_3d(image).astype(np.float32) * scale
    grey = bands.mean(axis=2)
    if bands.shape[2] < 3:
        return grey, np.zeros((0, *grey.shape), np.float32)
    share = 128 / (grey + 16)
    return grey, np.stack([(bands[..., 0] - bands[..., 2]) * share, (bands[..., 1] - grey) * share])


def _responses(grey: Field, colours: Field, pool: ThreadPoolExecutor) -> Field:
    """Return what filters say of dark and of bright lines, [2, F, H, W], of even sides."""
    from scipy import ndimage

    from restauro.numerics import line_evidence

    height, width = grey.shape
    grey = np.pad(grey, ((0, height % 2), (0, width % 2)), "edge")
    colours = np.pad(colours, ((0, 0), (0, height % 2), (0, width % 2)), "edge")
    smooth = ndimage.gaussian_filter(grey, 0.6)
    stack = _ridges(smooth, _WIDTHS, pool)
    tints = np.zeros(stack.shape[1:], np.float32)
    for colour in colours:
        tints += np.abs(_ridges(ndimage.gaussian_filter(colour, 0.6), _WIDTHS[1:2], pool)[0])
    means = list(
        pool.map(lambda job: _mean_of(stack[job[0]], job[1]), [(j, s) for j in range(len(_WIDTHS)) for s in (1, -1)])
    )
    spreads = list(pool.map(lambda mean: ndimage.uniform_filter(mean, _SURROUNDINGS, mode="reflect") + _NOISE, means))
    result = []
    for sign in (1, -1):
        own = np.stack(spreads[0::2] if sign == 1 else spreads[1::2])
        other = np.stack(spreads[1::2] if sign == 1 else spreads[0::2])
        best, mean, change = (np.empty(grey.shape, np.float32) for _ in range(3))
        pooled = np.empty((_ANGLES, grey.shape[0] // 2, grey.shape[1] // 2), np.float32)
        weight = 1 / other
        rows = np.arange(0, grey.shape[0] + 64, 64).clip(max=grey.shape[0])
        list(
            pool.map(
                lambda k: line_evidence.combine(
                    stack, tints, weight, float(sign), rows[k : k + 2], best, mean, change, pooled
                ),
                range(len(rows) - 1),
            )
        )
        long, short = _followed(pooled, pool)
        strengths = [(sign * stack[j]).max(axis=0) for j in range(len(_WIDTHS))]
        each = [*(np.log(s.clip(0) + 0.5) for s in strengths)]
        each += [np.log(s.clip(0) * w + 0.3) for s, w in zip(strengths, weight, strict=True)]
        each += [np.log(v + 0.3) for v in (best, mean)]
        each += [np.log(v.repeat(2, 0).repeat(2, 1) + 0.3) for v in (short, long)]
        each += [np.log(change + 1), np.log((change + 1) / (best / weight[1] + 1))]
        each += [np.log(own[1] / other[1]), np.log(own[0] / other[0]), np.log(other[0]), np.log(other[2] / other[0])]
        each += [np.log(own[3] / other[3])]
        each += [smooth / 128 - 1]
        result.append(np.stack(each)[:, :height, :width])
    return np.stack(result)


def _mean_of(stack: Field, sign: int) -> Field:
    return np.mean(np.maximum(stack * sign, 0), axis=0)


def _ridges(plane: Field, widths: tuple[tuple[float, tuple[float, ...]], ...], pool: ThreadPoolExecutor) -> Field:
    """Return lines of every width and angle, [widths, angles, H, W]: dark ones positive, bright ones negative."""
    from restauro.numerics import ridges

    height, width = plane.shape
    padded = np.pad(plane, _EDGE, "reflect" if min(plane.shape) > _EDGE else "symmetric")
    stack = np.empty((len(widths), _ANGLES, height, width), np.float32)

    def at(k: int) -> None:
        angle = np.pi * k / _ANGLES
        means = np.empty((height + 2 * _MARGIN, width + 2 * _MARGIN), np.float32)
        ridges.line_means(padded, _EDGE - _MARGIN, ridges.along(angle, _LENGTH), means)
        for j, (aside, own) in enumerate(widths):
            inside = np.array([ridges.across(angle, step) for step in own])
            sides = np.array([ridges.across(angle, step) for step in (aside, -aside)])
            ridges.ridges(means, _MARGIN, inside, sides, stack[j, k])

    list(pool.map(at, range(_ANGLES)))
    return stack


def _followed(stack: Field, pool: ThreadPoolExecutor) -> tuple[Field, Field]:
    """Return the mean along the best line through every place, a long one and a short one."""
    from restauro.numerics import line_evidence, ridges

    angles = np.pi * np.arange(_ANGLES) / _ANGLES
    ahead = np.rint(_STEP * np.stack([-np.sin(angles), np.cos(angles)], axis=1)).astype(np.int64)
    aside = np.array([ridges.across(angle, 0.8) for angle in angles])
    total, short = stack.copy(), stack.copy()
    for way in (1, -1):
        sums = np.zeros_like(stack)
        for step in range(_STEPS):
            following = np.empty_like(stack)
            list(
                pool.map(
                    lambda a: line_evidence.follow(stack, sums, way * ahead, aside, a, a + 1, following), range(_ANGLES)
                )
            )
            sums = following
            if step == 0:
                short += sums
        total += sums
    return total.max(axis=0) / (2 * _STEPS + 1), short.max(axis=0) / 3
