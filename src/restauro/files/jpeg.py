"""JPEG files: from JPEG to JPEG only the blocks that the holes touch are encoded anew."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.files import bounds, images, jpeg_blocks
from restauro.files.formats import Format, Opened, Saved
from restauro.notes import Note
from restauro.picture import Picture

_QUALITY = 95


class Jpeg(Format):
    """JPEG: 8 bits, grey or colour."""

    name = "jpeg"
    most_pixels = 65535

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a JPEG."""
        image = images.open_image("jpegload", path)
        bounds.check_jpeg(image.width, image.height, path.stat().st_size)
        return Opened(image, path, has_alpha=bool(image.hasalpha()))

    def cannot_hold(self, picture: Picture) -> str | None:
        """JPEG holds grey and colour of 8 bits; a JPEG must be of a kind whose blocks can be encoded anew."""
        if picture.format == self.name:
            jpeg_blocks.check_rewritable(picture.kept)
            return None
        return images.unheld_samples(picture) or ("transparency" if picture.has_alpha else None)

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a JPEG: of a JPEG the touched blocks, of another format all, in high quality."""
        if picture.format == self.name:
            return _rewrite(picture, path, hole)
        save_jpeg(images.image_of_picture(picture), path)
        return Saved(tuple(images.dropped_notes(picture, self.open(path).image, self.title)), None)


def save_jpeg(image: pyvips.Image, path: Path) -> None:
    """Write a JPEG of high quality, with colour as fine as brightness."""
    image.jpegsave(os.fsencode(path), Q=_QUALITY, subsample_mode="off", optimize_coding=True)


def _rewrite(picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
    rewritten = jpeg_blocks.rewrite_blocks(picture.kept, path, picture.pixels, hole)
    height, width = rewritten.block_shape
    text = (
        f"{rewritten.blocks} of {rewritten.all_blocks} blocks of {width}x{height} pixels, those that the holes touch, "
        "were encoded anew; all others are as they were."
    )
    notes = [Note("jpeg-blocks", text)]
    if rewritten.left_out:
        text = (
            f"What follows the picture in the file ({rewritten.left_out} bytes: a second picture, a gain map or a "
            "video) was left out."
        )
        notes.append(Note("second-picture-left-out", text))
    return Saved(tuple(notes), rewritten.touched)
