"""Parameters of methods, with what a person needs to know of them: meaning, range, unit, default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from restauro.errors import ParameterError, ParameterTypeError


@dataclass(frozen=True)
class Parameter:
    """What a person needs to know of a method's parameter; it stands in the annotation of the method's field.

    >>> Parameter("how far to look for known pixels", minimum=1, maximum=32, unit="pixels").range_text
    '1 to 32 pixels'
    """

    meaning: str
    minimum: float
    maximum: float
    unit: str = ""

    metavar: ClassVar[str] = "NUMBER"

    @property
    def range_text(self) -> str:
        """Range and unit in words."""
        return f"{self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()

    def checked(self, name: str, kind: type, value: object) -> int | float:
        """Return `value` as a number of type `kind`; raise unless it is one, within the range. 3.0 is whole."""
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        real = isinstance(value, (float, np.floating)) and (kind is not int or float(value).is_integer())
        if not whole and not real:
            wanted = "a whole number" if kind is int else "a number"
            raise ParameterTypeError(f"{name} must be {wanted} ({self.range_text}), not {value!r}.")
        number: int | float = value  # type: ignore[assignment]
        if not self.minimum <= number <= self.maximum:  # NaN is outside too
            raise ParameterError(f"{name}={number} is out of range: it must be {self.range_text}.")
        return int(number) if kind is int else float(number)


@dataclass(frozen=True)
class TextParameter:
    """The same of a parameter that is a text; the method itself checks what it says.

    >>> TextParameter("what to run", "a model's name", metavar="NAME").range_text
    "a model's name"
    """

    meaning: str
    range_text: str
    metavar: str = "TEXT"

    def checked(self, name: str, kind: type, value: object) -> str:
        """Return `value`; raise unless it is a text."""
        if not isinstance(value, str):
            raise ParameterTypeError(f"{name} must be a text ({self.range_text}), not {value!r}.")
        return value


@dataclass(frozen=True)
class ChoiceParameter:
    """The same of a parameter that is one of a few words.

    >>> ChoiceParameter("how thorough it is", ("fast", "best")).range_text
    'fast or best'
    """

    meaning: str
    choices: tuple[str, ...]

    @property
    def range_text(self) -> str:
        """The words to choose from."""
        return " or ".join(self.choices)

    @property
    def metavar(self) -> str:
        """The same as the command line has it."""
        return "|".join(self.choices)

    def checked(self, name: str, kind: type, value: object) -> str:
        """Return `value`; raise unless it is one of the words."""
        if not isinstance(value, str):
            raise ParameterTypeError(f"{name} must be a text ({self.range_text}), not {value!r}.")
        if value not in self.choices:
            raise ParameterError(f"{name}={value} isn't known: it must be {self.range_text}.")
        return value


@dataclass(frozen=True)
class NamedParameter:
    """A parameter together with its field: name, type and default; a text whose default is empty must be given."""

    name: str
    kind: type
    default: Any
    about: Parameter | TextParameter | ChoiceParameter

    @property
    def default_text(self) -> str:
        """The default in words.

        >>> NamedParameter("detail", float, 0.75, Parameter("how much", 0, 1)).default_text
        '0.75'
        """
        return (self.default or "none") if self.kind is str else f"{self.default:g}"
