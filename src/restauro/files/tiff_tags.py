"""TIFF directories: all that a TIFF, or an EXIF block, says beside its pixels; read, merged, written.

libvips writes a TIFF's pixels well and drops most of its tags: EXIF, GPS, artist, dates, whatever programs have left
there. Here the directory of the new file is written once more, at its end, with the original's tags in it.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from restauro.errors import ReadError
from restauro.files import bounds
from restauro.files.bounds import Bounded

# Bytes of one value, and bytes of the number that byte order turns around, by TIFF field type.
_SIZE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNIT = {**_SIZE, 5: 4, 10: 4}
_IFD, _BIG_ONLY = 13, (16, 17, 18)

_EXIF, _GPS, _INTEROPERABILITY = 34665, 34853, 40965
_SUB_DIRECTORIES = (_EXIF, _GPS, _INTEROPERABILITY)
_DEEPEST = 2  # interoperability in EXIF in the page

NEW_SUBFILE_TYPE, BITS, COMPRESSION, PHOTOMETRIC = 254, 258, 259, 262
ORIENTATION, SAMPLES, ROWS_PER_STRIP, PLANAR, PREDICTOR = 274, 277, 278, 284, 317
TILE_WIDTH, TILE_HEIGHT, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 338, 339
_STRIPS, _SMALLER_COPIES, _PHOTOSHOP_LAYERS, _DNG_VERSION = 273, 330, 37724, 50706

# Where and how the pixels lie: true only of the file that the tag stands in.
_LAYOUT = {256, 257, BITS, COMPRESSION, PHOTOMETRIC, 266, 273, SAMPLES, ROWS_PER_STRIP, 279, PLANAR, PREDICTOR}
_LAYOUT |= {320, TILE_WIDTH, TILE_HEIGHT, 324, 325, EXTRA_SAMPLES, SAMPLE_FORMAT}
# Least and greatest value, gaps, JPEG tables, thumbnails, YCbCr: no longer true, or pointing into the old file.
_NOT_TRUE_ANY_MORE = {280, 281, 288, 289, _SMALLER_COPIES, 340, 341, 347, *range(512, 522), *range(529, 533)}
_NOT_TRUE_ANY_MORE |= {_PHOTOSHOP_LAYERS}
# What libvips carries from one format to another by itself: resolution, XMP, IPTC, Photoshop's resources, profile.
_CARRIED = {282, 283, 296, 700, 33723, 34377, 34675}
# The tags that the EXIF standard allows in its first directory.
_EXIF_FIRST_DIRECTORY = {270, 271, 272, ORIENTATION, 282, 283, 296, 301, 305, 306, 315, 318, 319, 33432}
_EXIF_FIRST_DIRECTORY |= {_EXIF, _GPS}

# Where strips or tiles lie, and how long they are.
_PLACES = (_STRIPS, 279, 324, 325)
_OLD_JPEG = 6

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR = 0, 1, 2, 3, 5, 6
_READABLE = {_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR}
_UNREADABLE = {4: "a transparency mask", 8: "CIELab colour", 9: "ICCLab colour", 10: "ITULab colour"}
_UNREADABLE |= {32803: "camera raw data", 32844: "LogL data", 32845: "LogLuv colour", 34892: "camera raw data"}


@dataclass(frozen=True)
class Tag:
    """One tag: its TIFF field type, how many values, the values in little-endian bytes, or a directory of its own."""

    kind: int
    count: int
    data: bytes
    directory: Directory | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values of a tag of whole numbers."""
        return tuple(np.frombuffer(self.data, f"<u{_UNIT[self.kind]}").tolist())


Directory = dict[int, Tag]


