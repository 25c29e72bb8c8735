"""`detect`: damage found in a picture, as a mask to look at, to correct, and to restore with."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.detection import tiles
from restauro.errors import ParameterError, ParameterTypeError, Remedy, check_progress
from restauro.numerics.threads import checked_workers

KINDS = {
    "cracks": "craquelure, dark and bright, of all widths",
    "scratches": "long, thin, nearly straight lines, however faint",
    "losses": "flat pale or dark areas with sharp ragged outlines",
    "color": "marks of a colour that is given",
}


def detect(
    image: NDArray[Any],
    kind: str | None = None,
    *,
    colour: str | None = None,
    tolerance: int | None = None,
    hints: NDArray[Any] | None = None,
    workers: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> NDArray[np.bool_]:
    """Return where a picture is damaged, as far as that can be told.

    The answer may be that it isn't: all False. What is found is a proposal; look at it before you restore with it.

    Parameters
    ----------
    image
        [H, W] or [H, W, C], uint8, uint16, or float of 0 to 1. One band is grey, three are red, green and blue; of any
        other number the mean is looked at, so leave transparency out (`image[..., :3]`).
    kind
        "cracks", "scratches", "losses" or "color". It may be None where there are hints.
    colour, tolerance
        With "color" only: "#rrggbb", and how far each band of a mark may be off, of 255 (default 24).
    hints
        What is damage here and what isn't, at some pixels: integers [H, W], 1 is damage, -1 is not, 0 is unknown. A
        classifier learns from them and is asked about the whole picture; with a kind it takes away from what that finds
        and adds to it. They need scikit-learn, the extra `hints`.
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
        No such kind; a colour is missing, or has no meaning; a number is out of range; hints without scikit-learn.
    MaskError
        The hints aren't as large as the picture, or lack one of the two kinds.

    Examples
    --------
    >>> image = np.full((64, 64, 3), 120, np.uint8)
    >>> image[20:24, 10:50] = 255, 0, 0
    >>> int(detect(image, "color", colour="#ff0000").sum())
    160
    """
    check_options(kind, colour, tolerance, has_hints=hints is not None)
    checked_workers(workers)
    check_progress(progress)
    picture = tiles.checked_picture(image)
    report = tiles.part(progress, 0.0, 0.5) if hints is not None else progress
    found = _find(picture, kind, colour, tolerance, workers, report) if kind else None
    if hints is not None:
        from restauro.detection.hints import find_by_hints

        labels = _checked_hints(hints)
        report = tiles.part(progress, 0.5 if kind else 0.0, 1.0)
        return find_by_hints(picture, labels, found, workers, report)
    assert found is not None  # a kind or hints are there
    return found


def check_options(kind: str | None, colour: str | None, tolerance: int | None, *, has_hints: bool) -> None:
    """Raise ParameterError for what is wrong whatever the picture; see `detect`."""
    if has_hints and find_spec("sklearn") is None:
        raise ParameterError("Hints need scikit-learn: pip install 'restauro[hints]'")
    if kind is None and not has_hints:
        raise ParameterError(f"Say what to look for, a kind ({', '.join(KINDS)}), or give hints.")
    if kind is not None and (not isinstance(kind, str) or kind not in KINDS):
        raise ParameterError(f"There is no kind of damage {kind!r} to be found: it is one of {', '.join(KINDS)}.")
    if kind == "color" and colour is None:
        raise ParameterError("It isn't said which colour the marks have", Remedy("colour", "#ff0000", "for pure red"))
    if kind != "color" and (colour is not None or tolerance is not None):
        raise ParameterError("A colour and a tolerance are for marks of a colour: ask for the kind color.")
    if kind == "color":
        from restauro.detection.colour_detection import checked_options

        checked_options(str(colour), tolerance)


def _find(
    picture: NDArray[Any],
    kind: str,
    colour: str | None,
    tolerance: int | None,
    workers: int | None,
    progress: tiles.Progress | None,
) -> NDArray[np.bool_]:
    """Call a kind's detector, which is imported when it is asked for."""
    if kind == "cracks":
        from restauro.detection.crack_detection import find_cracks

        return find_cracks(picture, workers, progress)
    if kind == "scratches":
        from restauro.detection.scratch_detection import find_scratches

        return find_scratches(picture, workers, progress)
    if kind == "losses":
        from restauro.detection.loss_detection import find_losses

        return find_losses(picture, workers, progress)
    from restauro.detection.colour_detection import find_colour

    return find_colour(picture, str(colour), tolerance, workers, progress)


def _checked_hints(hints: NDArray[Any]) -> NDArray[np.int8]:
    if not isinstance(hints, np.ndarray) or hints.dtype.kind != "i" or hints.ndim != 2:
        what = f"{hints.dtype} {hints.shape}" if isinstance(hints, np.ndarray) else type(hints).__name__
        raise ParameterTypeError(
            f"Hints are an array [H, W] of signed integers (1 damage, -1 sound, 0 unknown), not {what}: of a picture "
            f"with strokes, restauro.detection.hints.read_hints makes them."
        )
    labels: NDArray[np.int8] = np.sign(hints).astype(np.int8)
    return labels
