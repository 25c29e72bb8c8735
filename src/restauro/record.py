"""What was done to a file: the base of `restauro.Restored`, `restauro.Damaged` and `restauro.Detected`."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Restored(Record):
    """What was done to a file, or would be done: what every `Record` says, and more.

    Attributes
    ----------
    method
        Name of the method.
    parameters
        The method's parameters, defaults included.
    regions
        Number of holes; pixels that touch by a corner belong to one.
    hole_pixels
        Number of pixels filled.
    largest
        Pixels of the largest hole.
    widest
        Pixels across the widest place of a hole, of an even width one less; 507 stands for that and more.
    natures
        How many of them were filled with what: "interpolates", "copies", "learned", "corrects". Pixels that are a
        mixture count for each.
    guidance
        What the method was guided by: how many pixels "sources" and "avoid" mark, how many "guides" there are,
        the file of the "donor".
    changed_outside
        Pixels in which the two files, both read again, differ outside of `counted_outside`. None after a dry run.
    counted_outside
        "mask"; from JPEG to JPEG "blocks", because the blocks of 8 or 16 pixels that the holes touch are encoded anew.
    partial
        "cover" or "tone", as was asked for: what values of the mask between none and full mean. None where it wasn't,
        or where the mask had no such values to mix by.
    grain
        "match" where grain like that around the holes was added; None where it wasn't.
    seed
        Of its random numbers.
    policy
        The policy file that allowed it; None where there is none.
    """

    method: str
    parameters: dict[str, Any]
    regions: int
    hole_pixels: int
    largest: int
    widest: int
    natures: dict[str, int]
    guidance: dict[str, Any]
    changed_outside: int | None
    counted_outside: str
    partial: str | None
    grain: str | None
    seed: int
    policy: Path | None