@dataclass(frozen=True)
class TiffPage:
    """The one picture of a TIFF: its tags, byte order, whether it is a BigTIFF, smaller copies that lie beside it."""

    tags: Directory
    order: str
    big: bool
    smaller_copies: int = 0

    def number(self, code: int, default: int) -> int:
        """Return the first value of a tag of whole numbers."""
        return self.tags[code].numbers[0] if code in self.tags and self.tags[code].count else default

    @property
    def coding(self) -> tuple[object, ...]:
        """All that the bytes of a row depend on, but for compression."""
        numbers = (256, 257, BITS, PHOTOMETRIC, SAMPLES, PLANAR, SAMPLE_FORMAT)
        return self.order, *(self.number(code, 1) for code in numbers)

    @property
    def bytes_a_pixel(self) -> int:
        """Bytes of all bands of a pixel, of a page that isn't compressed."""
        return self.number(BITS, 1) * self.number(SAMPLES, 1) // 8

    @property
    def plain_start(self) -> int | None:
        """Where the first row lies, if the rows lie one behind the other as they do in memory; None if not."""
        if self.number(COMPRESSION, 1) != 1 or _STRIPS not in self.tags or self.is_planar or self.number(BITS, 1) < 8:
            return None
        width, height = self.number(256, 0), self.number(257, 0)
        starts = self.tags[_STRIPS].numbers
        strip = width * self.bytes_a_pixel * min(self.number(ROWS_PER_STRIP, height), height)
        lie_in_order = starts == tuple(range(starts[0], starts[0] + strip * len(starts), strip))
        return starts[0] if lie_in_order and strip * len(starts) >= width * self.bytes_a_pixel * height else None

    @property
    def has_alpha(self) -> bool:
        """Whether the last band is transparency, and not just a further band."""
        return EXTRA_SAMPLES in self.tags and self.tags[EXTRA_SAMPLES].numbers[-1:] in ((1,), (2,))

    @property
    def is_premultiplied(self) -> bool:
        """Whether colours are stored multiplied by their opacity."""
        return EXTRA_SAMPLES in self.tags and 1 in self.tags[EXTRA_SAMPLES].numbers

    @property
    def misleads_libvips(self) -> bool:
        """Whether libvips would change samples on reading: see `rearranged`."""
        return self.is_premultiplied or self.is_planar

    @property
    def has_palette(self) -> bool:
        """Whether the pixels are numbers of colours."""
        return self.number(PHOTOMETRIC, _BLACK_IS_ZERO) == _PALETTE

    @property
    def white_is_zero(self) -> bool:
        """Whether the file counts from white to black; libvips turns 8 and 16 bits around."""
        return self.number(PHOTOMETRIC, _BLACK_IS_ZERO) == _WHITE_IS_ZERO

    @property
    def is_planar(self) -> bool:
        """Whether each band lies for itself."""
        return self.number(PLANAR, 1) == 2 and self.number(SAMPLES, 1) > 1

    @property
    def has_layers(self) -> bool:
        """Whether Photoshop's layers are there, which Photoshop shows in place of the picture."""
        return _PHOTOSHOP_LAYERS in self.tags


@dataclass(frozen=True)
class _Form:
    """How numbers are written in a TIFF: byte order, and 8-byte offsets (BigTIFF) or 4-byte ones."""

    order: str
    big: bool

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def entry_count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def entry(self) -> str:
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    @property
    def pointer_at(self) -> int:
        return 8 if self.big else 4

    def swapped(self, data: bytes, kind: int) -> bytes:
        """Turn little-endian bytes into this byte order, or back."""
        if self.order == "<" or _UNIT[kind] == 1:
            return data
        return np.frombuffer(data, f"<u{_UNIT[kind]}").byteswap().tobytes()


