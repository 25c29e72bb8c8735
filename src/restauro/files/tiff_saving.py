"""TIFFs written by libvips: laid out and coded as they were, with what libvips can't write made up for.

libvips writes its own byte order and takes differences in it, knows no floats of 16 and 64 bits in files, and turns
round no numbers of 32 bits. So samples are given to it as they are to lie in the file, in a type that it writes as it
stands, and the directory says afterwards what they are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import scratch
from restauro.files import images, tiff_rewriting, tiff_tags
from restauro.files.tiff_pages import TiffPage
from restauro.files.tiff_rewriting import Changes
from restauro.files.tiff_tags import shorts
from restauro.notes import Note
from restauro.picture import Picture

# TIFF's numbers for compressions that libvips can write and that lose nothing.
_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}
_ONE_BIT_COMPRESSIONS = {2: "ccittfax4", 3: "ccittfax4", 4: "ccittfax4"}
_PREDICTORS = {1: "none", 2: "horizontal", 3: "float"}
_NONE, _HORIZONTAL, _FLOAT = _PREDICTORS

# A classic TIFF ends at 4 GiB.
_CLASSIC_TIFF_BYTES = 3_900_000_000
# Longer strips are split: a program that wants a few rows needn't decode all of the picture for them.
_STRIP_BYTES = 1 << 24
_LONGEST_STRIP = 32768


@dataclass(frozen=True)
class _Stored:
    """Samples as libvips is to write them, the predictor that it is to apply, and what the directory is to say."""

    pixels: NDArray[Any]
    predictor: int
    changes: Changes


def save_new(picture: Picture, path: Path) -> None:
    """Write the picture of another format as a TIFF."""
    stored = _Stored(picture.pixels, _HORIZONTAL if picture.bits >= 8 else _NONE, {})
    options = _options(picture, big=False) | {"compression": "deflate"}
    _save(picture, stored, path, options, images.image_of_picture(picture))
    exif, iptc, has_resolution = (
        images.exif_of(picture),
        images.iptc_of(picture),
        images.resolution_of(picture) is not None,
    )
    tiff_rewriting.say(path, exif, iptc, has_resolution=has_resolution, changes=stored.changes)


def save_again(picture: Picture, path: Path) -> list[Note]:
    """Write a TIFF in place of the one that was read; return what is to be said."""
    original: TiffPage = picture.kept
    compression = original.number(tiff_tags.COMPRESSION, 1)
    known = _COMPRESSIONS | _ONE_BIT_COMPRESSIONS if picture.bits == 1 else _COMPRESSIONS
    coding, predictor = known.get(compression), original.number(tiff_tags.PREDICTOR, _NONE)
    if coding is None:
        coding, predictor = "deflate", _HORIZONTAL
    if picture.bits < 8 or predictor not in _PREDICTORS or coding not in ("lzw", "deflate"):
        predictor = _NONE
    layout = _layout(picture, original)
    stored = _stored(picture, original, predictor, layout.get("tile_width", 0) if layout.get("tile") else 0)
    options = _options(picture, big=original.form.big) | layout | {"keep": "none", "compression": coding}
    if original.white_is_zero and picture.pixels.dtype in (np.uint8, np.uint16) and stored.pixels is picture.pixels:
        options["miniswhite"] = True
    if original.is_pyramid:
        inside = original.ifds[original.copies[0]].inside is not None
        options |= {"pyramid": True, "subifd": inside, "bigtiff": options["bigtiff"] or _is_beyond(picture, 4 / 3)}
    alone = path.with_name("picture")
    is_plain = len(original.kept) == 1 and original.form.order == "<"
    _save(picture, stored, path if is_plain else alone, options)
    if is_plain:
        tiff_rewriting.keep_tags(original, path, stored.changes)
    else:
        tiff_rewriting.put_in_place(original, picture.path, alone, path, stored.changes)
    if compression in _COMPRESSIONS or (compression == 4 and picture.bits == 1):
        return []
    was = tiff_tags.COMPRESSION_TITLES.get(compression, f"number {compression}")
    why = "it would have changed all pixels" if compression in tiff_tags.LOSSY else "it can't be written"
    return [Note("compression", f"The TIFF's compression ({was}) became {coding}: {why}.")]


def _save(picture: Picture, stored: _Stored, path: Path, options: dict[str, Any], image: Any = None) -> None:
    """Have libvips write samples; what it would write wrong is noted in `stored.changes`."""
    if image is None:
        image = images.image_of(stored.pixels, is_cmyk=picture.is_cmyk and stored.pixels.dtype == picture.pixels.dtype)
    if picture.bits == 4 and image.width % 2:  # libvips (8.18) writes the last pixel of such rows wrong
        stored.changes[tiff_tags.WIDTH] = tiff_tags.longs(image.width)
        image = image.embed(0, 0, image.width + 1, image.height, extend="copy")
    image.tiffsave(os.fsencode(path), predictor=_PREDICTORS[stored.predictor], **options)


def _stored(picture: Picture, original: TiffPage, predictor: int, tile_width: int) -> _Stored:
    """Return samples as they are to lie in the file, where libvips wouldn't make them so."""
    pixels, size = picture.pixels, picture.pixels.itemsize
    swapped, changes = original.form.order == ">" and size > 1, Changes()
    is_float, unusual = pixels.dtype.kind == "f", pixels.dtype in (np.float16, np.float64)
    if predictor == _FLOAT and (not is_float or (unusual and tile_width)):
        predictor = _NONE
    if original.white_is_zero and pixels.dtype.kind == "u" and (swapped or size == 4):
        pixels = np.subtract(np.iinfo(pixels.dtype).max, pixels, out=scratch.zeros(pixels.shape, pixels.dtype))
    if unusual or (swapped and predictor == _HORIZONTAL):
        changes[tiff_tags.PREDICTOR] = shorts(predictor)
        if predictor == _HORIZONTAL:
            pixels = _differences(pixels, tile_width)
        elif predictor == _FLOAT:
            pixels = _byte_planes(pixels)
            swapped = False
        predictor = _NONE
    if swapped and predictor != _FLOAT:
        turned = scratch.zeros(pixels.shape, pixels.dtype)
        turned.view(pixels.dtype.newbyteorder())[:] = pixels  # without a copy in memory
        pixels = turned
    if unusual:
        changes |= _described(picture, original)
        wide = pixels.reshape(*pixels.shape[:2], -1).view("u2" if size == 2 else "u4")
        pixels = wide[..., 0] if wide.shape[2] == 1 else wide
    return _Stored(pixels, predictor, changes)


