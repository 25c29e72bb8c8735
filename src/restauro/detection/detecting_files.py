"""`detect_file`: a picture file in, masks of its damage out, and a preview to judge them by."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro import compiling, scratch
from restauro.detection.detecting import Found, check_options, detect, detect_each, joined
from restauro.detection.tiles import part, prepared
from restauro.errors import MaskError, ParameterError, RestauroError, WriteError, check_progress, checked_path
from restauro.files import images
from restauro.files.bounds import MAX_PIXELS
from restauro.files.jpeg import save_jpeg
from restauro.files.masks import check_mask_target, is_same, make_folder, nearest_folder, write_mask
from restauro.files.png import save_png
from restauro.files.reading import read_picture, room_for
from restauro.files.replacing import check_free, replacing
from restauro.holes import count_regions
from restauro.mask import check_grow, grow_mask, strips
from restauro.notes import Note
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen, as_stored, unknown_pixels
from restauro.record import Record
from restauro.unknown import own_mask
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
        What was looked for, several kinds with commas between; None where only hints say so.
    marks
        How many are proposed; pixels that touch by a corner belong to one.
    pixels
        Number of pixels marked.
    kinds
        Number of marks of each kind, before they are grown; with hints, none.
    masks
        The masks of every kind, where they were asked for.
    probability
        The file of probabilities, where one was asked for.
    """

    preview: Path | None
    kind: str | None
    marks: int
    pixels: int
    kinds: dict[str, int]
    masks: dict[str, Path]
    probability: Path | None


def detect_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    kind: str | Collection[str] | None = None,
    sensitivity: float | None = None,
    smallest: int | None = None,
    colour: str | None = None,
    tolerance: int | None = None,
    hints: str | os.PathLike[str] | None = None,
    each: bool | Mapping[str, str | os.PathLike[str]] = False,
    probability: str | os.PathLike[str] | None = None,
    preview: str | os.PathLike[str] | None = None,
    grow: int = 0,
    overwrite: bool = False,
    max_pixels: int = MAX_PIXELS,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> Detected:
    """Look for damage in a picture file, and write a mask that `restauro.restore_file` takes.

    The mask is an 8-bit PNG, 255 is damage, as large as the picture as people see it. It is written whole or not at
    all; where nothing is found it is empty. Transparency is left aside, and what holds no value is never marked.

    Parameters
    ----------
    source, target
        The picture, the mask (.png). The mask's folder is made if it is missing.
    kind, sensitivity, smallest, colour, tolerance, workers, progress
        See `restauro.detect`.
    hints
        A picture as large as the source with strokes in vivid colours, on a transparent layer or on a copy of the
        source: red is damage, green or blue is not; see `restauro.detection.hints.read_hints`.
    each
        Also write a mask of every kind beside the one of all: mask-cracks.png beside mask.png; or where a mapping says,
        by the kinds' names.
    probability
        A TIFF (.tif) to write the probabilities to that the network gives, 0 to 1: float32 with five bands, crack,
        scratch, loss, dust, stain, whatever is looked for.
    preview
        A PNG or JPEG to write the picture to with the marks in magenta, at full size, 8 bits, in sRGB.
    grow
        Pixels to grow the masks by, as `restauro.grow_mask` does.
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
    start, threads = compiling.clock(), checked_workers(workers)
    source, target = checked_path(source, "The picture"), checked_path(target, "The mask")
    shown = checked_path(preview, "The preview") if preview else None
    likely = checked_path(probability, "The file of probabilities") if probability else None
    strokes = None if hints is None else checked_path(hints, "The file of hints")
    kinds = check_options(kind, colour, tolerance, sensitivity, smallest, has_hints=hints is not None)
    check_progress(progress)
    check_grow(grow)
    masks = {name: target.with_name(f"{target.stem}-{name}{target.suffix}") for name in kinds if each}
    if isinstance(each, Mapping):
        masks |= {name: checked_path(path, "The mask") for name, path in each.items() if name in masks}
    if each and strokes:
        raise ParameterError("With hints there is one mask of all that is found: leave out a mask for each kind.")
    _check_targets(source, target, masks, likely, shown, strokes, overwrite=overwrite)
    with room_for(source, None, nearest_folder(target)):
        picture = read_picture(source, max_pixels=max_pixels)
        pixels, unknown = colours(picture), without_value(picture)
        labels = _read_labels(strokes, picture, pixels) if strokes else None
        for path in (target, shown, likely):
            if path:
                make_folder(path.parent)  # what can't be written is known before the work
        done = part(progress, 0.5, 1.0) if likely else progress
        if likely:
            write_probabilities(picture, pixels, unknown, likely, workers, part(progress, 0.0, 0.5))
        how: dict[str, Any] = {"sensitivity": sensitivity, "smallest": smallest, "unknown": unknown, "colour": colour}
        how |= {"tolerance": tolerance, "workers": workers, "progress": done}
        found: Found = {}
        if labels is not None:
            every = detect(pixels, kind, hints=labels, **how)
        else:
            found = detect_each(pixels, kind, **how)
            every = joined(found)
        counts = {name: _count(mask, threads) for name, mask in found.items()}
        every = grow_mask(every, grow) if grow else every
        seen = scratch.contiguous(as_seen(every, picture.orientation))
        if shown:
            save_preview(picture, seen, shown)
        for name, path in masks.items():
            grown = grow_mask(found[name], grow) if grow else found[name]
            write_mask(scratch.contiguous(as_seen(grown, picture.orientation)), path)
        write_mask(seen, target, after="The preview was written, but" if shown else "")
        count = int(np.count_nonzero(every))
        return Detected(
            source=source,
            target=target,
            preview=shown,
            kind=",".join(kinds) or None,
            width=seen.shape[1],
            height=seen.shape[0],
            marks=_count(every, threads),
            pixels=count,
            kinds=counts,
            masks=masks,
            probability=likely,
            seconds=compiling.clock() - start,
            notes=_notes(count / every.size),
        )


def _count(mask: NDArray[np.bool_], threads: int) -> int:
    return count_regions(mask, threads) if mask.any() else 0


def _notes(share: float) -> tuple[Note, ...]:
    if share <= _LARGE:
        return ()
    text = f"{share:.0%} of the picture is marked: look at a preview; this may be no damage."
    return (Note("much-marked", text),)


def without_value(picture: Picture) -> NDArray[np.bool_] | None:
    """Return which pixels hold no value, bool [H, W]: NaN, nodata, what the file's own mask calls missing; or None."""
    unknown, own = unknown_pixels(picture), own_mask(picture)
    return own if unknown is None else unknown if own is None else unknown | own


