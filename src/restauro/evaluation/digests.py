"""SHA-256 of what an evaluation reads, so that results of a file that was replaced aren't taken for its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from glob import escape
from pathlib import Path

from restauro.errors import DataError

_NAME = "sha256"


def of_bytes(data: bytes | memoryview) -> str:
    """Return the digest of bytes.

    >>> of_bytes(b"")[:20]
    'sha256 e3b0c44298fc1'
    """
    return f"{_NAME} {hashlib.sha256(data).hexdigest()}"


def of_file(path: Path) -> str:
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


def of_files(paths: Iterable[Path], folder: Path) -> str:
    """Return a digest of the names and the contents of files in a folder."""
    lines = [f"{path.relative_to(folder).as_posix()} {of_file(path)}\n" for path in paths]
    return of_bytes("".join(lines).encode())


def of_network(path: Path) -> str:
    """Return the digest of an ONNX file, and of the files of its weights where these lie beside it."""
    beside = sorted(path.parent.glob(f"{escape(path.name)}[._]data*"))
    return of_files([path, *beside], path.parent) if beside else of_file(path)
