"""Checkpoints: all that a run needs to go on, or its network to be used, in one file, never seen half written."""

from __future__ import annotations

import os
import pickle
import platform
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import restauro
from restauro.errors import TrainingError
from restauro.files.replacing import replacing
from restauro.methods.network import MODELS, shipped_models
from restauro.training.preset import Preset
from restauro.training.refining import RefiningUNet

FORMAT = 1
BEST = "best.ckpt"
_KEPT = 2  # should the newest be damaged by the disk, there is the one before
_NAME = re.compile(r"step-(\d+)\.ckpt")
_PARTS: dict[str, Any] = {
    "preset": dict,  # Preset.plain()
    "settings": dict,  # all that decides what the run computes: seed, precision, pictures, steps, ...
    "step": int,  # steps done
    "network": dict,
    "ema": (dict, type(None)),  # the running mean of the network's weights, where the preset has one
    "optimiser": dict,
    "scaler": dict,  # of half-precision gradients; empty without
    "validations": list,  # metrics of each validation so far, with its step
    "progress": dict,  # sums of the rows of the log that aren't written yet
    "versions": dict,
}


def save(path: Path, **parts: Any) -> None:
    """Write a checkpoint: beside its place, to the disk, then renamed, so that it is whole or not there.

    Parameters
    ----------
    path
        Where to.
    parts
        preset, settings, step, network, ema, optimiser, scaler, validations, progress: tensors in dicts and plain
        values. The format's number and the versions of the libraries are added.
    """
    with replacing(path, "The checkpoint") as temporary, temporary.open("wb") as file:
        torch.save({"format": FORMAT, **parts, "versions": _versions()}, file)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; nothing in it is executed.

    Raises
    ------
    TrainingError
        The file isn't there, isn't a checkpoint, is damaged, or is of another format.
    """
    if path.is_dir():
        raise TrainingError(f"{path} is a folder: name a checkpoint in it, such as {path / BEST}.")
    if not path.exists():
        raise TrainingError(f"There is no checkpoint {path}.")
    unreadable = f"{path} can't be read as a checkpoint: it is damaged or another kind of file."
    if not zipfile.is_zipfile(path):  # PyTorch would try older formats
        raise TrainingError(unreadable)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError, KeyError, ValueError) as error:
        raise TrainingError(unreadable) from error
    if not isinstance(checkpoint, dict) or "format" not in checkpoint:
        raise TrainingError(f"{path} is not a checkpoint of restauro.")
    if checkpoint["format"] != FORMAT:
        raise TrainingError(
            f"{path} is a checkpoint of format {checkpoint['format']}, and this restauro reads format {FORMAT}: use "
            "the version that wrote it."
        )
    for name, kind in _PARTS.items():
        if not isinstance(checkpoint.get(name), kind):
            raise TrainingError(f"{path} is not a whole checkpoint: its {name} is missing.")
    return checkpoint


def load_network(path: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Read a checkpoint's network, with the mean of its weights where the run kept one, ready to be used.

    Returns
    -------
    The network in evaluation mode, float32, on the CPU; and the whole checkpoint.

    Raises
    ------
    TrainingError
        As `load`; or the checkpoint doesn't fit the network of that name.
    """
    checkpoint = load(path)
    try:
        network: torch.nn.Module = Preset.from_plain(checkpoint["preset"]).make_network()
        network.load_state_dict(checkpoint["ema"] or checkpoint["network"])
    except (KeyError, TypeError, RuntimeError, TrainingError) as error:
        raise TrainingError(f"{path} holds a network that this version of restauro doesn't have: {error}") from error
    return network.eval(), checkpoint


def take_weights(network: torch.nn.Module, mean: torch.nn.Module | None, path: Path) -> None:
    """Give a network, and the mean of its weights where there is one, those of a checkpoint or an exported model.

    path: a file, or the name of a model that comes with restauro. A `restauro.training.refining.RefiningUNet` may have
    more blocks than the file's network.

    Raises
    ------
    TrainingError
        The file can't be read, or its weights aren't those of such a network.
    """
    path = _named(path)
    if path.suffix == ".onnx":
        from restauro.training.onnx_files import read_weights  # which needs onnx

        own, read = network.state_dict(), read_weights(path)
        weights = {name: count for name, count in own.items() if name.endswith("num_batches_tracked")}
        for name, values in read.items():
            if name in own:
                weights[name] = values.flatten() if own[name].dim() == 1 else values
            elif name.endswith((".weight", ".bias")):  # of a layer that this network lacks
                weights[name] = values
    else:
        checkpoint = load(path)
        weights = checkpoint["ema"] or checkpoint["network"]
    if isinstance(network, RefiningUNet):
        weights = network.grown(weights)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise TrainingError(
            f"The weights in {path} don't fit the network that is to be trained: give the preset and the settings that "
            "they were trained with."
        ) from error
    if mean is not None:
        mean.load_state_dict(network.state_dict())


def _named(path: Path) -> Path:
    """Return the file of a model that comes with restauro, if the path is its name and no file of the user's."""
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    finders = (MODELS / "detection").glob("*-float.onnx")
    named = shipped_models() | {file.stem.removesuffix("-float"): file for file in finders}
    if path.name not in named and not path.exists():
        raise TrainingError(
            f"There is no checkpoint {path}, and no such model comes with restauro: {', '.join(sorted(named))} do."
        )
    return named.get(path.name, path)  # a folder of pictures may have a model's name


def path_of(folder: Path, step: int) -> Path:
    """Return the checkpoint's path in a run's folder."""
    return folder / f"step-{step:08d}.ckpt"


def newest(folder: Path) -> Path | None:
    """Return the path of the newest checkpoint of a run, None where there is none yet."""
    return max(_all(folder), default=(0, None))[1]


def remove_old(folder: Path) -> None:
    """Remove all checkpoints of a run but the newest two and the best."""
    for _, path in sorted(_all(folder))[:-_KEPT]:
        path.unlink()


def _all(folder: Path) -> list[tuple[int, Path]]:
    matches = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return [(int(match[1]), path) for match, path in matches if match]


def _versions() -> Mapping[str, str]:
    return {
        "restauro": restauro.__version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": str(np.__version__),
    }


def _sync_folder(folder: Path) -> None:
    """Have the renaming reach the disk too, where the system can."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
