"""Picture files: read one with all that it holds, write it back with nothing changed but what is to change.

Pixels go through libvips, both ways without a second copy in memory. What libvips would change or drop is kept by
other means: a JPEG's coefficients (`restauro.files.jpeg`), a PNG's chunks (`restauro.files.png_chunks`), a TIFF's tags
(`restauro.files.tiff_tags`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import MaskError, ReadError, WriteError
from restauro.files import comparing, formats, jpeg, png_chunks, saving, tiff_tags

_DTYPES = {"uchar": "u1", "char": "i1", "ushort": "u2", "short": "i2", "uint": "u4", "int": "i4", "float": "f4"}
_OVERWRITE = "replace it with --overwrite (in Python overwrite=True)"
# Swap the axes, then mirror rows, then mirror columns: from stored to seen, by EXIF orientation.
_TURNS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass
class Picture:
    """A file's pixels together with all else that the file holds.

    Attributes
    ----------
    pixels
        [H, W], or [H, W, C] of more than one band: as stored (not turned), in the file's own dtype, C-contiguous. They
        are there to be written to.
    path
        The file that it was read from.
    format
        "jpeg", "png", "tiff", "webp" or "heif".
    orientation
        EXIF orientation, 1 to 8: how the stored pixels are to be turned to be seen. See `as_seen`.
    has_alpha
        Whether the last band is transparency.
    bits
        Bits of a sample in the file: 1, 2, 4 (read as 0 to 255 in uint8), 8, 10, 12 (read as uint16), 16 or 32.
    is_cmyk
        Whether the first four bands are inks.
    metadata
        libvips' names of what the file says beside its pixels: type and value of each.
    page
        Of a TIFF: its tags.
    notes
        A sentence each about what the file had and a restored file won't have.
    """

    pixels: NDArray[Any]
    path: Path
    format: str
    orientation: int
    has_alpha: bool
    bits: int = 8
    is_cmyk: bool = False
    metadata: dict[str, tuple[int, Any]] = field(default_factory=dict)
    page: tiff_tags.TiffPage | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """What `write_picture` wrote.

    Attributes
    ----------
    path
        The file.
    changed_outside
        Pixels outside the hole that differ between the file that was read and the file that was written, counted by
        reading both. From JPEG to JPEG: outside the blocks that the hole touches.
    notes
        A sentence each about what was dropped and what may have changed.
    """

    path: Path
    changed_outside: int
    notes: tuple[str, ...]


def as_seen(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of stored pixels (or of a mask) turned to how people see them.

    >>> as_seen(np.array([[1, 2, 3]]), 6)
    array([[1],
           [2],
           [3]])
    """
    swap, mirror_rows, mirror_columns = _TURNS[orientation]
    turned = array.swapaxes(0, 1) if swap else array
    return turned[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]


