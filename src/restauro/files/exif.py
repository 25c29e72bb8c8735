"""EXIF blocks, as they stand in files: small TIFFs, changed in place so that nothing else in them moves.

libvips would write them anew, with values that nobody gave, and without what it doesn't know.
"""

from __future__ import annotations

import struct

from restauro.files import tiff_tags
from restauro.files.bounds import Bounded

_HEADER = b"Exif\0\0"
_X_RESOLUTION = 282
_THUMBNAIL, _THUMBNAIL_BYTES = 513, 514


def bare(block: bytes) -> bytes:
    r"""Return a block without the header that some formats put before it, once or twice.

    >>> bare(b"Exif\0\0Exif\0\0MM")
    b'MM'
    """
    while block.startswith(_HEADER):
        block = block.removeprefix(_HEADER)
    return block


def headed(block: bytes) -> bytes:
    r"""Return a block with its header.

    >>> headed(b"MM")
    b'Exif\x00\x00MM'
    """
    return _HEADER + bare(block)


def without_thumbnail(block: bytes) -> bytes:
    """Return a block without the preview in it, the block itself where it has none or can't be understood."""
    head, data = block[: len(block) - len(bare(block))], bytearray(bare(block))
    bounded = Bounded(bytes(data))
    try:
        form = tiff_tags.read_form(bounded)
        (first,) = bounded.unpack(form.offset, form.pointer_at)
        pointer_at = tiff_tags.next_at(form, first, bounded.take(first, 8))
        (second,) = bounded.unpack(form.offset, pointer_at)
        if not second:
            return block
        tags = tiff_tags.read_directory(bounded, form, second)
    except (struct.error, IndexError):
        return block
    struct.pack_into(form.offset, data, pointer_at, 0)
    start, size = tiff_tags.number(tags, _THUMBNAIL, 0), tiff_tags.number(tags, _THUMBNAIL_BYTES, 0)
    if 0 < start <= start + size <= len(data):
        data[start : start + size] = bytes(size)
        if start + size + 8 >= len(data):  # mostly it is the last thing
            del data[start:]
    return head + bytes(data)


def with_orientation(block: bytes, orientation: int) -> bytes:
    """Return a block that says how the pixels are to be turned, where it said so before."""
    head, data = block[: len(block) - len(bare(block))], bytearray(bare(block))
    bounded = Bounded(bytes(data))
    try:
        form = tiff_tags.read_form(bounded)
        (first,) = bounded.unpack(form.offset, form.pointer_at)
        for position, code, type_code, count, _ in tiff_tags.entries(bounded, form, first):
            if (code, type_code, count) == (tiff_tags.ORIENTATION, 3, 1):
                struct.pack_into(form.order + "H", data, position + struct.calcsize(form.order + "HHI"), orientation)
    except (struct.error, IndexError):
        return block
    return head + bytes(data)


def says_resolution(block: bytes | None) -> bool:
    """Whether a block says how large a pixel is."""
    try:
        return block is not None and _X_RESOLUTION in tiff_tags.read_first_directory(Bounded(bare(block)))
    except (struct.error, IndexError):
        return False
