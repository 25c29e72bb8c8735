"""TIFF files: laid out as they were, with every tag and all other pictures that they hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.files import images, tiff_pages, tiff_rewriting, tiff_tags
from restauro.files.comparing import PlainRows
from restauro.files.formats import Format, Opened, Saved
from restauro.files.tiff_pages import TiffPage
from restauro.notes import Note
from restauro.picture import Picture

# TIFF's numbers for compressions that libvips can write and that lose nothing.
_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}
_ONE_BIT_COMPRESSIONS = {2: "ccittfax4", 3: "ccittfax4", 4: "ccittfax4"}
_COMPRESSION_TITLES = {2: "CCITT", 3: "CCITT", 6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 50001: "WebP"}
_LOSSY = (6, 7, 34712, 50001)
_PREDICTORS = {1: "none", 2: "horizontal", 3: "float"}

# A classic TIFF ends at 4 GiB.
_CLASSIC_TIFF_BYTES = 3_900_000_000
# Longer strips are split: a program that wants a few rows needn't decode all of the picture for them.
_STRIP_BYTES = 1 << 24
_LONGEST_STRIP = 32768


class Tiff(Format):
    """TIFF: whole numbers and floats, any number of bands, CMYK, one picture or several."""

    name = "tiff"
    has_pages = True

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a picture of a TIFF; what it says in tags that libvips drops stands in its EXIF data."""
        found = tiff_pages.read_page(path, page)
        image = _open_rearranged(path, found) if found.misleads_libvips else _open(path, found.index)
        if exif := tiff_rewriting.exif_block(found):
            image = images.with_exif(image, exif)
        return Opened(
            image, found, has_alpha=found.has_alpha, is_premultiplied=found.is_premultiplied, nodata=found.nodata
        )

    def notes(self, kept: TiffPage, target: str) -> tuple[Note, ...]:
        """Say what a restored file won't have."""
        notes = []
        if kept.has_palette:
            notes.append(images.PALETTE)
        if left_out := len(kept.places) - len(kept.kept):
            text = f"{left_out} smaller copies of the picture were left out: they show the damage."
            notes.append(Note("smaller-copies-left-out", text))
        if target != self.name and len(kept.kept) > 1:
            text = f"{len(kept.kept) - 1} other pictures of the TIFF were left out: a TIFF would keep them."
            notes.append(Note("other-pictures-left-out", text))
        if kept.has_layers:
            notes.append(Note("layers-left-out", "Photoshop's layers were left out: they show the damage."))
        if kept.unread:
            notes += images.not_carried(f"tag {code}, which can't be read" for code in kept.unread)
        if target != self.name:
            return (*notes, *images.not_carried(tiff_rewriting.only_here(kept.tags)))
        if kept.is_planar:
            text = "The bands lay one after the other; in the restored file they lie together, pixel by pixel."
            notes.append(Note("bands-together", text))
        return (*notes, *images.credentials_notes(tiff_tags.CREDENTIALS in kept.tags))

    def cannot_hold(self, picture: Picture) -> str | None:
        """TIFF holds every picture."""
        del picture
        return None

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a TIFF laid out as the file that was read, if that was a TIFF, with its tags and other pictures."""
        images.round_to_bits(picture, hole)
        if picture.format == self.name:
            return Saved(tuple(_save_again(picture, path)), hole)
        image = images.image_of_picture(picture)
        image.tiffsave(os.fsencode(path), **_deflate(picture.bits), **_options(image, picture.bits))
        tiff_rewriting.say(path, images.exif_of(picture), has_resolution=images.resolution_of(picture) is not None)
        return Saved(tuple(images.dropped_notes(picture, self.open(path).image, self.title)), hole)

    def plain_rows(self, path: Path, page: int | None = None) -> PlainRows | None:
        """Return where the rows lie in a TIFF that isn't compressed, strip behind strip."""
        found = tiff_pages.read_page(path, page)
        start = found.plain_start
        return None if start is None else PlainRows(path, start, found.bytes_a_pixel, found.coding)


def read_internal_mask(picture: Picture) -> NDArray[np.bool_] | None:
    """Return the mask that lies in a TIFF beside its picture, as GDAL writes it: bool [H, W], True is valid.

    None where there is none of the picture's size.
    """
    index = picture.kept.mask_index
    if index is None:
        return None
    pixels = images.pixels_of(Tiff().open(picture.path, index).image)
    valid: NDArray[np.bool_] = np.atleast_3d(pixels)[..., 0] != 0
    return valid


