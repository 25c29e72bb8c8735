"""`detect_file`: a picture file in, a mask of its damage out, and a preview to judge the mask by."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.damage.detection import check_options, detect
from restauro.damage.tiles import checked_picture
from restauro.errors import MaskError, RestauroError, WriteError
from restauro.files import saving
from restauro.files.masks import check_mask_target, is_same, make_folder, write_mask
from restauro.mask import grow_mask, strips
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen, as_stored, read_picture
from restauro.windows import count_regions

_MARKED = np.array([255, 0, 200], np.float32)  # a colour that paintings hardly have
_TINT = 0.45  # of the marks' inside; their outline is of the full colour
_LARGE = 0.3  # share of a picture from which marks are doubtful


@dataclass(frozen=True)
class Detected:
    """What was found in a file.

    Attributes
    ----------
    source, target
        The picture that was read; the mask that was written.
    preview
        The picture with the marks in colour, where one was asked for.
    kind
        What was looked for; None where only hints say so.
    width, height
        Size of the picture as people see it, in pixels.
    marks
        How many; pixels that touch by a corner belong to one.
    pixels
        Number of pixels marked.
    seconds
        From opening the source to the mask's being in place.
    notes
        Sentences about what else is to be known.
    """

    source: Path
    target: Path
    preview: Path | None
    kind: str | None
    width: int
    height: int
    marks: int
    pixels: int
    seconds: float
    notes: tuple[str, ...]


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
        source: red is damage, green or blue is not; see `restauro.damage.hints.read_hints`.
    preview
        A PNG or JPEG to write the picture to with the marks in magenta, at full size, 8 bits, in sRGB.
    grow
        Pixels to grow the mask by, as `restauro.grow_mask` does.
    overwrite
        Replace files that are there.

    Raises
    ------
    RestauroError
        A sentence that says what is wrong and what to do. The mask isn't written then.

    Examples
    --------
    >>> import tempfile
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
    source, target = Path(source), Path(target)
    shown = Path(preview) if preview else None
    check_options(kind, colour, tolerance, has_hints=hints is not None)
    if grow:
        grow_mask(np.zeros((1, 1), np.bool_), grow)  # refuses what is out of range before the work
    _check_targets(source, target, shown, Path(hints) if hints else None, overwrite=overwrite)
    picture = read_picture(source)
    pixels = _colours(picture)
    labels = _read_labels(Path(hints), picture, pixels) if hints else None
    for path in (target, shown) if shown else (target,):
        make_folder(path.parent)  # what can't be written is known before the work
    found = detect(
        pixels, kind, colour=colour, tolerance=tolerance, hints=labels, workers=workers, progress=progress
    )  # fmt: skip
    found = grow_mask(found, grow) if grow else found
    seen = np.ascontiguousarray(as_seen(found, picture.orientation))
    if shown:
        _save_preview(picture, found, shown)
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


def _notes(share: float) -> tuple[str, ...]:
    if share <= _LARGE:
        return ()
    return (f"{share:.0%} of the picture is marked: look at it with --preview; this may be no damage.",)


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
    from restauro.damage.hints import read_hints

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
        raise type(error)(f"{path}: {error}") from None


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
    if preview.is_dir():
        raise WriteError(f"The preview can't be written to {preview}, which is a folder: name a file in it.")
    if preview.exists() and not overwrite:
        raise WriteError(f"The preview {preview} is there already: choose another name, or --overwrite.")


def _save_preview(picture: Picture, found: NDArray[np.bool_], path: Path) -> None:
    """Write the picture with the marks tinted and outlined, in 8 bits and sRGB."""
    image = _in_srgb(picture)
    pixels = np.frombuffer(image.write_to_memory(), np.uint8).reshape(image.height, image.width, 3).copy()
    for rows in strips(pixels):
        above, below = max(0, rows.start - 1), rows.stop + 1
        around = _outlines(found[above:below])[rows.start - above :][: rows.stop - rows.start]
        here, strip = found[rows], pixels[rows]
        strip[here] = np.rint((1 - _TINT) * strip[here] + _TINT * _MARKED)
        strip[around] = _MARKED
    _save(saving.image_of(np.ascontiguousarray(as_seen(pixels, picture.orientation)), is_cmyk=False), path)


def _outlines(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels beside marks, so that a mark of one pixel is seen with what is under it."""
    around = np.zeros(found.shape, np.bool_)
    around[1:] |= found[:-1]
    around[:-1] |= found[1:]
    around[:, 1:] |= found[:, :-1]
    around[:, :-1] |= found[:, 1:]
    return around & ~found


def _in_srgb(picture: Picture) -> pyvips.Image:
    """Return a picture as three bands of 8 bits in sRGB, through its profile where it has one."""
    profile = picture.metadata.get("icc-profile-data")
    if profile and picture.pixels.dtype in (np.uint8, np.uint16):
        image = saving.image_of(picture.pixels, is_cmyk=picture.is_cmyk)
        image.set_type(profile[0], "icc-profile-data", profile[1])
        image = image.icc_transform("srgb", embedded=True, depth=8)
    else:
        pixels = _colours(picture)
        if pixels.dtype.kind == "f":
            pixels = np.rint(255 * pixels).astype(np.uint8)
        elif pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        image = saving.image_of(checked_picture(pixels), is_cmyk=False)
    if image.bands in (2, 4):
        image = image.extract_band(0, n=image.bands - 1)
    return image if image.bands == 3 else image.bandjoin([image, image]).copy(interpretation="srgb")


def _save(image: pyvips.Image, path: Path) -> None:
    """Write the preview under another name first."""
    try:
        with tempfile.TemporaryDirectory(prefix=".restauro-", dir=path.parent) as folder:
            written = Path(folder, path.name)
            if path.suffix.lower() == ".png":
                saving.save_png(image, written, bits=8, original=None)
            else:
                saving.save_jpeg(image, written)
            os.replace(written, path)
    except (OSError, pyvips.Error) as error:
        reason = getattr(error, "strerror", None) or str(error).strip()
        raise WriteError(f"The preview {path} can't be written ({reason}): choose another place.") from None
