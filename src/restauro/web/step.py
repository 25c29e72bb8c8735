"""What a step is: something that a person does to a picture, undone and done again, written down and read again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from restauro.holes import Box

if TYPE_CHECKING:
    from restauro.web.session import Session

Progress = Callable[[float], object] | None


@dataclass
class Changed:
    """Which boxes look different, by layer; and whether what is proposed was judged."""

    picture: list[Box] = field(default_factory=list)
    marks: list[Box] = field(default_factory=list)
    found: list[Box] = field(default_factory=list)
    guides: list[Box] = field(default_factory=list)
    hints: list[Box] = field(default_factory=list)
    judged: bool = False


class Step(ABC):
    """One step. `values` is what JSON can hold of it, and all that it needs to be done."""

    kind: ClassVar[str]

    def __init__(self, number: int, values: dict[str, Any]) -> None:
        self.number = number
        self.values = values

    @classmethod
    def read(cls, number: int, values: dict[str, Any], folder: Path) -> Self:
        """Return a step that was done in an earlier process."""
        return cls(number, values)

    @abstractmethod
    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Do it the first time."""

    @abstractmethod
    def undo(self, session: Session) -> Changed:
        """Take it back; it is the last one that was done."""

    def again(self, session: Session) -> Changed:
        """Do it once more, after an undo or in another process."""
        return self.do(session)

    def save(self, folder: Path) -> None:  # noqa: B027  # most have nothing
        """Write to a session's folder what JSON can't hold."""
