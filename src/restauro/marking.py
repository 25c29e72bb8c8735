"""`Marked`: a picture file and what of it is damage, by a mask or as it is proposed."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from restauro import compiling
from restauro.detection.detectors import REPAIRED, UNSEEN
from restauro.detection.proposing import propose
from restauro.errors import MaskError, Remedy, checked_path
from restauro.files.bounds import MAX_PIXELS
from restauro.files.masks import check_mask_target, make_folder, write_mask
from restauro.files.reading import read_picture
from restauro.guidance_files import Guides, guides_of, marks_of
from restauro.mask import check_amount, check_partial
from restauro.mask_files import MaskFile
from restauro.method import Method
from restauro.notes import Note
from restauro.picture import Picture, as_seen
from restauro.picture_mask import MaskSource, is_file, is_infrared, read_mask
from restauro.policy import Policy, find_policy
from restauro.unknown import unknown_beside


class Marked:
    """A picture file that was opened, and what of it is to be filled: what `Restoration` begins with.

    Attributes are those of `restauro.restoring.Restoration`, but for `method`.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.hole: NDArray[np.bool_] | None = None
        self.weights: NDArray[np.float32] | None = None
        self.unknown: NDArray[np.bool_] | None = None
        self.method: Method | None = None
        self.policy: Policy | None = None
        self.notes: tuple[Note, ...] = ()
        self._mask: MaskSource | None = None  # as it was named
        self._too_much: str | None = None  # why what was proposed isn't filled unseen
        self._partial: str | None = None
        self._bands: int | None = None  # that are picture, the first ones
        self._beneath: NDArray[Any] | None = None  # what was in the holes before they were filled
        self._workers: int | None = None
        self._told: dict[str, Any] = {}  # what methods are guided by, as the pixels are stored
        self._guidance: dict[str, Any] = {}  # the same, for the record
        self._filled: Mapping[str, int] = {}  # pixels, by what they were filled with
        self._grain: str | None = None
        self._seed = 0
        self._seconds = 0.0
        self._max_pixels = MAX_PIXELS

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str],
        page: int | None = None,
        *,
        policy: str | os.PathLike[str] | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> Self:
        """Read a picture file; see `restauro.read_picture`.

        policy: a file that says what is allowed (docs/guide-a-fill.md); by default `restauro.toml` in the picture's
        folder or the nearest one above it, if there is one.
        """
        start = compiling.clock()
        named = checked_path(policy, "The policy") if policy is not None else None
        restoration = cls(read_picture(source, page, max_pixels=max_pixels))
        found = named or find_policy(restoration.picture.path.parent)
        restoration.policy = Policy.read(found) if found else None
        restoration._max_pixels = max_pixels
        restoration._seconds = compiling.clock() - start
        return restoration

    def mask_from(
        self,
        mask: MaskSource,
        *,
        polarity: str = "white",
        values: Sequence[int] = (),
        resize: bool = False,
        grow: int = 0,
        tolerance: int | None = None,
        partial: str | None = None,
        accept_large_holes: bool = False,
    ) -> Self:
        """Say what is to be filled; after a fill the picture is read anew.

        Parameters
        ----------
        mask, polarity, values, resize, grow, tolerance
            See `restauro.read_mask`.
        partial
            See `restauro.inpaint`: the values of a soft mask are kept. By default it is cut; of infrared it is "tone".
        accept_large_holes
            Don't take a mask of more than 60 % hole for an inverted one.

        Raises
        ------
        MaskError, ReadError
            See `restauro.read_mask`; the mask looks inverted, or leaves nothing to fill from.
        ImageError
            There is infinity outside the holes.
        """
        check_partial(partial)
        partial = partial or ("tone" if is_infrared(mask) else None)
        with self._timed():
            self._as_read()
            how: dict[str, Any] = {"polarity": polarity, "values": values, "resize": resize, "tolerance": tolerance}
            how["keep_values"] = partial is not None
            of_file = polarity if is_file(mask) and not values else None
            check = functools.partial(check_amount, polarity=of_file, accept_large_holes=accept_large_holes)
            if isinstance(mask, MaskFile):
                check(_share(mask.hole))  # before it is grown, which takes a kernel
            found = read_mask(mask, self.picture, grow=grow, **how)
            share = _share(found.hole)
            check(share, grow=grow, before=lambda: _share(read_mask(mask, self.picture, **how).hole))
            self.unknown, notes = unknown_beside(self.picture, found.hole)
            self.hole, self.notes, self._mask = found.hole, found.notes + notes, mask
            self.weights, self._partial, self._bands, self._too_much = found.weights, partial, found.bands, None
            if not share:
                sought = mask.partition(":")[2] if isinstance(mask, str) and not is_file(mask) else ""
                why = f"No pixel is {sought}" if sought and not is_infrared(mask) else "The mask is empty"
                self.notes += (Note("mask-empty", f"{why}, so nothing is filled: the file is a copy."),)
        return self

    def guided_by(
        self,
        *,
        sources: MaskSource | None = None,
        avoid: MaskSource | None = None,
        guides: Guides | None = None,
        donor: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Say what methods are to be guided by beside the mask, in place of what was said before.

        Parameters
        ----------
        sources, avoid
            Masks of where texture may come from, and must not; see `restauro.inpaint`, and `restauro.read_mask` for
            what masks of files are. Soft ones are cut at half.
        guides
            Lines that go on across holes: an SVG file, see `restauro.guide_files.read_guides`, or polylines as
            `restauro.inpaint` takes them, drawn on the picture as people see it.
        donor
            For `restauro.Heal`: the file of another picture to copy from, of the same size, bands and depth, and
            registered to this one.

        Raises
        ------
        MaskError, ReadError
            See `restauro.read_mask`.
        """
        masks = {name: mask for name, mask in (("sources", sources), ("avoid", avoid)) if mask is not None}
        with self._timed():
            self._told = {name: marks_of(mask, self.picture, self._max_pixels) for name, mask in masks.items()}
            self._guidance = {name: int(np.count_nonzero(marks)) for name, marks in self._told.items()}
            if guides is not None:
                self._told["guides"] = guides_of(guides, self.picture)
                self._guidance["guides"] = len(self._told["guides"])
            if donor is not None:
                self._told["donor"] = self._guidance["donor"] = checked_path(donor, "The donor")
        return self

    def detect(
        self,
        kind: str | Collection[str] = REPAIRED,
        *,
        sensitivity: float = UNSEEN,
        smallest: int | None = None,
        grow: int = 1,
        accept_large_holes: bool = False,
        workers: int | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> Self:
        """Propose what is to be filled; after a fill the picture is read anew.

        Where that is much of the picture, or a large or wide mark is among it, `fill` refuses: write it with
        `write_mask`, look at it, correct it, and give it to `mask_from`.

        Parameters
        ----------
        kind, sensitivity, smallest, workers, progress
            See `restauro.detect`. By default dust, scratches and losses, with few false marks: cracks can belong to a
            painting's age, and are looked for by name only. Marks of a colour: `mask_from("color:#rrggbb")`. Stains are
            corrected, not filled: give `restauro.detect_file`'s mask to `mask_from`, and `fill("tone")`.
        grow
            Pixels to grow the mask by: of what surrounds a mark, something has its colour.
        accept_large_holes
            Fill it, however much it is.

        Raises
        ------
        RestauroError
            See `restauro.detect`.
        """
        with self._timed():
            self._as_read()
            found = propose(self.picture, kind, sensitivity, smallest, grow, workers, progress)
            self.hole, self.unknown, self.notes = found.hole, found.unknown, found.notes
            self._mask, self.weights, self._partial, self._bands = None, None, None, None
            self._too_much = None if accept_large_holes else found.too_much
        return self

    def _as_read(self) -> None:
        """Read the picture anew after a fill."""
        if self._beneath is not None:
            self.picture = read_picture(self.picture.path, self.picture.page, max_pixels=self._max_pixels)
            self.method, self._beneath = None, None

    def check_proposed(self) -> None:
        """Raise MaskError where too much was proposed to be filled unseen."""
        if self._too_much:
            raise MaskError(
                f"What is proposed isn't filled unseen, for {self._too_much}",
                "look at the mask that is proposed, correct it, and give it as the mask",
                Remedy("accept_large_holes", True, "to have it filled as it is"),
            )

    def write_mask(self, target: str | os.PathLike[str], *, overwrite: bool = False) -> Self:
        """Write the mask, a PNG: white is hole, grey is damaged in part. Its folder is made if it is missing.

        Raises
        ------
        WriteError
            The file can't be written.
        MaskError
            There is no mask yet.
        """
        target = checked_path(target, "The mask")
        check_mask_target(target, (self.picture.path,), overwrite=overwrite)
        make_folder(target.parent)
        self._save_mask(target)
        return self

    def _save_mask(self, target: Path, after: str = "") -> None:
        used = self._marked() if self.weights is None else self.weights
        write_mask(as_seen(used, self.picture.orientation), target, after=after)

    def _marked(self) -> NDArray[np.bool_]:
        if self.hole is None:
            raise MaskError("It hasn't been said what is to be filled: call mask_from or detect first.")
        return self.hole

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Count the time that the body takes as work."""
        start = compiling.clock()
        try:
            yield
        finally:
            self._seconds += compiling.clock() - start


def _share(hole: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(hole)) / hole.size
