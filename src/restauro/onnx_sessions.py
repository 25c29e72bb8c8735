"""The one place where ONNX files are opened, with ONNX Runtime, which is imported when one is opened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from restauro.errors import ModelError

CPU = ("CPUExecutionProvider",)
_WATCH = 0.02  # seconds between looks whether to stop


def open_session(model: Path | bytes, providers: tuple[str, ...], threads: int) -> Any:
    """Open an ONNX file, or what one holds; return ONNX Runtime's session of it.

    Parameters
    ----------
    model
        The file, or its content.
    providers
        What ONNX Runtime computes with, the preferred first.
    threads
        Of one run; 0: as many as there are cores.

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
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # windows run beside each other
    settings.log_severity_level = 4  # what goes wrong is raised
    content, name = (model, "The network") if isinstance(model, bytes) else (str(model), str(model))
    try:
        runtime = onnxruntime.InferenceSession(content, settings, providers=list(providers))
    except Exception as error:
        fact = f"{name} can't be opened as an ONNX file ({first_line(error)})"
        raise ModelError(fact, "name one that is, or get a complete copy") from None
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
def stoppable(stopped: Callable[[], bool]) -> Iterator[Any]:
    """Give options for runs that end soon after `stopped` says so, with a thread that asks."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_WATCH):
            if stopped():
                options.terminate = True
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield options
    finally:
        ended.set()
        watcher.join()
