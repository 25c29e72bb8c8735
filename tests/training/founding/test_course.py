"""The course project's network: its size, its two quirks, its switches."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from torch.nn import functional

from restauro.training.founding.course import CourseUNet


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("quirks", [False, True])
def test_has_the_parameters_of_the_course_projects_network(leaky: bool, quirks: bool) -> None:
    with torch.device("meta"):
        network = CourseUNet(leaky=leaky, quirks=quirks)
    assert sum(parameter.numel() for parameter in network.parameters()) == 859_863


@pytest.mark.parametrize("leaky", [False, True])
@pytest.mark.parametrize("quirks", [False, True])
def test_is_the_project_with_masks_as_wide_as_the_features(leaky: bool, quirks: bool) -> None:
    """The network again, in plain PyTorch with three-channel and wider masks, from the facts of the original."""
    torch.manual_seed(0)
    network = CourseUNet(leaky=leaky, quirks=quirks).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    image = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    known = torch.ones(2, 1, 32, 32)
    known[0, :, 3:29, 5:31] = 0
    known[1, :, 10:12] = 0
    torch.testing.assert_close(
        network(image, known), _wide(network, image, known.double(), leaky, quirks), rtol=1e-5, atol=1e-5
    )


def _wide(network: CourseUNet, image: torch.Tensor, known: torch.Tensor, leaky: bool, quirks: bool) -> torch.Tensor:
    def layer(module: torch.nn.Module, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        kernel = module.weight
        sums = functional.conv2d(mask, torch.ones_like(kernel), stride=module.stride, padding=1)
        y = functional.conv2d(x * mask, kernel, stride=module.stride, padding=1)
        clipped, bias = sums.clamp(0, 1), module.bias[:, None, None]
        if quirks:
            return y * (9 / (sums + 1e-8)) * clipped + bias, clipped
        return (y * (9 * x.shape[1] / (sums + 1e-8)) + bias) * clipped, clipped

    x, mask, skips = image, known.expand(-1, 3, -1, -1), []
    for first, second in network.encoder:
        x, mask = layer(first, x, mask)
        skips.append((functional.relu(x), mask))
        x, mask = layer(second, *skips[-1])
        x = functional.relu(x)
    for first, second in network.decoder:
        skip, skip_mask = skips.pop()
        x, mask = (one.repeat_interleave(2, 2).repeat_interleave(2, 3) for one in (x, mask))
        x, mask = torch.cat([skip, x], 1), torch.cat([skip_mask, mask], 1)
        for module in (first, second):
            x, mask = layer(module, x, mask)
            x = functional.leaky_relu(x, 0.2) if leaky else functional.relu(x)
    return torch.sigmoid(network.last(x))


@pytest.mark.parametrize("quirks", [False, True])
def test_takes_any_size_and_anything_under_the_hole(quirks: bool) -> None:
    torch.manual_seed(0)
    network = CourseUNet(quirks=quirks)
    image, known = torch.rand(1, 3, 20, 45), (torch.rand(1, 1, 20, 45) < 0.6).float()
    result = network(torch.where(known > 0, image, float("nan")), known)
    assert result.shape == image.shape
    assert torch.equal(result, network(torch.where(known > 0, image, 1.0), known))  # the project paints holes white
    result.sum().backward()
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in network.parameters())


@pytest.mark.parametrize("quirks", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_last_relu_lets_all_three_channels_through_at_first(seed: int, quirks: bool) -> None:
    torch.manual_seed(seed)
    network = CourseUNet(quirks=quirks)
    seen = []
    network.decoder[-1][1].register_forward_hook(lambda module, sources, result: seen.append(result[0]))
    network(torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32))
    assert bool((seen[0] > 0).float().mean(dim=(0, 2, 3)).min() > 0.1)
