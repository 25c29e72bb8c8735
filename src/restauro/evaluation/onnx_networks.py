"""Anyone's inpainting network in an ONNX file that takes a picture and a mask, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import EvaluationError
from restauro.onnx_sessions import CPU, first_line, open_session
from restauro.parameters import ChoiceParameter, Parameter

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}
_RANGES = {"unit": (1 / 255, 0.0), "byte": (1.0, 0.0), "signed": (2 / 255, -1.0)}  # factor, what is added
_OVERLAP = 4  # windows of a fixed size share a quarter of their sides, or more

Multiple = Annotated[int, Parameter("what the sides of its input are multiples of", minimum=1, maximum=1024)]
Range = Annotated[
    str, ChoiceParameter("what black and white are: 0 and 1, 0 and 255, -1 and 1", ("unit", "byte", "signed"))
]
Polarity = Annotated[str, ChoiceParameter("where its mask is 1 (255 where it takes bytes)", ("hole", "known"))]
Hidden = Annotated[float, Parameter("what is put under the hole, from black to white", minimum=0, maximum=1)]
First = Annotated[str, ChoiceParameter("what comes first where one input has 4 channels", ("mask", "picture"))]
Offset = Annotated[float, Parameter("what is added to the mask", minimum=-1, maximum=1)]


@dataclass(frozen=True)
class _Entry:
    """An input or output of a graph: what it holds, its dtype, where the channels are, its sides where fixed."""

    name: str
    dtype: type
    channels: int | None
    axis: int | None  # of the channels; None: it has no such axis, [N, H, W]
    sides: tuple[int | None, int | None]

    @classmethod
    def of(cls, about: Any, path: Path) -> _Entry:
        """Read what ONNX Runtime says of it."""
        shape = [side if isinstance(side, int) and side > 0 else None for side in about.shape or []]
        if about.type not in _DTYPES or len(shape) not in (3, 4):
            raise EvaluationError(
                f"{path.name} can't be used: {about.name} is {about.type} of shape {about.shape}, and a picture or a "
                "mask is a tensor of floats or bytes, [1, channels, height, width] or [1, height, width, channels]."
            )
        axis = None if len(shape) == 3 else 3 if shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4) else 1
        channels = 1 if axis is None else shape[axis]
        height, width = (shape[side] for side in range(1, len(shape)) if side != axis)
        return cls(about.name, _DTYPES[about.type], channels, axis, (height, width))

    def feed(self, planes: NDArray[np.float32]) -> NDArray[Any]:
        """Return [C, H, W] as this input takes it."""
        if self.dtype == np.uint8:
            planes = np.rint(planes)
        arranged = planes if self.axis is None else np.moveaxis(planes, 0, self.axis - 1)[np.newaxis]
        return np.ascontiguousarray(arranged.astype(self.dtype))


@dataclass
class Network:
    """A network of a file, and how it is fed; made by `open_network`.

    Attributes
    ----------
    path
        The file.
    picture, mask
        Its inputs; without a mask the picture's has four channels.
    restored
        Its output.
    """

    path: Path
    picture: _Entry
    mask: _Entry | None
    restored: _Entry
    multiple: int
    range: str
    output: str
    polarity: str
    hidden: float
    first: str
    offset: float
    _session: Any = field(repr=False, default=None)
    _workers: int = 1

    def fill(self, image: Pixels, hole: Hole, workers: int) -> Pixels:
        """Return what the network makes of a picture uint8 [H, W, 3] or [H, W]; grey ones are given as colour.

        Pictures are padded, mirrored, to what it takes. A network of fixed sides is given windows of that size where a
        picture is larger; they share a quarter of their sides at least, and a pixel comes from the window that it is
        deepest in.
        """
        if workers != self._workers:
            self._session, self._workers = open_session(self.path, CPU, workers), workers
        colour = image if image.ndim == 3 else np.repeat(image[:, :, np.newaxis], 3, axis=2)
        height, width = self.picture.sides
        filled, deepest = colour.copy(), np.zeros(hole.shape)
        for rows in _spans(hole.shape[0], height):
            for columns in _spans(hole.shape[1], width):
                seen = rows, columns
                if not hole[seen].any():
                    continue
                depth = _depth(hole[seen].shape)
                deeper = depth > deepest[seen]
                filled[seen][deeper] = self._run(colour[seen], hole[seen])[deeper]
                deepest[seen][deeper] = depth[deeper]
        if image.ndim == 3:
            return filled
        grey: Pixels = np.rint(filled.mean(axis=2)).astype(np.uint8)
        return grey

    def _run(self, image: Pixels, hole: Hole) -> Pixels:
        """Run it on one window [H, W, 3]."""
        shape = hole.shape
        sides = [fixed or -(-side // self.multiple) * self.multiple
                 for side, fixed in zip(shape, self.picture.sides, strict=True)]  # fmt: skip
        pad = [(0, wanted - side) for side, wanted in zip(shape, sides, strict=True)]
        hole = np.pad(hole, pad, mode="symmetric")
        seen = np.pad(image, [*pad, (0, 0)], mode="symmetric").astype(np.float32)
        seen[hole] = 255 * self.hidden
        factor, added = _RANGES["byte" if self.picture.dtype == np.uint8 else self.range]
        planes = np.moveaxis(seen, 2, 0) * np.float32(factor) + np.float32(added)
        marked = (hole if self.polarity == "hole" else ~hole)[np.newaxis].astype(np.float32)
        if self.mask is None:
            marked = marked * (255 if self.picture.dtype == np.uint8 else 1) + np.float32(self.offset)
            parts = (marked, planes) if self.first == "mask" else (planes, marked)
            feeds = {self.picture.name: self.picture.feed(np.concatenate(parts))}
        else:
            marked = marked * (255 if self.mask.dtype == np.uint8 else 1) + np.float32(self.offset)
            feeds = {self.picture.name: self.picture.feed(planes), self.mask.name: self.mask.feed(marked)}
        try:
            (restored,) = self._session.run([self.restored.name], feeds)
        except Exception as error:  # ONNX Runtime's own classes have no name outside it
            raise EvaluationError(
                f"{self.path.name} failed on {sides[1]} x {sides[0]} pixels ({first_line(error)}); give the multiple "
                "of its sides, for example multiple=32."
            ) from None
        return self._pixels(restored, sides)[: shape[0], : shape[1]]

    def _pixels(self, restored: NDArray[Any], sides: list[int]) -> Pixels:
        """Return an output as bytes [H, W, 3]."""
        if restored.shape == (1, 3, *sides):
            restored = np.moveaxis(restored[0], 0, 2)
        elif restored.shape == (1, *sides, 3):
            restored = restored[0]
        else:
            raise EvaluationError(
                f"{self.path.name} gave an output of shape {list(restored.shape)} for a picture of {sides[1]} x "
                f"{sides[0]} pixels; a picture as large, of 3 channels, was expected."
            )
        if restored.dtype == np.uint8:
            return restored
        values = restored.astype(np.float32)
        if not np.isfinite(values).all():
            raise EvaluationError(f"{self.path.name} gave an output with NaN or infinity: try another range.")
        factor, added = _RANGES[self.output]
        highest = float(np.abs(values).max())
        if self.output != "byte" and highest > 20:
            raise EvaluationError(
                f"{self.path.name} gave values up to {highest:.0f}: its output is byte (output=byte)."
            )
        pixels: Pixels = np.rint(np.clip((values - added) / factor, 0, 255)).astype(np.uint8)
        return pixels


def open_network(
    path: Path,
    *,
    multiple: Multiple = 8,
    range: Range = "unit",
    output: Range = "",
    mask: Polarity = "hole",
    hidden: Hidden = 0.0,
    first: First = "mask",
    offset: Offset = 0.0,
) -> Network:
    """Open an ONNX file and find out how it takes pictures: by names, channels, dtypes and fixed sides of its inputs.

    Parameters
    ----------
    path
        The file.
    multiple
        What the sides of its input are multiples of.
    range, output
        Values of black and white of floats: "unit" (0 and 1), "byte" (0 and 255), "signed" (-1 and 1); of its output
        the same unless `output` says otherwise. Inputs and outputs of bytes need no range.
    mask
        Where its mask is 1 (255 where it is bytes): "hole" or "known".
    hidden
        What is put under the hole, 0 (black) to 1 (white).
    first
        Of an input of 4 channels, what comes first: "mask" or "picture".
    offset
        Added to the mask; some networks want -0.5 and 0.5.

    Raises
    ------
    EvaluationError
        It has no inputs for a picture and a mask.
    ModelError
        It isn't an ONNX file.
    """
    if not path.is_file():
        raise EvaluationError(f"There is no file {path}: name the ONNX file of a network.")
    session = open_session(path, CPU, 1)
    inputs = [_Entry.of(about, path) for about in session.get_inputs()]
    picture, marked = _roles(inputs, path)
    outputs = session.get_outputs()
    restored = next((about for about in outputs if 3 in (about.shape or [])[1:]), outputs[0])
    return Network(
        path, picture, marked, _Entry.of(restored, path), multiple, range, output or range, mask, hidden, first, offset,
        session,
    )  # fmt: skip


def _roles(inputs: list[_Entry], path: Path) -> tuple[_Entry, _Entry | None]:
    """Tell the picture's input from the mask's: by their channels, or else by their names."""
    if len(inputs) == 1 and inputs[0].channels in (4, None):
        return inputs[0], None
    if len(inputs) == 2:
        for picture, mask in (inputs, inputs[::-1]):
            if picture.channels == 3 and mask.channels in (1, None):
                return picture, mask
            if picture.channels is None and (mask.channels == 1 or "mask" in mask.name.lower()):
                return picture, mask
    listed = ", ".join(f"{entry.name} ({entry.channels or 'any number of'} channels)" for entry in inputs)
    raise EvaluationError(
        f"{path.name} can't be used: its inputs are {listed}; wanted are a picture of 3 channels and a mask of 1, or "
        "one input of 4."
    )


def _spans(side: int, fixed: int | None) -> Iterator[slice]:
    """Cut a side into parts no longer than a fixed one, of equal length, that overlap."""
    if fixed is None or side <= fixed:
        yield slice(0, side)
        return
    count = -(-(side - fixed) // (fixed - fixed // _OVERLAP)) + 1
    for start in np.rint(np.linspace(0, side - fixed, count)).astype(int):
        yield slice(int(start), int(start) + fixed)


def _depth(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How far each pixel of a window is from its border, 1 at least."""
    rows, columns = (np.minimum(np.arange(side) + 1, side - np.arange(side)) for side in shape)
    return np.minimum(rows[:, np.newaxis], columns).astype(float)
