"""WebP files: read as they are, written without loss."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from restauro.files import images
from restauro.files.formats import Format, Opened, Saved
from restauro.picture import Picture


class WebP(Format):
    """WebP: 8 bits, colour, with or without transparency."""

    name = "webp"
    most_pixels = 16383

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a WebP; one that moves is refused."""
        image = images.open_image("webpload", path)
        images.refuse_several(image)
        return Opened(image, None, has_alpha=bool(image.hasalpha()))

    def cannot_hold(self, picture: Picture) -> str | None:
        """WebP holds colour of 8 bits."""
        return images.unheld_samples(picture) or ("grey pictures" if picture.bands < 3 else None)

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a WebP without loss, colours under transparent pixels included."""
        images.image_of_picture(picture).webpsave(os.fsencode(path), lossless=True, exact=True)
        notes = images.dropped_notes(picture, self.open(path).image, self.title)
        return Saved((*notes, *[images.WITHOUT_LOSS] * (picture.format == self.name)), hole)
