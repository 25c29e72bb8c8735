"""What a TIFF says beside its pixels, put into a new one: libvips writes pixels well and drops most tags.

The directory of the new file is written once more, at its end, with the original's tags in it; and where a TIFF holds
several pictures, the new one takes the place of the old one among the others, which stay as they are.
"""

from __future__ import annotations

import os
import shutil
import struct
from contextlib import suppress
from pathlib import Path

from restauro.errors import WriteError
from restauro.files import exif as exif_blocks
from restauro.files import images, previews, tiff_pages, tiff_tags
from restauro.files.bounds import Bounded
from restauro.files.tiff_pages import TiffPage
from restauro.files.tiff_tags import LAYOUT, NOT_TRUE_ANY_MORE, Directory, Form, Tag

# What libvips carries from one format to another by itself: resolution, XMP, IPTC, Photoshop's resources, profile.
_CARRIED = {282, 283, 296, 700, 33723, 34377, 34675}
_RESOLUTION, _IPTC = {282, 283, 296}, 33723
# What may hold previews, by libvips' names.
_WITH_PREVIEWS = {700: "xmp-data", 34377: "photoshop-data"}
# The tags that the EXIF standard allows in its first directory.
_EXIF_FIRST_DIRECTORY = {270, 271, 272, tiff_tags.ORIENTATION, 282, 283, 296, 301, 305, 306, 315, 318, 319, 33432}
_EXIF_FIRST_DIRECTORY |= {tiff_tags.EXIF, tiff_tags.GPS}

_DESCRIPTION = 270
# What means nothing beside other pixels, or is the default of all TIFFs.
_OF_TIFF = {tiff_tags.NEW_SUBFILE_TYPE, tiff_tags.SUBFILE_TYPE, 263, 297, 332, 334}
# What other formats don't hold, in words.
_GEOREFERENCE = (33550, 33922, 34264, 34735, 34736, 34737)
_WORDS = dict.fromkeys(_GEOREFERENCE, "its georeference") | {tiff_tags.NODATA: "its nodata value"}
_WORDS |= {42112: "GDAL's data", 50838: "ImageJ's data", 50839: "ImageJ's data"}
_WORDS |= {tiff_tags.CREDENTIALS: images.CREDENTIALS}

_CLASSIC_TIFF_BYTES = 1 << 32

# Tags that libvips wrote and that aren't true, as its samples stand for others; None: not to be there.
Changes = dict[int, Tag | None]


def keep_tags(original: TiffPage, path: Path, changes: Changes) -> None:
    """Give a TIFF of one picture or a pyramid, newly written by libvips, the tags of the original."""
    written = tiff_pages.read_page(path)
    tags = _merged(original, _changed(written.tags, changes))
    if tiff_tags.SUB_PICTURES in written.tags:
        tags[tiff_tags.SUB_PICTURES] = written.tags[tiff_tags.SUB_PICTURES]
    _append_directory(path, tags, written.ifd.following)


def say(path: Path, exif: bytes | None, iptc: bytes | None, *, has_resolution: bool, changes: Changes) -> None:
    """Give a TIFF, newly written by libvips, the tags of another file's EXIF block, and no resolution of its own.

    iptc: IPTC data, of which libvips (8.18) writes a quarter.
    """
    tags, described = _changed(tiff_pages.read_page(path).tags, changes), {}
    if not has_resolution:
        tags = {code: tag for code, tag in tags.items() if code not in _RESOLUTION}
    if exif is not None:
        with suppress(struct.error, IndexError):
            described = tiff_tags.read_first_directory(Bounded(exif_blocks.bare(exif)))
    if iptc is not None:
        tags[_IPTC] = Tag(7, len(iptc), iptc)
    left_out = LAYOUT | NOT_TRUE_ANY_MORE | _CARRIED | {tiff_tags.ORIENTATION}
    _append_directory(path, tags | {code: tag for code, tag in described.items() if code not in left_out})


def exif_block(page: TiffPage) -> bytes | None:
    """Return the EXIF block that says what a TIFF's tags say, None where they say nothing."""
    tags = {code: tag for code, tag in page.tags.items() if code in _EXIF_FIRST_DIRECTORY}
    if not tags:
        return None
    return b"Exif\0\0" + struct.pack("<2sHI", b"II", 42, 8) + tiff_tags.packed(tags, Form("<", big=False), 8)


def only_here(tags: Directory) -> list[str]:
    """Return what a TIFF's tags say that other formats don't hold, in words or by their codes."""
    known = LAYOUT | NOT_TRUE_ANY_MORE | _CARRIED | _EXIF_FIRST_DIRECTORY | _OF_TIFF
    left = [code for code in sorted(tags) if code not in known]
    named = [_WORDS[code] for code in left if code in _WORDS]
    if _DESCRIPTION in tags and tags[_DESCRIPTION].text.startswith("ImageJ="):
        named.append("ImageJ's description (it is there as a text)")
    if codes := [str(code) for code in left if code not in _WORDS]:
        named.append(f"tag{'s' * (len(codes) > 1)} {', '.join(codes)}")
    return named


