"""What a run computes on: device, precision, threads, and the other processes where torchrun started several."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed

from restauro.errors import Remedy, TrainingError
from restauro.numerics.threads import checked_workers, usable_cores

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Machine:
    """Where one process of a run computes."""

    device: torch.device
    precision: str  # of convolutions: bf16, fp16 (GPUs without bf16) or float32
    threads: int
    rank: int = 0
    processes: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files."""
        return self.rank == 0

    def autocast(self) -> Any:
        """Return a context in which convolutions are computed in the machine's precision."""
        dtype = _DTYPES.get(self.precision)
        return torch.autocast(self.device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.processes > 1:
            distributed.barrier()

    def add(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of a tensor over all processes."""
        if self.processes > 1:
            distributed.all_reduce(values)
        return values

    def mean(self, value: torch.Tensor | float) -> torch.Tensor:
        """Return the mean of a number over all processes."""
        return self.add(torch.as_tensor(value, dtype=torch.float64, device=self.device)) / self.processes

    def any(self, value: bool) -> bool:
        """Whether it is so in any process; all get the same answer."""
        return value if self.processes == 1 else bool(self.mean(float(value)) > 0)

    @torch.no_grad()
    def average_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replace gradients by their mean over all processes: one message for all of them."""
        if self.processes == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.add(torch.cat([gradient.reshape(-1) for gradient in gradients])) / self.processes
        for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view(gradient.shape))


@contextmanager
def machine(device: str, precision: str, workers: int | None) -> Iterator[Machine]:
    """Yield what this process computes on; joins the processes that torchrun started.

    Parameters
    ----------
    device
        "auto" (a GPU where there is one), "cpu" or "cuda".
    precision
        "auto", "bf16" or "float32".
    workers
        Threads; None for all usable cores, shared by the processes on this computer.

    Raises
    ------
    TrainingError
        There is no such device or precision.

    Examples
    --------
    >>> with machine("cpu", "float32", 1) as here:
    ...     print(here.device, here.precision, here.writes)
    cpu float32 True
    """
    found = _device(device)
    rank, processes, here = (int(os.environ.get(name, "0")) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    threads = max(1, usable_cores() // max(1, here)) if workers is None else checked_workers(workers)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        if processes > 1:
            distributed.init_process_group("nccl" if found.type == "cuda" else "gloo")
        yield Machine(found, _precision(precision, found), threads, rank, max(1, processes))
    finally:
        torch.set_num_threads(before)
        if distributed.is_initialized():
            distributed.destroy_process_group()


def has_native_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 numbers itself; where it doesn't, they are slower than float32."""
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def _device(name: str) -> torch.device:
    if name not in ("auto", "cpu", "cuda"):
        raise TrainingError(f"There is no device {name!r}: it can be auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "PyTorch finds no GPU here", Remedy("device", "cpu"), "install a build of PyTorch for your GPU"
        )
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    found = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(found)
    return found


def _precision(name: str, device: torch.device) -> str:
    if name not in ("auto", "bf16", "float32"):
        raise TrainingError(f"There is no precision {name!r}: it can be auto, bf16 or float32.")
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if has_native_bf16() else "float32"
