"""The partial convolution against plain loops, the wide-mask form, and what its docstring promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from restauro.training.founding.course import QuirkyPartialConv2d
from restauro.training.partial_convolution import PartialConv2d, select_known
from tests.training import naive_partial_convolution as naive


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    """A layer in float64 and its sources; masks from all hole to all known."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    channels = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    kind = draw(st.sampled_from([PartialConv2d, QuirkyPartialConv2d]))
    layer = kind(
        channels if len(channels) > 1 else channels[0],
        draw(st.integers(1, 3)),
        draw(st.sampled_from([1, 3, 5, 7])),
        draw(st.integers(1, 3)),
    ).double()
    with torch.no_grad():
        layer.bias.copy_(torch.from_numpy(rng.normal(size=len(layer.bias))))
    n, height, width = draw(st.integers(1, 2)), draw(st.integers(1, 7)), draw(st.integers(1, 7))
    last = draw(st.booleans())
    sources = []
    for count in channels:
        features = torch.from_numpy(rng.normal(size=(n, count, height, width)))
        ratio = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
        known = torch.from_numpy((rng.random((n, 1, height, width)) < ratio).astype(np.float32))
        order = torch.channels_last if last else torch.contiguous_format
        sources.append((features.contiguous(memory_format=order), known))
    return layer, sources


@settings(max_examples=60)
@given(case=cases())
def test_equals_the_formula_in_plain_loops(case: tuple[Any, list[Any]]) -> None:
    layer, sources = case
    with torch.no_grad():
        features, known = layer(*sources)
    expected, update = naive.partial_convolution(
        *naive.wide_mask([(x.numpy(), m.numpy()) for x, m in sources]),
        layer.weight.detach().numpy(),
        layer.bias.detach().numpy(),
        layer.stride,
        quirks=isinstance(layer, QuirkyPartialConv2d),
    )
    np.testing.assert_allclose(features.numpy(), expected, rtol=1e-6, atol=1e-6)  # the ratio is float32
    np.testing.assert_array_equal(known.numpy(), update)
    assert known.dtype == torch.float32


@settings(max_examples=40)
@given(case=cases(), under=st.sampled_from([float("nan"), float("inf"), -3.0]))
def test_what_is_under_the_hole_matters_neither_forward_nor_in_gradients(
    case: tuple[Any, list[Any]], under: float
) -> None:
    layer, sources = case
    with_zeros, with_other = (
        _with_gradients(layer, [(torch.where(m > 0, x, value), m) for x, m in sources]) for value in (0.0, under)
    )
    for one, other in zip(with_zeros, with_other, strict=True):
        assert torch.equal(one, other)
        assert bool(torch.isfinite(one).all())
    for gradient, (_, known) in zip(with_other[3:], sources, strict=True):
        assert not (gradient * (1 - known)).any()


def _with_gradients(layer: Any, sources: list[Any]) -> list[Any]:
    leaves = [x.clone().requires_grad_() for x, _ in sources]
    features, _ = layer(*[(x, m) for x, (_, m) in zip(leaves, sources, strict=True)])
    gradients = torch.autograd.grad(features.square().sum(), [layer.weight, layer.bias, *leaves])
    return [features.detach(), *gradients]


@pytest.mark.parametrize("kind", [PartialConv2d, QuirkyPartialConv2d])
def test_gradients_are_those_of_finite_differences(kind: Any) -> None:
    torch.manual_seed(0)
    layer = kind((2, 1), 2, 3, stride=2).double()
    sources = [torch.randn(1, count, 3, 5, dtype=torch.float64, requires_grad=True) for count in (2, 1)]
    masks = [(torch.rand(1, 1, 3, 5) < ratio).float() for ratio in (0.4, 0.7)]
    masks[0][0, :, :2, :2] = masks[1][0, :, :2, :2] = 0

    def run(one: Any, other: Any, weight: Any, bias: Any) -> Any:
        parameters = {"weight": weight, "bias": bias}
        return torch.func.functional_call(layer, parameters, ((one, masks[0]), (other, masks[1])))[0]

    assert torch.autograd.gradcheck(run, (*sources, layer.weight, layer.bias))


