"""`read_picture`: any picture file, with all that it holds and nothing converted.

Pixels go through libvips without a second copy in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyvips
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import formats, images
from restauro.files.replacing import reason
from restauro.picture import TURNS, Picture


def read_picture(path: str | Path) -> Picture:
    """Read a JPEG, PNG, TIFF, WebP or AVIF file with all that it holds, and nothing converted.

    Parameters
    ----------
    path
        The file. Which format it is, its content says and not its name.

    Returns
    -------
    Picture
        Grey [H, W], colour [H, W, 3], CMYK [H, W, 4], grey or colour with transparency [H, W, 2] or [H, W, 4], TIFFs
        with any number of bands [H, W, C]; uint8 or uint16, of TIFFs int8, int16, int32, uint32 and float32 too.

    Raises
    ------
    ReadError
        A file that is missing, cut short, of another kind; the sentence says what to do.

    Notes
    -----
    - 1, 2 and 4 bits: read as uint8 between 0 and 255, and written with as many bits as there were; what was filled
      is rounded to the nearest value that they hold (of 1 bit: black or white).
    - Palette (PNG, TIFF) or one transparent colour (PNG): read and written as RGB or RGBA with 8 bits, because what is
      filled needs colours between; a note says so.
    - CMYK: four bands of ink, 255 is full. It can be written to TIFF; a CMYK JPEG can't be written as JPEG.
    - Premultiplied transparency (TIFF): as stored, colours multiplied by opacity. It can be written to TIFF.
    - Bands one after the other (TIFF): read as all others, written pixel by pixel; a note says so.
    - Compression with loss (JPEG in TIFF, WebP, AVIF): written without loss, so that no other pixel changes; a note
      says so. From JPEG to JPEG: see `write_picture`.
    - White is zero (TIFF): read and written so that 0 is black for programs; the file keeps its way.
    - Several pages: an error, because a restored file would lack the others. Smaller copies of the one picture
      (pyramids, thumbnails) are left out of the restored file, because they show the damage; a note says so.
    - HEIF: AVIF can be read; HEIC (coded in HEVC) can't, as libvips comes without a decoder. It is read turned as it is
      seen, and so its orientation is 1.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "grey.png")
    >>> pyvips.Image.black(4, 3).pngsave(str(file))
    >>> picture = read_picture(file)
    >>> picture.pixels.shape, picture.pixels.dtype, picture.format, picture.orientation
    ((3, 4), dtype('uint8'), 'png', 1)
    >>> folder.cleanup()
    """
    path = Path(path)
    kind = formats.format_of(formats.recognise(path))
    try:
        opened = kind.open(path)
        image = opened.image
        pixels = images.pixels_of(image)
    except pyvips.Error as error:
        raise ReadError(
            f"The {kind.title} can't be read to its end, it is damaged or cut short "
            f"(libvips: {reason(error)}): get a complete copy."
        ) from None
    return Picture(
        pixels,
        path,
        kind.name,
        orientation=orientation_of(image),
        has_alpha=opened.has_alpha,
        bits=_bits(image, pixels),
        is_cmyk=image.interpretation == "cmyk",
        is_premultiplied=opened.is_premultiplied,
        metadata=images.metadata_of(image),
        kept=opened.kept,
        notes=kind.notes(opened.kept),
    )


def orientation_of(image: pyvips.Image) -> int:
    """Return how an image is to be turned to be seen, 1 to 8."""
    value = image.get("orientation") if image.get_typeof("orientation") else 1
    return value if value in TURNS else 1


def _bits(image: pyvips.Image, pixels: NDArray[Any]) -> int:
    """Return the bits of a sample that a restored file is to have."""
    in_file = image.get("bits-per-sample") if image.get_typeof("bits-per-sample") else 8
    is_low_grey = in_file < 8 and pixels.ndim == 2
    return int(in_file) if is_low_grey or in_file in (10, 12) else 8 * pixels.dtype.itemsize
