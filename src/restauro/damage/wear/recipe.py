"""`wear`: a piece of a picture as it might be scanned, a third of them undamaged, and where which damage is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.damage.wear import drawing, lines, patches, photographs
from restauro.damage.wear.canvas import Canvas
from restauro.damage.wear.stains import stains

_UNDAMAGED = 1 / 3
_PHOTOGRAPHS = 0.35
_DRAWN = 0.35  # of all pieces have something drawn into them that isn't damage
_MOST = 5  # kinds at once, not counting losses along cracks
_KINDS = (
    lines.cracks, lines.scratches, lines.folds, lines.breaks, patches.losses, patches.tears, stains, patches.dust,
)  # fmt: skip
_OFTEN = (0.22, 0.16, 0.04, 0.07, 0.17, 0.03, 0.15, 0.16)  # cracks are hardest, and the most varied
_STAINED = (0.12, 0.08, 0.03, 0.04, 0.12, 0.03, 0.46, 0.12)  # for who looks for stains alone

_FLAKED = 0.35  # of cracked pieces without losses get some
Draw = Callable[[Canvas, np.random.Generator], None]


def wear(
    picture: NDArray[np.uint8], rng: np.random.Generator, damaged: bool | None = None, *, stained: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a picture that looks worn, and its marks.

    Parameters
    ----------
    picture
        uint8 [H, W, 3], undamaged, some 256 pixels square: lines and patches are of the sizes that scans have.
    rng
        What is drawn; the result is the same for the same generator in the same state.
    damaged
        Whether there is damage; by default in two of three.
    stained
        Whether seven of ten damaged pieces have stains.

    Returns
    -------
    worn, marks
        uint8 [H, W, 3]; uint8 [H, W], in which bit k is set where there is damage of the kind `canvas.KINDS[k]`.

    Examples
    --------
    >>> grey = np.full((64, 64, 3), 128, np.uint8)
    >>> worn, marks = wear(grey, np.random.default_rng(7))
    >>> worn.shape, marks.shape
    ((64, 64, 3), (64, 64))
    """
    canvas = Canvas.of(picture)
    if rng.random() < _DRAWN:
        drawing.draw_something(canvas, rng)
    if rng.random() < _PHOTOGRAPHS:
        photographs.imitate(canvas, rng)
    photographs.vary(canvas, rng)
    if damaged or (damaged is None and rng.random() >= _UNDAMAGED):
        count = 1 + min(_MOST - 1, rng.geometric(0.4) - 1)
        chosen = rng.choice(len(_KINDS), count, replace=False, p=_STAINED if stained else _OFTEN)
        for draw in _in_order([_KINDS[kind] for kind in chosen], rng):
            draw(canvas, rng)
            np.clip(canvas.picture, 0, 255, out=canvas.picture)
    return scanned(canvas.picture, rng), canvas.marks


def _in_order(drawn: list[Draw], rng: np.random.Generator) -> list[Draw]:
    """Return what is to be drawn, cracks first, since paint flakes off along them: often it has."""
    if lines.cracks not in drawn:
        return drawn
    if patches.losses not in drawn and rng.random() < _FLAKED:
        drawn = [*drawn, patches.losses]
    return sorted(drawn, key=lambda draw: draw is not lines.cracks)


def scanned(picture: NDArray[Any], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3], 0 to 255, as it comes from a scanner: blurred or sharpened, grainy, as a JPEG."""
    canvas = Canvas(picture.astype(np.float32), np.zeros(picture.shape[:2], np.uint8))
    photographs.scan(canvas, rng)
    return np.rint(np.clip(canvas.picture, 0, 255)).astype(np.uint8)
