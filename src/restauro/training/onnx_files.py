"""ONNX files as training writes and reads them: the graph, what it says of itself, its weights."""

from __future__ import annotations

import copy
import hashlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxscript
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

import restauro
from restauro.errors import Remedy, TrainingError
from restauro.files.replacing import replacing

# Of inputs, outputs and metadata, as methods/network.py reads them; of those that get a picture with its holes filled.
FORMAT, FORMAT_FILLED = "1", "2"
OPSET = 18  # the lowest that PyTorch's exporter writes; ONNX Runtime has it since 1.14
_WIDENED = "_DequantizeLinear_Output"  # what ONNX Runtime's quantisation adds to a kernel's name
_CLOSE = 1e-4  # how far ONNX Runtime's output may be from PyTorch's


@dataclass(frozen=True)
class Exported:
    """What was written: the file, its size in bytes, how far it is from PyTorch, and what rounding costs."""

    path: Path
    bytes: int
    difference: float
    loss: float | None = None  # dB that rounding costs, of networks that fill
    measured_on: str = ""
    eight_bits: float | None = None  # how far log odds move, of networks that find damage in eight bits


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raise TrainingError where a file can't be written, or may not be replaced."""
    if not target.parent.is_dir():
        raise TrainingError(f"There is no folder {target.parent}: make it first.")
    if target.is_dir():
        raise TrainingError(f"The target {target} is a folder: name a file in it, such as {target / 'model.onnx'}.")
    if target.exists() and not overwrite:
        raise TrainingError(
            f"The target {target} is there already", "choose another name", Remedy("overwrite", True, "to replace it")
        )


def graph(
    network: torch.nn.Module, multiple: int, inputs: Mapping[str, int], *outputs: str, merged: bool = True
) -> onnx.ModelProto:
    """Have PyTorch write the graph, of any number of pictures of any height and width.

    inputs: channels by name, in the order that the network takes them. outputs: what it gives is called. merged: layers
    may be merged, as normalisation into the convolution before it; else weights stay as the network has them.
    """
    height, width = (multiple * torch.export.Dim(name, min=1) for name in ("rows", "columns"))
    count = torch.export.Dim("n", min=1)
    shapes = tuple({0: count, 2: height, 3: width} for _ in inputs)
    sides = [max(2, -(-24 // multiple)) * multiple, max(3, -(-40 // multiple)) * multiple]
    example = tuple(torch.rand(2, channels, *sides) for channels in inputs.values())
    with _quiet():
        try:
            program = torch.onnx.export(
                network,
                example,
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=list(inputs),
                output_names=list(outputs),
                opset_version=OPSET,
                optimize=merged,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise TrainingError(f"PyTorch can't export this network: {str(error).strip().splitlines()[0]}") from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    for value in [*model.graph.input, *model.graph.output]:
        for axis, name in ((0, "n"), (2, "h"), (3, "w")):
            value.type.tensor_type.shape.dim[axis].dim_param = name
    del model.graph.value_info[:]  # the same in the exporter's names
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]  # the exporter's stack traces, larger than the graph
    _name_again(model, network)
    return model


def _name_again(model: onnx.ModelProto, network: torch.nn.Module) -> None:
    """Give vectors that the exporter has reshaped and renamed the names back that they have in the network."""
    names = dict(network.named_parameters())
    others = {tensor.name: numpy_helper.to_array(tensor).ravel() for tensor in model.graph.initializer}
    lacking = [name for name in names if names[name].dim() == 1 and name not in others]
    for name in network.state_dict():
        others.pop(name, None)
    for name in lacking:
        values = names[name].detach().numpy()
        found = next((other for other, stored in others.items() if np.array_equal(stored, values)), None)
        if found is not None:
            del others[found]
            rename(model, found, name)


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Rename a weight wherever it stands."""
    for tensor in model.graph.initializer:
        if tensor.name == old:
            tensor.name = new
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what the exporter says of itself: missing torchvision, names of axes, its own use of Python."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for kind in (FutureWarning, DeprecationWarning):
                warnings.simplefilter("ignore", kind)
            warnings.filterwarnings("ignore", message=r"# The axis name", category=UserWarning)
            yield
    finally:
        log.setLevel(level)


def rounded_to_half(network: torch.nn.Module) -> torch.nn.Module:
    """Return the network with kernels that float16 holds exactly."""
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for name, weight in rounded.named_parameters():
            if weight.dim() > 1:
                weight.copy_(weight.half())
                if not weight.isfinite().all():
                    raise TrainingError(
                        f"The weights {name} hold values that half precision doesn't, above 65504 or not finite: the "
                        "training diverged; export an earlier checkpoint."
                    )
    return rounded


def store_in_half(model: onnx.ModelProto) -> None:
    """Store kernels as float16, with a node that casts them; ONNX Runtime does that once, on opening."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):  # made by the exporter of several weights
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def described(model: onnx.ModelProto, metadata: Mapping[str, str], multiple: int) -> bytes:
    """Put metadata into a model, check it, and return the file's content."""
    about = {
        **metadata,
        "restauro.format": FORMAT_FILLED if "fill" in metadata else FORMAT,
        "multiple": str(multiple),
        "sha256": _digest(model),
        "created_with": f"restauro {restauro.__version__}, PyTorch {torch.__version__}, onnxscript "
        f"{onnxscript.__version__}, opset {OPSET}",
    }
    helper.set_model_props(model, about)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _digest(model: onnx.ModelProto) -> str:
    """Return the SHA-256 of all stored weights, in the order of their names."""
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        digest.update(tensor.name.encode() + numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def write(content: bytes, target: Path, difference: float) -> None:
    """Write a model's file in one go, unless its output is too far from PyTorch's."""
    if not difference <= _CLOSE:
        raise TrainingError(
            f"ONNX Runtime's output differs from PyTorch's by {difference:.2g} (at most {_CLOSE:g} is allowed), so "
            f"nothing was written to {target}: the network has a layer that isn't exported rightly."
        )
    with replacing(target, "The network") as temporary:
        temporary.write_bytes(content)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights of an exported network by their names, float32; those in eight bits as they count.

    Vectors may have further axes of length 1.

    Raises
    ------
    TrainingError
        The file can't be read as ONNX.
    """
    try:
        model = onnx.load(path)
    except (OSError, DecodeError) as error:
        raise TrainingError(f"{path} can't be read as an ONNX model: {error}") from None
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights = {name.removesuffix(".half"): values.astype(np.float32) for name, values in stored.items()}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and len(node.input) == 3 and stored.keys() >= set(node.input):
            values, scale, zero = (stored[name] for name in node.input)
            along = (-1, *[1] * (values.ndim - 1))  # a scale an output channel
            steps = values.astype(np.float32) - zero.reshape(along)
            weights[node.output[0].removesuffix(_WIDENED)] = steps * scale.reshape(along)
    return {name: torch.from_numpy(values) for name, values in weights.items()}
