"""PNG chunks: what a PNG says beside its pixels, carried over from the picture as it was, byte for byte."""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from restauro.errors import ReadError
from restauro.files import bounds, images, previews
from restauro.files import exif as exif_blocks

PALETTE = 3  # colour type
_BANDS = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}

_SIGNATURE = 8
# What holds the pixels, and what is true only for one colour type.
_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_OF_COLOUR_TYPE = (b"sBIT", b"bKGD", b"hIST")
_EXIF, _COLOUR_SPACE, CREDENTIALS = b"eXIf", b"cICP", b"caBX"
# What libvips or we carry to other formats, or say by ourselves that it is dropped.
_CARRIED = (_EXIF, _COLOUR_SPACE, b"iCCP", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt")
_GAMMA, _PROFILES = (b"gAMA", b"cHRM"), (b"sRGB", b"iCCP", _COLOUR_SPACE)
_WORDS = {b"gAMA": "its gamma (gAMA)", b"cHRM": "its primaries (cHRM)", b"bKGD": "its background colour (bKGD)"}
_WORDS |= {b"tIME": "its time (tIME)", CREDENTIALS: images.CREDENTIALS}
# How those texts begin in which previews may be: XMP data, and what ImageMagick keeps of other files.
_HEADS_OF_TEXTS = {
    b"iTXt": re.compile(rb"XML:com\.adobe\.xmp\0(?P<packed>[\0\1])\0[^\0]*\0[^\0]*\0"),
    b"zTXt": re.compile(rb"Raw profile type [^\0]*\0\0"),
    b"tEXt": re.compile(rb"Raw profile type [^\0]*\0"),
}
_LONGEST_TEXT = 1 << 26  # bytes: longer ones are made to do harm, and libpng reads less
_LAST = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True)
class PngHeader:
    """What a PNG's first chunk says, the names of all chunks, and the colour space that is named by numbers."""

    bits: int
    colour_type: int
    interlaced: bool
    names: tuple[bytes, ...]
    colour_space: str | None

    @property
    def animated(self) -> bool:
        """Whether it holds several pictures (APNG)."""
        return b"acTL" in self.names

    @property
    def has_resolution(self) -> bool:
        """Whether it says how large a pixel is."""
        return b"pHYs" in self.names

    @property
    def transparent_colour(self) -> bool:
        """Whether some colours are transparent."""
        return b"tRNS" in self.names

    @property
    def only_here(self) -> list[str]:
        """What other formats don't hold, or isn't carried over to them."""
        known = {*_PICTURE, *_CARRIED, *(_GAMMA if any(name in self.names for name in _PROFILES) else ())}
        return [_WORDS.get(name, f"chunk {name.decode('latin-1')}") for name in self.names if name not in known]


@dataclass(frozen=True)
class _Chunk:
    name: bytes
    start: int
    end: int


def read_header(path: Path) -> PngHeader:
    """Return what is to be known of a PNG before its pixels are read; raise ReadError where that is damaged."""
    with open(path, "rb") as file:
        chunks = list(_chunks(file))
        try:
            file.seek(_SIGNATURE + 8)
            width, height, bits, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", file.read(13))
        except struct.error:
            raise ReadError("The PNG is cut short in its header: get a complete copy.") from None
        bounds.check_png(width, height, bits * _BANDS.get(colour_type, 1), file.seek(0, os.SEEK_END))
        named = None
        for chunk in chunks:
            if chunk.name == _COLOUR_SPACE:
                file.seek(chunk.start + 8)
                named = images.colour_space(*file.read(2).ljust(2, b"\0"))
    names = tuple(dict.fromkeys(chunk.name for chunk in chunks))
    return PngHeader(bits, colour_type, bool(interlace), names, named)


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
        metadata = [chunk for chunk in chunks if chunk.name not in left_out]
        pixels = [chunk for chunk in _chunks(new) if chunk.name == b"IDAT"]
        _copy(new, out, 0, _SIGNATURE + 25)
        for chunk in (chunk for chunk in metadata if chunk.start < first_pixels):
            _keep(old, out, chunk)
        _copy(new, out, pixels[0].start, pixels[-1].end)
        for chunk in (chunk for chunk in metadata if chunk.start > first_pixels):
            _keep(old, out, chunk)
        out.write(_LAST)


def say(path: Path, exif: bytes | None, colour_space: str | None, *, has_resolution: bool) -> None:
    """Put an EXIF block and the numbers of a colour space into a PNG newly written by libvips.

    Where no resolution was known, libvips has made one up: it is taken out.
    """
    metadata = b""
    if colour_space is not None:
        metadata += _packed(_COLOUR_SPACE, bytes([*map(int, colour_space.split("/")), 0, 1]))
    if exif is not None:
        metadata += _packed(_EXIF, exif_blocks.bare(exif))
    data = path.read_bytes()
    with open(path, "rb") as file:
        made_up = [chunk for chunk in _chunks(file) if chunk.name == b"pHYs"] if not has_resolution else []
    for chunk in made_up:
        data = data[: chunk.start] + data[chunk.end :]
    path.write_bytes(data[: _SIGNATURE + 25] + metadata + data[_SIGNATURE + 25 :])


def _packed(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _keep(old: BinaryIO, out: BinaryIO, chunk: _Chunk) -> None:
    """Copy a chunk as it is, but for previews."""
    if chunk.name not in (_EXIF, *_HEADS_OF_TEXTS):
        _copy(old, out, chunk.start, chunk.end)
        return
    old.seek(chunk.start + 8)
    content = old.read(chunk.end - chunk.start - 12)
    kept = _without_preview(chunk.name, content)
    if kept == content:
        _copy(old, out, chunk.start, chunk.end)
    else:
        out.write(_packed(chunk.name, kept))


def _without_preview(name: bytes, content: bytes) -> bytes:
    """Return the content of a chunk without the preview that EXIF, XMP and Photoshop's data may hold."""
    if name == _EXIF:
        return exif_blocks.without_thumbnail(content)
    head = _HEADS_OF_TEXTS[name].match(content)
    if head is None:
        return content
    text, is_packed = content[head.end() :], name == b"zTXt" or head.groupdict().get("packed") == b"\1"
    if is_packed:
        unpacking = zlib.decompressobj()
        try:
            text = unpacking.decompress(text, _LONGEST_TEXT)
        except zlib.error:
            return content
        if not unpacking.eof:
            return content
    kept = previews.without_xmp(text) if name == b"iTXt" else previews.without_raw_profile(text)
    return content if kept == text else content[: head.end()] + (zlib.compress(kept) if is_packed else kept)


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
