"""Pixels of a picture file that are neither hole nor known: NaN, nodata, what the file's own mask calls missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro import scratch
from restauro.errors import ImageError, MaskError, Remedy
from restauro.files.formats import format_of
from restauro.mask import check_known, strips
from restauro.notes import Note, counted
from restauro.picture import Picture, unknown_pixels

_NODATA = "with the file's nodata value {:g}"


def unknown_beside(picture: Picture, hole: NDArray[np.bool_]) -> tuple[NDArray[np.bool_] | None, tuple[Note, ...]]:
    """Return which pixels that aren't hole hold no value, None if all do, and what there is to say about them.

    Raises
    ------
    ImageError
        There is infinity among the known pixels.
    MaskError
        No known pixel is left to fill from.
    """
    unknown, own = unknown_pixels(picture), own_mask(picture)
    if own is not None:
        unknown = own if unknown is None else unknown | own
    if unknown is not None:
        unknown &= ~hole
    _refuse_infinity(picture, hole if unknown is None else hole | unknown)
    if unknown is None or not unknown.any():
        return None, ()
    check_known(hole, unknown)
    nan = not_a_number(picture) if picture.pixels.dtype.kind == "f" else None
    what, rest = [], unknown.copy()
    for why, pixels in (("with NaN", nan), ("that the file's own mask calls missing", own), (_NODATA, unknown)):
        if pixels is not None and (count := int(np.count_nonzero(rest & pixels))):
            what.append(f"{counted(count, 'pixel')} {why.format(picture.nodata)}")
            rest &= ~pixels
    text = f"Unknown and not marked: {' and '.join(what)}. They are neither read nor filled."
    return unknown, (Note("unknown-pixels", text),)


def _refuse_infinity(picture: Picture, known_not: NDArray[np.bool_]) -> None:
    if picture.pixels.dtype.kind != "f":
        return
    bands = np.atleast_3d(picture.pixels)
    counts = {"inf": 0, "-inf": 0}
    for rows in strips(bands):
        for value in counts:
            counts[value] += int(np.count_nonzero((bands[rows] == float(value)).any(axis=2) & ~known_not[rows]))
    if any(counts.values()):
        ways = [Remedy("mask", f"value:{value}", "to have it filled") for value, count in counts.items() if count]
        fact = f"The picture has infinity in {counted(sum(counts.values()), 'pixel')} that aren't hole"
        raise ImageError(fact, *ways, "mark these pixels in the mask")


def not_a_number(picture: Picture) -> NDArray[np.bool_]:
    """Pixels with NaN in any band, bool [H, W]."""
    if picture.pixels.dtype.kind != "f":
        raise MaskError(
            f"The picture's values are whole numbers ({picture.pixels.dtype}), so none is NaN: give a mask file."
        )
    bands = np.atleast_3d(picture.pixels)
    hole: NDArray[np.bool_] = scratch.zeros(bands.shape[:2], bool)
    for rows in strips(bands):
        hole[rows] = np.isnan(bands[rows]).any(axis=2)
    return hole


def own_mask(picture: Picture) -> NDArray[np.bool_] | None:
    """Pixels that a mask inside of the file says aren't valid; None where there is no such mask."""
    valid = format_of(picture.format).valid_pixels(picture)
    return None if valid is None else ~valid
