"""Steps that paint and draw what guides methods, and hints of what is damage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ParameterError
from restauro.holes import Box
from restauro.strokes import Stroke
from restauro.web.mark_steps import Mark
from restauro.web.planes import LEVELS
from restauro.web.step import Changed, Progress, Step

if TYPE_CHECKING:
    from restauro.web.session import Session


class Paint(Mark):
    """A stroke is painted on a plane: `plane` and `what` are names of `restauro.web.planes.LEVELS`."""

    kind = "paint"

    def target(self, session: Session) -> NDArray[np.uint8]:
        """Return the plane."""
        return session.planes[self.values["plane"]].levels

    def changed(self, box: Box) -> Changed:
        """Say that a box of the plane looks different."""
        return Changed(guides=[box]) if self.values["plane"] == "guides" else Changed(hints=[box])

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Paint it, or where `what` is "erase" take away what is painted."""
        plane, what = self.values["plane"], self.values["what"]
        if what != "erase" and what not in LEVELS[plane]:
            raise ParameterError(f"On {plane} there is painted {' or '.join(LEVELS[plane])}, not {what}.")
        box, levels = Stroke.of(self.values["stroke"]).drawn(session.size)
        window = self._kept(session, box)
        window[levels > 0] = LEVELS[plane].get(what, 0)
        return self.changed(box)


class Line(Step):
    """A line is drawn that goes on across holes: `points` is x and y of each."""

    kind = "line"

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Draw it."""
        session.lines[self.number] = self.values["points"]
        return Changed()

    def undo(self, session: Session) -> Changed:
        """Take it away."""
        del session.lines[self.number]
        return Changed()


class ClearPlane(Paint):
    """All that is painted on a plane is taken away; of guides the lines too."""

    kind = "clear"

    def __init__(self, number: int, values: dict[str, Any]) -> None:
        super().__init__(number, values)
        self._lines: dict[int, Any] = {}

    def do(self, session: Session, progress: Progress = None) -> Changed:
        """Clear it."""
        whole = (0, session.size[0], 0, session.size[1])
        self._kept(session, whole)[:] = 0
        if self.values["plane"] == "guides":
            self._lines = dict(session.lines)
            session.lines.clear()
        return self.changed(whole)

    def undo(self, session: Session) -> Changed:
        """Put back what there was."""
        session.lines.update(self._lines)
        return super().undo(session)