def _described(picture: Picture, original: TiffPage) -> Changes:
    """Return what a directory says of floats that libvips doesn't know."""
    bands, bits = picture.bands, 8 * picture.pixels.itemsize
    kept = (tiff_tags.PHOTOMETRIC, tiff_tags.EXTRA_SAMPLES)
    described: Changes = {code: original.tags.get(code) for code in kept}
    described |= {tiff_tags.BITS: shorts(*[bits] * bands), tiff_tags.SAMPLE_FORMAT: shorts(*[3] * bands)}
    return described | {tiff_tags.SAMPLES: shorts(bands)}


def _differences(pixels: NDArray[Any], tile_width: int) -> NDArray[Any]:
    """Return the differences of each sample to the one on its left, of whole rows or of rows of tiles."""
    whole = pixels.view(f"u{pixels.itemsize}")
    differences = scratch.zeros(whole.shape, whole.dtype)
    differences[:] = whole
    np.subtract(whole[:, 1:], whole[:, :-1], out=differences[:, 1:])
    if tile_width:
        differences[:, ::tile_width] = whole[:, ::tile_width]
    return differences.view(pixels.dtype)


def _byte_planes(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return rows as the predictor of floats has them: all first bytes, all second ones, ..., as differences."""
    height, stride = len(pixels), pixels[0, 0].size
    planes = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1).view("u1")
    planes = planes.reshape(height, -1, pixels.itemsize).swapaxes(1, 2).reshape(height, -1)
    differences = planes.copy()
    differences[:, stride:] -= planes[:, :-stride]
    return differences.view(pixels.dtype).reshape(pixels.shape)


def _options(picture: Picture, *, big: bool) -> dict[str, Any]:
    """Return what goes with the size of a picture and its samples."""
    options: dict[str, Any] = {"bigtiff": big or _is_beyond(picture)}
    return options | ({"bitdepth": picture.bits} if picture.bits < 8 else {})


def _is_beyond(picture: Picture, times: float = 1) -> bool:
    """Whether a picture, or so many of its size, may not fit in a classic TIFF."""
    return times * picture.pixels.nbytes > _CLASSIC_TIFF_BYTES


def _layout(picture: Picture, original: TiffPage) -> dict[str, Any]:
    """Return the size of tiles, or the height of strips."""
    if tiff_tags.TILE_WIDTH in original.tags:
        width, height = original.number(tiff_tags.TILE_WIDTH, 128), original.number(tiff_tags.TILE_HEIGHT, 128)
        return {"tile": True, "tile_width": width, "tile_height": height}
    whole = len(picture.pixels)
    rows = min(original.number(tiff_tags.ROWS_PER_STRIP, whole), whole)
    if rows % 2 == 1 and rows < whole and whole % rows == 1 % rows:
        rows += 1  # libvips (8.18) leaves out a last strip of one row where strips have an odd number of rows
    strip = rows * picture.pixels[0].nbytes
    return {"tile_height": rows} if strip <= _STRIP_BYTES and rows <= _LONGEST_STRIP else {}
