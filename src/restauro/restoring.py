"""`Restoration`: a picture file on its way to a restored one, step by step."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from restauro.errors import MaskError, WriteError, checked_path
from restauro.files.masks import check_mask_target, is_same, make_folder, nearest_folder
from restauro.files.writing import Written, check_target, counted_outside, write_picture
from restauro.grain import check_grain
from restauro.guidance_files import donor_of
from restauro.guiding import guidance_of
from restauro.holes import extent
from restauro.inpainting import fill_and_count, shares
from restauro.marking import Marked
from restauro.mask import full_scale, strips
from restauro.method import DEFAULT_METHOD, Method, make_method
from restauro.methods.heal import Heal
from restauro.numerics.threads import checked_workers
from restauro.picture import as_seen
from restauro.picture_mask import file_of, is_infrared
from restauro.policy import check_allowed, checked_natures
from restauro.record import Restored


class Restoration(Marked):
    """A picture file on its way to a restored one: opened, its damage marked, filled, written.

    It may be filled several times, with other methods or another mask, before it is written: the pixels can be looked
    at in between. `restauro.restore_file` is these four steps.

    Attributes
    ----------
    picture
        The file as `restauro.read_picture` returned it. Filling changes its pixels.
    hole
        bool [H, W], True is hole, in the order of the picture's pixels as they are stored; None before `mask_from` or
        `detect`.
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

    def fill(
        self,
        method: str | Method = DEFAULT_METHOD,
        *,
        allow: Collection[str] | None = None,
        grain: str | None = None,
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
        self.check_proposed()
        with self._timed():
            pixels, hole = self.picture.pixels, self._marked()
            natures, told = self._allowed(chosen, allow), self._told_to(chosen)
            progress = progress or (lambda fraction: None)  # what reports can be interrupted, however slow the method
            if self._beneath is None:
                self._beneath = np.concatenate([pixels[rows][hole[rows]] for rows in strips(pixels)])
            else:
                pixels[hole] = self._beneath
            self.method, self._workers, self._grain, self._seed = None, workers, grain, seed
            filled = pixels[..., : self._bands] if self._bands else pixels
            _, self._filled = fill_and_count(
                filled, hole if self.weights is None else self.weights, chosen, told, out=filled,
                unknown=self.unknown, partial=self._partial, allow=natures, grain=grain, workers=workers,
                seed=seed, progress=progress,
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
        mask = file_of(self._mask)
        if mask and is_same(target, mask):
            what = "infrared" if is_infrared(self._mask) else "mask"
            raise WriteError(f"The target {target} is the {what}: choose another name.")
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
                self._save_mask(saved, after="The picture was written, but")
        return self._restored(target, self.method, self._filled, written)

    def _to_be(
        self, target: Path, method: Method, allow: Collection[str] | None, grain: str | None, seed: int
    ) -> Restored:
        """Say what would be done, or raise what `fill` would."""
        self._grain, self._seed = grain, seed
        natures = self._allowed(method, allow)
        guidance_of(self._told_to(method), method, self.picture.pixels.shape, self._marked())
        filled: Counter[str] = Counter()
        parts = shares(self._marked(), self.weights, method, self._partial)
        check_grain(grain, method, [by for _, by in parts])
        for some, by in parts:
            check_allowed(by, natures)
            filled.update(dict.fromkeys(by.natures, int(np.count_nonzero(some))))
        return self._restored(target, method, +filled, None)

    def _restored(
        self, target: Path, method: Method | None, filled: Mapping[str, int], written: Written | None
    ) -> Restored:
        """Say what was done, or where nothing was written, what would be."""
        hole = self._marked()
        height, width = as_seen(hole, self.picture.orientation).shape
        holes = extent(hole, checked_workers(self._workers))
        return Restored(
            source=self.picture.path,
            target=target,
            width=width,
            height=height,
            method=method.name if method else "",
            parameters=dataclasses.asdict(method) if method else {},
            regions=holes.regions,
            hole_pixels=int(np.count_nonzero(hole)),
            largest=holes.largest,
            widest=holes.widest,
            natures=dict(filled),
            guidance=self._guidance,
            seconds=self._seconds,
            changed_outside=written.changed_outside if written else None,
            counted_outside=counted_outside(self.picture, target),
            partial=self._partial if self.weights is not None or self._partial == "tone" else None,
            grain=self._grain,
            seed=self._seed,
            policy=self.policy.path if self.policy else None,
            notes=self.notes + (written.notes if written else ()),
        )
