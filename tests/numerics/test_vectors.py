"""Vectors of eight against NumPy, within a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from restauro.numerics.kernel import MODE, kernel
from restauro.numerics.vectors import LANES, evens, load, lower_woven, rewrite, store, upper_woven

if MODE == "compiled":
    pytest.skip("a library has the package's kernels alone", allow_module_level=True)


@kernel("A[::1], B[::1], f8, C[::1], i8", A="f4 f8", B="f4 f8", C="f4 f8")
def computed(a: Any, b: Any, factor: float, out: Any, count: int) -> None:
    x, y = load(a, 1), load(b, 2)
    store(out, 3, x * y + factor * (x - y), count)


@kernel("A[::1], B[::1], f8, C[::1], i8", A="f4 f8", B="f4 f8", C="f4 f8")
def rewritten(a: Any, b: Any, factor: float, out: Any, count: int) -> None:
    x, y = load(a, 1), load(b, 2)
    rewrite(out, 3, x * y + factor * (x - y), count)


@kernel("f4[::1], f4[::1], f4[::1]")
def shuffled(a: Any, b: Any, out: Any) -> None:
    store(out, 0, evens(load(a, 0), load(b, 0)), LANES)
    store(out, LANES, lower_woven(load(a, 0), load(b, 0)), LANES)
    store(out, 2 * LANES, upper_woven(load(a, 0), load(b, 0)), LANES)


@pytest.mark.parametrize("out_dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("first", "second"), [("f4", "f4"), ("f4", "f8"), ("f8", "f4"), ("f8", "f8")])
@pytest.mark.parametrize("count", [-3, 0, 1, 5, LANES, LANES + 4])
@pytest.mark.parametrize("compute", [computed, rewritten])
def test_what_is_computed_and_how_much_is_stored(
    first: str, second: str, out_dtype: type, count: int, compute: Callable[..., None]
) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=12).astype(first), rng.normal(size=12).astype(second)
    out = np.full(16, 7, out_dtype)
    compute(a, b, 0.5, out, count)
    x, y = a[1 : 1 + LANES].astype(float), b[2 : 2 + LANES].astype(float)
    stored = min(max(count, 0), LANES)
    expected = np.full(16, 7.0)
    expected[3 : 3 + stored] = (x * y + 0.5 * (x - y))[:stored]
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(np.delete(out, range(3, 3 + stored)), 7)


def test_numbers_of_two_vectors_are_taken_in_turn() -> None:
    a, b = np.arange(LANES, dtype=np.float32), np.arange(LANES, 2 * LANES, dtype=np.float32)
    out = np.zeros(3 * LANES, np.float32)
    shuffled(a, b, out)
    assert out[:LANES].tolist() == list(range(0, 2 * LANES, 2))
    woven = np.stack([a, b], axis=1).ravel()
    assert out[LANES:].tolist() == woven.tolist()


@pytest.mark.parametrize("compute", [computed, rewritten])
def test_what_is_not_finite_beyond_a_run_is_not_stored(compute: Callable[..., None]) -> None:
    a = np.array([0, 1, 2, 3] + [np.nan] * 8, np.float32)
    out = np.zeros(16, np.float32)
    compute(a, a, 1.0, out, 2)
    assert out[3:5].tolist() == [1, 5]
    assert np.isfinite(out).all()
