"""Networks as ONNX files, which `restauro.methods.network` runs without PyTorch."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from restauro.errors import Remedy, TrainingError
from restauro.onnx_sessions import CPU, open_session
from restauro.training import checkpoints
from restauro.training.export_finding import export_finding
from restauro.training.onnx_files import (
    Exported,
    check_target,
    described,
    graph,
    rounded_to_half,
    store_in_half,
    write,
)
from restauro.training.preset import Preset
from restauro.training.validating import to_tensors

_WIDEST_CONTEXT = 128  # pixels; more makes windows dear, and what lies further away tells little
_COMPARED = 256  # test pictures that say what rounding costs
_DRAWN = 32  # drawn ones, where there are none
_SMALL = ("damage", "refining")  # networks that may be in eight bits
_GIVEN = 64  # training examples that features in eight bits are scaled to
_WORN, _WORN_SIDE = 12, 384  # pieces, and their side in pixels, that features in eight bits are scaled to

Batch = tuple[NDArray[Any], ...]  # pictures uint8 [B, H, W, 3], holes bool [B, H, W], and fills, where there are any


def export_checkpoint(
    checkpoint: Path,
    target: Path,
    *,
    data: Path | None = None,
    eight_bits: bool = False,
    name: str | None = None,
    trained_on: str | None = None,
    licence: str = "MIT",
    overwrite: bool = False,
) -> Exported:
    """Write the network of a checkpoint, with the mean of its weights where the run kept one, as an ONNX file.

    Parameters
    ----------
    checkpoint
        A file that `restauro train` wrote.
    target
        The file to write.
    data
        A folder as for training, whose first 256 test pictures say what rounding costs. Without, drawn ones do. What
        eight bits hold is scaled to its training pictures.
    eight_bits
        Have a network that finds damage, or one that corrects fills by residual blocks, work in eight bits: half the
        time. See `export_finding` and `export`.
    name, trained_on, licence
        What the file says of itself; by default the preset's name, and how many pictures there were.
    overwrite
        Replace a file that is there.

    Raises
    ------
    TrainingError
        See `export`; or the checkpoint can't be read.
    """
    check_target(target, overwrite=overwrite)
    network, parts = checkpoints.load_network(checkpoint)
    preset = Preset.from_plain(parts["preset"])
    metadata = {
        "name": name or preset.name,
        "preset": json.dumps(parts["preset"]),
        "data": trained_on or f"{parts['settings']['pictures']} pictures",
        "steps": str(parts["step"]),
        "metrics": json.dumps(parts["validations"][-1] if parts["validations"] else {}),
        "licence": licence,
        "context": str(min(preset.side, _WIDEST_CONTEXT)),
    }
    if eight_bits and preset.network not in _SMALL:
        raise TrainingError(
            f"The network {preset.network!r} can't work in eight bits, only {' and '.join(map(repr, _SMALL))} can",
            "export it without them",
        )
    if eight_bits and data is None:
        raise TrainingError("Eight bits need the pictures that the network was trained on", Remedy("data"))
    if preset.task == "find":
        pieces = _worn(data) if eight_bits and data else None
        return export_finding(network, target, metadata, pieces=pieces, overwrite=overwrite)
    if preset.fill:
        metadata["fill"] = preset.fill
    if data is None:
        return export(network, target, metadata, overwrite=overwrite)
    from restauro.datasets import open_pictures
    from restauro.training.data import batch
    from restauro.training.tasks import TASKS

    pictures = open_pictures(data, split="test")
    count = min(len(pictures), _COMPARED)
    seen = open_pictures(data, split="train") if eight_bits else pictures
    trained, tests = TASKS[preset.task].examples(preset, seen, pictures, None, None)
    batches = (batch(tests, range(number, number + 1)) for number in range(count))
    given = (batch(trained, range(number, number + 1)) for number in range(_GIVEN)) if eight_bits else None
    measured_on = f"{count} test pictures"
    return export(network, target, metadata, batches=batches, measured_on=measured_on, given=given, overwrite=overwrite)


def _worn(data: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield pieces of a folder's training pictures, most of them worn."""
    from restauro.datasets import open_pictures
    from restauro.training.finding import WornExamples

    examples = WornExamples(open_pictures(data, split="train"), _WORN_SIDE, seed=0)
    return (examples.example(number)[0] for number in range(_WORN))


