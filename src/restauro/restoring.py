"""`restore_file`: a picture file and its mask in, the restored file out."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError, MaskError, Remedy, WriteError
from restauro.files.formats import format_asked_for
from restauro.files.masks import check_mask_target, is_same, make_folder, write_mask
from restauro.inpainting import inpaint, load_kernels, usable_cores
from restauro.mask import full_scale, strips
from restauro.method import DEFAULT_METHOD, Method, make_method
from restauro.picture import Picture, as_seen, check_target, read_picture, write_picture
from restauro.picture_mask import check_options, is_file, read_mask, read_mask_file
from restauro.windows import count_regions

# Share of a picture from which a mask looks inverted.
LARGE_HOLES = 0.6


@dataclass(frozen=True)
class Restored:
    """What was done to a file, or would be done.

    Attributes
    ----------
    source, target
        The file that was read; the file that was written.
    width, height
        Size of the picture as people see it, in pixels.
    method
        Name of the method.
    parameters
        The method's parameters, defaults included.
    regions
        Number of holes; pixels that touch by a corner belong to one.
    hole_pixels
        Number of pixels filled.
    seconds
        From opening the source to the target's being in place.
    changed_outside
        Pixels that differ between the two files, counted by reading both, outside of `counted_outside`. None after a
        dry run.
    counted_outside
        "mask"; from JPEG to JPEG "blocks", because the blocks of 8 or 16 pixels that the holes touch are encoded anew.
    notes
        Sentences about what else is to be known.
    """

    source: Path
    target: Path
    width: int
    height: int
    method: str
    parameters: dict[str, Any]
    regions: int
    hole_pixels: int
    seconds: float
    changed_outside: int | None
    counted_outside: str
    notes: tuple[str, ...]


def restore_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    mask: str | os.PathLike[str],
    polarity: str = "white",
    grow: int = 0,
    tolerance: int = 0,
    method: str | Method = DEFAULT_METHOD,
    parameters: Mapping[str, Any] | None = None,
    accept_large_holes: bool = False,
    overwrite: bool = False,
    save_mask: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
    dry_run: bool = False,
) -> Restored:
    """Restore a picture file: fill what the mask marks, keep all else that the file holds.

    The target is written under another name and moved into place at the end: it is there whole or not at all. Its
    folder is made if it is missing. An empty mask gives a copy, and a note.

    Parameters
    ----------
    source, target
        Picture files. The target's ending says its format; it may be the source where `overwrite` is True.
    mask, polarity, grow, tolerance
        See `restauro.read_mask`.
    method, parameters, workers, seed, progress
        See `restauro.inpaint`.
    accept_large_holes
        Don't take a mask of more than 60 % hole for an inverted one.
    overwrite
        Replace files that are there.
    save_mask
        A PNG to write the mask to that was used, white is hole.
    dry_run
        Read and check everything, fill and write nothing.

    Raises
    ------
    RestauroError
        A sentence that says what is wrong and what to do. The target isn't written then.

    Examples
    --------
    >>> import tempfile, pyvips
    >>> folder = tempfile.TemporaryDirectory()
    >>> panel, losses = Path(folder.name, "panel.png"), Path(folder.name, "losses.png")
    >>> pyvips.Image.black(20, 10).linear(1, 90).cast("uchar").pngsave(str(panel))
    >>> pyvips.Image.black(20, 10).draw_rect(255, 4, 4, 6, 2, fill=True).pngsave(str(losses))
    >>> restored = restore_file(panel, Path(folder.name, "restored.png"), mask=losses)
    >>> restored.regions, restored.hole_pixels, restored.changed_outside
    (1, 12, 0)
    >>> folder.cleanup()
    """
    start = time.perf_counter()
    chosen = make_method(method, dict(parameters or {}))
    source, target, saved = Path(source), Path(target), Path(save_mask) if save_mask else None
    check_options(mask, polarity, tolerance)
    if source.is_file():
        threading.Thread(target=_load_kernels, args=(chosen,)).start()  # goes on while files are read
    with ThreadPoolExecutor(1) as other:
        reading = other.submit(read_mask_file, Path(mask), polarity) if is_file(mask) else None
        picture = read_picture(source)
        file = reading.result() if reading else mask
    found = read_mask(file, picture, polarity=polarity, grow=grow, tolerance=tolerance)
    hole, notes = found.hole, found.notes
    hole_pixels = int(np.count_nonzero(hole))
    if not hole_pixels:
        notes += ("The mask is empty, so nothing is filled: the file is a copy.",)
    _check_amount(hole_pixels / hole.size, is_file(mask), polarity, accept_large_holes)
    _check_known(picture.pixels, hole)
    _check_targets(picture, target, Path(mask) if is_file(mask) else None, saved, overwrite=overwrite, dry_run=dry_run)
    regions, changed_outside = count_regions(hole, workers or usable_cores()), None
    if not dry_run:
        progress = progress or (lambda fraction: None)  # what reports can be interrupted, however slow the method
        inpaint(picture.pixels, hole, chosen, out=picture.pixels, workers=workers, seed=seed, progress=progress)
        if mask == "alpha":
            _make_opaque(picture.pixels, hole)
        written = write_picture(picture, target, hole=hole, overwrite=overwrite)
        changed_outside, notes = written.changed_outside, notes + written.notes
        if saved:
            write_mask(as_seen(hole, picture.orientation), saved, after="The picture was written, but")
    height, width = as_seen(hole, picture.orientation).shape
    return Restored(
        source=source,
        target=target,
        width=width,
        height=height,
        method=chosen.name,
        parameters=dataclasses.asdict(chosen),
        regions=regions,
        hole_pixels=hole_pixels,
        seconds=time.perf_counter() - start,
        changed_outside=changed_outside,
        counted_outside="blocks" if picture.format == "jpeg" == format_asked_for(target) else "mask",
        notes=notes,
    )


def _load_kernels(method: Method) -> None:
    with contextlib.suppress(Exception):  # `inpaint` meets the same and says so
        load_kernels(method)


def _check_amount(share: float, of_file: bool, polarity: str, accept_large_holes: bool) -> None:
    """Refuse a mask of all the picture, and one that looks inverted."""
    if share <= LARGE_HOLES or (accept_large_holes and share < 1):
        return
    other = "white" if polarity == "black" else "black"
    inverting = [Remedy("polarity", other, f"where {other} marks the damage")] * of_file
    if share == 1:
        fact = "All of the picture is hole, so there is nothing to fill it from"
        raise MaskError(fact, *inverting, "take a mask that leaves known pixels")
    inverted = ", so the mask looks inverted" if of_file else ""
    meant = Remedy("accept_large_holes", True, "if that is meant")
    raise MaskError(f"{share:.1%} of the picture is hole{inverted}", *inverting, meant)


def _check_known(pixels: NDArray[Any], hole: NDArray[np.bool_]) -> None:
    """Refuse NaN and infinity among known pixels in words for files; `inpaint` refuses them too."""
    if pixels.dtype.kind != "f":
        return
    count = 0
    for rows in strips(pixels):
        bad = ~np.isfinite(pixels[rows])
        count += int(np.count_nonzero((bad.any(axis=2) if bad.ndim == 3 else bad) & ~hole[rows]))
    if count:
        raise ImageError(
            f"The picture has NaN or infinity in {count} pixels that aren't hole",
            Remedy("mask", "nan", "to have NaN filled"),
            "mark these pixels in the mask",
        )


def _check_targets(
    picture: Picture, target: Path, mask: Path | None, saved: Path | None, *, overwrite: bool, dry_run: bool
) -> None:
    """Refuse what can't be written, before the work; make missing folders."""
    if mask and is_same(target, mask):
        raise WriteError(f"The target {target} is the mask: choose another name.")
    if saved:
        check_mask_target(saved, (target, picture.path), overwrite=overwrite)
    for path in (target, saved) if saved else (target,):
        folder = path.parent
        if not dry_run:
            make_folder(folder)
        while not folder.exists():  # in a dry run the nearest folder stands for the one to be made
            folder = folder.parent
        if path is target:
            check_target(picture, folder / path.name, overwrite=overwrite or folder != path.parent)


def _make_opaque(pixels: NDArray[Any], hole: NDArray[np.bool_]) -> None:
    pixels[..., -1][hole] = full_scale(pixels.dtype)
