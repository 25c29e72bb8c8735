"""Files that `restauro export` made: what they say of themselves, and how they are run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ModelError
from restauro.method import BUILT_IN
from restauro.onnx_sessions import first_line, open_session

# Versions of what inputs, outputs and metadata mean; of the second the picture comes with its holes filled.
FORMAT, FORMAT_FILLED = "1", "2"
_MOST_CONTEXT, _MOST_MULTIPLE = 4096, 1024  # pixels: more isn't a network's, but a damaged file's
_opening = threading.Lock()


@dataclass(frozen=True)
class Session:
    """An open model.

    Attributes
    ----------
    path
        Its file.
    context
        Pixels of surroundings that it wants to see around a hole.
    multiple
        What the sides of its input are multiples of.
    corrected
        The method whose fill it corrects; none where it fills the holes itself.
    """

    path: Path
    context: int
    multiple: int
    corrected: str
    _runtime: Any

    def run(self, image: NDArray[np.float32], known: NDArray[np.bool_], options: Any = None) -> NDArray[np.float32]:
        """Return the network's output, float32 [3, H, W]; of a run that was stopped, zeros.

        Parameters
        ----------
        image
            float32 [3, H, W], 0 to 1, of any size: it is padded with hole, or one that is filled with its mirror image.
        known
            bool [H, W].
        options
            See `onnx_sessions.stoppable`.
        """
        height, width = known.shape
        beyond = [(0, 0), (0, -height % self.multiple), (0, -width % self.multiple)]
        how: Any = {"mode": "symmetric"} if self.corrected else {}
        picture = np.pad(image, beyond, **how)[np.newaxis]
        mask = np.pad(known[np.newaxis].astype(np.float32), beyond, **how)[np.newaxis]
        try:
            (restored,) = self._runtime.run(["restored"], {"image": picture, "known": mask}, options)
        except Exception as error:  # ONNX Runtime's own classes have no name outside it
            if options is not None and options.terminate:
                return np.zeros((3, height, width), np.float32)
            raise ModelError(
                f"The network {self.path.name} failed on {width} x {height} pixels ({first_line(error)}); try another "
                "model."
            ) from None
        if restored.shape != picture.shape:
            raise ModelError(
                f"The network {self.path.name} gave an output of shape {restored.shape} for a picture of shape "
                f"{picture.shape}, and the two must be the same: try another model, or export it again."
            )
        if not np.isfinite(restored).all():
            raise ModelError(
                f"The network {self.path.name} gave values that aren't all finite: its training went wrong, or the "
                "file is damaged; try another model."
            )
        result: NDArray[np.float32] = restored[0, :, :height, :width]
        return result


def open_model(path: Path, providers: tuple[str, ...], workers: int) -> Session:
    """Open a model, or return it as it was opened before if its file is the same.

    Raises
    ------
    ModelError
        The file isn't a network of ours, or there is no such provider.
    """
    stat = path.stat()
    with _opening:
        return _opened(path.absolute(), (stat.st_mtime_ns, stat.st_size), providers, workers)


@lru_cache(maxsize=4)
def _opened(path: Path, _: tuple[int, int], providers: tuple[str, ...], workers: int) -> Session:
    runtime = open_session(path, providers, workers)
    try:
        about = runtime.get_modelmeta().custom_metadata_map
    except UnicodeDecodeError:
        about = {}
    inputs, outputs = ({entry.name for entry in entries} for entries in (runtime.get_inputs(), runtime.get_outputs()))
    if "restauro.format" not in about or inputs != {"image", "known"} or "restored" not in outputs:
        raise ModelError(f"{path} is an ONNX file, but no network that `restauro export` made: it can't be used here.")
    if about["restauro.format"] not in (FORMAT, FORMAT_FILLED):
        raise ModelError(
            f"{path} has format {about['restauro.format']}, and this restauro knows format {FORMAT} and "
            f"{FORMAT_FILLED}: use a newer restauro, or export the network again."
        )
    corrected = about.get("fill", "") if about["restauro.format"] == FORMAT_FILLED else ""
    if corrected not in BUILT_IN and about["restauro.format"] == FORMAT_FILLED:
        raise ModelError(
            f"{path} corrects fills of the method {corrected!r}, which this restauro doesn't have: use a "
            "newer restauro, or export the network again."
        )
    try:
        context, multiple = int(about["context"]), int(about["multiple"])
    except (KeyError, ValueError):
        context = multiple = 0
    if not (1 <= context <= _MOST_CONTEXT and 1 <= multiple <= _MOST_MULTIPLE):
        raise ModelError(
            f"{path} doesn't say in whole numbers how much context it needs (1 to {_MOST_CONTEXT} pixels) and what the "
            f"sides of its input are multiples of (1 to {_MOST_MULTIPLE}): export it again."
        )
    return Session(path, context, multiple, corrected, runtime)
