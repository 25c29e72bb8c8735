"""Kernels as what they are: for tests of how they are made, and of their steps."""

from __future__ import annotations

from typing import Any

from restauro.numerics.kernel import MODE


def plain(kernel: Any) -> Any:
    """Return the Python function that a kernel is made of, however it runs."""
    made = getattr(kernel, "py_func", None) or getattr(kernel, "__self__", kernel)
    return getattr(made, "__wrapped__", made)


def step(inner: Any) -> Any:
    """Return a step of kernels as something that Python can call; a library has no steps, so it is Python there."""
    if MODE != "jit":
        return inner
    import numba

    return numba.njit(error_model="numpy")(lambda *arguments: inner(*arguments))
