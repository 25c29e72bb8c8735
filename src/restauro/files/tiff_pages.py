"""The picture of a TIFF: which of its pages it is, whether it can be read unchanged, and how libvips is to see it."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from restauro.errors import ReadError, Remedy
from restauro.files import bounds, tiff_tags
from restauro.files.bounds import Bounded
from restauro.files.tiff_tags import Directory, Form, Ifd, Tag, number

_WHITE_IS_ZERO, BLACK_IS_ZERO, _RGB, PALETTE, _MASK, _SEPARATED, YCBCR = 0, 1, 2, 3, 4, 5, 6
_READABLE = {_WHITE_IS_ZERO, BLACK_IS_ZERO, _RGB, PALETTE, _MASK, _SEPARATED, YCBCR}
_UNREADABLE = {8: "CIELab colour", 9: "ICCLab colour", 10: "ITULab colour", 32803: "camera raw data"}
_UNREADABLE |= {32844: "LogL data", 32845: "LogLuv colour", 34892: "camera raw data"}
_OLD_JPEG = 6
_LONGEST_SIDE = 10_000_000  # of libvips
_REDUCED, _TRANSPARENCY_MASK = 1, 4  # bits of NewSubfileType
_OLD_REDUCED = 2  # SubfileType

# Where strips or tiles lie, and how long they are.
_PARTS = (tiff_tags.STRIPS, tiff_tags.STRIP_BYTES, tiff_tags.TILES, tiff_tags.TILE_BYTES)


@dataclass(frozen=True)
class TiffPage:
    """The picture of a TIFF among those that it holds.

    Attributes
    ----------
    tags
        All that the file says of it.
    form
        Byte order, and whether it is a BigTIFF.
    places
        Every picture of the file: the chain of pages, then those inside of them.
    index
        Which of them this one is.
    kept
        Those that stay in a restored file, this one included; the rest are smaller copies of it.
    unread
        Codes of tags whose values can't be read: of an unknown type, or outside of the file.
    """

    tags: Directory
    form: Form
    ifds: tuple[Ifd, ...]
    index: int = 0
    kept: frozenset[int] = frozenset({0})
    unread: tuple[int, ...] = ()

    def number(self, code: int, default: int) -> int:
        """Return the first value of a tag of whole numbers."""
        return number(self.tags, code, default)

    @property
    def ifd(self) -> Ifd:
        """Where its directory lies."""
        return self.ifds[self.index]

    @property
    def nodata(self) -> float | None:
        """The value of pixels that hold none (GDAL), as libvips gives pixels; None where none is named."""
        try:
            value = float(self.tags[tiff_tags.NODATA].text)
        except (KeyError, ValueError):
            return None
        bits = self.number(tiff_tags.BITS, 1)
        full = 2.0 ** max(bits, 8) - 1
        if bits < 8:
            value *= full / (2**bits - 1)
        return (
            full - value
            if self.white_is_zero and bits <= 16 and self.number(tiff_tags.SAMPLE_FORMAT, 1) == 1
            else value
        )

    @property
    def mask_index(self) -> int | None:
        """Which of the file's pictures is the mask of this one, inside of it or behind it; None: none of its size."""
        alike = [k for k, ifd in enumerate(self.ifds) if _size(ifd) == _size(self.ifd)]
        pictures = [k for k in alike if not _is_mask(self.ifds[k])]
        for mask in (k for k in alike if _says_valid(self.ifds[k])):
            before = [k for k in pictures if k < mask] or pictures[:1]
            around = self.ifds[mask].inside
            if self.index == (around if around in pictures else before[-1] if before else None):
                return mask
        return None

    @property
    def planes_beside(self) -> tuple[int, ...]:
        """Which of the file's other pictures are grey and of the size of this one, as infrared is."""
        others = [k for k, ifd in enumerate(self.ifds) if k != self.index and _size(ifd) == _size(self.ifd)]
        return tuple(k for k in others if _is_grey(self.ifds[k]) and not _is_reduced(self.ifds[k]))

    @property
    def copies(self) -> list[int]:
        """Which of the file's pictures are smaller copies of it, which show the damage."""
        return sorted(set(range(len(self.ifds))) - self.kept)

    @property
    def is_pyramid(self) -> bool:
        """Whether all else in the file are copies of it in tiles, each half as large, which libvips can make anew."""
        if len(self.kept) > 1 or not self.copies or tiff_tags.TILE_WIDTH not in self.tags:
            return False
        width, height = _size(self.ifd)
        halves = all(
            any(
                _size(self.ifds[copy]) == (-(-(width - off) // 2**k), -(-(height - off) // 2**k))
                for off in (0, 2**k - 1)
            )
            for k, copy in enumerate(self.copies, start=1)
        )
        bits, numbers = self.number(tiff_tags.BITS, 1), self.number(tiff_tags.SAMPLE_FORMAT, 1)
        is_usual = (bits, numbers) in ((8, 1), (16, 1), (32, 3)) and not self.white_is_zero and not self.has_palette
        return halves and is_usual and self.form.order == "<" and self.ifd.inside is None

    @property
    def coding(self) -> tuple[object, ...]:
        """All that the bytes of a row depend on, but for compression."""
        codes = (256, 257, tiff_tags.BITS, tiff_tags.PHOTOMETRIC, tiff_tags.SAMPLES, tiff_tags.PLANAR)
        return self.form.order, *(self.number(code, 1) for code in (*codes, tiff_tags.SAMPLE_FORMAT))

    @property
    def bytes_a_pixel(self) -> int:
        """Bytes of all bands of a pixel, of a page that isn't compressed."""
        return self.number(tiff_tags.BITS, 1) * self.number(tiff_tags.SAMPLES, 1) // 8

    @property
    def plain_start(self) -> int | None:
        """Where the first row lies, if the rows lie one behind the other as they do in memory; None if not."""
        is_plain = self.number(tiff_tags.COMPRESSION, 1) == 1 and self.number(tiff_tags.BITS, 1) >= 8
        if not is_plain or tiff_tags.STRIPS not in self.tags or self.is_planar:
            return None
        width, height = self.number(tiff_tags.WIDTH, 0), self.number(tiff_tags.HEIGHT, 0)
        starts = self.tags[tiff_tags.STRIPS].numbers
        strip = width * self.bytes_a_pixel * min(self.number(tiff_tags.ROWS_PER_STRIP, height), height)
        lie_in_order = starts == tuple(range(starts[0], starts[0] + strip * len(starts), strip))
        return starts[0] if lie_in_order and strip * len(starts) >= width * self.bytes_a_pixel * height else None

    @property
    def has_alpha(self) -> bool:
        """Whether the last band is transparency, and not just a further band."""
        return self._extra_samples[-1:] in ((1,), (2,))

    @property
    def is_premultiplied(self) -> bool:
        """Whether colours are stored multiplied by their opacity."""
        return 1 in self._extra_samples

    @property
    def _extra_samples(self) -> tuple[int, ...]:
        tag = self.tags.get(tiff_tags.EXTRA_SAMPLES)
        return tag.numbers if tag else ()

    @property
    def is_half_float(self) -> bool:
        """Whether samples are floats of 16 bits, which libvips doesn't know: they go through it as whole numbers."""
        return (self.number(tiff_tags.SAMPLE_FORMAT, 1), self.number(tiff_tags.BITS, 1)) == (3, 16)

    @property
    def is_beyond_libvips(self) -> bool:
        """Whether libvips can't decode it, or not exactly: see `restauro.files.tiff_decoding`."""
        coded = self.number(tiff_tags.COMPRESSION, 1) in tiff_tags.BEYOND_LIBVIPS
        return coded or self.is_half_float or self.number(tiff_tags.BITS, 1) == 64

    @property
    def misleads_libvips(self) -> bool:
        """Whether libvips would change samples on reading, or not find the picture: see `rearranged`."""
        is_elsewhere = self.ifd.inside is not None or self._is_beside_unknown
        return self.is_premultiplied or self.is_planar or self.is_mask or is_elsewhere

    @property
    def _is_beside_unknown(self) -> bool:
        """Whether another picture is coded in a way that libvips doesn't know: then it reads none of the file."""
        codings = {number(ifd.tags, tiff_tags.COMPRESSION, 1) for ifd in self.ifds}
        return not codings.isdisjoint(tiff_tags.BEYOND_LIBVIPS)

    @property
    def has_layers(self) -> bool:
        """Whether Photoshop's layers are there, which Photoshop shows in place of the picture."""
        return tiff_tags.PHOTOSHOP_LAYERS in self.tags

    @property
    def is_mask(self) -> bool:
        """Whether it says where another page is transparent."""
        return self.number(tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO) == _MASK

    @property
    def is_cmyk(self) -> bool:
        """Whether the first four bands are inks."""
        return self.number(tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO) == _SEPARATED and self.number(tiff_tags.SAMPLES, 1) > 3

    @property
    def has_palette(self) -> bool:
        """Whether the pixels are numbers of colours."""
        return self.number(tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO) == PALETTE

    @property
    def white_is_zero(self) -> bool:
        """Whether the file counts from white to black; libvips turns 8 and 16 bits around."""
        return self.number(tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO) == _WHITE_IS_ZERO

    @property
    def is_planar(self) -> bool:
        """Whether each band lies for itself."""
        return self.number(tiff_tags.PLANAR, 1) == 2 and self.number(tiff_tags.SAMPLES, 1) > 1


def read_page(path: Path, page: int | None = None) -> TiffPage:
    """Return the tags of a TIFF's picture; raise ReadError for what isn't one picture that libvips reads unchanged.

    page: which picture, in the order of `read_ifds`; None: the only one that isn't a smaller copy or a mask of it.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        bounded = Bounded(data)
        try:
            form = tiff_tags.read_form(bounded)
            ifds = tuple(tiff_tags.read_ifds(bounded, form))
            _refuse_raw(ifds)
            index, kept = _chosen(ifds, page)
            tags = tiff_tags.read_directory(bounded, form, ifds[index].offset)
            codes = {code for _, code, *_ in tiff_tags.entries(bounded, form, ifds[index].offset)}
            if page is None and (outer := ifds[index].inside) is not None:
                tags = _said_outside(tiff_tags.read_directory(bounded, form, ifds[outer].offset)) | tags
        except (struct.error, IndexError):
            raise ReadError(
                "The TIFF is damaged or cut short (its directory is missing, or larger than the file): get a complete "
                "copy."
            ) from None
    found = TiffPage(tags, form, ifds, index, kept, tuple(sorted(codes - tags.keys() - tiff_tags.NOT_TRUE_ANY_MORE)))
    _check_readable(found)
    return found


def _refuse_raw(ifds: tuple[Ifd, ...]) -> None:
    if any(tiff_tags.DNG_VERSION in ifd.tags for ifd in ifds):
        raise ReadError("A camera raw file (DNG) can't be read: develop it and save it as a 16-bit TIFF.")


def _chosen(ifds: tuple[Ifd, ...], page: int | None) -> tuple[int, frozenset[int]]:
    """Return which picture is meant, and which ones stay."""
    everything = frozenset(range(len(ifds)))
    if page is not None:
        if page not in everything:
            raise ReadError(f"The TIFF has no picture {page}: it holds {_listed(ifds)}.")
        copies = {k for k in everything if ifds[k].inside == page and _is_copy(ifds[k], ifds[page])}
        return page, everything - copies
    candidates = [k for k in everything if not _is_reduced(ifds[k]) and not _is_mask(ifds[k])]
    if len(ifds) == 1:
        candidates = [0]
    if len(candidates) == 1:
        chosen = candidates[0]
        copies = {k for k in everything - {chosen} if _is_copy(ifds[k], ifds[chosen])}
        others = everything - copies - {chosen}
        if all(_is_mask(ifds[k]) and _size(ifds[k]) == _size(ifds[chosen]) for k in others):
            return chosen, everything - copies
    raise ReadError(
        f"The TIFF holds {_listed(ifds)}, and one is restored at a time",
        Remedy("page", ..., "for the one to restore; the others are kept as they are"),
    )


def _listed(ifds: tuple[Ifd, ...]) -> str:
    shown = [f"{k}: {width} x {height}" for k, (width, height) in enumerate(map(_size, ifds[:20]))]
    return f"{len(ifds)} pictures ({', '.join(shown)}{', ...' * (len(ifds) > len(shown))})"


def _size(ifd: Ifd) -> tuple[int, int]:
    return number(ifd.tags, tiff_tags.WIDTH, 0), number(ifd.tags, tiff_tags.HEIGHT, 0)


def _is_reduced(ifd: Ifd) -> bool:
    return bool(number(ifd.tags, tiff_tags.NEW_SUBFILE_TYPE, 0) & _REDUCED) or (
        number(ifd.tags, tiff_tags.SUBFILE_TYPE, 0) == _OLD_REDUCED
    )


def _is_mask(ifd: Ifd) -> bool:
    return bool(number(ifd.tags, tiff_tags.NEW_SUBFILE_TYPE, 0) & _TRANSPARENCY_MASK)


def _says_valid(ifd: Ifd) -> bool:
    """Whether a picture is a mask that says which pixels are valid, and not an infrared plane that is called one."""
    return _is_mask(ifd) and number(ifd.tags, tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO) == _MASK


def _is_grey(ifd: Ifd) -> bool:
    is_grey = number(ifd.tags, tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO) in (_WHITE_IS_ZERO, BLACK_IS_ZERO)
    return is_grey and number(ifd.tags, tiff_tags.SAMPLES, 1) == 1 and number(ifd.tags, tiff_tags.BITS, 1) >= 8


def _is_copy(ifd: Ifd, of: Ifd) -> bool:
    """Whether a picture is smaller and marked as reduced: nothing else may be left out."""
    (width, height), (whole_width, whole_height) = _size(ifd), _size(of)
    return _is_reduced(ifd) and width <= whole_width and height <= whole_height and _size(ifd) != _size(of)


def _said_outside(tags: Directory) -> Directory:
    """Return what a page says of the picture inside of it: all but how its own pixels lie."""
    about_pixels = tiff_tags.LAYOUT | tiff_tags.NOT_TRUE_ANY_MORE | {tiff_tags.NEW_SUBFILE_TYPE, tiff_tags.SUBFILE_TYPE}
    return {code: tag for code, tag in tags.items() if code not in about_pixels}


def _check_readable(page: TiffPage) -> None:
    photometric = page.number(tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO)
    compression = page.number(tiff_tags.COMPRESSION, 1)
    if photometric not in _READABLE:
        what = _UNREADABLE.get(photometric, f"photometric interpretation {photometric}")
        raise ReadError(f"A TIFF with {what} can't be read unchanged: save it as an RGB TIFF.")
    if photometric == YCBCR and (page.is_planar or compression not in (6, 7)):
        raise ReadError("A TIFF with YCbCr colour can't be read unchanged: save it as an RGB TIFF.")
    bits, sample_format = page.number(tiff_tags.BITS, 1), page.number(tiff_tags.SAMPLE_FORMAT, 1)
    if sample_format == 3 and bits not in (16, 32, 64):
        raise ReadError(f"A TIFF with {bits}-bit floats can't be read unchanged: save it with 32-bit floats.")
    if sample_format in (5, 6):
        raise ReadError("A TIFF with complex numbers is no picture: save its magnitude as 32-bit floats.")
    if (bits not in (1, 2, 4, 8, 16, 32) and sample_format != 3) or (
        bits < 8 and page.number(tiff_tags.SAMPLES, 1) > 1
    ):
        raise ReadError(f"A TIFF with {bits} bits a sample can't be read unchanged: save it with 8 or 16 bits.")
    tile = page.number(tiff_tags.TILE_WIDTH, 1), page.number(tiff_tags.TILE_HEIGHT, 1)
    if not all((page.number(tiff_tags.WIDTH, 0), page.number(tiff_tags.HEIGHT, 0), *tile)):
        raise ReadError("The TIFF is damaged or cut short (it or its tiles have no size): get a complete copy.")
    if max(page.number(tiff_tags.WIDTH, 0), page.number(tiff_tags.HEIGHT, 0)) > _LONGEST_SIDE:
        raise ReadError(f"The TIFF claims more than {_LONGEST_SIDE} pixels a side: it is damaged, get a complete copy.")
    if compression != _OLD_JPEG:  # which needn't say
        width, height = page.number(tiff_tags.WIDTH, 0), page.number(tiff_tags.HEIGHT, 0)
        part = page.number(tiff_tags.TILE_WIDTH, width), page.number(tiff_tags.TILE_HEIGHT, 0)
        if not part[1]:
            part = width, page.number(tiff_tags.ROWS_PER_STRIP, height)
        parts = page.tags.get(tiff_tags.TILES, page.tags.get(tiff_tags.STRIPS))
        planes = page.number(tiff_tags.SAMPLES, 1) if page.is_planar else 1
        bounds.check_parts((width, height), part, planes, parts.count if parts else 0)


def rearranged(path: Path, page: TiffPage, called: Callable[[Directory], Directory] = dict) -> tuple[bytes, int]:
    """Return a TIFF as libvips is to see it, to take its samples as they are, and how many pages to join as bands.

    called: what else is to be called otherwise in each directory.

    libvips divides premultiplied colours by their opacity, so they are called plain; (8.18) it mixes up the strips of a
    TIFF whose bands lie one after the other, so each band is shown as a page; it knows pictures inside of pages by
    another number than we do, and no masks; and it reads nothing of a file in which one is coded as it doesn't know.
    """
    data = bytearray(path.read_bytes())
    directories = _bands(page) if page.is_planar else [page.tags | _plain_alpha(page)]
    if page.is_mask:
        directories = [tags | {tiff_tags.PHOTOMETRIC: tiff_tags.shorts(BLACK_IS_ZERO)} for tags in directories]
    data += b"\0" * (-len(data) % 8)
    struct.pack_into(page.form.offset, data, page.form.pointer_at, len(data))
    for count, tags in enumerate(map(called, directories), start=1):
        size = len(tiff_tags.packed(tags, page.form, len(data)))
        data += tiff_tags.packed(tags, page.form, len(data), (len(data) + size) * (count < len(directories)))
    return bytes(data), len(directories)


def telling(page: TiffPage) -> bytes:
    """Return a TIFF of one pixel that says all that a page says beside its pixels."""
    layout = {code: tiff_tags.shorts(1) for code in (tiff_tags.WIDTH, tiff_tags.HEIGHT, tiff_tags.COMPRESSION)}
    layout |= {tiff_tags.BITS: tiff_tags.shorts(8), tiff_tags.PHOTOMETRIC: tiff_tags.shorts(BLACK_IS_ZERO)}
    layout |= {tiff_tags.STRIPS: tiff_tags.longs(4), tiff_tags.STRIP_BYTES: tiff_tags.longs(1)}
    left_out = tiff_tags.LAYOUT | tiff_tags.NOT_TRUE_ANY_MORE
    tags = {code: tag for code, tag in page.tags.items() if code not in left_out} | layout
    form = Form("<", page.form.big)
    start = len(tiff_tags.header(form))
    head = bytearray(tiff_tags.header(form))
    struct.pack_into(form.offset, head, form.pointer_at, start)
    return bytes(head) + tiff_tags.packed(tags, form, start)


def _plain_alpha(page: TiffPage) -> Directory:
    if not page.is_premultiplied:
        return {}
    meanings = page.tags[tiff_tags.EXTRA_SAMPLES].numbers
    return {tiff_tags.EXTRA_SAMPLES: tiff_tags.shorts(*(2 if meaning == 1 else meaning for meaning in meanings))}


def _bands(page: TiffPage) -> list[Directory]:
    """Return a directory for each band of a TIFF whose bands lie one after the other."""
    count = page.number(tiff_tags.SAMPLES, 1)
    shown_as = {tiff_tags.PHOTOMETRIC: 0 if page.white_is_zero else 1, tiff_tags.SAMPLES: 1, tiff_tags.PLANAR: 1}
    shown_as |= {code: page.number(code, 1) for code in (tiff_tags.BITS, tiff_tags.SAMPLE_FORMAT)}
    left_out = (tiff_tags.EXTRA_SAMPLES, tiff_tags.SUB_PICTURES)
    common = {code: tag for code, tag in page.tags.items() if code not in left_out}
    common |= {code: tiff_tags.shorts(value) for code, value in shown_as.items()}
    return [
        common | {code: _part(page.tags[code], band, count) for code in _PARTS if code in page.tags}
        for band in range(count)
    ]


def _part(tag: Tag, index: int, count: int) -> Tag:
    length, size = tag.count // count, len(tag.data) // count
    return Tag(tag.type_code, length, tag.data[index * size : (index + 1) * size])
