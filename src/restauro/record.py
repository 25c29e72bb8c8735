"""What was done to a file: the base of `restauro.Restored`, `restauro.Damaged` and `restauro.Detected`."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from restauro.notes import Note


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was done to a file, whatever it was.

    Attributes
    ----------
    source, target
        The file that was read; the file that was written.
    width, height
        Size of the picture as people see it, in pixels.
    seconds
        Of work, from opening the source to the target's being in place.
    notes
        What else is to be known: sentences, each with a code.

    Examples
    --------
    >>> note = Note("mask-empty", "The mask is empty.")
    >>> done = Record(source=Path("a.png"), target=Path("b.png"), width=8, height=6, seconds=0.5, notes=(note,))
    >>> print(done.as_json())
    {"source": "a.png", "target": "b.png", "width": 8, "height": 6, "seconds": 0.5,
    "notes": [{"code": "mask-empty", "text": "The mask is empty."}]}
    """

    source: Path
    target: Path
    width: int
    height: int
    seconds: float
    notes: tuple[Note, ...] = ()

    def as_json(self) -> str:
        """Return it all as a JSON object in one line, the notes last; what is None is null."""
        plain = dataclasses.asdict(self)
        plain["notes"] = [{"code": note.code, "text": note} for note in plain.pop("notes")]
        return json.dumps(plain, default=str)
