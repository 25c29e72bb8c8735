"""LPIPS 0.1: how far apart two pictures look, by the features of a network (0: the same).

The network is built as an ONNX graph from a file of weights and run by ONNX Runtime. The weights aren't in the
package: `docs/compare-methods.md` says where they come from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import EvaluationError
from restauro.onnx_sessions import CPU, open_session

TITLES = {"squeeze": "SqueezeNet 1.1", "alex": "AlexNet"}
MISSING = (
    "empty, because no weights were given: convert LPIPS 0.1 of SqueezeNet 1.1 to a safetensors file, as "
    "docs/compare-methods.md shows, and name that as its weights"
)
LEAST_SIDE = 31  # pixels, below which nothing is left after the last pooling

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_TINY = 1e-10  # added to the norms, so that features that are all 0 stay 0
_TYPES = {"F16": np.float16, "F32": np.float32}
_OPSET, _IR = 17, 8
_PIXELS_AT_ONCE = 5 * 384 * 384  # of all pictures in one run; a pixel takes some 500 bytes

Weights = dict[str, NDArray[np.float32]]


class Lpips:
    """The distance by one network, which the file's keys tell: SqueezeNet 1.1 or AlexNet.

    Parameters
    ----------
    file
        Safetensors of float16 or float32: torchvision's keys `features.N...` and `linK.weight`.
    threads
        Of ONNX Runtime.

    Attributes
    ----------
    network
        "squeeze" or "alex".
    sha256
        Of the file.

    Raises
    ------
    EvaluationError
        The file can't be read, or holds neither network.

    References
    ----------
    R. Zhang, P. Isola, A. Efros, E. Shechtman, O. Wang, "The unreasonable effectiveness of deep features as a
    perceptual metric", CVPR 2018.

    Examples
    --------
    lpips = Lpips("lpips_squeeze.safetensors")
    lpips.distances(painting, [restored_one_way, restored_another_way])
    """

    def __init__(self, file: str | os.PathLike[str], threads: int = 1) -> None:
        path = Path(file)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise EvaluationError(f"The weights {path} can't be read ({error.strerror}): name a file.") from None
        weights = read_safetensors(data, path)
        self.network = _network(weights, path)
        self.sha256 = hashlib.sha256(data).hexdigest()
        self._session = open_session(_graph(self.network, weights, path), CPU, threads)

    def distances(self, truth: NDArray[np.uint8], others: Sequence[NDArray[np.uint8]]) -> list[float]:
        """Return how far others are from one picture; all uint8 [H, W, 3] (red, green, blue) or [H, W], of one size."""
        if min(truth.shape[:2]) < LEAST_SIDE:
            raise EvaluationError(
                f"The picture is {truth.shape[1]} x {truth.shape[0]} pixels, and LPIPS needs {LEAST_SIDE} x "
                f"{LEAST_SIDE}: take a larger one, or leave LPIPS out."
            )
        one = _planes(truth)
        return self.distances_of_planes(one, [_planes(other) for other in others])

    def distances_of_planes(
        self, one: NDArray[np.float32], others: Sequence[NDArray[np.float32]]
    ) -> list[float]:  # the seam for reference values that aren't 8-bit pictures
        """Return the same for planes [3, H, W] of -1 to 1."""
        several = max(1, _PIXELS_AT_ONCE // one[0].size - 1)
        found: list[float] = []
        for first in range(0, len(others), several):
            batch = np.stack([one, *others[first : first + several]])
            found += self._session.run(None, {"pictures": batch})[0].ravel().tolist()
        return found


def open_all(files: Sequence[str | os.PathLike[str]], threads: int = 1) -> dict[str, Lpips]:
    """Return the networks of some files by their names.

    A lone file of SqueezeNet brings AlexNet along, where a file `lpips_alex*.safetensors` lies beside it.

    Raises
    ------
    EvaluationError
        A file can't be read, or two are of the same network.
    """
    found: dict[str, Lpips] = {}
    for file in files:
        lpips = Lpips(file, threads)
        if lpips.network in found:
            raise EvaluationError(f"Two files of weights are of {TITLES[lpips.network]}: give one of each.")
        found[lpips.network] = lpips
    if list(found) == ["squeeze"]:
        for beside in sorted(Path(files[0]).parent.glob("lpips_alex*.safetensors"))[:1]:
            witness = Lpips(beside, threads)
            found[witness.network] = witness
    return found


def read_safetensors(data: bytes, path: Path) -> Weights:
    """Return the arrays of a safetensors file of float16 and float32, all as float32.

    The format: the length of the header (8 bytes), the header (JSON: type, shape, first and last byte), the data.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    weights = {}
    try:
        for name, about in json.loads(data[8:start]).items():
            if name != "__metadata__":
                first, last = about["data_offsets"]
                flat = np.frombuffer(data[start + first : start + last], _TYPES[about["dtype"]])
                weights[name] = flat.reshape(about["shape"]).astype(np.float32)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EvaluationError(
            f"The weights {path} aren't a whole safetensors file of float16 or float32: get a complete copy."
        ) from None
    return weights


