"""Pixels in memory to files, through libvips: how each format is written so that nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.files import png_chunks, tiff_tags

_FORMATS = {"u1": "uchar", "i1": "char", "u2": "ushort", "i2": "short", "u4": "uint", "i4": "int", "f4": "float"}
# What a file may say beside its pixels, in libvips' names and ours.
_TOLD = {
    "icc-profile-data": "the colour profile",
    "exif-data": "the EXIF data",
    "xmp-data": "the XMP data",
    "iptc-data": "the IPTC data",
    "photoshop-data": "Photoshop's data",
}
_ALSO_TOLD = ("orientation", "resolution-unit", "image-description")
_TEXT = "png-comment-"

# TIFF's numbers for compressions that libvips can write and that lose nothing.
_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}
_ONE_BIT_COMPRESSIONS = {2: "ccittfax4", 3: "ccittfax4", 4: "ccittfax4"}
_COMPRESSION_TITLES = {2: "CCITT", 3: "CCITT", 6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 50001: "WebP"}
_PREDICTORS = {1: "none", 2: "horizontal", 3: "float"}

# A classic TIFF ends at 4 GiB.
_CLASSIC_TIFF_BYTES = 3_900_000_000
# Longer strips are split: a program that wants a few rows needn't decode all of the picture for them.
_STRIP_BYTES = 1 << 24
_LONGEST_STRIP = 32768

_JPEG_QUALITY = 95


def image_of(pixels: NDArray[Any], *, is_cmyk: bool) -> pyvips.Image:
    """Return libvips' view of an array [H, W] or [H, W, C]: no copy of a contiguous one."""
    height, width, bands = (*pixels.shape, 1)[:3]
    deep = pixels.dtype == np.uint16
    interpretation = ("grey16" if deep else "b-w") if bands < 3 else ("rgb16" if deep else "srgb")
    image = pyvips.Image.new_from_memory(
        np.ascontiguousarray(pixels), width, height, bands, _FORMATS[pixels.dtype.str[1:]]
    )
    return image.copy(interpretation="cmyk" if is_cmyk else interpretation)


def metadata_of(image: pyvips.Image) -> dict[str, tuple[int, Any]]:
    """Return what a file says beside its pixels, and its resolution, in libvips' names."""
    names = [name for name in image.get_fields() if name in _TOLD or name in _ALSO_TOLD or name.startswith(_TEXT)]
    metadata = {name: (image.get_typeof(name), image.get(name)) for name in ["xres", "yres", *names]}
    if image.get("vips-loader").startswith("heif"):  # turned on reading, whatever its EXIF data say
        metadata["orientation"] = (pyvips.GValue.gint_type, 1)
    return metadata


def exif_metadata(block: bytes | None) -> dict[str, tuple[int, Any]]:
    """Return an EXIF block in libvips' names."""
    return {"exif-data": (pyvips.GValue.blob_type, block)} if block else {}


def with_metadata(image: pyvips.Image, metadata: dict[str, tuple[int, Any]]) -> pyvips.Image:
    """Return the image with what `metadata_of` told of another."""
    image = image.copy(xres=metadata["xres"][1], yres=metadata["yres"][1])
    for name, (kind, value) in metadata.items():
        if name not in ("xres", "yres"):
            image.set_type(kind, name, value)
    return image


def dropped_notes(metadata: dict[str, tuple[int, Any]], written: pyvips.Image, title: str) -> list[str]:
    """Return a sentence about what a written file doesn't say any more."""
    there = written.get_fields()
    dropped = [what for name, what in _TOLD.items() if name in metadata and name not in there]
    if any(name.startswith(_TEXT) for name in metadata) and not any(name.startswith(_TEXT) for name in there):
        dropped.append("its texts")
    return [f"{title} can't hold all that the file said, and so was dropped: {', '.join(dropped)}."] if dropped else []


def save_png(image: pyvips.Image, path: Path, *, bits: int, original: Path | None) -> None:
    """Write a PNG; what `original`, a PNG too, says beside its pixels is copied byte for byte."""
    bits = bits if bits < 8 else 16 if image.format == "ushort" else 8
    image = image >> (8 - bits) if bits < 8 else image
    options: dict[str, Any] = {"bitdepth": bits, "compression": 6, "filter": "all" if bits >= 8 else "none"}
    if original is None:
        image.pngsave(os.fsencode(path), **options)
        return
    plain = path.with_name("pixels")
    interlaced = png_chunks.read_header(original).interlaced
    image.pngsave(os.fsencode(plain), interlace=interlaced, keep="none", **options)
    png_chunks.keep_chunks(original, plain, path)


