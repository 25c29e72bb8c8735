"""The features by which the perceptual and style losses compare pictures: VGG-16 up to its third pooling.

K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015
(configuration D). Its weights aren't part of restauro. Of the thirteen convolutions these losses need the first seven.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from restauro.errors import TrainingError

MEASURED, SIDE = 64, 256  # pictures on which scales are measured, and the largest side of their middle that is used

_BLOCKS = (2, 2, 3)  # convolutions before each pooling
_NAMES = [f"conv{block}_{number}" for block, count in enumerate(_BLOCKS, 1) for number in range(1, count + 1)]
_TORCHVISION = [f"features.{number}" for number in (0, 2, 5, 7, 10, 12, 14)]
_CAFFE_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
_TORCHVISION_MEAN, _TORCHVISION_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Scales = tuple[float, float, float]


@dataclass(frozen=True)
class VggWeights:
    """What a file says of VGG-16, for pictures (red, green, blue) of 0 to 1, less `mean`, times `factor`.

    `kernels` (float32 [O, I, 3, 3]) and `biases` (float32 [O]) are of conv1_1 to conv3_3.
    """

    kernels: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    mean: tuple[float, float, float]
    factor: tuple[float, float, float]

    @property
    def sha256(self) -> str:
        """Say which weights these are, whatever kind of file they came in: the hash of all values as float32."""
        digest = hashlib.sha256()
        for values in (*self.kernels, *self.biases):
            digest.update(values.contiguous().numpy().astype("<f4").tobytes())
        return digest.hexdigest()


class Vgg(nn.Module):
    """Features after pool1, pool2 and pool3 of VGG-16, each divided by its scale; nothing in it is trained.

    Conversions of VGG-16 differ in the size of what goes in, and so of all that comes out: features 150 times larger,
    Gram matrices 20,000 times. Divided by their mean activation over many pictures they weigh the same in a loss,
    whichever file they come from.

    Parameters
    ----------
    weights : VggWeights
        See `read_weights`.
    scales : tuple of float
        What the features after each pooling are divided by; see `scales_of`.
    """

    def __init__(self, weights: VggWeights, scales: Scales = (1.0, 1.0, 1.0)) -> None:
        super().__init__()
        self.scales = scales
        self.register_buffer("mean", torch.tensor(weights.mean).view(3, 1, 1))
        # Rectified convolutions of a multiple are the multiple: so the scales, and the input's, are put into the
        # weights, and cost nothing. (The mean can't be put into the bias: padding is 0 after it is subtracted.)
        before: Tensor | float = torch.tensor(weights.factor).view(3, 1, 1)
        numbers = iter(range(sum(_BLOCKS)))
        for count, scale in zip(_BLOCKS, scales, strict=True):
            for number in islice(numbers, count):
                self.register_buffer(f"kernel{number}", weights.kernels[number] * (before / scale))
                self.register_buffer(f"bias{number}", weights.biases[number] / scale)
                before = scale

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features after each pooling, [N, 64 | 128 | 256, H', W'], of pictures [N, 3, H, W] of 0 to 1."""
        features, numbers, found = image - self.mean, iter(range(sum(_BLOCKS))), []
        for count in _BLOCKS:
            for number in islice(numbers, count):
                kernel, bias = self.get_buffer(f"kernel{number}"), self.get_buffer(f"bias{number}")
                features = functional.conv2d(features, kernel, bias, padding=1).relu_()
            features = functional.max_pool2d(features, 2)  # [N, 64, H / 2, W / 2], [N, 128, H / 4, W / 4], ...
            found.append(features)
        return found


def load_vgg(path: Path, pictures: Iterable[NDArray[np.uint8]]) -> Vgg:
    """Return the network of a file of weights, its features divided by their scales.

    Scales of known weights are stored (vgg_scales.json); of others they are measured on the first 64 of `pictures`,
    uint8 [H, W, 3]: training's own, so that a run depends on nothing else. They are in the network's `scales`.
    """
    weights = read_weights(path)
    return Vgg(weights, stored_scales(weights) or measured_scales(weights, pictures))