def as_stored(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of pixels (or of a mask) as people see them, turned to how the file stores them.

    >>> as_stored(as_seen(np.array([[1, 2, 3]]), 8), 8)
    array([[1, 2, 3]])
    """
    swap, mirror_rows, mirror_columns = _TURNS[orientation]
    turned = array[:: -1 if mirror_rows else 1, :: -1 if mirror_columns else 1]
    return turned.swapaxes(0, 1) if swap else turned


def read_picture(path: str | Path) -> Picture:
    """Read a JPEG, PNG, TIFF, WebP or AVIF file with all that it holds, and nothing converted.

    Parameters
    ----------
    path
        The file. Which format it is, its content says and not its name.

    Returns
    -------
    Picture
        Grey [H, W], colour [H, W, 3], CMYK [H, W, 4], grey or colour with transparency [H, W, 2] or [H, W, 4], TIFFs
        with any number of bands [H, W, C]; uint8 or uint16, of TIFFs int8, int16, int32, uint32 and float32 too.

    Raises
    ------
    ReadError
        A file that is missing, cut short, of another kind; the sentence says what to do.

    Notes
    -----
    - 1, 2 and 4 bits: read as uint8 between 0 and 255, and written with as many bits as there were; what was filled
      is rounded to the nearest value that they hold (of 1 bit: black or white).
    - Palette (PNG, TIFF) or one transparent colour (PNG): read and written as RGB or RGBA with 8 bits, because what is
      filled needs colours between; a note says so.
    - CMYK: four bands of ink, 255 is full. It can be written to TIFF; a CMYK JPEG can't be written as JPEG.
    - Premultiplied transparency (TIFF): as stored, colours multiplied by opacity. It can be written to TIFF.
    - Bands one after the other (TIFF): read as all others, written pixel by pixel; a note says so.
    - Compression with loss (JPEG in TIFF, WebP, AVIF): written without loss, so that no other pixel changes; a note
      says so. From JPEG to JPEG: see `write_picture`.
    - White is zero (TIFF): read and written so that 0 is black for programs; the file keeps its way.
    - Several pages: an error, because a restored file would lack the others. Smaller copies of the one picture
      (pyramids, thumbnails) are left out of the restored file, because they show the damage; a note says so.
    - HEIF: AVIF can be read; HEIC (coded in HEVC) can't, as libvips comes without a decoder. It is read turned as it is
      seen, and so its orientation is 1.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "grey.png")
    >>> pyvips.Image.black(4, 3).pngsave(str(file))
    >>> picture = read_picture(file)
    >>> picture.pixels.shape, picture.pixels.dtype, picture.format, picture.orientation
    ((3, 4), dtype('uint8'), 'png', 1)
    >>> folder.cleanup()
    """
    path = Path(path)
    kind = formats.recognise(path)
    page = tiff_tags.read_page(path) if kind == "tiff" else None
    header = png_chunks.read_header(path) if kind == "png" else None
    try:
        image = _open(path, kind, page)
        _check_single(image, header)
        pixels = _pixels(image)
    except pyvips.Error as error:
        if kind == "heif" and formats.is_hevc(path):
            raise ReadError("A HEIC file (coded in HEVC) can't be read: save it as a TIFF or a PNG.") from None
        raise ReadError(
            f"The {formats.TITLES[kind]} can't be read to its end, it is damaged or cut short "
            f"(libvips: {_reason(error)}): get a complete copy."
        ) from None
    return Picture(
        pixels,
        path,
        kind,
        orientation=_orientation(image),
        has_alpha=page.has_alpha if page else bool(image.hasalpha()),
        bits=_bits(image, pixels),
        is_cmyk=image.interpretation == "cmyk",
        metadata=saving.metadata_of(image),
        page=page,
        notes=(*_tiff_notes(page), *_png_notes(header)),
    )


def check_target(picture: Picture, target: Path, *, overwrite: bool = False) -> None:
    """Raise WriteError for all that can be known before the work to be wrong with writing `picture` to `target`.

    The ending is known, the folder is there and can be written to, nothing would be overwritten unless that is wanted,
    and the format can hold the picture.
    """
    kind = formats.format_asked_for(target)
    _check_place(picture.path, target, overwrite=overwrite)
    if kind == picture.format == "jpeg":
        jpeg.check_rewritable(picture.path)
        return
    reason = _cannot_hold(picture, kind)
    if reason:
        raise WriteError(f"{formats.TITLES[kind]} can't hold {reason}: write it to a TIFF (.tif).")


def write_picture(
    picture: Picture, target: str | Path, *, hole: NDArray[np.bool_] | None = None, overwrite: bool = False
) -> Written:
    """Write a picture, whose pixels have changed within the hole, with all else that its file held.

    The file is written under a temporary name beside the target, compared with the file that the picture was read
    from, and only then moved into place.

    Parameters
    ----------
    picture
        As `read_picture` returned it, with new pixels in the hole.
    target
        The file to write; its ending says the format. JPEG to JPEG encodes only the blocks that the hole touches. All
        other ways are without loss, but for other formats to JPEG.
    hole
        bool [H, W], turned as the pixels are stored: where they may differ from the file that was read. None: nowhere.
        Where it is empty and the format stays, the file is copied.
    overwrite
        Replace the target if it is there; it may be the file that the picture was read from.

    Raises
    ------
    WriteError
        See `check_target`; and if a pixel outside the hole has changed where none may: nothing is written then.
    MaskError
        `hole` has another shape than the picture.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> pyvips.Image.black(4, 3).pngsave(str(Path(folder.name, "grey.png")))
    >>> picture = read_picture(Path(folder.name, "grey.png"))
    >>> hole = np.zeros((3, 4), bool)
    >>> hole[1, 2] = True
    >>> picture.pixels[hole] = 200
    >>> write_picture(picture, Path(folder.name, "new.png"), hole=hole).changed_outside
    0
    >>> folder.cleanup()
    """
    target = Path(target)
    check_target(picture, target, overwrite=overwrite)
    shape = picture.pixels.shape[:2]
    hole = np.zeros(shape, np.bool_) if hole is None else np.ascontiguousarray(hole, np.bool_)
    if hole.shape != shape:
        raise MaskError(f"The hole has {hole.shape} pixels and the picture {shape}: turn the hole with as_stored.")
    place = target.resolve()
    try:
        with tempfile.TemporaryDirectory(prefix=".restauro-", dir=place.parent) as folder:
            written = Path(folder, place.name)
            changed, notes = _write_and_compare(picture, written, hole)
            os.replace(written, place)
    except OSError as error:
        raise WriteError(f"The target {target} can't be written ({error.strerror}): choose another place.") from None
    except pyvips.Error as error:
        raise WriteError(f"The target {target} can't be written (libvips: {_reason(error)}).") from None
    return Written(target, changed, tuple(notes))


def _write_and_compare(picture: Picture, written: Path, hole: NDArray[np.bool_]) -> tuple[int, list[str]]:
    """Write to a temporary name; return how many pixels outside the hole changed, and what is to be said."""
    kind = formats.format_asked_for(written)
    if kind == picture.format and not hole.any():
        shutil.copyfile(picture.path, written)
        return 0, []
    if kind == picture.format == "jpeg":
        rewritten = jpeg.rewrite_blocks(picture.path, written, picture.pixels, hole)
        notes, hole = [_blocks_note(rewritten)], rewritten.touched
        if rewritten.left_out:
            notes.append(
                f"What follows the picture in the file ({rewritten.left_out} bytes: a second picture, a gain map or a "
                "video) was left out."
            )
    else:
        _round_to_bits(picture, hole)
        notes = _save(picture, written, kind)
    changed = _count_changed(picture, written, kind, hole)
    if kind == "jpeg" != picture.format:
        notes.append(f"JPEG loses a little everywhere: {changed} pixels outside the holes changed. PNG and TIFF don't.")
    elif changed:
        raise WriteError(f"{changed} pixels outside the hole would have changed in the file: nothing was written.")
    return changed, [*picture.notes, *notes]


def _open(path: Path, kind: str, page: tiff_tags.TiffPage | None = None) -> pyvips.Image:
    """Return libvips' image of a file, to be read once from top to bottom."""
    if page and page.misleads_libvips:
        return _open_rearranged(path, page)
    loader = {"jpeg": "jpegload", "png": "pngload", "tiff": "tiffload", "webp": "webpload", "heif": "heifload"}[kind]
    # Named loaders take any file name as it is. "truncated" lets a TIFF that is cut short pass: its gaps come as zeros.
    # Without revalidate libvips hands out what an earlier file of this name held.
    fail_on = "error" if kind == "tiff" else "truncated"
    return pyvips.Operation.call(loader, os.fsencode(path), access="sequential", fail_on=fail_on, revalidate=True)


