"""Settings in a line of text, "radius=3,detail=0.5", read by what a function's keyword arguments are annotated with."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from restauro.errors import EvaluationError
from restauro.parameters import NamedParameter


def split_settings(text: str, listed: str) -> list[tuple[str, str]]:
    """Split "radius=3,detail=0.5" into pairs; `text` is where it stands, for the error.

    >>> split_settings("telea:radius=3", "radius=3")
    [('radius', '3')]
    """
    pairs = []
    for setting in listed.split(",") if listed else []:
        key, equals, value = setting.partition("=")
        if not (key and equals and value):
            raise EvaluationError(f"{text!r} can't be read at {setting!r}: write a way as NAME:radius=3,detail=0.5")
        pairs.append((key.strip(), value.strip()))
    return pairs


def number(text: str) -> int | float | str:
    """Read a whole number where it is written as one, else a real one; what is none stays a text.

    >>> number("3"), number("0.5"), number("three")
    (3, 0.5, 'three')
    """
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def checked(name: str, function: Callable[..., Any], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return settings as keyword arguments of a function.

    Raises
    ------
    RestauroError
        There is no such parameter, or its value is out of range.
    """
    known = {parameter.name: parameter for parameter in _parameters(function)}
    values: dict[str, Any] = {}
    for key, text in pairs:
        if key not in known:
            there = f"there is {', '.join(known)}" if known else "it has none"
            raise EvaluationError(f"{name} has no parameter {key!r}; {there}.")
        parameter = known[key]
        value = text if parameter.kind is str else number(text)
        values[key] = parameter.about.checked(key, parameter.kind, value)
    return values


def _parameters(function: Callable[..., Any]) -> list[NamedParameter]:
    """Read the annotations of a function's keyword-only arguments."""
    hints = typing.get_type_hints(function, include_extras=True)
    named = []
    for argument in inspect.signature(function).parameters.values():
        if argument.kind is argument.KEYWORD_ONLY:
            kind, about = typing.get_args(hints[argument.name])
            named.append(NamedParameter(argument.name, kind, argument.default, about))
    return named
