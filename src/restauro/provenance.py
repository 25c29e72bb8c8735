"""What results depend on beside settings: machine, versions, and the files that were read, as their SHA-256."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from glob import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import restauro
from restauro.errors import DataError

_PACKAGES = ("numpy", "numba", "onnxruntime", "scikit-image", "pyvips")
_NAME = "sha256"


def machine() -> dict[str, str]:
    """Return what results depend on beside settings: versions, processor, system; and the time."""
    found = {"restauro": restauro.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def where(about: Mapping[str, str]) -> str:
    """Write what times depend on: processor, cores, system."""
    return f"{about['processor']}, {about['cores']} cores, {about['system']}"


def digest_of_bytes(data: bytes | memoryview) -> str:
    """Return the digest of bytes.

    >>> digest_of_bytes(b"")[:20]
    'sha256 e3b0c44298fc1'
    """
    return f"{_NAME} {hashlib.sha256(data).hexdigest()}"


def digest_of_file(path: Path) -> str:
    """Return the digest of a file's content.

    Raises
    ------
    DataError
        It can't be read.
    """
    try:
        with path.open("rb") as file:
            return f"{_NAME} {hashlib.file_digest(file, _NAME).hexdigest()}"
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}).") from None


def digest_of_files(paths: Iterable[Path], folder: Path) -> str:
    """Return a digest of the names and the contents of files in a folder."""
    lines = [f"{path.relative_to(folder).as_posix()} {digest_of_file(path)}\n" for path in paths]
    return digest_of_bytes("".join(lines).encode())


def digest_of_network(path: Path) -> str:
    """Return the digest of an ONNX file, and of the files of its weights where these lie beside it."""
    beside = sorted(path.parent.glob(f"{escape(path.name)}[._]data*"))
    return digest_of_files([path, *beside], path.parent) if beside else digest_of_file(path)
