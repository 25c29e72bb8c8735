"""Kernels of the solver: conjugate gradients, preconditioned by a V-cycle of multigrid.

Several threads run one solve side by side. Each level is divided into a fixed number of chunks, and sums are taken
chunk by chunk, so that the result doesn't depend on the number of threads. Several right sides are solved side by side
as well, each as if it were alone: one that is done is left out from there on. For the arrays see multigrid_kernels.

Numbers at the ends of lines are those of algorithm 9.1, preconditioned conjugate gradients, in Y. Saad, Iterative
Methods for Sparse Linear Systems, 2nd edition, 2003. The V-cycle is that of Briggs, Henson, McCormick, A Multigrid
Tutorial, 2nd edition, 2000, chapter 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics import plate_kernels
from restauro.numerics.atomics import wait_for_all
from restauro.numerics.hierarchy import CHUNKS
from restauro.numerics.kernel import inner, kernel
from restauro.numerics.multigrid_kernels import first_step, multiply, prolong, residual, restrict, span, sweep

_SMALL = 2000  # pixels of a level up to which one thread does it and all coarser ones alone

# Rows of `sums`: the largest residual, residual times multigrid's step, direction times its product, the largest step.
_RESIDUAL, _ALONG, _CURVED, _STEP = range(4)


@inner
def _together(turn: Any, parts: int, arrivals: Any, control: Any) -> None:
    """Wait until every thread has come here."""
    if parts > 1:
        turn[0] += 1
        wait_for_all(arrivals, turn[0] * parts, control)


@kernel()
def cycle(
    table: Any, bounds: Any, sizes: Any, spectrum: Any, unit: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any,
    Y: Any, planes: Any, stride: int, part: int, parts: int, turn: Any, arrivals: Any, control: Any,
) -> None:  # fmt: skip
    """One V-cycle from zero: Y of the first level = approximately A^-1 B. All threads call it together.

    Down: relax twice, restrict the residual to the next level. Up: add its correction, interpolated, relax twice.
    When it is told to stop, it leaves with anything in Y.
    """
    levels = bounds.shape[0]
    shared = 0
    while shared < levels and sizes[shared] > _SMALL and parts > 1:
        shared += 1
    for level in range(levels):
        alone = level >= shared
        if (alone and part > 0) or control[0] != 0:
            break
        low, high = _share(bounds, level, part, parts, alone)
        step = spectrum[level]
        if level > 0:
            restrict(table, low, high, wide, X, B, planes, stride)
        first_step(table, low, high, inverse, B, X, planes, stride, step[0])
        if not alone:
            _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, X, Y, planes, stride, step[1])
        if not alone:
            _together(turn, parts, arrivals, control)
        if level + 1 < levels:
            residual(table, low, high, unit and level == 0, A, wide, B, Y, X, planes, stride)
            if not alone:
                _together(turn, parts, arrivals, control)
    if shared < levels:
        if part == 0:
            for level in range(levels - 2, shared - 1, -1):
                low, high, step = bounds[level, 0], bounds[level, CHUNKS], spectrum[level]
                prolong(table, low, high, wide, Y, planes, stride)
                sweep(table, low, high, unit and level == 0, A, inverse, wide, B, Y, X, planes, stride, step[1])
                sweep(table, low, high, unit and level == 0, A, inverse, wide, B, X, Y, planes, stride, step[0])
        _together(turn, parts, arrivals, control)
    for level in range(min(shared, levels - 1) - 1, -1, -1):
        if control[0] != 0:
            break
        low, high = _share(bounds, level, part, parts, False)
        step = spectrum[level]
        prolong(table, low, high, wide, Y, planes, stride)
        _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, Y, X, planes, stride, step[1])
        _together(turn, parts, arrivals, control)
        sweep(table, low, high, unit and level == 0, A, inverse, wide, B, X, Y, planes, stride, step[0])
        _together(turn, parts, arrivals, control)


@inner
def _share(bounds: Any, level: int, part: int, parts: int, alone: bool) -> Any:
    """Return the runs of a level that are this thread's."""
    if alone:
        return bounds[level, 0], bounds[level, CHUNKS]
    return bounds[level, CHUNKS * part // parts], bounds[level, CHUNKS * (part + 1) // parts]


@kernel()
def _start(b: Any, r: Any) -> None:
    """Set r = b - r, where r was A u."""
    for k in range(r.shape[0]):
        r[k] = b[k] - r[k]


@kernel()
def _copy(r: Any, B: Any) -> None:
    """Set B = r."""
    for k in range(r.shape[0]):
        B[k] = r[k]


@kernel()
def _step(alpha: float, p: Any, q: Any, u: Any, r: Any) -> None:
    """Go along p: u += alpha p, r -= alpha q."""
    share = u.dtype.type(alpha)
    for k in range(r.shape[0]):
        u[k] += share * p[k]
        r[k] -= share * q[k]


@kernel()
def _product(r: Any, Z: Any) -> float:
    """Return the sum of r Z."""
    product = 0.0
    for k in range(r.shape[0]):
        product += r[k] * Z[k]
    return product


@kernel()
def _largest(Z: Any) -> float:
    """Return the largest magnitude of Z.

    As whole numbers, the bits of magnitudes have the same order, and processors compare many of them at once.
    """
    largest = np.zeros(1, Z.dtype)
    if Z.itemsize == 4:
        highest = np.int32(0)
        bits = Z.view(np.int32)
        for k in range(bits.shape[0]):
            highest = max(highest, bits[k] & np.int32(0x7FFFFFFF))
        largest.view(np.int32)[0] = highest
    else:
        highest_64 = np.int64(0)
        bits_64 = Z.view(np.int64)
        for k in range(bits_64.shape[0]):
            highest_64 = max(highest_64, bits_64[k] & np.int64(0x7FFFFFFFFFFFFFFF))
        largest.view(np.int64)[0] = highest_64
    return np.float64(largest[0])


@kernel()
def _turn_to(beta: float, Z: Any, p: Any) -> None:
    """Set p = Z + beta p."""
    share = p.dtype.type(beta)
    for k in range(p.shape[0]):
        p[k] = Z[k] + share * p[k]


@kernel()
def _go(Z: Any, u: Any) -> None:
    """Take multigrid's step: u += Z."""
    for k in range(u.shape[0]):
        u[k] += Z[k]


@inner
def _within(X: Any, plane: int, stride: int, pixels: Any) -> Any:
    """Return a plane's numbers at some pixels, from the first to the one after the last."""
    return X[plane * stride + pixels[0] : plane * stride + pixels[1]]


@kernel(
    "i4[:, ::1], i8[:, ::1], i8[::1], f8[:, ::1], b1, f4[:, ::1], f4[::1], none, f4[::1], f4[::1], f4[::1], i8, "
    "T[::1], T[::1], T[::1], T[::1], T[::1], i8, i8, f8, f8, f8[:, ::1], f8[:, :, ::1], i8, i8, i8[::1], i8[::1]",
    "i4[:, ::1], i8[:, ::1], i8[::1], f8[:, ::1], b1, f8[:, ::1], f8[::1], W, f8[::1], f8[::1], f8[::1], i8, "
    "f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], i8, i8, f8, f8, f8[:, ::1], f8[:, :, ::1], i8, i8, i8[::1], i8[::1]",
    T="f4 f8",
    W=plate_kernels.WIDE,
)
def conjugate_gradients(
    table: Any, bounds: Any, sizes: Any, spectrum: Any, unit: bool, A: Any, inverse: Any, wide: Any, B: Any, X: Any,
    Y: Any, stride: int, b: Any, u: Any, p: Any, r: Any, q: Any, own: int, apart: int, tolerance: float, change: float,
    history: Any, sums: Any, part: int, parts: int, arrivals: Any, control: Any,
) -> int:  # fmt: skip
    """Solve A u = b for all planes from the u given; return the number of steps of the one that takes most.

    A plane is done when no residual is larger than `tolerance`, or with a step of multigrid by itself that is nowhere
    larger than `change`.

    Preconditioned by one V-cycle. All threads call it together; p is zero at the start. The planes of b, u and p are
    `own` apart, those of B, X and Y `stride`, those of r and q `apart`. Where they have one type, r and q are B and X:
    the V-cycle leaves its right side as it is, and X is free between two of them. sums: float64 [4, planes, CHUNKS].
    history: float64 [steps at most, planes], the largest residual before each step is written to it.
    """
    copies = r.itemsize != B.itemsize
    turn = np.zeros(1, np.int64)
    planes = np.arange(sums.shape[1])
    before = np.ones(sums.shape[1])
    mine = _with_runs(bounds, CHUNKS * part // parts, CHUNKS * (part + 1) // parts)
    for chunk in mine:
        low, high = bounds[0, chunk], bounds[0, chunk + 1]
        at = span(table, low, high)
        multiply(table, low, high, unit, A, wide, u, r, planes, own, apart)
        for plane in planes:
            left = _within(r, plane, apart, at)
            _start(_within(b, plane, own, at), left)  # 1
            sums[_RESIDUAL, plane, chunk] = _largest(left)
            if copies:
                _copy(left, _within(B, plane, stride, at))
    for steps in range(len(history)):  # 2
        _together(turn, parts, arrivals, control)
        for plane in planes if part == 0 else planes[:0]:
            history[steps, plane] = sums[_RESIDUAL, plane].max()
        planes = _larger(planes, sums[_RESIDUAL], tolerance)
        if len(planes) == 0 or control[0] != 0:
            return steps
        cycle(
            table, bounds, sizes, spectrum, unit, A, inverse, wide, B, X, Y, planes, stride, part, parts, turn,
            arrivals, control,
        )  # 1 and 6  # fmt: skip
        for chunk in mine:
            at = span(table, bounds[0, chunk], bounds[0, chunk + 1])
            for plane in planes:
                Z = _within(Y, plane, stride, at)
                sums[_ALONG, plane, chunk] = _product(_within(r, plane, apart, at), Z)
                sums[_STEP, plane, chunk] = _largest(Z) if change > 0 else np.inf
        _together(turn, parts, arrivals, control)
        going = _larger(planes, sums[_STEP], change)
        for chunk in mine:
            at = span(table, bounds[0, chunk], bounds[0, chunk + 1])
            for plane in planes:
                if sums[_STEP, plane].max() <= change:
                    _go(_within(Y, plane, stride, at), _within(u, plane, own, at))
        planes = going
        if len(planes) == 0:
            return steps
        for chunk in mine:
            at = span(table, bounds[0, chunk], bounds[0, chunk + 1])
            for plane in planes:
                beta = sums[_ALONG, plane].sum() / before[plane]  # 7
                _turn_to(beta, _within(Y, plane, stride, at), _within(p, plane, own, at))  # 8
        for plane in planes:
            before[plane] = sums[_ALONG, plane].sum()
        _together(turn, parts, arrivals, control)
        for chunk in mine:
            low, high = bounds[0, chunk], bounds[0, chunk + 1]
            at = span(table, low, high)
            multiply(table, low, high, unit, A, wide, p, q, planes, own, apart)
            for plane in planes:
                sums[_CURVED, plane, chunk] = _product(_within(p, plane, own, at), _within(q, plane, apart, at))
        _together(turn, parts, arrivals, control)
        for chunk in mine:
            at = span(table, bounds[0, chunk], bounds[0, chunk + 1])
            for plane in planes:
                left = _within(r, plane, apart, at)
                alpha = before[plane] / sums[_CURVED, plane].sum()  # 3
                _step(
                    alpha, _within(p, plane, own, at), _within(q, plane, apart, at), _within(u, plane, own, at), left
                )  # 4 and 5
                sums[_RESIDUAL, plane, chunk] = _largest(left)
                if copies:
                    _copy(left, _within(B, plane, stride, at))
    return len(history)


@inner
def _with_runs(bounds: Any, first: int, end: int) -> Any:
    """Return those chunks of the first level that have runs: of a small hole hardly any."""
    found = np.empty(end - first, np.int64)
    count = 0
    for chunk in range(first, end):
        if bounds[0, chunk] < bounds[0, chunk + 1]:
            found[count] = chunk
            count += 1
    return found[:count]


@inner
def _larger(planes: Any, chunks: Any, bound: float) -> Any:
    """Return those planes that have a chunk, of [planes, CHUNKS], not within a bound."""
    left = np.empty(len(planes), np.int64)
    count = 0
    for plane in planes:
        if not chunks[plane].max() <= bound:
            left[count] = plane
            count += 1
    return left[:count]
