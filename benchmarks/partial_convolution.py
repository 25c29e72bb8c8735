"""Times the partial convolution against the form with a mask as wide as the features, where the paper's network joins.

python3 dev.py bench partial_convolution
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

import _tables
import _timing
from restauro.training.partial_convolution import PartialConv2d

SIDE = 512  # of the picture
SOURCES = ((512, 512),) * 4 + ((256, 512), (128, 256), (64, 128), (3, 64))  # channels; the deepest layer first
OUTPUTS = (512, 512, 512, 512, 256, 128, 64, 3)
LEAST = {"forward": 1.7, "forward and backward": 1.2}
OURS, WIDE = "single-channel masks", "wide masks"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class WideMaskConv2d(nn.Module):
    """The partial convolution as the authors' code has it: a mask with the channels of the features."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.register_buffer("ones", torch.ones_like(self.convolution.weight))

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and mask after the layer, both as wide as its output."""
        with torch.no_grad():
            sums = functional.conv2d(mask, self.ones, padding=1)
            update = sums.clamp(0, 1)
            ratio = self.ones[0].numel() / (sums + 1e-8) * update
        bias = self.convolution.bias[:, None, None]
        convolved = self.convolution(features * mask)
        return ((convolved - bias) * ratio + bias) * update, update


@dataclass(frozen=True)
class Case:
    """A layer of the decoder in both forms, with the same weights, and what goes into it."""

    layer: PartialConv2d
    wide: WideMaskConv2d
    features: list[Tensor]
    masks: list[Tensor]

    @classmethod
    def of(cls, number: int, dtype: torch.dtype) -> Case:
        """Return a layer by its number, the deepest first."""
        sources, outputs, side = SOURCES[number], OUTPUTS[number], SIDE // 2 ** (7 - number)
        layer, wide = PartialConv2d(sources, outputs, 3), WideMaskConv2d(sum(sources), outputs)
        nn.init.normal_(layer.bias)
        wide.convolution.load_state_dict(layer.state_dict())
        features = [torch.randn(1, count, side, side).to(dtype).requires_grad_() for count in sources]
        masks = [(torch.rand(1, 1, side, side) < 0.7).float() for _ in sources]
        return cls(layer.to(dtype), wide.to(dtype), features, masks)

    def ways(self) -> dict[str, Callable[[], Tensor]]:
        """Return both forms; the wide masks are there before, as the layers below make them."""
        wide = [mask.to(x.dtype).expand_as(x).contiguous() for x, mask in zip(self.features, self.masks, strict=True)]
        sources = list(zip(self.features, self.masks, strict=True))
        return {
            OURS: lambda: self.layer(*sources)[0],
            WIDE: lambda: self.wide(torch.cat(self.features, 1), torch.cat(wide, 1))[0],
        }


def seconds(case: Case, rounds: int, *, backward: bool) -> dict[str, list[float]]:
    """Return the times of both forms, measured in turns."""

    def once(way: Callable[[], Tensor]) -> Callable[[], None]:
        def forward() -> None:
            with torch.no_grad():
                way()

        def both() -> None:
            way().sum().backward()

        return both if backward else forward

    ways = {name: once(way) for name, way in case.ways().items()}
    _timing.interleaved(ways, 1)
    return _timing.interleaved(ways, rounds)


def check(case: Case) -> None:
    """Stop if the two forms don't compute the same."""
    with torch.no_grad():
        results = [way() for way in case.ways().values()]
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-3)


def measure(dtype: torch.dtype, rounds: int, *, backward: bool) -> list[dict[str, list[float]]]:
    found = []
    for number in range(len(SOURCES)):
        torch.manual_seed(number)
        case = Case.of(number, dtype)
        if dtype == torch.float32:
            check(case)
        found.append(seconds(case, rounds, backward=backward))
    return found


def rows(found: Sequence[dict[str, list[float]]], least: float | None) -> list[list[str]]:
    """Return a row for each layer, and one for all of them, round by round."""
    names = [
        f"{one} + {other} to {outputs}, {SIDE // 2 ** (7 - number)} x {SIDE // 2 ** (7 - number)}"
        for number, ((one, other), outputs) in enumerate(zip(SOURCES, OUTPUTS, strict=True))
    ]
    added = {name: [sum(all_) for all_ in zip(*(one[name] for one in found), strict=True)] for name in (OURS, WIDE)}
    lines = [_row(name, times, None) for name, times in zip(names, found, strict=True)]
    return [*lines, _row("all eight", added, least)]


def _row(name: str, times: dict[str, list[float]], least: float | None) -> list[str]:
    ratios = [wide / ours for ours, wide in zip(times[OURS], times[WIDE], strict=True)]
    milliseconds = [f"{1000 * statistics.median(times[way]):.2f}" for way in (OURS, WIDE)]
    verdict = "-" if least is None else f"{_tables.met(statistics.median(ratios), least)} ({least:g})"
    return [name, *milliseconds, _tables.median_and_range(ratios), verdict]


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--threads", type=int, default=_tables.cores())
    arguments = options.parse_args()
    load = _tables.load_before()
    torch.set_num_threads(arguments.threads)
    explained = (
        f"{_tables.conditions(load, 'restauro', 'torch')} Threads: {arguments.threads}.\n\n"
        f"The decoder's eight layers of the paper's network at {SIDE} x {SIDE} pixels, one picture: each joins two "
        "sources with masks of their own, 70 % known at random. Milliseconds, medians of "
        f"{arguments.rounds} rounds in turns. Wide masks: the authors' form, in plain PyTorch, with a mask as wide as "
        "the features, convolved with ones; its masks are made wide beforehand. Both compute the same (checked). Times "
        "faster: median and range of the rounds' quotients. A mask has no gradient, so the two convolutions of the way "
        "back are the same for both: forward and backward, 4/3 is the limit for large layers."
    )
    parts = [explained]
    head = ["layer", f"{OURS}, ms", f"{WIDE}, ms", "times faster", "target"]
    for name, dtype in DTYPES.items():
        for what, least in LEAST.items():
            found = measure(dtype, arguments.rounds, backward=what != "forward")
            target = least if name == "float32" else None
            parts += [f"## {what.capitalize()}, {name}", _tables.table(head, rows(found, target))]
    _tables.publish(
        "partial-convolution", "Partial convolution at skip connections", parts, print_only=arguments.print_only
    )


if __name__ == "__main__":
    main()
