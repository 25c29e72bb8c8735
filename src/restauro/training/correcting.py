"""A small U-Net that corrects a diffusion fill: what small pictures with thin holes need."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from restauro.training.unet import padded

_LEVELS = 5  # halvings of the pull: holes up to 32 pixels wide get colours of their surroundings, wider ones the mean
_SWEEPS = 12  # of the smoothing; holes of some 10 pixels come near to the harmonic fill


class CorrectingUNet(nn.Module):
    """Fills the holes smoothly, and adds what a residual U-Net has learned that a smooth fill gets wrong.

    The fill is a pyramid of partial convolutions with fixed, equal weights, and sweeps of diffusion: the network
    needn't learn to carry colours into holes, and in short trials a fifth of the steps did as much. The U-Net is of
    residual blocks (K. He et al., "Identity mappings in deep residual networks", ECCV 2016) without normalisation;
    it works at full resolution, since in holes a few pixels wide it is the pixels next to them that count. Its last
    layer begins at 0, so training begins at the smooth fill.

    Parameters
    ----------
    width : int
        Channels at full resolution; twice as many at half of it, four times as many at a quarter.
    blocks : int
        Residual blocks at full resolution, before and after the lower ones; twice as many at each lower level.

    Examples
    --------
    >>> network = CorrectingUNet(width=8)
    >>> image, known = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    >>> known[:, :, 5:9] = 0
    >>> network(image, known).shape
    torch.Size([1, 3, 32, 32])
    """

    multiple = 2**_LEVELS

    def __init__(self, width: int = 64, blocks: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, width, 3, padding=1)
        self.before = nn.ModuleList([_blocks(width, blocks), _blocks(2 * width, 2 * blocks)])
        self.down = nn.ModuleList([nn.Conv2d(width, 2 * width, 2, 2), nn.Conv2d(2 * width, 4 * width, 2, 2)])
        self.deepest = _blocks(4 * width, 2 * blocks)
        self.up = nn.ModuleList([nn.Conv2d(2 * width, 4 * width, 1), nn.Conv2d(4 * width, 8 * width, 1)])
        self.after = nn.ModuleList([_blocks(width, blocks), _blocks(2 * width, 2 * blocks)])
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        """Return the whole picture as the network sees it, float32 [N, 3, H, W].

        image: float [N, 3, H, W], 0..1, anything under the hole; known: float32 [N, 1, H, W], 1 known, 0 hole.
        """
        height, width = image.shape[2:]
        image, known = padded(image, known, self.multiple)
        smooth = smooth_fill(image, known)
        x = self.first(torch.cat([smooth - 0.5, known], 1))  # [N, width, H, W]
        beside = []
        for blocks, down in zip(self.before, self.down, strict=True):
            x = blocks(x)
            beside.append(x)
            x = down(x)
        x = self.deepest(x)  # [N, 4 width, H / 4, W / 4]
        for blocks, up in zip(reversed(self.after), reversed(self.up), strict=True):
            x = blocks(functional.pixel_shuffle(up(x), 2) + beside.pop())
        restored = smooth + self.last(functional.relu(x)).float()
        return restored[:, :, :height, :width]


class _Block(nn.Module):
    """Two convolutions, each after a ReLU, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(channels, channels, 3, padding=1)
        self.outer = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.inner.weight, nonlinearity="relu")
        nn.init.zeros_(self.inner.bias)
        nn.init.zeros_(self.outer.weight)  # a new block changes nothing
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.outer(functional.relu(self.inner(functional.relu(x))))
        return added


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[_Block(channels) for _ in range(count)])


def smooth_fill(image: Tensor, known: Tensor) -> Tensor:
    """Return the picture with smoothly filled holes, float32 [N, 3, H, W]; sides are multiples of 32.

    Known pixels are averaged by twos over a pyramid ("pull"), unknown ones take the coarser level's colour ("push"),
    and sweeps of a 3 x 3 mean over the hole pixels smooth the steps.

    Examples
    --------
    >>> image, known = torch.full((1, 3, 32, 32), 0.25), torch.ones(1, 1, 32, 32)
    >>> image[:, :, 4:12, 7:9], known[:, :, 4:12, 7:9] = torch.nan, 0
    >>> bool(torch.allclose(smooth_fill(image, known), torch.tensor(0.25)))
    True
    """
    colour, known = torch.where(known > 0, image.float(), 0), known.float()
    levels = [(colour, known)]
    for _ in range(_LEVELS):
        share = functional.avg_pool2d(known, 2)
        colour = functional.avg_pool2d(colour, 2) / share.clamp(min=1e-6)  # unknown: 0 / 1e-6
        known = (share > 0).float()
        levels.append((colour, known))
    weight = known.sum((2, 3), keepdim=True).clamp(min=1)
    filled = (colour * known).sum((2, 3), keepdim=True) / weight  # [N, 3, 1, 1]
    for colour, known in reversed(levels):
        if colour is not levels[-1][0]:
            filled = functional.interpolate(filled, scale_factor=2, mode="bilinear", align_corners=False)
        filled = torch.where(known > 0, colour, filled)  # [N, 3, H / 2 ** level, W / 2 ** level]
    for _ in range(_SWEEPS):
        mean = functional.avg_pool2d(filled, 3, 1, 1, count_include_pad=False)
        filled = torch.where(known > 0, filled, mean)
    return filled
