"""The paper's network: its table, any size, holes everywhere, the second phase, export."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.errors import TrainingError
from restauro.training.unet import PConvUNet

# Of the paper's supplement: kernel, stride, channels of the sources, output channels, normalised; the encoder first.
ENCODER = [
    (7, 2, (3,), 64, False),
    (5, 2, (64,), 128, True),
    (5, 2, (128,), 256, True),
    (3, 2, (256,), 512, True),
    (3, 2, (512,), 512, True),
    (3, 2, (512,), 512, True),
    (3, 2, (512,), 512, True),
    (3, 2, (512,), 512, True),
]
DECODER = [
    (3, 1, (512, 512), 512, True),
    (3, 1, (512, 512), 512, True),
    (3, 1, (512, 512), 512, True),
    (3, 1, (512, 512), 512, True),
    (3, 1, (256, 512), 256, True),
    (3, 1, (128, 256), 128, True),
    (3, 1, (64, 128), 64, True),
    (3, 1, (3, 64), 3, False),
]


def test_is_the_papers_table() -> None:
    with torch.device("meta"):
        network = PConvUNet()
    found = [
        (
            layer.convolution.kernel_size,
            layer.convolution.stride,
            layer.convolution.in_channels,
            len(layer.convolution.weight),
            isinstance(layer.norm, torch.nn.BatchNorm2d),
        )
        for layer in (*network.encoder, *network.decoder)
    ]
    assert found == ENCODER + DECODER
    activations = [repr(layer.activation) for layer in (*network.encoder, *network.decoder)]
    assert activations == ["ReLU()"] * 8 + ["LeakyReLU(negative_slope=0.2)"] * 7 + ["Identity()"]
    assert network.multiple == 256


def test_has_as_many_weights_as_its_docstring_says() -> None:
    with torch.device("meta"):
        parameters = list(PConvUNet().named_parameters())
    kernels = sum(one.numel() for name, one in parameters if name.endswith("convolution.weight"))
    biases = sum(one.numel() for name, one in parameters if name.endswith("convolution.bias"))
    norms = sum(one.numel() for name, one in parameters if ".norm." in name)
    assert (kernels, biases, norms) == (32_848_849, 67, 10_880)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize(("height", "width"), [(16, 24), (1, 1), (13, 30)])
def test_takes_any_size_and_anything_under_the_hole(height: int, width: int, norm: bool) -> None:
    torch.manual_seed(0)
    network = PConvUNet(width=4, depth=3, batch_norm=norm)
    image, known = torch.rand(2, 3, height, width), (torch.rand(2, 1, height, width) < 0.6).float()
    result = network(image, known)
    assert result.shape == image.shape
    network.zero_grad()
    other = network(torch.where(known > 0, image, float("nan")), known)
    assert torch.equal(result, other)
    other.square().mean().backward()
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in network.parameters())


def test_padding_on_the_right_and_below_is_hole() -> None:
    torch.manual_seed(0)
    network = PConvUNet(width=4, depth=3).eval()
    image, known = torch.rand(1, 3, 13, 30), (torch.rand(1, 1, 13, 30) < 0.6).float()
    by_hand = [torch.nn.functional.pad(one, (0, 2, 0, 3)) for one in (image, known)]
    torch.testing.assert_close(network(image, known), network(*by_hand)[:, :, :13, :30])


def test_without_a_known_pixel_the_result_is_finite() -> None:
    network = PConvUNet(width=4, depth=2)
    result = network(torch.full((1, 3, 16, 16), float("nan")), torch.zeros(1, 1, 16, 16))
    assert bool(torch.isfinite(result).all())


def test_a_hole_is_filled_from_its_surroundings() -> None:
    """A pixel that is known changes the result in a hole within reach."""
    torch.manual_seed(0)
    network = PConvUNet(width=4, depth=3).eval()
    image, known = torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16)
    known[:, :, 4:10, 4:10] = 0
    changed = image.clone()
    changed[:, :, 12, 7] += 0.5
    assert not torch.equal(network(image, known)[:, :, 6, 6], network(changed, known)[:, :, 6, 6])


def test_a_frozen_encoder_keeps_its_normalisation() -> None:
    torch.manual_seed(0)
    network = PConvUNet(width=4, depth=3)
    network.freeze_batch_norm()
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items() if ".norm." in name}
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    network(torch.rand(2, 3, 16, 16), torch.ones(2, 1, 16, 16)).square().mean().backward()
    optimiser.step()
    after = network.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {name for name in before if name.startswith("decoder.")}


def test_a_network_that_cannot_be_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"width is 0, depth 3: a width of 1 or more and a depth of 2 or more"):
        PConvUNet(width=0, depth=3)


@pytest.mark.filterwarnings("ignore")  # of the exporter's own
def test_can_be_exported_with_sides_left_open(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra train")
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra train")
    torch.manual_seed(0)
    network = PConvUNet(width=4, depth=2).eval()
    n, h, w = (torch.export.Dim(name, min=1, max=99) for name in "nhw")
    sides = {0: n, 2: 4 * h, 3: 4 * w}
    example = (torch.rand(2, 3, 8, 12), torch.ones(2, 1, 8, 12))
    program = torch.onnx.export(network, example, dynamo=True, dynamic_shapes=(sides, sides), verbose=False)
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    names = [one.name for one in session.get_inputs()]
    for shape in [(1, 4, 20), (3, 16, 8)]:
        known = (torch.rand(shape[0], 1, *shape[1:]) < 0.5).float()
        image = torch.where(known > 0, torch.rand(shape[0], 3, *shape[1:]), float("nan"))
        (result,) = session.run(None, dict(zip(names, [image.numpy(), known.numpy()], strict=True)))
        torch.testing.assert_close(torch.from_numpy(result), network(image, known), rtol=1e-4, atol=1e-4)


def test_one_that_corrects_begins_at_the_fill_and_sees_it() -> None:
    network = PConvUNet(width=4, depth=2, corrects=True)
    filled, known = torch.rand(1, 3, 22, 30), torch.ones(1, 1, 22, 30)
    known[:, :, 5:9] = 0
    assert torch.equal(network(filled, known), filled)
    torch.nn.init.normal_(network.decoder[-1].convolution.weight)
    network.eval()
    other = filled.clone()
    other[:, :, 5:9] += 0.5
    added = network(filled, known) - filled
    assert added.shape == filled.shape
    assert not torch.equal(added, network(other, known) - other)
    assert not torch.equal(added, network(filled, torch.ones_like(known)) - filled)
