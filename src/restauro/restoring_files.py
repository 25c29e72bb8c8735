"""`restore_file`: the whole way of a picture file in one call, for the command line and archives."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from restauro import compiling, scratch
from restauro.detection.detectors import UNSEEN, checked_repaired
from restauro.detection.marks import checked_sensitivity
from restauro.detection.tiles import part
from restauro.errors import MaskError, ParameterError, Remedy, RestauroError, check_progress, checked_path
from restauro.files.bounds import MAX_PIXELS
from restauro.files.masks import make_folder, nearest_folder
from restauro.files.reading import room_for
from restauro.grain import check_grain
from restauro.guidance_files import Guides
from restauro.guiding import check_takes
from restauro.inpainting import check_seed, load_kernels
from restauro.mask import check_amount, check_grow, check_partial
from restauro.mask_files import MaskFile, read_mask_file
from restauro.method import DEFAULT_METHOD, Method, make_method
from restauro.numerics.threads import checked_workers
from restauro.picture_mask import MaskSource, check_options, check_sizes, is_file
from restauro.policy import checked_natures
from restauro.record import Restored
from restauro.restoring import Restoration


def restore_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    mask: MaskSource | None = None,
    detect: str | Collection[str] | None = None,
    sensitivity: float | None = None,
    polarity: str = "white",
    values: Sequence[int] = (),
    resize: bool = False,
    grow: int | None = None,
    tolerance: int | None = None,
    partial: str | None = None,
    method: str | Method = DEFAULT_METHOD,
    parameters: Mapping[str, Any] | None = None,
    allow: Collection[str] | None = None,
    policy: str | os.PathLike[str] | None = None,
    sources: MaskSource | None = None,
    avoid: MaskSource | None = None,
    guides: Guides | None = None,
    donor: str | os.PathLike[str] | None = None,
    grain: str | None = None,
    accept_large_holes: bool = False,
    overwrite: bool = False,
    save_mask: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
    page: int | None = None,
    max_pixels: int = MAX_PIXELS,
    dry_run: bool = False,
) -> Restored:
    """Restore a picture file: fill what a mask marks, or what is proposed; keep all else that the file holds.

    It is what `Restoration` does step by step. The target is written under another name and moved into place at the
    end: it is there whole or not at all. Its folder is made if it is missing. An empty mask gives a copy, and a note.

    Parameters
    ----------
    source, target
        Picture files. The target's ending says its format; it may be the source where `overwrite` is True.
    mask, polarity, values, resize, tolerance
        See `restauro.read_mask`.
    detect, sensitivity
        Without a mask: what damage to look for; see `Restoration.detect`. Where too much is proposed nothing is filled,
        but the mask is written where `save_mask` says.
    grow
        Pixels to grow the mask by: by default 0, of a mask that is proposed 1.
    partial
        See `restauro.inpaint`: the values of a soft mask are kept. By default it is cut; of infrared it is "tone".
    method, parameters, allow, grain, workers, seed, progress
        See `restauro.inpaint`.
    policy
        See `Restoration.open`.
    sources, avoid, guides, donor
        See `Restoration.guided_by`.
    accept_large_holes
        Don't take a mask of more than 60 % hole for an inverted one.
    overwrite
        Replace files that are there.
    save_mask
        A PNG to write the mask to that was used, white is hole, grey is damaged in part.
    page, max_pixels
        See `restauro.read_picture`.
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
    source = checked_path(source, "The picture")
    target, saved = checked_path(target, "The target"), checked_path(save_mask, "The mask") if save_mask else None
    chosen = make_method(method, dict(parameters or {}))
    checked_workers(workers)
    check_seed(seed)
    check_progress(progress)
    grow = int(detect is not None) if grow is None else grow
    check_grow(grow)
    check_partial(partial)
    checked_natures(allow)
    guided: dict[str, Any] = {"sources": sources, "avoid": avoid, "guides": guides, "donor": donor}
    check_takes(chosen, guided)
    check_grain(grain, chosen)
    if (mask is None) == (detect is None):
        raise ParameterError("Give a mask of what is to be filled, or say what damage to look for: one of the two.")
    if detect is not None:
        of_masks = (polarity != "white", bool(values), resize, tolerance is not None, partial is not None)
        _check_detect(detect, sensitivity, any(of_masks))
    elif sensitivity is not None:
        raise ParameterError("A sensitivity is for damage that is looked for: leave it out with a mask.")
    elif mask is not None:
        check_options(mask, polarity=polarity, values=values, resize=resize, tolerance=tolerance)
    start = compiling.clock()
    path = Path(mask) if isinstance(mask, (str, os.PathLike)) and is_file(mask) else None
    if path:
        check_sizes(path, source, page, resize=resize)
    with (
        room_for(source, page, nearest_folder(target)),
        ThreadPoolExecutor(2) as others,
    ):  # they go on while the picture is read, and have ended when this returns
        as_asked: dict[str, Any] = {"max_pixels": max_pixels, "keep_values": partial is not None}
        file = others.submit(scratch.carried(read_mask_file), path, polarity, values, **as_asked) if path else None
        if file and os.path.isfile(source) and not dry_run:
            others.submit(_load_kernels, chosen, file, accept_large_holes)
        restoration = Restoration.open(source, page, policy=policy, max_pixels=max_pixels)
        restoration.guided_by(**guided)
        if detect is not None:
            restoration.check_target(target, overwrite=overwrite, save_mask=saved)
            restoration.detect(
                detect,
                sensitivity=UNSEEN if sensitivity is None else sensitivity,
                grow=grow,
                accept_large_holes=accept_large_holes,
                workers=workers,
                progress=part(progress, 0.0, 0.5),
            )
            _check_proposed(restoration, None if dry_run else saved, overwrite=overwrite)
        else:
            restoration.mask_from(
                file.result() if file else mask,  # type: ignore[arg-type]
                polarity=polarity,
                values=values,
                resize=resize,
                grow=grow,
                tolerance=tolerance,
                partial=partial,
                accept_large_holes=accept_large_holes,
            )
            restoration.check_target(target, overwrite=overwrite, save_mask=saved)
        if dry_run:
            restored = restoration._to_be(target, chosen, allow, grain, seed)
        else:
            for file_to_be in (target, saved) if saved else (target,):
                make_folder(file_to_be.parent)  # what can't be made is known before the work
            filling = part(progress, 0.5, 1.0) if detect is not None else progress
            restoration.fill(chosen, allow=allow, grain=grain, workers=workers, seed=seed, progress=filling)
            restored = restoration.write(target, overwrite=overwrite, save_mask=saved)
    return dataclasses.replace(restored, seconds=compiling.clock() - start)


