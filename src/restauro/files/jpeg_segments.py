"""A JPEG's segments: what the file says of itself, and where its coded data lie."""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from restauro.files import exif, previews

START, END, SCAN, COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
APPLICATION = range(0xE0, 0xF0)
PROGRESSIVE = 0xC2
FRAMES = (0xC0, 0xC1, PROGRESSIVE)
OTHER_FRAMES = {0xC3: "lossless", **dict.fromkeys(range(0xC5, 0xC8), "hierarchical"), 0xC9: "arithmetic-coded"}
OTHER_FRAMES |= {0xCA: "arithmetic-coded", 0xCB: "lossless", **dict.fromkeys(range(0xCD, 0xD0), "hierarchical")}
RESERVED = range(0x02, 0xC0)
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD8))
# The next marker within coded data: there FF is followed by 00, and restart markers don't end it.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

_EXIF = b"Exif\0\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_XMP, _MORE_XMP = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_LARGEST = 65533  # bytes of a segment's content
# What libvips carries to other formats, or what holds of this file alone: application segments by their beginnings.
_CARRIED: tuple[tuple[int, bytes], ...] = (
    (0xE0, b"JFIF\0"),
    (0xE0, b"JFXX\0"),
    (0xE1, _EXIF),
    (0xE1, _XMP),
)
_CARRIED += ((0xE2, b"ICC_PROFILE\0"), (0xE2, b"MPF\0"), (0xED, _PHOTOSHOP), (0xEE, b"Adobe"))


@dataclass(frozen=True)
class Segment:
    """One segment of a JPEG: its marker, and its bytes with the marker, the length, and for a scan the coded data."""

    marker: int
    data: bytes

    @property
    def content(self) -> bytes:
        """What follows the marker and the length."""
        return self.data[4:]

    @property
    def is_told(self) -> bool:
        """Whether it is what the file says of itself (application data, comments), not the picture's code."""
        return self.marker in APPLICATION or self.marker == COMMENT

    @property
    def says_colour_space(self) -> bool:
        """Whether decoders tell by it what the components are."""
        return self.content.startswith({0xE0: b"JFIF\0", 0xEE: b"Adobe"}.get(self.marker, b"-"))

    @property
    def points_behind(self) -> bool:
        """Whether it lists the pictures that follow this one in the file."""
        return self.marker == 0xE2 and self.content.startswith(b"MPF\0")

    @property
    def is_photoshop(self) -> bool:
        """Whether it holds image resources of Photoshop's, or a part of them."""
        return self.marker == 0xED and self.content.startswith(_PHOTOSHOP)

    @property
    def is_preview(self) -> bool:
        """Whether it is a preview, and nothing else."""
        return self.marker == 0xE0 and self.content.startswith(b"JFXX\0")

    @property
    def is_more_xmp(self) -> bool:
        """Whether it holds a part of XMP data that are too long for one segment."""
        return self.marker == 0xE1 and self.content.startswith(_MORE_XMP)

    @property
    def is_exif(self) -> bool:
        """Whether it holds the EXIF data."""
        return self.marker == 0xE1 and self.content.startswith(_EXIF)


def read_segments(data: bytes) -> tuple[list[Segment], int]:
    """Return the segments from start to end of the picture, and the number of bytes that follow it."""
    segments, position = [Segment(START, data[:2])], 2
    while segments[-1].marker != END:
        found = data.find(b"\xff", position)
        if found < 0 or found + 2 > len(data):
            segments.append(Segment(END, b"\xff\xd9"))  # missing: decoders take it as read
            return segments, 0
        marker = data[found + 1]
        if marker in (0x00, 0xFF):  # filling
            position = found + 1
            continue
        end = found + 2
        if marker != END and marker not in _WITHOUT_LENGTH:
            end += int.from_bytes(data[end : end + 2], "big")
        if marker == SCAN:
            following = _MARKER.search(data, end)
            end = following.start() if following else len(data)
        segments.append(Segment(marker, data[found:end]))
        position = end
    return segments, len(data) - position


def read_head(path: Path) -> list[Segment]:
    """Return a JPEG's segments before its first scan."""
    segments = [Segment(START, b"\xff\xd8")]
    with open(path, "rb") as file:
        file.seek(2)
        while segments[-1].marker not in (SCAN, END):
            mark = file.read(2)
            while mark[1:] == b"\xff":  # filling
                mark = mark[1:] + file.read(1)
            if len(mark) < 2 or mark[0] != 0xFF:
                return segments
            length = b"" if mark[1] == END or mark[1] in _WITHOUT_LENGTH else file.read(2)
            rest = file.read(max(int.from_bytes(length, "big") - 2, 0)) if length else b""
            segments.append(Segment(mark[1], mark + length + rest))
    return segments


def unreadable_coding(segments: list[Segment]) -> str | None:
    """Return what keeps libvips from reading a JPEG that isn't damaged, None where nothing does."""
    for segment in segments:
        if segment.marker in (*FRAMES, *OTHER_FRAMES) and segment.content[:1] not in (b"\x08", b""):
            return f"of {segment.content[0]} bits a sample"
        if OTHER_FRAMES.get(segment.marker) == "hierarchical":
            return "of hierarchical coding"
    return None


def has_resolution(segments: list[Segment]) -> bool:
    """Whether a JPEG says how large a pixel is, in its own header or in its EXIF data."""
    own = [segment.content[7:8] for segment in segments if segment.marker == 0xE0 and segment.content[:5] == b"JFIF\0"]
    return any(unit in (b"\1", b"\2") for unit in own) or any(
        exif.says_resolution(segment.content) for segment in segments if segment.is_exif
    )


