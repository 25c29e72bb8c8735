"""How peers are called."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV isn't installed: pip install .[eval]")
import _peers


def ramp() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:48, :48]
    picture = np.stack([4 * x, 2 * y + 20, x + y], axis=-1).astype(np.uint8)
    mask = np.zeros((48, 48), np.uint8)
    mask[20:28, 18:31] = 255
    return picture, mask


@pytest.mark.parametrize("name", list(_peers.PEERS))
def test_every_peer_fills_the_hole_and_keeps_the_rest(name: str) -> None:
    picture, mask = ramp()
    pytest.importorskip({"scikit-image": "skimage"}.get(_peers.PEERS[name].package, "cv2"))
    if "patchmatch" in name:
        pytest.importorskip({_peers.PYPATCHMATCH: "patchmatch", _peers.PATCHMATCH_CYTHON: "patchmatch_cython"}[name])
    damaged = np.where(mask[..., np.newaxis] == 0, picture, 0).astype(np.uint8)
    filled = _peers.fill_of(name)(damaged, mask)
    assert filled.dtype == np.uint8
    assert np.array_equal(filled[mask == 0], picture[mask == 0])
    assert np.abs(filled[mask != 0].astype(int) - picture[mask != 0]).mean() < 12


@pytest.mark.parametrize("name", [_peers.SCIPY, _peers.SKIMAGE])
def test_linear_ramps_are_continued_exactly(name: str) -> None:
    pytest.importorskip("skimage")
    picture, mask = ramp()
    assert np.array_equal(_peers.fill_of(name)(picture, mask), picture)
    assert np.array_equal(_peers.fill_of(name)(picture[..., 0], mask), picture[..., 0])


def test_settings_are_parameters() -> None:
    assert _peers.settings("telea") == ("telea", {})
    assert _peers.settings("patchmatch:detail=0.5,rounds=2") == ("patchmatch", {"detail": 0.5, "rounds": 2})
    picture, mask = ramp()
    three, seven = (_peers.fill_of(f"telea:radius={radius}")(picture, mask) for radius in (1, 7))
    assert not np.array_equal(three, seven)
