"""Networks of ONNX files: tiny graphs of every form that is taken, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[eval]'")
from onnx import TensorProto, helper  # noqa: E402

from restauro.errors import EvaluationError, ModelError  # noqa: E402
from restauro.evaluation.references import make_way  # noqa: E402

FLOAT, BYTE = TensorProto.FLOAT, TensorProto.UINT8


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: dict[str, tuple[int, Sequence[Any]]],
    output: tuple[int, Sequence[Any]],
    constants: dict[str, Any] | None = None,
) -> Path:
    """Write a graph; its output is called restored."""
    held = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    entries = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
    out = helper.make_tensor_value_info("restored", *output)
    graph = helper.make_graph(list(nodes), "graph", entries, [out], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def two_inputs(path: Path, sides: Sequence[Any] = ("h", "w"), factor: float = 1.0) -> Path:
    """Save picture + mask, times a factor: so the fill says what stood under the hole, and where the mask is 1."""
    nodes = [
        helper.make_node("Add", ["image", "mask"], ["sum"]),
        helper.make_node("Mul", ["sum", "factor"], ["restored"]),
    ]
    inputs = {"image": (FLOAT, [1, 3, *sides]), "mask": (FLOAT, [1, 1, *sides])}
    return save(path, nodes, inputs, (FLOAT, [1, 3, *sides]), {"factor": np.float32(factor)})


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 100, (21, 30, 3)).astype(np.uint8)


@pytest.fixture
def hole() -> np.ndarray:
    hole = np.zeros((21, 30), bool)
    hole[5:9, 10:20] = hole[19:21, 28:30] = True
    return hole


def test_picture_and_mask_go_in_as_the_settings_say(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    path = two_inputs(tmp_path / "sum.onnx", factor=0.5)
    of_hole = make_way(f"onnx:{path}:mask=hole,hidden=0.4").fill(picture, hole, 1)
    assert (of_hole[hole] == round(0.5 * (0.4 + 1) * 255)).all()
    assert np.abs(of_hole[~hole] - 0.5 * picture[~hole]).max() <= 0.5 + 1e-4
    of_known = make_way(f"onnx:{path}:mask=known,hidden=0.4").fill(picture, hole, 1)
    assert (of_known[hole] == round(0.5 * 0.4 * 255)).all()
    assert np.abs(of_known[~hole] - 0.5 * (picture[~hole] + 255.0)).max() <= 0.5 + 1e-4


def test_labels_name_the_file(tmp_path: Path) -> None:
    way = make_way(f"onnx:{two_inputs(tmp_path / 'sum.onnx')}:range=byte")
    assert way.label == "sum, range byte"
    assert list(way.versions) == ["onnxruntime"]


@pytest.mark.parametrize("scale", ["unit", "byte", "signed"])
def test_every_range_comes_back(tmp_path: Path, picture: np.ndarray, hole: np.ndarray, scale: str) -> None:
    path = save(
        tmp_path / "same.onnx",
        [helper.make_node("Identity", ["image"], ["restored"])],
        {"mask": (FLOAT, [1, 1, "h", "w"]), "image": (FLOAT, [1, 3, "h", "w"])},  # the mask first
        (FLOAT, [1, 3, "h", "w"]),
    )
    filled = make_way(f"onnx:{path}:range={scale},hidden=1,multiple=16").fill(picture, hole, 1)
    assert np.array_equal(filled[~hole], picture[~hole])
    assert (filled[hole] == 255).all()


def test_the_output_may_have_another_range(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    path = two_inputs(tmp_path / "lama.onnx", factor=100)
    filled = make_way(f"onnx:{path}:output=byte").fill(picture, hole, 1)
    assert (filled[hole] == 100).all()
    with pytest.raises(EvaluationError, match=r"lama.onnx gave values up to 1\d\d: its output is byte \(output=byte\)"):
        make_way(f"onnx:{path}").fill(picture, hole, 1)


def test_bytes_channels_last_and_masks_of_three_axes(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    nodes = [
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Max", ["image", "wide"], ["restored"]),
    ]
    inputs = {"image": (BYTE, [1, "h", "w", 3]), "mask": (BYTE, [1, "h", "w"])}
    path = save(tmp_path / "bytes.onnx", nodes, inputs, (BYTE, [1, "h", "w", 3]), {"last": np.array([3])})
    filled = make_way(f"onnx:{path}").fill(picture, hole, 1)
    assert (filled[hole] == 255).all()
    assert np.array_equal(filled[~hole], picture[~hole])
    of_known = make_way(f"onnx:{path}:mask=known").fill(picture, hole, 1)
    assert (of_known[hole] == 0).all()
    assert (of_known[~hole] == 255).all()


def test_one_input_of_four_channels(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    """As MI-GAN's generator: mask - 0.5 first, 1 is known, -1 to 1, grey under the hole."""
    weights = np.zeros((3, 4, 1, 1), np.float32)
    weights[:, 0] = 1  # the mask
    weights[range(3), range(1, 4)] = 0.5
    path = save(
        tmp_path / "migan.onnx",
        [helper.make_node("Conv", ["x", "weights"], ["restored"])],
        {"x": (FLOAT, [1, 4, "h", "w"])},
        (FLOAT, [1, 3, "h", "w"]),
        {"weights": weights},
    )
    settings = "range=signed,mask=known,hidden=0.5,offset=-0.5"
    filled = make_way(f"onnx:{path}:{settings}").fill(picture, hole, 1)
    assert (filled[hole] == 64).all()  # -0.5
    signed = (picture[~hole] / 127.5 - 1) * 0.5 + 0.5
    assert np.abs(filled[~hole] - (signed + 1) * 127.5).max() <= 0.5 + 1e-3
    other = make_way(f"onnx:{path}:{settings},first=picture").fill(picture, hole, 1)
    assert not np.array_equal(filled, other)


