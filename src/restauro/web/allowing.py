"""What a folder's policy allows at the page; see `restauro.policy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from restauro.errors import PolicyError
from restauro.holes import Box
from restauro.method import NATURES, Method, method_class, method_names
from restauro.methods.heal import Heal
from restauro.picture import as_seen
from restauro.policy import Policy, find_policy
from restauro.web.retouch import grown, meet

if TYPE_CHECKING:
    from restauro.web.session import About, Session


def policy_of(about: About, started_in: Path) -> Policy | None:
    """Return the policy that binds a session, read anew; None where there is none.

    It is that of the picture's folder, as on the command line. What was sent to the page lies in no folder of the
    person's, and is bound by that of the folder that the server was started in, as what comes by a pipe is.
    """
    was_sent = about.picture.parent == about.folder
    found = find_policy(started_in if was_sent else about.picture.parent)
    return Policy.read(found) if found else None


def refusals(policy: Policy | None) -> dict[str, PolicyError]:
    """Return why methods may not be used, by their names; healing from a source is among them."""
    refused: dict[str, PolicyError] = {}
    if policy is None:
        return refused
    methods: list[type[Method]] = [Heal, *map(method_class, method_names())]
    for method in methods:
        try:
            policy.check_method(method)
        except PolicyError as error:
            refused[method.name] = error
    return refused


def check_fill(session: Session, box: Box, levels: NDArray[np.uint8], method: Method) -> frozenset[str]:
    """Return what a fill may be made of; raise PolicyError where a session's policy doesn't allow it.

    Strokes side by side are one hole, however narrow each is: what is shown of earlier ones counts with it.

    Parameters
    ----------
    box, levels
        What is to be filled: where levels [h, w] of a box of the picture as it is seen aren't 0.
    """
    policy = session.policy
    if policy is None:
        return frozenset(NATURES)
    policy.check_method(method)
    if policy.widest_hole is not None:
        near = policy.widest_hole // 2 + 2  # no pixel further away says whether one is in too wide a hole
        inner = grown(box, near, session.size)
        outer = grown(inner, near, session.size)
        hole = np.zeros((outer[1] - outer[0], outer[3] - outer[2]), np.bool_)
        for number, patch in session.patches.items():
            if session.shown[number] and meet(patch.box, outer) and _is_filled(session.step(number).values["method"]):
                patch.mark(hole, outer)
        hole[box[0] - outer[0] : box[1] - outer[0], box[2] - outer[2] : box[3] - outer[2]] |= levels > 0
        beside = hole.copy()
        beside[inner[0] - outer[0] : inner[1] - outer[0], inner[2] - outer[2] : inner[3] - outer[2]] = False
        hole &= ~beside
        if session.retouch.unknown is not None:
            unknown = as_seen(session.retouch.unknown, session.picture.orientation)
            beside |= unknown[outer[0] : outer[1], outer[2] : outer[3]] & ~hole
        policy.check_width(method, hole, beside, (outer[0], outer[2]))
    return policy.allow


def _is_filled(method: str) -> bool:
    """Whether what a step made by a method of this name was a hole before: not by hand, and not what is corrected."""
    if method == Heal.name:
        return True
    return method in method_names() and method_class(method).nature != "corrects"