def _network(weights: Weights, path: Path) -> str:
    if {"features.3.squeeze.weight", "lin6.weight"} <= weights.keys():
        return "squeeze"
    if {"features.10.weight", "lin4.weight"} <= weights.keys():
        return "alex"
    raise EvaluationError(
        f"The weights {path} are neither LPIPS 0.1 of SqueezeNet 1.1 nor of AlexNet (keys features.N... and "
        "linK.weight): name such a file."
    )


def _planes(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a picture as planes [3, H, W] of -1 to 1."""
    colours = picture if picture.ndim == 3 else np.repeat(picture[:, :, np.newaxis], 3, axis=2)
    return np.ascontiguousarray(colours.transpose(2, 0, 1), np.float32) / np.float32(127.5) - np.float32(1)


class _Graph:
    """The nodes and constants of an ONNX graph as they are added; each method returns its output's name."""

    def __init__(self, weights: Weights) -> None:
        from onnx import helper, numpy_helper

        self._helper, self._numpy_helper = helper, numpy_helper
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, values: Any, dtype: type = np.float32) -> str:
        if name not in self.constants:
            self.constants[name] = self._numpy_helper.from_array(np.asarray(values, dtype), name)
        return name

    def weight(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        values = self._weights[name]
        return self.constant(name, values if shape is None else values.reshape(shape))

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind}{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def convolution(self, x: str, name: str, stride: int = 1, padding: int = 0) -> str:
        kernel = list(self._weights[f"{name}.weight"].shape[2:])
        inputs = x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        y = self.node("Conv", *inputs, kernel_shape=kernel, strides=[stride] * 2, pads=[padding] * 4)
        return self.node("Relu", y)

    def pool(self, x: str, ceil: int = 0) -> str:
        return self.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=ceil)

    def fire(self, x: str, number: int) -> str:
        name = f"features.{number}"
        squeezed = self.convolution(x, f"{name}.squeeze")
        expanded = (
            self.convolution(squeezed, f"{name}.expand1x1"),
            self.convolution(squeezed, f"{name}.expand3x3", 1, 1),
        )
        return self.node("Concat", *expanded, axis=1)

    def distance(self, features: str, number: int) -> str:
        """Add what one output of the network brings: of pictures [1 + N, C, H, W] to distances [N, 1, 1, 1]."""
        axes = self.constant("channels", [1], np.int64)
        norm = self.node("ReduceL2", features, axes=[1], keepdims=1)
        unit = self.node("Div", features, self.node("Add", norm, self.constant("tiny", _TINY)))
        ends = [self.constant(name, [value], np.int64) for name, value in (("0", 0), ("1", 1), ("all", 2**62))]
        batch = self.constant("batch", [0], np.int64)
        one, others = (
            self.node("Slice", unit, ends[0], ends[1], batch),
            self.node("Slice", unit, ends[1], ends[2], batch),
        )
        apart = self.node("Sub", others, one)
        weighted = self.node("Mul", self.node("Mul", apart, apart), self.weight(f"lin{number}.weight", (1, -1, 1, 1)))
        return self.node("ReduceMean", self.node("ReduceSum", weighted, axes, keepdims=1), axes=[2, 3], keepdims=1)


def _squeeze_outputs(graph: _Graph, x: str) -> list[str]:
    x = graph.convolution(x, "features.0", stride=2)
    outputs = [x]
    for numbers in ((3, 4), (6, 7), (9,)):
        x = graph.pool(x, ceil=1)
        for number in numbers:
            x = graph.fire(x, number)
        outputs.append(x)
    for number in (10, 11, 12):
        x = graph.fire(x, number)
        outputs.append(x)
    return outputs


def _alex_outputs(graph: _Graph, x: str) -> list[str]:
    outputs = []
    for number, stride, padding, pooled in ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False),
                                            (10, 1, 1, False)):  # fmt: skip
        x = graph.convolution(graph.pool(x) if pooled else x, f"features.{number}", stride, padding)
        outputs.append(x)
    return outputs


def _graph(network: str, weights: Weights, path: Path) -> bytes:
    """Return the model: `pictures` [1 + N, 3, H, W] of -1 to 1, the first compared with the others: `distances`."""
    try:
        from onnx import TensorProto, helper
    except ImportError:
        raise EvaluationError("LPIPS needs onnx: pip install 'restauro[eval]'") from None
    graph = _Graph(weights)
    planes = (1, 3, 1, 1)
    shifted = graph.node("Sub", "pictures", graph.constant("shift", np.reshape(_SHIFT, planes)))
    x = graph.node("Div", shifted, graph.constant("scale", np.reshape(_SCALE, planes)))
    try:
        outputs = (_squeeze_outputs if network == "squeeze" else _alex_outputs)(graph, x)
        parts = [graph.distance(output, number) for number, output in enumerate(outputs)]
    except KeyError as error:
        raise EvaluationError(f"The weights {path} lack {error}: get a complete copy.") from None
    graph.nodes.append(helper.make_node("Sum", parts, ["distances"]))
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [None, 3, None, None])
    distances = helper.make_tensor_value_info("distances", TensorProto.FLOAT, [None, 1, 1, 1])
    made = helper.make_graph(graph.nodes, f"lpips-{network}", [pictures], [distances], list(graph.constants.values()))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    return bytes(model.SerializeToString())
