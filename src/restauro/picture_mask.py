"""The mask that goes with a picture: from a file, or from the picture's transparency, its NaN, or a colour in it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MaskError, ReadError, Remedy, RestauroError
from restauro.files import formats
from restauro.files.bounds import MAX_PIXELS
from restauro.files.reading import read_picture, read_shape
from restauro.mask import full_scale, grow_mask, of_colour, parse_colour, strips
from restauro.notes import Note
from restauro.picture import Picture, as_seen, as_stored

POLARITIES = ("white", "black")
_COLOUR_NOISE = 8 / 255  # how far the bands of a grey mask may differ, as a JPEG's do


class NoMaskError(MaskError):
    """A folder has no mask of a picture's name."""


@dataclass(frozen=True)
class PictureMask:
    """The holes of a picture, and what there is to say about how they were found.

    Attributes
    ----------
    hole
        bool [H, W], True is hole, in the order of the picture's pixels as they are stored.
    notes
        Sentences for the person who asked.
    """

    hole: NDArray[np.bool_]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class MaskFile:
    """A mask file that has been read.

    Attributes
    ----------
    path
        The file.
    hole
        bool [H, W], as people see it.
    soft
        Whether it had more than two values, and was cut.
    """

    path: Path
    hole: NDArray[np.bool_]
    soft: bool


def read_mask_file(path: Path, polarity: str, *, max_pixels: int = MAX_PIXELS) -> MaskFile:
    """Read a mask file, which can be done while the picture is being read; see `read_mask` for the rules."""
    try:
        mask = read_picture(path, max_pixels=max_pixels)
        return MaskFile(path, *_cut(as_seen(_grey(mask, polarity), mask.orientation), polarity))
    except RestauroError as error:
        raise error.of(f"The mask {path}") from None


def read_mask(
    mask: str | os.PathLike[str] | MaskFile,
    picture: Picture,
    *,
    polarity: str = "white",
    grow: int = 0,
    tolerance: int = 0,
) -> PictureMask:
    """Return the holes of a picture.

    A mask file is as large as the picture as people see it, that is, with both files' EXIF orientation applied. Of two
    values the larger is hole; one value alone is no hole where it is 0, else all hole; more values (soft or
    JPEG-compressed edges) are cut at half of full scale and the hole is grown by 1 pixel, which a note says.
    Transparent pixels of a mask file are not hole. Masks of several bands must be grey.

    Parameters
    ----------
    mask
        A file's path, or in a string: "alpha" (the picture's transparent pixels are hole; more than half transparent
        where it is soft, grown by 1 pixel), "nan" (pixels with NaN in any band), "color:#rrggbb" (pixels of that
        colour); or what `read_mask_file` returned.
    picture
        What `restauro.read_picture` returned.
    polarity
        What is hole in a mask file: "white" or "black".
    grow
        Pixels to grow the hole by, as `restauro.grow_mask` does.
    tolerance
        How far each band of a pixel may be from the colour of "color:#rrggbb", 0 to 255 (16-bit pictures: of the same
        scale).

    Raises
    ------
    MaskError
        The file isn't as large as the picture, or isn't a mask; the picture has no transparency, no NaN, no such
        colours; polarity or tolerance don't apply or are out of range.
    ReadError
        The file can't be read.

    Examples
    --------
    >>> import tempfile, pyvips
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "marked.png")
    >>> white_square = pyvips.Image.black(8, 6, bands=3).draw_rect([255, 255, 255], 2, 2, 3, 2, fill=True)
    >>> white_square.copy(interpretation="srgb").pngsave(str(path))
    >>> int(read_mask("color:#ffffff", read_picture(path)).hole.sum())
    6
    >>> folder.cleanup()
    """
    path = mask.path if isinstance(mask, MaskFile) else mask
    source = _source(path)
    check_options(path, polarity, tolerance)
    if source == "alpha":
        hole, soft = _transparent(picture)
    elif source == "nan":
        hole, soft = _not_a_number(picture), False
    elif source == "color":
        hole, soft = _coloured(picture, str(mask), tolerance), False
    else:
        shape = picture.pixels.shape[:2]
        if not isinstance(mask, MaskFile):
            check_fits(Path(mask), shape, picture.orientation)
            mask = read_mask_file(Path(mask), polarity, max_pixels=max(MAX_PIXELS, shape[0] * shape[1]))
        file = mask
        _check_size(file.path, file.hole.shape, shape, picture.orientation)
        hole, soft = np.ascontiguousarray(as_stored(file.hole, picture.orientation)), file.soft
    notes = []
    if soft:
        what = "The transparency" if source == "alpha" else "The mask"
        text = f"{what} has values between none and full: it was cut at half and grown by 1 pixel."
        notes.append(Note("mask-soft", text))
    if source == "color" and picture.format == "jpeg" and tolerance == 0:
        text = "A JPEG blurs the edges of colours: a tolerance of 40 catches most of them."
        notes.append(Note("jpeg-colours-blurred", text))
    return PictureMask(grow_mask(hole, grow + soft) if grow or soft else hole, tuple(notes))


