"""What a small file may ask for: claims that its bytes can't bear out are refused before they cost time or memory."""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING, Any

from restauro.errors import ReadError, Remedy

if TYPE_CHECKING:
    import pyvips

# A file of more pixels is opened only where one says so: most that claim more are damaged, or made to do harm.
MAX_PIXELS = 1_200_000_000
_USUAL_BANDS = 4  # more of them count as more pixels

_SPARE = 1 << 16  # bytes
_DEFLATE = 1032  # deflate makes at most so many bytes of one
_PIXELS_A_BYTE = 32 * 32 * 8  # of a JPEG: a bit at least for each group of blocks
_MOST_PLANES = 512  # bands that lie one after the other; opening them takes the square of their number


class Bounded:
    """Bytes with pointers in them, of which no more can be taken than twice what there are.

    Pointers to one place from many, or in a circle, would else make a small file endless.
    """

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data
        self._left = 2 * len(data) + _SPARE

    def unpack(self, layout: str, offset: int) -> tuple[Any, ...]:
        """Return what stands at an offset; struct.error where that is outside, or too much has been taken."""
        size = struct.calcsize(layout)
        taken = self.take(offset, size)
        if len(taken) < size:
            raise struct.error
        return struct.unpack(layout, taken)

    def take(self, offset: int, size: int) -> bytes:
        """Return bytes, fewer where the data ends; struct.error where too much has been taken."""
        there = max(min(size, len(self._data) - offset), 0)
        self._left -= there
        if self._left < 0:
            raise struct.error
        return bytes(self._data[offset : offset + there]) if there else b""


def check_pixels(image: pyvips.Image, max_pixels: int = MAX_PIXELS) -> None:
    """Raise ReadError where an image, not yet decoded, has more pixels than are to be read."""
    pixels = image.width * image.height * max(image.bands, _USUAL_BANDS) // _USUAL_BANDS
    if pixels > max_pixels:
        bands = f" in {image.bands} bands" if image.bands > _USUAL_BANDS else ""
        raise ReadError(
            f"The file claims {image.width} x {image.height} pixels{bands}, and such large ones are read only where "
            "that is meant",
            Remedy("max_pixels", pixels, "if it is so large and there is memory for it"),
        )


def check_png(width: int, height: int, bits_a_pixel: int, file_size: int) -> None:
    """Raise ReadError where a PNG claims more pixels than its bytes can hold."""
    if height * ((width * bits_a_pixel + 7) // 8 + 1) > _DEFLATE * file_size:
        raise ReadError(
            f"The PNG claims {width} x {height} pixels, more than {file_size} bytes can hold: it is damaged or cut "
            "short, so get a complete copy."
        )


def check_jpeg(width: int, height: int, file_size: int) -> None:
    """Raise ReadError where a JPEG claims more pixels than its bytes can hold: libjpeg makes up what is missing."""
    if width * height > _PIXELS_A_BYTE * file_size:
        raise ReadError(
            f"The JPEG claims {width} x {height} pixels, more than {file_size} bytes can hold: it is damaged or cut "
            "short, so get a complete copy."
        )


def check_parts(size: tuple[int, int], part: tuple[int, int], planes: int, there: int) -> None:
    """Raise ReadError where a TIFF doesn't say where all its parts lie, or has too many bands for themselves.

    size, part: width and height of the picture, and of a strip or tile. planes: bands that lie for themselves, or 1.
    there: parts whose place is said.
    """
    needed = planes
    for whole, length in zip(size, part, strict=True):
        needed *= -(-whole // max(min(length, whole), 1))
    if there < needed:
        raise ReadError(
            f"The TIFF is damaged or cut short (it says where {there} of its {needed} strips or tiles lie): get a "
            "complete copy."
        )
    if planes > _MOST_PLANES:
        raise ReadError(
            f"The TIFF's {planes} bands lie one after the other, and at most {_MOST_PLANES} can be read so: save it "
            "with the bands pixel by pixel."
        )
