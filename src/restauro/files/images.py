"""Pixels in memory as libvips' images and back, and what a file says beside them in libvips' names."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro import scratch
from restauro.errors import ReadError
from restauro.files import previews
from restauro.notes import Note
from restauro.picture import Picture

_DTYPES = {"uchar": "u1", "char": "i1", "ushort": "u2", "short": "i2", "uint": "u4", "int": "i4", "float": "f4"}
_DTYPES |= {"double": "f8"}
_FORMATS = {dtype: name for name, dtype in _DTYPES.items()}
COLOUR_SPACE = "colour-space"  # set by those formats that can name one by numbers
_EXIF, _IPTC, _PHOTOSHOP = "exif-data", "iptc-data", "photoshop-data"
# What libvips is to write by itself: EXIF data are written as they were, by the formats.
CARRIED_BY_LIBVIPS = "xmp|iptc|icc|other"
_USUAL_COLOUR_SPACES = ("1/13", "2/2", "1/1", "1/6", "1/2", "2/13")  # what is taken for sRGB where nothing is said
# What a file may say beside its pixels, in libvips' names and ours.
_TOLD = {
    "icc-profile-data": "the colour profile",
    _EXIF: "the EXIF data",
    "xmp-data": "the XMP data",
    _IPTC: "the IPTC data",
    _PHOTOSHOP: "Photoshop's data",
    COLOUR_SPACE: "the colour space that it names",
}
CHROMA = "jpeg-chroma-subsample"  # "4:4:4" where a JPEG's colour is as fine as its brightness
_ALSO_TOLD = ("orientation", "resolution-unit", "image-description", CHROMA)
_TEXT = "png-comment-"
_FINEST = 1_000_000  # pixels a millimetre: more is damage, and libvips takes no more

CREDENTIALS = "its content credentials (C2PA)"
WITHOUT_LOSS = Note(
    "written-without-loss",
    "It was written without loss, so that no other pixel changes; the file may be larger for it.",
)
PALETTE = Note("palette", "The palette became RGB with 8 bits, because what is filled needs colours between.")


def open_image(loader: str, path: Path, *, fail_on: str = "truncated", **options: Any) -> pyvips.Image:
    """Return libvips' image of a file, to be read once from top to bottom."""
    # Named loaders take any file name as it is. Without revalidate libvips hands out what an earlier file of this name
    # held.
    options |= {"access": "sequential", "fail_on": fail_on, "revalidate": True}
    return pyvips.Operation.call(loader, os.fsencode(path), **options)


def refuse_several(image: pyvips.Image) -> None:
    """Raise ReadError where a file holds more than one picture."""
    pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    if pages > 1:
        raise several_pictures(pages)


def several_pictures(count: int | str) -> ReadError:
    """Return the error for a file that holds several pictures."""
    return ReadError(
        f"The file holds {count} pictures, and restauro restores one a file: save the one you mean as a PNG."
    )


def pixels_of(image: pyvips.Image) -> NDArray[Any]:
    """Decode an image, once, as an array [H, W] or [H, W, C] that can be written to.

    It is in memory or, where `restauro.scratch` says so, in a file.
    """
    if image.format not in _DTYPES:
        raise ReadError(f"Samples of type {image.format} can't be restored: save the picture with 8 or 16 bits.")
    shape = (image.height, image.width, image.bands)[: 2 if image.bands == 1 else 3]
    dtype = np.dtype(_DTYPES[image.format])
    if place := scratch.place_for(shape, dtype):
        with scratch.new_file(place, math.prod(shape) * dtype.itemsize) as file:
            image.rawsave_target(pyvips.Target.new_to_descriptor(file.fileno()))
            return scratch.mapped(file, shape, dtype)
    return np.frombuffer(image.write_to_memory(), dtype).reshape(shape)


