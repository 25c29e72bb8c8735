"""LPIPS v0.1: how far apart two pictures look, by the features of a network (0: the same).

R. Zhang, P. Isola, A. Efros, E. Shechtman, O. Wang, "The unreasonable effectiveness of deep features as a perceptual
metric", CVPR 2018. The networks' weights are not in the repository. NumPy only, float32.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]  # [C, H, W]
Weights = dict[str, NDArray[np.float32]]

FILES = {
    "squeeze": "lpips_squeeze1_1_v0.1_torchvision.safetensors",
    "alex": "lpips_alex_v0.1_torchvision.safetensors",
}
_SHIFT = np.array([-0.030, -0.088, -0.188], np.float32)
_SCALE = np.array([0.458, 0.448, 0.450], np.float32)
_TINY = 1e-10  # added to the norms, so that features that are all 0 stay 0


class Lpips:
    """The distance by one network, "squeeze" (SqueezeNet 1.1) or "alex" (AlexNet); it may be used by several threads.

    What is measured against the same picture often needs its features only once:

        lpips = Lpips("squeeze", folder)
        of_painting = lpips.features(painting)
        lpips.between(of_painting, lpips.features(restored))
    """

    def __init__(self, network: str, folder: Path) -> None:
        self.network = network
        self._weights = read_safetensors(folder / FILES[network])
        self._outputs = _squeeze_outputs if network == "squeeze" else _alex_outputs
        heads = sum(name.startswith("lin") for name in self._weights)
        self._heads = [self._weights[f"lin{k}.weight"].ravel() for k in range(heads)]

    def __call__(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
        """Return the distance of two pictures, uint8 [H, W, 3], in the order red, green, blue."""
        return self.between(self.features(one), self.features(other))

    def features(self, picture: NDArray[np.uint8]) -> list[Planes]:
        """Return what the network makes of a picture: for each output [C, H * W], every pixel's vector of length 1."""
        return self.features_of_planes(picture.transpose(2, 0, 1) / np.float32(127.5) - np.float32(1))

    def features_of_planes(self, planes: NDArray[np.float32]) -> list[Planes]:
        """Return the same for planes [3, H, W] of -1 to 1."""
        x = (planes - _SHIFT[:, np.newaxis, np.newaxis]) / _SCALE[:, np.newaxis, np.newaxis]
        return [_unit(output) for output in self._outputs(x.astype(np.float32), self._weights)]

    def between(self, one: list[Planes], other: list[Planes]) -> float:
        """Return the distance of two pictures by their features."""
        return float(sum(lin @ _mean_square(a, b) for lin, a, b in zip(self._heads, one, other, strict=True)))


def read_safetensors(path: Path) -> Weights:
    """Return the arrays of a file of float16 and float32, all as float32.

    The format: the length of the header (8 bytes), the header (JSON: type, shape, first and last byte), the data.
    """
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    types = {"F16": np.float16, "F32": np.float32}
    weights = {}
    for name, about in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            flat = np.frombuffer(data[start + first : start + last], types[about["dtype"]])
            weights[name] = flat.reshape(about["shape"]).astype(np.float32)
    return weights


def _unit(output: Planes) -> Planes:
    flat = output.reshape(len(output), -1)
    return flat / (np.sqrt(np.einsum("cp,cp->p", flat, flat)) + np.float32(_TINY))


def _mean_square(a: Planes, b: Planes) -> NDArray[np.float32]:
    apart = a - b
    return np.square(apart, out=apart).mean(axis=1)


def _squeeze_outputs(x: Planes, weights: Weights) -> Iterator[Planes]:
    def fires(x: Planes, *numbers: int) -> Planes:
        for number in numbers:
            x = _fire(x, weights, f"features.{number}")
        return x

    x = _relu(convolve(x, weights["features.0.weight"], weights["features.0.bias"], stride=2))
    yield x
    for numbers in ((3, 4), (6, 7), (9,)):
        x = fires(max_pool(x, ceil=True), *numbers)
        yield x
    for number in (10, 11, 12):
        x = fires(x, number)
        yield x


def _fire(x: Planes, weights: Weights, name: str) -> Planes:
    def part(which: str, x: Planes, padding: int = 0) -> Planes:
        return _relu(convolve(x, weights[f"{name}.{which}.weight"], weights[f"{name}.{which}.bias"], padding=padding))

    squeezed = part("squeeze", x)
    return np.concatenate([part("expand1x1", squeezed), part("expand3x3", squeezed, padding=1)])


def _alex_outputs(x: Planes, weights: Weights) -> Iterator[Planes]:
    for number, stride, padding, pooled in ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False),
                                            (10, 1, 1, False)):  # fmt: skip
        x = max_pool(x) if pooled else x
        name = f"features.{number}"
        x = _relu(convolve(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=stride, padding=padding))
        yield x


def _relu(x: Planes) -> Planes:
    return np.maximum(x, 0, out=x)


def convolve(x: Planes, kernels: Planes, bias: Planes, *, stride: int = 1, padding: int = 0) -> Planes:
    """Return the correlation of planes [C, H, W] with kernels [O, C, k, k], plus bias [O]; zeros beyond the edges."""
    side = kernels.shape[2]
    if padding:
        x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    height, width = ((length - side) // stride + 1 for length in x.shape[1:])
    if side == 1:
        columns = x
    else:
        columns = np.empty((len(x), side, side, height, width), np.float32)
        for i in range(side):
            for j in range(side):
                columns[:, i, j] = _every(x, i, j, height, width, stride)
    y = kernels.reshape(len(kernels), -1) @ columns.reshape(-1, height * width)
    y += bias[:, np.newaxis]
    return y.reshape(-1, height, width)


def max_pool(x: Planes, *, ceil: bool = False) -> Planes:
    """Return the largest of each 3 x 3 at every second pixel; with `ceil`, of windows partly outside, too."""
    odd = [(length - 3) % 2 for length in x.shape[1:]]
    if ceil and any(odd):
        x = np.pad(x, [(0, 0), (0, odd[0]), (0, odd[1])], constant_values=-np.inf)
    height, width = ((length - 3) // 2 + 1 for length in x.shape[1:])
    rows = [_every(x, i, 0, height, x.shape[2], 2, 1) for i in range(3)]
    tallest = np.maximum(np.maximum(rows[0], rows[1]), rows[2])
    across = [tallest[:, :, j : j + 2 * width - 1 : 2] for j in range(3)]
    return np.maximum(np.maximum(across[0], across[1]), across[2])


def _every(x: Planes, i: int, j: int, height: int, width: int, stride: int, across: int = 0) -> Planes:
    """Return a view of the pixels at i, j and every `stride` (along rows every `across`) from there."""
    across = across or stride
    return x[:, i : i + stride * (height - 1) + 1 : stride, j : j + across * (width - 1) + 1 : across]
