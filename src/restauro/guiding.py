"""Guidance from what a caller says: checked, as arrays; refused for methods that don't take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.donor import Donor
from restauro.errors import MaskError, ParameterError, Remedy
from restauro.guidance import NO_PICTURE_GUIDANCE, PictureGuidance, points_along
from restauro.mask import marked, strips
from restauro.method import Method, method_class, method_names
from restauro.methods.heal import Heal


def guidance_of(
    told: Mapping[str, Any],
    method: Method,
    shape: tuple[int, ...],
    hole: NDArray[np.bool_] | None,
) -> PictureGuidance:
    """Return what a method is told about a picture.

    Parameters
    ----------
    told
        What the caller said, by the names of `PictureGuidance`; None where nothing.
    method
        The method that is to be told.
    shape
        Of the picture, [H, W] or [H, W, C].
    hole
        bool [H, W], what is to be filled; None in a stack.

    Raises
    ------
    ParameterError
        The method doesn't take such guidance; it is for a stack.
    MaskError, MaskTypeError
        A mask doesn't fit, or leaves nothing to copy.
    """
    given = {name: value for name, value in told.items() if value is not None}
    check_takes(method, given)
    if not given:
        return NO_PICTURE_GUIDANCE
    if hole is None:
        raise ParameterError(f"{' and '.join(given)} can't be given for a stack: fill its pictures one by one.")
    masks = {name: marked(given[name], shape, _MASKS[name]) for name in given if name in _MASKS}
    sources = masks.get("sources")
    if sources is not None and not any((sources[rows] & ~hole[rows]).any() for rows in strips(sources)):
        raise MaskError("The mask of sources marks nothing, or only holes: mark intact pixels to copy from.")
    guides = _crossing_lines(given["guides"], hole) if "guides" in given else None
    return PictureGuidance(**masks, guides=guides, donor=given.get("donor"))


def placed_donor(
    method: Heal, hole: NDArray[np.bool_], unknown: NDArray[np.bool_] | None, donor: Donor | None = None
) -> Donor:
    """Return where holes are healed from: what is given, else a place of the picture itself.

    hole, unknown: bool [H, W], what is to be filled, and what besides isn't known.

    Raises
    ------
    ParameterError
        It is the holes' own place.
    MaskError
        Some of what is to be copied lies outside of the picture, or isn't known.
    """
    donor = donor or Donor.at((method.down, method.right), method.mirror, method.turn, hole)
    if donor.picture is None and (donor.matrix == np.eye(2)).all() and not donor.shift.any():
        ways = Remedy("offset", ..., "of some pixels"), "copy from another picture"
        raise ParameterError("Holes would be healed from themselves, as the offset is (0, 0)", *ways)
    missing = donor.missing(hole, unknown)
    if len(missing):
        (row, column), of = missing[0], int(np.count_nonzero(hole))
        raise MaskError(
            f"{len(missing)} of {of} hole pixels would be copied from outside of the picture or from what isn't known, "
            f"such as a hole (the first is at row {row}, column {column}): choose another offset, or smaller holes."
        )
    return donor


def checked_lines(guides: Any) -> list[NDArray[np.float64]]:
    """Return polylines, float64 [n, 2] each; raise ParameterError for what are none."""
    try:
        lines = [np.asarray(guide, np.float64) for guide in guides]
    except (TypeError, ValueError):
        lines = []
    if not lines or any(line.ndim != 2 or line.shape[1] != 2 or len(line) < 2 for line in lines):
        raise ParameterError(
            "Guides are a list of polylines, each [n, 2], rows and columns of two points or more, such as "
            "[[(10, 0), (12, 30)]]."
        )
    if not all(np.isfinite(line).all() for line in lines):
        raise ParameterError("A guide has a point that is NaN or infinite: give rows and columns.")
    return lines


def _crossing_lines(guides: Any, hole: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """Return polylines that are drawn across holes."""
    lines = checked_lines(guides)
    if hole.any() and not any(_crosses(line, hole) for line in lines):
        (row, column), (height, width) = lines[0][0], hole.shape
        raise ParameterError(
            f"None of the guides crosses a hole (the first begins at row {row:g}, column {column:g}, of {height} rows "
            f"and {width} columns): draw them on this very picture, from what is intact across the hole."
        )
    return tuple(lines)


def _crosses(line: NDArray[np.float64], hole: NDArray[np.bool_]) -> bool:
    rows, columns = np.rint(points_along(line)).astype(np.int64).T
    inside = (rows >= 0) & (rows < hole.shape[0]) & (columns >= 0) & (columns < hole.shape[1])
    return bool(hole[rows[inside], columns[inside]].any())


_MASKS = {"sources": "mask of sources", "avoid": "mask of what is to be avoided"}
_CALLED = {"avoid": "mask of what is to be avoided"}


def check_takes(method: Method, given: Mapping[str, Any]) -> None:
    """Raise ParameterError where a method is given guidance that it doesn't take; say which methods do."""
    for name, value in given.items():
        if value is not None and name not in method.takes:
            if name == "donor":
                raise ParameterError(
                    f"Method {method.name!r} takes no donor: restauro.Heal does, and heal by its name."
                )
            names = [other for other in method_names() if name in method_class(other).takes]
            way = Remedy("method", names[0] if len(names) == 1 else ..., "" if len(names) == 1 else _listed(names))
            raise ParameterError(f"Method {method.name!r} takes no {_CALLED.get(name, name)}", way, "leave it out")


def _listed(names: list[str]) -> str:
    return f"of {', '.join(names[:-1])} and {names[-1]}"