def image_of(pixels: NDArray[Any], *, is_cmyk: bool) -> pyvips.Image:
    """Return libvips' view of an array [H, W] or [H, W, C]: no copy of a contiguous one."""
    if pixels.dtype == np.float16:  # which libvips doesn't know
        pixels = pixels.view(np.uint16)
    height, width, bands = (*pixels.shape, 1)[:3]
    deep = pixels.dtype == np.uint16
    interpretation = ("grey16" if deep else "b-w") if bands < 3 else ("rgb16" if deep else "srgb")
    image = pyvips.Image.new_from_memory(
        np.ascontiguousarray(pixels), width, height, bands, _FORMATS[pixels.dtype.str[1:]]
    )
    return image.copy(interpretation="cmyk" if is_cmyk else interpretation)


def image_of_picture(picture: Picture) -> pyvips.Image:
    """Return libvips' image of a picture, with what its file said but for previews and EXIF data; see `exif_of`."""
    metadata = picture.metadata
    image = image_of(picture.pixels, is_cmyk=picture.is_cmyk).copy(xres=metadata["xres"][1], yres=metadata["yres"][1])
    for name, (gtype, value) in metadata.items():
        if name not in ("xres", "yres", _EXIF, COLOUR_SPACE):
            image.set_type(gtype, name, previews.without_preview(name, value))
    return image


def exif_of(picture: Picture) -> bytes | None:
    """Return the EXIF block that a restored picture is to have, None where its file had none."""
    return previews.without_preview(_EXIF, picture.metadata[_EXIF][1]) if _EXIF in picture.metadata else None


def iptc_of(picture: Picture) -> bytes | None:
    """Return the IPTC data that a restored picture is to have, None where its file had none."""
    return picture.metadata[_IPTC][1] if _IPTC in picture.metadata else None


def photoshop_of(picture: Picture) -> bytes:
    """Return Photoshop's image resources, with the IPTC data, that a restored picture is to have in a JPEG."""
    block = picture.metadata[_PHOTOSHOP][1] if _PHOTOSHOP in picture.metadata else b""
    block, iptc = previews.without_preview(_PHOTOSHOP, block), iptc_of(picture)
    return block if iptc is None else previews.with_iptc(block, iptc)


def resolution_of(picture: Picture) -> tuple[float, float, str] | None:
    """Return pixels a millimetre, across and down, and the unit that the file has them in; None where it says none."""
    across, down = picture.metadata["xres"][1], picture.metadata["yres"][1]
    unit = picture.metadata.get("resolution-unit", (0, None))[1]
    if unit is None and (across, down) == (1.0, 1.0):  # what libvips takes where nothing is said
        return None
    return across, down, unit or "in"


def colour_space_of(picture: Picture) -> str | None:
    """Return the colour space that the file named by numbers; see `colour_space`."""
    return picture.metadata[COLOUR_SPACE][1] if COLOUR_SPACE in picture.metadata else None


def colour_space(primaries: int, transfer: int) -> str:
    """Word the numbers of a colour space (CICP, ITU-T H.273): BT.2020 with PQ is 9/16.

    >>> colour_space(9, 16)
    '9/16'
    """
    return f"{primaries}/{transfer}"


def without_resolution(image: pyvips.Image) -> pyvips.Image:
    """Return an image that says no resolution, where libvips has made one up."""
    return image.copy(xres=1.0, yres=1.0)


def with_colour_space(image: pyvips.Image, named: str | None) -> pyvips.Image:
    """Return an image that says which colour space its file names, if that isn't the usual one."""
    if named is None or named in _USUAL_COLOUR_SPACES:
        return image
    image = image.copy()
    image.set_type(pyvips.GValue.gstr_type, COLOUR_SPACE, named)
    return image


def with_exif(image: pyvips.Image, block: bytes) -> pyvips.Image:
    """Return an image with another EXIF block."""
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, _EXIF, block)
    return image


