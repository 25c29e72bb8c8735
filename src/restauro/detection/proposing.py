"""`propose`: what of a picture file's damage may be filled, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restauro.detection.detecting import detect_each, joined
from restauro.detection.detecting_files import colours, without_value
from restauro.detection.detectors import checked_repaired
from restauro.detection.limits import too_much
from restauro.mask import check_grow, grow_mask
from restauro.notes import Note
from restauro.picture import Picture, as_seen
from restauro.unknown import unknown_beside


@dataclass(frozen=True)
class Proposal:
    """What was found in a picture.

    Attributes
    ----------
    hole
        bool [H, W], as the picture's pixels are stored.
    unknown
        bool [H, W]: pixels beside that hold no value; None where there are none.
    too_much
        Why it isn't to be filled unseen; None where it may be.
    notes
        What else is to be known.
    """

    hole: NDArray[np.bool_]
    unknown: NDArray[np.bool_] | None
    too_much: str | None
    notes: tuple[Note, ...]


def propose(
    picture: Picture,
    kind: str | Collection[str],
    sensitivity: float,
    smallest: int | None,
    grow: int,
    workers: int | None,
    progress: Callable[[float], object] | None,
) -> Proposal:
    """Look for damage in a picture; see `restauro.Restoration.detect`."""
    kinds = checked_repaired(kind)
    check_grow(grow)
    nothing = without_value(picture)
    how = {"sensitivity": sensitivity, "smallest": smallest, "workers": workers}
    found = joined(detect_each(colours(picture), kinds, unknown=nothing, progress=progress, **how))  # type: ignore[arg-type]
    if grow and found.any():
        found = grow_mask(found, grow)
        found = found if nothing is None else found & ~nothing
    unknown, notes = unknown_beside(picture, found)
    what, turn = ", ".join(kinds), picture.orientation
    if found.any():
        text = f"What was filled was proposed, not shown: it was looked for {what}. Compare the two pictures."
        note = Note("mask-proposed", text)
    else:
        note = Note("mask-empty", f"No {what} found, so nothing is filled: the file is a copy.")
    why = too_much(as_seen(found, turn), None if unknown is None else as_seen(unknown, turn))
    return Proposal(found, unknown, why, (note, *notes))
