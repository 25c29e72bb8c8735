"""Steps that restore: they keep what came out, so that a session is opened again without restoring anything anew."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MaskError, ParameterError, ReadError
from restauro.holes import Box
from restauro.method import Method, make_method
from restauro.methods.heal import Heal as HealFrom
from restauro.strokes import Stroke
from restauro.web.retouch import Patch
from restauro.web.step import Changed, Progress, Step

if TYPE_CHECKING:
    from restauro.web.session import Session


class Heal(Step):
    """A stroke is restored at once."""

    kind = "heal"
    patch: Patch

    @classmethod
    def read(cls, number: int, values: dict[str, Any], folder: Path) -> Self:
        """Return one with what was filled."""
        step = cls(number, values)
        step.patch = _read_patch(folder / f"{number}.npz")
        return step

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Fill what the stroke covers with `method` and its `parameters`."""
        method = method_of(self.values)
        box, levels = self.covered(session)
        if not levels.any():
            raise MaskError(self.nothing)
        self.patch = session.filled(box, levels, method, progress, *self._chance)
        self.patch.made = self.number
        session.add(self.number, self.patch)
        return Changed(picture=[box])

    nothing = "The stroke lies outside of the picture, so there is nothing to restore."

    def covered(self, session: Session) -> tuple[Box, NDArray[np.uint8]]:
        """Return the box and the levels, uint8 [h, w], of what is filled."""
        return Stroke.of(self.values["stroke"]).drawn(session.size)

    def anew(self, session: Session, old: Patch, progress: Progress) -> Patch:
        """Fill once more what a patch of it filled, and return what comes out."""
        return session.filled(old.box, old.levels, method_of(self.values), progress, *self._chance)

    @property
    def _chance(self) -> tuple[str | None, int]:
        """Its `grain` and `seed`, of which steps that were written down earlier say nothing."""
        return self.values.get("grain"), self.values.get("seed") or 0

    def undo(self, session: Session) -> Changed:
        """Take it off the picture."""
        session.remove(self.number)
        return Changed(picture=[self.patch.box])

    def again(self, session: Session) -> Changed:
        """Put it back as it was."""
        session.add(self.number, self.patch, compose=True)
        return Changed(picture=[self.patch.box])

    def save(self, folder: Path) -> None:
        """Write what was filled."""
        _write_patch(self.patch, folder / f"{self.number}.npz")


class Restore(Heal):
    """All that is marked is restored, or what of it lies in an area.

    Earlier results that lie within it are hidden first: what is beneath them is restored, and one can choose.
    """

    kind = "restore"
    nothing = "Nothing is marked there, so there is nothing to restore: mark the damage first."

    def covered(self, session: Session) -> tuple[Box, NDArray[np.uint8]]:
        """Return the marks, as they are when it is done."""
        box: Box = (0, session.size[0], 0, session.size[1])
        area = None
        if self.values.get("area"):
            box, area = Stroke.of(self.values["area"]).drawn(session.size)
        levels = session.marks[box[0] : box[1], box[2] : box[3]]
        levels = levels if area is None else np.minimum(levels, area)
        return _cut(box, levels)

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Fill what is marked."""
        box, levels = self.covered(session)
        shown = [number for number in session.patches if session.shown[number]]
        earlier = [number for number in shown if session.step(number).kind == self.kind]
        self.values["instead"] = [number for number in earlier if _covers(box, levels, session.patches[number])]
        self._switch(session, shown=False)
        try:
            return super().do(session, progress)
        except BaseException:
            self._switch(session, shown=True)
            raise

    def undo(self, session: Session) -> Changed:
        """Take it off the picture, and show again what it was done instead of."""
        changed = super().undo(session)
        self._switch(session, shown=True)
        return changed

    def again(self, session: Session) -> Changed:
        """Put it back as it was."""
        self._switch(session, shown=False)
        return super().again(session)

    def _switch(self, session: Session, *, shown: bool) -> None:
        for number in self.values["instead"]:
            session.switch(number, shown=shown)


class TakePart(Heal):
    """What a result made of an area is put on top of all else: a copy, whatever becomes of that result."""

    kind = "part"

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Copy from the result of step `of` what lies in `area`."""
        of = self.values["of"]
        if of not in session.patches:
            raise ParameterError(f"Step {of} restored nothing that a part could be taken of.")
        self.values |= {name: session.step(of).values[name] for name in ("method", "parameters")}
        self.patch = self._cut(session)
        self.patch.made = self.number
        session.add(self.number, self.patch, compose=True)
        return Changed(picture=[self.patch.box])

    def anew(self, session: Session, old: Patch, progress: Progress) -> Patch:
        """Copy once more; see `Heal.anew`."""
        new = self._cut(session)
        session.retouch.compose(new.box, [*session.beneath(new.box), new])
        return new

    def _cut(self, session: Session) -> Patch:
        box, area = Stroke.of(self.values["area"]).drawn(session.size)
        part = session.patches[self.values["of"]].part(box, area)
        if part is None:
            raise MaskError("That result changed nothing in the area: draw another, or take another result.")
        return part