def export(
    network: torch.nn.Module,
    target: Path,
    metadata: Mapping[str, str],
    *,
    batches: Iterable[Batch] | None = None,
    measured_on: str = "pictures",
    given: Iterable[Batch] | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a network as an ONNX file: any height and width, weights in half precision or eight bits, metadata inside.

    Kernels are rounded to float16 and stored so, with a cast to float32, in which all is computed; vectors (biases,
    normalisation) stay in float32. What was written is run by ONNX Runtime on random pictures of two sizes and compared
    with PyTorch on the same rounded weights. The file is written beside its place and renamed. (Kernels right before a
    batch normalisation, which the exporter merges into them, stay in float32: no partial convolution is such.) Or, with
    `given`, all convolutions but the first and the last are stored and computed in eight bits, see
    `restauro.training.eight_bits`: then what is compared is the graph before it is rounded.

    Parameters
    ----------
    network
        `forward(image, known)`: float32 [N, 3, H, W], 0..1, and float32 [N, 1, H, W], 1 known, 0 hole, to float32
        [N, 3, H, W]; `network.multiple` is what H and W are multiples of. It isn't changed.
    target
        The file to write.
    metadata
        Texts by name. `name` and `context` (pixels of surroundings that a window should have) at least, and `fill`, the
        method whose fill the network corrects, if it does; this function adds restauro.format, multiple, sha256 (of the
        weights), half_precision_loss or eight_bits_loss, and created_with.
    batches
        Pictures uint8 [B, H, W, 3], holes bool [B, H, W], and the pictures filled if the network corrects a fill, on
        which it is measured what the rounding costs; without, on 32 drawn ones (noise whose amplitude falls with
        frequency, as in photographs), of which the holes' mean colour is the fill.
    measured_on
        What the batches are, for the metadata.
    given
        Batches as in use, some dozens, of a network that corrects a fill, for eight bits: features are scaled to them.
    overwrite
        Replace a file that is there.

    Raises
    ------
    TrainingError
        The file is there, a weight is too large for half precision, the network can't be exported, or ONNX Runtime's
        output differs from PyTorch's by more than 1e-4.

    Examples
    --------
    A network is wrapped so that PyTorch's own layers have the two inputs:

    >>> class Plain(torch.nn.Module):
    ...     multiple = 1
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = torch.nn.Conv2d(3, 3, 3, padding=1)
    ...     def forward(self, image, known):
    ...         return self.layer(torch.where(known > 0, image, 0))
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = export(Plain(), Path(folder, "plain.onnx"), {"name": "plain", "context": "8"})
    >>> written.difference < 1e-4
    True
    """
    check_target(target, overwrite=overwrite)
    multiple = int(getattr(network, "multiple", 1))
    original = copy.deepcopy(network).float().cpu().eval()
    rounded = rounded_to_half(original) if given is None else original
    if batches is None:
        side = max(64 // multiple, 1) * multiple
        batches, measured_on = _drawn(side, with_fills="fill" in metadata), f"{_DRAWN} drawn pictures"
    model = graph(rounded, multiple, {"image": 3, "known": 1}, "restored")
    if given is None:
        loss, kind = _loss_of_rounding(original, rounded, batches), "half_precision_loss"
        store_in_half(model)
    difference = _difference(described(model, metadata, multiple), rounded, multiple, filled="fill" in metadata)
    if given is not None:
        from restauro.training.eight_bits import CORRECTING, in_eight_bits

        model = in_eight_bits(model, map(_inputs, given), CORRECTING)
        small = _Runs(described(model, metadata, multiple))
        loss, kind = _loss_of_rounding(original, small, batches), "eight_bits_loss"
    content = described(model, {**metadata, kind: f"{loss:.4f} dB ({measured_on})"}, multiple)
    write(content, target, difference)
    return Exported(target, len(content), difference, loss, measured_on)


class _Runs:
    """A network in eight bits, called as the one that it was made of."""

    def __init__(self, content: bytes) -> None:
        self.session = open_session(content, CPU, 0)

    def __call__(self, filled: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        (found,) = self.session.run(["restored"], {"image": filled.numpy(), "known": known.numpy()})
        return torch.from_numpy(found)


def _inputs(batch: Batch) -> dict[str, NDArray[np.float32]]:
    """Return a batch with fills as the network's inputs."""
    _, known, filled = to_tensors(batch, torch.device("cpu"))
    return {"image": filled.contiguous().numpy(), "known": known.contiguous().numpy()}


@torch.no_grad()
def _difference(content: bytes, network: torch.nn.Module, multiple: int, *, filled: bool) -> float:
    """Return how far ONNX Runtime is from PyTorch at most, on random pictures of two sizes.

    Holes hold no numbers unless they are filled. Of outputs beyond 1, which untrained networks have, in proportion.
    """
    session = open_session(content, CPU, 0)
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for count, rows, columns in ((1, 64, 64), (2, 24, 120)):
        sides = [-(-side // multiple) * multiple for side in (rows, columns)]
        image = torch.rand(count, 3, *sides, generator=generator)
        known = (torch.rand(count, 1, *sides, generator=generator) > 0.2).float()
        known[:, :, : sides[0] // 2, : sides[1] // 3] = 0
        if not filled:
            image[:, :1][known == 0] = float("nan")
        (found,) = session.run(["restored"], {"image": image.numpy(), "known": known.numpy()})
        wanted = network(image, known).numpy()
        difference = np.abs(found - wanted).max() / max(1, np.abs(wanted).max())
        largest = float(np.maximum(largest, difference))  # NaN stays
    return largest


@torch.no_grad()
def _loss_of_rounding(
    original: torch.nn.Module, rounded: Callable[..., torch.Tensor], batches: Iterable[Batch]
) -> float:
    """Return by how many dB the PSNR of composited pictures, pooled over all, falls with the rounded weights."""
    errors = np.zeros(2)
    for batch in batches:
        image, known, *filled = to_tensors(batch, torch.device("cpu"))
        hole = known == 0
        for k, network in enumerate((original, rounded)):
            output = network(*(filled or [image]), known).clamp(0, 1)
            errors[k] += float((hole * (output - image)).double().square().sum())
    return float(10 * np.log10(errors[1] / errors[0])) if errors.all() else 0.0


def _drawn(side: int, *, with_fills: bool) -> Iterator[Batch]:
    """Draw pictures of noise whose amplitude falls with frequency, with squares missing."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = 1
    for _ in range(_DRAWN):
        waves = np.fft.rfft2(rng.normal(size=(3, side, side))) / frequency
        noise = np.fft.irfft2(waves, s=(side, side))
        picture = np.clip(128 + 48 * noise / noise.std(), 0, 255).astype(np.uint8)
        holes = np.zeros((side, side), np.bool_)
        for top, left in rng.integers(0, side, (3, 2)):
            holes[top : top + side // 6 + 1, left : left + side // 6 + 1] = True
        filled = np.where(holes[None], picture[:, ~holes].mean(axis=1)[:, None, None], picture).astype(np.uint8)
        pictures = [one.transpose(1, 2, 0)[None] for one in (picture, filled)]
        yield (pictures[0], holes[None], pictures[1]) if with_fills else (pictures[0], holes[None])
