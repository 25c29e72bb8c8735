"""The mask that goes with a picture: from a file or an array, or from what the picture itself says is missing."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro import scratch
from restauro.errors import MaskError, Remedy, checked_path
from restauro.files.bounds import MAX_PIXELS
from restauro.files.images import CHROMA
from restauro.infrared.planes import BAND, PAGE, check_which, found_by
from restauro.mask import (
    MAX_GROW,
    Mask,
    check_grow,
    check_known,
    full_scale,
    grow_mask,
    hole_from_array,
    of_colour,
    parse_colour,
    parse_value,
    strips,
    weighted,
)
from restauro.mask_files import Header, MaskFile, read_header, read_mask_file, scale_to_fit
from restauro.notes import Note, counted
from restauro.picture import Picture, as_stored, unknown_pixels
from restauro.unknown import not_a_number, own_mask

MaskSource = str | os.PathLike[str] | MaskFile | NDArray[Any]

POLARITIES = ("white", "black")
# A JPEG blurs edges; where its colour is coarser than its brightness, a mark's lies up to 3 pixels outside it, thinner.
# Of strokes of 1 to 8 pixels, whose smear has 1.4 times their pixels, these leave pixels of 0.07 times that differ by
# more than 40 of 255.
_JPEG_TOLERANCE, _JPEG_GROW = 40, 1
_COARSE_TOLERANCE, _COARSE_GROW = 60, 3


@dataclass(frozen=True)
class PictureMask:
    """The holes of a picture, and what there is to say about how they were found.

    Attributes
    ----------
    hole
        bool [H, W], True is hole, in the order of the picture's pixels as they are stored.
    notes
        Sentences for the person who asked.
    weights
        float32 [H, W], 0 to 1: how much of each hole pixel is damage; None where that isn't said.
    bands
        How many of the picture's bands are picture, the first ones; those after it stay as they are. None: all are.
    """

    hole: NDArray[np.bool_]
    notes: tuple[Note, ...] = ()
    weights: NDArray[np.float32] | None = None
    bands: int | None = None


class _Found(NamedTuple):
    """A hole, by how many pixels it is to be grown for what was found, notes, weights, and bands of picture."""

    hole: NDArray[np.bool_]
    grow: int = 0
    notes: tuple[Note, ...] = ()
    weights: NDArray[np.float32] | None = None
    bands: int | None = None


def read_mask(
    mask: MaskSource,
    picture: Picture,
    *,
    polarity: str = "white",
    values: Sequence[int] = (),
    resize: bool = False,
    grow: int = 0,
    tolerance: int | None = None,
    keep_values: bool = False,
) -> PictureMask:
    """Return the holes of a picture.

    A mask file (a picture file, or a BMP, GIF, PBM, PGM or NPY) is as large as the picture as people see it, that is,
    with both files' EXIF orientation applied. Of two values the larger is hole, of two colours the lighter; one value
    alone is no hole where it is 0, else all hole; more values (soft or JPEG-compressed edges) are cut at half of full
    scale and the hole is grown by 1 pixel, which a note says. Transparent pixels of a mask file are not hole; strokes
    of any one colour on a transparent layer are.

    Parameters
    ----------
    mask
        A file's path; or what `read_mask_file` returned; or an array [H, W] as people see the picture, of bools or of
        integers where all but zero is hole; or in a string: "alpha" (the picture's transparent pixels are hole; more
        than half transparent where it is soft, grown by 1 pixel), "nan" (pixels with NaN in any band), "nodata" (pixels
        that the file says hold none: by GDAL's nodata value, or by a mask inside of a TIFF), "value:-9999"
        (pixels that have this value in all bands), "color:#rrggbb" (pixels of that colour; in a JPEG grown by as much
        as it blurs colours), "infrared" (what a scan's infrared plane shows as damage: a fourth band, of grey a second,
        or another grey picture in the file; "infrared:band", "infrared:page:1" where there are several, and
        "infrared:ir.tif" for one in a file of its own; see `restauro.infrared_mask`).
    picture
        What `restauro.read_picture` returned.
    polarity
        What is hole in a mask file: "white" or "black".
    values
        Values of a mask file that are hole, all others not: for masks of labels. In a palette they are the numbers of
        colours.
    resize
        Take a mask file of which the picture is 2, 3, ... times as large, or the mask so many times the picture.
    grow
        Pixels to grow the hole by, as `restauro.grow_mask` does.
    tolerance
        How far each band of a pixel may be from the colour of "color:#rrggbb", 0 to 255 (16-bit pictures: of the same
        scale). By default 0; in a JPEG 60 where it stores colour coarser than brightness, else 40.
    keep_values
        For partial damage: a mask file of more than two values, or an array of floats from 0 to 1, isn't cut, and says
        how much of each pixel is damage. All above 0 is hole.

    Raises
    ------
    MaskError
        The file isn't as large as the picture, or isn't a mask; the picture has no transparency, no NaN, no such
        colours; an option doesn't apply or is out of range.
    ReadError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, pyvips
    >>> from restauro.files.reading import read_picture
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "marked.png")
    >>> white_square = pyvips.Image.black(8, 6, bands=3).draw_rect([255, 255, 255], 2, 2, 3, 2, fill=True)
    >>> white_square.copy(interpretation="srgb").pngsave(str(path))
    >>> int(read_mask("color:#ffffff", read_picture(path)).hole.sum())
    6
    >>> folder.cleanup()
    """
    check_options(mask, polarity=polarity, values=values, resize=resize, tolerance=tolerance)
    check_grow(grow)
    source = _source(mask)
    if source == "file":
        found = _of_file(mask, picture, polarity, values, resize=resize, keep_values=keep_values)
    elif source == "array":
        found = _of_array(mask, picture, keep_values=keep_values)  # type: ignore[arg-type]
    elif source == "alpha":
        found = _transparent(picture)
    elif source == "nan":
        found = _Found(not_a_number(picture))
    elif source == "nodata":
        found = _without_data(picture)
    elif source == "value":
        found = _Found(_of_value(picture, parse_value(str(mask).partition(":")[2])))
    elif source == "infrared":
        found = _by_infrared(picture, str(mask), keep_values=keep_values)
    else:
        found = _coloured(picture, str(mask), tolerance)
    if grow and found.weights is not None:
        raise MaskError("A mask whose values are kept, as partial damage, can't be grown: leave that out.")
    grow = min(grow + found.grow, MAX_GROW)
    hole = grow_mask(found.hole, grow) if grow else found.hole
    return PictureMask(hole, found.notes, found.weights, found.bands)


def check_sizes(mask: Path, picture: Path, page: int | None = None, *, resize: bool = False) -> None:
    """Raise MaskError where a mask file doesn't fit a picture file, by their headers alone."""
    size, seen = read_header(mask), read_header(picture, page)
    if size and seen:
        scale_to_fit(mask, size.size, seen, resize=resize)


