"""`detect_file`: a picture file in, a mask of its damage out, and a preview to judge the mask by."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.detection.detecting import check_options, detect
from restauro.detection.tiles import checked_picture
from restauro.errors import MaskError, RestauroError, WriteError, checked_path
from restauro.files import images
from restauro.files.bounds import MAX_PIXELS
from restauro.files.jpeg import save_jpeg
from restauro.files.masks import check_mask_target, is_same, make_folder, write_mask
from restauro.files.png import save_png
from restauro.files.reading import read_picture
from restauro.files.replacing import check_free, replacing
from restauro.holes import count_regions
from restauro.mask import check_grow, grow_mask, strips
from restauro.notes import Note
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen, as_stored
from restauro.record import Record
from restauro.viewing import view

_MARKED = np.array([255, 0, 200], np.float32)  # a colour that paintings hardly have
_TINT = 0.45  # of the marks' inside; their outline is of the full colour
_LARGE = 0.3  # share of a picture from which marks are doubtful


@dataclass(frozen=True)
class Detected(Record):
    """What was found in a file: what every `restauro.record.Record` says, of which the target is the mask, and more.

    Attributes
    ----------
    preview
        The picture with the marks in colour, where one was asked for.
    kind
        What was looked for; None where only hints say so.
    marks
        How many; pixels that touch by a corner belong to one.
    pixels
        Number of pixels marked.
    """

    preview: Path | None
    kind: str | None
    marks: int
    pixels: int


def detect_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    kind: str | None = None,
    colour: str | None = None,
    tolerance: int | None = None,
    hints: str | os.PathLike[str] | None = None,
    preview: str | os.PathLike[str] | None = None,
    grow: int = 0,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> Detected:
    """Look for damage in a picture file, and write a mask that `restauro.restore_file` takes.

    The mask is an 8-bit PNG, 255 is damage, as large as the picture as people see it. It is written whole or not at
    all; where nothing is found it is empty. Transparency is left aside.

    Parameters
    ----------
    source, target
        The picture, the mask (.png). The mask's folder is made if it is missing.
    kind, colour, tolerance, workers, progress
        See `restauro.detect`.
    hints
        A picture as large as the source with strokes in vivid colours, on a transparent layer or on a copy of the
        source: red is damage, green or blue is not; see `restauro.detection.hints.read_hints`.
    preview
        A PNG or JPEG to write the picture to with the marks in magenta, at full size, 8 bits, in sRGB.
    grow
        Pixels to grow the mask by, as `restauro.grow_mask` does.
    overwrite
        Replace files that are there.
    max_pixels
        See `restauro.read_picture`.

    Raises
    ------
    RestauroError
        A sentence that says what is wrong and what to do. The mask isn't written then.

    Examples
    --------
    >>> import tempfile, pyvips
    >>> folder = tempfile.TemporaryDirectory()
    >>> panel, mask = Path(folder.name, "panel.png"), Path(folder.name, "mask.png")
    >>> marked = pyvips.Image.black(20, 10, bands=3).draw_rect([255, 0, 0], 4, 4, 6, 2, fill=True)
    >>> marked.copy(interpretation="srgb").pngsave(str(panel))
    >>> found = detect_file(panel, mask, kind="color", colour="#ff0000")
    >>> found.marks, found.pixels
    (1, 12)
    >>> folder.cleanup()
    """
    start, threads = time.perf_counter(), checked_workers(workers)
    source, target = checked_path(source, "The picture"), checked_path(target, "The mask")
    shown = checked_path(preview, "The preview") if preview else None
    strokes = None if hints is None else checked_path(hints, "The file of hints")
    check_options(kind, colour, tolerance, has_hints=hints is not None)
    check_grow(grow)
    _check_targets(source, target, shown, strokes, overwrite=overwrite)
    picture = read_picture(source, max_pixels=max_pixels)
    pixels = _colours(picture)
    labels = _read_labels(strokes, picture, pixels) if strokes else None
    for path in (target, shown) if shown else (target,):
        make_folder(path.parent)  # what can't be written is known before the work
    found = detect(
        pixels, kind, colour=colour, tolerance=tolerance, hints=labels, workers=workers, progress=progress
    )  # fmt: skip
    found = grow_mask(found, grow) if grow else found
    seen = np.ascontiguousarray(as_seen(found, picture.orientation))
    if shown:
        _save_preview(picture, seen, shown)
    write_mask(seen, target, after="The preview was written, but" if shown else "")
    count = int(np.count_nonzero(found))
    return Detected(
        source=source,
        target=target,
        preview=shown,
        kind=kind,
        width=seen.shape[1],
        height=seen.shape[0],
        marks=count_regions(found, threads) if count else 0,
        pixels=count,
        seconds=time.perf_counter() - start,
        notes=_notes(count / found.size),
    )


def _notes(share: float) -> tuple[Note, ...]:
    if share <= _LARGE:
        return ()
    text = f"{share:.0%} of the picture is marked: look at a preview; this may be no damage."
    return (Note("much-marked", text),)


def _colours(picture: Picture) -> NDArray[Any]:
    """Return a picture's pixels without transparency; inks as red, green and blue."""
    pixels = picture.pixels
    if picture.is_cmyk:
        return _without_inks(pixels)
    if picture.has_alpha:
        pixels = pixels[..., :-1]
    return pixels


