"""Models of method `network`: which are known, which are refused, and how they fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import pyvips
from onnx import helper, numpy_helper

import restauro
from restauro.cli import main
from restauro.errors import ModelError
from restauro.methods import network
from restauro.methods.network import Network
from tests.methods.network_pictures import damaged, fill
from tests.networks import METADATA, tiny_model, write_network, write_tiny


def test_without_a_name_it_is_the_network_of_paintings() -> None:
    image, hole = damaged((40, 40, 3))
    found = restauro.inpaint(image, hole, "network")
    np.testing.assert_array_equal(found, restauro.inpaint(image, hole, "network", model="paintings"))
    assert np.abs(found - restauro.inpaint(image, hole))[hole].max() < 0.5  # it corrects the default method's fill
    assert not np.array_equal(found, restauro.inpaint(image, hole))


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
    with pytest.raises(ModelError, match=f"There is no model 'paintings': {ways}"):
        Network()
    with pytest.raises(ModelError, match=f"There is no model '': {ways}"):
        Network(model="")
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
    (METADATA | {"restauro.format": "3"}, "has format 3, and this restauro knows format 1 and 2"),
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
    assert "filled (23.4 %) by network (learned) in" in capsys.readouterr().out
    assert main([*line, "--model", "painting"]) == 2
    ways = "".join(f"use --model {name}, or " for name in network.shipped_models()) + "give it the path of"
    assert f"Error: There is no model 'painting': {ways}" in capsys.readouterr().err
    assert main([*line, "--model", "nothing.onnx"]) == 2
    assert f"Error: There is no file nothing.onnx: {ways}" in capsys.readouterr().err
    assert main([*line[:-1], "other.png", "--model", "./photo.png"]) == 2
    assert "): name one that is, or get a complete copy." in capsys.readouterr().err
