"""The table of detectors: for every kind of damage what it is found by, and what is asked of it by default."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from restauro.detection.marks import Class
from restauro.detection.network import CRACK, DUST, LOSS, SCRATCH, STAIN
from restauro.errors import ParameterError, Remedy

REPAIRED = ("dust", "scratches", "losses")  # looked for where a picture is repaired in one go: cracks only by name
UNSEEN = 0.3  # false marks a megapixel of each kind, where nobody looks before it is filled


@dataclass(frozen=True)
class Detector:
    """What a kind of damage is found by.

    Attributes
    ----------
    finds
        What it finds, in a few words.
    learned
        How marks are made of what the network says; None: the network isn't asked.
    usual
        False marks a megapixel, by default.
    filled
        Whether `restore --detect` may fill it; of what else there is, stains are to be corrected.
    """

    finds: str
    learned: Class | None = None
    usual: float = 0.0
    filled: bool = True


KINDS = {
    "cracks": Detector("craquelure, dark and bright, of all widths; broken emulsion", Class(CRACK, 10), 30.0),
    "scratches": Detector("scratches and other long, thin lines", Class(SCRATCH, 10), 10.0),
    "losses": Detector("flaked paint, peeled emulsion, tears", Class(LOSS, 8), 10.0),
    "dust": Detector("dust and specks", Class(DUST, 3), 10.0),
    "stains": Detector("stains with soft or sharp rims, foxing, yellowed tape", Class(STAIN, 40), 3.0, filled=False),
    "color": Detector("marks of a colour that is given"),
}


def seen_for(kinds: Collection[str]) -> list[int]:
    """Return what the network must say for kinds to be found, in order: the classes of `network.grades`.

    >>> seen_for(["cracks", "color"])
    [0, 1]
    """
    return sorted({place for name in kinds if (learned := KINDS[name].learned) for place in learned.needed})


def checked_kinds(kind: str | Collection[str] | None) -> tuple[str, ...]:
    """Return the kinds that are named, in the table's order; a text may name several with commas between.

    Raises
    ------
    ParameterError
        There is no such kind, or none is named.

    Examples
    --------
    >>> checked_kinds("dust,cracks"), checked_kinds(None)
    (('cracks', 'dust'), ())
    """
    if kind is None:
        return ()
    words = kind.split(",") if isinstance(kind, str) else kind
    if not isinstance(words, Collection) or not words:
        raise ParameterError(f"There is no kind of damage {kind!r} to be found: it is of {', '.join(KINDS)}.")
    for word in words:
        if not isinstance(word, str) or word not in KINDS:
            raise ParameterError(f"There is no kind of damage {word!r} to be found: it is one of {', '.join(KINDS)}.")
    return tuple(name for name in KINDS if name in words)


def checked_repaired(kind: str | Collection[str]) -> tuple[str, ...]:
    """Return the kinds to be filled that are named, or raise ParameterError: of a colour, and of stains.

    >>> checked_repaired("losses,dust")
    ('losses', 'dust')
    """
    kinds = checked_kinds(kind)
    for name in kinds:
        if not KINDS[name].filled:
            raise ParameterError(
                f"What lies under {name} shows through, so they are to be corrected, not filled: have detect write a "
                "mask, look at it, and restore with it by the method tone."
            )
    if "color" in kinds:
        raise ParameterError("Marks of a colour needn't be looked for", Remedy("mask", "color:#ff0000", "for pure red"))
    return kinds


def check_colour(kinds: Collection[str], colour: str | None, tolerance: int | None) -> None:
    """Raise ParameterError where the kind color lacks its colour, or another kind is given one."""
    if "color" in kinds and colour is None:
        raise ParameterError("It isn't said which colour the marks have", Remedy("colour", "#ff0000", "for pure red"))
    if "color" not in kinds and (colour is not None or tolerance is not None):
        raise ParameterError("A colour and a tolerance are for marks of a colour: ask for the kind color.")
    if "color" in kinds:
        from restauro.detection.colour_detection import checked_options

        checked_options(str(colour), tolerance)
