"""VGG-16's features: two kinds of files, their scales, the reference values of known weights, the download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.errors import TrainingError
from restauro.training import vgg

CHANNELS = [3, 64, 64, 128, 128, 256, 256, 256]
CAFFE = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"]
TORCHVISION = [f"features.{number}" for number in (0, 2, 5, 7, 10, 12, 14)]
REFERENCE = "vgg16_caffe_conv1_1-conv3_3_rgb.safetensors"


def random_weights(factor: float = 1.0) -> dict[str, Any]:
    """Return weights by torchvision's names whose features are `factor` times those of 1."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for number, name in enumerate(TORCHVISION):
        shape = (CHANNELS[number + 1], CHANNELS[number], 3, 3)
        kernel = torch.randn(shape, generator=generator) / (9 * CHANNELS[number] / 2) ** 0.5
        weights[f"{name}.weight"] = kernel * (factor if number == 0 else 1)
        weights[f"{name}.bias"] = 0.1 * torch.randn(shape[0], generator=generator) * factor
    return weights


def pictures(count: int = 3, side: int = 24) -> list[Any]:
    return list(np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save(random_weights() | {"classifier.0.weight": torch.zeros(2)}, path)
    return path


def plain_features(weights: dict[str, Any], image: Any) -> list[Any]:
    """VGG-16 up to pool3 as torchvision's documentation has it."""
    mean, deviation = (torch.tensor(three).view(3, 1, 1) for three in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x, found = (image - mean) / deviation, []
    for number, name in enumerate(TORCHVISION):
        x = torch.relu(torch.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1))
        if number in (1, 3, 6):
            x = torch.nn.functional.max_pool2d(x, 2)
            found.append(x)
    return found


def test_features_are_torchvisions_divided_by_their_scales(file: Path) -> None:
    image = torch.rand(2, 3, 16, 24)
    network = vgg.Vgg(vgg.read_weights(file), (0.5, 3.0, 20.0))
    for found, expected, scale in zip(
        network(image), plain_features(random_weights(), image), (0.5, 3.0, 20.0), strict=True
    ):
        torch.testing.assert_close(found, expected / scale, rtol=1e-4, atol=1e-5)
    assert not list(network.parameters())  # nothing to train


def test_the_other_kind_of_file_takes_pictures_of_255(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    weights = random_weights()
    renamed = {
        f"{new}.{kind}": weights[f"{old}.{kind}"].half().contiguous()
        for new, old in zip(CAFFE, TORCHVISION, strict=True)
        for kind in ("weight", "bias")
    }
    save_file(renamed, tmp_path / "vgg16.safetensors")
    read = vgg.read_weights(tmp_path / "vgg16.safetensors")
    assert {values.dtype for values in (*read.kernels, *read.biases)} == {torch.float32}
    image = torch.rand(1, 3, 8, 8)
    mean = torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    x = torch.conv2d(255 * image - mean, renamed["conv1_1.weight"].float(), renamed["conv1_1.bias"].float(), padding=1)
    x = torch.conv2d(x.relu(), renamed["conv1_2.weight"].float(), renamed["conv1_2.bias"].float(), padding=1)
    expected = torch.nn.functional.max_pool2d(x.relu(), 2)
    torch.testing.assert_close(vgg.Vgg(read)(image)[0], expected, rtol=1e-4, atol=1e-3)


def test_measured_scales_make_the_mean_activation_1(file: Path) -> None:
    weights, shown = vgg.read_weights(file), pictures()
    scales = vgg.measured_scales(weights, shown)
    network = vgg.Vgg(weights, scales)
    image = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2) / 255
    np.testing.assert_allclose([float(features.mean()) for features in network(image)], 1, rtol=1e-4)


def test_scales_are_measured_on_the_middle_of_64_pictures_at_most(file: Path) -> None:
    weights = vgg.read_weights(file)
    one = pictures(1)[0]
    wide = np.zeros((8, 300, 3), np.uint8)
    wide[:, 22:278] = np.resize(one, (8, 256, 3))
    assert vgg.measured_scales(weights, [wide]) == vgg.measured_scales(weights, [wide[:, 22:278]])
    small = one[:8, :8]
    taken = iter([small] * 70)
    vgg.measured_scales(weights, taken)
    assert len(list(taken)) == 6


def test_weights_without_stored_scales_are_measured_on_the_pictures_given(file: Path) -> None:
    weights = vgg.read_weights(file)
    assert vgg.stored_scales(weights) is None
    assert vgg.load_vgg(file, pictures()).scales == vgg.measured_scales(weights, pictures())


def test_no_pictures_to_measure_on_is_an_error(file: Path) -> None:
    with pytest.raises(TrainingError, match=r"over 0 pictures are \[0. 0. 0.\]: numbers above 0 are needed; choose"):
        vgg.measured_scales(vgg.read_weights(file), [])


def test_the_stored_scales_name_their_paintings_and_files() -> None:
    stored = json.loads(Path(vgg.__file__).with_name("vgg_scales.json").read_text(encoding="utf-8"))
    assert len(set(stored["paintings"])) == 64
    assert all(len(one["sha256"]) == 64 and min(one["scales"]) > 0 for one in stored["weights"])


@pytest.mark.shared
def test_the_known_weights_give_their_reference_values(shared: Path) -> None:
    """Of astronaut against itself with a grey square; from the description of the file."""
    data = pytest.importorskip("skimage.data", reason="needs the extra eval")
    from restauro.training.losses import gram

    weights = vgg.read_weights(shared / "weights" / REFERENCE)
    assert vgg.stored_scales(weights) is not None
    picture = data.astronaut()
    changed = picture.copy()
    changed[192:320, 192:320] = 128
    network = vgg.Vgg(weights)
    with torch.inference_mode():
        one, other = (network(torch.from_numpy(x).permute(2, 0, 1)[None] / 255) for x in (picture, changed))
        perceptual = sum(float((a - b).abs().mean()) for a, b in zip(one, other, strict=True))
        style = sum(float((gram(a) - gram(b)).abs().mean()) for a, b in zip(one, other, strict=True))
    assert perceptual == pytest.approx(70.8170, rel=3e-4)
    assert style == pytest.approx(119.513, rel=3e-4)


def test_files_that_hold_no_vgg_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"There is no file .*none\.pth: name a file of VGG-16's weights"):
        vgg.read_weights(tmp_path / "none.pth")
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(TrainingError, match=r"other\.pth holds no VGG-16: neither conv1_1\.weight nor features\.0\."):
        vgg.read_weights(tmp_path / "other.pth")
    torch.save(random_weights() | {"features.2.weight": torch.zeros(1)}, tmp_path / "wrong.pth")
    with pytest.raises(TrainingError, match=r"features\.2\.weight is of the shape \(1,\), \(64, 64, 3, 3\) is needed"):
        vgg.read_weights(tmp_path / "wrong.pth")


@pytest.mark.parametrize("name", ["noise.pth", "noise.safetensors", "empty.pth", "empty.safetensors"])
def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"no weights at all")
    with pytest.raises(TrainingError, match=rf"{name} can't be read as weights \(.*\): name a \.safetensors or \.pth"):
        vgg.read_weights(tmp_path / name)
