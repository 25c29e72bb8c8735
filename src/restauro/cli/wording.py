"""Messages in the words of the command line: what Python calls a parameter is an option here.

What is printed goes through `say`: names of files can hold anything, and terminals obey some of it.
"""

from __future__ import annotations

import errno
import os
import shlex
import traceback
import unicodedata

import click

from restauro.errors import Remedy, RestauroError

_ADVICE = {
    errno.ENAMETOOLONG: "The name is too long: check it, or choose a shorter one",
    errno.ELOOP: "It is a loop of symbolic links: name what they should lead to",
    errno.ENOSPC: "The disk is full: make room on it, or choose another",
    errno.EACCES: "It may not be read or written: change its permissions",
}
_TURNS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}  # the direction of what follows around


def printable(text: str | os.PathLike[str]) -> str:
    r"""Return a text or a file's name with what isn't to reach a terminal written out: control characters, line ends.

    >>> print(printable("red\x1b[31m.png"))
    red\x1b[31m.png
    """
    return "".join(_written_out(character) for character in os.fspath(text))


def say(text: str, *, err: bool = False) -> None:
    """Print lines, each `printable`."""
    click.echo("\n".join(printable(line) for line in text.split("\n")), err=err)


def _written_out(character: str) -> str:
    obeyed = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or ord(character) in _TURNS
    return character.encode("unicode_escape").decode("ascii") if obeyed else character


def worded(error: Exception, command: click.Command | None = None) -> str:
    """Return an error's message with its remedies as options of a command, by default the one that runs.

    A remedy for which the command has no option is left out. Of what isn't foreseen it is said where it happened.
    """
    if isinstance(error, MemoryError):
        return str(error) or "There isn't enough memory for it."
    if isinstance(error, OSError) and error.strerror:
        name = f"{printable(os.fsdecode(error.filename))}: " if error.filename else ""
        return f"{name}{_ADVICE.get(error.errno or 0, error.strerror)}."
    if not isinstance(error, RestauroError):
        place = traceback.extract_tb(error.__traceback__)[-1:]
        where = "".join(f" in {os.path.basename(frame.filename)}, line {frame.lineno}" for frame in place)
        what = f"{type(error).__name__}{where}: {error}"
        return f"restauro failed on it ({what}). The fault is restauro's: please report it, with the file."
    context = click.get_current_context(silent=True)
    command = command or (context.command if context else None)
    options = _options(command) if command else {}
    usable = [remedy for remedy in error.remedies if isinstance(remedy, str) or remedy.parameter in options]
    if error.remedies and not usable:
        return f"{error.fact}."
    said = type(error)(error.fact, *usable)
    return said.worded(lambda remedy: _as_option(remedy, options[remedy.parameter]))


def _options(command: click.Command) -> dict[str, str]:
    """Return a command's options by the names that Python has for them."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {option.name: max(option.opts, key=len) for option in options if option.name}


def _as_option(remedy: Remedy, option: str) -> str:
    value = ",".join(map(str, remedy.value)) if isinstance(remedy.value, tuple) else str(remedy.value)
    value = "" if remedy.value is ... or remedy.value is True else shlex.quote(value)
    return " ".join(word for word in (option, value, remedy.why) if word)
