"""Partial convolution: a convolution that looks at known pixels only.

G. Liu, F. A. Reda, K. J. Shih, T.-C. Wang, A. Tao, B. Catanzaro, "Image inpainting for irregular holes using partial
convolutions", ECCV 2018, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Source = tuple[Tensor, Tensor]  # features [N, C, H, W] and known [N, 1, H, W]


class PartialConv2d(nn.Module):
    """A convolution over the known pixels of one or more sources, and the update of their mask.

    With M = 1 where a pixel is known and 0 in the hole, for every window (equations 1 and 2 of the paper):

        x' = W (X * M) * sum(1) / sum(M) + b,  m' = 1   where sum(M) > 0
        x' = 0,                                m' = 0   elsewhere

    The sums run over the window and over all channels; padding counts as hole, so sum(1) is always the full window. A
    source has one mask for all its channels. After a skip connection the layer takes two sources, and the sum is that
    of their windows, each weighted with its channels: what the authors' layer computes from a mask as wide as the
    features, at a fraction of the cost.

    What is under the hole is left out by selection, not by multiplication: NaN there reaches neither the result nor any
    gradient. The ratio is computed in float32, whatever the precision of the features.

    Parameters
    ----------
    in_channels : int or tuple of int
        Channels of the source; of each source, where there are several.
    out_channels, kernel_size, stride : int
        As in `torch.nn.Conv2d`. The kernel is square and odd; the padding is half of it.
    bias : bool
        Whether there is a b. It isn't scaled.

    Examples
    --------
    >>> import torch
    >>> layer = PartialConv2d(3, 8, kernel_size=3, stride=2)
    >>> image, known = torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16)
    >>> known[:, :, 4:7, 4:7] = 0
    >>> features, known = layer((image, known))
    >>> features.shape, known.shape, bool(known.all())
    (torch.Size([1, 8, 8, 8]), torch.Size([1, 1, 8, 8]), True)
    """

    def __init__(
        self,
        in_channels: int | tuple[int, ...],
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}: it must be odd, so that the padding is half of it.")
        self.in_channels = (in_channels,) if isinstance(in_channels, int) else tuple(in_channels)
        self.kernel_size, self.stride = kernel_size, stride
        self.weight = nn.Parameter(torch.empty(out_channels, sum(self.in_channels), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, *sources: Source) -> Source:
        """Return features and mask after the layer.

        Each source is (features, known): features float [N, C, H, W] with anything under the hole, known float32
        [N, 1, H, W], 1 where they are known and 0 in the hole; one for each entry of `in_channels`. Returns features
        [N, out_channels, H', W'], 0 in what is still hole, and known float32 [N, 1, H', W'].
        """
        self._check(sources)
        features = select_known([(_autocast(features), known) for features, known in sources])
        features = functional.conv2d(features, self.weight, None, self.stride, self.kernel_size // 2)
        sums = self.window_sums([known for _, known in sources])
        return self.normalise(features, sums), (sums > 0).float()

    def window_sums(self, masks: list[Tensor]) -> Tensor:
        """Return sum(M) over each window and all channels, float32 [N, 1, H', W']."""
        weighted = sum(channels * known.float() for channels, known in zip(self.in_channels, masks, strict=True))
        # Sums of whole numbers below 2 ** 24 are exact in float32. Pooling stays in float32 under autocast.
        means = functional.avg_pool2d(weighted, self.kernel_size, self.stride, self.kernel_size // 2)
        return torch.round(means * self.kernel_size**2)

    def normalise(self, features: Tensor, sums: Tensor) -> Tensor:
        """Return the convolved features scaled by sum(1) / sum(M), plus the bias, 0 in holes; in place."""
        known = sums > 0
        window = sum(self.in_channels) * self.kernel_size**2
        ratio = torch.where(known, window / sums.clamp(min=1), 0)
        # Convolved features are 0 in holes and nothing else keeps them: two passes in place cost less than a selection.
        features = features.mul_(ratio.to(features.dtype))
        if self.bias is None:
            return features
        bias = self.bias.to(features.dtype)[:, None, None]
        return features.addcmul_(bias, known.to(features.dtype))

    def _check(self, sources: tuple[Source, ...]) -> None:
        channels = tuple(features.shape[1] for features, _ in sources)
        if channels != self.in_channels:
            raise ValueError(f"The sources have {channels} channels: the layer takes {self.in_channels}.")
        for features, known in sources:
            if known.shape != (features.shape[0], 1, *features.shape[2:]):
                raise ValueError(
                    f"A mask has the shape {tuple(known.shape)}: one channel and the sides of its features "
                    f"{tuple(features.shape)} are needed."
                )

    def extra_repr(self) -> str:
        """Say what the layer is, for `print(network)`."""
        channels = f"{'+'.join(map(str, self.in_channels))}, {len(self.weight)}"
        return f"{channels}, kernel_size={self.kernel_size}, stride={self.stride}, bias={self.bias is not None}"


def _autocast(features: Tensor) -> Tensor:
    # What the convolution would do: done before, the selection has half as much to write.
    device = features.device.type
    if features.dtype == torch.float32 and torch.is_autocast_enabled(device):
        return features.to(torch.get_autocast_dtype(device))
    return features


def select_known(sources: Sequence[Source]) -> Tensor:
    """Return the features of all sources side by side, 0 in each one's hole.

    Examples
    --------
    >>> import torch
    >>> features = torch.tensor([[[[1.0, float("nan")]]]])
    >>> select_known([(features, torch.tensor([[[[1.0, 0.0]]]]))])
    tensor([[[[1., 0.]]]])
    """
    features, masks = zip(*sources, strict=True)
    on_cpu = all(x.device.type == "cpu" and x.dtype == features[0].dtype for x in features)
    if on_cpu and features[0].dtype in _BITS and not torch.compiler.is_compiling():
        selected: Tensor = _SelectKnown.apply(*features, *masks)
        return selected
    return torch.cat([torch.where(known > 0, x, 0) for x, known in sources], dim=1)


_BITS = {
    torch.float64: torch.int64,
    torch.float32: torch.int32,
    torch.bfloat16: torch.int16,
    torch.float16: torch.int16,
}


class _SelectKnown(torch.autograd.Function):
    """Selection on a CPU: features AND all ones or all zeros, bit by bit, written side by side in one pass.

    `torch.where` isn't vectorised there and takes 3 to 10 times as long, as much as a small convolution.
    """

    @staticmethod
    def forward(ctx: Any, *features_and_masks: Tensor) -> Tensor:
        features, masks = _halves(features_and_masks)
        first = features[0]
        channels = [x.shape[1] for x in features]
        shape = (first.shape[0], sum(channels), *first.shape[2:])
        last = first.is_contiguous(memory_format=torch.channels_last) and not first.is_contiguous()
        order = torch.channels_last if last else torch.contiguous_format
        joined = torch.empty(shape, dtype=first.dtype, memory_format=order)
        bits = _BITS[first.dtype]
        filters = [-(known > 0).to(bits) for known in masks]
        parts = joined.view(bits).split(channels, dim=1)
        for x, keep, part in zip(features, filters, parts, strict=True):
            torch.bitwise_and(x.view(bits), keep, out=part)
        ctx.save_for_backward(*filters)
        ctx.channels = channels
        return joined

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        bits = _BITS[gradient.dtype]
        parts = gradient.view(bits).split(ctx.channels, dim=1)
        needed = ctx.needs_input_grad[: len(parts)]
        gradients = [
            torch.bitwise_and(part, keep).view(gradient.dtype) if wanted else None
            for part, keep, wanted in zip(parts, ctx.saved_tensors, needed, strict=True)
        ]
        return (*gradients, *[None] * len(parts))


def _halves(both: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    return both[: len(both) // 2], both[len(both) // 2 :]
