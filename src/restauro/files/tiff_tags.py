"""TIFF directories: all that a TIFF, or an EXIF block, says beside its pixels; read from bytes and packed to bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from restauro.files.bounds import Bounded

# Bytes of one value, and bytes of the number that byte order turns around, by TIFF field type.
_SIZE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNIT = {**_SIZE, 5: 4, 10: 4}
_IFD, _BIG_ONLY = 13, (16, 17, 18)
_TYPES_OF_DIRECTORIES = (_IFD, 18)

EXIF, GPS, _INTEROPERABILITY = 34665, 34853, 40965
_SUB_DIRECTORIES = (EXIF, GPS, _INTEROPERABILITY)

NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
STRIPS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR = 273, 274, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, SUB_PICTURES = 322, 323, 324, 325, 330
EXTRA_SAMPLES, SAMPLE_FORMAT, PHOTOSHOP_LAYERS, NODATA, DNG_VERSION = 338, 339, 37724, 42113, 50706
CREDENTIALS = 52545

# Where and how the pixels lie: true only of the file that the tag stands in.
LAYOUT = {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, 266, STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR}
LAYOUT |= {PREDICTOR, 320, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT}
# Least and greatest value, gaps, tables of JPEG and LERC, thumbnails, YCbCr: not true any more, or pointing into the
# old file.
NOT_TRUE_ANY_MORE = {280, 281, 288, 289, SUB_PICTURES, 340, 341, 347, 50674, *range(512, 522), *range(529, 533)}
NOT_TRUE_ANY_MORE |= {PHOTOSHOP_LAYERS}

# Compressions by their numbers: how they are called, which ones lose, which ones libvips comes without.
COMPRESSION_TITLES = {2: "CCITT", 3: "CCITT", 6: "JPEG", 7: "JPEG", 50001: "WebP", 34887: "LERC", 34925: "LZMA"}
COMPRESSION_TITLES |= dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000") | dict.fromkeys(
    (22610, 34934), "JPEG XR"
)
COMPRESSION_TITLES |= dict.fromkeys((34926, 50000), "ZSTD") | dict.fromkeys((50002, 52546), "JPEG XL") | {34933: "PNG"}
LOSSY = (6, 7, 34712, 33003, 33004, 33005, 22610, 34934, 50001, 50002, 52546)
BEYOND_LIBVIPS = set(COMPRESSION_TITLES) - {2, 3, 6, 7, 50001}

WITH_PREDICTOR = (5, 8, 32946)  # of those that libvips knows: elsewhere the tag means nothing

_DEEPEST = 2  # interoperability in EXIF in the page; pictures in pictures
_MOST_PICTURES = 10_000


@dataclass(frozen=True)
class Tag:
    """One tag: its TIFF field type, how many values, the values in little-endian bytes, or a directory of its own."""

    type_code: int
    count: int
    data: bytes
    directory: Directory | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values of a tag of whole numbers."""
        return tuple(np.frombuffer(self.data, f"<u{_UNIT[self.type_code]}").tolist())

    @property
    def text(self) -> str:
        """The value of a tag of text."""
        return self.data.split(b"\0")[0].decode("latin-1").strip()


Directory = dict[int, Tag]


def number(tags: Directory, code: int, default: int) -> int:
    """Return the first value of a tag of whole numbers."""
    return tags[code].numbers[0] if code in tags and tags[code].count else default


def longs(*numbers: int) -> Tag:
    """Return a tag of 32-bit numbers."""
    return Tag(4, len(numbers), struct.pack(f"<{len(numbers)}I", *numbers))


def shorts(*numbers: int) -> Tag:
    """Return a tag of 16-bit numbers.

    >>> shorts(8, 8, 8).numbers
    (8, 8, 8)
    """
    return Tag(3, len(numbers), struct.pack(f"<{len(numbers)}H", *numbers))


