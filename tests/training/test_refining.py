"""The network of paintings: it grows without changing what it gives, and hardly changes in eight bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")
onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[train]'")

from restauro.errors import TrainingError
from restauro.training import checkpoints
from restauro.training.export import export
from restauro.training.preset import Preset
from restauro.training.presets import PRESETS
from restauro.training.refining import RefiningUNet


def trained(blocks: int, seed: int = 0) -> RefiningUNet:
    """Return a network whose layers all do something."""
    torch.manual_seed(seed)
    network = RefiningUNet(width=8, depth=3, blocks=blocks).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(network.last.weight, std=0.02)
    return network


def pieces() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, 32, 48, generator=generator), (torch.rand(2, 1, 32, 48, generator=generator) > 0.3).float()


def saved(path: Path, network: RefiningUNet, preset: Preset) -> Path:
    weights = network.state_dict()
    empty: dict[str, Any] = {"optimiser": {}, "scaler": {}, "settings": {}, "validations": [], "progress": {}}
    parts = {"preset": preset.plain(), "step": 1, "network": weights, "ema": None, **empty}
    checkpoints.save(path, **parts)
    return path


@torch.no_grad()
@pytest.mark.parametrize(("fewer", "more"), [(1, 2), (1, 3), (2, 3), (2, 2)])
def test_a_network_of_more_blocks_goes_on_from_one_of_fewer(tmp_path: Path, fewer: int, more: int) -> None:
    """It gives the same at first, and so does the mean of its weights."""
    small = trained(fewer)
    path = saved(tmp_path / "small.ckpt", small, PRESETS["paintings"])
    torch.manual_seed(7)
    large, mean = (RefiningUNet(width=8, depth=3, blocks=more).eval() for _ in range(2))
    checkpoints.take_weights(large, mean, path)
    expected = small(*pieces())
    assert not torch.equal(expected, pieces()[0])
    for network in (large, mean):
        torch.testing.assert_close(network(*pieces()), expected)


def test_new_blocks_learn(tmp_path: Path) -> None:
    """Nothing stays at 0: every parameter of a grown network has a gradient after a step."""
    large = RefiningUNet(width=8, depth=3, blocks=2)
    checkpoints.take_weights(large, None, saved(tmp_path / "small.ckpt", trained(1), PRESETS["paintings"]))
    steps = torch.optim.SGD(large.parameters(), lr=0.1)
    for _ in range(2):
        steps.zero_grad()
        large(*pieces()).square().mean().backward()
        steps.step()
    assert all(bool(parameter.grad.abs().max() > 0) for parameter in large.parameters())


@pytest.mark.parametrize("options", [{"width": 16, "depth": 3}, {"width": 8, "depth": 2}])
def test_other_sizes_are_refused(tmp_path: Path, options: dict[str, int]) -> None:
    path = saved(tmp_path / "small.ckpt", trained(1), PRESETS["paintings"])
    with pytest.raises(TrainingError, match="don't fit the network that is to be trained"):
        checkpoints.take_weights(RefiningUNet(**options, blocks=2), None, path)


@pytest.mark.parametrize("ending", ["ckpt", "onnx"])
def test_fewer_blocks_than_the_file_has_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"large.{ending}"
    if ending == "ckpt":
        saved(path, trained(2), PRESETS["paintings"])
    else:
        export(trained(2), path, {"name": "tried", "context": "16", "fill": "harmonic"})
    with pytest.raises(TrainingError, match="don't fit the network that is to be trained"):
        checkpoints.take_weights(RefiningUNet(width=8, depth=3), None, path)


@pytest.mark.parametrize(
    "name", ["before.0.0.inner.bias", "before.1.1.outer.weight", "deepest.1.inner.weight", "deepest.3.outer.bias"]
)
def test_a_weight_that_is_missing_is_not_made_up(tmp_path: Path, name: str) -> None:
    network = trained(2)
    path = saved(tmp_path / "whole.ckpt", network, PRESETS["paintings"])
    checkpoint = checkpoints.load(path)
    del checkpoint["network"][name]
    checkpoints.save(
        path, **{part: values for part, values in checkpoint.items() if part not in ("format", "versions")}
    )
    with pytest.raises(TrainingError, match="don't fit the network that is to be trained"):
        checkpoints.take_weights(network, None, path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of `trained(1)` in eight bits."""
    rng = np.random.default_rng(0)
    batches: list[tuple[np.ndarray, ...]] = []
    for _ in range(6):
        picture, fill = rng.integers(0, 256, (2, 1, 32, 32, 3)).astype(np.uint8)
        hole = rng.random((1, 32, 32)) < 0.3
        batches.append((picture, hole, np.where(hole[..., None], fill, picture)))
    path = tmp_path_factory.mktemp("small") / "corrects.onnx"
    about = {"name": "tried", "context": "16", "fill": "harmonic"}
    written = export(trained(1), path, about, given=batches, batches=batches)
    assert written.loss is not None
    assert abs(written.loss) < 0.05
    return path


def test_in_eight_bits_it_gives_nearly_the_same(small: Path) -> None:
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    image, known = pieces()
    (found,) = session.run(["restored"], {"image": image.numpy(), "known": known.numpy()})
    with torch.no_grad():
        correction = (trained(1)(image, known) - image).numpy()
    assert np.abs(correction).max() > 0.05
    difference = found - image.numpy() - correction
    assert np.sqrt(np.mean(difference**2)) < 0.05 * np.sqrt(np.mean(correction**2))
    about = {entry.key: entry.value for entry in onnx.load(small).metadata_props}
    assert about["restauro.format"] == "2"
    assert about["eight_bits_loss"].endswith(" dB (pictures)")


def test_all_convolutions_but_the_first_and_the_last_have_seven_of_eight_bits(small: Path) -> None:
    """Sums of two products then fit into 16 bits, which old processors have."""
    kernels = [t for t in onnx.load(small).graph.initializer if len(t.dims) == 4]
    whole = [onnx.numpy_helper.to_array(t) for t in kernels if t.data_type == onnx.TensorProto.INT8]
    assert len(whole) == len(kernels) - 2 > 10
    assert max(np.abs(kernel.astype(int)).max() for kernel in whole) == 64


def test_training_goes_on_from_eight_bits(small: Path) -> None:
    network = RefiningUNet(width=8, depth=3, blocks=2).eval()
    checkpoints.take_weights(network, None, small)
    with torch.no_grad():
        expected, found = (one(*pieces()) - pieces()[0] for one in (trained(1), network))
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03 * float(expected.abs().max()))
