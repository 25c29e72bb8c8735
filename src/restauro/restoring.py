"""`Restoration`: a picture file on its way to a restored one, step by step."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MaskError, WriteError, checked_path
from restauro.files.bounds import MAX_PIXELS
from restauro.files.masks import check_mask_target, is_same, make_folder, nearest_folder, write_mask
from restauro.files.reading import read_picture
from restauro.files.writing import Written, check_target, counted_outside, write_picture
from restauro.guidance_files import Guides, donor_of, guides_of, marks_of
from restauro.guiding import guidance_of
from restauro.holes import count_regions
from restauro.inpainting import fill_and_count, shares
from restauro.mask import check_amount, check_partial, full_scale
from restauro.mask_files import MaskFile
from restauro.method import DEFAULT_METHOD, Method, make_method
from restauro.methods.heal import Heal
from restauro.notes import Note
from restauro.numerics.threads import checked_workers
from restauro.picture import Picture, as_seen
from restauro.picture_mask import MaskSource, is_file, read_mask
from restauro.policy import Policy, check_allowed, checked_natures, find_policy
from restauro.record import Restored
from restauro.unknown import unknown_beside


class Restoration:
    """A picture file on its way to a restored one: opened, its damage marked, filled, written.

    It may be filled several times, with other methods or another mask, before it is written: the pixels can be looked
    at in between. `restauro.restore_file` is these four steps.

    Attributes
    ----------
    picture
        The file as `restauro.read_picture` returned it. Filling changes its pixels.
    hole
        bool [H, W], True is hole, in the order of the picture's pixels as they are stored; None before `mask_from`.
    unknown
        bool [H, W]: pixels that hold no value (NaN, or what the file calls missing) and aren't hole: neither read nor
        filled. None: there are none.
    weights
        float32 [H, W], 0 to 1: how much of each hole pixel is damage, of a mask that says so and with `partial`.
    method
        What it was filled by last; None before `fill`.
    policy
        What is allowed here; None where there is no policy file.
    notes
        Sentences about how the holes were found.

    Examples
    --------
    >>> import pyvips, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> panel, losses = Path(folder.name, "panel.png"), Path(folder.name, "losses.png")
    >>> pyvips.Image.black(20, 10).linear(1, 90).cast("uchar").pngsave(str(panel))
    >>> pyvips.Image.black(20, 10).draw_rect(255, 4, 4, 6, 2, fill=True).pngsave(str(losses))
    >>> restoration = Restoration.open(panel).mask_from(losses, grow=1).fill("telea", radius=3)
    >>> int(restoration.hole.sum()), restoration.picture.pixels.shape
    (28, (10, 20))
    >>> restoration.fill("harmonic").write(Path(folder.name, "restored.png")).changed_outside
    0
    >>> folder.cleanup()
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
        self._partial: str | None = None
        self._beneath: NDArray[Any] | None = None  # what was in the holes before they were filled
        self._workers: int | None = None
        self._told: dict[str, Any] = {}  # what methods are guided by, as the pixels are stored
        self._guidance: dict[str, Any] = {}  # the same, for the record
        self._filled: Mapping[str, int] = {}  # pixels, by what they were filled with
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
        start = time.perf_counter()
        named = checked_path(policy, "The policy") if policy is not None else None
        restoration = cls(read_picture(source, page, max_pixels=max_pixels))
        found = named or find_policy(restoration.picture.path.parent)
        restoration.policy = Policy.read(found) if found else None
        restoration._max_pixels = max_pixels
        restoration._seconds = time.perf_counter() - start
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
            See `restauro.inpaint`: the values of a soft mask are kept. By default it is cut.
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
        with self._timed():
            if self._beneath is not None:
                self.picture = read_picture(self.picture.path, self.picture.page, max_pixels=self._max_pixels)
                self.method, self._beneath = None, None
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
            self.weights, self._partial = found.weights, partial
            if not share:
                sought = mask.partition(":")[2] if isinstance(mask, str) and not is_file(mask) else ""
                why = f"No pixel is {sought}" if sought else "The mask is empty"
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

    def fill(
        self,
        method: str | Method = DEFAULT_METHOD,
        *,
        allow: Collection[str] | None = None,
        workers: int | None = None,
        seed: int = 0,
        progress: Callable[[float], object] | None = None,
        **parameters: Any,
    ) -> Self:
        """Fill the holes in the picture's pixels, in place; see `restauro.inpaint` for what it takes and raises.

        PolicyError where the policy doesn't allow it, whatever `allow` says.
        What an exception interrupts leaves anything in the holes, and all else as it was: it can be filled again.
        """
        chosen = make_method(method, parameters)
        with self._timed():
            pixels, hole = self.picture.pixels, self._marked()
            natures, told = self._allowed(chosen, allow), self._told_to(chosen)
            progress = progress or (lambda fraction: None)  # what reports can be interrupted, however slow the method
            if self._beneath is None:
                self._beneath = pixels[hole]
            else:
                pixels[hole] = self._beneath
            self.method, self._workers = None, workers
            _, self._filled = fill_and_count(
                pixels, hole if self.weights is None else self.weights, chosen, told, out=pixels,
                unknown=self.unknown, partial=self._partial, allow=natures, workers=workers, seed=seed,
                progress=progress,
            )  # fmt: skip
            if isinstance(self._mask, str) and self._mask == "alpha":
                pixels[..., -1][hole] = full_scale(pixels.dtype)
            self.method = chosen
        return self

    def _told_to(self, method: Method) -> dict[str, Any]:
        """Return what a method is told, as the pixels are stored; one that heals where from."""
        if not isinstance(method, Heal):
            return self._told
        source = self._told.get("donor")
        return self._told | {
            "donor": donor_of(method, self.picture, self._marked(), self.unknown, source, self._max_pixels)
        }

    def _allowed(self, chosen: Method, allow: Collection[str] | None) -> frozenset[str]:
        """Return what a fill may be made of; raise PolicyError for a method that the policy doesn't allow here."""
        natures = checked_natures(allow)
        if self.policy is None:
            return natures
        for some, by in shares(self._marked(), self.weights, chosen, self._partial):
            turn = self.picture.orientation
            self.policy.check(by, as_seen(some, turn), None if self.unknown is None else as_seen(self.unknown, turn))
        return natures & self.policy.allow

    def check_target(
        self,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        save_mask: str | os.PathLike[str] | None = None,
    ) -> None:
        """Raise WriteError for all that can be known before the work to be wrong with a target; see `write`."""
        target, saved = checked_path(target, "The target"), checked_path(save_mask, "The mask") if save_mask else None
        mask = self._mask.path if isinstance(self._mask, MaskFile) else self._mask
        if isinstance(mask, (str, os.PathLike)) and is_file(mask) and is_same(target, Path(mask)):
            raise WriteError(f"The target {target} is the mask: choose another name.")
        if saved:
            check_mask_target(saved, (target, self.picture.path), overwrite=overwrite)
        folder = nearest_folder(target)
        if saved:
            nearest_folder(saved)
        likely = folder / target.name
        try:
            check_target(self.picture, likely, overwrite=overwrite or folder != target.parent)
        except WriteError as error:  # which names the file in a folder that is there
            raise WriteError(error.fact.replace(str(likely), str(target)), *error.remedies) from None

    def write(
        self,
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        save_mask: str | os.PathLike[str] | None = None,
    ) -> Restored:
        """Write the restored picture, with all else that its file holds; see `restauro.write_picture`.

        Parameters
        ----------
        target
            The file to write, whose ending says the format; its folder is made if it is missing. It may be the source
            where `overwrite` is True.
        overwrite
            Replace files that are there.
        save_mask
            A PNG to write the mask to that was used, white is hole, grey is damaged in part.

        Raises
        ------
        WriteError
            The file can't be written, or can't hold the picture; it isn't written then.
        MaskError
            Nothing has been filled.
        """
        target, saved = checked_path(target, "The target"), checked_path(save_mask, "The mask") if save_mask else None
        with self._timed():
            hole = self._marked()
            if not self.method and hole.any():
                raise MaskError("The holes haven't been filled: call fill first.")
            self.check_target(target, overwrite=overwrite, save_mask=saved)
            for path in (target, saved) if saved else (target,):
                make_folder(path.parent)
            written = write_picture(self.picture, target, hole=hole, overwrite=overwrite)
            if saved:
                used = hole if self.weights is None else self.weights
                write_mask(as_seen(used, self.picture.orientation), saved, after="The picture was written, but")
        return self._restored(target, self.method, self._filled, written)

    def _to_be(self, target: Path, method: Method, allow: Collection[str] | None) -> Restored:
        """Say what would be done, or raise what `fill` would."""
        natures = self._allowed(method, allow)
        guidance_of(self._told_to(method), method, self.picture.pixels.shape, self._marked())
        filled: Counter[str] = Counter()
        for some, by in shares(self._marked(), self.weights, method, self._partial):
            check_allowed(by, natures)
            filled[by.nature] += int(np.count_nonzero(some))
        return self._restored(target, method, +filled, None)

    def _marked(self) -> NDArray[np.bool_]:
        if self.hole is None:
            raise MaskError("It hasn't been said what is to be filled: call mask_from first.")
        return self.hole

    def _restored(
        self, target: Path, method: Method | None, filled: Mapping[str, int], written: Written | None
    ) -> Restored:
        """Say what was done, or where nothing was written, what would be."""
        hole = self._marked()
        height, width = as_seen(hole, self.picture.orientation).shape
        return Restored(
            source=self.picture.path,
            target=target,
            width=width,
            height=height,
            method=method.name if method else "",
            parameters=dataclasses.asdict(method) if method else {},
            regions=count_regions(hole, checked_workers(self._workers)),
            hole_pixels=int(np.count_nonzero(hole)),
            natures=dict(filled),
            guidance=self._guidance,
            seconds=self._seconds,
            changed_outside=written.changed_outside if written else None,
            counted_outside=counted_outside(self.picture, target),
            partial=self._partial if self.weights is not None or self._partial == "tone" else None,
            policy=self.policy.path if self.policy else None,
            notes=self.notes + (written.notes if written else ()),
        )

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Count the time that the body takes as work."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds += time.perf_counter() - start


def _share(hole: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(hole)) / hole.size