def _open_rearranged(path: Path, page: tiff_tags.TiffPage) -> pyvips.Image:
    data, pages = tiff_tags.rearranged(path, page)
    options = {"access": "sequential", "fail_on": "error"}
    first, *others = (pyvips.Operation.call("tiffload_buffer", data, page=k, **options) for k in range(pages))
    as_named = _open(path, "tiff").interpretation
    return (first.bandjoin(others) if others else first).copy(interpretation=as_named)


def _pixels(image: pyvips.Image) -> NDArray[Any]:
    """Decode an image into memory, once, as an array that can be written to."""
    if image.format not in _DTYPES:
        raise ReadError(f"Samples of type {image.format} can't be restored: save the picture with 8 or 16 bits.")
    shape = (image.height, image.width, image.bands)[: 2 if image.bands == 1 else 3]
    return np.frombuffer(image.write_to_memory(), _DTYPES[image.format]).reshape(shape)


def _check_single(image: pyvips.Image, header: png_chunks.PngHeader | None) -> None:
    pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    moves = header is not None and header.animated
    if moves or (pages > 1 and not image.get("vips-loader").startswith("tiff")):
        how_many = "several" if moves else pages
        raise ReadError(
            f"The file holds {how_many} pictures, and restauro restores one a file: save the one you mean as a PNG."
        )