class Edits(Heal):
    """What was changed by hand in a layered file, in another program."""

    kind = "edits"

    def __init__(self, number: int, values: dict[str, Any], patch: Patch | None = None) -> None:
        super().__init__(number, {"method": "by hand", "parameters": {}} | values)
        if patch is not None:
            self.patch = patch

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Take it in: `patch` was given."""
        self.patch.made = self.number
        session.add(self.number, self.patch, compose=True)
        return Changed(picture=[self.patch.box])

    def anew(self, session: Session, old: Patch, progress: Progress) -> Patch:
        """Put it there once more; see `Heal.anew`."""
        new = Patch(old.box, old.levels, old.values, ())
        session.retouch.compose(new.box, [*session.beneath(new.box), new])
        return new


class Switch(Step):
    """A patch is taken off the picture, or put back, wherever it is in the order."""

    kind = "switch"

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Show or hide patch `of`, as `shown` says."""
        return self._set(session, shown=self.values["shown"])

    def undo(self, session: Session) -> Changed:
        """Hide or show it."""
        return self._set(session, shown=not self.values["shown"])

    def _set(self, session: Session, *, shown: bool) -> Changed:
        return Changed(picture=[session.switch(self.values["of"], shown=shown)])


class RedoFrom(Step):
    """All patches from one on are filled anew, in their order, by the same strokes: what was stale isn't any more."""

    kind = "redo"

    def __init__(self, number: int, values: dict[str, Any]) -> None:
        super().__init__(number, values)
        self._new: dict[int, Patch] = {}
        self._old: dict[int, Patch] = {}

    @classmethod
    def read(cls, number: int, values: dict[str, Any], folder: Path) -> Self:
        """Return one with what was filled."""
        step = cls(number, values)
        step._new = {of: _read_patch(folder / f"{number}-{int(of)}.npz") for of in values["done"]}
        return step

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Fill from the patch of step `of` on, those that are shown; guided by what is drawn now."""
        numbers = [number for number in session.patches if number >= self.values["of"] and session.shown[number]]
        self._old = {number: session.patches[number] for number in numbers}
        boxes = [patch.box for patch in self._old.values()]
        try:
            for number in numbers:
                session.remove(number)
            for count, number in enumerate(numbers):
                old = self._old[number]
                step = session.step(number)
                assert isinstance(step, Heal)  # no others have patches
                part = progress and part_of(progress, count, len(numbers))
                new = self._new[number] = step.anew(session, old, part)
                new.made = self.number
                session.add(number, new)
        except BaseException:
            self._put(session, self._old)
            raise
        self.values["done"] = numbers
        return Changed(picture=boxes)

    def undo(self, session: Session) -> Changed:
        """Put back what there was."""
        return self._put(session, self._old)

    def again(self, session: Session) -> Changed:
        """Put the new patches in once more."""
        self._old = {number: session.patches[number] for number in self._new}
        return self._put(session, self._new)

    def _put(self, session: Session, patches: dict[int, Patch]) -> Changed:
        for number, patch in patches.items():
            session.replace(number, patch)
        return Changed(picture=[patch.box for patch in patches.values()])

    def save(self, folder: Path) -> None:
        """Write what was filled."""
        for number, patch in self._new.items():
            _write_patch(patch, folder / f"{self.number}-{number}.npz")


def method_of(values: dict[str, Any]) -> Method:
    """Return the method of a step; healing from a source stands in no table."""
    if values["method"] == HealFrom.name:
        return HealFrom(**values["parameters"])
    return make_method(values["method"], values["parameters"])


def _cut(box: Box, levels: NDArray[np.uint8]) -> tuple[Box, NDArray[np.uint8]]:
    """Return the smallest box around what is marked in another, and the levels in it."""
    rows, columns = np.flatnonzero(levels.any(axis=1)), np.flatnonzero(levels.any(axis=0))
    if not rows.size:
        return (0, 0, 0, 0), levels[:0, :0]
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    cut = np.ascontiguousarray(levels[top:bottom, left:right])
    return (box[0] + top, box[0] + bottom, box[2] + left, box[2] + right), cut


def _covers(box: Box, levels: NDArray[np.uint8], patch: Patch) -> bool:
    """Whether all of a patch lies where levels, uint8 [h, w] of a box, mark something."""
    top, bottom, left, right = patch.box
    if not (box[0] <= top and bottom <= box[1] and box[2] <= left and right <= box[3]):
        return False
    here = levels[top - box[0] : bottom - box[0], left - box[2] : right - box[2]]
    return bool((here[patch.levels > 0] > 0).all())


def part_of(progress: Callable[[float], object], count: int, of: int) -> Callable[[float], object]:
    """Return a progress from 0 to 1 of one of several equal parts."""
    return lambda fraction: progress((count + fraction) / of)


def _write_patch(patch: Patch, path: Path) -> None:
    levels = np.frombuffer(zlib.compress(patch.levels.tobytes(), 1), np.uint8)
    base = np.array(sorted(patch.base or ()), np.int64).reshape(-1, 2)
    boxes = np.array([patch.box, *patch.reads])
    np.savez(path, boxes=boxes, levels=levels, values=patch.values, base=base, made=patch.made)


def _read_patch(path: Path) -> Patch:
    try:
        with np.load(path, allow_pickle=False) as file:
            box, *reads = (tuple(box) for box in file["boxes"].tolist())
            levels = np.frombuffer(zlib.decompress(file["levels"].tobytes()), np.uint8)
            patch = Patch(box, levels.reshape(box[1] - box[0], box[3] - box[2]), file["values"], tuple(reads))
            patch.made, patch.base = int(file["made"]), frozenset(tuple(pair) for pair in file["base"].tolist())
            return patch
    except (OSError, ValueError, KeyError, IndexError, EOFError, zlib.error, zipfile.BadZipFile):
        raise ReadError("A step of the session can't be read: its file is damaged or missing.") from None