def is_file(mask: MaskSource) -> bool:
    """Whether a mask, as `read_mask` takes it, is a file."""
    return _source(mask) == "file"


def is_infrared(mask: MaskSource | None) -> bool:
    """Whether a mask, as `read_mask` takes it, is found by infrared."""
    return mask is not None and _source(mask) == "infrared"


def file_of(mask: MaskSource | None) -> Path | None:
    """Return the file that a mask is read from, or found by; None where there is none beside the picture."""
    if isinstance(mask, MaskFile):
        return mask.path
    if isinstance(mask, str) and _source(mask) == "infrared":
        named = mask.partition(":")[2]
        return Path(named) if named and named != BAND and not named.startswith(PAGE) else None
    return Path(mask) if isinstance(mask, (str, os.PathLike)) and is_file(mask) else None


def check_options(
    mask: MaskSource,
    *,
    polarity: str = "white",
    values: Sequence[int] = (),
    resize: bool = False,
    tolerance: int | None = None,
) -> None:
    """Raise MaskError for what is wrong with a mask's options whatever the picture; see `read_mask`."""
    source = _source(mask)
    if source == "file" and not isinstance(mask, MaskFile):
        checked_path(mask, "The mask")
    named = f"the mask {mask}" if isinstance(mask, (str, os.PathLike)) else "a mask that is an array"
    if source == "color":
        _parse_colour(str(mask))
    if source == "value":
        parse_value(str(mask).partition(":")[2])
    if source == "infrared":
        check_which(str(mask).partition(":")[2])
    if polarity not in POLARITIES:
        raise MaskError(f"A mask's polarity is white or black (what is hole), not {polarity!r}.")
    if polarity == "black" and source != "file":
        raise MaskError(f"Polarity is for mask files: it has no meaning for {named}, so leave it out.")
    if (values or resize) and source != "file":
        what = "Values that are hole are" if values else "Resizing is"
        raise MaskError(f"{what} for mask files, not for {named}: leave it out.")
    if values and polarity == "black":
        raise MaskError("Where values say what is hole, polarity says nothing: leave one of them out.")
    if any(isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0 for value in values):
        raise MaskError(f"Values that are hole are whole numbers from 0, not {list(values)!r}.")
    if tolerance and source != "color":
        raise MaskError(f"A tolerance is for masks by colour (color:#rrggbb), not for {named}: leave it out.")
    if tolerance is not None and not (isinstance(tolerance, (int, np.integer)) and 0 <= tolerance <= 255):
        raise MaskError(f"The tolerance {tolerance!r} is out of range: it must be a whole number, 0 to 255.")


