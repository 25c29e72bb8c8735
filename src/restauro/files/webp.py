"""WebP files: read as they are, written without loss, with every chunk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.files import exif, images, webp_chunks
from restauro.files.formats import Format, Opened, Saved
from restauro.files.webp_chunks import Chunk
from restauro.notes import Note
from restauro.picture import Picture


class WebP(Format):
    """WebP: 8 bits, colour, with or without transparency."""

    name = "webp"
    most_pixels = 16383

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a WebP; one that moves is refused."""
        image = images.open_image("webpload", path)
        images.refuse_several(image)
        return Opened(image, webp_chunks.read_told(path), has_alpha=bool(image.hasalpha()))

    def notes(self, kept: list[Chunk], target: str) -> tuple[Note, ...]:
        """Say what becomes of chunks that WebP alone knows."""
        names = [chunk.name for chunk in kept]
        if target == self.name:
            return images.credentials_notes(webp_chunks.CREDENTIALS in names)
        known = (webp_chunks.ICC, webp_chunks.EXIF, webp_chunks.XMP)
        words = {webp_chunks.CREDENTIALS: images.CREDENTIALS}
        left = (name for name in names if name not in known)
        return images.not_carried(words.get(name, f"chunk {name.decode('latin-1').strip()}") for name in left)

    def cannot_hold(self, picture: Picture) -> str | None:
        """WebP holds colour of 8 bits."""
        return images.unheld_samples(picture) or ("grey pictures" if picture.bands < 3 else None)

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a WebP without loss, colours under transparent pixels included."""
        image = images.image_of_picture(picture)
        image.webpsave(os.fsencode(path), lossless=True, exact=True, keep="none")
        again = picture.format == self.name
        webp_chunks.say(path, picture.kept if again else _chunks_of(picture))
        written, says_resolution = self.open(path).image, exif.says_resolution(images.exif_of(picture))
        notes = images.dropped_notes(picture, written, self.title, says_resolution=says_resolution)
        return Saved((*notes, *[images.WITHOUT_LOSS] * again), hole)


def _chunks_of(picture: Picture) -> list[Chunk]:
    """Return what another file said, as chunks."""
    blocks = {name: value for name, (_, value) in picture.metadata.items()}
    if "exif-data" in blocks:
        blocks["exif-data"] = exif.bare(blocks["exif-data"])
    names = {"icc-profile-data": webp_chunks.ICC, "exif-data": webp_chunks.EXIF, "xmp-data": webp_chunks.XMP}
    return [Chunk(chunk, bytes(blocks[name])) for name, chunk in names.items() if name in blocks]
