"""Messages in the words of the command line: what Python calls a parameter is an option here."""

from __future__ import annotations

import shlex

import click

from restauro.errors import Remedy, RestauroError


def worded(error: Exception, command: click.Command | None = None) -> str:
    """Return an error's message with its remedies as options of a command, by default the one that runs.

    A remedy for which the command has no option is left out.
    """
    if not isinstance(error, RestauroError):
        return str(error)
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