def _orientation(image: pyvips.Image) -> int:
    value = image.get("orientation") if image.get_typeof("orientation") else 1
    return value if value in _TURNS else 1


def _bits(image: pyvips.Image, pixels: NDArray[Any]) -> int:
    """Return the bits of a sample that a restored file is to have."""
    in_file = image.get("bits-per-sample") if image.get_typeof("bits-per-sample") else 8
    is_low_grey = in_file < 8 and pixels.ndim == 2
    return int(in_file) if is_low_grey or in_file in (10, 12) else 8 * pixels.dtype.itemsize


def _tiff_notes(page: tiff_tags.TiffPage | None) -> list[str]:
    notes = []
    if page and page.has_palette:
        notes.append("The palette became RGB with 8 bits, because what is filled needs colours between.")
    if page and page.smaller_copies:
        notes.append(f"{page.smaller_copies} smaller copies of the picture were left out: they show the damage.")
    if page and page.has_layers:
        notes.append("Photoshop's layers were left out: they show the damage.")
    if page and page.is_planar:
        notes.append("The bands lay one after the other; in the restored file they lie together, pixel by pixel.")
    return notes


def _png_notes(header: png_chunks.PngHeader | None) -> list[str]:
    notes = []
    if header and header.colour_type == png_chunks.PALETTE:
        notes.append("The palette became RGB with 8 bits, because what is filled needs colours between.")
    if header and header.transparent_colour:
        notes.append("The transparent colour became a band of transparency.")
    return notes


def _check_place(source: Path, target: Path, *, overwrite: bool) -> None:
    """Raise WriteError where the target can't be put, or would replace what isn't to be replaced."""
    folder = target.parent
    if not folder.is_dir():
        raise WriteError(f"There is no folder {folder}: make it first.")
    if not os.access(folder, os.W_OK):
        raise WriteError(f"Nothing can be written to the folder {folder}: choose another, or change its permissions.")
    if target.is_dir():
        raise WriteError(f"The target {target} is a folder: name a file in it.")
    if target.exists() and not overwrite:
        if source.exists() and target.samefile(source):
            raise WriteError(f"The target {target} is the picture itself: choose another name, or {_OVERWRITE}.")
        raise WriteError(f"The target {target} is there already: choose another name, or {_OVERWRITE}.")


