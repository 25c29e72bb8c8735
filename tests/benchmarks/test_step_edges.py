"""The measure of step edges, on steps that are known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV isn't installed: pip install .[eval]")
import step_edges

ANGLES = (*step_edges.ANGLES, 10, -30)


@pytest.mark.parametrize("angle", ANGLES)
def test_an_undamaged_step_is_kept_whole(angle: float) -> None:
    picture = step_edges.step(angle, smooth=False)
    found = step_edges.kept(picture, picture, angle)
    assert (found.mean, found.at, found.strays) == pytest.approx((1, 1, 0))
    assert set(np.unique(picture)) == {step_edges.DARK, step_edges.BRIGHT}


@pytest.mark.parametrize("angle", ANGLES)
def test_a_ramp_across_the_edge_keeps_what_can_be_computed(angle: float) -> None:
    """From dark to bright over 20 pixels: 10 / 20 at 5 pixels, and about half as much on average."""
    y, x = np.mgrid[: step_edges.SIDE, : step_edges.SIDE].astype(float)
    share = np.clip(0.5 + step_edges.distance(angle, x, y) / 20, 0, 1)
    picture = np.rint(step_edges.DARK + (step_edges.BRIGHT - step_edges.DARK) * share).astype(np.uint8)
    found = step_edges.kept(picture, step_edges.step(angle, smooth=True), angle)
    assert found.at == pytest.approx(0.5, abs=0.01)
    assert found.mean == pytest.approx(0.25, abs=0.04)
    assert found.strays < 0.05


def test_an_edge_that_is_displaced_strays_by_as_much() -> None:
    for angle in (0, 60):
        down = round(3 / np.cos(np.deg2rad(angle)))
        picture = step_edges.step(angle, smooth=True)
        displaced = np.pad(picture, [(down, 0), (0, 0)], "edge")[:-down]
        found = step_edges.kept(displaced, picture, angle)
        assert found.strays == pytest.approx(3, abs=0.01)
        assert found.at == pytest.approx(1, abs=0.02)
        assert found.mean < 0.5


def test_a_harmonic_fill_keeps_what_the_integral_says() -> None:
    """Across a strip of width L a step's midline is the integral of 1 / (L cosh(pi y / L))."""
    pytest.importorskip("scipy")
    import _peers

    picture, mask = step_edges.step(0, smooth=False), step_edges.band()
    found = step_edges.kept(_peers.fill_of(_peers.SCIPY)(picture, mask), picture, 0)
    length = step_edges.BAND + 1  # from the last known column to the first
    assert found.at == pytest.approx(4 / np.pi * np.arctan(np.tanh(np.pi * 5 / (2 * length))), abs=0.01)
