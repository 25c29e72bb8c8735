"""Scores of found damage against plain loops, and their conventions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import ndimage

from restauro.errors import EvaluationError
from restauro.evaluation.detection import score

_MASKS = arrays.arrays(np.bool_, st.tuples(st.just(7), st.just(9)))


def _share(these: NDArray[np.bool_], those: NDArray[np.bool_], tolerance: float) -> float:
    near = [
        any((y - v) ** 2 + (x - u) ** 2 <= tolerance**2 for v, u in np.argwhere(those)) for y, x in np.argwhere(these)
    ]
    return float(np.mean(near)) if near else 1.0


@settings(max_examples=40, deadline=None)
@given(_MASKS, _MASKS, st.sampled_from([0, 1, 1.5, 2, 3]))
def test_scores_are_those_of_plain_loops(found: NDArray[np.bool_], truth: NDArray[np.bool_], tolerance: float) -> None:
    scores = score(found, truth, tolerance)
    precision, recall = _share(found, truth, tolerance), _share(truth, found, tolerance)
    assert scores.precision == pytest.approx(precision)
    assert scores.recall == pytest.approx(recall)
    both = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert scores.f1 == pytest.approx(both)
    either = (found | truth).sum()
    assert scores.iou == pytest.approx((found & truth).sum() / either if either else 1)


def test_the_tolerance_is_euclidean() -> None:
    truth, found = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    truth[4, 4] = found[6, 6] = True
    assert score(found, truth, 2).f1 == 0
    assert score(found, truth, 3).f1 == 1


@pytest.mark.parametrize("tolerance", [0.5, 2.5, math.sqrt(13), 40, math.inf])
def test_distances_are_those_of_scipy(tolerance: float) -> None:
    rng = np.random.default_rng(0)
    found, truth = rng.random((50, 70)) < 0.01, rng.random((50, 70)) < 0.005
    expected = (ndimage.distance_transform_edt(~truth)[found] <= tolerance).mean()
    assert 0 <= score(found, truth, tolerance).precision == pytest.approx(expected)


def test_empty_masks() -> None:
    empty, full = np.zeros((4, 5), bool), np.ones((4, 5), bool)
    assert score(empty, empty) == score(full, full)
    missed, false = score(empty, full), score(full, empty)
    assert (missed.precision, missed.recall, missed.f1, missed.iou) == (1, 0, 0, 0)
    assert (false.precision, false.recall, false.f1, false.iou) == (0, 1, 0, 0)


def test_what_is_no_mask_is_said() -> None:
    mask = np.zeros((4, 5), bool)
    with pytest.raises(EvaluationError, match=r"The found mask must be an array of bools \[H, W\], not uint8 \(4, 5\)"):
        score(mask.astype(np.uint8), mask)  # type: ignore[arg-type]
    with pytest.raises(EvaluationError, match=r"The true mask must be an array of bools"):
        score(mask, mask[0])
    with pytest.raises(EvaluationError, match=r"The found mask is \(4, 5\) and the true one \(5, 4\)"):
        score(mask, mask.T)
    with pytest.raises(EvaluationError, match="The tolerance -1 is out of range"):
        score(mask, mask, -1)
