from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")
onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[train]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'restauro[train]'")

import onnxruntime

from restauro import filters
from restauro.detection import network
from restauro.errors import TrainingError
from restauro.training import checkpoints
from restauro.training.damage_unet import DamageUNet
from restauro.training.export_finding import export_finding
from restauro.training.onnx_files import read_weights, rounded_to_half


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[DamageUNet, Path]:
    """Return a network with weights that half precision holds, and its file."""
    torch.manual_seed(0)
    network = DamageUNet(width=8, depth=3)
    for number in range(3):  # as if it had seen something
        network(torch.rand(2, 3, 32, 32) * number)
    torch.nn.init.normal_(network.last.weight, std=0.05)
    network = rounded_to_half(network)
    path = tmp_path_factory.mktemp("export") / "finder.onnx"
    written = export_finding(network, path, {"name": "tried", "context": "16"})
    assert written.bytes == path.stat().st_size
    assert written.difference < 1e-4
    assert written.loss is None
    return network, path


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 3, 36, 20)])
def test_outputs_are_those_of_pytorch_at_any_size(exported: tuple[DamageUNet, Path], shape: tuple[int, ...]) -> None:
    torch_network, path = exported
    rng = np.random.default_rng(0)
    image, told = rng.random(shape, np.float32), rng.normal(size=(shape[0], 5, *shape[2:])).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found, features = session.run(["probability", "features"], {"image": image, "told": told})
    with torch.no_grad():
        expected = torch_network.eval().features(torch.from_numpy(image), torch.from_numpy(told))
        np.testing.assert_allclose(features, expected.numpy(), atol=1e-3)
        np.testing.assert_allclose(found, torch_network.last(expected).sigmoid().numpy(), atol=1e-4)


