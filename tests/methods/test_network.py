"""Method `network`: what of a picture a model sees, how its output comes back, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import pyvips
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from scipy.ndimage import maximum_filter

import restauro
from restauro.cli import main
from restauro.errors import ModelError
from restauro.methods import network
from restauro.methods.network import Network
from tests.networks import METADATA, tiny_model, write_network, write_tiny
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


def damaged(shape: tuple[int, ...], dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """A picture that is smaller than the context, so that all of it is seen, and a hole."""
    hole = np.zeros(shape[:2], bool)
    hole[2:5, 1:6] = True
    return picture(np.random.default_rng(11), shape, dtype), hole


def fill(image: np.ndarray, hole: np.ndarray, **options: Any) -> np.ndarray:
    return restauro.inpaint(image, hole, "network", model=str(tiny_model()), **options)


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
        monkeypatch.setattr(network, "_TILE", side)
        monkeypatch.setattr(network, "_OVERLAP", overlap)
        np.testing.assert_allclose(fill(image, hole), whole, rtol=0, atol=2e-2)
        # Values are clipped to the known ones of each tile; where that does nothing they are the same.
        assert np.mean(np.abs(fill(image, hole) - whole)[hole] < 1e-5) > 0.99


@pytest.mark.parametrize("length", [1, 511, 512, 513, 960, 961, 2000])
def test_tiles_cover_their_core_and_overlap(length: int) -> None:
    places = network._places((slice(5, 5 + length), slice(0, 3)))
    covered = np.zeros(length, int)
    for (_, bottom, *_), (top, *_) in pairwise(places):
        assert bottom - top >= network._OVERLAP
    for top, bottom, left, right in places:
        assert (left, right) == (0, 3)
        assert bottom - top <= network._TILE
        covered[top - 5 : bottom - 5] += 1
    assert covered.min() == 1


def test_a_hole_deeper_than_a_tile_is_filled_with_something_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_TILE", 32)
    monkeypatch.setattr(network, "_OVERLAP", 8)
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
    np.testing.assert_array_equal(network._reached(hole, distance), expected)


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


def test_a_model_has_to_be_named() -> None:
    image, hole = damaged((8, 8))
    there = "".join(f'use model="{name}", or ' for name in network.shipped_models())
    with pytest.raises(
        ModelError, match=f"^Method 'network' needs a model: {there}give it the path of an .onnx file that"
    ):
        restauro.inpaint(image, hole, "network")


def test_shipped_models_are_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "MODELS", tmp_path)
    write_tiny(tmp_path / "frescoes.onnx")
    write_tiny(tmp_path / "icons.onnx")
    image, hole = damaged((8, 8, 3))
    np.testing.assert_array_equal(
        restauro.inpaint(image, hole, "network", model="icons"),
        restauro.inpaint(image, hole, Network(str(tiny_model()))),
    )
    ways = 'use model="frescoes", or use model="icons", or give it the path of'
    with pytest.raises(ModelError, match=f"needs a model: {ways}"):
        Network()
    with pytest.raises(ModelError, match=f"There is no model 'icon': {ways}"):
        Network(model="icon")


def test_every_shipped_model_opens_and_has_a_card() -> None:
    for name, path in network.shipped_models().items():
        assert path.with_suffix(".md").is_file()
        assert Network(model=name).reach(0) > 0
    assert (network.MODELS / "README.md").is_file()


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ModelError, match=r"^There is no file runs/x/model.onnx: .*give it the path of an .onnx file"):
        Network(model="runs/x/model.onnx")
    with pytest.raises(ModelError, match=r"^There is no file model.onnx: (use|give)"):
        Network(model="model.onnx")


BAD_METADATA = [
    ({}, "is an ONNX file, but no network that `restauro export` made"),
    (METADATA | {"restauro.format": "2"}, "has format 2, and this restauro knows format 1"),
    (METADATA | {"context": "much"}, "doesn't say in whole numbers how much context it needs"),
    *(
        (METADATA | {key: value}, "doesn't say in whole numbers how much context it needs")
        for key in ("context", "multiple")
        for value in ("0", "-4", "", "1e3", "nan", "4097", "1" + "0" * 20, "9" * 5000)
    ),
]


@pytest.mark.parametrize(("metadata", "text"), BAD_METADATA)
def test_files_of_others_are_refused(tmp_path: Path, metadata: dict[str, str], text: str) -> None:
    path = write_tiny(tmp_path / "other.onnx", metadata)
    image, hole = damaged((8, 8))
    with pytest.raises(ModelError, match=f"other.onnx {text}"):
        restauro.inpaint(image, hole, "network", model=path)


def test_other_inputs_are_refused(tmp_path: Path) -> None:
    model = onnx.load(tiny_model())
    for node in model.graph.node:
        node.input[:] = ["picture" if name == "image" else name for name in node.input]
    model.graph.input[0].name = "picture"
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"other.onnx is an ONNX file, but no network that"):
        Network(str(tmp_path / "other.onnx")).reach(0)


@pytest.mark.parametrize("content", [b"", b"not at all", bytes(range(256)) * 9])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.onnx"
    path.write_bytes(content)
    with pytest.raises(
        ModelError, match=r"picture.onnx (can't be opened as an ONNX file \(\w|is an ONNX file, but no)"
    ):
        Network(str(path)).reach(0)


def test_an_unknown_provider_is_said_with_those_there_are() -> None:
    image, hole = damaged((8, 8))
    with pytest.raises(ModelError, match=r"no provider 'TPUExecutionProvider'; there is .*CPUExecutionProvider"):
        fill(image, hole, providers="CPUExecutionProvider, TPUExecutionProvider")
    np.testing.assert_array_equal(fill(image, hole, providers=" CPUExecutionProvider,"), fill(image, hole))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build with CUDA on a computer without it would compute on the processor."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    image, hole = damaged((8, 8))
    with pytest.raises(ModelError, match=r"can't start its provider 'CUDAExecutionProvider' here: see that its driver"):
        fill(image, hole, providers="CUDAExecutionProvider")


def test_a_network_that_gives_nan_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Mul", ["image", "bad"], ["restored"])]
    path = write_network(tmp_path / "bad.onnx", nodes, {"bad": np.array(np.nan, np.float32)})
    image, hole = damaged((8, 8))
    with pytest.raises(ModelError, match=r"network bad.onnx gave values that aren't all finite: its training went"):
        restauro.inpaint(image, hole, "network", model=path)


def test_an_output_of_another_size_is_said(tmp_path: Path) -> None:
    nodes = [helper.make_node("AveragePool", ["image"], ["restored"], kernel_shape=[2, 2], strides=[2, 2])]
    path = write_network(tmp_path / "half.onnx", nodes, {})
    image, hole = damaged((8, 8))
    said = r"half.onnx gave an output of shape \(1, 3, 4, 4\) for a picture of shape \(1, 3, 8, 8\), and the two must"
    with pytest.raises(ModelError, match=said):
        restauro.inpaint(image, hole, "network", model=path)


@pytest.mark.shared
def test_the_case_of_half_the_size(shared: Path) -> None:
    case = shared / "data" / "cases" / "onnx-output-half-size.onnx"
    if not case.is_file():
        pytest.skip(f"{case} isn't there")
    image, hole = damaged((64, 64, 3))
    with pytest.raises(ModelError, match=r"gave an output of shape .* for a picture of shape"):
        restauro.inpaint(image, hole, "network", model=case)


def test_numbers_whose_difference_is_none_are_filled() -> None:
    """As the same picture of -2 to 2, a range that is none of 0 to 1 either."""
    image, hole = damaged((8, 8, 3))
    image = 4 * (image - image.min()) / np.ptp(image) - 2
    largest = np.ldexp(1.0, 1022)
    np.testing.assert_allclose(fill(image * largest, hole) / largest, fill(image, hole), rtol=0, atol=1e-5)


def test_a_network_that_fails_is_said(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["image", "shape"], ["square"]),
        helper.make_node("Reshape", ["square", "shape"], ["restored"]),
    ]
    path = write_network(tmp_path / "small.onnx", nodes, {"shape": np.array([1, 3, 4, 4])})
    image, hole = damaged((8, 8))
    with pytest.raises(ModelError, match=r"The network small.onnx failed on 8 x 8 pixels \(.*\); try another model"):
        restauro.inpaint(image, hole, "network", model=path)


def test_a_model_that_is_written_anew_is_opened_anew(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "mine.onnx")
    image, hole = damaged((8, 8, 3))
    first = restauro.inpaint(image, hole, "network", model=path)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == "second":
            tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), "second"))
    helper.set_model_props(model, METADATA | {"name": "another"})
    onnx.save(model, path)
    assert np.abs(restauro.inpaint(image, hole, "network", model=path) - first).max() > 0.01


def test_onnx_runtime_is_imported_when_a_model_is_opened() -> None:
    code = (
        "import sys, restauro; method = restauro.method_class('network')(model=sys.argv[1]); "
        "import restauro.cli.restore; assert 'onnxruntime' not in sys.modules; method.reach(0); "
        "assert 'onnxruntime' in sys.modules; assert 'onnx' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tiny_model())], check=True)


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    image, hole = damaged((8, 8, 3), "uint8")
    pyvips.Image.new_from_array(image).copy(interpretation="srgb").pngsave("photo.png")
    pyvips.Image.new_from_array(hole.astype(np.uint8) * 255).copy(interpretation="b-w").pngsave("m.png")
    line = ["restore", "photo.png", "--mask", "m.png", "--method", "network", "-o", "out.png"]
    assert main([*line, "--model", str(tiny_model())]) == 0
    np.testing.assert_array_equal(restauro.read_picture("out.png").pixels, fill(image, hole))
    assert "filled (23.4 %) by network in" in capsys.readouterr().out
    assert main(line) == 2
    ways = "".join(f"use --model {name}, or " for name in network.shipped_models()) + "give it the path of"
    assert f"Error: Method 'network' needs a model: {ways}" in capsys.readouterr().err
    assert main([*line, "--model", "nothing.onnx"]) == 2
    assert f"Error: There is no file nothing.onnx: {ways}" in capsys.readouterr().err
    assert main([*line[:-1], "other.png", "--model", "./photo.png"]) == 2
    assert "): name one that is, or get a complete copy." in capsys.readouterr().err
