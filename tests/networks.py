"""Tiny networks as `restauro export` makes them, written with onnx alone; and every method, ready to use."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from restauro.method import Method, make_method

_folder = tempfile.TemporaryDirectory(prefix="restauro-")
METADATA = {"restauro.format": "1", "name": "tiny", "multiple": "4", "context": "9"}


def write_network(
    path: Path, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> Path:
    """Write a graph from `image` and `known` to `restored`."""

    def value(name: str, channels: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, "h", "w"])

    graph = helper.make_graph(
        nodes,
        "tiny",
        [value("image", 3), value("known", 1)],
        [value("restored", 3)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, METADATA if metadata is None else metadata)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    return path


def convolution(source: str, target: str, weight: str, reach: int, **more: Any) -> onnx.NodeProto:
    return helper.make_node("Conv", [source, weight], [target], pads=[reach] * 4, **more)


def write_tiny(path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Write two 5x5 convolutions of what is known, 3 to 8 to 3 channels, at half the size between them."""
    rng = np.random.default_rng(7)
    weights = {
        "first": (rng.normal(size=(8, 4, 5, 5)) / 10).astype(np.float32),
        "second": (rng.normal(size=(3, 8, 5, 5)) / 10).astype(np.float32),
        "twice": np.array([1, 1, 2, 2], np.float32),
    }
    nodes = [
        helper.make_node("Concat", ["image", "known"], ["both"], axis=1),
        convolution("both", "half", "first", 2, strides=[2, 2]),
        helper.make_node("Relu", ["half"], ["bent"]),
        helper.make_node("Resize", ["bent", "", "twice"], ["whole"], mode="nearest"),
        convolution("whole", "sharp", "second", 2),
        helper.make_node("Sigmoid", ["sharp"], ["restored"]),
    ]
    return write_network(path, nodes, weights, metadata)


@cache
def tiny_model() -> Path:
    """One tiny network for all tests."""
    return write_tiny(Path(_folder.name) / "tiny.onnx")


def needed(method: str) -> dict[str, Any]:
    """What a method can't do without."""
    return {"model": str(tiny_model())} if method in ("network", "partial-convolution") else {}


def ready(method: str) -> Method:
    """Return a method with defaults, and what it can't do without."""
    return make_method(method, needed(method))