@dataclass(frozen=True)
class Form:
    """How numbers are written in a TIFF: byte order, and 8-byte offsets (BigTIFF) or 4-byte ones."""

    order: str
    big: bool

    @property
    def offset(self) -> str:
        """The code of an offset, for struct."""
        return self.order + ("Q" if self.big else "I")

    @property
    def entry_count(self) -> str:
        """The code of a directory's number of tags."""
        return self.order + ("Q" if self.big else "H")

    @property
    def entry(self) -> str:
        """The code of a tag in a directory."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    @property
    def pointer_at(self) -> int:
        """Where the file says where the first directory is."""
        return 8 if self.big else 4

    def swapped(self, data: bytes, type_code: int) -> bytes:
        """Turn little-endian bytes into this byte order, or back."""
        if self.order == "<" or _UNIT[type_code] == 1:
            return data
        return np.frombuffer(data, f"<u{_UNIT[type_code]}").byteswap().tobytes()


@dataclass(frozen=True)
class Ifd:
    """One picture of a TIFF: where its directory lies, and what must be known of it to choose one.

    Attributes
    ----------
    offset, pointer_at, next_at
        Of the directory; of what points to it; of what in it points to the next one.
    following
        Offset of the next directory, 0: none.
    inside
        Number of the picture that it is a part of, None in the chain of pages.
    tags
        Only those of size, samples, kind, coding, photometric interpretation and pictures inside; and the mark of raw
        data.
    """

    offset: int
    pointer_at: int
    next_at: int
    following: int
    inside: int | None
    tags: Directory


_OF_PLACES = {NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, HEIGHT, BITS, SAMPLES, COMPRESSION, PHOTOMETRIC, SUB_PICTURES}
_OF_PLACES |= {DNG_VERSION}


def header(form: Form) -> bytes:
    """Return the beginning of a TIFF, before it is known where its first directory is."""
    order = b"II" if form.order == "<" else b"MM"
    if form.big:
        return struct.pack(form.order + "2sHHHQ", order, 43, 8, 0, 0)
    return struct.pack(form.order + "2sHI", order, 42, 0)


def read_form(data: Bounded) -> Form:
    """Return how numbers are written; struct.error where it is no TIFF."""
    order = {b"II": "<", b"MM": ">"}.get(data.take(0, 2))
    if order is None:
        raise struct.error
    (version,) = data.unpack(order + "H", 2)
    return Form(order, big=version == 43)


def read_ifds(data: Bounded, form: Form) -> list[Ifd]:
    """Return the pictures of a TIFF: the chain of pages in order, then those inside of them.

    struct.error where there is none, or one lies outside of the file, or there are too many.
    """
    ifds: list[Ifd] = []
    pointer_at, seen = form.pointer_at, {0}
    while not ifds or ifds[-1].following not in seen:
        ifds.append(_ifd(data, form, pointer_at, None, seen))
        pointer_at = ifds[-1].next_at
    depths = dict.fromkeys(range(len(ifds)), 0)
    for number_, ifd in enumerate(ifds):  # which grows on the way
        if SUB_PICTURES not in ifd.tags or depths[number_] == _DEEPEST:
            continue
        for pointer_at in _values_at(data, form, ifd.offset, SUB_PICTURES):
            if _pointer(data, form, pointer_at) not in seen:
                depths[len(ifds)] = depths[number_] + 1
                ifds.append(_ifd(data, form, pointer_at, number_, seen))
    return ifds


def _ifd(data: Bounded, form: Form, pointer_at: int, inside: int | None, seen: set[int]) -> Ifd:
    offset = _pointer(data, form, pointer_at)
    seen.add(offset)
    if len(seen) > _MOST_PICTURES:
        raise struct.error
    tags, following_at = _directory(data, form, offset, only=_OF_PLACES)
    return Ifd(offset, pointer_at, following_at, _pointer(data, form, following_at), inside, tags)


def _pointer(data: Bounded, form: Form, position: int) -> int:
    (offset,) = data.unpack(form.offset, position)
    return int(offset)


def _values_at(data: Bounded, form: Form, offset: int, wanted: int) -> list[int]:
    """Return where the pointers lie that are the values of a tag."""
    for position, code, _, count, _ in entries(data, form, offset):
        if code == wanted:
            size, value_at = struct.calcsize(form.offset), position + struct.calcsize(form.entry)
            first = value_at - size if count == 1 else _pointer(data, form, value_at - size)
            return list(range(first, first + min(count, _MOST_PICTURES) * size, size))
    return []


def read_directory(data: Bounded, form: Form, offset: int) -> Directory:
    """Return the tags of the directory at `offset`, those of the directories in it included."""
    return _directory(data, form, offset)[0]


def read_first_directory(data: Bounded) -> Directory:
    """Return the tags of a TIFF's first picture, or of an EXIF block; struct.error where there are none."""
    form = read_form(data)
    return read_directory(data, form, _pointer(data, form, form.pointer_at))