def _open(path: Path, page: int) -> pyvips.Image:
    # "truncated" would let a TIFF that is cut short pass: its gaps would come as zeros.
    return images.open_image("tiffload", path, fail_on="error", page=page)


def _open_rearranged(path: Path, page: TiffPage) -> pyvips.Image:
    data, pages = tiff_pages.rearranged(path, page)
    options = {"access": "sequential", "fail_on": "error"}
    first, *others = (pyvips.Operation.call("tiffload_buffer", data, page=k, **options) for k in range(pages))
    if not others:
        return first
    return first.bandjoin(others).copy(interpretation="cmyk" if page.is_cmyk else "multiband")


def _save_again(picture: Picture, path: Path) -> list[Note]:
    """Write a TIFF in place of the one that was read; return what is to be said."""
    original: TiffPage = picture.kept
    image, bits = images.image_of_picture(picture), picture.bits
    compression = original.number(tiff_tags.COMPRESSION, 1)
    coding = _coding(original, compression, bits)
    options = {"keep": "none", "bigtiff": original.form.big} | _layout(image, original) | coding
    options |= {key: value for key, value in _options(image, bits).items() if value}
    if original.white_is_zero and image.format in ("uchar", "ushort"):
        options["miniswhite"] = True
    if len(original.kept) == 1 and original.form.order == "<":
        image.tiffsave(os.fsencode(path), **options)
        tiff_rewriting.keep_tags(original, path)
    else:
        alone = path.with_name("picture")
        predictor = _save_in_order(picture, image, alone, options)
        tiff_rewriting.put_in_place(original, picture.path, alone, path, predictor=predictor)
    if compression in _COMPRESSIONS or (compression == 4 and bits == 1):
        return []
    was = _COMPRESSION_TITLES.get(compression, f"number {compression}")
    why = "it would have changed all pixels" if compression in _LOSSY else "it can't be written"
    return [Note("compression", f"The TIFF's compression ({was}) became {coding['compression']}: {why}.")]


def _save_in_order(picture: Picture, image: pyvips.Image, path: Path, options: dict[str, Any]) -> int:
    """Write a TIFF whose samples are in the byte order of the file that was read; return its predictor.

    libvips writes its own byte order, and takes differences in it: so both are made here where the other is wanted.
    """
    predictor = {name: number for number, name in _PREDICTORS.items()}[options["predictor"]]
    if picture.kept.form.order == ">" and picture.pixels.itemsize > 1 and options["predictor"] != "float":
        pixels = 65535 - picture.pixels if options.pop("miniswhite", False) else picture.pixels
        if options["predictor"] == "horizontal":
            pixels = _differences(pixels, options.get("tile_width", 0))
        image = images.image_of(pixels.byteswap(), is_cmyk=picture.is_cmyk)
        options["predictor"] = "none"
    image.tiffsave(os.fsencode(path), **options)
    return predictor


def _differences(pixels: NDArray[Any], tile_width: int) -> NDArray[Any]:
    """Return the differences of each sample to the one on its left, of whole rows or of rows of tiles."""
    whole = pixels.view(f"u{pixels.itemsize}")
    differences = whole.copy()
    differences[:, 1:] -= whole[:, :-1]
    if tile_width:
        differences[:, ::tile_width] = whole[:, ::tile_width]
    return differences.view(pixels.dtype)


def _options(image: pyvips.Image, bits: int) -> dict[str, Any]:
    """Return what goes with the size of a picture and its samples."""
    big = image.width * image.height * image.bands * _bytes_a_sample(image) > _CLASSIC_TIFF_BYTES
    return {"bigtiff": big, **({"bitdepth": bits} if bits < 8 else {})}


def _layout(image: pyvips.Image, original: TiffPage) -> dict[str, Any]:
    """Return the size of tiles, or the height of strips."""
    if tiff_tags.TILE_WIDTH in original.tags:
        width, height = original.number(tiff_tags.TILE_WIDTH, 128), original.number(tiff_tags.TILE_HEIGHT, 128)
        return {"tile": True, "tile_width": width, "tile_height": height}
    rows = min(original.number(tiff_tags.ROWS_PER_STRIP, image.height), image.height)
    if rows % 2 == 1 and rows < image.height and image.height % rows == 1 % rows:
        rows += 1  # libvips (8.18) leaves out a last strip of one row where strips have an odd number of rows
    strip = rows * image.width * image.bands * _bytes_a_sample(image)
    return {"tile_height": rows} if strip <= _STRIP_BYTES and rows <= _LONGEST_STRIP else {}


def _coding(original: TiffPage, compression: int, bits: int) -> dict[str, str]:
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
