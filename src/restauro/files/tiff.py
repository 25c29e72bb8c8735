"""TIFF files: laid out as they were, with every tag."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.files import images, tiff_tags
from restauro.files.comparing import PlainRows
from restauro.files.formats import Format, Opened, Saved
from restauro.notes import Note
from restauro.picture import Picture

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


class Tiff(Format):
    """TIFF: whole numbers and floats, any number of bands, CMYK."""

    name = "tiff"

    def open(self, path: Path) -> Opened:
        """Open a TIFF; what it says in tags that libvips drops stands in its EXIF data."""
        page = tiff_tags.read_page(path)
        image = _open_rearranged(path, page) if page.misleads_libvips else _open(path)
        if exif := tiff_tags.exif_block(page):
            image = image.copy()
            image.set_type(pyvips.GValue.blob_type, "exif-data", exif)
        return Opened(image, page, has_alpha=page.has_alpha, is_premultiplied=page.is_premultiplied)

    def notes(self, kept: tiff_tags.TiffPage) -> tuple[Note, ...]:
        """Say what a restored TIFF won't have."""
        notes = []
        if kept.has_palette:
            text = "The palette became RGB with 8 bits, because what is filled needs colours between."
            notes.append(Note("palette-became-rgb", text))
        if kept.smaller_copies:
            text = f"{kept.smaller_copies} smaller copies of the picture were left out: they show the damage."
            notes.append(Note("smaller-copies-left-out", text))
        if kept.has_layers:
            notes.append(Note("layers-left-out", "Photoshop's layers were left out: they show the damage."))
        if kept.is_planar:
            text = "The bands lay one after the other; in the restored file they lie together, pixel by pixel."
            notes.append(Note("bands-rearranged", text))
        return tuple(notes)

    def cannot_hold(self, picture: Picture) -> str | None:
        """TIFF holds every picture."""
        del picture
        return None

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a TIFF laid out as the file that was read, if that was a TIFF, with its tags."""
        images.round_to_bits(picture, hole)
        original = picture.kept if picture.format == self.name else None
        notes = save_tiff(images.image_of_picture(picture), path, bits=picture.bits, original=original)
        if original is None:
            notes = images.dropped_notes(picture, self.open(path).image, self.title)
        return Saved(tuple(notes), hole)

    def plain_rows(self, path: Path) -> PlainRows | None:
        """Return where the rows lie in a TIFF that isn't compressed, strip behind strip."""
        page = tiff_tags.read_page(path)
        start = page.plain_start
        return None if start is None else PlainRows(path, start, page.bytes_a_pixel, page.coding)


def _open(path: Path) -> pyvips.Image:
    # "truncated" would let a TIFF that is cut short pass: its gaps would come as zeros.
    return images.open_image("tiffload", path, fail_on="error")


def _open_rearranged(path: Path, page: tiff_tags.TiffPage) -> pyvips.Image:
    data, pages = tiff_tags.rearranged(path, page)
    options = {"access": "sequential", "fail_on": "error"}
    first, *others = (pyvips.Operation.call("tiffload_buffer", data, page=k, **options) for k in range(pages))
    as_named = _open(path).interpretation
    return (first.bandjoin(others) if others else first).copy(interpretation=as_named)


def save_tiff(image: pyvips.Image, path: Path, *, bits: int, original: tiff_tags.TiffPage | None) -> list[Note]:
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
    return [Note("compression-changed", f"The TIFF's compression ({was}) became {options['compression']}: {why}.")]


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
