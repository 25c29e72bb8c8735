"""Files that `restauro export` made, opened and run with ONNX Runtime, which is imported when one is opened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ModelError
from restauro.method import Task

FORMAT = "1"  # the version of what inputs, outputs and metadata mean
_WATCH = 0.02  # seconds between looks whether to stop
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
    """

    path: Path
    context: int
    multiple: int
    _runtime: Any

    def run(self, image: NDArray[np.float32], known: NDArray[np.bool_], options: Any = None) -> NDArray[np.float32]:
        """Return the network's output, float32 [3, H, W]; of a run that was stopped, zeros.

        Parameters
        ----------
        image
            float32 [3, H, W], 0 to 1, of any size: it is padded with hole.
        known
            bool [H, W].
        options
            See `stoppable`.
        """
        height, width = known.shape
        sides = (-(-height // self.multiple) * self.multiple, -(-width // self.multiple) * self.multiple)
        picture, mask = np.zeros((1, 3, *sides), np.float32), np.zeros((1, 1, *sides), np.float32)
        picture[0, :, :height, :width] = image
        mask[0, 0, :height, :width] = known
        try:
            (restored,) = self._runtime.run(["restored"], {"image": picture, "known": mask}, options)
        except Exception as error:  # ONNX Runtime's own classes have no name outside it
            if options is not None and options.terminate:
                return np.zeros((3, height, width), np.float32)
            raise ModelError(
                f"The network {self.path.name} failed on {width} x {height} pixels ({first_line(error)}); try another "
                "model."
            ) from None
        if restored.shape != picture.shape or not np.isfinite(restored).all():
            raise ModelError(
                f"The network {self.path.name} gave an output of shape {restored.shape} with values that aren't all "
                f"finite, for an input of shape {picture.shape}; its training went wrong, or the file is damaged."
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
    about = runtime.get_modelmeta().custom_metadata_map
    inputs, outputs = ({entry.name for entry in entries} for entries in (runtime.get_inputs(), runtime.get_outputs()))
    if "restauro.format" not in about or inputs != {"image", "known"} or "restored" not in outputs:
        raise ModelError(f"{path} is an ONNX file, but no network that `restauro export` made: it can't be used here.")
    if about["restauro.format"] != FORMAT:
        raise ModelError(
            f"{path} has format {about['restauro.format']}, and this restauro knows format {FORMAT}: use a newer "
            "restauro, or export the network again."
        )
    try:
        context, multiple = int(about["context"]), int(about["multiple"])
    except (KeyError, ValueError):
        context = multiple = 0
    if context < 1 or multiple < 1:
        raise ModelError(f"{path} doesn't say in whole numbers how much context it needs: export it again.")
    return Session(path, context, multiple, runtime)


def open_session(path: Path, providers: tuple[str, ...], workers: int) -> Any:
    """Open any ONNX file; return ONNX Runtime's session of it.

    Raises
    ------
    ModelError
        It isn't an ONNX file, or there is no such provider.
    """
    import onnxruntime

    there = onnxruntime.get_available_providers()
    if missing := [name for name in providers if name not in there]:
        raise ModelError(f"This ONNX Runtime has no provider {missing[0]!r}; there is {', '.join(there)}.")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = workers
    settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # windows run beside each other
    settings.log_severity_level = 4  # what goes wrong is raised
    try:
        runtime = onnxruntime.InferenceSession(str(path), settings, providers=list(providers))
    except Exception as error:
        raise ModelError(f"{path} can't be opened as an ONNX file ({first_line(error)}).") from None
    if failed := [name for name in providers if name not in runtime.get_providers()]:  # left out without a word
        raise ModelError(
            f"ONNX Runtime can't start its provider {failed[0]!r} here: see that its driver and libraries are "
            "installed, or leave it out."
        )
    return runtime


def first_line(error: Exception) -> str:
    """Return what ONNX Runtime has to say, without the prefix of its own and without a last stop."""
    return str(error).strip().split("\n")[0].rsplit(" : ", 1)[-1].rstrip(".")


@contextmanager
def stoppable(task: Task) -> Iterator[Any]:
    """Give options for runs that end soon after the task is stopped, with a thread that watches it."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH):
            if task.stopped:
                options.terminate = True
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield options
    finally:
        ended.set()
        watcher.join()
