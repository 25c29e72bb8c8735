"""Steps that change marks: which pixels are damage."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import MaskError
from restauro.holes import Box
from restauro.mask import grow_mask, of_colour
from restauro.mask_files import read_mask_file
from restauro.strokes import Stroke
from restauro.web.step import Changed, Progress, Step

if TYPE_CHECKING:
    from restauro.web.session import Session


class Mark(Step):
    """Marks are changed within a box; what was there is kept, and small where there was nothing."""

    kind = "mark"

    def __init__(self, number: int, values: dict[str, Any]) -> None:
        super().__init__(number, values)
        self._box: Box = (0, 0, 0, 0)
        self._before = b""

    def target(self, session: Session) -> NDArray[np.uint8]:
        """Return what is changed, uint8 [H, W]."""
        return session.marks

    def changed(self, box: Box) -> Changed:
        """Say that a box of it looks different."""
        return Changed(marks=[box])

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Draw a stroke: `mode` is "add" or "erase"."""
        box, levels = Stroke.of(self.values["stroke"]).drawn(session.size)
        window = self._kept(session, box)
        if self.values["mode"] == "erase":
            np.minimum(window, 255 - levels, out=window)
        else:
            np.maximum(window, levels, out=window)
        return Changed(marks=[box])

    def undo(self, session: Session) -> Changed:
        """Put back what was there."""
        window = self.target(session)[self._box[0] : self._box[1], self._box[2] : self._box[3]]
        window[:] = np.frombuffer(zlib.decompress(self._before), np.uint8).reshape(window.shape)
        return self.changed(self._box)

    def _kept(self, session: Session, box: Box) -> NDArray[np.uint8]:
        """Return what there is in a box, to be changed, after it has been kept."""
        window = self.target(session)[box[0] : box[1], box[2] : box[3]]
        self._box, self._before = box, zlib.compress(window.tobytes(), 1)
        return window


class AllMarks(Mark):
    """All marks are changed: inverted, cleared, grown, shrunk, read from a file, or those of a colour added."""

    kind = "marks"

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Do what `action` says; `pixels` is how far to grow or shrink, `mask` a file of the session's folder."""
        action, marks = self.values["action"], session.marks
        if action == "invert":
            new = 255 - marks
        elif action == "clear":
            new = np.zeros_like(marks)
        elif action == "grow":
            new = np.maximum(marks, levels_of(grow_mask(marks > 0, self.values["pixels"])))
        elif action == "shrink":
            new = np.minimum(marks, levels_of(~grow_mask(marks == 0, self.values["pixels"])))
        elif action == "load":
            new = _read_marks(session, session.folder / Path(self.values["mask"]).name)
        else:
            new = np.maximum(marks, levels_of(_of_colour(session, self.values)))
        whole = (0, session.size[0], 0, session.size[1])
        self._kept(session, whole)[:] = new
        return Changed(marks=[whole])


def levels_of(hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a mask as marks: 255 where it is."""
    return np.where(hole, np.uint8(255), np.uint8(0))


def _read_marks(session: Session, path: Path) -> NDArray[np.uint8]:
    """Return the marks of a mask file as large as the picture is seen."""
    mask = read_mask_file(path, "white", (), keep_values=True)
    hole: NDArray[Any] = mask.hole
    if hole.shape != session.size:
        raise MaskError(
            f"The mask is {hole.shape[1]} x {hole.shape[0]} pixels and the picture {session.size[1]} x "
            f"{session.size[0]}: make it on this very picture."
        )
    if mask.weights is None:
        return levels_of(hole)
    levels: NDArray[np.uint8] = np.ceil(mask.weights * np.float32(255)).astype(np.uint8)
    return levels


def _of_colour(session: Session, values: dict[str, Any]) -> NDArray[np.bool_]:
    """Return the pixels that are like the one at x, y: `tolerance` of 0 to 255 in each band."""
    pixels = session.retouch.seen
    bands = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
    colours = bands[..., :3] if bands.shape[2] > 2 else bands[..., :1]
    if colours.dtype not in (np.uint8, np.uint16) or session.picture.is_cmyk:
        raise MaskError("Marks are made by colour in pictures of 8 or 16 bits, grey or RGB: paint them here.")
    row, column = int(values["y"]), int(values["x"])
    if not (0 <= row < session.size[0] and 0 <= column < session.size[1]):
        raise MaskError("That place lies outside of the picture: pick a colour in it.")
    scale = 1 if colours.dtype == np.uint8 else 257
    picked = [int(value) / scale for value in colours[row, column]]
    return of_colour(colours, [round(value) for value in picked], values["tolerance"])
