"""Networks that find damage as ONNX files: a picture in, the probability of every kind of damage out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from restauro.damage.wear.canvas import KINDS
from restauro.onnx_sessions import CPU, open_session
from restauro.training.onnx_files import (
    Exported,
    check_target,
    described,
    graph,
    rename,
    rounded_to_half,
    store_in_half,
    write,
)

Image = NDArray[np.uint8]  # [H, W, 3]

_SELDOM = 0.0025  # probability: log odds of -6


class _Look(nn.Module):
    """A network's look at one size: log odds turned into probabilities, and the features that they are made of."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.features(image, told)
        return self.network.odds(features).sigmoid(), features


def export_finding(
    network: nn.Module,
    target: Path,
    metadata: Mapping[str, str],
    *,
    pieces: Iterable[Image] | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a network that finds damage as an ONNX file, for any height and width, in half precision or in eight bits.

    The file is one look: its inputs are `image`, float32 [N, 3, H, W], 0..1, and `told`, float32 [N, kinds, H, W], the
    log odds that were seen at half the size, doubled, or zeros. Its outputs are `probability`, float32 [N, kinds, H,
    W], 0..1, in the order of the metadata's `classes`, and `features`, float32 [N, width, H, W], which the last layer
    sees. H and W are multiples of the metadata's `multiple`.

    In half precision kernels are stored, but all is computed in single; what was written is compared with PyTorch, and
    `restauro train --init` goes on from its weights. In eight bits it takes half the time, see
    `restauro.training.eight_bits`; no training goes on from these.

    Parameters
    ----------
    network
        A `restauro.training.damage_unet.DamageUNet`. It isn't changed.
    target, metadata, overwrite
        As of `restauro.training.export.export`; `classes` is added to the metadata.
    pieces
        Pieces of pictures as the network sees them in use, uint8 [H, W, 3], damaged or not, sides multiples of eight
        times its own multiple: in eight bits then, with features scaled to what these have.

    Raises
    ------
    TrainingError
        As `restauro.training.export.export`.
    """
    check_target(target, overwrite=overwrite)
    multiple, about = int(network.multiple), {**metadata, "classes": ",".join(KINDS)}
    rounded = rounded_to_half(network).cpu().eval()
    look = _Look(rounded).eval()
    model = graph(look, multiple, {"image": 3, "told": len(KINDS)}, "probability", "features", merged=False)
    for tensor in model.graph.initializer:  # by the names that the network has for them
        rename(model, tensor.name, tensor.name.removeprefix("network."))
    without_zeros(model)
    if pieces is None:
        store_in_half(model)
    content = described(model, about, multiple)
    difference = _difference(content, look)
    rounding = None
    if pieces is not None:
        from restauro.training.eight_bits import FINDING, in_eight_bits

        given = list(_given(rounded, pieces))
        content = described(in_eight_bits(model, given, FINDING), about, multiple)
        rounding = _rounding(content, look, given)
    write(content, target, difference)
    return Exported(target, len(content), difference, eight_bits=rounding)


@torch.no_grad()
def _given(network: nn.Module, pieces: Iterable[Image]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Yield what the network is given in every look at pieces."""
    for piece in pieces:
        image = torch.from_numpy(np.ascontiguousarray(piece.transpose(2, 0, 1)[np.newaxis])).float() / 255
        for seen, told, _ in network.looks(image):
            yield {"image": seen.numpy(), "told": told.contiguous().numpy()}


@torch.no_grad()
def _rounding(content: bytes, look: nn.Module, given: Iterable[dict[str, NDArray[np.float32]]]) -> float:
    """Return by how much log odds differ from PyTorch's on the average, where they say more than never."""
    session = open_session(content, CPU, 0)
    differences = []
    for inputs in given:
        (found,) = session.run(["probability"], inputs)
        wanted = look(*(torch.from_numpy(inputs[name]) for name in ("image", "told")))[0]
        seen = wanted > _SELDOM
        differences.append((torch.from_numpy(found).logit(1e-6) - wanted.logit(1e-6))[seen].abs())
    return float(torch.cat(differences).mean())


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


@torch.no_grad()
def _difference(content: bytes, look: nn.Module) -> float:
    """Return how far ONNX Runtime's probabilities are from PyTorch's at most, on random pictures of two sizes."""
    session = open_session(content, CPU, 0)
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for shape in ((1, 3, 64, 64), (2, 3, 32, 128)):
        image = torch.rand(shape, generator=generator)
        told = 4 * torch.randn(shape[0], len(KINDS), *shape[2:], generator=generator) - 4
        (found,) = session.run(["probability"], {"image": image.numpy(), "told": told.numpy()})
        largest = max(largest, float(np.abs(found - look(image, told)[0].numpy()).max()))
    return largest
