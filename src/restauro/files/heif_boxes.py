"""HEIF boxes: what an AVIF says that libvips doesn't tell, and what it writes in its own words."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from restauro.files import images
from restauro.files.bounds import Bounded

# Boxes whose content is boxes, and the bytes before the first of them.
_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0}
_DEEPEST = 6
_CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # UUID of C2PA
_PICTURES = (b"av01", b"hvc1", b"grid", b"iovl", b"tmap", b"jpeg")
# Properties that say more than how a picture is coded and turned.
_TOLD = {
    b"clli": "its light levels (clli)",
    b"mdcv": "its mastering display (mdcv)",
    b"cclv": "its colour volume (cclv)",
}
_TOLD |= {b"pasp": "its pixels' proportions (pasp)"}


@dataclass(frozen=True)
class HeifBoxes:
    """What the boxes of a HEIF file say.

    Attributes
    ----------
    frames
        Pictures of a sequence, 0 where there is none.
    colour_space
        Numbers of primaries and transfer, as `images.colour_space` words them; None where none are named.
    is_subsampled
        Whether colour is stored at half the size.
    others
        Pictures beside the main one and its transparency: thumbnails, gain maps, depth.
    only_here
        What other formats don't hold, in words.
    has_credentials
        Whether there is a C2PA manifest.
    """

    frames: int
    colour_space: str | None
    is_subsampled: bool
    others: int
    only_here: tuple[str, ...]
    has_credentials: bool


@dataclass(frozen=True)
class _Box:
    name: bytes
    start: int  # of the content
    end: int


def read_boxes(path: Path) -> HeifBoxes:
    """Return what the boxes of a HEIF file say; what can't be understood is taken for not there."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _understood(Bounded(data), list(_walk(Bounded(data), 0, len(data))))
        except struct.error:
            return HeifBoxes(0, None, False, 0, (), False)


def _understood(data: Bounded, boxes: list[_Box]) -> HeifBoxes:
    def contents(name: bytes, most: int = 1 << 16) -> list[bytes]:
        return [data.take(box.start, min(box.end - box.start, most)) for box in boxes if box.name == name]

    colours = [
        images.colour_space(*struct.unpack_from(">HH", colour, 4))
        for colour in contents(b"colr")
        if colour[:4] == b"nclx"
    ]
    coded = [coding[2] for coding in contents(b"av1C") if len(coding) > 2]
    items = [_kind(item) for item in contents(b"infe")]
    frames = [struct.unpack_from(">I", sizes, 8)[0] for sizes in contents(b"stsz", 12) if len(sizes) == 12]
    auxiliary = sum(b"alpha" in about for about in contents(b"auxC"))
    others = sum(kind in _PICTURES for kind in items) - 1 - auxiliary - _parts(contents(b"iref"))
    return HeifBoxes(
        frames=max(frames, default=0) if any(box.name == b"moov" for box in boxes) else 0,
        colour_space=colours[0] if colours else None,
        is_subsampled=any(coding & 0x0C and not coding & 0x10 for coding in coded),
        others=max(others, 0),
        only_here=tuple(words for name, words in _TOLD.items() if any(box.name == name for box in boxes)),
        has_credentials=any(uuid[:16] == _CREDENTIALS for uuid in contents(b"uuid", 16)),
    )


def set_colour_space(path: Path, colour_space: str) -> None:
    """Name primaries and transfer in an AVIF that names some."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        for box in _walk(Bounded(data), 0, len(data)):
            if box.name == b"colr" and data[box.start : box.start + 4] == b"nclx":
                struct.pack_into(">HH", data, box.start + 4, *map(int, colour_space.split("/")))


def set_exif(path: Path, block: bytes) -> None:
    """Put another EXIF block, with its header, into an AVIF that has one, as written by libheif: at the file's end."""
    content = struct.pack(">I", 6) + block
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        boxes = list(_walk(Bounded(data), 0, len(data)))
        items = [data[box.start : box.end] for box in boxes if box.name == b"infe"]
        number = next(_number(item) for item in items if _kind(item) == b"Exif")
        places = next(box for box in boxes if box.name == b"iloc")
        position = _extent_of(data, places, number)
        struct.pack_into(">II", data, position, len(data) + 8, len(content))
    with open(path, "ab") as end:
        end.write(struct.pack(">I4s", len(content) + 8, b"mdat") + content)


def _extent_of(data: mmap.mmap, places: _Box, number: int) -> int:
    """Return where the offset and the length of an item's only extent stand, of 4 bytes each."""
    version, sizes, base = data[places.start], data[places.start + 4], data[places.start + 5] >> 4
    assert (version < 2, sizes, base in (0, 4)) == (True, 0x44, True)  # as libheif writes them
    position = places.start + 8
    for _ in range(struct.unpack_from(">H", data, places.start + 6)[0]):
        (item,) = struct.unpack_from(">H", data, position)
        extents_at = position + 2 + 2 * (version == 1) + 2 + base
        (extents,) = struct.unpack_from(">H", data, extents_at)
        if item == number:
            if base:
                struct.pack_into(">I", data, extents_at - base, 0)
            return extents_at + 2
        position = extents_at + 2 + extents * 8
    raise ValueError(number)


def _kind(item: bytes) -> bytes:
    """Return what kind of item an entry is about."""
    start = {2: 8, 3: 10}.get(item[0] if item else 0, 0)
    return item[start : start + 4] if start else b""


def _number(item: bytes) -> int:
    return int.from_bytes(item[4:6] if item[0] == 2 else item[4:8], "big")


def _parts(references: list[bytes]) -> int:
    """Return how many pictures are parts of others (tiles of a grid), and none by themselves."""
    count = 0
    for reference in references:
        wide, position = bool(reference[:1] != b"\0"), 4
        while position + 8 <= len(reference):
            size = int.from_bytes(reference[position : position + 4], "big")
            if reference[position + 4 : position + 8] == b"dimg":
                at = position + 8 + (4 if wide else 2)
                count += int.from_bytes(reference[at : at + 2], "big")
            if size < 8:
                break
            position += size
    return count


def _walk(data: Bounded, start: int, end: int, depth: int = 0) -> Iterator[_Box]:
    """Walk the boxes between two places, and those in them; to the end, or to where they can't be understood."""
    while start + 8 <= end:
        head = data.take(start, 16)
        size, name, content = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16], "big"), start + 16
        after = end if size == 0 else start + size
        if after < content or after > end:
            return
        yield _Box(name, content, after)
        if depth < _DEEPEST and name in _CONTAINERS:
            yield from _walk(data, content + _CONTAINERS[name], after, depth + 1)
        elif depth < _DEEPEST and name == b"iinf":
            yield from _walk(data, content + (6 if data.take(content, 1) == b"\0" else 8), after, depth + 1)
        start = after