def check_fits(mask: Path, shape: tuple[int, ...], orientation: int) -> None:
    """Raise MaskError where a mask file, by its header, is of another size than a picture: before it is decoded.

    shape, orientation: the picture's, as `restauro.files.reading.read_shape` returns them.
    """
    with suppress(ReadError):  # whoever reads it says so
        stored, turned = read_shape(mask)
        _check_size(mask, stored if turned < 5 else stored[::-1], shape, orientation)


def find_mask(folder: Path, picture: Path) -> Path:
    """Return the mask file of a picture file: the one in the folder with the same stem, else `<stem>_mask`.

    Raises
    ------
    MaskError
        There is no such file, or there are two.
    """
    for stem in (picture.stem, f"{picture.stem}_mask"):
        try:
            found = [path for path in files_of_stem(folder, stem) if not _is_same_file(path, picture)]
        except OSError as error:
            raise MaskError(f"The folder of masks {folder} can't be read ({error.strerror}).") from None
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise MaskError(f"There are two masks for it in {folder}: {names}. Move one of them away.")
        if found:
            return found[0]
    raise NoMaskError(f"There is no mask for it in {folder}: it would be called {picture.stem}.png or {stem}.png.")


def files_of_stem(folder: Path, stem: str) -> list[Path]:
    """Return the picture files of a folder whose names are `stem` and an ending; OSError where it can't be read."""
    endings = [ending for known in formats.ENDINGS.values() for ending in known]
    paths = [Path(entry.path) for entry in os.scandir(folder) if entry.name.startswith(stem)]
    return sorted(path for path in paths if path.stem == stem and path.suffix.lower() in endings)


def is_file(mask: str | os.PathLike[str]) -> bool:
    """Whether a mask, as `read_mask` takes it, is a file."""
    return _source(mask) == "file"


def check_options(mask: str | os.PathLike[str], polarity: str, tolerance: int) -> None:
    """Raise MaskError for what is wrong with a mask's options whatever the picture; see `read_mask`."""
    source = _source(mask)
    if source == "color":
        _parse_colour(str(mask))
    if polarity not in POLARITIES:
        raise MaskError(f"A mask's polarity is white or black (what is hole), not {polarity!r}.")
    if polarity == "black" and source != "file":
        raise MaskError(f"Polarity is for mask files: it has no meaning for the mask {mask}, so leave it out.")
    if tolerance and source != "color":
        raise MaskError(f"A tolerance is for masks by colour (color:#rrggbb), not for the mask {mask}: leave it out.")
    if not 0 <= tolerance <= 255:
        raise MaskError(f"The tolerance {tolerance} is out of range: it must be 0 to 255.")


def _is_same_file(path: Path, other: Path) -> bool:
    return other.exists() and path.exists() and path.samefile(other)


def _source(mask: str | os.PathLike[str]) -> str:
    """Tell "alpha", "nan" and "color" from "file"; a file of such a name can be given as a Path or as ./alpha."""
    if mask in ("alpha", "nan"):
        return str(mask)
    if isinstance(mask, str) and re.match("colou?r:", mask):
        return "color"
    return "file"


def _transparent(picture: Picture) -> tuple[NDArray[np.bool_], bool]:
    """Pixels that are at least half transparent, and whether there are any between."""
    if not picture.has_alpha:
        raise MaskError("The picture has no transparency to take the mask from: give a mask file.")
    alpha = picture.pixels[..., -1]
    full = full_scale(alpha.dtype)
    hole = np.empty(alpha.shape, bool)
    soft = False
    for rows in strips(alpha):
        hole[rows] = alpha[rows] <= full / 2
        soft = soft or bool(((alpha[rows] != 0) & (alpha[rows] != full)).any())
    return hole, soft


def _not_a_number(picture: Picture) -> NDArray[np.bool_]:
    if picture.pixels.dtype.kind != "f":
        raise MaskError(
            f"The picture's values are whole numbers ({picture.pixels.dtype}), so none is NaN: give a mask file."
        )
    hole = np.empty(picture.pixels.shape[:2], bool)
    for rows in strips(picture.pixels):
        missing = np.isnan(picture.pixels[rows])
        hole[rows] = missing.any(axis=2) if missing.ndim == 3 else missing
    return hole


