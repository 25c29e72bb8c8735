"""A session: a picture, what has been done to it step by step, on disk as it happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ParameterError, ReadError, RestauroError, WriteError
from restauro.files.masks import write_mask
from restauro.files.reading import read_picture, stamp_of
from restauro.files.writing import Written, write_picture
from restauro.holes import Box
from restauro.method import Method
from restauro.picture import Picture, as_stored
from restauro.policy import Policy
from restauro.unknown import unknown_beside
from restauro.web import allowing
from restauro.web.fill_steps import Edits
from restauro.web.finder import Finder
from restauro.web.guided import Line, read_by, told_to
from restauro.web.planes import LEVELS, Plane
from restauro.web.retouch import Patch, Retouch, meet
from restauro.web.step import Changed, Progress, Step
from restauro.web.steps import STEPS
from restauro.web.zoom import Pyramid, Zoom, check_shown, shrunk_marks

MOST_PIXELS = 400_000_000
_ABOUT, LOG = "session.json", "steps.jsonl"


@dataclass(frozen=True)
class About:
    """What a session's folder says of it: whose it is, what the picture is called, and where it lies."""

    number: str
    owner: str
    name: str
    picture: Path
    folder: Path
    stamp: tuple[int, int]

    @classmethod
    def read(cls, folder: Path) -> About:
        """Read what a folder says; OSError, ValueError or KeyError where it is no session's."""
        values = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        size, time_of_change = values["stamp"]
        picture = folder / values["picture"]
        return cls(folder.name, values["owner"], values["name"], picture, folder, (size, time_of_change))

    def write(self) -> None:
        """Write it into the folder."""
        path = self.picture.name if self.picture.parent == self.folder else str(self.picture)
        values = {"owner": self.owner, "name": self.name, "picture": path, "stamp": self.stamp}
        (self.folder / _ABOUT).write_text(json.dumps(values), encoding="utf-8")


