"""Small previews of a picture within what its file says beside the pixels: they show the damage, and are left out."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from restauro.files import exif
from restauro.notes import Note

_SIGNATURES = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
_IPTC = 1028
_THUMBNAILS = (1033, 1036)  # resources: of Photoshop 4 (blue before red), of later ones
_XMP_NAMESPACE = re.compile(rb"""xmlns:([\w.-]+)\s*=\s*["']http://ns\.adobe\.com/xap/1\.0/["']""")


def without_resources(block: bytes) -> bytes:
    """Return Photoshop's image resources without previews; what can't be understood stays, and all behind it."""
    kept, position = [], 0
    for number, start, end, _ in _resources(block):
        kept.append(b"" if number in _THUMBNAILS else block[start:end])
        position = end
    return b"".join([*kept, block[position:]])


def iptc_of(block: bytes) -> bytes | None:
    """Return the IPTC data among Photoshop's image resources, None where there are none."""
    return next((content for number, *_, content in _resources(block) if number == _IPTC), None)


def with_iptc(block: bytes, iptc: bytes) -> bytes:
    """Return Photoshop's image resources with IPTC data, those that they have if they have some."""
    if iptc_of(block) is not None:
        return block
    return block + b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)


def _resources(block: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Walk Photoshop's resources: number, where each begins and ends, content; up to what can't be understood.

    Those that aren't of the image (of other signatures) have the number -1.
    """
    position = 0
    while (signature := block[position : position + 4]) in _SIGNATURES:
        try:
            number, name = struct.unpack_from(">HB", block, position + 4)
            size_at = position + 6 + (name + 2) // 2 * 2
            (size,) = struct.unpack_from(">I", block, size_at)
        except struct.error:
            return
        content = block[size_at + 4 : size_at + 4 + size]
        if len(content) < size:
            return
        end = size_at + 4 + (size + 1) // 2 * 2
        yield number if signature == b"8BIM" else -1, position, end, content
        position = end


def without_xmp(packet: bytes) -> bytes:
    """Return XMP data without the previews in xmp:Thumbnails."""
    found = _XMP_NAMESPACE.search(packet)
    if found is None:
        return packet
    name = re.escape(found[1]) + rb":Thumbnails"
    begins, ends = re.compile(rb"<" + name + rb"(\s[^>]*)?(?<!/)>"), re.compile(rb"</" + name + rb"\s*>")
    kept, position = [], 0
    while (begin := begins.search(packet, position)) and (end := ends.search(packet, begin.end())):
        kept.append(packet[position : begin.start()])
        position = end.end()
    return b"".join([*kept, packet[position:]])


def without_raw_profile(text: bytes) -> bytes:
    """Return a text in which ImageMagick keeps a block of another file, in hexadecimal digits, without previews."""
    found = _RAW_PROFILE.fullmatch(text)
    if found is None or found[1].lower() not in _RAW_PROFILES:
        return text
    try:
        block = bytes.fromhex(found[2].decode())
    except ValueError:  # an odd number of digits
        return text
    kept = _RAW_PROFILES[found[1].lower()](block)
    if kept == block:
        return text
    digits = kept.hex().encode()
    lines = b"\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return b"\n%s\n%8d\n%s\n" % (found[1], len(kept), lines)


_RAW_PROFILE = re.compile(rb"\n(\w+)\n *\d+\n([0-9a-fA-F\n]*)")
_RAW_PROFILES = {b"exif": exif.without_thumbnail, b"app1": exif.without_thumbnail, b"xmp": without_xmp}
_RAW_PROFILES |= {b"8bim": without_resources, b"iptc": without_resources}
# What may hold previews, in libvips' names: what leaves them out, and what people call it.
_HOLDERS = {
    "exif-data": (exif.without_thumbnail, "the EXIF data"),
    "photoshop-data": (without_resources, "Photoshop's data"),
    "xmp-data": (without_xmp, "the XMP data"),
}


def without_preview(name: str, value: Any) -> Any:
    """Return what a file says under one of libvips' names, without the previews in it."""
    if "Raw profile type " in name:  # in a PNG's text
        return without_raw_profile(value.encode()).decode()
    return _HOLDERS[name][0](value) if name in _HOLDERS else value


def left_out_notes(metadata: Mapping[str, tuple[int, Any]]) -> tuple[Note, ...]:
    """Say which previews a restored file won't have, of what its file said in libvips' names."""
    found = [name for name, (_, value) in metadata.items() if without_preview(name, value) != value]
    places = [words for name, (_, words) in _HOLDERS.items() if name in found]
    return notes_of([*places, *("the PNG's texts" for name in found if name not in _HOLDERS)])


def notes_of(places: Iterable[str]) -> tuple[Note, ...]:
    """Say that previews in some places were left out, where there are some."""
    places = list(dict.fromkeys(places))
    if not places:
        return ()
    text = f"The small preview in {' and in '.join(places)} was left out: it shows the damage."
    return (Note("thumbnail-left-out", text),)