def read_page(path: Path) -> TiffPage:
    """Return the tags of a TIFF's picture; raise ReadError for what isn't one picture that libvips reads unchanged."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            form = _form(data[:16])
            directories = _chain(Bounded(data), form)
        except (struct.error, IndexError):
            raise ReadError(
                "The TIFF is damaged or cut short (its directory is missing, or larger than the file): get a complete "
                "copy."
            ) from None
    page = TiffPage(directories[0], form.order, form.big)
    _check_readable(page)
    copies = sum(
        1 for other in directories[1:] if TiffPage(other, form.order, form.big).number(NEW_SUBFILE_TYPE, 0) & 1
    )
    if copies < len(directories) - 1:
        raise ReadError(
            f"The TIFF holds {len(directories)} pages, and restauro restores one picture a file: take out the page you "
            "mean, for instance with `tiffcp in.tif,0 page.tif` (0 is the first page)."
        )
    inside = page.tags[_SMALLER_COPIES].count if _SMALLER_COPIES in page.tags else 0
    return TiffPage(page.tags, form.order, form.big, copies + inside)


def _check_readable(page: TiffPage) -> None:
    photometric = page.number(PHOTOMETRIC, _BLACK_IS_ZERO)
    if _DNG_VERSION in page.tags:
        raise ReadError("A camera raw file (DNG) can't be read: develop it and save it as a 16-bit TIFF.")
    if photometric not in _READABLE:
        what = _UNREADABLE.get(photometric, f"photometric interpretation {photometric}")
        raise ReadError(f"A TIFF with {what} can't be read unchanged: save it as an RGB TIFF.")
    if photometric == _YCBCR and (page.is_planar or page.number(COMPRESSION, 1) not in (6, 7)):
        raise ReadError("A TIFF with YCbCr colour can't be read unchanged: save it as an RGB TIFF.")
    bits, sample_format = page.number(BITS, 1), page.number(SAMPLE_FORMAT, 1)
    if sample_format == 3 and bits != 32:
        raise ReadError(f"A TIFF with {bits}-bit floats can't be read unchanged: save it with 32-bit floats.")
    if sample_format in (5, 6):
        raise ReadError("A TIFF with complex numbers is no picture: save its magnitude as 32-bit floats.")
    if bits not in (1, 2, 4, 8, 16, 32) or (bits < 8 and page.number(SAMPLES, 1) > 1):
        raise ReadError(f"A TIFF with {bits} bits a sample can't be read unchanged: save it with 8 or 16 bits.")
    if page.number(COMPRESSION, 1) != _OLD_JPEG:  # which needn't say
        width, height = page.number(256, 0), page.number(257, 0)
        part = page.number(TILE_WIDTH, width), page.number(TILE_HEIGHT, page.number(ROWS_PER_STRIP, height))
        places = page.tags.get(324, page.tags.get(_STRIPS))
        planes = page.number(SAMPLES, 1) if page.is_planar else 1
        bounds.check_parts((width, height), part, planes, places.count if places else 0)


def rearranged(path: Path, page: TiffPage) -> tuple[bytes, int]:
    """Return a TIFF as libvips is to see it, to take its samples as they are, and how many pages to join as bands.

    libvips divides premultiplied colours by their opacity, so they are called plain; and (8.18) it mixes up the strips
    of a TIFF whose bands lie one after the other, so each band is shown as a page.
    """
    data = bytearray(path.read_bytes())
    form = _Form(page.order, page.big)
    directories = _bands(page) if page.is_planar else [page.tags | {EXTRA_SAMPLES: _with_plain_alpha(page)}]
    data += b"\0" * (-len(data) % 8)
    struct.pack_into(form.offset, data, form.pointer_at, len(data))
    for number, tags in enumerate(directories, start=1):
        data += _packed(tags, form, len(data), is_last=number == len(directories))
    return bytes(data), len(directories)


def _with_plain_alpha(page: TiffPage) -> Tag:
    numbers = [2 if number == 1 else number for number in page.tags[EXTRA_SAMPLES].numbers]
    return Tag(3, len(numbers), struct.pack(f"<{len(numbers)}H", *numbers))


def _bands(page: TiffPage) -> list[Directory]:
    """Return a directory for each band of a TIFF whose bands lie one after the other."""
    count = page.number(SAMPLES, 1)
    shown_as = {PHOTOMETRIC: 0 if page.white_is_zero else 1, SAMPLES: 1, PLANAR: 1}
    shown_as |= {code: page.number(code, 1) for code in (BITS, SAMPLE_FORMAT)}
    common = {code: tag for code, tag in page.tags.items() if code not in (EXTRA_SAMPLES, _SMALLER_COPIES)}
    common |= {code: Tag(3, 1, struct.pack("<H", number)) for code, number in shown_as.items()}
    bands = []
    for band in range(count):
        parts = {code: _part(page.tags[code], band, count) for code in _PLACES if code in page.tags}
        bands.append(common | parts)
    return bands


def _part(tag: Tag, index: int, count: int) -> Tag:
    length, size = tag.count // count, len(tag.data) // count
    return Tag(tag.kind, length, tag.data[index * size : (index + 1) * size])


def merge(original: TiffPage, written: TiffPage) -> Directory:
    """Return the tags of a rewritten TIFF: how its pixels lie now, and all else from the original."""
    tags = {code: tag for code, tag in original.tags.items() if code not in _LAYOUT | _NOT_TRUE_ANY_MORE}
    tags |= {code: tag for code, tag in written.tags.items() if code in _LAYOUT}
    # libvips calls every extra band transparency; photometric and extra bands are the original's if it had the same.
    same_bands = original.number(SAMPLES, 1) == written.number(SAMPLES, 1)
    if same_bands and original.number(PHOTOMETRIC, _BLACK_IS_ZERO) not in (_PALETTE, _YCBCR):
        for code in (PHOTOMETRIC, EXTRA_SAMPLES):
            tags.pop(code, None)
            if code in original.tags:
                tags[code] = original.tags[code]
    return tags


def with_exif(written: TiffPage, exif: bytes) -> Directory:
    """Return the tags of a TIFF newly written by libvips together with those of another file's EXIF block."""
    data = exif.removeprefix(b"Exif\0\0")
    try:
        described = _chain(Bounded(data), _form(data))[0]
    except (struct.error, IndexError):
        return written.tags
    left_out = _LAYOUT | _NOT_TRUE_ANY_MORE | _CARRIED | {ORIENTATION}
    return written.tags | {code: tag for code, tag in described.items() if code not in left_out}


