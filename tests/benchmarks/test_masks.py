"""Damage drawn to order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV isn't installed: pip install .[eval]")
import _masks


@pytest.mark.parametrize("draw", [_masks.cracks, _masks.strokes, _masks.blobs])
@pytest.mark.parametrize(("size", "share"), [(256, 0.1), (512, 0.02), (512, 0.3)])
def test_damage_covers_its_share_and_is_the_same_again(
    draw: Callable[..., np.ndarray], size: int, share: float
) -> None:
    mask = draw(size, share)
    assert set(np.unique(mask)) == {0, 255}
    assert share <= (mask != 0).mean() < share + 0.02
    assert np.array_equal(draw(size, share), mask)


def test_strokes_are_as_wide_as_said() -> None:
    """What disappears when a disc opens the mask is narrower than the disc."""
    import cv2

    mask = _masks.strokes(1024, 0.1)
    narrow, wide = (
        cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
        for width in (9, 61)
    )
    assert (narrow != 0).sum() > 0.98 * (mask != 0).sum()
    assert (wide != 0).sum() < 0.1 * (mask != 0).sum()  # where strokes meet
