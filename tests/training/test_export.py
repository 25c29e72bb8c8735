"""Exported networks do in ONNX Runtime what they do in PyTorch, and say what they are."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")
onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[train]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'restauro[train]'")

import onnxruntime
from onnx import TensorProto, numpy_helper
from torch import nn
from torch.nn import functional

import restauro
from restauro.cli import main
from restauro.errors import TrainingError
from restauro.training import checkpoints
from restauro.training import export as exporting
from restauro.training.export import export
from restauro.training.founding.course import CourseUNet
from restauro.training.presets import PRESETS
from restauro.training.unet import PConvUNet
from tests.promises.pictures import holes, picture

ABOUT = {"name": "tried", "context": "16"}


class Tiny(nn.Module):
    """A convolution with normalisation at half the size, and one back, of what is known."""

    multiple = 2

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, image: Any, known: Any) -> Any:
        seen = torch.cat([torch.where(known > 0, image, 0), known], dim=1)  # [N, 4, H, W]
        below = self.norm(functional.relu(self.first(seen)))  # [N, 8, H / 2, W / 2]
        return torch.sigmoid(self.last(functional.interpolate(below, scale_factor=2)))


def trained(network: nn.Module) -> nn.Module:
    """Give a network weights and statistics as if it had seen something."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
        elif isinstance(getattr(module, "bias", None), nn.Parameter):
            nn.init.normal_(module.bias, std=0.1)
    return network


NETWORKS = {"tiny": Tiny, "unet": lambda: PConvUNet(width=4, depth=2), "course": CourseUNet}


@pytest.fixture(scope="module", params=["tiny", "unet", pytest.param("course", marks=pytest.mark.slow)])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    """A network and its file."""
    torch.manual_seed(3)  # else weights depend on which tests ran before, and with them how much rounding differs
    network = trained(NETWORKS[request.param]())
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    written = export(network, path, ABOUT)
    assert written.bytes == path.stat().st_size
    assert written.difference <= 1e-4
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    return network, path


def rounded(network: nn.Module) -> nn.Module:
    """The network with kernels as float16 holds them."""
    state = {name: v.half().float() if v.dim() > 1 else v for name, v in network.state_dict().items()}
    network.load_state_dict(state)
    return network.eval()


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 16, 16), (3, 48, 16), (1, 80, 112)])
def test_output_is_that_of_pytorch_at_any_size(
    exported: tuple[nn.Module, Path], count: int, rows: int, columns: int
) -> None:
    network, path = exported
    rng = np.random.default_rng(rows)
    image = rng.random((count, 3, rows, columns), np.float32)
    known = np.stack([~holes(rng, (rows, columns))[None] for _ in range(count)]).astype(np.float32)
    image[np.broadcast_to(known == 0, image.shape)] = np.nan
    with torch.no_grad():
        expected = rounded(network)(torch.from_numpy(image), torch.from_numpy(known)).numpy()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(["restored"], {"image": image, "known": known})
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_kernels_are_stored_in_half_precision(exported: tuple[nn.Module, Path]) -> None:
    network, path = exported
    kernels = [v for v in network.state_dict().values() if v.dim() > 1]
    stored = [numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    halves = [array for array in stored if array.dtype == np.float16]
    assert sorted(array.size for array in halves) == sorted(kernel.numel() for kernel in kernels)
    assert all(array.dtype != np.float32 or array.ndim != 4 for array in stored)


def test_training_goes_on_from_it(exported: tuple[nn.Module, Path]) -> None:
    """Every weight is there under its name, whatever the exporter made of it."""
    network, path = exported
    begun = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in begun.parameters():
            parameter.add_(1)
    checkpoints.take_weights(begun, None, path)
    expected = rounded(copy.deepcopy(network)).state_dict()
    for name, values in begun.state_dict().items():
        assert torch.equal(values, expected[name]), name


def test_the_file_says_what_it_is(exported: tuple[nn.Module, Path]) -> None:
    network, path = exported
    model = onnx.load(path)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about.items() >= ABOUT.items()
    assert about["restauro.format"] == "1"
    assert about["multiple"] == str(network.multiple)
    assert re.fullmatch("[0-9a-f]{64}", about["sha256"])
    assert re.fullmatch(r"-?0\.\d{4} dB \(32 drawn pictures\)", about["half_precision_loss"])
    assert f"PyTorch {torch.__version__}" in about["created_with"]
    shapes = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    ]
    assert shapes == [["n", 3, "h", "w"], ["n", 1, "h", "w"], ["n", 3, "h", "w"]]
    assert model.opset_import[0].version == 18
    assert not any(str(Path(exporting.__file__).parents[2]) in line for line in str(model).splitlines())


