"""The network of the course project that restauro began with (Sagarnandeshwar/COMP558_ImageInpainting, 2023).

Written anew from its description; a U-Net of partial convolutions for CIFAR-10's 32 x 32 pixels, after
MathiasGruber/PConv-Keras.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from restauro.training.partial_convolution import PartialConv2d
from restauro.training.unet import doubled, padded

_CHANNELS = 32  # of all encoder layers
_DECODER = ((256, 128), (128, 64), (64, 32), (32, 3))
_SLOPE = 0.2  # of the leaky ReLU


class CourseUNet(nn.Module):
    """The course project's network: 16 partial convolutions and a plain one, 859,863 parameters.

    Encoder: four blocks of two 3x3 layers with 32 channels, the second with stride 2, ReLU. Decoder: four blocks; each
    takes the first layer of the encoder's block of that size, and the layer below, repeated twice each way, and has two
    3x3 layers: (256, 128), (128, 64), (64, 32), (32, 3) channels. Then a plain 3x3 convolution and a sigmoid. No
    normalisation; the picture itself isn't part of the last skip connection.

    How the project's kernels began isn't known. Here they begin as He et al. have it (normal), times the number of
    channels where the quirk divides by it: without that, features vanish from layer to layer, and the network is stuck
    at grey for epochs. Biases begin at 0, those of the three channels before the last convolution at 0.5: from 0 all
    three were negative everywhere soon, and their ReLU let nothing through again.

    Parameters
    ----------
    leaky : bool
        Leaky ReLU (0.2) in the decoder, as the project's README says, instead of ReLU, as its code does.
    quirks : bool
        The layers as they are in the project's code, see `QuirkyPartialConv2d`; without, as in the paper.

    Examples
    --------
    >>> import torch
    >>> network = CourseUNet()
    >>> network(torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    >>> sum(parameter.numel() for parameter in network.parameters())
    859863
    """

    multiple = 16

    def __init__(self, leaky: bool = False, quirks: bool = True) -> None:
        super().__init__()
        self.leaky = leaky
        layer = QuirkyPartialConv2d if quirks else PartialConv2d
        self.encoder = nn.ModuleList(
            nn.ModuleList([layer(inputs, _CHANNELS, 3), layer(_CHANNELS, _CHANNELS, 3, stride=2)])
            for inputs in (3, _CHANNELS, _CHANNELS, _CHANNELS)
        )
        belows = [_CHANNELS, *(second for _, second in _DECODER)]
        self.decoder = nn.ModuleList(
            nn.ModuleList([layer((_CHANNELS, below), first, 3), layer(first, second, 3)])
            for below, (first, second) in zip(belows, _DECODER, strict=False)
        )
        self.last = nn.Conv2d(3, 3, 3, padding=1)
        nn.init.kaiming_normal_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        nn.init.constant_(self.decoder[-1][1].bias, 0.5)

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        """Return the whole picture as the network sees it, float [N, 3, H, W], 0..1.

        image: float [N, 3, H, W], 0..1, anything under the hole; known: float32 [N, 1, H, W], 1 known, 0 hole.
        """
        height, width = image.shape[2:]
        below = padded(image, known, self.multiple)  # [N, 3, H, W]
        beside = []
        for first, second in self.encoder:
            features, known = first(below)  # [N, 32, H / 2 ** block, W / 2 ** block]
            beside.append((functional.relu(features), known))
            features, known = second(beside[-1])
            below = functional.relu(features), known
        for first, second in self.decoder:
            features, known = first(beside.pop(), doubled(below))
            features, known = second((self._activation(features), known))
            below = self._activation(features), known
        return torch.sigmoid(self.last(below[0]))[:, :, :height, :width]

    def _activation(self, features: Tensor) -> Tensor:
        return functional.leaky_relu(features, _SLOPE) if self.leaky else functional.relu(features)


class QuirkyPartialConv2d(PartialConv2d):
    """The partial convolution of the course project's code, which differs from the paper's in two points.

        x' = W (X * M) * 9 / sum(M) + b   where sum(M) > 0
        x' = b                            elsewhere

    The 9 (for a kernel of 3x3) is the window's area without the channels, over which sum(M) does run: with C channels
    features become C times smaller. And the bias is added in holes too.
    """

    def __init__(
        self, in_channels: int | tuple[int, ...], out_channels: int, kernel_size: int, stride: int = 1
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride)
        with torch.no_grad():
            self.weight.mul_(sum(self.in_channels))  # so that features have the size that He et al. meant

    def normalise(self, features: Tensor, sums: Tensor) -> Tensor:
        """See `PartialConv2d.normalise`."""
        ratio = torch.where(sums > 0, self.kernel_size**2 / sums.clamp(min=1), 0)
        features = features.mul_(ratio.to(features.dtype))
        return features if self.bias is None else features.add_(self.bias.to(features.dtype)[:, None, None])
