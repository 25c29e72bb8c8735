"""The table of detectors: for every kind of damage what it is found by, and what is asked of it by default."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.detection.marks import Class
from restauro.detection.tiles import Progress
from restauro.errors import ParameterError, Remedy

Rule = Callable[[NDArray[Any], int | None, Progress | None], NDArray[np.bool_]]

REPAIRED = ("dust", "scratches", "losses")  # looked for where a picture is repaired in one go: cracks only by name
UNSEEN = 1.0  # false marks a megapixel of each kind, where nobody looks before it is filled


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
        False marks a megapixel of the network, by default.
    rule
        A function that finds it by rules, given a picture of `tiles.prepared`, workers and progress. What it finds is
        joined to what the network does, by default and where as many false marks are allowed. None: there is none.
    seconded
        Whether of what the rule finds only that counts which the network, at its most sensitive, finds too in part.
    """

    finds: str
    learned: Class | None = None
    usual: float = 0.0
    rule: Rule | None = None
    seconded: bool = False


def _cracks(picture: NDArray[Any], workers: int | None, progress: Progress | None) -> NDArray[np.bool_]:
    from restauro.detection.crack_detection import find_cracks

    return find_cracks(picture, workers, progress)


def _scratches(picture: NDArray[Any], workers: int | None, progress: Progress | None) -> NDArray[np.bool_]:
    from restauro.detection.scratch_detection import find_scratches

    return find_scratches(picture, workers, progress)


def _losses(picture: NDArray[Any], workers: int | None, progress: Progress | None) -> NDArray[np.bool_]:
    from restauro.detection.loss_detection import find_losses

    return find_losses(picture, workers, progress)


KINDS = {
    "cracks": Detector("craquelure, dark and bright, of all widths", Class(0, 10), 30.0, _cracks),
    "scratches": Detector("scratches and other long, thin lines", Class(1, 10), 10.0, _scratches),
    "losses": Detector("flaked paint, peeled emulsion, tears", Class(2, 8), 3.0, _losses, seconded=True),
    "dust": Detector("dust and specks", Class(3, 3), 3.0),
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
    """Return the kinds to be filled that are named, or raise ParameterError: a colour is a matter of masks."""
    kinds = checked_kinds(kind)
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
