"""JPEG files: from JPEG to JPEG only the blocks that the holes touch are encoded anew."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import bounds, images, jpeg_blocks, jpeg_segments, previews
from restauro.files.formats import Format, Opened, Saved
from restauro.files.jpeg_segments import Segment
from restauro.notes import Note, counted
from restauro.picture import Picture

_QUALITY = 95
# What libjpeg says of coded data that end early: within a stretch of them, and at the end (D9) in place of a restart.
_END_EARLY = (b"premature end of data segment", b"found marker 0xd9 instead of RST")


@dataclass(frozen=True)
class _Kept:
    """The file whose blocks are kept, and its segments before the picture's code."""

    path: Path
    head: list[Segment]


class Jpeg(Format):
    """JPEG: 8 bits, grey or colour."""

    name = "jpeg"
    most_pixels = 65535

    def open(self, path: Path, page: int | None = None) -> Opened:
        """Open a JPEG."""
        head = jpeg_segments.read_head(path)
        if coding := jpeg_segments.unreadable_coding(head):
            raise ReadError(f"A JPEG {coding} can't be read: save it as a TIFF of 8 or 16 bits.")
        image = images.open_image("jpegload", path)
        bounds.check_jpeg(image.width, image.height, path.stat().st_size)
        if not jpeg_segments.has_resolution(head):
            image = images.without_resolution(image)
        image = images.with_photoshop(image, jpeg_segments.resources(head))
        return Opened(image, _Kept(path, head), has_alpha=bool(image.hasalpha()), read=partial(_read, path))

    def notes(self, kept: _Kept, target: str) -> tuple[Note, ...]:
        """Say what becomes of segments that JPEG alone knows, and of what follows the picture."""
        has_credentials = jpeg_segments.has_credentials(kept.head)
        if target == self.name:
            return images.credentials_notes(has_credentials)
        named = jpeg_segments.only_here(kept.head)
        if has_credentials:
            named.append(images.CREDENTIALS)
        if any(segment.points_behind for segment in kept.head):
            named.append("the pictures that follow it in the file (a second picture, a gain map)")
        return images.not_carried(named)

    def cannot_hold(self, picture: Picture) -> str | None:
        """JPEG holds grey and colour of 8 bits; a JPEG must be of a kind whose blocks can be encoded anew."""
        if picture.format == self.name:
            jpeg_blocks.check_rewritable(picture.kept.path)
            return None
        return images.unheld_samples(picture) or ("transparency" if picture.has_alpha else None)

    def save(self, picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
        """Write a JPEG: of a JPEG the touched blocks, of another format all, in high quality."""
        if picture.format == self.name:
            return _rewrite(picture, path, hole)
        save_jpeg(images.image_of_picture(picture), path)
        jpeg_segments.say(
            path,
            resolution=images.resolution_of(picture),
            block=images.exif_of(picture),
            photoshop=images.photoshop_of(picture),
        )
        return Saved(tuple(images.dropped_notes(picture, self.open(path).image, self.title)), None)


def _read(path: Path) -> NDArray[np.uint8]:
    """Return a JPEG's pixels; raise ReadError where its coded data end before all of them.

    Where the file is closed all the same, libjpeg makes up what is missing, and warns. libvips can be told to end at
    warnings, but then it does at those that mean no harm, and not in the last rows.
    """
    for _ in range(2):  # once more where the warning may be of another file: libvips keeps them for all
        pixels = images.pixels_of(images.open_image("jpegload", path))
        warnings = pyvips.ffi.string(pyvips.vips_lib.vips_error_buffer())
        if not any(words in warnings for words in _END_EARLY):
            return pixels
        pyvips.vips_lib.vips_error_clear()
    raise ReadError(
        "The JPEG is damaged or cut short, though it is closed as a whole one is (its coded data end before its last "
        "pixel): get a complete copy."
    )


def save_jpeg(image: pyvips.Image, path: Path) -> None:
    """Write a JPEG of high quality, with colour as fine as brightness."""
    image.jpegsave(os.fsencode(path), Q=_QUALITY, subsample_mode="off", optimize_coding=True, keep="xmp|icc|other")


def _rewrite(picture: Picture, path: Path, hole: NDArray[np.bool_]) -> Saved:
    rewritten = jpeg_blocks.rewrite_blocks(picture.kept.path, path, picture.pixels, hole)
    height, width = rewritten.block_shape
    text = (
        f"{rewritten.blocks} of {rewritten.all_blocks} blocks of {width}x{height} pixels, those that the holes touch, "
        "were encoded anew; all others are as they were."
    )
    notes = [Note("jpeg-blocks", text), *previews.notes_of(jpeg_segments.own_previews(picture.kept.head))]
    if rewritten.left_out:
        size = counted(rewritten.left_out, "byte")
        text = f"What follows the picture in the file ({size}: a second picture, a gain map or a video) was left out."
        notes.append(Note("second-picture-left-out", text))
    return Saved(tuple(notes), rewritten.touched)