def _without_inks(inks: NDArray[Any]) -> NDArray[Any]:
    """Return red, green and blue of cyan, magenta, yellow and black, roughly: good enough to see damage by."""
    full = np.float32(np.iinfo(inks.dtype).max)
    colours = np.empty((*inks.shape[:2], 3), inks.dtype)
    for rows in strips(inks):
        light = 1 - inks[rows][..., :4] / full
        colours[rows] = np.rint(full * light[..., :3] * light[..., 3:])
    return colours


def _read_labels(path: Path, picture: Picture, pixels: NDArray[Any]) -> NDArray[np.int8]:
    """Read a file of hints, turned as the picture's pixels are stored."""
    from restauro.detection.hints import read_hints

    try:
        strokes = read_picture(path)
        seen = as_seen(strokes.pixels, strokes.orientation)
        if seen.shape[:2] != as_seen(pixels, picture.orientation).shape[:2]:
            height, width = as_seen(pixels, picture.orientation).shape[:2]
            raise MaskError(
                f"The hints are {seen.shape[1]} x {seen.shape[0]} pixels and the picture {width} x {height}: draw them "
                f"on a layer over this very picture."
            )
        return read_hints(np.ascontiguousarray(as_stored(seen, picture.orientation)), checked_picture(pixels))
    except RestauroError as error:
        raise error.of(str(path)) from None


def _check_targets(source: Path, target: Path, preview: Path | None, hints: Path | None, *, overwrite: bool) -> None:
    """Refuse what can't be written, before the work."""
    if hints and is_same(target, hints):
        raise WriteError(f"The mask can't be written to {target}, which holds the hints: choose another name.")
    check_mask_target(target, [source], overwrite=overwrite)
    if not preview:
        return
    if preview.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise WriteError(f"The preview is written as a PNG or JPEG, so {preview} must end in .png or .jpg.")
    if any(is_same(preview, other) for other in (source, target, hints) if other):
        raise WriteError(
            f"The preview can't be written to {preview}, which is the picture, its mask or its hints: choose another "
            f"name."
        )
    check_free(preview, "The preview", overwrite=overwrite)


def _save_preview(picture: Picture, found: NDArray[np.bool_], path: Path) -> None:
    """Write the picture as people see it with the marks, turned likewise, tinted and outlined."""
    shown = view(picture)
    pixels = np.repeat(shown[:, :, np.newaxis], 3, axis=2) if shown.ndim == 2 else np.ascontiguousarray(shown)
    for rows in strips(pixels):
        above, below = max(0, rows.start - 1), rows.stop + 1
        around = _outlines(found[above:below])[rows.start - above :][: rows.stop - rows.start]
        here, strip = found[rows], pixels[rows]
        strip[here] = np.rint((1 - _TINT) * strip[here] + _TINT * _MARKED)
        strip[around] = _MARKED
    image = images.image_of(pixels, is_cmyk=False)
    with replacing(path, "The preview", sources=[picture.path]) as temporary:
        if path.suffix.lower() == ".png":
            save_png(image, temporary)
        else:
            save_jpeg(image, temporary)


def _outlines(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels beside marks, so that a mark of one pixel is seen with what is under it."""
    around = np.zeros(found.shape, np.bool_)
    around[1:] |= found[:-1]
    around[:-1] |= found[1:]
    around[:, 1:] |= found[:, :-1]
    around[:, :-1] |= found[:, 1:]
    return around & ~found
