"""Convolutions in eight bits: what ONNX Runtime computes in half the time, on processors of the last years."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

Inputs = Mapping[str, NDArray[np.float32]]

FINDING = ("Conv", "Relu", "Add", "DepthToSpace")  # what is computed in eight bits: nothing between is widened
CORRECTING = ("Conv", "LeakyRelu")  # what residual blocks add up stays in floats: a tenth slower, and nothing is lost


class _Given(CalibrationDataReader):
    def __init__(self, inputs: Iterable[Inputs]) -> None:
        self.inputs = iter(inputs)

    def get_next(self) -> Any:
        return next(self.inputs, None)


def in_eight_bits(model: onnx.ModelProto, inputs: Iterable[Inputs], kinds: Sequence[str]) -> onnx.ModelProto:
    """Return a network whose convolutions work in eight bits, but for the first and the last.

    Weights have a scale an output channel; features 256 steps from the least value to the largest that they have for
    the inputs. So it is rounded as in B. Jacob et al., "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", CVPR 2018, after the training. Normalisation is merged into the convolutions.
    Weights take seven of their eight bits, -64 to 64: processors without instructions for such sums (x86 before 2019)
    add two products at a time in 16 bits, which two of 255 x 64 just fit. So results are the same everywhere.

    Parameters
    ----------
    model
        What it gives stays near; metadata are kept.
    inputs
        What the network is given in use: some dozens, each by the names of its inputs.
    kinds
        `FINDING` or `CORRECTING`: ONNX's names of what is computed in eight bits.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, merged, small = (Path(folder, f"{name}.onnx") for name in ("plain", "merged", "small"))
        onnx.save(model, plain)
        quant_pre_process(plain, merged, skip_symbolic_shape=True)
        convolutions = [node.name for node in onnx.load(merged).graph.node if node.op_type == "Conv"]
        quantize_static(
            merged,
            small,
            _Given(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(kinds),
            nodes_to_exclude=[convolutions[0], convolutions[-1]],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        quantised: onnx.ModelProto = onnx.load(small)
    return quantised


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what ONNX Runtime says of preparing, which is done."""
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