def test_sides_become_multiples_by_mirroring(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    """The graph pools 4 x 4 pixels and repeats them: what it gives is as large where the sides are multiples of 4."""
    nodes = [
        helper.make_node("Mul", ["image", "mask"], ["holes"]),
        helper.make_node("Sub", ["image", "holes"], ["known"]),
        helper.make_node("MaxPool", ["known"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Resize", ["small", "", "scales"], ["restored"], mode="nearest"),
    ]
    inputs = {"image": (FLOAT, [1, 3, "h", "w"]), "mask": (FLOAT, [1, 1, "h", "w"])}
    constants = {"scales": np.array([1, 1, 4, 4], np.float32)}
    path = save(tmp_path / "pooled.onnx", nodes, inputs, (FLOAT, [1, 3, "a", "b"]), constants)
    flat = np.full_like(picture, 77)
    filled = make_way(f"onnx:{path}:multiple=4").fill(flat, np.zeros_like(hole) | (np.arange(30) == 29), 1)
    assert (filled[:, 27] == 77).all()
    with pytest.raises(EvaluationError, match=r"pooled.onnx gave an output of shape \[1, 3, 20, 28\] for a picture of"):
        make_way(f"onnx:{path}:multiple=1").fill(flat, hole, 1)


def test_fixed_sides_get_windows(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    path = two_inputs(tmp_path / "fixed.onnx", sides=(16, 16), factor=0.5)
    free = two_inputs(tmp_path / "free.onnx", factor=0.5)
    holes = hole | (np.random.default_rng(0).random(hole.shape) < 0.2)
    expected = make_way(f"onnx:{free}").fill(picture, holes, 1)
    assert np.array_equal(make_way(f"onnx:{path}").fill(picture, holes, 1), expected)  # 21 x 30: four windows
    small = make_way(f"onnx:{path}").fill(picture[:9, :12], holes[:9, :12], 2)
    assert np.array_equal(small, expected[:9, :12])


def test_grey_pictures_go_in_as_colour(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    path = two_inputs(tmp_path / "sum.onnx", factor=0.5)
    filled = make_way(f"onnx:{path}").fill(picture[:, :, 0], hole, 1)
    assert filled.shape == hole.shape
    assert np.array_equal(filled, make_way(f"onnx:{path}").fill(picture, hole, 1)[:, :, 0])


def test_what_is_under_the_hole_does_not_matter(tmp_path: Path, picture: np.ndarray, hole: np.ndarray) -> None:
    way = make_way(f"onnx:{two_inputs(tmp_path / 'sum.onnx', factor=0.5)}")
    other = picture.copy()
    other[hole] = 200
    assert np.array_equal(way.fill(picture, hole, 1), way.fill(other, hole, 1))


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("not a network")
    with pytest.raises(ModelError, match=r"text\.onnx can't be opened as an ONNX file"):
        make_way(f"onnx:{text}")
    same = [helper.make_node("Identity", ["x"], ["restored"])]
    picture = save(tmp_path / "one.onnx", same, {"x": (FLOAT, [1, 3, 8, 8])}, (FLOAT, [1, 3, 8, 8]))
    with pytest.raises(EvaluationError, match=r"one\.onnx can't be used: its inputs are x \(3 channels\); wanted are"):
        make_way(f"onnx:{picture}")
    vector = save(tmp_path / "vector.onnx", same, {"x": (FLOAT, [1, 8])}, (FLOAT, [1, 8]))
    with pytest.raises(EvaluationError, match=r"vector\.onnx can't be used: x is tensor\(float\) of shape \[1, 8\]"):
        make_way(f"onnx:{vector}")