def _directory(
    data: Bounded, form: Form, offset: int, only: set[int] | None = None, around: tuple[int, ...] = ()
) -> tuple[Directory, int]:
    """Return tags, and where the offset of the next directory stands; around: offsets of those that this one is in."""
    directory: Directory = {}
    inside = (*around, offset)
    for _, code, type_code, count, value in entries(data, form, offset):
        tag = _tag(data, form, code, type_code, count, value, inside) if only is None or code in only else None
        if tag is not None:
            directory[code] = tag
    return directory, next_at(form, offset, data.take(offset, 8))


def next_at(form: Form, offset: int, directory: bytes) -> int:
    """Return where a directory that begins so, and lies at `offset`, says which one is the next."""
    (count,) = struct.unpack_from(form.entry_count, directory)
    return int(offset + struct.calcsize(form.entry_count) + count * struct.calcsize(form.entry))


def entries(data: Bounded, form: Form, offset: int) -> list[tuple[int, int, int, int, bytes]]:
    """Return where each tag of a directory stands, its code, its type, its number of values, value or offset."""
    (count,) = data.unpack(form.entry_count, offset)
    first, size = offset + struct.calcsize(form.entry_count), struct.calcsize(form.entry)
    positions = range(first, first + count * size, size)
    return [(position, *data.unpack(form.entry, position)) for position in positions]


def _tag(
    data: Bounded, form: Form, code: int, type_code: int, count: int, value: bytes, inside: tuple[int, ...]
) -> Tag | None:
    """Return the tag, None where its type is unknown, its values lie outside of the file, or directories in circles."""
    if type_code not in _SIZE:
        return None
    size = count * _SIZE[type_code]
    if size > len(value):
        (offset,) = struct.unpack(form.offset, value)
        value = data.take(offset, size)
        if len(value) < size:
            return None
    numbers = form.swapped(value[:size], type_code)
    if code == SUB_PICTURES or (code not in _SUB_DIRECTORIES and type_code not in _TYPES_OF_DIRECTORIES):
        return Tag(type_code, count, numbers)
    if count != 1 or len(inside) > _DEEPEST or Tag(type_code, count, numbers).numbers[0] in inside:
        return None
    try:
        directory = _directory(data, form, Tag(type_code, count, numbers).numbers[0], around=inside)[0]
    except (struct.error, IndexError):
        return None
    return Tag(_IFD, 1, b"", directory) if directory else None


def packed(tags: Directory, form: Form, start: int, following: int = 0) -> bytes:
    """Return a directory that will lie at `start`, then the values that don't fit into it; the next is at `following`.

    Values that point to other pictures stay what they are.
    """
    kept = [(code, tags[code]) for code in sorted(tags) if form.big or tags[code].type_code not in _BIG_ONLY]
    room = struct.calcsize(form.offset)
    entries, outside = [struct.pack(form.entry_count, len(kept))], b""
    values_at = start + struct.calcsize(form.entry_count) + len(kept) * struct.calcsize(form.entry) + room
    for code, tag in kept:
        position = values_at + len(outside)
        value = packed(tag.directory, form, position) if tag.directory else form.swapped(tag.data, tag.type_code)
        if tag.directory or len(value) > room:
            outside += value + b"\0" * (-len(value) % 8)
            value = struct.pack(form.offset, position)
        entries.append(struct.pack(form.entry, code, tag.type_code, tag.count, value))
    return b"".join(entries) + struct.pack(form.offset, following) + outside