def _source(mask: MaskSource) -> str:
    """Tell what a mask is taken from: "alpha", "nan", "nodata", "value", "color", "infrared", "file" or "array".

    A file of such a name can be given as a Path or as ./alpha.
    """
    if isinstance(mask, str):
        if mask in ("alpha", "nan", "nodata"):
            return mask
        if re.match("colou?r:", mask):
            return "color"
        if mask == "infrared" or mask.startswith("infrared:"):
            return "infrared"
        return "value" if mask.startswith("value:") else "file"
    return "file" if isinstance(mask, (os.PathLike, MaskFile)) else "array"


def _seen(picture: Picture) -> Header:
    """Return the size of a picture as people see it, and how it is turned for that."""
    height, width = picture.pixels.shape[:2]
    return Header((height, width) if picture.orientation < 5 else (width, height), picture.orientation)


def _of_array(mask: NDArray[Any], picture: Picture, *, keep_values: bool) -> _Found:
    """Return the hole of an array, turned as the picture is stored."""
    size, turn = _seen(picture)
    marks = weighted(mask, size) if keep_values else Mask(hole_from_array(mask, size))
    check_known(marks.hole)
    hole, weights = (
        None if plane is None else scratch.contiguous(as_stored(plane, turn)) for plane in (marks.hole, marks.weights)
    )
    return _Found(hole, weights=weights)  # type: ignore[arg-type]


def _of_file(
    mask: MaskSource, picture: Picture, polarity: str, values: Sequence[int], *, resize: bool, keep_values: bool
) -> _Found:
    """Return the hole of a mask file, turned as the picture is stored."""
    seen = _seen(picture)
    if not isinstance(mask, MaskFile):
        path = Path(os.fspath(mask))  # type: ignore[arg-type]
        if header := read_header(path):
            scale_to_fit(path, header.size, seen, resize=resize)  # before it is decoded
        most = max(MAX_PIXELS, seen.size[0] * seen.size[1])
        mask = read_mask_file(path, polarity, values, max_pixels=most, keep_values=keep_values)
    enlarge, reduce = scale_to_fit(mask.path, mask.hole.shape, seen, resize=resize)
    marks: NDArray[Any] = mask.hole if mask.weights is None else mask.weights
    grow, notes = int(mask.soft), [*mask.notes]
    if mask.soft:
        notes.append(_soft_note("The mask"))
    if max(enlarge, reduce) > 1 and grow:
        marks, grow = mask.grown, 0
    if enlarge > 1:
        marks = np.repeat(np.repeat(marks, enlarge, axis=0), enlarge, axis=1)
        notes.append(Note("mask-enlarged", f"The mask was enlarged {enlarge} times."))
    if reduce > 1:
        marks = np.max(marks.reshape(seen.size[0], reduce, seen.size[1], reduce), axis=(1, 3))
        notes.append(Note("mask-reduced", f"The mask was made {reduce} times smaller; a pixel with any hole is hole."))
    marks = scratch.contiguous(as_stored(marks, picture.orientation))
    if marks.dtype == np.bool_:
        return _Found(marks, grow, tuple(notes))
    return _Found(marks > 0, 0, tuple(notes), marks)


def _transparent(picture: Picture) -> _Found:
    """Pixels that are at least half transparent; to be grown by 1 pixel where there are any between."""
    if not picture.has_alpha:
        raise MaskError("The picture has no transparency to take the mask from: give a mask file.")
    alpha = picture.pixels[..., -1]
    full = full_scale(alpha.dtype)
    hole: NDArray[np.bool_] = scratch.zeros(alpha.shape, bool)
    soft = False
    for rows in strips(alpha):
        hole[rows] = alpha[rows] <= full / 2
        soft = soft or bool(((alpha[rows] != 0) & (alpha[rows] != full)).any())
    return _Found(hole, 1, (_soft_note("The transparency"),)) if soft else _Found(hole)


