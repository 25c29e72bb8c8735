"""Each term of the losses against plain loops; independence of the size of VGG's features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.training import vgg
from restauro.training.losses import L1, HoleL1, HolePsnr, PartialConvLoss, gram, total, total_variation
from tests.training.test_vgg import pictures, random_weights


def batch(seed: int = 0, side: int = 16) -> tuple[Any, Any, Any]:
    """Return output, image, and a mask with a hole of several pixels and one at the edge."""
    rng = np.random.default_rng(seed)
    output, image = (torch.from_numpy(rng.random((2, 3, side, side), np.float32)) for _ in range(2))
    known = torch.ones(2, 1, side, side)
    known[0, :, 3:7, 5:6] = known[1, :, 10:, 12:] = known[1, :, 4, 4] = 0
    return output, image, known


@pytest.fixture(scope="module")
def network() -> Any:
    weights = _weights(1.0)
    return vgg.Vgg(weights, vgg.measured_scales(weights, pictures()))


def _weights(factor: float) -> vgg.VggWeights:
    found = random_weights(factor)
    kernels, biases = (tuple(found[name] for name in found if name.endswith(kind)) for kind in ("weight", "bias"))
    return vgg.VggWeights(kernels, biases, (0.485, 0.456, 0.406), (1 / 0.229, 1 / 0.224, 1 / 0.225))


def test_plain_losses_equal_loops() -> None:
    output, image, known = batch()
    everywhere, holes = [], []
    for n, c, y, x in np.ndindex(*output.shape):
        apart = abs(float(output[n, c, y, x]) - float(image[n, c, y, x]))
        everywhere.append(apart)
        if known[n, 0, y, x] == 0:
            holes.append(apart)
    assert float(L1()(output, image, known)["l1"]) == pytest.approx(np.mean(everywhere))
    assert float(HoleL1()(output, image, known)["hole"]) == pytest.approx(np.mean(holes))


def test_the_loss_in_holes_is_0_where_there_are_none() -> None:
    output, image, known = batch()
    output.requires_grad_()
    loss = HoleL1()(output, image, torch.ones_like(known))["hole"]
    loss.backward()
    assert loss.item() == 0
    assert not output.grad.any()


def test_the_psnr_of_holes_is_that_of_each_picture_by_itself() -> None:
    output, image, known = batch()
    found = []
    for n in range(len(image)):
        hole = (known[n, 0] == 0).numpy()
        squared = ((output[n].numpy()[:, hole].astype(np.float64) - image[n].numpy()[:, hole]) ** 2).mean()
        found.append(10 * np.log10(squared + 255.0**-2))
    assert float(HolePsnr()(output, image, known)["hole_psnr"]) == pytest.approx(np.mean(found), rel=1e-6)
    assert float(HolePsnr()(output, image, torch.ones_like(known))["hole_psnr"]) == pytest.approx(-20 * np.log10(255))


def test_the_papers_terms_equal_loops(network: Any) -> None:
    output, image, known = batch()
    found = {name: float(term) for name, term in PartialConvLoss(network)(output, image, known).items()}
    n, c, h, w = output.shape
    hole = known.numpy() == 0
    expected = dict.fromkeys(("valid", "hole", "perceptual", "style_out", "style_comp", "tv"), 0.0)
    composite = output.numpy().copy()
    for i, k, y, x in np.ndindex(n, c, h, w):
        apart = abs(float(output[i, k, y, x]) - float(image[i, k, y, x])) / (n * c * h * w)
        expected["hole" if hole[i, 0, y, x] else "valid"] += apart
        if not hole[i, 0, y, x]:
            composite[i, k, y, x] = image[i, k, y, x]
    of_output, of_composite, of_image = (
        [features.numpy() for features in network(one)] for one in (output, torch.from_numpy(composite), image)
    )
    for level in range(3):
        for name, one in (("style_out", of_output[level]), ("style_comp", of_composite[level])):
            expected["perceptual"] += float(np.mean(np.abs(one - of_image[level])))
            expected[name] += float(np.mean(np.abs(_gram(one) - _gram(of_image[level]))))
    expected["tv"] = _total_variation(composite, hole)
    assert list(found) == list(PartialConvLoss.weights)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name


def _gram(features: Any) -> Any:
    n, c, h, w = features.shape
    result = np.zeros((n, c, c))
    for i, y, x in np.ndindex(n, h, w):
        result[i] += np.outer(features[i, :, y, x], features[i, :, y, x])
    return result / (c * h * w)


def _total_variation(picture: Any, hole: Any) -> float:
    n, c, h, w = picture.shape
    region = [
        {(y, x) for y in range(h) for x in range(w) if hole[i, 0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any()}
        for i in range(n)
    ]
    found = 0.0
    for i, k, y, x in np.ndindex(n, c, h, w):
        for other in ((y, x + 1), (y + 1, x)):
            if (y, x) in region[i] and other in region[i]:
                found += abs(float(picture[(i, k, *other)]) - float(picture[i, k, y, x]))
    return found / picture.size


def test_total_variation_ends_one_pixel_beyond_the_hole() -> None:
    _, image, known = batch()
    far = image.clone()
    far[0, :, 12:, :3] = 0.5
    assert torch.equal(total_variation(far, known), total_variation(image, known))
    near = image.clone()
    near[0, :, 2, 4] += 0.5  # diagonally beside the hole
    assert not torch.equal(total_variation(near, known), total_variation(image, known))


def test_the_weights_are_the_papers() -> None:
    terms = dict.fromkeys(PartialConvLoss.weights, torch.ones(()))
    assert float(total(terms, PartialConvLoss.weights)) == pytest.approx(1 + 6 + 0.05 + 120 + 120 + 0.1)


def test_a_vgg_with_features_150_times_larger_gives_the_same_loss(network: Any) -> None:
    large = _weights(150.0)
    output, image, known = batch()
    assert float(vgg.Vgg(large)(image)[2].mean() / vgg.Vgg(_weights(1.0))(image)[2].mean()) == pytest.approx(
        150, rel=0.01
    )
    other = vgg.Vgg(large, vgg.measured_scales(large, pictures()))
    one, two = (PartialConvLoss(each)(output, image, known) for each in (network, other))
    for name in one:
        assert float(two[name]) == pytest.approx(float(one[name]), rel=0.01), name


def test_gram_matrices_are_float32_and_neither_overflow_nor_vanish_in_low_precision() -> None:
    for size in (1e-3, 1.0, 1e3):
        features = size * torch.rand(1, 4, 64, 64)
        expected = _gram(features.numpy())
        for dtype in (torch.float16, torch.bfloat16):
            with torch.autocast("cpu", torch.bfloat16):
                found = gram(features.to(dtype))
            assert found.dtype == torch.float32
            np.testing.assert_allclose(found.numpy(), expected, rtol=0.01)


def test_under_autocast_terms_are_float32_and_about_the_same(network: Any) -> None:
    output, image, known = batch()
    loss = PartialConvLoss(network)
    exact = loss(output, image, known)
    with torch.autocast("cpu", torch.bfloat16):
        rough = loss(output.bfloat16(), image, known)
    assert {term.dtype for term in rough.values()} == {torch.float32}
    for name, term in exact.items():
        assert float(rough[name]) == pytest.approx(float(term), rel=0.05), name


def test_gradients_reach_the_output_and_only_it(network: Any) -> None:
    output, image, known = batch()
    output.requires_grad_()
    total(PartialConvLoss(network)(output, image, known), PartialConvLoss.weights).backward()
    assert bool(torch.isfinite(output.grad).all())
    assert bool((output.grad != 0).any(dim=1).all())
