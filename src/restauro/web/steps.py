"""The table of steps, by the names under which they are written down."""

from __future__ import annotations

from restauro.web.fill_steps import Heal, RedoFrom, Restore, Switch
from restauro.web.mark_steps import AllMarks, Mark
from restauro.web.step import Step

STEPS: dict[str, type[Step]] = {step.kind: step for step in (Mark, AllMarks, Heal, Restore, Switch, RedoFrom)}
