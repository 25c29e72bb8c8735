"""The table of steps, by the names under which they are written down."""

from __future__ import annotations

from restauro.web.fill_steps import Edits, Heal, RedoFrom, Restore, Switch, TakePart
from restauro.web.find_steps import Judge, TakeFound
from restauro.web.guide_steps import ClearPlane, Line, Paint
from restauro.web.mark_steps import AllMarks, Mark
from restauro.web.step import Step

_ALL = (Mark, AllMarks, Paint, Line, ClearPlane, Judge, TakeFound, Heal, Restore, TakePart, Edits, Switch, RedoFrom)
STEPS: dict[str, type[Step]] = {step.kind: step for step in _ALL}