@pytest.mark.parametrize("shape", [(97, 130), (150, 201), (300, 270)])
def test_the_looks_are_those_of_pytorch(
    exported: tuple[DamageUNet, Path], shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tile by tile, each look told what the one before saw; sides are filled up in other ways, so not at the rims."""
    torch_network, path = exported
    monkeypatch.setattr(network, "MODEL", path)
    monkeypatch.setattr(network, "_SIDE", 64)
    rng = np.random.default_rng(1)
    smooth = np.dstack([filters.gaussian(rng.random(shape, np.float32), 2.0, "edge") for _ in range(3)])
    image = np.clip(0.5 + 8 * (smooth - 0.5), 0, 1).astype(np.float32)
    found = network.grades(image, range(4), 2)
    with torch.no_grad():
        odds = torch_network.eval()(torch.from_numpy(image.transpose(2, 0, 1)[None]))[0, :4].numpy()
    expected = np.clip(np.rint(10 * odds) + 128, 0, 255)
    inner = np.s_[:, 40:-40, 40:-40]
    np.testing.assert_allclose(found.astype(int)[inner], expected[inner], atol=2)
    part = (slice(0, min(40, shape[0])), slice(64, 90))
    np.testing.assert_allclose(network.grades_at(image, range(4), part).astype(int), found[:, *part], atol=1)


def test_a_network_for_stains_alone_is_exported_as_such(tmp_path: Path) -> None:
    finder = DamageUNet(width=8, depth=3, looks=2, only="stain").eval()
    with torch.no_grad():
        finder.last.weight.normal_()
    export_finding(finder, tmp_path / "stains.onnx", {"name": "tried", "context": "16"})
    session = onnxruntime.InferenceSession(tmp_path / "stains.onnx", providers=["CPUExecutionProvider"])
    given = {
        "image": np.random.default_rng(0).random((1, 3, 16, 16), np.float32),
        "told": np.zeros((1, 5, 16, 16), "f4"),
    }
    (found,) = session.run(["probability"], given)
    assert found[:, :4].max() < 1e-5
    assert found[:, 4].max() > 1e-3


@pytest.fixture(scope="module")
def small(exported: tuple[DamageUNet, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "finder.onnx"
    rng = np.random.default_rng(2)
    pieces = [rng.integers(0, 256, (64, 96, 3)).astype(np.uint8) for _ in range(4)]
    written = export_finding(exported[0], path, {"name": "tried", "context": "16"}, pieces=pieces)
    assert written.difference < 1e-4
    assert written.eight_bits is not None
    assert 0 < written.eight_bits < 0.2
    return path


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 3, 36, 20)])
def test_eight_bits_are_near_at_any_size(
    exported: tuple[DamageUNet, Path], small: Path, shape: tuple[int, ...]
) -> None:
    torch_network, _ = exported
    rng = np.random.default_rng(3)
    image, told = rng.random(shape, np.float32), np.full((shape[0], 5, *shape[2:]), -4, np.float32)
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    found, features = session.run(["probability", "features"], {"image": image, "told": told})
    with torch.no_grad():
        expected = torch_network.eval().features(torch.from_numpy(image), torch.from_numpy(told))
        np.testing.assert_allclose(features, expected.numpy(), atol=0.05 * float(expected.max()))
        np.testing.assert_allclose(found, torch_network.last(expected).sigmoid().numpy(), atol=0.05)


def test_all_but_the_first_and_the_last_convolution_are_in_eight_bits(
    exported: tuple[DamageUNet, Path], small: Path
) -> None:
    plain, model = onnx.load(exported[1]), onnx.load(small)
    kernels = [tensor for tensor in model.graph.initializer if len(tensor.dims) == 4]
    kinds = [tensor.data_type for tensor in kernels]
    assert kinds.count(onnx.TensorProto.FLOAT) == 2
    assert kinds.count(onnx.TensorProto.INT8) == len(kinds) - 2 > 10
    assert len(kinds) == sum(node.op_type == "Conv" for node in plain.graph.node)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert (about["classes"], about["multiple"]) == ("crack,scratch,loss,dust,stain", "4")


def test_nothing_goes_on_from_eight_bits(small: Path) -> None:
    with pytest.raises(TrainingError, match="don't fit the network"):
        checkpoints.take_weights(DamageUNet(width=8, depth=3), None, small)


def test_frozen_statistics_stay() -> None:
    network = DamageUNet(width=4, depth=2)
    network(torch.rand(2, 3, 16, 16))
    network.freeze_batch_norm()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    network.train()(torch.rand(2, 3, 16, 16)).mean().backward()
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_the_file_says_what_it_finds(exported: tuple[DamageUNet, Path]) -> None:
    about = {entry.key: entry.value for entry in onnx.load(exported[1]).metadata_props}
    assert about["classes"] == "crack,scratch,loss,dust,stain"
    assert about["multiple"] == "4"
    assert about["name"] == "tried"


def test_its_weights_and_statistics_are_the_networks_bit_for_bit(exported: tuple[DamageUNet, Path]) -> None:
    network, path = exported
    other = DamageUNet(width=8, depth=3)
    mean = DamageUNet(width=8, depth=3)
    checkpoints.take_weights(other, mean, path)
    for name, values in network.state_dict().items():
        if name.endswith("num_batches_tracked"):  # which nothing depends on
            continue
        assert torch.equal(values, other.state_dict()[name]), name
        assert torch.equal(values, mean.state_dict()[name]), name


def test_a_file_that_is_no_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(TrainingError, match=r"x\.onnx can't be read as an ONNX model"):
        read_weights(tmp_path / "x.onnx")
    with pytest.raises(TrainingError, match=r"y\.onnx can't be read as an ONNX model"):
        read_weights(tmp_path / "y.onnx")


def test_no_convolution_before_a_normalisation_has_a_bias(exported: tuple[DamageUNet, Path]) -> None:
    """Zeros that PyTorch writes there keep ONNX Runtime from merging the two."""
    model = onnx.load(exported[1])
    normalised = {node.input[0] for node in model.graph.node if node.op_type == "BatchNormalization"}
    biases = [len(node.input) == 3 for node in model.graph.node if node.output[0] in normalised]
    assert len(biases) > 5
    assert not any(biases)
