"""PNG files: every chunk is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.files import images, png_chunks
from restauro.files.formats import Format, Opened, Saved
from restauro.notes import Note
from restauro.picture import Picture


@dataclass(frozen=True)
class _Kept:
    """The file whose chunks are kept, and what its first ones say."""

    path: Path
    header: png_chunks.PngHeader


class Png(Format):
    """PNG: 1 to 16 bits, grey or colour, with or without transparency."""

    name = "png"

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a PNG; one that moves is refused."""
        header = png_chunks.read_header(path)
        image = images.open_image("pngload", path)
        if header.animated:
            raise images.several_pictures("several")
        image = images.with_colour_space(image, header.colour_space)
        if not header.has_resolution:
            image = images.without_resolution(image)
        return Opened(image, _Kept(path, header), has_alpha=bool(image.hasalpha()))

    def notes(self, kept: _Kept, target: str) -> tuple[Note, ...]:
        """Say what becomes of colours that are numbers, and of chunks that PNG alone knows."""
        notes = []
        if kept.header.colour_type == png_chunks.PALETTE:
            notes.append(images.PALETTE)
        if kept.header.transparent_colour:
            notes.append(Note("transparent-colour", "The transparent colour became a band of transparency."))
        if target == self.name:
            return (*notes, *images.credentials_notes(png_chunks.CREDENTIALS in kept.header.names))
        return (*notes, *images.not_carried(kept.header.only_here))

    def cannot_hold(self, picture: Picture) -> str | None:
        """PNG holds whole numbers of 8 and 16 bits, up to four bands."""
        return images.unheld_samples(picture, deepest=16)

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a PNG; what the file was, if it was one, is copied chunk by chunk."""
        images.round_to_bits(picture, hole)
        original = picture.kept.path if picture.format == "png" else None
        save_png(images.image_of_picture(picture), path, bits=picture.bits, original=original)
        if original is None:
            has_resolution = images.resolution_of(picture) is not None
            png_chunks.say(
                path, images.exif_of(picture), images.colour_space_of(picture), has_resolution=has_resolution
            )
        return Saved(tuple(images.dropped_notes(picture, self.open(path).image, self.title)), hole)


def save_png(image: pyvips.Image, path: Path, *, bits: int = 8, original: Path | None = None) -> None:
    """Write a PNG; what `original`, a PNG too, says beside its pixels is copied byte for byte."""
    bits = bits if bits < 8 else 16 if image.format == "ushort" else 8
    image = image >> (8 - bits) if bits < 8 else image
    options: dict[str, Any] = {"bitdepth": bits, "compression": 6, "filter": "all" if bits >= 8 else "none"}
    if original is None:
        image.pngsave(os.fsencode(path), keep=images.CARRIED_BY_LIBVIPS, **options)
        return
    plain = path.with_name("pixels")
    interlaced = png_chunks.read_header(original).interlaced
    image.pngsave(os.fsencode(plain), interlace=interlaced, keep="none", **options)
    png_chunks.keep_chunks(original, plain, path)