def exif_block(page: TiffPage) -> bytes | None:
    """Return the EXIF block that says what a TIFF's tags say, None where they say nothing."""
    tags = {code: tag for code, tag in page.tags.items() if code in _EXIF_FIRST_DIRECTORY}
    if not tags:
        return None
    return b"Exif\0\0" + struct.pack("<2sHI", b"II", 42, 8) + _packed(tags, _Form("<", big=False), 8)


def append_directory(path: Path, tags: Directory) -> None:
    """Write a directory at the end of a TIFF and make it the one that readers find."""
    with open(path, "r+b") as file:
        form = _form(file.read(16))
        start = (file.seek(0, os.SEEK_END) + 15) // 16 * 16
        file.seek(start)
        file.write(_packed(tags, form, start))
        file.seek(form.pointer_at)
        file.write(struct.pack(form.offset, start))


def _form(data: bytes) -> _Form:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise struct.error
    (version,) = struct.unpack_from(order + "H", data, 2)
    return _Form(order, big=version == 43)


def _chain(data: Bounded, form: _Form) -> list[Directory]:
    """Return the directories of the pages, in order."""
    directories: list[Directory] = []
    seen = {0}
    (offset,) = data.unpack(form.offset, form.pointer_at)
    while not directories or offset not in seen:
        seen.add(offset)
        directory, offset = _directory(data, form, offset)
        directories.append(directory)
    return directories


def _directory(data: Bounded, form: _Form, offset: int, depth: int = 0) -> tuple[Directory, int]:
    """Return the tags of the directory at `offset`, and the offset of the next one (0: none)."""
    (entries,) = data.unpack(form.entry_count, offset)
    first, size = offset + struct.calcsize(form.entry_count), struct.calcsize(form.entry)
    directory: Directory = {}
    for position in range(first, first + entries * size, size):
        code, kind, count, value = data.unpack(form.entry, position)
        tag = _tag(data, form, code, kind, count, value, depth)
        if tag is not None:
            directory[code] = tag
    (following,) = data.unpack(form.offset, first + entries * size)
    return directory, following


def _tag(data: Bounded, form: _Form, code: int, kind: int, count: int, value: bytes, depth: int) -> Tag | None:
    """Return the tag, None where its type is unknown, its values lie outside of the file, or directories in circles."""
    if kind not in _SIZE:
        return None
    size = count * _SIZE[kind]
    if size > len(value):
        (offset,) = struct.unpack(form.offset, value)
        value = data.take(offset, size)
        if len(value) < size:
            return None
    numbers = form.swapped(value[:size], kind)
    if code not in _SUB_DIRECTORIES:
        return Tag(kind, count, numbers)
    if depth == _DEEPEST:
        return None
    try:
        return Tag(_IFD, 1, b"", _directory(data, form, Tag(kind, count, numbers).numbers[0], depth + 1)[0])
    except (struct.error, IndexError):
        return None


def _packed(tags: Directory, form: _Form, start: int, *, is_last: bool = True) -> bytes:
    """Return a directory that will lie at `start`, followed by the values that don't fit into it.

    If it isn't the last, it points to what will follow it.
    """
    kept = [(code, tags[code]) for code in sorted(tags) if form.big or tags[code].kind not in _BIG_ONLY]
    room = struct.calcsize(form.offset)
    entries, outside = [struct.pack(form.entry_count, len(kept))], b""
    values_at = start + struct.calcsize(form.entry_count) + len(kept) * struct.calcsize(form.entry) + room
    for code, tag in kept:
        position = values_at + len(outside)
        value = _packed(tag.directory, form, position) if tag.directory else form.swapped(tag.data, tag.kind)
        if tag.directory or len(value) > room:
            outside += value + b"\0" * (-len(value) % 8)
            value = struct.pack(form.offset, position)
        entries.append(struct.pack(form.entry, code, tag.kind, tag.count, value))
    following = struct.pack(form.offset, 0 if is_last else values_at + len(outside))
    return b"".join(entries) + following + outside
