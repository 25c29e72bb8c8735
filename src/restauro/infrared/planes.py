"""The infrared plane of a scan: its fourth band, another picture of its file, or a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MaskError, ReadError, Remedy
from restauro.files.formats import format_of
from restauro.files.reading import read_picture
from restauro.infrared.finding import Found, find
from restauro.picture import Picture, as_seen, as_stored

BAND, PAGE = "band", "page:"


class Plane(NamedTuple):
    """A plane of infrared, [H, W] as the picture is stored, and whether it is the last of the picture's bands."""

    values: NDArray[Any]
    is_band: bool


def check_which(which: str) -> None:
    """Raise MaskError for what isn't empty, "band", "page:1" or a file's name."""
    number = which.removeprefix(PAGE)
    if which.startswith(PAGE) and not (number.isascii() and number.isdigit()):
        raise MaskError(f"Infrared on a page is named by its number from 0, such as page:1, not by {number!r}.")


def found_by(picture: Picture, which: str) -> tuple[Found, int | None]:
    """Find a picture's damage; see `restauro.read_mask`. Also how many of its bands are picture, None: all.

    which: empty, "band", "page:1" or a file's name.
    """
    plane = _plane(picture, which)
    bands = np.atleast_3d(picture.pixels)
    if picture.is_cmyk or not _is_fit(bands):
        raise MaskError(
            f"Infrared goes with a grey or RGB scan of 8 or 16 bits or of floats, not with {picture.bands} bands of "
            f"{'ink' if picture.is_cmyk else bands.dtype}: give a mask file."
        )
    return find(bands[..., 0], plane.values), picture.bands - 1 if plane.is_band else None


def _plane(picture: Picture, which: str) -> Plane:
    pages = format_of(picture.format).planes_beside(picture)
    has_band = picture.bands in (2, 4) and not picture.is_cmyk
    if not which:
        which = _only(has_band, pages)
    if which == BAND:
        if not has_band:
            raise MaskError(
                f"The picture has {picture.bands} bands, and infrared is a fourth one, or of grey a second."
            )
        return Plane(_varying(picture.pixels[..., -1], "last band"), is_band=True)
    if which.startswith(PAGE):
        page = int(which.removeprefix(PAGE))
        if page not in pages:
            others = f": take {' or '.join(map(str, pages))}" if pages else ", and no other is"
            raise MaskError(f"Picture {page} of the file isn't grey and of this one's size, as infrared is{others}.")
        return Plane(_varying(read_picture(picture.path, page).pixels, f"picture {page}"), is_band=False)
    return Plane(_of_file(Path(which), picture), is_band=False)


def _only(has_band: bool, pages: tuple[int, ...]) -> str:
    """Return which plane it is where there is one alone."""
    candidates = [BAND] * has_band + [f"{PAGE}{page}" for page in pages]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise MaskError(
            "The file has no infrared plane: no fourth band, and no other grey picture of its size",
            Remedy("mask", "infrared:FILE", "for one in a file of its own"),
        )
    ways = [Remedy("mask", f"infrared:{one}", f"for its {_worded(one)}") for one in candidates]
    raise MaskError("Several planes of the file may be infrared", *ways)


def _worded(which: str) -> str:
    return "last band" if which == BAND else f"picture {which.removeprefix(PAGE)}"


def _of_file(path: Path, picture: Picture) -> NDArray[Any]:
    try:
        file = read_picture(path)
    except ReadError as error:
        raise error.of(f"The infrared {path}") from None
    values = file.pixels
    if values.ndim == 3 and values.shape[2] == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2 or not _is_fit(values):
        raise MaskError(f"The infrared {path}: It isn't grey of 8 or 16 bits or of floats: save it so.")
    seen, size = as_seen(values, file.orientation), as_seen(picture.pixels, picture.orientation).shape[:2]
    if seen.shape != size:
        raise MaskError(
            f"The infrared {path}: It is {seen.shape[1]} x {seen.shape[0]} pixels and the picture {size[1]} x "
            f"{size[0]}: scan both at once, or bring it to that size."
        )
    return _varying(as_stored(seen, picture.orientation), "file")


def _is_fit(values: NDArray[Any]) -> bool:
    return values.dtype in (np.uint8, np.uint16) or values.dtype.kind == "f"


def _varying(values: NDArray[Any], what: str) -> NDArray[Any]:
    """Return a plane of more than two values: what has fewer is transparency, or empty."""
    low, high = values.min(), values.max()
    if ((values == low) | (values == high)).all():
        raise MaskError(f"The {what} has no more than two values, so it is no infrared plane: name another.")
    return np.ascontiguousarray(values)
