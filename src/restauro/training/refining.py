"""The network of paintings: a U-Net that corrects a fill which a method has made before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_FURTHER_BLOCK = re.compile(r"(before|after)\.\d+\.([1-9]|\d\d+)|deepest\.([2-9]|\d\d+)")  # that not every network has
_SLOPE = 0.1  # of the leaky ReLU: no unit dies
_DEEPEST = 2  # times as many blocks at the lowest level, which sees furthest


class RefiningUNet(nn.Module):
    """Adds to a filled picture what it has learned that the fill gets wrong.

    The fill is a diffusion's, made before, at any size, by the methods that are there anyway: so the network begins
    where they end, and its weights needn't learn to carry colours and edges into holes. Its first convolution works on
    pixels taken together two by two each way (all are kept): half the resolution costs a quarter.

    Residual blocks (K. He et al., "Identity mappings in deep residual networks", ECCV 2016) of 3 x 3 convolutions and
    leaky ReLUs, without normalisation: what is filled at a place depends on its surroundings alone. Halved by 2 x 2
    convolutions, doubled by sub-pixel convolutions (W. Shi et al., CVPR 2016), whose result is added to the features
    beside. The last layer begins at 0, so training begins at the fill.

    Parameters
    ----------
    width : int
        Channels at half resolution; twice as many at a quarter, and from there on as many as the two levels above have
        together (48, 96, 144, 240).
    depth : int
        Levels in all; each has half the resolution of the one above it.
    blocks : int
        Residual blocks at each level on the way down, and again on the way up; twice as many at the lowest. Training
        can go on from a network of fewer: see `grown`.

    Examples
    --------
    >>> network = RefiningUNet(width=8, depth=2)
    >>> filled, known = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    >>> torch.equal(network(filled, known), filled)
    True
    """

    def __init__(self, width: int = 48, depth: int = 4, blocks: int = 1) -> None:
        super().__init__()
        sizes = [width, 2 * width]
        while len(sizes) < depth:
            sizes.append(sizes[-2] + sizes[-1])
        sizes = sizes[:depth]
        self.multiple = 2**depth
        self.first = nn.Conv2d(16, width, 3, padding=1)
        self.before = nn.ModuleList(_blocks(size, blocks) for size in sizes[:-1])
        self.down = nn.ModuleList(nn.Conv2d(above, below, 2, 2) for above, below in pairwise(sizes))
        self.deepest = _blocks(sizes[-1], _DEEPEST * blocks)
        self.up = nn.ModuleList(nn.Conv2d(below, 4 * above, 1) for above, below in pairwise(sizes))
        self.after = nn.ModuleList(_blocks(size, blocks) for size in sizes[:-1])
        self.last = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def grown(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a network of fewer blocks with this one's own for those that it lacks.

        Blocks change nothing until they are trained, so this network then begins with what that one gives.
        """
        there = {_block(name) for name in weights}
        new = {
            name: values
            for name, values in self.state_dict().items()
            if _FURTHER_BLOCK.fullmatch(_block(name)) and _block(name) not in there
        }
        return {**new, **weights}

    def forward(self, filled: Tensor, known: Tensor) -> Tensor:
        """Return the picture corrected, float32 [N, 3, H, W]; H and W are multiples of `multiple`.

        filled: float32 [N, 3, H, W], 0..1, with a fill in the holes; known: float32 [N, 1, H, W], 1 known, 0 hole.
        """
        x = self.first(functional.pixel_unshuffle(torch.cat([filled - 0.5, known], 1), 2))  # [N, width, H / 2, W / 2]
        beside = []
        for before, down in zip(self.before, self.down, strict=True):
            x = before(x)
            beside.append(x)
            x = down(x)
        x = self.deepest(x)
        for after, up in zip(reversed(self.after), reversed(self.up), strict=True):
            x = after(functional.pixel_shuffle(up(x), 2) + beside.pop())
        correction = functional.pixel_shuffle(self.last(functional.leaky_relu(x, _SLOPE)), 2)  # [N, 3, H, W]
        return filled + correction.float()


class _Block(nn.Module):
    """Two convolutions, each after a leaky ReLU, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(channels, channels, 3, padding=1)
        self.outer = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.inner.weight, a=_SLOPE)
        nn.init.zeros_(self.inner.bias)
        nn.init.zeros_(self.outer.weight)  # a new block changes nothing
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.inner(functional.leaky_relu(x, _SLOPE))
        added: Tensor = x + self.outer(functional.leaky_relu(inner, _SLOPE, inplace=True))
        return added


def _block(name: str) -> str:
    """Return the block that a weight is of: before.0.1 of before.0.1.inner.bias."""
    return name.rsplit(".", 2)[0]


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[_Block(channels) for _ in range(count)])