def without_previews(segments: list[Segment]) -> list[Segment]:
    """Return segments without the previews that EXIF, XMP, JFIF and Photoshop's data may hold."""
    segments = [_without_preview(segment) for segment in segments if not segment.is_preview]
    return _without_extended(_without_resources(segments))


def own_previews(segments: list[Segment]) -> list[str]:
    """Return where previews are that no other format has, nor libvips knows of, in words."""
    heads = [segment for segment in segments if segment.is_preview or _without_jfif(segment) != segment]
    is_long = _without_extended(segments) is not segments
    return ["the JFIF data"] * bool(heads) + ["the XMP data"] * is_long


def _without_preview(segment: Segment) -> Segment:
    content = segment.content
    if segment.marker == 0xE0:
        return _without_jfif(segment)
    if segment.is_exif:
        content = exif.without_thumbnail(content)
    elif segment.marker == 0xE1 and content.startswith(_XMP):
        content = _XMP + previews.without_xmp(content.removeprefix(_XMP))
    return segment if content == segment.content else _segment(segment.marker, content)


def _without_jfif(segment: Segment) -> Segment:
    """Return a segment without the preview behind a JFIF header, whose last two bytes are its width and height."""
    content = segment.content
    if segment.marker != 0xE0 or not content.startswith(b"JFIF\0") or content[12:14] in (b"\0\0", b""):
        return segment
    return _segment(0xE0, content[:12] + b"\0\0")


def resources(segments: list[Segment]) -> bytes:
    """Return Photoshop's image resources, which may go on from one segment to the next."""
    return b"".join(segment.content.removeprefix(_PHOTOSHOP) for segment in segments if segment.is_photoshop)


def _without_resources(segments: list[Segment]) -> list[Segment]:
    """Return segments without the previews among Photoshop's resources."""
    whole = resources(segments)
    kept = previews.without_resources(whole)
    if kept == whole:
        return segments
    return _in_place_of([segment.is_photoshop for segment in segments], segments, _of_resources(kept))


def _of_resources(block: bytes) -> list[Segment]:
    """Return the segments that hold Photoshop's image resources."""
    most = _LARGEST - len(_PHOTOSHOP)
    return [_segment(0xED, _PHOTOSHOP + block[start : start + most]) for start in range(0, len(block), most)]


def _without_extended(segments: list[Segment]) -> list[Segment]:
    """Return segments without the previews in XMP data that are too long for one of them.

    Such data lie in parts, each with their digest, their length and its place in them; the digest stands in the first
    XMP data too.
    """
    parts = [segment.content.removeprefix(_MORE_XMP) for segment in segments if segment.is_more_xmp]
    if len({part[:32] for part in parts}) != 1:
        return segments
    parts.sort(key=lambda part: part[36:40])
    packet = b"".join(part[40:] for part in parts)
    kept = previews.without_xmp(packet)
    if kept == packet:
        return segments
    before, after = parts[0][:32], hashlib.md5(kept, usedforsecurity=False).hexdigest().upper().encode()
    step = _LARGEST - len(_MORE_XMP) - 40
    new = [
        _segment(0xE1, _MORE_XMP + after + struct.pack(">II", len(kept), start) + kept[start : start + step])
        for start in range(0, len(kept), step)
    ]
    segments = [
        Segment(segment.marker, segment.data.replace(before, after)) if segment.content.startswith(_XMP) else segment
        for segment in segments
    ]
    return _in_place_of([segment.is_more_xmp for segment in segments], segments, new)


def _in_place_of(old: list[bool], segments: list[Segment], new: list[Segment]) -> list[Segment]:
    """Return segments with new ones where the first of the old ones was, and without these."""
    first = old.index(True)
    rest = [segment for segment, is_old in zip(segments[first:], old[first:], strict=True) if not is_old]
    return [*segments[:first], *new, *rest]


def say(
    path: Path, *, resolution: tuple[float, float, str] | None, block: bytes | None, photoshop: bytes = b""
) -> None:
    """Put resolution (pixels a millimetre, and "in" or "cm" to give it in), EXIF and Photoshop's data into a JPEG.

    It has none of them before.

    EXIF data too long for a segment are left out.
    """
    unit, across, down = 0, 1, 1
    if resolution is not None:
        unit, length = (2, 10.0) if resolution[2] == "cm" else (1, 25.4)
        across, down = (min(max(round(density * length), 1), 65535) for density in resolution[:2])
    metadata = _segment(0xE0, struct.pack(">5sHBHHBB", b"JFIF\0", 0x0101, unit, across, down, 0, 0)).data
    if block is not None and len(exif.headed(block)) <= _LARGEST:
        metadata += _segment(0xE1, exif.headed(block)).data
    metadata += b"".join(segment.data for segment in _of_resources(photoshop))
    data = path.read_bytes()
    path.write_bytes(data[:2] + metadata + data[2:])


def only_here(segments: list[Segment]) -> list[str]:
    """Return what a JPEG says that other formats don't hold, or that isn't carried over to them."""
    found = []
    for segment in segments:
        if segment.marker == COMMENT:
            found.append("its comments")
        elif segment.marker in APPLICATION and not any(
            segment.marker == marker and segment.content.startswith(start) for marker, start in _CARRIED
        ):
            found.append(f"APP{segment.marker - 0xE0}")
    return list(dict.fromkeys(found))


def has_credentials(segments: list[Segment]) -> bool:
    """Whether there is a C2PA manifest."""
    return any(segment.marker == 0xEB and b"c2pa" in segment.content[:200] for segment in segments)


def _segment(marker: int, content: bytes) -> Segment:
    return Segment(marker, bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content)
