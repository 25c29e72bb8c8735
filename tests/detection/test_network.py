"""Damage that the network proposes: what it takes, its tiles, thresholds, marks; nothing where there is nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import restauro
from restauro.detection import marks, network
from restauro.detection.detecting import detect_each, seen
from restauro.detection.detectors import KINDS
from restauro.errors import ImageError, MaskError, ModelError, ParameterError, ParameterTypeError
from tests.detection.damaged import SIZE, damaged
from tests.detection.test_detection import noisy

LEARNED = tuple(kind for kind, detector in KINDS.items() if detector.learned)


@pytest.mark.parametrize("kind", LEARNED)
def test_clear_damage_is_found(kind: str) -> None:
    image, hole = damaged(kind)
    found = restauro.detect(image, kind)
    assert found[hole].mean() > 0.6
    assert not found[~restauro.grow_mask(hole, 8 if kind == "stains" else 2)].any()


def test_several_kinds_are_looked_for_at_once() -> None:
    dusty, specks = damaged("dust")
    scratched, line = damaged("scratches")
    image = np.where(line[..., None], scratched, dusty)
    each = detect_each(image, "scratches,dust", sensitivity=1)
    assert list(each) == ["scratches", "dust"]
    assert each["dust"][specks & ~line].mean() > 0.9
    assert each["scratches"][line].mean() > 0.6
    assert not (each["dust"] & restauro.grow_mask(line, 2)).any()
    every = restauro.detect(image, ["dust", "scratches"], sensitivity=1)
    np.testing.assert_array_equal(every, each["scratches"] | each["dust"])


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 5))
def test_pictures_of_any_size_and_depth(height: int, width: int, seed: int) -> None:
    image = noisy(height, width, seed)
    expected = network.grades(image, range(5), 1)
    assert expected.shape == (5, height, width)
    for same in (image.astype(np.uint16) * 257, (image / 255).astype(np.float32)):
        np.testing.assert_array_equal(network.grades(same, range(5), 1), expected)
    grey = np.repeat(image[..., :1], 3, axis=2)
    np.testing.assert_array_equal(network.grades(image[..., 0], range(5), 1), network.grades(grey, range(5), 1))


@pytest.mark.parametrize(("few", "size"), [(0, 8), (2000, 4), (20_000, 2), (30_000, 1)])
def test_stains_are_what_their_own_network_sees_in_the_picture_made_smaller(
    few: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = damaged("stains")[0][:150, :190]
    monkeypatch.setattr(network, "FEW", few)
    told: list[float] = []
    every = network.grades(image, range(5), 1, told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    np.testing.assert_array_equal(every[:4], network.grades(image, range(4), 1))
    np.testing.assert_array_equal(every[4:], network.grades(image, [network.STAIN], 2))
    smaller = image.astype(np.float32) / 255
    for _ in range(size.bit_length() - 1):
        smaller = np.pad(smaller, [*((0, side % 2) for side in smaller.shape[:2]), (0, 0)], "edge")
        smaller = (smaller[::2, ::2] + smaller[1::2, ::2] + smaller[::2, 1::2] + smaller[1::2, 1::2]) / 4
    seen = network._grades(smaller, [network.STAIN], (1,), 1, None, model=network.STAINS)[0].astype(float)
    for _ in range(size.bit_length() - 1):
        seen = ndimage.zoom(seen, 2, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(every[4], seen[:150, :190], atol=3)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_pictures_of_any_size_are_looked_at_enlarged(height: int, width: int, seed: int) -> None:
    image = noisy(height, width, seed)
    expected = network.lines_enlarged(image, 1)
    assert expected.shape == (2, height, width)
    assert expected.dtype == np.uint8
    np.testing.assert_array_equal(network.lines_enlarged(image, 3), expected)
    deep = network.lines_enlarged(image.astype(np.uint16) * 257, 1)
    np.testing.assert_allclose(deep.astype(int), expected, atol=1)


def test_small_pictures_are_looked_at_enlarged_for_cracks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    image = damaged("cracks")[0]
    told: list[float] = []
    closer = seen(image, ("cracks", "scratches"), 1, told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    enlarged = network.lines_enlarged(image, 1)
    monkeypatch.setattr(network, "FEW", image.shape[0] * image.shape[1] - 1)
    alone = seen(image, ("cracks", "scratches"), 1)
    for place in network.LINES:
        np.testing.assert_array_equal(closer["scratches"][place], alone["scratches"][place])
        np.testing.assert_array_equal(alone["cracks"][place], alone["scratches"][place])
        np.testing.assert_array_equal(closer["cracks"][place], np.maximum(alone["cracks"][place], enlarged[place]))
    assert (closer["cracks"][0] > alone["cracks"][0]).any()


def test_tiles_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.concatenate([damaged("cracks")[0], damaged("losses")[0]] * 3)
    whole = network.grades(image, range(5), 1)
    monkeypatch.setattr(network, "_SIDE", 64)
    said: list[float] = []
    tiled = network.grades(image, range(5), 1, said.append)
    assert len(said) >= 20
    assert said[-1] == 1
    np.testing.assert_allclose(tiled.astype(int), whole, atol=1)  # rounding


@pytest.mark.parametrize("inside", [(slice(96, 150), slice(0, 31)), (slice(0, 320), slice(192, 200))])
def test_a_part_alone_is_as_in_the_whole(inside: network.Part) -> None:
    image = np.concatenate([damaged("cracks")[0], damaged("losses")[0]])
    whole = network.grades(image, range(4), 1)
    part = network.grades_at(image, range(4), inside)
    np.testing.assert_allclose(part.astype(int), whole[:, *inside], atol=1)  # rounding


def test_stains_are_not_looked_for_in_parts() -> None:
    with pytest.raises(ValueError, match="in the whole picture"):
        network.grades_at(noisy(20, 20, 0), range(5), (slice(0, 20), slice(0, 20)))


def test_the_middle_of_a_large_loss_is_found() -> None:
    image = np.tile(np.random.default_rng(1).integers(90, 130, (220, 220, 1), dtype=np.uint8), 3)
    y, x = np.mgrid[:220, :220]
    away = np.hypot(y - 110, x - 110)
    image[away < 50] = np.random.default_rng(2).integers(205, 225, ((away < 50).sum(), 1))
    found = restauro.detect(image, "losses", sensitivity=3)
    assert found[away < 40].mean() > 0.9
    assert found[away < 20].all()
    assert not found[away > 60].any()


def test_marks_end_where_the_odds_fall_steeply() -> None:
    graded = np.full((9, 20), 158, np.uint8)  # likely
    graded[2:6, 4:8] = 248  # sure
    np.testing.assert_array_equal(marks.Class(2, 8).marks({2: graded}, 5.0), graded == 248)
    graded[2:6, 4:8] = 215  # more, and no steep fall beside it
    assert marks.Class(2, 8).marks({2: graded}, 5.0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([network.CRACK, network.DUST]), st.floats(0.5, 9))
def test_marks_are_rated_by_their_odds_and_lines_by_their_length(seed: int, place: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    graded = np.where(rng.random((40, 50)) < 0.3, rng.integers(125, 256, (40, 50)), 20).astype(np.uint8)
    planes = {network.DUST: graded, network.CRACK: graded, network.SCRATCH: np.zeros_like(graded)}
    plane = graded if place == network.DUST else network.either(graded, planes[network.SCRATCH])
    numbers, count = ndimage.label(marks._likely(plane), np.ones((3, 3)))
    wanted = np.zeros(graded.shape, np.bool_)
    for k, box in enumerate(ndimage.find_objects(numbers, count), 1):
        odds = (graded[numbers == k].astype(float) - 128) / 10
        longer = 1.0 if place == network.DUST else max(side.stop - side.start for side in box) / 10
        rating = np.sqrt(np.mean(np.maximum(odds + 1.5, 0) ** 2) * longer)
        wanted |= (numbers == k) & (rating >= threshold) & (len(odds) >= 3)
    np.testing.assert_array_equal(marks.Class(place, 3).marks(planes, threshold), wanted)


def test_a_longer_line_needn_t_be_as_sure() -> None:
    planes = {place: np.full((30, 80), 20, np.uint8) for place in network.LINES}
    planes[network.CRACK][5, 5:16] = planes[network.CRACK][20, 5:75] = network.EVEN + 30
    found = marks.Class(network.CRACK, 10).marks(planes, 6.0)
    assert found[20, 5:75].all()
    assert not found[5].any()


@pytest.mark.parametrize(("crack", "scratch", "kinds"), [(180, 180, {0, 1}), (210, 180, {0, 1}), (200, 120, {0})])
def test_a_line_that_may_be_either_is_both(crack: int, scratch: int, kinds: set[int]) -> None:
    planes = {place: np.full((9, 25), 20, np.uint8) for place in network.LINES}
    planes[0][4], planes[1][4] = crack, scratch
    assert {place for place in network.LINES if marks.Class(place, 10).marks(planes, 5.0)[4].all()} == kinds
    turned = {0: planes[1], 1: planes[0]}
    assert {1 - place for place in network.LINES if marks.Class(place, 10).marks(turned, 5.0).any()} == kinds


@settings(max_examples=25, deadline=None)
@given(st.floats(0, np.pi), st.floats(35, 80), st.sampled_from([1, 2, 4]), st.sampled_from([0, 30]))
def test_a_long_straight_line_that_may_be_a_scratch_is_one(
    heading: float, length: float, width: int, sagitta: int
) -> None:
    along = np.linspace(-0.5, 0.5, 200)
    off = sagitta * (0.25 - along**2) * 4  # an arc isn't straight
    rows = 60 + np.sin(heading) * along * length + np.cos(heading) * off
    columns = 60 + np.cos(heading) * along * length - np.sin(heading) * off
    drawn = np.zeros((120, 120), np.bool_)
    drawn[np.rint(rows).astype(int), np.rint(columns).astype(int)] = True
    drawn = ndimage.binary_dilation(drawn, np.ones((width, width)))
    planes = {
        network.CRACK: np.where(drawn, 200, 20).astype(np.uint8),
        network.SCRATCH: np.where(drawn, 120, 20).astype(np.uint8),
    }
    found = marks.Class(network.SCRATCH, 10).marks(planes, 0.5)
    np.testing.assert_array_equal(found, drawn if not sagitta else np.zeros_like(drawn))
    np.testing.assert_array_equal(marks.Class(network.CRACK, 10).marks(planes, 5.0), drawn)


@pytest.mark.parametrize("side", [64, 640])  # of tiles: many, or a single one that threads share
def test_threads_make_no_difference(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_SIDE", side)
    image = np.concatenate([damaged("cracks")[0], damaged("losses")[0]])
    alone = network.grades(image, (0, 2), 1)
    for workers in (2, 3, 4):
        np.testing.assert_array_equal(network.grades(image, (0, 2), workers), alone)


@pytest.mark.parametrize("kind", LEARNED)
@pytest.mark.parametrize("level", [0, 77, 255])
def test_nothing_is_found_on_flat_pictures(kind: str, level: int) -> None:
    assert not restauro.detect(np.full((90, 70, 3), level, np.uint8), kind).any()
    assert not restauro.detect(np.full((90, 70), level, np.uint8), kind, sensitivity=marks.MOST).any()


def test_more_false_marks_allowed_mark_more() -> None:
    image, _ = damaged("cracks")
    found = [restauro.detect(image, "cracks", sensitivity=rate).sum() for rate in (0.3, 3, 30)]
    assert found[0] <= found[1] <= found[2]
    plane = np.full((20, 200), 20, np.uint8)
    for k, odds in enumerate((0, 2, 4, 6, 8, 10, 12)):
        plane[5:15, 25 * k : 25 * k + 10] = network.EVEN + 10 * odds
    cls = marks.Class(network.LOSS, 8)
    found = [cls.marks({network.LOSS: plane}, marks.threshold_of("losses", rate)).sum() for rate in (0.3, 3, 30)]
    assert found[0] < found[1] < found[2]
    odds = [marks.threshold_of("dust", rate) for rate in (0.3, 0.9, 1, 20, 30)]
    assert odds == sorted(odds, reverse=True)


def test_small_marks_are_left_out() -> None:
    image, hole = damaged("dust")
    assert restauro.detect(image, "dust", smallest=15).any()
    assert not restauro.detect(image, "dust", smallest=hole.sum()).any()


class TestUnknownPixels:
    def test_they_are_never_marked_and_have_no_outline(self) -> None:
        image = (noisy(*SIZE) / 255).astype(np.float32)
        image[60:100, 50:120] = np.nan
        for kind in LEARNED:
            assert not restauro.detect(image, kind).any(), kind

    @pytest.mark.parametrize("kind", ["dust", "losses"])
    def test_those_that_are_named(self, kind: str) -> None:
        image, hole = damaged(kind)
        left = np.zeros(SIZE, bool)
        left[:, :90] = True
        found = restauro.detect(image, kind, sensitivity=1, unknown=left)
        assert not found[left].any()
        assert found[hole & ~left].mean() > 0.6

    def test_nothing_known(self) -> None:
        with pytest.raises(MaskError, match="Nothing of the picture is known"):
            restauro.detect(np.full((8, 8), np.nan), "dust")
        with pytest.raises(MaskError, match="The array of unknown pixels"):
            restauro.detect(noisy(), "dust", unknown=np.zeros((3, 3), bool))

    def test_infinity_is_refused(self) -> None:
        with pytest.raises(ImageError, match="Floats must be 0 to 1"):
            restauro.detect(np.full((8, 8), np.inf), "dust")


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32])
def test_whole_numbers_without_black_and_white_are_spread(dtype: Any) -> None:
    image, hole = damaged("losses")
    deep = image[..., 0].astype(np.int64) * 100 - (2000 if dtype != np.uint32 else 0)
    found = restauro.detect(deep.astype(dtype), "losses", sensitivity=1)
    assert found[hole].mean() > 0.6
    assert not found[~restauro.grow_mask(hole, 2)].any()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (
            {"sensitivity": 0.2},
            ParameterError,
            r"The sensitivity 0.2 is out of range: it must be 0.3 to 30 \(expected",
        ),
        ({"sensitivity": "3"}, ParameterTypeError, r"The sensitivity '3' isn't a number: it is 0.3 to 30 expected"),
        ({"smallest": 0}, ParameterError, r"The smallest mark 0 is out of range: it must be 1 pixel or more"),
        ({"smallest": 2.0}, ParameterTypeError, r"The smallest mark 2.0 isn't a whole number of pixels"),
    ],
)
def test_numbers_that_are_refused(options: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        restauro.detect(noisy(), "dust", **options)


def test_a_colour_has_no_sensitivity() -> None:
    with pytest.raises(ParameterError, match=r"are for kinds that aren't a colour"):
        restauro.detect(noisy(), "color", colour="#ff0000", sensitivity=3)


def test_another_file_in_the_models_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "damage.onnx"
    wrong.write_bytes(b"no network")
    monkeypatch.setattr(network, "MODEL", wrong)
    with pytest.raises(ModelError, match=r"damage\.onnx can't be opened as an ONNX file"):
        network.grades(noisy(), (0,))
    monkeypatch.setattr(network, "MODEL", Path(restauro.__file__).parent / "models" / "cifar10.onnx")
    with pytest.raises(ModelError, match=r"isn't the network that finds damage: install restauro again"):
        network.grades(noisy(), (0,))


def test_onnx_runtime_is_loaded_when_it_is_needed() -> None:
    code = (
        "import sys, numpy as np, restauro\n"
        "image = np.zeros((8, 8, 3), np.uint8)\n"
        "restauro.detect(image, 'color', colour='#ff0000'); restauro.Restoration\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "restauro.detect(image, 'dust')\n"
        "assert 'onnxruntime' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
