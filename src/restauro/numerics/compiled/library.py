"""Kernels that were compiled ahead of time: a shared library for this processor, and its functions as Python's own."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from restauro import compiling
from restauro.errors import KernelsError
from restauro.numerics.compiled.runtime import DTYPES, FUNCTIONS, OBJECTS

LIBRARIES = Path(__file__).parent / "libraries"
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
_FAST_CALL = 0x0080  # METH_FASTCALL: entry(self, arguments, count)
_HEADER = 16  # bytes before what an object holds: neither a debugging Python nor one without the lock


@cache
def digest() -> str:
    """Return a digest of all files that a library is made of: kernels, and what compiles them."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def levels() -> list[str]:
    """Return the kinds of processor whose machine code runs here, the best first."""
    machine = platform.machine().lower()
    if machine in ("arm64", "aarch64"):
        return ["apple-m1" if sys.platform == "darwin" else "armv8-a"]
    if machine not in ("x86_64", "amd64"):
        return []
    core = "numpy._core" if hasattr(np, "_core") else "numpy.core"  # NumPy 1
    has = import_module(f"{core}._multiarray_umath").__cpu_features__
    wanted = {"x86-64-v3": ("AVX2", "FMA3", "F16C"), "x86-64-v2": ("SSE42", "POPCNT")}
    return [level for level, features in wanted.items() if all(has.get(feature) for feature in features)]


def find(folder: Path = LIBRARIES) -> list[Path]:
    """Return the parts of the library of these sources for the best kind of processor that runs here and has any."""
    for level in levels():
        if files := sorted(folder.glob(f"{level}-{digest()}-numba*{SUFFIX}")):
            return files
    return []


class Library:
    """The kernels in shared libraries.

    Parameters
    ----------
    files
        Its parts, named LEVEL-DIGEST-numbaVERSION-PART. In a clone some may have been left for when they are needed.

    Raises
    ------
    OSError
        One can't be loaded.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        probe = np.arange(3.0)
        data = ctypes.c_void_p.from_address(id(probe) + _HEADER).value
        if object.__basicsize__ != _HEADER or data != probe.ctypes.data:
            raise OSError("this Python, or this NumPy, keeps arrays in another way than compiled kernels expect.")
        self._lock = Lock()
        objects = {name: id(value) for name, value in _OBJECTS.items()}
        interface = {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value for name in FUNCTIONS}
        self._addresses = (ctypes.c_void_p * (len(OBJECTS) + len(FUNCTIONS)))(
            *(objects[name] for name in OBJECTS), *(interface[name] for name in FUNCTIONS)
        )
        self._numbers = (ctypes.c_int * (2 * len(DTYPES)))(*(n for name in DTYPES for n in _numbers(np.dtype(name))))
        self._kept: list[Any] = []  # what the functions point to, for as long as the process lives
        self._parts: dict[Path, ctypes.CDLL] = {}
        for file in files:
            self._load(file)
        self.level, _, self.compiler, _ = file.stem.rsplit("-", 3)

    def function(self, function: Callable[..., Any], name: str, signatures: Iterable[str]) -> Callable[..., Any]:
        """Return a kernel's machine code as a function; it raises a TypeError for what no signature is of."""

        @wraps(function)
        def refuse(*arguments: Any) -> None:
            given = ", ".join(map(_described, arguments))
            wanted = "; or ".join(signatures)
            raise TypeError(f"{name} was called with ({given}); it takes {wanted}.")

        method = _Method(
            function.__name__.encode(),
            ctypes.cast(self._entry(f"restauro.{name}"), ctypes.c_void_p),
            _FAST_CALL,
            (function.__doc__ or "").encode(),
        )
        self._kept.append(method)
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
        made: Callable[..., Any] = make(ctypes.addressof(method), refuse, None)
        return made

    def _load(self, file: Path) -> None:
        part = ctypes.CDLL(str(file))
        part.restauro_setup(self._addresses, self._numbers)
        self._parts[file] = part

    def _entry(self, name: str) -> Any:
        """Return a function of one of the parts; if it is in none, have those built that are missing."""
        with self._lock:
            if (entry := self._found(name)) is None:
                folder = next(iter(self._parts)).parent
                _build_missing(self.level, folder)
                for file in set(find(folder)) - set(self._parts):
                    self._load(file)
                entry = self._found(name)
            if entry is None:
                raise KernelsError(f"No part of the compiled kernels in {folder} has {name}.")
            return entry

    def _found(self, name: str) -> Any:
        return next((part[name] for part in self._parts.values() if hasattr(part, name)), None)


def _build_missing(level: str, folder: Path) -> None:
    """Compile the parts that were left for later when the clone was set up, by the Numba that compiled the others."""
    beside = Path(f"{sys.prefix}-kernels", *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
    python = sys.executable if importlib.util.find_spec("numba") else str(beside)
    if not os.path.exists(python):
        raise KernelsError(
            "Of the compiled kernels those that this needs are missing: in a clone, python3 dev.py kernels builds them."
        )
    with compiling.waiting(
        "Compiling the kernels that were left for when they are needed, once: half a minute, or three times that."
    ):
        command = [python, "-m", "restauro.numerics.compiled.build", "all", level, str(folder)]
        variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KernelsError(f"Kernels could not be compiled: {(done.stderr.splitlines() or ['?'])[-1]}")


class _Method(ctypes.Structure):
    """Python's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_DTYPES = tuple(np.dtype(name) for name in DTYPES)


def _empty(dtype: int, *shape: int) -> np.ndarray[Any, Any]:
    """Return an array that what a kernel has made is copied to."""
    return np.empty(shape, _DTYPES[dtype])


_OBJECTS: dict[str, Any] = {
    "ndarray": np.ndarray,
    "int": int,
    "float": float,
    "tuple": tuple,
    "int64": np.int64,
    "uint64": np.uint64,
    "float64": np.float64,
    "float32": np.float32,
    "None": None,
    "True": True,
    "False": False,
    "empty": _empty,
}


def _numbers(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return NumPy's numbers of the one or two C types that a dtype is."""
    same = {np.dtype(code).num for code in "?bBhHiIlLqQfd" if np.dtype(code) == dtype}
    return min(same), max(same)


def _described(argument: Any) -> str:
    """Write an argument's type as signatures do."""
    if isinstance(argument, tuple):
        return f"({', '.join(map(_described, argument))})"
    if not isinstance(argument, np.ndarray):
        return type(argument).__name__
    axes = [":"] * argument.ndim
    if argument.flags.c_contiguous:
        axes[-1:] = ["::1"]
    elif argument.flags.f_contiguous:
        axes[:1] = ["::1"]
    aside = "" if argument.flags.aligned else ", unaligned"
    return f"{argument.dtype.str.lstrip('<|')}[{', '.join(axes)}]{aside}"
