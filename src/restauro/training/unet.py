"""The U-Net of partial convolutions: the table in the paper's supplement, and smaller ones of the same kind.

G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, "Image inpainting for irregular holes using partial
convolutions", ECCV 2018, section 3.2 and supplement.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from restauro.errors import TrainingError
from restauro.training.partial_convolution import PartialConv2d, Source

_KERNELS = {1: 7, 2: 5, 3: 5}  # of the encoder's first layers; 3 in all others
_SLOPE = 0.2  # of the decoder's leaky ReLU


class PConvUNet(nn.Module):
    """The paper's network: layers of partial convolution that halve the picture, and as many that double it again.

    Encoder: 64 (7x7), 128 (5x5), 256 (5x5), 512 (3x3) x 5, all with stride 2, ReLU. Decoder, all 3x3, leaky ReLU: each
    takes the layer below, repeated twice each way, and the encoder's of that size with its mask: 512 x 4, 256, 128, 64;
    the last takes the picture and its mask, gives 3 channels and has no activation. Batch normalisation after all but
    the first and the last, over all pixels, holes too, as the authors do it.

    With the paper's width and depth the kernels have 32,848,849 weights. Layers that a normalisation follows have no
    bias (it would do the same); the other two have 67 together. Normalisation adds 10,880 scales and shifts.

    Parameters
    ----------
    width : int
        Channels of the first layer. Each further one doubles them, up to 8 times as many.
    depth : int
        Layers in the encoder, and in the decoder; 2 or more. Sides are padded (with hole) to multiples of 2 ** depth.
    batch_norm : bool
        Whether there is any. Without, all layers have a bias.
    corrects : bool
        Whether it is given a picture whose holes a method has filled, and what it gives is added to that. The fill is
        one more source of the first layer, known everywhere; so what the layers below see is, too. The last layer
        begins at 0, so training begins at the fill.

    Examples
    --------
    >>> import torch
    >>> network = PConvUNet(width=8, depth=3)
    >>> image, known = torch.rand(1, 3, 20, 30), torch.ones(1, 1, 20, 30)
    >>> known[:, :, 5:9] = 0
    >>> network(image, known).shape
    torch.Size([1, 3, 20, 30])
    """

    def __init__(self, width: int = 64, depth: int = 8, batch_norm: bool = True, corrects: bool = False) -> None:
        super().__init__()
        if width < 1 or depth < 2:
            raise TrainingError(
                f"width is {width}, depth {depth}: a width of 1 or more and a depth of 2 or more are needed."
            )
        self.multiple = 2**depth
        self.corrects = corrects
        self.encoder_frozen = False
        channels = [3] + [width * 2 ** min(level, 3) for level in range(depth)]  # of the picture and all encoder layers
        self.encoder = nn.ModuleList(
            _Layer(
                (3, 3) if corrects and level == 1 else channels[level - 1],
                channels[level],
                _KERNELS.get(level, 3),
                2,
                batch_norm and level > 1,
                nn.ReLU(),
            )
            for level in range(1, depth + 1)
        )
        self.decoder = nn.ModuleList()  # the deepest first
        for level in range(depth, 0, -1):
            inputs, outputs = (channels[level - 1], channels[level]), channels[level - 1]
            activation = nn.LeakyReLU(_SLOPE) if level > 1 else nn.Identity()
            self.decoder.append(_Layer(inputs, outputs, 3, 1, batch_norm and level > 1, activation))
        if corrects:
            nn.init.zeros_(self.decoder[-1].convolution.weight)

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        """Return the whole picture as the network sees it, float [N, 3, H, W].

        image: float [N, 3, H, W], 0..1, anything under the hole, or a fill; known: float32 [N, 1, H, W], 1 known, 0
        hole.
        """
        height, width = image.shape[2:]
        sources = [padded(image, known, self.multiple)]  # [N, 3, H, W]
        if self.corrects:
            sources.append(padded(image, torch.ones_like(known), self.multiple))
        beside = [sources[-1]]
        below = self.encoder[0](*sources)  # [N, C, H / 2, W / 2]
        for layer in self.encoder[1:]:
            beside.append(below)
            below = layer(below)  # [N, C, H / 2 ** level, W / 2 ** level]
        for layer in self.decoder:
            below = layer(beside.pop(), doubled(below))
        output = below[0][:, :, :height, :width]
        return image + output.float() if self.corrects else output

    def freeze_batch_norm(self) -> None:
        """Keep the encoder's batch normalisation as it is from now on: its statistics, scales and shifts.

        The paper's second phase: holes spoil the encoder's statistics. It lasts, whatever `train()` says.
        """
        self.encoder_frozen = True
        for parameter in _parameters_of_norms(self.encoder):
            parameter.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> PConvUNet:
        """See `torch.nn.Module.train`; a frozen encoder's normalisation stays as it is in use."""
        super().train(mode)
        if self.encoder_frozen:
            for norm in _norms(self.encoder):
                norm.eval()
        return self


class _Layer(nn.Module):
    """A partial convolution, normalisation where there is one, and activation; the mask goes beside."""

    def __init__(
        self,
        inputs: int | tuple[int, ...],
        outputs: int,
        kernel_size: int,
        stride: int,
        normalised: bool,
        activation: nn.Module,
    ) -> None:
        super().__init__()
        self.convolution = PartialConv2d(inputs, outputs, kernel_size, stride, bias=not normalised)
        self.norm = nn.BatchNorm2d(outputs) if normalised else nn.Identity()
        self.activation = activation

    def forward(self, *sources: Source) -> Source:
        features, known = self.convolution(*sources)
        return self.activation(self.norm(features)), known


def padded(image: Tensor, known: Tensor, multiple: int) -> Source:
    """Return picture and mask with sides that are multiples, padded on the right and below with hole.

    Examples
    --------
    >>> import torch
    >>> image, known = padded(torch.ones(1, 3, 5, 8), torch.ones(1, 1, 5, 8), 4)
    >>> image.shape, known.sum()
    (torch.Size([1, 3, 8, 8]), tensor(40.))
    """
    below, right = -image.shape[2] % multiple, -image.shape[3] % multiple
    if below == 0 and right == 0:
        return image, known
    return functional.pad(image, (0, right, 0, below)), functional.pad(known, (0, right, 0, below))


def doubled(source: Source) -> Source:
    """Return features and mask with every pixel repeated twice each way."""
    features, known = source
    return functional.interpolate(features, scale_factor=2), functional.interpolate(known, scale_factor=2)


def _norms(modules: nn.Module) -> list[nn.Module]:
    return [
        module for module in modules.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]  # synchronised ones too


def _parameters_of_norms(modules: nn.Module) -> list[nn.Parameter]:
    return [parameter for norm in _norms(modules) for parameter in norm.parameters()]