def test_two_sources_equal_a_mask_as_wide_as_the_features() -> None:
    torch.manual_seed(0)
    layer = PartialConv2d((5, 3), 4, 3)
    torch.nn.init.normal_(layer.bias)
    sources = [(torch.randn(2, count, 9, 8), (torch.rand(2, 1, 9, 8) < 0.3).float()) for count in (5, 3)]
    features = torch.cat([x for x, _ in sources], 1)
    mask = torch.cat([m.expand_as(x) for x, m in sources], 1)
    sums = functional.conv2d(mask, torch.ones_like(layer.weight), padding=1)
    convolved = functional.conv2d(features * mask, layer.weight, padding=1)
    expected = torch.where(sums > 0, convolved * (8 * 9) / sums + layer.bias[:, None, None], 0)
    result, known = layer(*sources)
    torch.testing.assert_close(result, expected)
    assert torch.equal(known, (sums[:, :1] > 0).float())
    assert known.min() == 0  # or the test would say nothing of holes


def test_known_everywhere_it_is_a_plain_convolution_inside() -> None:
    layer = PartialConv2d(3, 4, 5)
    torch.nn.init.normal_(layer.bias)
    image = torch.rand(1, 3, 12, 13)
    features, known = layer((image, torch.ones(1, 1, 12, 13)))
    torch.testing.assert_close(features[:, :, 2:-2, 2:-2], functional.conv2d(image, layer.weight, layer.bias))
    assert bool(known.all())


def test_a_constant_stays_constant_up_to_the_edge_where_padding_counts_as_hole() -> None:
    layer = PartialConv2d(1, 1, 3, bias=False)
    torch.nn.init.constant_(layer.weight, 1 / 9)
    features, _ = layer((torch.full((1, 1, 5, 6), 0.7), torch.ones(1, 1, 5, 6)))
    torch.testing.assert_close(features, torch.full((1, 1, 5, 6), 0.7))


@pytest.mark.parametrize("order", ["contiguous_format", "channels_last"])
def test_under_autocast_features_are_bfloat16_and_sums_are_exact(order: str) -> None:
    torch.manual_seed(0)
    layer = PartialConv2d((512, 500), 2, 3)
    sources = [
        (torch.rand(1, count, 6, 6).contiguous(memory_format=getattr(torch, order)), torch.ones(1, 1, 6, 6))
        for count in (512, 500)
    ]
    sources[1][1][:, :, 2, 3] = 0
    exact, _ = layer(*sources)
    with torch.autocast("cpu", torch.bfloat16):
        features, known = layer(*sources)
        sums = layer.window_sums([m for _, m in sources])
    assert features.dtype == torch.bfloat16
    assert known.dtype == sums.dtype == torch.float32
    assert sums.max() == 1012 * 9
    assert sums[0, 0, 2, 3] == 1012 * 9 - 500
    torch.testing.assert_close(features.float(), exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_quick_selection_equals_the_plain_one(dtype: str) -> None:
    torch.manual_seed(0)
    kind = getattr(torch, dtype)
    sources = [(torch.randn(2, count, 3, 4).to(kind), (torch.rand(2, 1, 3, 4) < 0.5).float()) for count in (2, 1)]
    sources[0] = (torch.where(sources[0][1] > 0, sources[0][0], float("nan")), sources[0][1])
    plain = torch.cat([torch.where(m > 0, x, 0) for x, m in sources], 1)
    assert torch.equal(select_known(sources), plain)


def test_wrong_channels_masks_and_kernels_are_refused() -> None:
    layer = PartialConv2d((2, 3), 4, 3)
    two, three, known = torch.rand(1, 2, 4, 4), torch.rand(1, 3, 4, 4), torch.ones(1, 1, 4, 4)
    with pytest.raises(ValueError, match=r"The sources have \(2,\) channels: the layer takes \(2, 3\)\."):
        layer((two, known))
    with pytest.raises(ValueError, match=r"A mask has the shape \(1, 3, 4, 4\): one channel and the sides of its"):
        layer((two, known), (three, known.expand(1, 3, 4, 4)))
    with pytest.raises(ValueError, match=r"kernel_size is 4: it must be odd"):
        PartialConv2d(3, 4, 4)