def _cannot_hold(picture: Picture, kind: str) -> str | None:
    """Return what of a picture can't be held by a format, None where it can hold all."""
    dtype, bands = picture.pixels.dtype, picture.pixels.shape[2] if picture.pixels.ndim == 3 else 1
    most_pixels = {"jpeg": 65535, "webp": 16383, "heif": 16384}.get(kind, 10_000_000)
    if kind == "tiff":
        return None
    if picture.is_cmyk:
        return "CMYK"
    if not (dtype == np.uint8 or (dtype == np.uint16 and (kind == "png" or (kind == "heif" and picture.bits < 16)))):
        return {"u": "", "i": "signed ", "f": "floating-point "}[dtype.kind] + f"samples of {8 * dtype.itemsize} bits"
    if picture.page and picture.page.is_premultiplied:
        return "colours multiplied by their opacity"
    if kind == "jpeg" and picture.has_alpha:
        return "transparency"
    if bands > 4 or (bands in (2, 4) and not picture.has_alpha):
        return f"{bands} bands of which none is transparency"
    if kind in ("webp", "heif") and bands < 3:
        return "grey pictures"
    if max(picture.pixels.shape[:2]) > most_pixels:
        return f"more than {most_pixels} pixels a side"
    if kind == "heif" and picture.orientation != 1:
        return f"pixels that are still to be turned (EXIF orientation {picture.orientation})"
    return None


def _round_to_bits(picture: Picture, hole: NDArray[np.bool_]) -> None:
    """Round what was filled to the values that a file of 1, 2 or 4 bits can hold."""
    if picture.bits < 8:
        step = 255 / (2**picture.bits - 1)
        nearest = (np.rint(np.arange(256) / step) * step).astype(np.uint8)
        picture.pixels[hole] = nearest[picture.pixels[hole]]


def _save(picture: Picture, path: Path, kind: str) -> list[str]:
    """Write the pixels and what else the file held; return what is to be said."""
    image = saving.image_of(picture.pixels, is_cmyk=picture.is_cmyk)
    metadata = dict(picture.metadata)
    if picture.page and kind != "tiff":
        metadata |= saving.exif_metadata(tiff_tags.exif_block(picture.page))
    image = saving.with_metadata(image, metadata)
    if kind == "tiff":
        notes = saving.save_tiff(image, path, bits=picture.bits, original=picture.page)
        if picture.page:
            return notes
        metadata.pop("exif-data", None)  # written by other means than libvips'
    elif kind == "png":
        saving.save_png(image, path, bits=picture.bits, original=picture.path if picture.format == "png" else None)
    elif kind == "webp":
        saving.save_webp(image, path)
    elif kind == "heif":
        saving.save_heif(image, path, bits=picture.bits)
    else:
        saving.save_jpeg(image, path)
    notes = saving.dropped_notes(metadata, _open(path, kind), formats.TITLES[kind])
    if kind == picture.format != "png":  # WebP and HEIF, which mostly lose
        notes.append("It was written without loss, so that no other pixel changes; the file may be larger for it.")
    return notes


def _count_changed(picture: Picture, written: Path, kind: str, hole: NDArray[np.bool_]) -> int:
    """Return how many pixels outside the hole differ between the file that was read and the file that was written."""
    old, new = picture.page, tiff_tags.read_page(written) if kind == "tiff" else None
    if old and new and old.coding == new.coding and old.plain_start is not None and new.plain_start is not None:
        return comparing.count_changed_rows(
            comparing.PlainRows(picture.path, old.plain_start, old.bytes_a_pixel),
            comparing.PlainRows(written, new.plain_start, new.bytes_a_pixel),
            hole,
        )
    before, after = _open(picture.path, picture.format, old), _open(written, kind, new)
    for about in ("width", "height", "bands", "format"):
        was, would_be = before.get(about), after.get(about)
        if was != would_be:
            raise WriteError(f"The file's {about} would have become {would_be} (it is {was}): nothing was written.")
    return comparing.count_changed(before, after, hole)


def _blocks_note(rewritten: jpeg.Rewritten) -> str:
    height, width = rewritten.block_shape
    return (
        f"{rewritten.blocks} of {rewritten.all_blocks} blocks of {width}x{height} pixels, those that the holes touch, "
        "were encoded anew; all others are as they were."
    )


def _reason(error: pyvips.Error) -> str:
    """Return libvips' reason: the last line that it left, without its dots and breaks."""
    lines = [line.strip() for line in error.detail.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"
