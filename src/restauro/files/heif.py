"""HEIF files: AVIF is read, turned as it is seen, and written without loss."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import exif, heif_boxes, images
from restauro.files.formats import Format, Opened, Saved, is_hevc
from restauro.files.heif_boxes import HeifBoxes
from restauro.notes import Note, counted
from restauro.picture import Picture


class Heif(Format):
    """AVIF: 8 to 12 bits, colour, with or without transparency."""

    name = "heif"
    most_pixels = 16384

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open an AVIF; what is coded in HEVC is refused, and so are several pictures."""
        boxes = heif_boxes.read_boxes(path)
        if boxes.frames > 1:
            raise images.several_pictures(boxes.frames)
        try:
            image = images.open_image("heifload", path)
        except pyvips.Error:
            if is_hevc(path):
                raise ReadError("A HEIC file (coded in HEVC) can't be read: save it as a TIFF or a PNG.") from None
            raise
        images.refuse_several(image)
        # Turned on reading, whatever its EXIF data say.
        block = image.get("exif-data") if image.get_typeof("exif-data") else None
        image = images.with_exif(image, exif.with_orientation(block, 1)) if block else image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", 1)
        return Opened(images.with_colour_space(image, boxes.colour_space), boxes, has_alpha=bool(image.hasalpha()))

    def notes(self, kept: HeifBoxes, target: str) -> tuple[Note, ...]:
        """Say what a restored file won't have, and how its colours came to be."""
        del target
        notes = []
        if kept.is_subsampled:
            text = (
                "Colour is stored at half the size in this file: its pixels are as libheif decodes them, and other "
                "programs may have shown the old file a little otherwise."
            )
            notes.append(Note("colour-as-decoded", text))
        if kept.others:
            others = counted(kept.others, "other picture", "other pictures")
            text = f"Left out: {others} in the file (a thumbnail, a gain map, depth)."
            notes.append(Note("other-pictures-left-out", text))
        credentials = [images.CREDENTIALS] * kept.has_credentials
        return (*notes, *images.not_carried([*kept.only_here, *credentials]))

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
        block, colour_space = images.exif_of(picture), images.colour_space_of(picture)
        keep = images.CARRIED_BY_LIBVIPS + "|exif" * (block is not None)
        image = images.image_of_picture(picture)
        image.heifsave(os.fsencode(path), compression="av1", lossless=True, bitdepth=picture.bits, keep=keep)
        if block is not None:
            heif_boxes.set_exif(path, exif.headed(block))
        if colour_space is not None:
            heif_boxes.set_colour_space(path, colour_space)
        written, says_resolution = self.open(path).image, exif.says_resolution(block)
        notes = images.dropped_notes(picture, written, self.title, says_resolution=says_resolution)
        return Saved((*notes, *[images.WITHOUT_LOSS] * (picture.format == self.name)), hole)
