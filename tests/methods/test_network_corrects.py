"""Method `network` with models that correct a fill: what they are given, and that nothing else of it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

import restauro
from restauro.errors import ModelError
from restauro.methods import _tiles
from restauro.methods.network import Network
from tests.networks import METADATA, convolution, write_network
from tests.promises.pictures import picture

CORRECTS = METADATA | {"restauro.format": "2", "fill": "harmonic", "context": "24"}


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that gives back what it is given."""
    path = tmp_path_factory.mktemp("model") / "identity.onnx"
    return str(write_network(path, [helper.make_node("Identity", ["image"], ["restored"])], {}, CORRECTS))


@pytest.fixture(scope="module")
def blurring(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that gives the mean over 5 x 5 pixels of what it is given, brighter by the share of holes among them."""
    weight = np.zeros((3, 4, 5, 5), np.float32)
    weight[[0, 1, 2], [0, 1, 2]] = 1 / 25
    weight[:, 3] = -0.2 / 25
    nodes = [
        helper.make_node("Concat", ["image", "known"], ["both"], axis=1),
        convolution("both", "mean", "weight", 2),
        helper.make_node("Add", ["mean", "more"], ["restored"]),
    ]
    path = tmp_path_factory.mktemp("model") / "blurring.onnx"
    return str(write_network(path, nodes, {"weight": weight, "more": np.full(1, 0.2, np.float32)}, CORRECTS))


def scattered(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    hole = rng.random((height, width)) < 0.02
    hole[height // 3 : height // 2, width // 4 : width // 3] = True
    return hole


@pytest.mark.parametrize("shape", [(61, 47, 3), (40, 40), (33, 50, 2), (30, 31, 7)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int16", "bool"])
def test_a_model_that_changes_nothing_leaves_the_fill(identity: str, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(5)
    image, hole = picture(rng, shape, dtype), scattered(rng, *shape[:2])
    expected = restauro.inpaint(image, hole, "harmonic")
    found = restauro.inpaint(image, hole, "network", model=identity)
    np.testing.assert_array_equal(found[~hole], image[~hole])
    apart = np.abs(found.astype(float) - expected.astype(float))
    span = np.ptp(image[~hole].astype(float))
    if dtype == "bool":  # what is near a half may go either way
        assert (found != expected)[hole].mean() < 0.02
    else:
        assert apart.max() <= 1e-5 * span + (1 if image.dtype.kind in "iu" else 0)


def test_floats_of_any_range_are_corrected_as_such(identity: str) -> None:
    rng = np.random.default_rng(6)
    image, hole = picture(rng, (40, 50, 3), "float64"), scattered(rng, 40, 50)
    for scale, offset in ((1e6, -3e5), (1e-4, 7.0)):
        found = restauro.inpaint(scale * image + offset, hole, "network", model=identity)
        expected = restauro.inpaint(scale * image + offset, hole, "harmonic")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize("detail", [0.0, 0.6])
@pytest.mark.parametrize("low", [-1.0, 0.0, 1e-310])
@pytest.mark.parametrize("high", [np.finfo(np.float64).max, 1e200, 1e-300])
def test_numbers_of_any_size_are_corrected_by_the_shipped_model(low: float, high: float, detail: float) -> None:
    """What is corrected is a fill, whose squares would overflow."""
    rng = np.random.default_rng(7)
    image, hole = np.where(picture(rng, (30, 34, 3)) < 0.5, low, high), scattered(rng, 30, 34)
    for sign in (1, -1):
        restored = restauro.inpaint(
            np.where(hole[:, :, np.newaxis], np.nan, sign * image), hole, "network", detail=detail
        )
        assert np.isfinite(restored).all()
        np.testing.assert_array_equal(restored[~hole], sign * image[~hole])


def test_texture_comes_where_the_networks_fill_lacks_it(identity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fill that is half of noise, half flat: the noise stays, the flat half gets noise."""
    image = np.random.default_rng(8).uniform(0, 1, (64, 90, 1))
    hole = np.zeros((64, 90), bool)
    hole[16:48, 16:74] = True
    fill = image.copy()
    fill[:, 45:] = 0.5
    monkeypatch.setattr(Network, "_filled", lambda self, image, hole, task: task.wanted_of(fill[hole]))
    found = restauro.inpaint(image, hole, "network", model=identity, detail=0.8)
    kept, added = np.s_[18:46, 18:40], np.s_[18:46, 50:72]
    assert np.abs(found - fill)[kept].mean() < 0.25 * np.abs(found - fill)[added].mean()
    assert found[added].std() > 0.5 * image[added].std()


def blurred(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """What the blurring model makes of a picture, away from its rim."""
    filled = restauro.inpaint(image, hole, "harmonic")
    padded = np.pad(filled, [(2, 2), (2, 2), (0, 0)])
    marks = np.pad(hole.astype(float), 2)
    height, width = hole.shape
    sums, share = np.zeros_like(filled), np.zeros(hole.shape)
    for down in range(5):
        for across in range(5):
            sums += padded[down : down + height, across : across + width] / 25
            share += marks[down : down + height, across : across + width] / 25
    return np.clip(sums + 0.2 * share[..., None], image[~hole].min(axis=0), image[~hole].max(axis=0))


@pytest.mark.parametrize("tile", [512, 40])
def test_it_is_given_the_fill_and_what_is_known(blurring: str, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in tiles, whose surroundings are more than the model looks at: none leaves a seam."""
    monkeypatch.setattr(_tiles, "TILE", tile)
    monkeypatch.setattr(_tiles, "OVERLAP", 8)
    rng = np.random.default_rng(7)
    image, hole = picture(rng, (150, 130, 3), "float64") * 0.5, scattered(rng, 150, 130)
    hole[:10] = hole[-10:] = False
    hole[:, :10] = hole[:, -10:] = False
    image[3, 3], image[4, 4] = 0, 1  # known values reach as far as the model's output
    expected = blurred(image, hole)
    found = restauro.inpaint(image, hole, "network", model=blurring)
    assert np.abs(found - expected)[hole].max() < 0.01
    assert np.mean(np.abs(found - expected)[hole] < 1e-4) > 0.98  # values are clipped to the known ones of each tile


def test_pictures_whose_sides_are_no_multiple_are_mirrored_and_not_darkened(blurring: str) -> None:
    image, hole = np.full((9, 11, 3), 0.5), np.zeros((9, 11), bool)
    hole[4, 7] = True  # four pixels from the right rim, where the model sees one column more
    found = restauro.inpaint(image, hole, "network", model=blurring)
    assert found[4, 7] == pytest.approx(0.5)  # clipped to what is known: not below


def test_what_others_hold_does_not_matter(blurring: str) -> None:
    rng = np.random.default_rng(8)
    image, unknown = picture(rng, (90, 120, 3), "float32"), np.zeros((90, 120), bool)
    hole = unknown.copy()
    hole[20:60, 30:36] = True
    unknown[10:30, 40:50] = True
    results = []
    for value in (0.0, 1.0, np.nan):
        other = image.copy()
        other[unknown] = value
        results.append(restauro.inpaint(other, hole, "network", model=blurring, unknown=unknown)[hole])
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_rises_from_0_to_1(identity: str, workers: int) -> None:
    rng = np.random.default_rng(9)
    image, hole = picture(rng, (200, 200, 3), "uint8"), scattered(rng, 200, 200)
    told: list[float] = []
    restauro.inpaint(image, hole, "network", model=identity, progress=told.append, workers=workers)
    assert told == sorted(told)
    assert all(0 <= share <= 1 for share in told)


def test_threads_change_nothing(blurring: str) -> None:
    rng = np.random.default_rng(10)
    image, hole = picture(rng, (300, 280, 3), "uint16"), scattered(rng, 300, 280)
    one, two = (restauro.inpaint(image, hole, "network", model=blurring, workers=count) for count in (1, 2))
    assert np.abs(one.astype(int) - two).max() <= 1


def test_a_fill_that_is_not_known_is_said(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["image"], ["restored"])]
    for about in (CORRECTS | {"fill": "magic"}, {key: text for key, text in CORRECTS.items() if key != "fill"}):
        path = write_network(tmp_path / "new.onnx", nodes, {}, about)
        image: Any = np.zeros((9, 9), np.uint8)
        with pytest.raises(ModelError, match=r"corrects fills of the method .*: use a newer restauro"):
            restauro.inpaint(image, np.eye(9) > 0, Network(model=str(path)))
        path.unlink()


@pytest.mark.parametrize(("widest", "expected"), [(0, 0), (1, 1), (2, 1), (3, 2), (10, 5), (40, 8)])
def test_a_holes_radius_is_half_its_width_at_most_so_much(widest: int, expected: int) -> None:
    hole = np.zeros((60, 60), bool)
    hole[10 : 10 + widest] = True
    assert _tiles._radius(hole, 8) == expected
