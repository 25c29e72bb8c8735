"""How kernels are compiled: one decorator, one set of floating-point liberties."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core.compiler_lock import global_compiler_lock

# A child that is forked while another thread compiles would find the compiler locked, and nobody there to open it.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )

Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in any order and products fused, which is what lets loops use vector registers. NaN and infinity
# keep their meaning (no "nnan", "ninf"): with plain fastmath=True, isnan(nan) is False.
FAST_MATH = {"reassoc", "contract", "arcp", "nsz"}


def kernel(function: Function) -> Function:
    """Compile a function on first use, without the interpreter's lock, and keep the machine code on disk.

    Numba puts the code beside the module, or into the user's cache folder where the installation is read-only. Where
    neither can be written, the kernel is compiled anew in every process.
    """
    return _compiled(function, FAST_MATH)


def orderly_kernel(function: Function) -> Function:
    """Compile a function like `kernel`, but keep the order of its sums.

    A loop that reads some arrays and writes others is compiled twice, and where the arrays lie decides which is used:
    with liberties the two may round differently, and the same input would give different output.
    """
    return _compiled(function, False)


@cache
def _sources() -> str:
    """Return a digest of all files that kernels are made of."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _compiled(function: Function, fastmath: set[str] | bool) -> Function:
    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath, "error_model": "numpy"}
    try:
        compiled = numba.njit(function, cache=True, **options)
        # Numba looks at a kernel's own file alone to see whether its code on the disk is up to date; steps and
        # constants of other files are part of that code as well.
        if not numba.config.DISABLE_JIT:
            file = compiled._cache._cache_file
            file._source_stamp = (file._source_stamp, _sources())
        return compiled  # type: ignore[no-any-return]
    except RuntimeError:  # "cannot cache function: no locator available"
        return numba.njit(function, **options)  # type: ignore[no-any-return]


def inner(function: Function) -> Function:
    """Compile a step of a kernel: part of the code of every kernel that calls it, so that calling it costs nothing."""
    options: dict[str, Any] = {"nogil": True, "fastmath": FAST_MATH, "error_model": "numpy", "forceinline": True}
    return numba.njit(function, **options)  # type: ignore[no-any-return]