def stored_scales(weights: VggWeights) -> Scales | None:
    """Return the scales that restauro knows for these weights, or None."""
    text = resources.files("restauro.training").joinpath("vgg_scales.json").read_text(encoding="utf-8")
    for known in json.loads(text)["weights"]:
        if known["sha256"] == weights.sha256:
            first, second, third = known["scales"]
            return first, second, third
    return None


def measured_scales(weights: VggWeights, pictures: Iterable[NDArray[np.uint8]]) -> Scales:
    """Return the mean activation after pool1, pool2 and pool3 over the first 64 pictures, uint8 [H, W, 3].

    Of each the middle is used, 256 pixels wide and high at most. Pictures weigh the same, whatever their size.
    """
    network, sums, count = Vgg(weights), np.zeros(3), 0
    for picture in islice(pictures, MEASURED):
        height, width = (min(side, SIDE) for side in picture.shape[:2])
        top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
        middle = np.ascontiguousarray(picture[top : top + height, left : left + width])
        with torch.inference_mode():
            image = torch.from_numpy(middle).permute(2, 0, 1)[None] / 255
            sums += [float(features.mean(dtype=torch.float64)) for features in network(image)]
        count += 1
    if count == 0 or not (np.isfinite(sums) & (sums > 0)).all():
        raise TrainingError(
            f"The mean activations of VGG-16 over {count} pictures are {sums / max(count, 1)}: numbers above 0 are "
            "needed; choose another file of weights, or other pictures."
        )
    first, second, third = (float(f"{mean:.6g}") for mean in sums / count)
    return first, second, third


def read_weights(path: Path) -> VggWeights:
    """Return the weights that a .safetensors file or a PyTorch state dictionary (.pth) holds.

    Two kinds are known by the names in them: `conv1_1.weight` and so on, which take pictures of 0..255 less the mean
    (123.68, 116.779, 103.939), red first; and torchvision's `features.0.weight` and so on, which take pictures of 0..1
    less the mean, divided by the standard deviation. Half precision becomes float32.

    Raises
    ------
    TrainingError
        There is no such file, or it holds no VGG-16.
    """
    found = _read(path)
    for names, mean, factor in (
        (_NAMES, _CAFFE_MEAN, (255.0, 255.0, 255.0)),
        (_TORCHVISION, _TORCHVISION_MEAN, tuple(1 / deviation for deviation in _TORCHVISION_DEVIATION)),
    ):
        if f"{names[0]}.weight" in found:
            kernels, biases = (_chosen(found, names, kind, path) for kind in ("weight", "bias"))
            red, green, blue = factor
            return VggWeights(kernels, biases, mean, (red, green, blue))
    raise TrainingError(
        f"{path} holds no VGG-16: neither conv1_1.weight nor features.0.weight is in it; name a file of VGG-16's "
        "weights."
    )


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise TrainingError(f"There is no file {path}: name a file of VGG-16's weights.")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise TrainingError(
            f"{path} can't be read as weights ({why}): name a .safetensors or .pth file of VGG-16's weights."
        ) from None
    return found if isinstance(found, Mapping) else {}


def _chosen(found: Mapping[str, Tensor], names: list[str], kind: str, path: Path) -> tuple[Tensor, ...]:
    outputs = [64, 64, 128, 128, 256, 256, 256]
    inputs = [3, *outputs[:-1]]
    chosen = []
    for name, out_channels, in_channels in zip(names, outputs, inputs, strict=True):
        shape = (out_channels, in_channels, 3, 3) if kind == "weight" else (out_channels,)
        values = found.get(f"{name}.{kind}")
        if values is None or tuple(values.shape) != shape:
            has = "missing" if values is None else f"of the shape {tuple(values.shape)}"
            raise TrainingError(
                f"{path} holds no VGG-16: {name}.{kind} is {has}, {shape} is needed; name another file."
            )
        chosen.append(values.detach().float())
    return tuple(chosen)
