"""`detect`: damage proposed in a picture, as a mask to look at, to correct, and to restore with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import scratch
from restauro.detection import network, tiles
from restauro.detection.detectors import KINDS, check_colour, checked_kinds, seen_for
from restauro.detection.marks import checked_sensitivity, checked_smallest, threshold_of
from restauro.errors import ParameterError, ParameterTypeError, check_progress
from restauro.numerics.threads import checked_workers

Found = dict[str, NDArray[np.bool_]]


def detect(
    image: NDArray[Any],
    kind: str | Collection[str] | None = None,
    *,
    sensitivity: float | None = None,
    smallest: int | None = None,
    unknown: NDArray[np.bool_] | None = None,
    colour: str | None = None,
    tolerance: int | None = None,
    hints: NDArray[Any] | None = None,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> NDArray[np.bool_]:
    """Return where a picture is damaged, as far as that can be told.

    The answer may be that it isn't: all False. What is marked is a proposal; look at it before you restore with it.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], uint8, uint16, or float of 0 to 1; int8, int16, int32 and uint32 are looked at from their
        lowest value to their highest. One band is grey, three are red, green and blue; of any other number the mean is
        looked at, so leave transparency out (`image[..., :3]`). NaN is unknown.
    kind
        "cracks", "scratches", "losses", "dust", "stains" or "color"; or several, in a list or with commas
        between. It may be None where there are hints.
    sensitivity
        False marks a megapixel that may be expected of each kind, 0.3 to 30, as they were counted on undamaged
        paintings: more find fainter damage. By default 30 for cracks, 3 for stains, 10 for the others. "color" has
        none.
    smallest
        Pixels; smaller marks are left out. By default what is usual for the kind.
    unknown
        Pixels that hold no value and are never marked: bool [H, W].
    colour, tolerance
        With "color" only: "#rrggbb", and how far each band of a mark may be off, of 255 (default 24).
    hints
        What is damage here and what isn't, at some pixels: integers [H, W], 1 is damage, -1 is not, 0 is unknown. A
        classifier learns from them and is asked about the whole picture; with a kind it takes away from what that finds
        and adds to it.
    workers
        Threads, all usable cores by default. The result doesn't depend on them.
    progress
        Called in this thread with the fraction done; an exception raised in it stops the work.

    Returns
    -------
    bool [H, W], True is damage.

    Raises
    ------
    ImageTypeError, ImageError
        The image isn't such an array.
    ParameterError, ParameterTypeError
        No such kind; a colour is missing, or has no meaning; a number is out of range.
    MaskError
        The hints aren't as large as the picture, or lack one of the two kinds; nothing is known.

    Examples
    --------
    >>> image = np.full((64, 64, 3), 120, np.uint8)
    >>> image[20:24, 10:50] = 255, 0, 0
    >>> int(detect(image, "color", colour="#ff0000").sum())
    160
    """
    if hints is None:
        found = detect_each(
            image, kind, sensitivity=sensitivity, smallest=smallest, unknown=unknown, colour=colour,
            tolerance=tolerance, workers=workers, progress=progress,
        )  # fmt: skip
        return joined(found)
    kinds = check_options(kind, colour, tolerance, sensitivity, smallest, has_hints=True)
    checked_workers(workers)
    check_progress(progress)
    picture, nothing = tiles.prepared(image, unknown)
    report = tiles.part(progress, 0.0, 0.5)
    marks = joined(_find(picture, kinds, sensitivity, smallest, colour, tolerance, workers, report)) if kinds else None
    from restauro.detection.hints import find_by_hints

    report = tiles.part(progress, 0.5 if kinds else 0.0, 1.0)
    by_hints = find_by_hints(picture, _checked_hints(hints), marks, workers, report)
    return by_hints if nothing is None else by_hints & ~nothing


def detect_each(
    image: NDArray[Any],
    kind: str | Collection[str] | None,
    *,
    sensitivity: float | None = None,
    smallest: int | None = None,
    unknown: NDArray[np.bool_] | None = None,
    colour: str | None = None,
    tolerance: int | None = None,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> Found:
    """Return a mask for each kind of damage that is looked for, by its name; a pixel may be of several.

    See `detect` for what it takes and raises.

    Examples
    --------
    >>> image = np.full((64, 64, 3), 120, np.uint8)
    >>> found = detect_each(image, "dust,losses")
    >>> {kind: bool(mask.any()) for kind, mask in found.items()}
    {'losses': False, 'dust': False}
    """
    kinds = check_options(kind, colour, tolerance, sensitivity, smallest, has_hints=False)
    checked_workers(workers)
    check_progress(progress)
    picture, nothing = tiles.prepared(image, unknown)
    found = _find(picture, kinds, sensitivity, smallest, colour, tolerance, workers, progress)
    return found if nothing is None else {name: mask & ~nothing for name, mask in found.items()}


def check_options(
    kind: str | Collection[str] | None,
    colour: str | None,
    tolerance: int | None,
    sensitivity: float | None,
    smallest: int | None,
    *,
    has_hints: bool,
) -> tuple[str, ...]:
    """Return the kinds that are asked for, or raise ParameterError for what is wrong whatever the picture."""
    if kind is None and not has_hints:
        raise ParameterError(f"Say what to look for, a kind ({', '.join(KINDS)}), or give hints.")
    kinds = checked_kinds(kind)
    check_colour(kinds, colour, tolerance)
    if not any(KINDS[name].learned for name in kinds) and (sensitivity is not None or smallest is not None):
        raise ParameterError("A sensitivity and a smallest mark are for kinds that aren't a colour: ask for one.")
    if sensitivity is not None:
        checked_sensitivity(sensitivity)
    if smallest is not None:
        checked_smallest(smallest)
    return kinds


def joined(found: Found) -> NDArray[np.bool_]:
    """Return all marks, whatever their kind."""
    masks = list(found.values())
    if len(masks) == 1:
        return masks[0]
    every: NDArray[np.bool_] = scratch.zeros(masks[0].shape, np.bool_)
    for mask in masks:
        every |= mask
    return every


def _find(
    picture: NDArray[Any],
    kinds: tuple[str, ...],
    sensitivity: float | None,
    smallest: int | None,
    colour: str | None,
    tolerance: int | None,
    workers: int | None,
    progress: tiles.Progress | None,
) -> Found:
    """Have the networks look once for all kinds, then look for marks of a colour."""
    found: Found = {}
    learned = {name: cls for name in kinds if (cls := KINDS[name].learned) is not None}
    share = 0.9 if learned and "color" in kinds else float(bool(learned))  # of all work
    if learned:
        graded = seen(picture, tuple(learned), workers, tiles.part(progress, 0.0, share))
        for name, cls in learned.items():
            rate = KINDS[name].usual if sensitivity is None else sensitivity
            found[name] = cls.marks(graded[name], threshold_of(name, rate), smallest)
    if "color" in kinds:
        from restauro.detection.colour_detection import find_colour

        found["color"] = find_colour(picture, str(colour), tolerance, workers, tiles.part(progress, share, 1.0))
    return {name: found[name] for name in kinds}


def seen(
    picture: NDArray[Any],
    kinds: Collection[str],
    workers: int | None = None,
    progress: tiles.Progress | None = None,
) -> dict[str, dict[int, network.Grades]]:
    """Return what the network says for each kind: grades [H, W] of the classes that its marks are made of, by place.

    For cracks a small picture is looked at enlarged too, and the larger log odds count.

    picture: of `tiles.prepared`.
    """
    places = seen_for(kinds)
    closer = "cracks" in kinds and picture.shape[0] * picture.shape[1] <= network.FEW
    share = 1 / 6 if closer else 1.0  # of the work
    found = network.grades(picture, places, workers, tiles.part(progress, 0.0, share))
    planes = dict(zip(places, found, strict=True))
    graded = {kind: dict(planes) for kind in kinds}
    if closer:
        lines = network.lines_enlarged(picture, workers, tiles.part(progress, share, 1.0))
        graded["cracks"] |= {
            place: np.maximum(planes[place], plane) for place, plane in zip(network.LINES, lines, strict=True)
        }
    return graded


def _checked_hints(hints: NDArray[Any]) -> NDArray[np.int8]:
    if not isinstance(hints, np.ndarray) or hints.dtype.kind != "i" or hints.ndim != 2:
        what = f"{hints.dtype} {hints.shape}" if isinstance(hints, np.ndarray) else type(hints).__name__
        raise ParameterTypeError(
            f"Hints are an array [H, W] of signed integers (1 damage, -1 sound, 0 unknown), not {what}: of a picture "
            f"with strokes, restauro.detection.hints.read_hints makes them."
        )
    labels: NDArray[np.int8] = np.sign(hints).astype(np.int8)
    return labels
