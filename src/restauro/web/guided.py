"""What a person has painted and drawn to guide methods, as a window's stroke is filled with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.donor import Donor
from restauro.errors import MaskError
from restauro.grain import farthest
from restauro.guidance import NO_PICTURE_GUIDANCE, PictureGuidance, points_along
from restauro.guiding import guidance_of
from restauro.holes import Box
from restauro.method import Method
from restauro.methods.heal import Heal
from restauro.picture import as_stored, stored_places
from restauro.web.retouch import grown

SOURCES, AVOID = 255, 128  # levels of the plane "guides"
Line = Sequence[Sequence[float]]  # x and y of two points or more, as strokes have them


def told_to(
    method: Method, box: Box, hole: NDArray[np.bool_], painted: NDArray[np.uint8], lines: Iterable[Line], turn: int
) -> PictureGuidance:
    """Return what a method is told of what is painted and drawn, as a picture's pixels are stored.

    Parameters
    ----------
    method
        Which takes some of it, or nothing.
    box, hole
        What is filled: bool [h, w] of a box of the picture as it is seen.
    painted
        uint8 [H, W]: where texture may come from, and where it mustn't.
    lines
        Those that don't cross what is filled are left aside.
    turn
        The picture's orientation.

    Raises
    ------
    MaskError
        It heals from outside of the picture, or from what is to be healed; all that is allowed lies under the hole.
    """
    size = painted.shape[0], painted.shape[1]
    matrix, start = stored_places(turn, size)
    if isinstance(method, Heal):
        donor = Donor(np.eye(2, dtype=np.int64), np.array([method.down, method.right]))
        _check_donor(method, box, hole, size)
        return PictureGuidance(donor=donor.moved(matrix, start))
    told: dict[str, Any] = {}
    for name, level in (("sources", SOURCES), ("avoid", AVOID)):
        if name in method.takes and (painted == level).any():
            told[name] = as_stored(painted == level, turn)
    if "guides" in method.takes:
        drawn = [np.array(line, np.float64)[:, ::-1] - 0.5 for line in lines]  # whole numbers are pixels' middles
        crossing = [line @ matrix.T + start for line in drawn if _crosses(line, box, hole)]
        told |= {"guides": crossing} if crossing else {}
    if not told:
        return NO_PICTURE_GUIDANCE
    whole = np.zeros(size, np.bool_)
    whole[box[0] : box[1], box[2] : box[3]] = hole
    whole = as_stored(whole, turn)
    return guidance_of(told, method, whole.shape, whole)


def read_by(
    method: Method, box: Box, told: PictureGuidance, painted: NDArray[np.uint8], grain: str | None = None
) -> tuple[Box, ...]:
    """Return the boxes of the picture as it is seen that a fill may depend on: around it, and where it copies from."""
    size = painted.shape[0], painted.shape[1]
    depth = min(box[1] - box[0], box[3] - box[2]) / 2 + 1
    reach = method.reach(depth)
    if grain is not None:
        reach = max(reach, farthest(max(box[1] - box[0], box[3] - box[2])))
    boxes = [grown(box, reach, size)]
    if isinstance(method, Heal):
        down, right = method.down, method.right
        boxes.append(grown((box[0] + down, box[1] + down, box[2] + right, box[3] + right), 1, size))
    if told.sources is not None:
        rows, columns = (np.flatnonzero((painted == SOURCES).any(axis=axis)) for axis in (1, 0))
        boxes.append((int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1))
    return tuple(boxes)


def _check_donor(method: Heal, box: Box, hole: NDArray[np.bool_], size: tuple[int, int]) -> None:
    """Raise MaskError where something would be copied from beyond the picture, or from what is to be healed."""
    rows, columns = np.nonzero(hole)
    rows, columns = rows + box[0] + method.down, columns + box[2] + method.right
    inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
    if not inside.all():
        raise MaskError("The source lies outside of the picture there: choose another, or paint less at once.")
    within = (rows >= box[0]) & (rows < box[1]) & (columns >= box[2]) & (columns < box[3])
    if hole[rows[within] - box[0], columns[within] - box[2]].any():
        raise MaskError("The source lies under the stroke itself: choose one further away, or paint less at once.")


def _crosses(line: NDArray[np.float64], box: Box, hole: NDArray[np.bool_]) -> bool:
    """Whether a polyline, [n, 2] rows and columns, crosses what is filled."""
    rows, columns = np.rint(points_along(line)).astype(np.int64).T
    inside = (rows >= box[0]) & (rows < box[1]) & (columns >= box[2]) & (columns < box[3])
    return bool(hole[rows[inside] - box[0], columns[inside] - box[2]].any())
