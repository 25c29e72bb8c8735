"""`restore_file`: the whole way of a picture file in one call, for the command line and archives."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from restauro.errors import RestauroError, check_progress, checked_path
from restauro.files.bounds import MAX_PIXELS
from restauro.files.masks import make_folder
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
    mask: MaskSource,
    polarity: str = "white",
    values: Sequence[int] = (),
    resize: bool = False,
    grow: int = 0,
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
    """Restore a picture file: fill what the mask marks, keep all else that the file holds.

    It is what `Restoration` does step by step. The target is written under another name and moved into place at the
    end: it is there whole or not at all. Its folder is made if it is missing. An empty mask gives a copy, and a note.

    Parameters
    ----------
    source, target
        Picture files. The target's ending says its format; it may be the source where `overwrite` is True.
    mask, polarity, values, resize, grow, tolerance
        See `restauro.read_mask`.
    partial
        See `restauro.inpaint`: the values of a soft mask are kept. By default it is cut.
    method, parameters, allow, workers, seed, progress
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
    check_grow(grow)
    check_partial(partial)
    checked_natures(allow)
    guided: dict[str, Any] = {"sources": sources, "avoid": avoid, "guides": guides, "donor": donor}
    check_takes(chosen, guided)
    check_options(mask, polarity=polarity, values=values, resize=resize, tolerance=tolerance)
    start = time.perf_counter()
    path = Path(mask) if isinstance(mask, (str, os.PathLike)) and is_file(mask) else None
    if path:
        check_sizes(path, source, page, resize=resize)
    with ThreadPoolExecutor(2) as others:  # they go on while the picture is read, and have ended when this returns
        as_asked: dict[str, Any] = {"max_pixels": max_pixels, "keep_values": partial is not None}
        file = others.submit(read_mask_file, path, polarity, values, **as_asked) if path else None
        if file and os.path.isfile(source) and not dry_run:
            others.submit(_load_kernels, chosen, file, accept_large_holes)
        restoration = Restoration.open(source, page, policy=policy, max_pixels=max_pixels)
        restoration.mask_from(
            file.result() if file else mask,
            polarity=polarity,
            values=values,
            resize=resize,
            grow=grow,
            tolerance=tolerance,
            partial=partial,
            accept_large_holes=accept_large_holes,
        )
        restoration.guided_by(**guided)
        restoration.check_target(target, overwrite=overwrite, save_mask=saved)
        if dry_run:
            restored = restoration._to_be(target, chosen, allow)
        else:
            for file_to_be in (target, saved) if saved else (target,):
                make_folder(file_to_be.parent)  # what can't be made is known before the work
            restoration.fill(chosen, allow=allow, workers=workers, seed=seed, progress=progress)
            restored = restoration.write(target, overwrite=overwrite, save_mask=saved)
    return dataclasses.replace(restored, seconds=time.perf_counter() - start)


def _load_kernels(method: Method, mask: Future[MaskFile], accept_large_holes: bool) -> None:
    """Load kernels once a mask has been read that isn't refused: a wrong one needn't wait for compiling."""
    with contextlib.suppress(RestauroError):  # said where mask and method are used
        share = float(mask.result().hole.mean())
        check_amount(share, None, accept_large_holes=accept_large_holes)
        if share:
            load_kernels(method)
