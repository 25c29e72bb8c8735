"""`write_picture`: the transaction. Check, save under a temporary name, read back and count, move into place."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.errors import MaskError, Remedy, WriteError, checked_path
from restauro.files import comparing, formats, images, previews
from restauro.files.reading import stamp_of
from restauro.files.replacing import check_place, replacing
from restauro.notes import Note, counted
from restauro.picture import Picture

_REPLACE = ("choose another name", Remedy("overwrite", True, "to replace it"))


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
    notes: tuple[Note, ...]


def check_target(picture: Picture, target: Path, *, overwrite: bool = False) -> None:
    """Raise WriteError for all that can be known before the work to be wrong with writing `picture` to `target`.

    The ending is known, the file that was read is there as it was, the folder is there and can be written to, nothing
    would be overwritten unless that is wanted, and the format can hold the picture.
    """
    format_ = formats.format_of(formats.format_asked_for(target))
    _check_same(picture)
    _check_place(picture.path, target, overwrite=overwrite)
    reason = format_.cannot_hold(picture)
    if reason is None and max(picture.pixels.shape[:2]) > format_.most_pixels:
        reason = f"more than {format_.most_pixels} pixels a side"
    if reason:
        raise WriteError(f"{format_.title} can't hold {reason}: write it to a TIFF (.tif).")


def counted_outside(picture: Picture, target: Path) -> str:
    """Return outside of what changes are counted: of the "mask"; from JPEG to JPEG of the "blocks" that it touches."""
    return "blocks" if picture.format == "jpeg" == formats.format_asked_for(target) else "mask"


def write_picture(
    picture: Picture, target: str | os.PathLike[str], *, hole: NDArray[np.bool_] | None = None, overwrite: bool = False
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
        See `check_target`; if a pixel outside the hole has changed where none may, or the file that was read has been
        replaced meanwhile: nothing is written then.
    MaskError
        `hole` has another shape than the picture.

    Examples
    --------
    >>> import tempfile, pyvips
    >>> from restauro.files.reading import read_picture
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
    target = checked_path(target, "The target")
    check_target(picture, target, overwrite=overwrite)
    shape = picture.pixels.shape[:2]
    hole = np.zeros(shape, np.bool_) if hole is None else np.ascontiguousarray(hole, np.bool_)
    if hole.shape != shape:
        raise MaskError(f"The hole has {hole.shape} pixels and the picture {shape}: turn the hole with as_stored.")
    with replacing(target, "The picture", sources=[picture.path]) as temporary:
        written = _write_and_compare(picture, temporary, hole, target)
    if target.samefile(picture.path):
        picture.stamp = stamp_of(target)
    return written


def _write_and_compare(picture: Picture, temporary: Path, hole: NDArray[np.bool_], target: Path) -> Written:
    """Write to a temporary name and count how many pixels outside the hole changed."""
    format_ = formats.format_of(formats.format_asked_for(target))
    if format_.name == picture.format and not hole.any():
        shutil.copyfile(picture.path, temporary)
        _check_same(picture)
        return Written(target, 0, ())
    saved = format_.save(picture, temporary, hole)
    _check_same(picture)
    changed = _count_changed(picture, temporary, format_, hole if saved.touched is None else saved.touched)
    notes = [*formats.format_of(picture.format).notes(picture.kept, format_.name), *saved.notes]
    notes += previews.left_out_notes(picture.metadata)
    if saved.touched is None:
        outside = f"{counted(changed, 'pixel')} outside the holes changed. PNG and TIFF don't."
        notes.append(Note("loss-everywhere", f"{format_.title} loses a little everywhere: {outside}"))
    elif changed:
        raise WriteError(
            f"{counted(changed, 'pixel')} outside the hole would have changed in the file: nothing was written."
        )
    return Written(target, changed, tuple(notes))


def _check_same(picture: Picture) -> None:
    """Raise WriteError where the file that was read isn't there any more as it was: the new one is made of both."""
    try:
        same = picture.stamp in (None, stamp_of(picture.path))
    except FileNotFoundError:
        same = False
    if not same:
        raise WriteError(
            f"The file {picture.path} was changed, replaced or removed since it was read, so nothing was written: read "
            "it again."
        )


def _count_changed(picture: Picture, written: Path, format_: formats.Format, touched: NDArray[np.bool_]) -> int:
    """Return how many pixels outside of `touched` differ between the file that was read and the one written."""
    source, page = formats.format_of(picture.format), picture.page
    page_written = page if format_ is source else None
    old, new = source.plain_rows(picture.path, page), format_.plain_rows(written, page_written)
    if old and new and old.coding == new.coding:
        return comparing.count_changed_rows(old, new, touched)
    before, after = _image_of(source.open(picture.path, page)), _image_of(format_.open(written, page_written))
    if picture.has_alpha and after.bands == before.bands - 1:  # WebP leaves out transparency that is opaque everywhere
        after = after.bandjoin(255)
    for about in ("width", "height", "bands", "format"):
        was, would_be = before.get(about), after.get(about)
        if was != would_be:
            raise WriteError(f"The file's {about} would have become {would_be} (it is {was}): nothing was written.")
    return comparing.count_changed(before, after, touched)


def _image_of(opened: formats.Opened) -> pyvips.Image:
    """Return the image of an opened file with its pixels."""
    return images.image_of(opened.decode(), is_cmyk=False) if opened.decode else opened.image


def _check_place(source: Path, target: Path, *, overwrite: bool) -> None:
    """Raise WriteError where the target can't be put, or would replace what isn't to be replaced."""
    check_place(target, "The picture")
    if target.exists() and not overwrite:
        if source.exists() and target.samefile(source):
            raise WriteError(f"The target {target} is the picture itself", *_REPLACE)
        raise WriteError(f"The target {target} is there already", *_REPLACE)
