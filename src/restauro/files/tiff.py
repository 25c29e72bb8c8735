"""TIFF files: laid out as they were, with every tag and all other pictures that they hold."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.files import images, tiff_decoding, tiff_pages, tiff_parts, tiff_rewriting, tiff_saving, tiff_tags
from restauro.files.comparing import PlainRows
from restauro.files.formats import Format, Opened, Saved
from restauro.files.tiff_pages import TiffPage
from restauro.notes import Note, counted
from restauro.picture import Picture


class Tiff(Format):
    """TIFF: whole numbers and floats, any number of bands, CMYK, one picture or several."""

    name = "tiff"
    has_pages = True

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a picture of a TIFF; what it says in tags that libvips drops stands in its EXIF data."""
        found = tiff_pages.read_page(path, page)
        if found.is_beyond_libvips:
            image = _undecoded(found)
        else:
            image = _open_rearranged(path, found) if found.misleads_libvips else _open(path, found.index)
        if exif := tiff_rewriting.exif_block(found):
            image = images.with_exif(image, exif)
        return Opened(
            image,
            found,
            has_alpha=found.has_alpha,
            is_premultiplied=found.is_premultiplied,
            nodata=found.nodata,
            decode=partial(tiff_decoding.decode, path, found) if found.is_beyond_libvips else None,
            read=partial(tiff_parts.decode, path, found) if tiff_parts.is_better_in_parts(found) else None,
        )

    def notes(self, kept: TiffPage, target: str) -> tuple[Note, ...]:
        """Say what a restored file won't have."""
        notes = []
        if kept.has_palette:
            notes.append(images.PALETTE)
        smaller = len(kept.copies)
        if smaller and target == self.name and kept.is_pyramid:
            text = "The smaller copies of the picture, a pyramid, were made anew from the restored one."
            notes.append(Note("smaller-copies-made-anew", text))
        elif smaller:
            copies = counted(smaller, "smaller copy of the picture was", "smaller copies of the picture were")
            text = f"{copies} left out: {'it shows' if smaller == 1 else 'they show'} the damage."
            notes.append(Note("smaller-copies-left-out", text))
        if target != self.name and len(kept.kept) > 1:
            others = counted(len(kept.kept) - 1, "other picture of the TIFF was", "other pictures of the TIFF were")
            notes.append(Note("other-pictures-left-out", f"{others} left out: a TIFF would keep all."))
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
            return Saved(tuple(tiff_saving.save_again(picture, path)), hole)
        tiff_saving.save_new(picture, path)
        return Saved(tuple(images.dropped_notes(picture, self.open(path).image, self.title)), hole)

    def valid_pixels(self, picture: Picture) -> NDArray[np.bool_] | None:
        """Return what the mask that lies beside the picture calls valid, as GDAL writes it; it has the same size."""
        index = picture.kept.mask_index if picture.kept else None
        if index is None:
            return None
        opened = self.open(picture.path, index)
        pixels = opened.decode() if opened.decode else images.pixels_of(opened.image)
        valid: NDArray[np.bool_] = np.atleast_3d(pixels)[..., 0] != 0
        return valid

    def planes_beside(self, picture: Picture) -> tuple[int, ...]:
        """Return the other grey pictures of the picture's size, as infrared is kept by SilverFast."""
        return picture.kept.planes_beside if picture.kept else ()

    def plain_rows(self, path: Path, page: int | None = None) -> PlainRows | None:
        """Return where the rows lie in a TIFF that isn't compressed, strip behind strip."""
        found = tiff_pages.read_page(path, page)
        start = found.plain_start
        return None if start is None else PlainRows(path, start, found.bytes_a_pixel, found.coding)


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


def _undecoded(page: TiffPage) -> pyvips.Image:
    """Return an image of the size of a page and with what it says, for one whose pixels others decode."""
    width, height, bands = (page.number(code, 1) for code in (tiff_tags.WIDTH, tiff_tags.HEIGHT, tiff_tags.SAMPLES))
    told = images.metadata_of(pyvips.Operation.call("tiffload_buffer", tiff_pages.telling(page)))
    xres, yres = told.pop("xres")[1], told.pop("yres")[1]
    interpretation = "cmyk" if page.is_cmyk else "multiband"
    image = pyvips.Image.black(width, height, bands=bands).copy(interpretation=interpretation, xres=xres, yres=yres)
    for name, (type_, value) in told.items():
        image.set_type(type_, name, value)
    image.set_type(pyvips.GValue.gint_type, "bits-per-sample", page.number(tiff_tags.BITS, 1))
    return image
