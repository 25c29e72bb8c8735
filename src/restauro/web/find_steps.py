"""Steps with which what was found is judged, and becomes marks."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MaskError, ReadError
from restauro.holes import Box
from restauro.web.mark_steps import Mark, levels_of
from restauro.web.step import Changed, Progress, Step

if TYPE_CHECKING:
    from restauro.web.session import Session


class Judge(Step):
    """Marks that are proposed are left out, or taken again: `left`; `places` is a row and a column of each."""

    kind = "judge"

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Leave them out, or take them."""
        return self._set(session, left=bool(self.values["left"]))

    def undo(self, session: Session) -> Changed:
        """Take them, or leave them out."""
        return self._set(session, left=not self.values["left"])

    def _set(self, session: Session, *, left: bool) -> Changed:
        places = [(int(row), int(column)) for row, column in self.values["places"]]
        return Changed(found=session.finder.leave_out(places, left=left), judged=True)


class TakeFound(Mark):
    """All proposed marks that aren't left out become marks; what they were is kept, so nothing is looked for again."""

    kind = "take-found"

    def __init__(self, number: int, values: dict[str, Any]) -> None:
        super().__init__(number, values)
        self._taken: tuple[Box, NDArray[np.bool_]] | None = None

    @classmethod
    def read(cls, number: int, values: dict[str, Any], folder: Path) -> Self:
        """Return one with what was taken."""
        step = cls(number, values)
        try:
            with np.load(folder / f"{number}.npz", allow_pickle=False) as file:
                top, bottom, left, right = file["box"].tolist()
                bits = np.frombuffer(zlib.decompress(file["bits"].tobytes()), np.uint8)
                shape = (bottom - top, right - left)
                mask = np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(np.bool_)
                step._taken = (top, bottom, left, right), mask
        except (OSError, ValueError, KeyError, zlib.error, EOFError):
            raise ReadError("A step of the session can't be read: its file is damaged or missing.") from None
        return step

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Mark them; they aren't proposed any more."""
        if self._taken is None:
            self._taken = session.finder.taken()
            if self._taken is None:
                raise MaskError("Nothing is proposed that isn't left out: look for damage first.")
            self.values["pixels"] = int(np.count_nonzero(self._taken[1]))
            found = session.finder.forget()
        else:
            found = []
        box, mask = self._taken
        window = self._kept(session, box)
        if window.shape != mask.shape:
            raise ReadError(f"Step {self.number} is of another picture.")
        np.maximum(window, levels_of(mask), out=window)
        return Changed(marks=[box], found=found, judged=bool(found))

    def save(self, folder: Path) -> None:
        """Write what was taken."""
        assert self._taken is not None
        box, mask = self._taken
        bits = np.frombuffer(zlib.compress(np.packbits(mask).tobytes(), 1), np.uint8)
        np.savez(folder / f"{self.number}.npz", box=np.array(box), bits=bits)