def save_webp(image: pyvips.Image, path: Path) -> None:
    """Write a WebP without loss, colours under transparent pixels included."""
    image.webpsave(os.fsencode(path), lossless=True, exact=True)


def save_heif(image: pyvips.Image, path: Path, *, bits: int) -> None:
    """Write an AVIF without loss."""
    image.heifsave(os.fsencode(path), compression="av1", lossless=True, bitdepth=bits)


def save_jpeg(image: pyvips.Image, path: Path) -> None:
    """Write a JPEG of high quality, with colour as fine as brightness."""
    image.jpegsave(os.fsencode(path), Q=_JPEG_QUALITY, subsample_mode="off", optimize_coding=True)


def save_tiff(image: pyvips.Image, path: Path, *, bits: int, original: tiff_tags.TiffPage | None) -> list[str]:
    """Write a TIFF laid out as `original` is, with its tags; return what is to be said."""
    big = image.width * image.height * image.bands * _bytes_a_sample(image) > _CLASSIC_TIFF_BYTES
    options: dict[str, Any] = {"bigtiff": big or (original is not None and original.big)}
    if bits < 8:
        options["bitdepth"] = bits
    if original is None:
        image.tiffsave(os.fsencode(path), **_deflate(bits), **options)
        if image.get_typeof("exif-data"):
            tags = tiff_tags.with_exif(tiff_tags.read_page(path), image.get("exif-data"))
            tiff_tags.append_directory(path, tags)
        return []
    compression = original.number(tiff_tags.COMPRESSION, 1)
    options |= _layout(image, original) | _coding(original, compression, bits)
    if original.white_is_zero and image.format in ("uchar", "ushort"):
        options["miniswhite"] = True
    image.tiffsave(os.fsencode(path), keep="none", **options)
    tiff_tags.append_directory(path, tiff_tags.merge(original, tiff_tags.read_page(path)))
    if compression in _COMPRESSIONS or (compression == 4 and bits == 1):
        return []
    was = _COMPRESSION_TITLES.get(compression, f"number {compression}")
    why = "it would have changed all pixels" if compression in (6, 7, 34712, 50001) else "it can't be written"
    return [f"The TIFF's compression ({was}) became {options['compression']}: {why}."]


def _layout(image: pyvips.Image, original: tiff_tags.TiffPage) -> dict[str, Any]:
    """Return the size of tiles, or the height of strips."""
    if tiff_tags.TILE_WIDTH in original.tags:
        width, height = original.number(tiff_tags.TILE_WIDTH, 128), original.number(tiff_tags.TILE_HEIGHT, 128)
        return {"tile": True, "tile_width": width, "tile_height": height}
    rows = min(original.number(tiff_tags.ROWS_PER_STRIP, image.height), image.height)
    if rows % 2 == 1 and rows < image.height and image.height % rows == 1 % rows:
        rows += 1  # libvips (8.18) leaves out a last strip of one row where strips have an odd number of rows
    strip = rows * image.width * image.bands * _bytes_a_sample(image)
    return {"tile_height": rows} if strip <= _STRIP_BYTES and rows <= _LONGEST_STRIP else {}


def _coding(original: tiff_tags.TiffPage, compression: int, bits: int) -> dict[str, str]:
    """Return compression and predictor: the original's, deflate in place of one that can't be had or loses."""
    known = _COMPRESSIONS | _ONE_BIT_COMPRESSIONS if bits == 1 else _COMPRESSIONS
    if compression in known:
        predictor = _PREDICTORS.get(original.number(tiff_tags.PREDICTOR, 1), "none")
        return {"compression": known[compression], "predictor": predictor if bits >= 8 else "none"}
    return _deflate(bits)


def _deflate(bits: int) -> dict[str, str]:
    return {"compression": "deflate", "predictor": "horizontal" if bits >= 8 else "none"}


def _bytes_a_sample(image: pyvips.Image) -> int:
    return {"uchar": 1, "char": 1, "ushort": 2, "short": 2}.get(image.format, 4)
