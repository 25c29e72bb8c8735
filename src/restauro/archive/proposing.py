"""`propose_file`: what would be filled of a picture, as a mask and a preview for a person to decide about."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import compiling, scratch
from restauro.detection.detecting_files import colours, save_preview
from restauro.detection.detectors import UNSEEN
from restauro.detection.lettering import lettering
from restauro.detection.limits import too_much
from restauro.errors import ImageError, WriteError, checked_path
from restauro.files.bounds import MAX_PIXELS
from restauro.files.masks import check_mask_target, is_same, make_folder, nearest_folder
from restauro.files.reading import room_for
from restauro.files.replacing import check_free
from restauro.holes import extent
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen
from restauro.picture_mask import MaskSource
from restauro.record import Record
from restauro.restoring import Restoration


@dataclass(frozen=True)
class Proposed(Record):
    """What is proposed to be filled: what every `restauro.record.Record` says, its target being the mask, and more.

    Attributes
    ----------
    preview
        The picture with the marks in colour.
    regions, hole_pixels, largest, widest
        As of `restauro.Restored`.
    too_much
        Why it wouldn't be filled unseen; None where it would.
    near_lettering
        How many of the hole's pixels lie where the picture seems to hold lettering (`restauro.detection.lettering`);
        None of a picture that can't be looked at for that, such as one with NaN.
    """

    preview: Path
    regions: int
    hole_pixels: int
    largest: int
    widest: int
    too_much: str | None
    near_lettering: int | None


def propose_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    preview: str | os.PathLike[str],
    mask: MaskSource | None = None,
    detect: str | None = None,
    sensitivity: float | None = None,
    grow: int | None = None,
    page: int | None = None,
    max_pixels: int = MAX_PIXELS,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
    **of_masks: Any,
) -> Proposed:
    """Write the mask of what would be filled, and a preview; fill nothing.

    Parameters
    ----------
    source, target
        The picture; the mask to write (.png): as large as the picture as people see it, white is hole.
    preview
        A PNG or JPEG to write the picture to with the marks in magenta.
    mask, detect, sensitivity, grow, page, max_pixels, overwrite, workers, progress
        See `restauro.restore_file`.
    **of_masks
        See `restauro.Restoration.mask_from`.

    Raises
    ------
    RestauroError
        A sentence that says what is wrong and what to do. The mask isn't written then.

    Examples
    --------
    >>> import tempfile, pyvips
    >>> folder = tempfile.TemporaryDirectory()
    >>> panel, mask, preview = (Path(folder.name, name) for name in ("panel.png", "mask.png", "preview.png"))
    >>> marked = pyvips.Image.black(20, 10, bands=3).draw_rect([255, 0, 0], 4, 4, 6, 2, fill=True)
    >>> marked.copy(interpretation="srgb").pngsave(str(panel))
    >>> proposed = propose_file(panel, mask, preview=preview, mask="color:#ff0000")
    >>> proposed.regions, proposed.hole_pixels, proposed.widest
    (1, 12, 1)
    >>> folder.cleanup()
    """
    start = compiling.clock()
    source, target = checked_path(source, "The picture"), checked_path(target, "The mask")
    shown = checked_path(preview, "The preview")
    check_mask_target(target, [source], overwrite=overwrite)
    if is_same(shown, target) or is_same(shown, source):
        raise WriteError(f"The preview can't be written to {shown}, which is the picture or its mask.")
    check_free(shown, "The preview", overwrite=overwrite)
    with room_for(source, page, nearest_folder(target)):
        restoration = Restoration.open(source, page, max_pixels=max_pixels)
        if detect is not None:
            restoration.detect(
                detect,
                sensitivity=UNSEEN if sensitivity is None else sensitivity,
                grow=1 if grow is None else grow,
                workers=workers,
                progress=progress,
            )
        else:
            restoration.mask_from(mask, grow=grow or 0, **of_masks)  # type: ignore[arg-type]
        hole, turn = restoration.hole, restoration.picture.orientation
        assert hole is not None  # said by detect or mask_from
        seen = scratch.contiguous(as_seen(hole, turn))
        unknown = None if restoration.unknown is None else np.ascontiguousarray(as_seen(restoration.unknown, turn))
        make_folder(shown.parent)
        save_preview(restoration.picture, seen, shown)
        restoration.write_mask(target, overwrite=overwrite)
        about = extent(hole, checked_workers(workers))
        return Proposed(
            source=source,
            target=target,
            preview=shown,
            width=seen.shape[1],
            height=seen.shape[0],
            regions=about.regions,
            hole_pixels=int(np.count_nonzero(hole)),
            largest=about.largest,
            widest=about.widest,
            too_much=too_much(seen, unknown),
            near_lettering=_near_lettering(restoration.picture, seen),
            seconds=compiling.clock() - start,
            notes=tuple(note for note in restoration.notes if note.code != "mask-proposed"),
        )


def _near_lettering(picture: Picture, hole: NDArray[np.bool_]) -> int | None:
    """Return how many pixels of a hole, as people see it, lie where there seems to be lettering."""
    if not hole.any():
        return 0
    with contextlib.suppress(ImageError):
        return int(np.count_nonzero(lettering(as_seen(colours(picture), picture.orientation)) & hole))
    return None
