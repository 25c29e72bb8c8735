"""Files that masks come in beside picture files: BMP, GIF, PBM and PGM, NPY; and the colours of palettes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import images, png_chunks
from restauro.files.bounds import check_pixels

ENDINGS = (".bmp", ".gif", ".pbm", ".pgm", ".npy")

_BMP_HEADER, _BMP_OLD_HEADER = 14, 12  # bytes: before every header of a BMP; of OS/2's
_PNM = re.compile(rb"P([1245])" + 2 * rb"(?:\s|#[^\n]*\n)+(\d+)")
_PNM_MOST = re.compile(rb"(?:\s|#[^\n]*\n)+(\d+)\s")


@dataclass(frozen=True)
class Bitmap:
    """What a file holds that isn't one of the picture formats.

    Attributes
    ----------
    pixels
        [H, W] or [H, W, C], as people see it.
    full
        The value of white, or of what is opaque; 0 for the largest of the dtype.
    has_alpha
        Whether the last band is transparency.
    palette
        uint8 [n, 3]: the colours of which the pixels are, by number; None where they are no numbers.
    """

    pixels: NDArray[Any]
    full: int = 0
    has_alpha: bool = False
    palette: NDArray[np.uint8] | None = None


def reader_of(path: Path) -> Callable[[Path], Bitmap] | None:
    """Return what reads a file of one of these kinds, by its first bytes; None for all other files."""
    try:
        with open(path, "rb") as file:
            beginning = file.read(6)
    except OSError:
        return None  # whoever reads it as a picture says what is wrong
    readers = {b"BM": read_bmp, b"GIF8": read_gif, b"\x93NUMPY": read_npy, rb"P[1245][\s#]": read_pnm}
    return next((reader for start, reader in readers.items() if re.match(start, beginning)), None)


def read_bmp(path: Path) -> Bitmap:
    """Read a BMP that isn't compressed, of 1, 4, 8, 24 or 32 bits a pixel; the fourth byte of 32 bits says nothing."""
    data = path.read_bytes()
    try:
        start, header = struct.unpack_from("<II", data, 10)
        if header == _BMP_OLD_HEADER:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            coding, colours, entry = 0, 0, 3
        else:
            width, height, _, bits, coding = struct.unpack_from("<iiHHI", data, 18)
            colours, entry = *struct.unpack_from("<I", data, 46), 4
    except struct.error:
        raise _cut_short("BMP") from None
    if coding not in (0, 3) or bits not in (1, 4, 8, 24, 32) or width <= 0 or height == 0:
        raise ReadError(f"A BMP of {bits} bits a pixel in coding {coding} can't be read: save it as a PNG.")
    stride = (width * bits + 31) // 32 * 4
    if start + stride * abs(height) > len(data):
        raise _cut_short("BMP")
    rows = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(abs(height), stride)
    rows = rows if height < 0 else rows[::-1]
    if bits > 8:
        return Bitmap(rows[:, : width * bits // 8].reshape(abs(height), width, bits // 8)[..., 2::-1])
    size = (colours or 1 << bits) * entry
    if _BMP_HEADER + header + size > len(data):
        raise _cut_short("BMP")
    palette = np.frombuffer(data, np.uint8, size, _BMP_HEADER + header).reshape(-1, entry)[:, 2::-1]
    numbers = _small_numbers(rows, bits)[:, :width]
    if numbers.max() >= len(palette):
        raise ReadError("The BMP is damaged (it names colours that it doesn't have): get a complete copy.")
    return Bitmap(palette[numbers], palette=palette)


def read_gif(path: Path) -> Bitmap:
    """Read a GIF of one picture."""
    image = images.open_image("gifload", path)
    images.refuse_several(image)
    check_pixels(image)
    return Bitmap(images.pixels_of(image), has_alpha=bool(image.hasalpha()), palette=_gif_palette(path))


def read_npy(path: Path) -> Bitmap:
    """Read an array that numpy.save wrote."""
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")  # which asks whether the file is so large
    except Exception:  # a header is read as Python is, and what that raises is as various
        raise _cut_short("NumPy file") from None
    if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or not array.size:
        raise ReadError(
            f"It is an array {array.shape} of {array.dtype}: a mask is [H, W] of bools, integers or floats."
        )
    pixels = np.array(array, np.uint8 if array.dtype == bool else array.dtype.newbyteorder("="))
    return Bitmap(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def read_pnm(path: Path) -> Bitmap:
    """Read a PBM or PGM, as bytes or as text. In a PBM 1 is black."""
    data = path.read_bytes()
    found = _PNM.match(data)
    most = found and (_PNM_MOST.match(data, found.end()) if found[1] in b"25" else data[found.end() : found.end() + 1])
    if not found or not most:
        raise _cut_short("PNM")
    variant, width, height = (int(number) for number in found.groups())
    full = int(most[1]) if isinstance(most, re.Match) else 1
    if not 1 <= full <= 65535 or not width * height:
        raise ReadError(f"The PNM is {width} x {height} pixels with values up to {full}: save it as a PNG.")
    body = data[most.end() if isinstance(most, re.Match) else found.end() + 1 :]
    try:
        values = _pnm_values(variant, body, width, height, np.dtype("u1" if full < 256 else ">u2"))
    except ValueError:
        raise _cut_short("PNM") from None
    return Bitmap(1 - values if variant in (1, 4) else values.astype(values.dtype.newbyteorder("=")), full)


def palette_of(path: Path) -> NDArray[np.uint8] | None:
    """Return the colours of a PNG whose pixels are numbers of colours; None for other PNGs."""
    if png_chunks.read_header(path).colour_type != png_chunks.PALETTE:
        return None
    return np.frombuffer(png_chunks.read_palette(path), np.uint8).reshape(-1, 3)


def _pnm_values(variant: int, body: bytes, width: int, height: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    if variant == 4:
        stride = (width + 7) // 8
        rows = np.frombuffer(body, np.uint8, stride * height).reshape(height, stride)
        return _small_numbers(rows, 1)[:, :width]
    if variant == 5:
        return np.frombuffer(body, dtype, width * height).reshape(height, width)
    body = re.sub(rb"#[^\n]*", b"", body)
    texts = re.findall(rb"[01]", body) if variant == 1 else body.split()
    return np.array(texts[: width * height], np.int64).reshape(height, width).astype(dtype)


def _small_numbers(rows: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Return numbers of 1, 4 or 8 bits that lie in bytes, the first one in the highest bits."""
    if bits == 8:
        return rows
    if bits == 1:
        return np.unpackbits(rows, axis=1)
    return np.stack([rows >> 4, rows & 15], axis=2).reshape(len(rows), -1)


def _gif_palette(path: Path) -> NDArray[np.uint8] | None:
    with open(path, "rb") as file:
        flags = file.read(13)[10]
        colours = file.read(3 * (2 << (flags & 7))) if flags & 128 else b""
    return np.frombuffer(colours, np.uint8).reshape(-1, 3) if colours else None


def _cut_short(what: str) -> ReadError:
    return ReadError(f"The {what} can't be read to its end, it is damaged or cut short: get a complete copy.")
