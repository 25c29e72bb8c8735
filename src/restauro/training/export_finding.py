"""Networks that find damage as ONNX files: a picture in, the probability of every kind of damage out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import torch
from torch import Tensor, nn

from restauro.damage.wear.canvas import KINDS
from restauro.training.onnx_files import Exported, check_target, described, graph, write


class _Look(nn.Module):
    """A network's look at one size: log odds turned into probabilities, and the features that they are made of."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.features(image, told)
        return self.network.last(features).sigmoid(), features


def export_finding(
    network: nn.Module, target: Path, metadata: Mapping[str, str], *, overwrite: bool = False
) -> Exported:
    """Write a network that finds damage as an ONNX file, for any height and width, its weights in single precision.

    The file is one look: its inputs are `image`, float32 [N, 3, H, W], 0..1, and `told`, float32 [N, kinds, H, W], the
    log odds that were seen at half the size, doubled, or zeros. Its outputs are `probability`, float32 [N, kinds, H,
    W], 0..1, in the order of the metadata's `classes`, and `features`, float32 [N, width, H, W], which the last layer
    sees. H and W are multiples of the metadata's `multiple`. What was written is compared with PyTorch. `restauro train
    --init` goes on from its weights.

    Parameters
    ----------
    network
        A `restauro.training.damage_unet.DamageUNet`. It isn't changed.
    target, metadata, overwrite
        As of `restauro.training.export.export`; `classes` is added to the metadata.

    Raises
    ------
    TrainingError
        As `restauro.training.export.export`.
    """
    check_target(target, overwrite=overwrite)
    multiple = int(network.multiple)
    look = _Look(network).cpu().eval()
    model = graph(look, multiple, {"image": 3, "told": len(KINDS)}, "probability", "features", merged=False)
    for tensor in model.graph.initializer:  # by the names that the network has for them
        _rename(model, tensor.name, tensor.name.removeprefix("network."))
    without_zeros(model)
    content = described(model, {**metadata, "classes": ",".join(KINDS)}, multiple)
    difference = _difference(content, look)
    write(content, target, difference)
    return Exported(target, len(content), difference)


def without_zeros(model: onnx.ModelProto) -> None:
    """Take the biases from convolutions before a normalisation, which PyTorch writes as zeros made on the way.

    With them, ONNX Runtime doesn't merge a convolution, its normalisation and its ReLU: half as much time again.
    """
    made = {node.output[0]: node for node in model.graph.node}
    normalised = {node.input[0] for node in model.graph.node if node.op_type == "BatchNormalization"}
    for node in model.graph.node:
        if node.output[0] in normalised and len(node.input) == 3 and _is_zeros(node.input[2], made):
            del node.input[2]
    wanted = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):  # each comes after what it needs
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(kept))


def _is_zeros(name: str, made: Mapping[str, onnx.NodeProto]) -> bool:
    """Say whether a value is a constant 0, cast or made larger."""
    while name in made and made[name].op_type in ("Cast", "CastLike", "Expand"):
        name = made[name].input[0]
    if name not in made or made[name].op_type != "Constant":
        return False
    return not onnx.numpy_helper.to_array(made[name].attribute[0].t).any()


def _rename(model: onnx.ModelProto, old: str, new: str) -> None:
    for tensor in model.graph.initializer:
        if tensor.name == old:
            tensor.name = new
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


@torch.no_grad()
def _difference(content: bytes, look: nn.Module) -> float:
    """Return how far ONNX Runtime's probabilities are from PyTorch's at most, on random pictures of two sizes."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for shape in ((1, 3, 64, 64), (2, 3, 32, 128)):
        image = torch.rand(shape, generator=generator)
        told = 4 * torch.randn(shape[0], len(KINDS), *shape[2:], generator=generator) - 4
        (found,) = session.run(["probability"], {"image": image.numpy(), "told": told.numpy()})
        largest = max(largest, float(np.abs(found - look(image, told)[0].numpy()).max()))
    return largest