def colours(picture: Picture) -> NDArray[Any]:
    """Return a picture's pixels as they are looked at: without transparency, inks as red, green and blue."""
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
        return read_hints(np.ascontiguousarray(as_stored(seen, picture.orientation)), prepared(pixels)[0])
    except RestauroError as error:
        raise error.of(str(path)) from None


def _check_targets(
    source: Path,
    target: Path,
    masks: dict[str, Path],
    probability: Path | None,
    preview: Path | None,
    hints: Path | None,
    *,
    overwrite: bool,
) -> None:
    """Refuse what can't be written, before the work."""
    if hints and is_same(target, hints):
        raise WriteError(f"The mask can't be written to {target}, which holds the hints: choose another name.")
    for mask in (target, *masks.values()):
        check_mask_target(mask, [source], overwrite=overwrite)
    written = [target, *masks.values()]
    for path, what, endings, called in (
        (probability, "file of probabilities", (".tif", ".tiff"), "a TIFF"),
        (preview, "preview", (".png", ".jpg", ".jpeg"), "a PNG or JPEG"),
    ):
        if not path:
            continue
        if path.suffix.lower() not in endings:
            raise WriteError(f"The {what} is written as {called}, so {path} must end in {' or '.join(endings[:2])}.")
        if any(is_same(path, other) for other in (source, hints, *written) if other):
            raise WriteError(
                f"The {what} can't be written to {path}, which is the picture, its mask or its hints: choose another "
                f"name."
            )
        check_free(path, f"The {what}", overwrite=overwrite)
        written.append(path)


def write_probabilities(
    picture: Picture,
    pixels: NDArray[Any],
    unknown: NDArray[np.bool_] | None,
    path: Path,
    workers: int | None,
    progress: Callable[[float], object] | None,
) -> None:
    """Write what the network says of every pixel, as people see the picture: a TIFF of five bands of float32."""
    from restauro.detection.network import CLASSES, grades, probabilities_of

    graded = grades(prepared(pixels, unknown)[0], range(len(CLASSES)), workers, progress)
    seen = np.ascontiguousarray(as_seen(graded.transpose(1, 2, 0), picture.orientation))
    table = probabilities_of(np.arange(256, dtype=np.uint8))[np.newaxis]
    image = pyvips.Image.new_from_array(seen, interpretation="multiband").maplut(pyvips.Image.new_from_array(table))
    image = image.copy()
    image.set_type(pyvips.GValue.gstr_type, "image-description", f"probability of {', '.join(CLASSES)}")
    with replacing(path, "The file of probabilities") as temporary:
        image.tiffsave(str(temporary), compression="deflate", predictor="float")


def save_preview(picture: Picture, found: NDArray[np.bool_], path: Path) -> None:
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
