"""The network that finds damage: a small U-Net that begins at full resolution, since hairlines are lost at half."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from restauro.damage.wear.canvas import KINDS
from restauro.errors import TrainingError

_MOMENTUM = 0.03  # of the statistics that are used after training: a mean over some 30 steps
_AROUND = 9  # pixels of the window whose mean a pixel is compared with
_LEVELS, _DIFFERENCES = 2.0, 8.0  # bring both to about the size that layers keep: faint cracks differ by a twentieth
_RARE = -4.0  # log odds that training begins with: most pixels are undamaged
_NEVER = -12.8  # log odds of kinds that a network isn't for
_CERTAIN, _TOLD = 12.7, 0.25  # log odds are told up to so many, and by so much smaller


class DamageUNet(nn.Module):
    """Gives the log odds of every kind of damage for each pixel of a picture of any size.

    A picture is looked at several times, four usually, at an eighth of its size, at a quarter, at half, and as it is,
    each time being told what was seen before, by the same weights: so the last look knows what lies far around. It is
    given colours, and how they differ from the mean around, enlarged: so faint lines are seen from the start. A network
    may be for one kind alone, and says of the others that they are nowhere.

    Convolutions of 3 x 3, batch normalisation, ReLUs, whose results eight bits hold well: in use, what is found at a
    place depends on its surroundings alone, and a picture can be cut into windows. Halved by convolutions of stride 2,
    doubled by sub-pixel convolutions (W. Shi et al., CVPR 2016), whose result is added to the features beside.

    Parameters
    ----------
    width : int
        Channels at full resolution; twice as many at half of it, and from there on as many as the two levels above
        have together (16, 32, 48, 80, 128).
    depth : int
        Levels in all; each has half the resolution of the one above it.
    looks : int
        How often a picture is looked at, the last time as it is, and before that at half the size each time.
    only : str
        One of `restauro.damage.wear.canvas.KINDS`, or "" for all.

    Raises
    ------
    TrainingError
        There is no such kind, or no look.

    Examples
    --------
    >>> import torch
    >>> network = DamageUNet(width=8, depth=3)
    >>> network(torch.rand(1, 3, 30, 43)).shape
    torch.Size([1, 5, 30, 43])
    """

    def __init__(self, width: int = 16, depth: int = 5, looks: int = 4, only: str = "") -> None:
        super().__init__()
        if only not in ("", *KINDS):
            raise TrainingError(f"only is {only!r}; it can be {', '.join(KINDS)}, or nothing for all.")
        if looks < 1:
            raise TrainingError(f"looks is {looks}; it must be 1 or more.")
        self.frozen = False
        self.looks_in_all = looks
        asked = torch.tensor([only in ("", kind) for kind in KINDS])[:, None, None]
        self.register_buffer("asked", asked, persistent=False)
        sizes = [width, 2 * width]
        while len(sizes) < depth:
            sizes.append(sizes[-2] + sizes[-1])
        self.multiple = 2 ** (depth - 1)
        self.first = _convolution(6 + len(KINDS), width)
        self.down = nn.ModuleList(_convolution(above, below, stride=2) for above, below in pairwise(sizes))
        self.before = nn.ModuleList(_two(size) for size in sizes[1:])
        self.up = nn.ModuleList(nn.Conv2d(below, 4 * above, 1) for above, below in pairwise(sizes))
        self.after = nn.ModuleList(_two(size) for size in sizes[:-1])
        self.last = nn.Conv2d(width, len(KINDS), 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        for up in self.up:
            nn.init.normal_(
                up.weight, std=0.5 * up.in_channels**-0.5
            )  # what is added begins smaller than what is there
            nn.init.zeros_(up.bias)
        nn.init.zeros_(self.last.weight)
        nn.init.constant_(self.last.bias, _RARE)

    def forward(self, image: Tensor) -> Tensor:
        """Return log odds, float [N, 5, H, W], of float32 [N, 3, H, W], 0..1."""
        *_, (_, _, odds) = self.looks(image)
        return odds

    def looks(self, image: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield of every look what it is given, a picture [N, 3, h, w] and log odds, and the log odds that it gives."""
        sizes = [image]
        while len(sizes) < self.looks_in_all:
            sizes.append(functional.avg_pool2d(sizes[-1], 2, ceil_mode=True))
        odds = None
        for seen in reversed(sizes):
            height, width = seen.shape[2:]
            told = torch.zeros_like(seen[:, :1]).expand(-1, len(KINDS), -1, -1) if odds is None else doubled(odds)
            told = told[:, :, :height, :width]
            odds = self.odds(self.features(seen, told))[:, :, :height, :width].float()
            yield seen, told, odds

    def features(self, image: Tensor, told: Tensor) -> Tensor:
        """Return what the last layer sees in one look, float [N, width, H, W], H and W filled up to multiples.

        told: log odds [N, 5, H, W] that were seen at half the size, or zeros.
        """
        height, width = image.shape[2:]
        around = _mean(_mean(image, (1, _AROUND)), (_AROUND, 1))
        told = _TOLD * told.clamp(-_CERTAIN, _CERTAIN)
        x = torch.cat([_LEVELS * (image - 0.5), _DIFFERENCES * (image - around), told], 1)  # [N, 11, H, W]
        x = functional.pad(x, (0, -width % self.multiple, 0, -height % self.multiple))
        x = self.first(x)  # [N, width, H, W]
        beside = []
        for down, before in zip(self.down, self.before, strict=True):
            beside.append(x)
            x = before(down(x))
        for after, up in zip(reversed(self.after), reversed(self.up), strict=True):
            x = after(functional.pixel_shuffle(up(x), 2) + beside.pop())
        return x

    def odds(self, features: Tensor) -> Tensor:
        """Return the log odds [N, 5, H, W] that features [N, width, H, W] mean."""
        return torch.where(self.asked, self.last(features), _NEVER)

    def freeze_batch_norm(self) -> None:
        """Keep the statistics of batch normalisation as they are from now on, whatever `train()` says.

        In training each of the looks would be normalised by its own, and in use all are by their mean: so the last part
        of a training is for this.
        """
        self.frozen = True
        self.train(self.training)

    def train(self, mode: bool = True) -> DamageUNet:
        """See `torch.nn.Module.train`."""
        super().train(mode)
        if self.frozen:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def doubled(values: Tensor) -> Tensor:
    """Return values at twice the size, linearly interpolated between the middles of pixels."""
    return functional.interpolate(values, scale_factor=2, mode="bilinear", align_corners=False)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs, momentum=_MOMENTUM),
        nn.ReLU(inplace=True),
    )


def _mean(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Return the means over windows, of what of them lies within the picture."""
    return functional.avg_pool2d(x, window, 1, (window[0] // 2, window[1] // 2), count_include_pad=False)


def _two(channels: int) -> nn.Sequential:
    return nn.Sequential(_convolution(channels, channels), _convolution(channels, channels))
