"""HEIF files: AVIF is read, turned as it is seen, and written without loss."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import images
from restauro.files.formats import Format, Opened, Saved, is_hevc
from restauro.picture import Picture


class Heif(Format):
    """AVIF: 8 to 12 bits, colour, with or without transparency."""

    name = "heif"
    most_pixels = 16384

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open an AVIF; what is coded in HEVC is refused, and so are several pictures."""
        try:
            image = images.open_image("heifload", path)
        except pyvips.Error:
            if is_hevc(path):
                raise ReadError("A HEIC file (coded in HEVC) can't be read: save it as a TIFF or a PNG.") from None
            raise
        images.refuse_several(image)
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", 1)  # turned on reading, whatever its EXIF data say
        return Opened(image, None, has_alpha=bool(image.hasalpha()))

    def cannot_hold(self, picture: Picture) -> str | None:
        """AVIF holds colour of 8, 10 and 12 bits, and libvips doesn't note how it is to be turned."""
        if reason := images.unheld_samples(picture, deepest=12):
            return reason
        if picture.bands < 3:
            return "grey pictures"
        if picture.orientation != 1:
            return f"pixels that are still to be turned (EXIF orientation {picture.orientation})"
        return None

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write an AVIF without loss."""
        image = images.image_of_picture(picture)
        image.heifsave(os.fsencode(path), compression="av1", lossless=True, bitdepth=picture.bits)
        notes = images.dropped_notes(picture, self.open(path).image, self.title)
        return Saved((*notes, *[images.WITHOUT_LOSS] * (picture.format == self.name)), hole)
