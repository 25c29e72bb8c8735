"""Planes over a picture that one paints on beside marks: what guides methods, and hints of what is damage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.holes import Box
from restauro.web.guided import AVOID, SOURCES
from restauro.web.zoom import Pyramid, shrunk_marks

DAMAGE, SOUND = 255, 128  # levels of the plane "hints"
LEVELS = {"guides": {"sources": SOURCES, "avoid": AVOID}, "hints": {"damage": DAMAGE, "sound": SOUND}}
COLOURS = {
    "guides": {SOURCES: (60, 140, 255, 255), AVOID: (255, 60, 40, 255)},
    "hints": {DAMAGE: (255, 60, 40, 255), SOUND: (40, 200, 90, 255)},
}


class Plane:
    """A plane, uint8 [H, W] as the picture is seen, of which the system gives memory for what is painted alone."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.levels: NDArray[np.uint8] = np.zeros(size, np.uint8)
        self.zoom = Pyramid(size, self._read, shrunk_marks)
        self._painted: bool | None = False  # None: it has to be looked at

    @property
    def painted(self) -> bool:
        """Whether there is anything on it."""
        if self._painted is None:
            self._painted = bool(self.levels.any())
        return self._painted

    def changed(self, box: Box) -> None:
        """Look at a box of it anew."""
        self.zoom.changed(box)
        self._painted = None

    def _read(self, box: Box) -> NDArray[np.uint8]:
        return self.levels[box[0] : box[1], box[2] : box[3]]
