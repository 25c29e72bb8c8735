from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.errors import TrainingError
from restauro.training import machine as module
from restauro.training.machine import has_native_bf16, machine


@pytest.mark.parametrize(
    ("able", "wanted"),
    [
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_bf16": True}, "bf16"),
        ({"bf16": True}, "bf16"),  # Arm
        ({"avx512_f": True, "amx_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_precision_follows_the_processor(able: dict[str, bool], wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert has_native_bf16() == (wanted == "bf16")
    with machine("cpu", "auto", 1) as here:
        assert here.precision == wanted
    with machine("cpu", "float32", 1) as here:
        assert here.precision == "float32"


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("float32", torch.float32)])
def test_convolutions_have_the_precision(precision: str, dtype: torch.dtype) -> None:
    layer = torch.nn.Conv2d(3, 4, 3)
    with machine("cpu", precision, 1) as here, here.autocast():
        assert layer(torch.rand(1, 3, 8, 8)).dtype == dtype


def test_cores_are_shared_by_the_processes_of_a_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 6)
    before = torch.get_num_threads()
    for processes, threads in (("1", 6), ("4", 1), ("2", 3)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        with machine("cpu", "float32", None) as here:
            assert (here.threads, torch.get_num_threads()) == (threads, threads)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [
        ("gpu", "auto", "There is no device 'gpu': it can be auto, cpu or cuda."),
        ("cpu", "fp8", "There is no precision 'fp8': it can be auto, bf16 or float32."),
    ],
)
def test_what_there_is_not_is_said(device: str, precision: str, message: str) -> None:
    with pytest.raises(TrainingError) as caught, machine(device, precision, 1):
        pass
    assert str(caught.value) == message
