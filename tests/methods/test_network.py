"""Method `network`: what of a picture a model sees, and how its output comes back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from scipy.ndimage import maximum_filter

import restauro
from restauro.methods import _tiles
from tests.methods.network_pictures import damaged, fill
from tests.networks import METADATA, tiny_model, write_network
from tests.promises.pictures import picture

CONTEXT = int(METADATA["context"])


def reference(image: np.ndarray, hole: np.ndarray, multiple: int = 4) -> np.ndarray:
    """What the tiny network makes of a small picture, [3, H, W] in 0..1, by the slow reference implementation."""
    height, width = hole.shape
    sides = [-(-side // multiple) * multiple for side in (height, width)]
    seen, known = np.zeros((1, 3, *sides), np.float32), np.zeros((1, 1, *sides), np.float32)
    seen[0, :, :height, :width] = np.where(hole, 0, image)
    known[0, 0, :height, :width] = ~hole
    (restored,) = ReferenceEvaluator(str(tiny_model())).run(None, {"image": seen, "known": known})
    return restored[0, :, :height, :width].astype(float)


@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (9, 6)])
def test_a_picture_is_given_whole_and_padded_with_hole(shape: tuple[int, int]) -> None:
    image, hole = damaged((*shape, 3))
    known = image[~hole]
    expected = np.clip(reference(image.transpose(2, 0, 1), hole).transpose(1, 2, 0), known.min(0), known.max(0))
    np.testing.assert_allclose(fill(image, hole)[hole], expected[hole], rtol=0, atol=1e-5)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 7])
def test_bands_go_in_threes_and_the_rest_as_grey(bands: int) -> None:
    image, hole = damaged((8, 8, bands))
    restored = fill(image, hole)
    threes = bands - bands % 3
    for first in range(0, threes, 3):
        group = slice(first, first + 3)
        np.testing.assert_array_equal(restored[:, :, group], fill(image[:, :, group], hole))
    for band in range(threes, bands):
        grey = image[:, :, band]
        np.testing.assert_array_equal(restored[:, :, band], fill(grey, hole))
        expected = reference(np.broadcast_to(grey, (3, 8, 8)), hole).mean(axis=0)
        expected = np.clip(expected, grey[~hole].min(), grey[~hole].max())
        np.testing.assert_allclose(restored[:, :, band][hole], expected[hole], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "black", "white"),
    [("uint8", 0, 255), ("uint16", 0, 65535), ("int16", -32768, 32767), ("uint32", 0, 2**32 - 1), ("bool", 0, 1)],
)
def test_whole_numbers_have_the_range_of_their_dtype(dtype: str, black: int, white: int) -> None:
    image, hole = damaged((8, 8, 3), dtype)
    as_real = fill((image.astype(float) - black) / (white - black), hole)
    expected = as_real[hole] * (float(white) - black) + black
    restored = fill(image, hole)[hole].astype(float)
    expected = expected >= 0.5 if dtype == "bool" else expected
    np.testing.assert_allclose(restored, expected, rtol=0, atol=0.51 + 1e-6 * (white - black))


def test_real_numbers_beyond_0_to_1_have_the_range_of_the_known() -> None:
    image, hole = damaged((8, 8, 3))
    image = (image - image[~hole].min()) / np.ptp(image[~hole])  # known ones from 0 to 1
    expected = fill(image, hole)
    for scale, offset in ((255, 0), (3, -7), (1e-3, 5), (1e20, 0)):
        restored = fill(scale * image + offset, hole)
        np.testing.assert_allclose((restored - offset) / scale, expected, rtol=0, atol=1e-5)
    dark = fill(image / 2, hole) / 0.5  # within 0 to 1: as it is
    assert np.abs(dark - expected)[hole].max() > 1e-3


def test_real_numbers_have_one_scale_in_all_windows() -> None:
    """What is dark in a picture of floats is dark to the network wherever it lies."""
    rng = np.random.default_rng(4)
    image = picture(rng, (30, 400, 3), "float64")
    image[:, 200:] = 40 * image[:, :200]  # two windows, of which the second is 40 times as bright
    hole = np.zeros((30, 400), bool)
    hole[10:14, 20:30] = hole[10:14, 350:360] = True
    known = image[~hole]
    scaled = fill((image - known.min()) / np.ptp(known), hole)
    np.testing.assert_allclose(fill(image, hole), scaled * np.ptp(known) + known.min(), rtol=0, atol=1e-4)
    image[hole] = [[1e30, -1e30, np.nan]] * hole.sum()  # nor does it matter what lies under holes
    np.testing.assert_allclose(fill(image, hole), scaled * np.ptp(known) + known.min(), rtol=0, atol=1e-4)


def test_no_value_is_beyond_the_known_ones() -> None:
    image, hole = damaged((8, 8, 3))
    image[:, :, 1] = 0.2 + image[:, :, 1] / 1000
    restored, known = fill(image, hole), image[~hole]
    assert (restored >= known.min(axis=0)).all()
    assert (restored <= known.max(axis=0)).all()


def wide(side: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A picture with holes that hang together over much of it."""
    rng = np.random.default_rng(3)
    hole = rng.random((side, side)) < 0.03
    hole[30:90, 200:260] = True
    hole[:, 300:310] = True
    return picture(rng, (side, side, 3), "float32"), hole