def _check_detect(kind: str | Collection[str], sensitivity: float | None, of_masks: bool) -> None:
    """Raise ParameterError for what is wrong with what is looked for, whatever the picture; or what is for masks."""
    checked_repaired(kind)
    if sensitivity is not None:
        checked_sensitivity(sensitivity)
    if of_masks:
        raise ParameterError(
            "How a mask file is to be read (polarity, values, resize, tolerance, partial) means nothing for damage "
            "that is looked for: leave it out."
        )


def _check_proposed(restoration: Restoration, saved: Path | None, *, overwrite: bool) -> None:
    """Raise MaskError where too much was proposed, once the mask was written where it was asked for."""
    try:
        restoration.check_proposed()
    except MaskError as error:
        if not saved:
            raise MaskError(error.fact, *error.remedies, Remedy("save_mask", ..., "to see the mask")) from None
        restoration.write_mask(saved, overwrite=overwrite)
        raise MaskError(f"{error.fact}; the mask is written to {saved}", *error.remedies) from None


def _load_kernels(method: Method, mask: Future[MaskFile], accept_large_holes: bool) -> None:
    """Load kernels once a mask has been read that isn't refused: a wrong one needn't wait for compiling."""
    with contextlib.suppress(RestauroError):  # said where mask and method are used
        share = float(mask.result().hole.mean())
        check_amount(share, None, accept_large_holes=accept_large_holes)
        if share:
            load_kernels(method)
