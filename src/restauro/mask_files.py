"""Mask files: which pixels of them are hole, whatever they were saved as, and what they are called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro import scratch
from restauro.errors import MaskError, Remedy, RestauroError
from restauro.files import formats, mask_formats
from restauro.files.bounds import MAX_PIXELS
from restauro.files.reading import read_picture, read_shape
from restauro.mask import BRIGHTNESS, full_scale, grow_mask, strips
from restauro.notes import Note
from restauro.picture import as_seen

_PICTURE_ENDINGS = tuple(ending for known in formats.ENDINGS.values() for ending in known)
ENDINGS = (*_PICTURE_ENDINGS, *mask_formats.ENDINGS)
_COLOUR_NOISE = 8 / 255  # how far the bands of a grey mask may differ, as a JPEG's do
_FEW = 8  # values that can be listed in a message


class NoMaskError(MaskError):
    """A folder has no mask of a picture's name."""


class Header(NamedTuple):
    """Height and width of a picture as people see it, and its EXIF orientation."""

    size: tuple[int, int]
    orientation: int


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
    notes
        Sentences about how it was understood.
    weights
        float32 [H, W], 0 to 1: its values, if it had more than two and they were to be kept; None else.
    """

    path: Path
    hole: NDArray[np.bool_]
    soft: bool
    notes: tuple[Note, ...] = ()
    weights: NDArray[np.float32] | None = None

    @property
    def grown(self) -> NDArray[np.bool_]:
        """The hole, grown by 1 pixel where it is soft."""
        return grow_mask(self.hole, 1) if self.soft else self.hole


@dataclass(frozen=True)
class _Layer:
    """What a mask file holds: pixels as people see them, the value of white, colours by number."""

    pixels: NDArray[Any]
    full: int
    has_alpha: bool
    palette: NDArray[np.uint8] | None

    @property
    def bands(self) -> NDArray[Any]:
        """[H, W, C] without transparency."""
        bands = np.atleast_3d(self.pixels)
        return bands[..., :-1] if self.has_alpha else bands

    @property
    def alpha(self) -> NDArray[Any] | None:
        """[H, W]: how opaque pixels are; None where they all are."""
        return self.pixels[..., -1] if self.has_alpha and bool((self.pixels[..., -1] != self.full).any()) else None


def read_mask_file(
    path: Path,
    polarity: str = "white",
    values: Sequence[int] = (),
    *,
    max_pixels: int = MAX_PIXELS,
    keep_values: bool = False,
) -> MaskFile:
    """Read a mask file, which can be done while the picture is being read; see `restauro.read_mask` for the rules.

    keep_values: don't cut one that is soft.
    """
    try:
        layer = _read(path, max_pixels)
        if values:
            hole, notes = _of_values(layer, values)
            return MaskFile(path, hole, soft=False, notes=notes)
        marks, soft, notes = _understood(layer, polarity, keep_values)
        if marks.dtype == np.bool_:
            return MaskFile(path, marks, soft, notes)
        return MaskFile(path, marks > 0, soft=False, notes=notes, weights=marks)
    except RestauroError as error:
        raise error.of(f"The mask {path}") from None


def read_header(path: Path, page: int | None = None) -> Header | None:
    """Return a picture or mask file's size, of most kinds without decoding it.

    None where it can't be opened: whoever reads it says what is wrong.
    """
    try:
        if reader := mask_formats.reader_of(path):
            height, width = reader(path).pixels.shape[:2]
            return Header((height, width), 1)
        (height, width), orientation = read_shape(path, page)
    except (RestauroError, pyvips.Error, OSError):
        return None
    return Header((height, width) if orientation < 5 else (width, height), orientation)


def scale_to_fit(path: Path, mask: tuple[int, ...], seen: Header, *, resize: bool) -> tuple[int, int]:
    """Return how many times a mask is to be enlarged, or made smaller, to be as large as the picture.

    MaskError where it isn't as large, or with `resize` no whole multiple.
    """
    if mask == seen.size:
        return 1, 1
    times = [(large[0] // small[0], large, small) for large, small in ((seen.size, mask), (mask, seen.size))]
    enlarge, reduce = (n if (small[0] * n, small[1] * n) == tuple(large) else 1 for n, large, small in times)
    if resize and max(enlarge, reduce) > 1:
        return enlarge, reduce
    height, width = seen.size
    sizes = f"The mask {path}: It is {mask[1]} x {mask[0]} pixels and the picture {width} x {height}"
    if max(enlarge, reduce) > 1:
        why = f"to take it {enlarge} times as large" if enlarge > 1 else f"to take it {reduce} times smaller"
        raise MaskError(sizes, Remedy("resize", True, why), "make it on this very picture")
    if mask != seen.size[::-1]:
        raise MaskError(f"{sizes}. Make the mask on this very picture, or resize it to {width} x {height}.")
    orientation = f"the picture's EXIF orientation is {seen.orientation}, and a mask fits the picture as people see it"
    why = f" ({orientation})" if seen.orientation > 4 else ""
    raise MaskError(f"{sizes}: it seems to be turned by 90 degrees{why}. Turn the mask and save it.")


def find_mask(folder: Path | None, picture: Path, pattern: str | None = None) -> Path:
    """Return the mask file of a picture file.

    Parameters
    ----------
    folder
        Where it lies; None beside the picture.
    picture
        The picture file.
    pattern
        The mask's name, in which {stem} stands for the picture's without its ending. By default the file with the same
        stem, else `<stem>_mask`.

    Raises
    ------
    MaskError
        There is no such file, or there are two.
    """
    folder = picture.parent if folder is None else folder
    if pattern:
        named = folder / pattern.replace("{stem}", picture.stem)
        if not named.exists():
            raise NoMaskError(f"There is no mask for it: it would be called {named}.")
        return named
    for stem in (picture.stem, f"{picture.stem}_mask"):
        try:
            found = [path for path in files_of_stem(folder, stem, ENDINGS) if not _is_same_file(path, picture)]
        except PermissionError:
            raise MaskError(f"The folder of masks {folder} may not be read: change its permissions.") from None
        except OSError as error:
            raise MaskError(f"The folder of masks {folder} can't be read ({error.strerror}).") from None
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise MaskError(f"There are two masks for it in {folder}: {names}. Move one of them away.")
        if found:
            return found[0]
    raise NoMaskError(f"There is no mask for it in {folder}: it would be called {picture.stem}.png or {stem}.png.")


def files_of_stem(folder: Path, stem: str, endings: Sequence[str] = _PICTURE_ENDINGS) -> list[Path]:
    """Return the files of a folder whose names are `stem` and one of the endings; OSError where it can't be read."""
    paths = [Path(entry.path) for entry in os.scandir(folder) if entry.name.startswith(stem)]
    return sorted(path for path in paths if path.stem == stem and path.suffix.lower() in endings)