class Session:
    """A picture that is worked on: its marks, its retouch, the steps that led there.

    `lock` is held by whoever changes it. `started_in`: see `restauro.web.allowing.policy_of`. `read`: reads a picture.
    """

    def __init__(self, about: About, started_in: Path = Path(), read: Callable[[Path], Picture] | None = None) -> None:
        self.about = about
        self._started_in = started_in
        self.folder = about.folder
        self.lock = threading.RLock()
        if stamp_of(about.picture) != about.stamp:
            raise ReadError(f"{about.name} was changed since it was opened here: open it again.")
        allowing.policy_of(about, started_in)  # one that can't be read forbids all
        self.picture = (read or read_whole)(about.picture)
        check_shown(self.picture)
        nothing = np.zeros(self.picture.pixels.shape[:2], np.bool_)
        unknown, self.notes = unknown_beside(self.picture, nothing)
        self.retouch = Retouch(self.picture, unknown)
        self.size = self.retouch.size
        self.marks = np.zeros(self.size, np.uint8)  # as it is seen: 0 is known, 255 wholly damaged
        self.zoom = Zoom(self.picture, self.size, self._now, self.retouch.untouched)
        self.marks_zoom = Pyramid(self.size, self._marked, shrunk_marks)
        self.finder = Finder(self.picture, self.size)
        self.planes = {name: Plane(self.size) for name in LEVELS}
        self.lines: dict[int, Line] = {}  # that go on across holes, by the steps that drew them
        self.patches: dict[int, Patch] = {}
        self.shown: dict[int, bool] = {}
        self.steps: list[Step] = []
        self._numbered: dict[int, Step] = {}
        self.position = 0  # steps before it are done, those from it on undone
        self.revision = 0
        self._next = 0  # number of the next step
        self._read_log()

    def do(self, kind: str, values: dict[str, Any], progress: Progress = None) -> Changed:
        """Do a step; those that were undone are dropped, unless an exception ends it."""
        with self.lock:
            return self.do_step(STEPS[kind](self._next, values), progress)

    def edit(self, patch: Patch) -> Changed:
        """Take in what was changed by hand, as a step."""
        with self.lock:
            return self.do_step(Edits(self._next, {}, patch))

    def do_step(self, step: Step, progress: Progress = None) -> Changed:
        """Do a step that has the next number; see `do`."""
        with self.lock:
            changed = step.do(self, progress)
            try:
                step.save(self.folder)
                self._log({"number": step.number, "kind": step.kind, "values": step.values})
            except OSError as error:
                self._look_at(step.undo(self))
                raise WriteError(
                    f"It can't be written down ({error.strerror}), so it isn't done: make room in the user's cache."
                ) from None
            self._next += 1
            del self.steps[self.position :]
            self.steps.append(step)
            self._numbered[step.number] = step
            self.position += 1
            return self._look_at(changed)

    def undo(self) -> Changed:
        """Take back the last step that is done; nothing where there is none."""
        with self.lock:
            if not self.position:
                return Changed()
            self.position -= 1
            self._log({"kind": "undo"})
            return self._look_at(self.steps[self.position].undo(self))

    def again(self) -> Changed:
        """Do the next step that was undone; nothing where there is none."""
        with self.lock:
            if self.position == len(self.steps):
                return Changed()
            self.position += 1
            self._log({"kind": "again"})
            return self._look_at(self.steps[self.position - 1].again(self))

    def step(self, number: int) -> Step:
        """Return a step that is done."""
        return self._numbered[number]

    @property
    def policy(self) -> Policy | None:
        """What is allowed here now; None where there is no policy file."""
        return allowing.policy_of(self.about, self._started_in)

    def filled(
        self,
        box: Box,
        levels: NDArray[np.uint8],
        method: Method,
        progress: Progress = None,
        grain: str | None = None,
        seed: int = 0,
    ) -> Patch:
        """Fill what levels mark, guided by what is painted and drawn, if it is allowed; see `Retouch.filled`."""
        allow = allowing.check_fill(self, box, levels, method)
        painted = self.planes["guides"].levels
        told = told_to(method, box, levels > 0, painted, self.lines.values(), self.picture.orientation)
        reads = read_by(method, box, told, painted, grain)
        return self.retouch.filled(box, levels, method, reads, progress, told, allow, grain, seed)

    def add(self, number: int, patch: Patch, *, compose: bool = False) -> None:
        """Take in a patch, which is in the picture already or is put there."""
        if not patch.fits(self.retouch.seen):
            raise ReadError(f"Step {number} is of another picture.")
        if patch.base is None:
            patch.base = self._base(number, patch)
        self.patches[number], self.shown[number] = patch, True
        if compose:
            self._compose(patch.box)

    def remove(self, number: int) -> None:
        """Take a patch out."""
        patch = self.patches.pop(number)
        del self.shown[number]
        self._compose(patch.box)

    def replace(self, number: int, patch: Patch) -> None:
        """Put a patch in the place of another, or of none."""
        self.patches[number], self.shown[number] = patch, True
        self._compose(patch.box)

    def switch(self, number: int, *, shown: bool) -> Box:
        """Show or hide a patch; return its box."""
        if number not in self.patches:
            raise ParameterError(f"Step {number} restored nothing that can be shown or hidden.")
        self.shown[number] = shown
        self._compose(self.patches[number].box)
        return self.patches[number].box

    def stale(self) -> set[int]:
        """Return the numbers of patches that were filled upon something that isn't there any more."""
        patches = [(number, self.patches[number]) for number in sorted(self.patches) if self.shown[number]]
        boxes = _boxes([patch for _, patch in patches])
        made = [(number, patch.made) for number, patch in patches]
        found = set()
        for k, (number, patch) in enumerate(patches):
            now = [made[other] for other in np.flatnonzero(_meeting(boxes[:k], *patch.reads)).tolist()]
            if patch.base != frozenset(now):
                found.add(number)
        return found

    def write(self, target: Path) -> Written:
        """Write the picture as it is, in its own depth; see `restauro.write_picture`."""
        with self.lock:
            hole = np.zeros(self.size, np.bool_)
            for number in sorted(self.patches):
                if self.shown[number]:
                    patch = self.patches[number]
                    hole[patch.box[0] : patch.box[1], patch.box[2] : patch.box[3]] |= patch.levels > 0
            stored = np.ascontiguousarray(as_stored(hole, self.picture.orientation))
            return write_picture(self.picture, target, hole=stored, overwrite=True)

    def write_marks(self, target: Path) -> None:
        """Write the marks as a PNG: white is hole, grey is damaged in part."""
        with self.lock:
            if ((self.marks > 0) & (self.marks < 255)).any():
                write_mask(np.divide(self.marks, 255, dtype=np.float32), target)
            else:
                write_mask(self.marks > 0, target)

    def _now(self, box: Box) -> NDArray[Any]:
        return self.retouch.seen[box[0] : box[1], box[2] : box[3]]

    def _marked(self, box: Box) -> NDArray[np.uint8]:
        return self.marks[box[0] : box[1], box[2] : box[3]]

    def beneath(self, box: Box) -> list[Patch]:
        """Return the patches that are shown in a box, in their order."""
        shown = (self.patches[number] for number in sorted(self.patches) if self.shown[number])
        return [patch for patch in shown if meet(patch.box, box)]

    def _compose(self, box: Box) -> None:
        self.retouch.compose(box, self.beneath(box))

    def _base(self, number: int, patch: Patch) -> frozenset[tuple[int, int]]:
        """Return what a patch would be filled upon now; see `Patch.base`."""
        earlier = [other for other in self.patches if other < number and self.shown[other]]
        meeting = np.flatnonzero(_meeting(_boxes([self.patches[other] for other in earlier]), *patch.reads)).tolist()
        return frozenset((earlier[k], self.patches[earlier[k]].made) for k in meeting)

    def _look_at(self, changed: Changed) -> Changed:
        self.revision += 1
        for box in changed.picture:
            self.zoom.changed(box)
            self.finder.changed(box)
        for box in changed.marks:
            self.marks_zoom.changed(box)
        for name, plane in self.planes.items():
            for box in getattr(changed, name):
                plane.changed(box)
        return changed

    def _log(self, line: dict[str, Any]) -> None:
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _read_log(self) -> None:
        """Do again what the folder says was done; a last line that is cut short wasn't."""
        path = self.folder / LOG
        lines = path.read_bytes().split(b"\n") if path.exists() else []
        if lines and lines[-1]:
            path.write_bytes(b"\n".join([*lines[:-1], b""]))
        try:
            self._do_again([json.loads(line) for line in lines[:-1]])
        except RestauroError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):  # somebody else wrote it
            raise ReadError("What was done can't be read, it is damaged: open the picture anew.") from None

    def _do_again(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            if entry["kind"] == "undo":
                self.position -= 1
            elif entry["kind"] == "again":
                self.position += 1
            else:
                del self.steps[self.position :]
                step = STEPS[entry["kind"]].read(int(entry["number"]), entry["values"], self.folder)
                self.steps.append(step)
                self._numbered[step.number] = step
                self.position += 1
                self._next = step.number + 1
            if not 0 <= self.position <= len(self.steps):
                raise ValueError("more was undone than was done")
        for step in self.steps[: self.position]:
            step.again(self)

    def described(self) -> dict[str, Any]:
        """Return what a page needs to know of what was done."""
        stale = self.stale()
        retouch = [
            {
                "number": number,
                "kind": step.kind,
                "method": step.values["method"],
                "pixels": len(self.patches[number].values),
                "box": [self.patches[number].box[side] for side in (2, 0, 3, 1)],
                "seed": step.values.get("seed"),
                "shown": self.shown[number],
                "stale": number in stale,
            }
            for number in sorted(self.patches)
            for step in [self.step(number)]
        ]
        return {
            "revision": self.revision,
            "canUndo": self.position > 0,
            "canRedo": self.position < len(self.steps),
            "retouch": retouch,
            "lines": list(self.lines.values()),
            "painted": [name for name, plane in self.planes.items() if plane.painted],
        }


def read_whole(path: Path) -> Picture:
    """Read a picture, if it isn't larger than the page takes."""
    return read_picture(path, max_pixels=MOST_PIXELS)


def _boxes(patches: Sequence[Patch]) -> NDArray[np.int64]:
    return np.array([patch.box for patch in patches], np.int64).reshape(-1, 4)


def _meeting(boxes: NDArray[np.int64], *others: Box) -> NDArray[np.bool_]:
    """Return which of some boxes, [n, 4], have a pixel in common with one of others."""
    met = [
        (boxes[:, 0] < bottom) & (top < boxes[:, 1]) & (boxes[:, 2] < right) & (left < boxes[:, 3])
        for top, bottom, left, right in others
    ]
    if len(met) == 1:  # as of nearly all
        return met[0]
    return np.logical_or.reduce(met) if met else np.zeros(len(boxes), np.bool_)