def test_the_method_fills_with_it(exported: tuple[nn.Module, Path]) -> None:
    network, path = exported
    rng = np.random.default_rng(5)
    image, hole = picture(rng, (15, 14, 3), "float32"), np.zeros((15, 14), bool)
    hole[4:9, 3:10] = True
    sides = [-(-side // network.multiple) * network.multiple for side in hole.shape]
    seen, known = torch.zeros(1, 3, *sides), torch.zeros(1, 1, *sides)
    seen[0, :, :15, :14] = torch.from_numpy(np.where(hole[:, :, None], 0, image)).permute(2, 0, 1)
    known[0, 0, :15, :14] = torch.from_numpy(~hole)
    with torch.no_grad():
        expected = rounded(network)(seen, known)[0, :, :15, :14].permute(1, 2, 0).numpy()
    expected = np.clip(expected, image[~hole].min(axis=0), image[~hole].max(axis=0))
    restored = restauro.inpaint(image, hole, "network", model=path)
    np.testing.assert_allclose(restored[hole], expected[hole], rtol=0, atol=1e-4)


def test_a_file_is_replaced_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("kept")
    with pytest.raises(TrainingError, match=r"model.onnx is there already: choose another name, or use overwrite=True"):
        export(Tiny(), path, ABOUT)
    with pytest.raises(TrainingError, match=r"There is no folder .*missing: make it first"):
        export(Tiny(), tmp_path / "missing" / "model.onnx", ABOUT)
    with pytest.raises(TrainingError, match=r"is a folder: name a file in it, such as .*model.onnx"):
        export(Tiny(), tmp_path, ABOUT)
    monkeypatch.setattr(exporting, "_difference", lambda *_, **__: float("nan"))
    with pytest.raises(TrainingError, match=r"output differs from PyTorch's by nan \(at most 0.0001 is allowed\)"):
        export(Tiny(), path, ABOUT, overwrite=True)
    assert path.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_weights_that_half_precision_does_not_hold_are_refused(tmp_path: Path, value: float) -> None:
    network = Tiny()
    with torch.no_grad():
        network.last.weight[0, 0, 0, 0] = value
    with pytest.raises(TrainingError, match=r"The weights last.weight hold values that half precision doesn't"):
        export(network, tmp_path / "model.onnx", ABOUT)


def test_the_cost_of_rounding_is_that_of_composited_pictures() -> None:
    """Against one picture, a plain loop; a network that gives one grey, and as rounded another."""

    class Flat(nn.Module):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def forward(self, image: Any, known: Any) -> Any:
            return torch.full_like(image, self.value)

    pictures = np.full((1, 4, 4, 3), 51, np.uint8)  # 0.2
    hole = np.zeros((1, 4, 4), bool)
    hole[0, 1:3, 1] = True
    found = exporting._loss_of_rounding(Flat(0.3), Flat(0.4), [(pictures, hole)])
    assert found == pytest.approx(20 * np.log10(0.2 / 0.1), abs=1e-4)
    assert exporting._loss_of_rounding(Flat(0.2), Flat(0.2), [(pictures, ~hole & False)]) == 0


def write_checkpoint(path: Path, ema: dict[str, Any] | None) -> nn.Module:
    preset = PRESETS["cifar10"].changed({"width": "8"})
    network = trained(preset.make_network())
    checkpoints.save(
        path,
        preset=preset.plain(),
        settings={"pictures": 12},
        step=7,
        network=network.state_dict(),
        ema=ema,
        optimiser={},
        scaler={},
        validations=[{"step": 7, "hole_mae": 0.25}],
        progress={},
    )
    return network


def write_pictures(folder: Path) -> Path:
    import pyvips

    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        for split in ("train", "test"):
            (folder / split).mkdir(exist_ok=True)
            values = picture(rng, (32, 32, 3), "uint8")
            image = pyvips.Image.new_from_array(values).copy(interpretation="srgb")
            image.pngsave(str(folder / split / f"{number}.png"))
    return folder


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    network = write_checkpoint(tmp_path / "plain.ckpt", None)
    mean = {name: v * 0.5 if v.is_floating_point() else v for name, v in network.state_dict().items()}
    write_checkpoint(tmp_path / "best.ckpt", mean)
    write_pictures(tmp_path / "pictures")
    assert main(["export", "best.ckpt", "-o", "model.onnx", "--data", "pictures", "--trained-on", "noise"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(
        r"Exporting the network of best\.ckpt, and comparing what ONNX Runtime and PyTorch make of it\.\n"
        r"model.onnx: 0.1 MB; ONNX Runtime within \S+ of PyTorch; "
        r"half precision costs -?\d\.\d{4} dB \(3 test pictures\)\n",
        out,
    )
    assert err == ""
    model = onnx.load("model.onnx")
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["name"] == "cifar10"
    assert about["data"] == "noise"
    assert about["steps"] == "7"
    assert about["context"] == "32"
    assert about["licence"] == "MIT"
    assert json.loads(about["metrics"]) == {"step": 7, "hole_mae": 0.25}
    assert json.loads(about["preset"])["network_options"]["width"] == 8
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if t.data_type == TensorProto.FLOAT16}
    largest = max(stored.values(), key=np.size)
    kernels = [v.half().numpy() for v in mean.values() if v.shape == largest.shape]
    assert any(np.array_equal(largest, kernel) for kernel in kernels)
    assert main(["export", "best.ckpt", "-o", "small.onnx", "--eight-bits", "--data", "pictures"]) == 2
    assert (
        "Error: The network 'correcting' can't work in eight bits, only 'damage' and 'refining' can: export"
        in capsys.readouterr().err
    )
    assert not Path("small.onnx").exists()
    assert main(["export", "best.ckpt", "-o", "model.onnx"]) == 2
    assert "Error: The target model.onnx is there already: choose another name" in capsys.readouterr().err
    assert main(["export", "nothing.ckpt", "-o", "other.onnx"]) == 2
    assert "Error: There is no checkpoint nothing.ckpt" in capsys.readouterr().err


def test_without_pytorch_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["export", "best.ckpt", "-o", "model.onnx"]) == 2
    assert capsys.readouterr().err == "Error: Exporting needs PyTorch and onnx: pip install 'restauro[train]'\n"
