"""What can go wrong, one class each, all under `RestauroError`.

Each class is also a `ValueError` or a `TypeError`, so that programs which know nothing of restauro can catch it.
A message is one sentence or two: what is wrong, which value, and what to do. Where what to do is to give a parameter,
it is a `Remedy`, and whoever shows the message words it: Python as a keyword, the command line as an option.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any, Self


@dataclass(frozen=True)
class Remedy:
    """A way out of an error: to give a parameter a value.

    Attributes
    ----------
    parameter
        Its name in Python.
    value
        The value to give; Ellipsis where it is for the person to choose.
    why
        What for, or where it is right, in words that can follow it: "where black marks the damage".
    """

    parameter: str
    value: Any | EllipsisType = ...
    why: str = ""

    def as_keyword(self) -> str:
        """Word it for Python.

        >>> Remedy("polarity", "black", "where black marks the damage").as_keyword()
        'polarity="black" where black marks the damage'
        """
        value = "..." if self.value is ... else self.value
        value = json.dumps(value, ensure_ascii=False) if isinstance(self.value, str) else value
        return f"{self.parameter}={value} {self.why}".rstrip()


class RestauroError(Exception):
    """Anything that restauro refuses to do, with a sentence for the person who asked.

    Parameters
    ----------
    fact
        What is wrong, and which value. Without remedies it is the whole message, with its full stop; else it has none.
    *remedies
        What helps, each by itself: a `Remedy`, or words that can follow a colon, such as "choose another name".

    Examples
    --------
    >>> error = RestauroError("All is hole", Remedy("polarity", "black"), "take another mask")
    >>> print(error)
    All is hole: use polarity="black", or take another mask.
    >>> print(error.worded(lambda remedy: f"--mask-{remedy.parameter} {remedy.value}"))
    All is hole: use --mask-polarity black, or take another mask.
    """

    def __init__(self, fact: str, *remedies: Remedy | str) -> None:
        super().__init__(fact, *remedies)
        self.fact = fact
        self.remedies = remedies
        self.subject = ""

    def __str__(self) -> str:
        return self.worded(Remedy.as_keyword)

    def worded(self, word: Callable[[Remedy], str]) -> str:
        """Return the message, its remedies that are parameters in the caller's words."""
        if not self.remedies:
            return self.fact
        ways = [remedy if isinstance(remedy, str) else f"use {word(remedy)}" for remedy in self.remedies]
        return f"{self.fact}: {', or '.join(ways)}."

    def of(self, what: str) -> Self:
        """Return the same error said of something: a file, or what the file is to the one who asked.

        >>> error = RestauroError("It is empty.").of("m.png")
        >>> print(error, "|", error.of("The mask m.png"), "|", error.of("a.png"))
        m.png: It is empty. | The mask m.png: It is empty. | a.png: m.png: It is empty.
        """
        named_again = bool(self.subject) and f" {what}".endswith(f" {self.subject}")
        fact = self.fact.removeprefix(f"{self.subject}: ") if named_again else self.fact
        said = type(self)(f"{what}: {fact}", *self.remedies)
        said.subject = what
        return said


class ImageError(RestauroError, ValueError):
    """The image array has a shape or values that can't be restored."""


class ImageTypeError(RestauroError, TypeError):
    """The image is not an array, or of a dtype that has no rule."""


class MaskError(RestauroError, ValueError):
    """The mask doesn't fit the image, or doesn't say what is hole."""


class MaskTypeError(RestauroError, TypeError):
    """The mask is not an array, or of a dtype that has no rule."""


class MemoryShortError(RestauroError, ValueError):
    """A picture or a fill takes more memory than there is."""


class MethodError(RestauroError, ValueError):
    """No method of that name."""


class ParameterError(RestauroError, ValueError):
    """A method has no parameter of that name, or its value is out of range."""


class ParameterTypeError(RestauroError, TypeError):
    """A parameter's value is of the wrong type."""


class PolicyError(RestauroError, ValueError):
    """What was asked for isn't allowed: by `allow`, or by a policy file."""


class ReadError(RestauroError, ValueError):
    """A file can't be read as a picture."""


class WriteError(RestauroError, ValueError):
    """A file can't be written, or can't hold what it is asked to hold."""


class ModelError(RestauroError, ValueError):
    """A network's file is missing, or isn't one that can be run here."""


class DataError(RestauroError, ValueError):
    """A folder of pictures or masks to train or evaluate on is missing, or something in it can't be read."""


class EvaluationError(RestauroError, ValueError):
    """An evaluation can't start or go on: its methods, its settings or its folder of results."""


class TrainingError(RestauroError, ValueError):
    """A training run can't start or go on: its data, its settings or its checkpoint."""


class KernelsError(RestauroError, ValueError):
    """There is no machine code of the kernels that can run here, and nothing that could compile it."""


def check_progress(progress: object) -> None:
    """Raise ParameterTypeError for what isn't told of the progress by being called, before the work."""
    if progress is not None and not callable(progress):
        raise ParameterTypeError(f"progress is called with the share that is done, and {progress!r} can't be called.")


def checked_path(path: object, what: str) -> Path:
    r"""Return what a file is given by as a path; raise for what no file can be called by, before the work.

    what: which file it is, for the message, such as "The picture".

    Raises
    ------
    ParameterTypeError
        It is neither a text nor a path.
    ParameterError
        It has a character that no file's name can have.

    Examples
    --------
    >>> checked_path("panel.png", "The picture").suffix
    '.png'
    >>> checked_path("panel\0.png", "The picture")
    Traceback (most recent call last):
    restauro.errors.ParameterError: The picture's name 'panel\x00.png' can't be a file's: leave out '\x00'.
    """
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        given = "None" if path is None else type(path).__name__
        raise ParameterTypeError(f"{what} is given by its file's name, a text or a pathlib.Path, not by {given}.")
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        wrong = name[error.start]
    else:
        if "\0" not in name:
            return Path(name)
        wrong = "\0"
    raise ParameterError(f"{what}'s name {name!r} can't be a file's: leave out {wrong!r}.")
