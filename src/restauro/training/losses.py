"""What training makes small: the paper's loss of six terms, and two plain ones.

A loss is called as `loss(output, image, known)` and returns its terms, unweighted, by name (scalars, float32);
`loss.weights` has a weight for each, and `total` is their weighted sum. output and image: float [N, 3, H, W], 0..1, the
network's whole output and the undamaged picture; known: float32 [N, 1, H, W], 1 known, 0 hole.

G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, "Image inpainting for irregular holes using partial
convolutions", ECCV 2018, section 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from restauro.training.vgg import Vgg

Terms = dict[str, Tensor]

_HARDLY_SEEN = 1 / 255


class Loss(Protocol):
    """What the classes of this file have in common."""

    weights: ClassVar[Mapping[str, float]]

    def __call__(self, output: Tensor, image: Tensor, known: Tensor) -> Terms:
        """Return the terms, by the names of `weights`."""


class L1:
    """Mean absolute error over the whole picture, known pixels and holes alike: the course project's loss.

    Examples
    --------
    >>> import torch
    >>> output, image, known = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5), torch.ones(1, 1, 2, 2)
    >>> L1()(output, image, known)
    {'l1': tensor(0.5000)}
    """

    weights: ClassVar[Mapping[str, float]] = {"l1": 1.0}

    def __call__(self, output: Tensor, image: Tensor, known: Tensor) -> Terms:
        """See `Loss`."""
        return {"l1": _apart(output, image).mean()}


class HoleL1:
    """Mean absolute error over the hole pixels of the batch, pooled: a large hole weighs more than a small one.

    Examples
    --------
    >>> import torch
    >>> output, image, known = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5), torch.ones(1, 1, 2, 2)
    >>> known[:, :, 0, 0] = 0
    >>> HoleL1()(output, image, known)
    {'hole': tensor(0.5000)}
    """

    weights: ClassVar[Mapping[str, float]] = {"hole": 1.0}

    def __call__(self, output: Tensor, image: Tensor, known: Tensor) -> Terms:
        """See `Loss`; 0 where the batch has no hole."""
        hole = 1 - known
        values = (hole.sum() * output.shape[1]).clamp(min=1)
        return {"hole": (_apart(output, image) * hole).sum() / values}


class HolePsnr:
    """The peak signal-to-noise ratio within the holes, negated, in dB: the mean over pictures, each counting alike.

    A picture's is 10 log10 of its mean squared error (of values in 0..1) in its hole. Errors of less than a 255th are
    hardly worth an effort: so much is added.

    Examples
    --------
    >>> import torch
    >>> output, image, known = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.1), torch.ones(1, 1, 2, 2)
    >>> known[:, :, 0, 0] = 0
    >>> HolePsnr()(output, image, known)
    {'hole_psnr': tensor(-19.9933)}
    """

    weights: ClassVar[Mapping[str, float]] = {"hole_psnr": 1.0}

    def __call__(self, output: Tensor, image: Tensor, known: Tensor) -> Terms:
        """See `Loss`; a picture without a hole counts as restored."""
        hole = 1 - known
        values = (hole.sum((1, 2, 3)) * output.shape[1]).clamp(min=1)
        squared = ((output.float() - image.float()).square() * hole).sum((1, 2, 3)) / values
        return {"hole_psnr": 10 * torch.log10(squared + _HARDLY_SEEN**2).mean()}


class PartialConvLoss:
    """The paper's loss: L_valid + 6 L_hole + 0.05 L_perceptual + 120 (L_style_out + L_style_comp) + 0.1 L_tv.

    Each term is a mean ("size-averaged"): of pixels over all of the batch's values, of features over all features of a
    pooling, of Gram matrices over their entries; the three poolings are added up. Perceptual and style terms compare
    features of `vgg`, of the output and of the composite (the output in the holes, the picture elsewhere).

    The authors found 0.05 and 120 with the features of torchvision's VGG-16, which differ from these: here each
    pooling's are divided by their mean activation. So the terms are balanced somewhat differently, but in the same way
    whatever conversion of VGG-16 is used.

    Parameters
    ----------
    vgg : Vgg
        The network whose features are compared.
    """

    weights: ClassVar[Mapping[str, float]] = {
        "valid": 1.0,
        "hole": 6.0,
        "perceptual": 0.05,
        "style_out": 120.0,
        "style_comp": 120.0,
        "tv": 0.1,
    }

    def __init__(self, vgg: Vgg) -> None:
        self.vgg = vgg

    def __call__(self, output: Tensor, image: Tensor, known: Tensor) -> Terms:
        """See `Loss`; sides of 8 pixels or more are needed."""
        composite = torch.where(known > 0, image.to(output.dtype), output)
        apart = _apart(output, image)
        terms = {"valid": (apart * known).mean(), "hole": (apart * (1 - known)).mean()}
        terms |= self._compared(output, composite, image)
        terms["tv"] = total_variation(composite.float(), known)
        return terms

    def _compared(self, output: Tensor, composite: Tensor, image: Tensor) -> Terms:
        with torch.no_grad():
            targets = self.vgg(image)
        # Both in one batch: fewer, larger convolutions.
        found = [features.chunk(2) for features in self.vgg(torch.cat([output, composite]))]
        perceptual = [_apart(one, target).mean() for pair, target in zip(found, targets, strict=True) for one in pair]
        grams = [gram(target) for target in targets]
        out, comp = (
            [(gram(pair[which]) - target).abs().mean() for pair, target in zip(found, grams, strict=True)]
            for which in (0, 1)
        )
        return {"perceptual": torch.stack(perceptual).sum(), "style_out": sum(out), "style_comp": sum(comp)}


def total(terms: Terms, weights: Mapping[str, float]) -> Tensor:
    """Return the weighted sum of a loss's terms."""
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def gram(features: Tensor) -> Tensor:
    """Return F F^T / (C H W) of features [N, C, H, W] with F = [C, H W] (equation 4), float32 [N, C, C].

    In float32 whatever the features are: differences of Gram matrices are small beside them, and the product is some
    hundredths of the work of the convolutions before. Half of the division comes first, so that sums stay moderate.
    """
    n, channels, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().reshape(n, channels, height * width) / (height * width) ** 0.5
        product: Tensor = flat @ flat.transpose(1, 2) / channels
    return product


def total_variation(composite: Tensor, known: Tensor) -> Tensor:
    """Return the sum of absolute differences between neighbours (equation 6), divided by all values of the batch.

    Only pairs count that lie within the hole grown by one pixel each way, diagonally too. composite is float
    [N, C, H, W], known float32 [N, 1, H, W].
    """
    grown = functional.max_pool2d(1 - known, 3, stride=1, padding=1)
    beside = (composite.diff(dim=3).abs() * grown[:, :, :, 1:] * grown[:, :, :, :-1]).sum()
    below = (composite.diff(dim=2).abs() * grown[:, :, 1:] * grown[:, :, :-1]).sum()
    return (beside + below) / composite.numel()


def _apart(one: Tensor, other: Tensor) -> Tensor:
    return (one.float() - other.float()).abs()
