"""How kernels run: as machine code that came with the package, compiled by Numba on first use, or as plain Python.

Which of the three it is, is decided once a process: by the environment variable RESTAURO_KERNELS (compiled, jit or
python), else by what there is. A kernel names the types that it is called with, in Numba's words, for two reasons: they
are what is compiled ahead of time, and machine code that is called with anything else gives wrong pictures.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from restauro import compiling
from restauro.errors import KernelsError
from restauro.numerics.compiled import library

Function = TypeVar("Function", bound=Callable[..., Any])

VARIABLE = "RESTAURO_KERNELS"
BUILDING = os.environ.get(VARIABLE) == "build"  # of compiled/build.py alone: Numba's, to make a library of

# Sums may be taken in any order and products fused, which is what lets loops use vector registers. NaN and infinity
# keep their meaning (no "nnan", "ninf"): with plain fastmath=True, isnan(nan) is False.
FAST_MATH = {"reassoc", "contract", "arcp", "nsz"}

SIGNATURES: dict[str, list[str]] = {}  # of all kernels whose modules are imported, by "module.name"


def _chosen() -> tuple[str, library.Library | None]:
    """Return how kernels run, and the library that they are in where they are compiled."""
    wanted = os.environ.get(VARIABLE, "")
    if BUILDING:
        return "jit", None
    if wanted not in ("", "compiled", "jit", "python"):
        raise KernelsError(f"{VARIABLE}={wanted} means nothing: it is compiled, jit or python, or not set.")
    if wanted == "python":
        return "python", None
    has_numba = importlib.util.find_spec("numba") is not None
    if wanted in ("", "compiled") and (files := library.find()):
        try:
            return "compiled", library.Library(files)
        except OSError as error:
            if wanted or not has_numba:
                raise KernelsError(f"The compiled kernels in {files[0].parent} can't be used: {error}") from None
    if wanted == "compiled":
        raise KernelsError(
            f"{VARIABLE}=compiled, but there are no compiled kernels of this version for this processor in "
            f"{library.LIBRARIES}: in a clone, python3 dev.py kernels builds them."
        )
    if not has_numba:
        raise KernelsError(
            "There are no compiled kernels for this processor, and Numba, which compiles them, isn't installed: "
            "pip install 'restauro[jit]', or, in a clone, python3 dev.py kernels."
        )
    return "jit", None


MODE, LIBRARY = _chosen()

if MODE == "jit":
    import numba
    from numba.core import event
    from numba.core.base import BaseContext
    from numba.core.compiler_lock import global_compiler_lock

    # Steps that Numba makes of its own, such as powers, it keeps for all kernels, with the liberties of the one that
    # asked first: so a kernel's bits would depend on what was compiled before it. Each kind gets its own.
    _steps: dict[Any, dict[Any, Any]] = {}
    _subtarget = BaseContext.subtarget

    def _with_own_steps(context: Any, **options: Any) -> Any:
        made = _subtarget(context, **options)
        liberties = frozenset(getattr(made.fastmath, "flags", ()))
        made.cached_internal_func = _steps.setdefault((id(made.codegen()), liberties), {})
        return made

    BaseContext.subtarget = _with_own_steps

    class _Waiting(event.Listener):  # type: ignore[misc]
        """Tells whoever waits why."""

        def on_start(self, _: Any) -> None:
            compiling.begin(
                "Compiling kernels with Numba, the first time for this kind of picture: up to a minute for a "
                "method, kept for later runs."
            )

        def on_end(self, _: Any) -> None:
            compiling.end()

    if not BUILDING:
        event.register("numba:compile", _Waiting())

    # A child that is forked while another thread compiles would find the compiler locked, and nobody there to open it.
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=global_compiler_lock.acquire,
            after_in_parent=global_compiler_lock.release,
            after_in_child=global_compiler_lock.release,
        )


def described() -> str:
    """Say in a few words how kernels run."""
    if LIBRARY is not None:
        return f"kernels compiled for {LIBRARY.level} by {LIBRARY.compiler.replace('numba', 'numba ')}"
    return f"kernels compiled on first use by numba {numba.__version__}" if MODE == "jit" else "kernels in plain Python"


def kernel(*signatures: str, **dtypes: str) -> Callable[[Function], Function]:
    """Make machine code of a function, which runs without the interpreter's lock.

    Where there is no library, Numba compiles it on first use and puts the code beside the module, or into the user's
    cache folder where the installation is read-only. Where neither can be written, it is compiled in every process.

    Parameters
    ----------
    *signatures
        The types of arguments that it is called with, as Numba writes them: i8 for an int, f8 for a float, b1 for a
        bool; `f4[:, ::1]` for a contiguous array and `f4[:, :]` for any array of two axes. None for what only other
        kernels call.
    **dtypes
        What a capital letter in the signatures stands for, in turn: T="u1 f4".
    """
    return _maker(signatures, dtypes, FAST_MATH)


def orderly_kernel(*signatures: str, **dtypes: str) -> Callable[[Function], Function]:
    """Make machine code of a function like `kernel`, but keep the order of its sums.

    A loop that reads some arrays and writes others is compiled twice, and where the arrays lie decides which is used:
    with liberties the two may round differently, and the same input would give different output.
    """
    return _maker(signatures, dtypes, False)


def inner(function: Function) -> Function:
    """Compile a step of a kernel: part of the code of every kernel that calls it, so that calling it costs nothing."""
    if MODE != "jit":
        return function
    return numba.njit(function, **_options(FAST_MATH), forceinline=True)  # type: ignore[no-any-return]


def spelled_out(signatures: tuple[str, ...], dtypes: dict[str, str]) -> list[str]:
    """Return signatures with every letter replaced, in all combinations.

    >>> spelled_out(("T[:], S[::1]",), {"T": "u1 u2", "S": "f4"})
    ['u1[:], f4[::1]', 'u2[:], f4[::1]']
    """
    found = []
    for signature in signatures:
        letters = [letter for letter in dtypes if re.search(rf"\b{letter}\b", signature)]
        for chosen in product(*(dtypes[letter].split() for letter in letters)):
            text = signature
            for letter, dtype in zip(letters, chosen, strict=True):
                text = re.sub(rf"\b{letter}\b", dtype, text)
            found.append(text)
    return found


def _maker(
    signatures: tuple[str, ...], dtypes: dict[str, str], fastmath: set[str] | bool
) -> Callable[[Function], Function]:
    def make(function: Function) -> Function:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        SIGNATURES[name] = spelled_out(signatures, dtypes)
        if LIBRARY is not None:
            return LIBRARY.function(function, name, SIGNATURES[name]) if signatures else function  # type: ignore[return-value]
        return _compiled(function, fastmath) if MODE == "jit" else function

    return make


@cache
def _sources() -> str:
    """Return a digest of all files that kernels are made of."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _options(fastmath: set[str] | bool) -> dict[str, Any]:
    """Return Numba's options. What only Python or C could call isn't compiled."""
    wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return {"nogil": True, "fastmath": fastmath, "error_model": "numpy", **wrappers}


def _compiled(function: Function, fastmath: set[str] | bool) -> Function:
    if BUILDING:
        return numba.njit(function, **_options(fastmath))  # type: ignore[no-any-return]
    options = _options(fastmath) | {"no_cpython_wrapper": False}
    try:
        compiled = numba.njit(function, cache=True, **options)
        # Numba looks at a kernel's own file alone to see whether its code on the disk is up to date; steps and
        # constants of other files are part of that code as well.
        file = compiled._cache._cache_file
        file._source_stamp = (file._source_stamp, _sources())
        return compiled  # type: ignore[no-any-return]
    except RuntimeError:  # "cannot cache function: no locator available"
        return numba.njit(function, **options)  # type: ignore[no-any-return]