def _coloured(picture: Picture, text: str, tolerance: int) -> NDArray[np.bool_]:
    """Pixels whose bands, transparency aside, are all within the tolerance of a colour."""
    pixels = np.atleast_3d(picture.pixels)
    if picture.has_alpha:
        pixels = pixels[..., :-1]
    colour = _parse_colour(text)
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.shape[2] not in (1, 3):
        raise MaskError(
            f"A mask by colour needs a grey or RGB picture of 8 or 16 bits, not {pixels.shape[2]} bands of "
            f"{pixels.dtype}: give a mask file."
        )
    if pixels.shape[2] == 1 and len(set(colour)) > 1:
        raise MaskError(
            f"The picture is grey and the colour {text.partition(':')[2]} isn't: give a grey one, or a file."
        )
    return of_colour(pixels, colour, tolerance)


def _parse_colour(text: str) -> tuple[int, int, int]:
    digits = text.partition(":")[2]
    colour = parse_colour(digits)
    if colour is None:
        raise MaskError(
            f"The colour {digits!r} isn't of the form #rrggbb: white is color:#ffffff, pure red color:#ff0000."
        )
    return colour


def _grey(mask: Picture, polarity: str) -> NDArray[Any]:
    """One band, [H, W], of a mask file that has one or more."""
    if mask.pixels.ndim == 2:
        return mask.pixels
    grey = np.empty(mask.pixels.shape[:2], mask.pixels.dtype)
    for rows in strips(mask.pixels):
        grey[rows] = _grey_strip(mask.pixels[rows], mask.has_alpha, polarity)
    return grey


def _grey_strip(strip: NDArray[Any], has_alpha: bool, polarity: str) -> NDArray[Any]:
    """Take the grey values of [h, W, C]; where they are transparent, what isn't hole shines through."""
    full = full_scale(strip.dtype)
    bands = strip[..., :-1] if has_alpha else strip
    middle: NDArray[Any] = bands[..., bands.shape[2] // 2]
    for band in range(bands.shape[2]):
        if (np.abs(bands[..., band].astype(np.float32) - middle) > full * _COLOUR_NOISE).any():
            raise MaskError(
                "It has colours, and a mask is black and white",
                "save it in grey",
                Remedy("mask", "color:#rrggbb", "if it is the picture itself with the damage marked in a colour"),
            )
    if not has_alpha or (strip[..., -1] == full).all():
        return middle
    opaque = strip[..., -1] / full
    seen: NDArray[Any] = opaque * middle + (1 - opaque) * (0 if polarity == "white" else full)
    return seen if strip.dtype.kind == "f" else np.rint(seen).astype(strip.dtype)


def _check_size(path: Path, mask: tuple[int, ...], stored: tuple[int, ...], orientation: int) -> None:
    """Refuse a mask of another size than the picture as people see it."""
    seen = stored if orientation < 5 else stored[::-1]
    if mask == seen:
        return
    sizes = f"The mask {path}: It is {mask[1]} x {mask[0]} pixels and the picture {seen[1]} x {seen[0]}"
    if mask != seen[::-1]:
        raise MaskError(f"{sizes}. Make the mask on this very picture, or resize it to {seen[1]} x {seen[0]}.")
    why = ""
    if stored != seen:
        why = f" (the picture's EXIF orientation is {orientation}, and a mask fits the picture as people see it)"
    raise MaskError(f"{sizes}: it seems to be turned by 90 degrees{why}. Turn the mask and save it.")


def _cut(values: NDArray[Any], polarity: str) -> tuple[NDArray[np.bool_], bool]:
    """Tell hole from known by the values of a mask file; also whether there were more than two."""
    low, high = values.min().item(), values.max().item()
    if values.dtype.kind == "f" and not np.isfinite([low, high]).all():
        raise MaskError("It holds NaN or infinity: save it as 8-bit black and white.")
    if low == high:
        return np.full(values.shape, (low != 0) == (polarity == "white")), False
    white: NDArray[np.bool_]
    if _count(values, low) + _count(values, high) == values.size:
        white, soft = _compare(np.equal, values, high), False
    else:
        full = full_scale(values.dtype)
        if not 0 <= low <= high <= full:
            raise MaskError(f"Its values go from {low:g} to {high:g}: save it as 8-bit black and white.")
        white, soft = _compare(np.greater, values, full / 2 if values.dtype.kind == "f" else full // 2), True
    return (white if polarity == "white" else np.logical_not(white, out=white)), soft


def _compare(comparison: np.ufunc, values: NDArray[Any], other: float) -> NDArray[np.bool_]:
    """Compare in place where a value is as small as a bool, so that there is no second array of the picture's size."""
    out = values.view(np.bool_) if values.itemsize == 1 else None
    result: NDArray[np.bool_] = comparison(values, other, out=out)
    return result


def _count(values: NDArray[Any], value: float) -> int:
    return sum(int(np.count_nonzero(values[rows] == value)) for rows in strips(values))
