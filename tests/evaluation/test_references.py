"""Ways to fill, asked for in text: restauro's own, other libraries', networks of ONNX files."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import restauro
from restauro.errors import EvaluationError, ModelError, ParameterError, ParameterTypeError, RestauroError
from restauro.evaluation import references
from restauro.evaluation.references import NETWORK_FILE, PEERS, make_way, split_ways, way_names
from restauro.method import TO_COMPARE_WITH

MODULES = {
    "opencv": "cv2",
    "skimage": "skimage",
    "pypatchmatch": "patchmatch",
    "patchmatch-cython": "patchmatch_cython",
}


def needs(name: str) -> Any:
    return next((pytest.importorskip(module) for part, module in MODULES.items() if name.startswith(part)), None)


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:40, :48]
    smooth = np.stack([4 * x, 3 * y + 20, x + y], axis=-1)
    return (smooth + rng.integers(0, 9, smooth.shape)).astype(np.uint8)


@pytest.fixture
def hole() -> np.ndarray:
    hole = np.zeros((40, 48), bool)
    hole[12:20, 18:31] = True
    hole[30:32, 4:40] = True
    return hole


def test_own_methods_are_those_of_inpaint(picture: np.ndarray, hole: np.ndarray) -> None:
    for text, method, parameters in [("telea:radius=3", "telea", {"radius": 3}), ("harmonic", "harmonic", {})]:
        way = make_way(text)
        assert np.array_equal(way.fill(picture, hole, 1), restauro.inpaint(picture, hole, method, **parameters))
        assert way.name == text
        assert way.versions["restauro"] == restauro.__version__


def test_every_peer_fills_the_hole_and_leaves_its_input(picture: np.ndarray, hole: np.ndarray) -> None:
    damaged = np.where(hole[:, :, np.newaxis], np.uint8(255), picture)
    for name, peer in PEERS.items():
        needs(name)
        way = make_way(name)
        assert next(iter(way.versions)).split("-")[0] == peer.package.split("-")[0]
        for seen, truth in [(damaged, picture), (damaged[:, :, 0], picture[:, :, 0])]:
            before = seen.copy()
            filled = way.fill(seen, hole, 1)
            assert np.array_equal(seen, before)
            assert (filled.shape, filled.dtype) == (seen.shape, np.uint8)
            assert np.abs(filled[hole].astype(int) - truth[hole]).mean() < (60 if name == "mean-colour" else 25)
            if name != "opencv-fsr":
                assert np.array_equal(filled[~hole], seen[~hole])


def test_opencv_is_called_as_it_is(picture: np.ndarray, hole: np.ndarray) -> None:
    cv2 = needs("opencv")
    mask = hole.astype(np.uint8) * 255
    for text, radius, flag in [
        ("opencv-telea:radius=3", 3, cv2.INPAINT_TELEA),
        ("opencv-telea", 5, cv2.INPAINT_TELEA),
        ("opencv-ns:radius=2", 2, cv2.INPAINT_NS),
    ]:
        assert np.array_equal(make_way(text).fill(picture, hole, 1), cv2.inpaint(picture, mask, radius, flag))


def test_fsr_is_given_blue_first_and_what_is_known(picture: np.ndarray, hole: np.ndarray) -> None:
    cv2 = needs("opencv")
    if not hasattr(cv2, "xphoto"):
        pytest.skip("OpenCV without its contrib modules")
    expected = np.zeros_like(picture)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    cv2.xphoto.inpaint(bgr, (~hole).astype(np.uint8) * 255, expected, cv2.xphoto.INPAINT_FSR_FAST)
    found = make_way("opencv-fsr").fill(picture, hole, 1)
    assert np.array_equal(found, cv2.cvtColor(expected, cv2.COLOR_BGR2RGB))
    best = make_way("opencv-fsr:quality=best").fill(picture, hole, 1)
    assert not np.array_equal(found, best)


def test_opencv_uses_the_threads_that_it_is_given(picture: np.ndarray, hole: np.ndarray) -> None:
    cv2 = needs("opencv")
    before = cv2.getNumThreads()
    try:
        make_way("opencv-ns").fill(picture, hole, 1)
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


def test_biharmonic_is_that_of_scikit_image(picture: np.ndarray, hole: np.ndarray) -> None:
    needs("skimage")
    from skimage.restoration import inpaint_biharmonic

    expected = 255 * inpaint_biharmonic(picture, hole, channel_axis=-1)
    assert np.abs(make_way("skimage-biharmonic").fill(picture, hole, 1) - expected.clip(0, 255)).max() <= 0.5 + 1e-6


def test_pypatchmatch_takes_its_patch_size(picture: np.ndarray, hole: np.ndarray) -> None:
    patchmatch = needs("pypatchmatch")
    patchmatch.set_random_seed(0)
    expected = patchmatch.inpaint(picture, hole.astype(np.uint8) * 255, patch_size=2)
    assert np.array_equal(make_way("pypatchmatch:patch_size=2").fill(picture, hole, 1), expected)


def test_mean_colour_is_the_mean_of_what_is_known(picture: np.ndarray, hole: np.ndarray) -> None:
    mean = np.rint(picture[~hole].mean(axis=0))
    assert (make_way("mean-colour").fill(picture, hole, 1)[hole] == mean).all()


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("telae", EvaluationError, "There is no method or peer 'telae': did you mean 'telea'?"),
        ("quux", EvaluationError, r"There is no method or peer 'quux': there is telea, .*, onnx\.$"),
        ("telea:radius=200", ParameterError, "radius=200 is out of range: it must be 1 to 64 pixels"),
        ("telea:radios=3", ParameterError, "has no parameter 'radios': did you mean 'radius'?"),
        ("telea:radius=wide", ParameterTypeError, "radius must be a whole number .*not 'wide'"),
        ("telea:radius", EvaluationError, "'telea:radius' can't be read at 'radius': write a way as NAME:radius=3"),
        ("network:model=none", ModelError, "There is no model 'none'"),
        ("opencv-telea:radius=0", ParameterError, "radius=0 is out of range: it must be 1 to 100 pixels"),
        ("opencv-ns:size=3", EvaluationError, "opencv-ns has no parameter 'size'; there is radius"),
        ("skimage-biharmonic:radius=3", EvaluationError, "skimage-biharmonic has no parameter 'radius'; it has none"),
        ("opencv-fsr:quality=good", ParameterError, "quality=good isn't known: it must be fast or best"),
        ("onnx", EvaluationError, "Name the network's file: onnx:FILE"),
        ("onnx:none.onnx", EvaluationError, r"There is no file none\.onnx"),
        ("onnx:none.onnx:multiple=0", ParameterError, "multiple=0 is out of range"),
        ("onnx:none.onnx:range=half", ParameterError, "range=half isn't known: it must be unit or byte or signed"),
    ],
)
def test_what_cannot_be_made(text: str, error: type[RestauroError], message: str) -> None:
    if text.startswith(("opencv", "skimage")):
        needs(text)
    with pytest.raises(error, match=message):
        make_way(text)


def test_a_peer_that_is_not_installed_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "patchmatch", None)
    with pytest.raises(EvaluationError, match=r"pypatchmatch.*isn't installed: pip install 'restauro\[eval\]'"):
        make_way("pypatchmatch")


def test_lists_are_cut_where_a_way_begins() -> None:
    assert split_ways("telea") == ["telea"]
    listed = "telea:radius=3, onnx:a.onnx:multiple=8,range=unit,opencv-ns"
    assert split_ways(listed) == ["telea:radius=3", "onnx:a.onnx:multiple=8,range=unit", "opencv-ns"]


def test_all_names_are_there_once() -> None:
    names = way_names()
    assert len(set(names)) == len(names)
    assert {"telea", "network", "opencv-fsr", "onnx"} <= set(names)
    assert set(references.PEERS) < set(names)


def test_methods_know_the_names_of_what_is_there_to_compare_with() -> None:
    assert set(TO_COMPARE_WITH) == {*PEERS, NETWORK_FILE}
