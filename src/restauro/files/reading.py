"""`read_picture`: any picture file, with all that it holds and nothing converted.

Pixels go through libvips without a second copy in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pyvips
from numpy.typing import NDArray

from restauro import scratch
from restauro.errors import ReadError, checked_path
from restauro.files import formats, images
from restauro.files.bounds import MAX_PIXELS, check_pixels
from restauro.files.replacing import reason
from restauro.picture import TURNS, Picture

_SAMPLE_BYTES = {"uchar": 1, "char": 1, "ushort": 2, "short": 2, "uint": 4, "int": 4, "float": 4, "double": 8}


def read_picture(path: str | os.PathLike[str], page: int | None = None, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a JPEG, PNG, TIFF, WebP or AVIF file with all that it holds, and nothing converted.

    Parameters
    ----------
    path
        The file. Which format it is, its content says and not its name.
    page
        Which picture of a TIFF that holds several, from 0: the pages in their order, then the pictures inside of pages
        (SubIFDs). A restored TIFF keeps the others as they are. None: the only one, beside masks and smaller copies.
    max_pixels
        A file that claims to have more is refused before it costs memory; more than four bands count as more pixels.

    Returns
    -------
    Picture
        Grey [H, W], colour [H, W, 3], CMYK [H, W, 4], grey or colour with transparency [H, W, 2] or [H, W, 4], TIFFs
        with any number of bands [H, W, C]; uint8 or uint16, of TIFFs int8, int16, int32, uint32 and floats of 16, 32
        and 64 bits too.

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
    - Several pictures (TIFF): an error, unless `page` names the one to restore. What is smaller and marked as a reduced
      copy of the one picture (pyramids, thumbnails) is left out of the restored file, because it shows the damage; a
      note says so. Masks (GDAL's) stay.
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
    path = checked_path(path, "The picture")
    with _errors_of(path):
        format_ = formats.format_of(formats.recognise(path))
        if page is not None and not format_.has_pages:
            raise ReadError(
                f"Page {page} can't be chosen in a {format_.title}, of which one picture is read: leave it out."
            )
        with _libvips_errors(format_):
            stamp = stamp_of(path)
            opened = format_.open(path, page)
            image = opened.image
            check_pixels(image, max_pixels)
            read = opened.decode or opened.read
            pixels = read() if read else images.pixels_of(image)
    return Picture(
        pixels,
        path,
        format_.name,
        orientation=_orientation(image),
        has_alpha=opened.has_alpha,
        bits=_bits(image, pixels),
        is_cmyk=image.interpretation == "cmyk",
        is_premultiplied=opened.is_premultiplied,
        metadata=images.metadata_of(image),
        kept=opened.kept,
        page=page,
        stamp=stamp,
        nodata=opened.nodata,
        notes=format_.notes(opened.kept, format_.name),
    )


def stamp_of(path: Path) -> tuple[int, int]:
    """Return a file's size and time of change, in nanoseconds, by which one that was replaced is known."""
    about = path.stat()
    return about.st_size, about.st_mtime_ns


def read_shape(path: Path, page: int | None = None) -> tuple[tuple[int, int], int]:
    """Return a picture's height and width as stored, and its EXIF orientation; its pixels are not decoded.

    Raises
    ------
    ReadError
        See `read_picture`.
    """
    image = _header(path, page)
    return (image.height, image.width), _orientation(image)


def read_extent(path: Path, page: int | None = None) -> tuple[int, int]:
    """Return how many pixels a picture has, and how many bytes these take; they are not decoded.

    Raises
    ------
    ReadError
        See `read_picture`.
    """
    image = _header(path, page)
    pixels = image.width * image.height
    return pixels, pixels * image.bands * _SAMPLE_BYTES[image.format]


def room_for(path: Path, page: int | None, folder: Path) -> AbstractContextManager[None]:
    """Have a picture that is large beside the memory worked on in files of a folder; see `restauro.scratch`."""
    with suppress(ReadError):  # whoever reads it says so
        if scratch.is_large(*read_extent(path, page)):
            return scratch.on_disk(folder)
    return nullcontext()


def _header(path: Path, page: int | None) -> pyvips.Image:
    """Open a picture, of which nothing is decoded yet."""
    with _errors_of(path):
        format_ = formats.format_of(formats.recognise(path))
        with _libvips_errors(format_):
            image: pyvips.Image = format_.open(path, page).image
    return image


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Say of errors which file they are about."""
    try:
        yield
    except ReadError as error:
        raise error.of(str(path)) from None


@contextmanager
def _libvips_errors(format_: formats.Format) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:  # the reason holds bytes of the file, and pyvips keeps it until it can read it
        pyvips.vips_lib.vips_error_clear()
        raise ReadError(
            f"The {format_.title} can't be read to its end, it is damaged or cut short: get a complete copy."
        ) from None
    except pyvips.Error as error:
        about = error.detail or ""
        if "out of memory" in about:
            raise ReadError(
                f"There isn't memory enough to read the {format_.title}: free some, or take a machine with more."
            ) from None
        if "not implemented" in about or "not configured" in about:
            raise ReadError(
                f"The {format_.title} is coded in a way that can't be read (libvips: {reason(error)}): save it with "
                "another compression."
            ) from None
        raise ReadError(
            f"The {format_.title} can't be read to its end, it is damaged or cut short "
            f"(libvips: {reason(error)}): get a complete copy."
        ) from None


def _orientation(image: pyvips.Image) -> int:
    value = image.get("orientation") if image.get_typeof("orientation") else 1
    return value if value in TURNS else 1


def _bits(image: pyvips.Image, pixels: NDArray[Any]) -> int:
    """Return the bits of a sample that a restored file is to have."""
    in_file = image.get("bits-per-sample") if image.get_typeof("bits-per-sample") else 8
    is_low_grey = in_file < 8 and pixels.ndim == 2
    return int(in_file) if is_low_grey or in_file in (10, 12) else 8 * pixels.dtype.itemsize
