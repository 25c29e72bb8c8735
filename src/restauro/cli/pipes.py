"""The standard input and output, and pipes, as files: what can be read once only is copied to where it can be twice."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from restauro.errors import RestauroError, WriteError

STANDARD = Path("-")  # the standard input, or output


def is_pipe(path: Path) -> bool:
    """Whether a path is the standard input, or a pipe, such as a shell's <(command)."""
    if path == STANDARD:
        return True
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def check_terminals(*, reads: bool, writes: bool) -> None:
    """Refuse to read a picture from a terminal, or to write one there."""
    if reads and sys.stdin.isatty():
        raise click.UsageError("Nothing comes in: the standard input (-) is a terminal.")
    if writes and sys.stdout.isatty():
        raise click.UsageError("The standard output (-) is a terminal: send it to a file or a program.")


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """Give a file of what a path holds: itself, or a copy, for this process only, of what comes through a pipe."""
    if not is_pipe(path):
        yield path
        return
    from restauro.files.replacing import private_folder, write_error

    with private_folder(Path(tempfile.gettempdir())) as folder:
        copy = folder / "input"
        try:
            with copy.open("wb") as file, _opened(path) as pipe:
                shutil.copyfileobj(pipe, file)
        except OSError as error:
            if error.errno == errno.EFBIG:
                raise WriteError(
                    f"What comes through the pipe is larger than a file may be in {folder.parent}: set TMPDIR to "
                    "another folder, raise the limit (ulimit -f), or name the file itself."
                ) from None
            raise write_error(error, copy, "What comes through the pipe") from None
        try:
            yield copy
        except RestauroError as error:  # which names the copy
            said = type(error)(error.fact.replace(str(copy), str(path)), *error.remedies)
            said.subject = error.subject.replace(str(copy), str(path))
            raise said from None


@contextmanager
def writable(path: Path, ending: str | None) -> Iterator[Path]:
    """Give a file to write: the path itself, or for the standard output one that goes there when it is whole."""
    if path != STANDARD:
        yield path
        return
    from restauro.files.replacing import private_folder

    with private_folder(Path(tempfile.gettempdir())) as folder:
        file = folder / f"output{ending}"
        yield file
        if file.exists():
            _send(file)


def _send(file: Path) -> None:
    """Write a file to the standard output."""
    try:
        with file.open("rb") as whole:
            shutil.copyfileobj(whole, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # nobody reads on
        raise
    except OSError as error:
        raise WriteError(
            f"The standard output doesn't take the picture ({error.strerror}): send it elsewhere, or make room there."
        ) from None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    with path.open("rb") as pipe:
        yield pipe
