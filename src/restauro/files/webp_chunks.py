"""WebP chunks: what a WebP says beside its pixels, put around new pixels byte for byte."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from restauro.files import previews

ICC, EXIF, XMP, CREDENTIALS = b"ICCP", b"EXIF", b"XMP ", b"C2PA"
_HEADER, _LOSSY, _LOSSLESS, _ALPHA = b"VP8X", b"VP8 ", b"VP8L", b"ALPH"
_PICTURE = (_HEADER, _LOSSY, _LOSSLESS, _ALPHA, b"ANIM", b"ANMF")
_FLAGS = {ICC: 0x20, EXIF: 0x08, XMP: 0x04}
_HAS_ALPHA = 0x10


@dataclass(frozen=True)
class Chunk:
    """One chunk: its name of four letters, and its content."""

    name: bytes
    content: bytes

    @property
    def packed(self) -> bytes:
        """The chunk as it stands in a file."""
        return self.name + struct.pack("<I", len(self.content)) + self.content + b"\0" * (len(self.content) % 2)


def read_told(path: Path) -> list[Chunk]:
    """Return the chunks of a WebP that aren't its pixels, in order."""
    return [chunk for chunk in _chunks(path.read_bytes()) if chunk.name not in _PICTURE]


def say(path: Path, metadata: Iterable[Chunk]) -> None:
    """Put chunks around the pixels of a WebP of one picture that has none of its own."""
    pixels = [chunk for chunk in _chunks(path.read_bytes()) if chunk.name in (_LOSSY, _LOSSLESS, _ALPHA)]
    metadata = [_without_preview(chunk) for chunk in metadata]
    before = [chunk for chunk in metadata if chunk.name == ICC]
    after = [chunk for chunk in metadata if chunk.name != ICC]
    chunks = [*before, *pixels, *after]
    if metadata:
        chunks = [_header(pixels[-1], metadata), *chunks]
    body = b"WEBP" + b"".join(chunk.packed for chunk in chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def _header(pixels: Chunk, metadata: list[Chunk]) -> Chunk:
    """Return the chunk that says what the others are: size, transparency, and what there is beside pixels."""
    (bits,) = struct.unpack_from("<I", pixels.content, 1)  # of the lossless coding: 14 bits each, then transparency
    width, height, has_alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    flags = has_alpha * _HAS_ALPHA
    for chunk in metadata:
        flags |= _FLAGS.get(chunk.name, 0)
    return Chunk(_HEADER, bytes([flags, 0, 0, 0]) + width.to_bytes(3, "little") + height.to_bytes(3, "little"))


def _without_preview(chunk: Chunk) -> Chunk:
    called = {EXIF: "exif-data", XMP: "xmp-data"}.get(chunk.name, "")
    return Chunk(chunk.name, previews.without_preview(called, chunk.content))


def _chunks(data: bytes) -> list[Chunk]:
    """Return the chunks of a WebP, up to its end or to where it is cut short."""
    chunks, position = [], 12
    while position + 8 <= len(data):
        name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        chunks.append(Chunk(name, data[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    return chunks