def with_photoshop(image: pyvips.Image, block: bytes) -> pyvips.Image:
    """Return an image with Photoshop's image resources, and with the IPTC data among them.

    What libvips calls IPTC data in a JPEG are all resources of the first segment.
    """
    image = image.copy()
    image.remove(_IPTC)
    for name, value in ((_PHOTOSHOP, block), (_IPTC, previews.iptc_of(block))):
        if value:
            image.set_type(pyvips.GValue.blob_type, name, value)
    return image


def metadata_of(image: pyvips.Image) -> dict[str, tuple[int, Any]]:
    """Return what a file says beside its pixels, and its resolution, in libvips' names."""
    fields = _fields(image)
    names = [name for name in fields if name in _TOLD or name in _ALSO_TOLD or name.startswith(_TEXT)]
    metadata = {name: (image.get_typeof(name), image.get(name)) for name in ["xres", "yres", *names]}
    for name in ("xres", "yres"):
        if not 0 < metadata[name][1] < _FINEST:
            metadata[name] = (metadata[name][0], 1.0)
    return metadata


def _fields(image: pyvips.Image) -> list[str]:
    """Return the names of all that an image says: pyvips stops at one that is no text, such as a PNG's may be."""
    array = pyvips.vips_lib.vips_image_get_fields(image.pointer)
    names: list[bytes] = []
    while array[len(names)] != pyvips.ffi.NULL:
        names.append(pyvips.ffi.string(array[len(names)]))
        pyvips.glib_lib.g_free(array[len(names) - 1])
    pyvips.glib_lib.g_free(array)
    return [name.decode() for name in names if _is_text(name)]


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def round_to_bits(picture: Picture, hole: NDArray[np.bool_]) -> None:
    """Round what was filled to the values that a file of 1, 2 or 4 bits can hold."""
    if picture.bits < 8:
        step = 255 / (2**picture.bits - 1)
        nearest = (np.rint(np.arange(256) / step) * step).astype(np.uint8)
        picture.pixels[hole] = nearest[picture.pixels[hole]]


def dropped_notes(picture: Picture, written: pyvips.Image, title: str, *, says_resolution: bool = True) -> list[Note]:
    """Return a sentence about what a written file doesn't say any more."""
    there = _fields(written)
    dropped = [what for name, what in _TOLD.items() if name in picture.metadata and name not in there]
    if any(name.startswith(_TEXT) for name in picture.metadata) and not any(name.startswith(_TEXT) for name in there):
        dropped.append("its texts")
    if resolution_of(picture) and not says_resolution:
        dropped.append("the resolution")
    if not dropped:
        return []
    text = f"{title} can't hold all that the file said, and so was dropped: {', '.join(dropped)}."
    return [Note("not-carried-over", text)]


def not_carried(named: Iterable[str]) -> tuple[Note, ...]:
    """Return a sentence that names what a file of a restored picture won't say any more, none where that is nothing."""
    named = list(dict.fromkeys(named))
    return (Note("not-carried-over", f"Not carried over: {', '.join(named)}."),) if named else ()


def credentials_notes(there: bool) -> tuple[Note, ...]:
    """Say that a file's C2PA manifest, where it is kept, doesn't hold any more."""
    text = "Its content credentials (C2PA) were kept as they were, and are no longer valid: pixels have changed."
    return (Note("credentials-invalid", text),) if there else ()


def unheld_samples(picture: Picture, *, deepest: int = 8) -> str | None:
    """Return what of a picture's samples and bands can't be held by a format of whole numbers up to `deepest` bits."""
    dtype, bands = picture.pixels.dtype, picture.bands
    if picture.is_cmyk:
        return "CMYK"
    if not (dtype == np.uint8 or (dtype == np.uint16 and picture.bits <= deepest)):
        return {"u": "", "i": "signed ", "f": "floating-point "}[dtype.kind] + f"samples of {8 * dtype.itemsize} bits"
    if picture.is_premultiplied:
        return "colours multiplied by their opacity"
    if bands > 4 or (bands in (2, 4) and not picture.has_alpha):
        return f"{bands} bands of which none is transparency"
    return None
