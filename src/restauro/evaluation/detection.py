"""How well damage was found: precision and recall with a tolerance, and the strict overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restauro.errors import EvaluationError


@dataclass(frozen=True)
class DetectionScores:
    """How a found mask agrees with the true one.

    Attributes
    ----------
    precision
        Share of the marked pixels that lie within the tolerance of the truth.
    recall
        Share of the true pixels that lie within the tolerance of a mark.
    f1
        Harmonic mean of the two.
    iou
        Pixels in both over pixels in either, without a tolerance.
    """

    precision: float
    recall: float
    f1: float
    iou: float


def score(found: NDArray[np.bool_], truth: NDArray[np.bool_], tolerance: float = 2) -> DetectionScores:
    """Return how well a mask that was found agrees with the truth.

    Parameters
    ----------
    found, truth
        bool [H, W].
    tolerance
        Pixels (Euclidean distance), 0 or more, that a mark may be off in precision and recall.

    Returns
    -------
    DetectionScores
        Where nothing is marked, precision is 1; where there is nothing to find, recall is 1. So both masks empty give 1
        everywhere, and one empty mask of the two gives an F1 of 0.

    Raises
    ------
    EvaluationError
        The masks aren't bool, differ in shape, or the tolerance is negative.

    Notes
    -----
    Wide and narrow damage weigh by their pixels. The tolerance is what studies of crack detection use, for a hand-drawn
    truth is hardly more exact; the intersection over union has none.

    Examples
    --------
    >>> truth = np.zeros((20, 20), bool)
    >>> truth[5] = True
    >>> score(np.roll(truth, 2, axis=0), truth)
    DetectionScores(precision=1.0, recall=1.0, f1=1.0, iou=0.0)
    """
    for name, mask in (("found", found), ("true", truth)):
        if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.ndim != 2:
            what = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
            raise EvaluationError(f"The {name} mask must be an array of bools [H, W], not {what}: use mask != 0.")
    if found.shape != truth.shape:
        raise EvaluationError(f"The found mask is {found.shape} and the true one {truth.shape}: make them equal.")
    if not tolerance >= 0:
        raise EvaluationError(f"The tolerance {tolerance:g} is out of range: it is 0 or more pixels.")
    precision, recall = _near(found, truth, tolerance), _near(truth, found, tolerance)
    either = int((found | truth).sum())
    return DetectionScores(
        precision,
        recall,
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        int((found & truth).sum()) / either if either else 1.0,
    )


def _near(these: NDArray[np.bool_], those: NDArray[np.bool_], tolerance: float) -> float:
    """Return the share of these pixels that have one of those within the tolerance; 1 where there are none."""
    from restauro.numerics import discs

    if not these.any():
        return 1.0
    square = int(min(tolerance, math.hypot(*those.shape)) ** 2 + 1e-9)  # distances are roots of whole numbers
    half_widths = np.array([math.isqrt(square - dy**2) for dy in range(math.isqrt(square) + 1)])
    near = np.zeros(those.shape, np.bool_)
    discs.draw_discs(np.ascontiguousarray(those), half_widths, near)
    return float(near[these].mean())
