"""What a method is: its parameters with their ranges, its reach, its fill; and the table of all methods."""

from __future__ import annotations

import dataclasses
import importlib
import threading
import typing
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, ClassVar

import numpy as np

from restauro.errors import MethodError, ParameterError, ParameterTypeError

# Methods of this package: name, and where its class is. Others come by entry points in the group "restauro.methods".
BUILT_IN = {
    "telea": "restauro.methods.telea:Telea",
}


@dataclass(frozen=True)
class Parameter:
    """What a person needs to know of one parameter; stands in the annotation of a method's field.

    >>> radius = Parameter("how far to look for known pixels", minimum=1, maximum=32, unit="pixels")
    >>> radius.range_text
    '1 to 32 pixels'
    """

    meaning: str
    minimum: float
    maximum: float
    unit: str = ""

    @property
    def range_text(self) -> str:
        """Range and unit in words."""
        return f"{self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()
