"""Guidance from files: masks and other pictures, turned as a picture's pixels are stored."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from restauro.donor import Donor
from restauro.errors import ImageError, checked_path
from restauro.files.reading import read_picture
from restauro.guide_files import read_guides
from restauro.guiding import checked_lines, placed_donor
from restauro.mask_files import MaskFile, read_mask_file
from restauro.methods.heal import Heal
from restauro.picture import Picture, as_seen, as_stored, stored_places, unknown_pixels
from restauro.picture_mask import MaskSource, is_file, read_mask

Guides = str | os.PathLike[str] | Sequence[ArrayLike]


def marks_of(mask: MaskSource, picture: Picture, max_pixels: int) -> NDArray[np.bool_]:
    """Return the pixels that a mask of sources, say, marks, as they are stored; a soft one isn't grown."""
    if is_file(mask) and not isinstance(mask, MaskFile):
        mask = read_mask_file(checked_path(mask, "The mask"), max_pixels=max_pixels)
    if isinstance(mask, MaskFile):
        mask = dataclasses.replace(mask, soft=False)
    return read_mask(mask, picture).hole


def guides_of(guides: Guides, picture: Picture) -> list[NDArray[np.float64]]:
    """Return polylines, or those of an SVG file, drawn on a picture as people see it, as its pixels are stored."""
    height, width = as_seen(picture.pixels, picture.orientation).shape[:2]
    drawn = read_guides(guides, (height, width)) if isinstance(guides, (str, os.PathLike)) else guides
    matrix, start = stored_places(picture.orientation, (height, width))
    return [line @ matrix.T + start for line in checked_lines(drawn)]


def donor_of(
    method: Heal,
    picture: Picture,
    hole: NDArray[np.bool_],
    unknown: NDArray[np.bool_] | None,
    source: str | os.PathLike[str] | None,
    max_pixels: int,
) -> Donor:
    """Return where the holes of a picture are healed from, as its pixels are stored; the method is told as it is seen.

    hole, unknown: as the pixels are stored. source: the file of another picture, as large as this one.

    Raises
    ------
    ReadError, ImageError
        The other picture can't be read; it is of another size or kind.
    MaskError
        What hole pixels would come from isn't known.
    """
    seen, missing = (None if plane is None else as_seen(plane, picture.orientation) for plane in (hole, unknown))
    assert seen is not None
    size = seen.shape[0], seen.shape[1]
    other = (None, None) if source is None else _registered(source, picture, size, max_pixels)
    offset = method.down, method.right
    donor = placed_donor(method, seen, missing, Donor.at(offset, method.mirror, method.turn, seen, *other))
    pixels, missing = (
        None if plane is None else as_stored(plane, picture.orientation) for plane in (donor.picture, donor.unknown)
    )
    turned = donor.moved(*stored_places(picture.orientation, size))
    return dataclasses.replace(turned, picture=pixels, unknown=missing)


def _registered(
    source: str | os.PathLike[str], picture: Picture, size: tuple[int, int], max_pixels: int
) -> tuple[NDArray[np.generic], NDArray[np.bool_] | None]:
    """Return another picture's pixels, [H, W, C] as people see it, and which of them aren't known."""
    other = read_picture(checked_path(source, "The source"), max_pixels=max_pixels)
    pixels, unknown = as_seen(other.pixels, other.orientation), unknown_pixels(other)
    if pixels.shape[:2] != size:
        raise ImageError(
            f"The source {source} is {pixels.shape[1]} x {pixels.shape[0]} pixels and the picture {size[1]} x "
            f"{size[0]}: register it to the picture first, so that both are of one size."
        )
    kinds = [f"{one.bands} bands of {one.pixels.dtype}" for one in (other, picture)]
    if kinds[0] != kinds[1] or other.is_cmyk != picture.is_cmyk:
        inks = [" (CMYK)" if one.is_cmyk else "" for one in (other, picture)]
        raise ImageError(
            f"The source {source} has {kinds[0]}{inks[0]} and the picture {kinds[1]}{inks[1]}: convert it, so that "
            "both are alike."
        )
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
    return pixels, None if unknown is None else as_seen(unknown, other.orientation)
