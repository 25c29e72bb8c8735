"""PNG chunks: what a PNG says beside its pixels, carried over from the picture as it was, byte for byte."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from restauro.errors import ReadError
from restauro.files import bounds

PALETTE = 3  # colour type
_BANDS = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}

_SIGNATURE = 8
# What holds the pixels, and what is true only for one colour type.
_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_OF_COLOUR_TYPE = (b"sBIT", b"bKGD", b"hIST")
_LAST = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True)
class PngHeader:
    """What a PNG's first chunk says, and whether the file moves (APNG)."""

    bits: int
    colour_type: int
    interlaced: bool
    animated: bool
    transparent_colour: bool


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    start: int
    end: int


def read_header(path: Path) -> PngHeader:
    """Return what is to be known of a PNG before its pixels are read; raise ReadError where that is damaged."""
    with open(path, "rb") as file:
        names = {chunk.name for chunk in takewhile(lambda chunk: chunk.name != b"IDAT", _chunks(file))}
        file.seek(_SIGNATURE + 8)
        try:
            width, height, bits, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", file.read(13))
        except struct.error:
            raise ReadError("The PNG is cut short in its header: get a complete copy.") from None
        bounds.check_png(width, height, bits * _BANDS.get(colour_type, 1), file.seek(0, os.SEEK_END))
    return PngHeader(bits, colour_type, bool(interlace), b"acTL" in names, b"tRNS" in names)


def read_palette(path: Path) -> bytes:
    """Return red, green and blue of the colours that a PNG's pixels are numbers of."""
    with open(path, "rb") as file:
        chunk = next((chunk for chunk in _chunks(file) if chunk.name == b"PLTE"), None)
        if chunk is None:
            return b""
        file.seek(chunk.start + 8)
        return file.read((chunk.end - chunk.start - 12) // 3 * 3)


def keep_chunks(original: Path, written: Path, target: Path) -> None:
    """Write to `target` the pixels of `written` with everything else that `original` says.

    Significant bits, background and histogram are left out where the colour type is another one.
    """
    before, after = read_header(original), read_header(written)
    same_type = (before.bits, before.colour_type) == (after.bits, after.colour_type)
    left_out = _PICTURE if same_type else _PICTURE + _OF_COLOUR_TYPE
    with open(original, "rb") as old, open(written, "rb") as new, open(target, "wb") as out:
        chunks = list(_chunks(old))
        first_pixels = next(chunk.start for chunk in chunks if chunk.name == b"IDAT")
        told = [chunk for chunk in chunks if chunk.name not in left_out]
        pixels = [chunk for chunk in _chunks(new) if chunk.name == b"IDAT"]
        _copy(new, out, 0, _SIGNATURE + 25)
        for chunk in (chunk for chunk in told if chunk.start < first_pixels):
            _copy(old, out, chunk.start, chunk.end)
        _copy(new, out, pixels[0].start, pixels[-1].end)
        for chunk in (chunk for chunk in told if chunk.start > first_pixels):
            _copy(old, out, chunk.start, chunk.end)
        out.write(_LAST)


def _chunks(file: BinaryIO) -> Iterator[_Chunk]:
    """Walk the chunks of a PNG, up to its end or to where it is cut short."""
    position, name = _SIGNATURE, b""
    size = file.seek(0, os.SEEK_END)
    while position + 12 <= size and name != b"IEND":
        file.seek(position)
        head = file.read(8)
        name, end = head[4:], position + 12 + int.from_bytes(head[:4], "big")
        yield _Chunk(name, position, end)
        position = end


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    while start < end:
        block = source.read(min(end - start, 1 << 24))
        if not block:
            return
        start += target.write(block)