def test_tiles_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen around a tile is more than the tiny network looks at, so tiles change nothing at all."""
    image, hole = wide()
    whole = fill(image, hole)
    for side, overlap in ((96, 32), (150, 8)):
        monkeypatch.setattr(_tiles, "TILE", side)
        monkeypatch.setattr(_tiles, "OVERLAP", overlap)
        np.testing.assert_allclose(fill(image, hole), whole, rtol=0, atol=2e-2)
        # Values are clipped to the known ones of each tile; where that does nothing they are the same.
        assert np.mean(np.abs(fill(image, hole) - whole)[hole] < 1e-5) > 0.99


@pytest.mark.parametrize("length", [1, 511, 512, 513, 960, 961, 2000])
def test_tiles_cover_their_core_and_overlap(length: int) -> None:
    places = _tiles.places((slice(5, 5 + length), slice(0, 3)))
    covered = np.zeros(length, int)
    for (_, bottom, *_), (top, *_) in pairwise(places):
        assert bottom - top >= _tiles.OVERLAP
    for top, bottom, left, right in places:
        assert (left, right) == (0, 3)
        assert bottom - top <= _tiles.TILE
        covered[top - 5 : bottom - 5] += 1
    assert covered.min() == 1


def test_a_hole_deeper_than_a_tile_is_filled_with_something_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tiles, "TILE", 32)
    monkeypatch.setattr(_tiles, "OVERLAP", 8)
    image = picture(np.random.default_rng(0), (200, 200, 3), "float32")
    hole = np.zeros((200, 200), bool)
    hole[20:180, 20:180] = True
    restored = fill(image, hole)
    middle = restored[95:105, 95:105].reshape(-1, 3)
    assert (middle == middle[0]).all()
    assert (image[~hole].min(axis=0) <= middle[0]).all()
    assert (middle[0] <= image[~hole].max(axis=0)).all()


def test_a_hole_does_not_depend_on_others_beyond_the_context() -> None:
    rng = np.random.default_rng(1)
    image = picture(rng, (120, 200, 3), "float32")
    alone = np.zeros((120, 200), bool)
    alone[40:60, 50:55] = True
    beside = alone.copy()
    beside[50, 55 + 2 * CONTEXT + 2 :] = True
    expected = fill(image, alone)[alone]
    image[beside & ~alone] = 1e9
    for workers in (1, 2):
        np.testing.assert_array_equal(fill(image, beside, workers=workers)[alone], expected)


def test_a_hole_in_the_box_of_another_does_not_matter() -> None:
    """An angle whose box holds a loss that is far from both its arms: two windows, filled at the same time."""
    rng = np.random.default_rng(1)
    image = picture(rng, (120, 120, 3), "float32")
    angle, loss = np.zeros((120, 120), bool), np.zeros((120, 120), bool)
    angle[20:100, 20:22] = True
    angle[98:100, 20:100] = True
    loss[30:40, 60:70] = True
    expected = fill(image, angle)[angle]
    image[loss] = 1e9
    for workers in (1, 2):
        np.testing.assert_array_equal(fill(image, angle | loss, workers=workers)[angle], expected)


def test_what_is_beyond_the_context_does_not_matter() -> None:
    image, hole = picture(np.random.default_rng(1), (80, 80, 3), "float32"), np.zeros((80, 80), bool)
    hole[40:44, 40:44] = True
    expected = fill(image, hole)[hole]
    far = np.ones((80, 80), bool)
    far[40 - CONTEXT : 44 + CONTEXT, 40 - CONTEXT : 44 + CONTEXT] = False
    np.testing.assert_array_equal(fill(np.where(far[:, :, None], 0, image), hole)[hole], expected)


@pytest.mark.parametrize("distance", [0, 1, 5, 40])
@pytest.mark.parametrize("shape", [(1, 30), (20, 1), (31, 50)])
def test_what_is_near_is_what_scipy_finds(shape: tuple[int, int], distance: int) -> None:
    hole = np.random.default_rng(distance).random(shape) < 0.02
    expected = maximum_filter(hole, 2 * distance + 1, mode="constant")
    np.testing.assert_array_equal(_tiles._reached(hole, distance), expected)


def endless(path: Path) -> Path:
    """Write a network that never ends: a loop of a thousand million rounds."""
    body = helper.make_graph(
        [
            helper.make_node("Sin", ["before"], ["after"]),
            helper.make_node("Identity", ["more"], ["and more"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("more", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("and more", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    loop = helper.make_node("Loop", ["rounds", "", "masked"], ["restored"], body=body)
    masked = helper.make_node("Mul", ["image", "known"], ["masked"])
    return write_network(path, [masked, loop], {"rounds": np.array(10**9)})


class EnoughError(Exception):
    """Somebody pressed the button."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("workers", [1, 2])
def test_cancelling_ends_a_run_inside_onnx_runtime(tmp_path: Path, workers: int) -> None:
    calls = []

    def progress(fraction: float) -> None:
        calls.append(fraction)
        if len(calls) == 3:
            raise EnoughError

    image, hole = damaged((8, 8, 3))
    before = image.copy()
    with pytest.raises(EnoughError):
        restauro.inpaint(
            image, hole, "network", model=endless(tmp_path / "endless.onnx"), progress=progress, workers=workers
        )
    assert calls == [0.0] * 3
    np.testing.assert_array_equal(image, before)