def put_in_place(original: TiffPage, file: Path, written: Path, path: Path, changes: Changes) -> None:
    """Write the TIFF `file` to `path` with the picture of `written`, of one picture, in place of `original`.

    The samples of `written` must be as the byte order of `file` has them. What is not `original.kept` is left out;
    where nothing else is kept, so is all of the old file.
    """
    page, alone = tiff_pages.read_page(written), len(original.kept) == 1
    form = Form(original.form.order, original.form.big or (alone and page.form.big))
    if not alone:
        shutil.copyfile(file, path)
    with open(path, "wb" if alone else "r+b") as out, open(written, "rb") as pixels:
        if alone:
            out.write(tiff_tags.header(form))
        base = (out.seek(0, os.SEEK_END) + 15) // 16 * 16
        out.seek(base)
        shutil.copyfileobj(pixels, out, 1 << 24)
        start = (out.tell() + 15) // 16 * 16
        tags = _merged(original, _changed(page.tags, changes)) | _moved(page, base) | _pictures_inside(original)
        directory = tiff_tags.packed(tags, form, start, 0 if alone else original.ifd.following)
        if not form.big and start + len(directory) >= _CLASSIC_TIFF_BYTES:
            raise WriteError(
                "With the new picture beside the others the TIFF would be larger than 4 GiB: take the one to be "
                f"restored out first, for instance with `tiffcp in.tif,{original.index} page.tif`."
            )
        out.seek(start)
        out.write(directory)
        found_by = {form.pointer_at: start}
        if not alone:
            found_by = _pointers(original, start, tiff_tags.next_at(form, start, directory))
        for position, offset in found_by.items():
            out.seek(position)
            out.write(struct.pack(form.offset, offset))


def _changed(tags: Directory, changes: Changes) -> Directory:
    return {code: tag for code, tag in (tags | changes).items() if tag is not None}


def _merged(original: TiffPage, written: Directory) -> Directory:
    """Return the tags of a rewritten TIFF: how its pixels lie now, and all else from the original."""
    kept = (code for code in original.tags if code not in LAYOUT | NOT_TRUE_ANY_MORE)
    tags = {code: _without_preview(code, original.tags[code]) for code in kept}
    tags |= {code: tag for code, tag in written.items() if code in LAYOUT}
    # libvips calls every extra band transparency; photometric and extra bands are the original's if it had the same.
    same_bands = original.number(tiff_tags.SAMPLES, 1) == tiff_tags.number(written, tiff_tags.SAMPLES, 1)
    photometric = original.number(tiff_tags.PHOTOMETRIC, tiff_pages.BLACK_IS_ZERO)
    if same_bands and photometric not in (tiff_pages.PALETTE, tiff_pages.YCBCR):
        for code in (tiff_tags.PHOTOMETRIC, tiff_tags.EXTRA_SAMPLES):
            tags.pop(code, None)
            if code in original.tags:
                tags[code] = original.tags[code]
    return tags


def _without_preview(code: int, tag: Tag) -> Tag:
    """Return a tag without the preview in it."""
    if code not in _WITH_PREVIEWS or tag.type_code not in (1, 7):
        return tag
    data = previews.without_preview(_WITH_PREVIEWS[code], tag.data)
    return tag if data == tag.data else Tag(tag.type_code, len(data), data)


def _append_directory(path: Path, tags: Directory, following: int = 0) -> None:
    """Write a directory at the end of a TIFF and make it the one that readers find."""
    with open(path, "r+b") as file:
        form = tiff_tags.read_form(Bounded(file.read(16)))
        start = (file.seek(0, os.SEEK_END) + 15) // 16 * 16
        file.seek(start)
        file.write(tiff_tags.packed(tags, form, start, following))
        file.seek(form.pointer_at)
        file.write(struct.pack(form.offset, start))


def _moved(page: TiffPage, base: int) -> Directory:
    """Return where the parts of a picture lie when its file begins at `base` of another."""
    moved = {}
    for code in (tiff_tags.STRIPS, tiff_tags.TILES):
        if code in page.tags:
            starts = [start + base for start in page.tags[code].numbers]
            type_code, letter = (16, "Q") if page.form.big else (4, "I")
            if max(starts) >= _CLASSIC_TIFF_BYTES:
                type_code, letter = 16, "Q"
            moved[code] = Tag(type_code, len(starts), struct.pack(f"<{len(starts)}{letter}", *starts))
    return moved


def _pictures_inside(original: TiffPage) -> Directory:
    """Return the tag of those pictures inside of the original that are kept."""
    kept = [k for k in sorted(original.kept) if original.ifds[k].inside == original.index]
    if not kept:
        return {}
    type_code, letter = (18, "Q") if original.form.big else (13, "I")
    offsets = [original.ifds[k].offset for k in kept]
    return {tiff_tags.SUB_PICTURES: Tag(type_code, len(kept), struct.pack(f"<{len(kept)}{letter}", *offsets))}


def _pointers(original: TiffPage, start: int, next_at: int) -> dict[int, int]:
    """Return what is to be written where, so that readers find the new directory, and none that isn't kept."""
    if original.ifd.inside is not None:
        return {original.ifd.pointer_at: start}
    chain = [k for k in sorted(original.kept) if original.ifds[k].inside is None]
    offsets = [start if k == original.index else original.ifds[k].offset for k in chain]
    pointers = [next_at if k == original.index else original.ifds[k].next_at for k in chain]
    return dict(zip([original.form.pointer_at, *pointers], [*offsets, 0], strict=True))