def _is_same_file(path: Path, other: Path) -> bool:
    return other.exists() and path.exists() and path.samefile(other)


def _read(path: Path, max_pixels: int) -> _Layer:
    if reader := mask_formats.reader_of(path):
        bitmap = reader(path)
        return _Layer(bitmap.pixels, bitmap.full or full_scale(bitmap.pixels.dtype), bitmap.has_alpha, bitmap.palette)
    try:
        mask = read_picture(path, max_pixels=max_pixels)
    except formats.NoPictureError:
        raise formats.NoPictureError(
            "The file isn't a mask that can be read, whatever its name says: masks are JPEG, PNG, TIFF, WebP, AVIF, "
            "BMP, GIF, PBM, PGM and NPY files. Save it as a PNG."
        ) from None
    pixels, full = as_seen(mask.pixels, mask.orientation), full_scale(mask.pixels.dtype)
    if mask.bits < 8:  # numbers as they are in the file
        np.floor_divide(pixels, full // (2**mask.bits - 1), out=pixels)
        full = 2**mask.bits - 1
    palette = mask_formats.palette_of(path) if mask.format == "png" else None
    return _Layer(pixels, full, mask.has_alpha, palette)


def _of_values(layer: _Layer, values: Sequence[int]) -> tuple[NDArray[np.bool_], tuple[Note, ...]]:
    """Pixels that aren't transparent and have one of some values: in a palette the numbers of their colours.

    MaskError where none has any; where some values are nowhere, a note says which.
    """
    bands = layer.bands
    if layer.palette is not None:
        colours = {value: layer.palette[value] for value in values if value < len(layer.palette)}
    elif bands.shape[2] == 1 or _is_grey(layer, tolerance=0):
        colours = {value: np.array([value]) for value in values}
        bands = bands[..., :1]
    else:
        raise MaskError("It has colours, and values are those of a grey mask or of a palette: save it in grey.")
    hole: NDArray[np.bool_] = scratch.zeros(bands.shape[:2], np.bool_)
    there = set()
    for rows in strips(bands):
        for value, colour in colours.items():
            alike = (bands[rows] == colour).all(axis=2)
            there |= {value} if alike.any() else set()
            hole[rows] |= alike
    nowhere = ", ".join(str(value) for value in values if value not in there)
    if not there:
        raise MaskError(f"No pixel is {nowhere}, it has {_listed_values(layer, bands)}", "name values that it has")
    if (alpha := layer.alpha) is not None:
        hole &= alpha > layer.full / 2
    return hole, (Note("mask-values-missing", f"No pixel of the mask is {nowhere}."),) if nowhere else ()


def _listed_values(layer: _Layer, bands: NDArray[Any]) -> str:
    """Return a mask's values in words: in a palette the numbers of the colours that occur."""
    if layer.palette is None:
        found = np.unique(bands)
    else:
        shades = {tuple(colour) for colour in np.unique(bands.reshape(-1, bands.shape[2]), axis=0).tolist()}
        found = np.array([number for number, colour in enumerate(layer.palette.tolist()) if tuple(colour) in shades])
    if len(found) > _FEW:
        return f"{len(found)} values from {found[0]} to {found[-1]}"
    return ", ".join(map(str, found.tolist()))


def _understood(layer: _Layer, polarity: str, keep_values: bool) -> tuple[NDArray[Any], bool, tuple[Note, ...]]:
    """Tell hole from known, see `_cut`; also whether there were more than two values, and what is to be said."""
    alpha = layer.alpha
    if alpha is not None and _is_one_colour(layer.bands, alpha):
        return *_cut(alpha, "white", layer.full, keep_values, "Its opacity"), ()
    if not _is_grey(layer, tolerance=_COLOUR_NOISE):
        return _of_two_colours(layer, polarity)
    if layer.palette is not None and not _is_grey(layer, tolerance=0):
        with suppress(MaskError):  # there are more
            return _of_two_colours(layer, polarity)
    values = layer.bands[..., layer.bands.shape[2] // 2]
    if alpha is not None:
        values = _with_ground(values, alpha, layer.full, polarity)
    return *_cut(values, polarity, layer.full, keep_values), ()


def _is_one_colour(bands: NDArray[Any], alpha: NDArray[Any]) -> bool:
    """Whether all that isn't rather transparent has one colour, as strokes on an empty layer have."""
    least, first = alpha.max().item() / 2, None
    for rows in strips(bands):
        visible = bands[rows][alpha[rows] > least].astype(np.float32)
        if not len(visible):
            continue
        first = visible[0] if first is None else first
        if (np.abs(visible - first) > _COLOUR_NOISE * full_scale(bands.dtype)).any():
            return False
    return first is not None


def _is_grey(layer: _Layer, *, tolerance: float) -> bool:
    """Whether bands differ by no more than a share of full scale."""
    bands = layer.bands
    middle = bands.shape[2] // 2
    if bands.shape[2] == 1:
        return True
    for rows in strips(bands):
        strip = bands[rows].astype(np.float32)
        if (np.abs(strip - strip[..., middle : middle + 1]) > layer.full * tolerance).any():
            return False
    return True


def _of_two_colours(layer: _Layer, polarity: str) -> tuple[NDArray[np.bool_], bool, tuple[Note, ...]]:
    """Take the lighter of two colours for hole, as of two values; refuse other masks of colours."""
    bands = layer.bands
    first, other = bands[0, 0], None
    is_first: NDArray[np.bool_] = scratch.zeros(bands.shape[:2], np.bool_)
    of_other_kind = layer.alpha is not None or bands.shape[2] != len(BRIGHTNESS)
    for rows in strips(bands):
        is_first[rows] = (bands[rows] == first).all(axis=2)
        rest = bands[rows][~is_first[rows]]
        other = rest[0] if other is None and len(rest) else other
        if of_other_kind or (rest != other).any():
            labels = [Remedy("values", ..., "if the numbers of its colours are labels")] * (layer.palette is not None)
            raise MaskError(
                "It has colours, and a mask is black and white",
                *labels,
                "save it in grey",
                Remedy("mask", "color:#rrggbb", "if it is the picture itself with the damage marked in a colour"),
            )
    if other is None:  # one colour, which isn't black
        return np.full(is_first.shape, polarity == "white"), False, ()
    first_is_lighter = np.dot(first, BRIGHTNESS) > np.dot(other, BRIGHTNESS)
    hole = is_first if first_is_lighter == (polarity == "white") else np.logical_not(is_first, out=is_first)
    names = ["#" + "".join(f"{round(255 / layer.full * band):02x}" for band in colour) for colour in (first, other)]
    which = "lighter" if polarity == "white" else "darker"
    note = f"Of the mask's two colours, {names[0]} and {names[1]}, the {which} is hole."
    return hole, False, (Note("mask-two-colours", note),)


def _with_ground(values: NDArray[Any], alpha: NDArray[Any], full: int, polarity: str) -> NDArray[Any]:
    """Return grey values through whose transparency what isn't hole shines."""
    seen: NDArray[Any] = scratch.zeros(values.shape, values.dtype)
    for rows in strips(values):
        opaque = alpha[rows] / full
        strip = opaque * values[rows] + (1 - opaque) * (0 if polarity == "white" else full)
        seen[rows] = strip if values.dtype.kind == "f" else np.rint(strip)
    return seen


def _cut(
    values: NDArray[Any], polarity: str, full: int, keep_values: bool, what: str = "It"
) -> tuple[NDArray[Any], bool]:
    """Tell hole from known by the values of a mask file; also whether there were more than two.

    keep_values: of more than two return float32 shares of full scale, which is hole, instead.
    """
    low, high = values.min().item(), values.max().item()
    if values.dtype.kind == "f" and not np.isfinite([low, high]).all():
        raise MaskError("It holds NaN or infinity: save it as 8-bit black and white.")
    if low == high:
        return np.full(values.shape, (low != 0) == (polarity == "white")), False
    white: NDArray[np.bool_]
    if _count(values, low) + _count(values, high) == values.size:
        white, soft = _compare(np.equal, values, high), False
    else:
        half = full / 2 if values.dtype.kind == "f" else full // 2
        if not 0 <= low <= high <= full:
            raise MaskError(f"Its values go from {low:g} to {high:g}: save it as 8-bit black and white.")
        if keep_values:
            shares: NDArray[np.float32] = np.divide(values, full, dtype=np.float32)
            return (shares if polarity == "white" else 1 - shares), True
        if high <= half:
            raise _labels_error(values, what, low, high, half)
        white, soft = _compare(np.greater, values, half), True
    return (white if polarity == "white" else np.logical_not(white, out=white)), soft


def _labels_error(values: NDArray[Any], what: str, low: float, high: float, half: float) -> MaskError:
    """Return the error of a mask that has several values, as soft ones have, and none that is rather white."""
    found = np.unique(values)
    fact = f"{what} has {len(found)} values from {low:g} to {high:g}, none above half of full scale ({half:g})"
    if what != "It" or values.dtype.kind == "f":
        return MaskError(fact, "save it as black and white")
    labels = tuple(int(value) for value in found if value) if len(found) <= _FEW else ...
    way = Remedy("values", labels, "if they are labels and these are hole")
    return MaskError(fact, way, "save it as black and white")


def _compare(comparison: np.ufunc, values: NDArray[Any], other: float) -> NDArray[np.bool_]:
    """Compare in place where a value is as small as a bool, so that there is no second array of the picture's size."""
    out = values.view(np.bool_) if values.itemsize == 1 and values.flags.writeable else None
    result: NDArray[np.bool_] = comparison(values, other, out=out)
    return result


def _count(values: NDArray[Any], value: float) -> int:
    return sum(int(np.count_nonzero(values[rows] == value)) for rows in strips(values))