def _without_data(picture: Picture) -> _Found:
    """Pixels that have the file's nodata value, or that its own mask says aren't valid."""
    if picture.nodata is not None:
        unknown = unknown_pixels(picture)
        if unknown is None:
            return _Found(np.zeros(picture.pixels.shape[:2], np.bool_))
        is_nan = math.isnan(picture.nodata) or picture.pixels.dtype.kind != "f"
        return _Found(unknown if is_nan else unknown & ~not_a_number(picture))
    own = own_mask(picture)
    if own is not None:
        text = "The file's own mask stays as it was, and calls what was filled missing."
        return _Found(own, notes=(Note("own-mask-kept", text),))
    raise MaskError(
        "The file names no nodata value, and has no mask inside",
        Remedy("mask", "value:-9999", "for pixels of that value"),
        "give a mask file",
    )


def _of_value(picture: Picture, value: float) -> NDArray[np.bool_]:
    """Pixels whose bands, transparency aside, all have a value."""
    dtype = picture.pixels.dtype
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        if not (limits.min <= value <= limits.max and value == int(value)):
            raise MaskError(
                f"No pixel can be {value:g}: the picture's values are whole numbers from {limits.min} to {limits.max} "
                f"({dtype})."
            )
    bands = _bands(picture)
    hole: NDArray[np.bool_] = scratch.zeros(bands.shape[:2], bool)
    for rows in strips(bands):
        hole[rows] = (bands[rows] == dtype.type(value)).all(axis=2)
    return hole


def _by_infrared(picture: Picture, text: str, *, keep_values: bool) -> _Found:
    """Damage by the infrared plane; without its values all of it is hole, however little it is."""
    found, bands = found_by(picture, text.partition(":")[2])
    return _Found(found.mask.hole, 0, found.notes, found.mask.weights if keep_values else None, bands)


def _coloured(picture: Picture, text: str, tolerance: int | None) -> _Found:
    """Pixels whose bands, transparency aside, are all within the tolerance of a colour; of a JPEG what it blurs too."""
    bands, colour = _bands(picture), _parse_colour(text)
    if bands.dtype not in (np.uint8, np.uint16) or bands.shape[2] not in (1, 3):
        raise MaskError(
            f"A mask by colour needs a grey or RGB picture of 8 or 16 bits, not {bands.shape[2]} bands of "
            f"{bands.dtype}: give a mask file."
        )
    if bands.shape[2] == 1 and len(set(colour)) > 1:
        raise MaskError(
            f"The picture is grey and the colour {text.partition(':')[2]} isn't: give a grey one, or a file."
        )
    if picture.format != "jpeg":
        return _Found(of_colour(bands, colour, tolerance or 0))
    is_coarse = picture.metadata.get(CHROMA, (0, "4:2:0"))[1] != "4:4:4" and len(set(colour)) > 1
    usual, grow = (_COARSE_TOLERANCE, _COARSE_GROW) if is_coarse else (_JPEG_TOLERANCE, _JPEG_GROW)
    tolerance = usual if tolerance is None else tolerance
    taken = f"what is within {tolerance} of that colour was taken, and grown by {counted(grow, 'pixel')}"
    note = f"A JPEG blurs colours: {taken}."
    hole = of_colour(bands, colour, tolerance)
    return _Found(hole, grow, (Note("jpeg-blurs-colours", note),))


def _bands(picture: Picture) -> NDArray[Any]:
    """[H, W, C] without transparency."""
    bands = np.atleast_3d(picture.pixels)
    return bands[..., :-1] if picture.has_alpha else bands


def _soft_note(what: str) -> Note:
    return Note("mask-soft", f"{what} has values between none and full: it was cut at half and grown by 1 pixel.")


def _parse_colour(text: str) -> tuple[int, int, int]:
    digits = text.partition(":")[2]
    colour = parse_colour(digits)
    if colour is None:
        raise MaskError(
            f"The colour {digits!r} isn't of the form #rrggbb: white is color:#ffffff, pure red color:#ff0000."
        )
    return colour
