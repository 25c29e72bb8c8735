"""Runs that are cut off, killed or shared by processes end as unbroken ones."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.training import checkpoints, validating
from restauro.training.preset import Preset
from tests.training.rich_runs import COURSE, rich, rows, run
from tests.training.runs import make_pictures


def assert_same_end(out: Path, other: Path) -> None:
    """Check that two runs are at the same point, bit for bit, and have written the same tables."""
    one, two = (checkpoints.load(checkpoints.newest(folder) or folder) for folder in (out, other))
    for part in ("network", "ema"):
        assert (one[part] is None) == (two[part] is None)
        for name, values in (one[part] or {}).items():
            assert torch.equal(values, two[part][name]), name
    for number, state in one["optimiser"]["state"].items():
        for name, values in state.items():
            other_values = two["optimiser"]["state"][number][name]
            assert torch.equal(torch.as_tensor(values), torch.as_tensor(other_values)), name
    assert one["step"] == two["step"]
    assert one["validations"] == two["validations"]
    for table, timed in (("training.csv", "examples_per_second"), ("validation.csv", "seconds")):
        kept = [[{**row, timed: 0} for row in rows(folder / table)] for folder in (out, other)]
        assert kept[0] == kept[1]
        assert kept[0]


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("stop", [1, 5, 6])
def test_cut_off_anywhere_it_ends_as_unbroken(
    pictures: Path, tmp_path: Path, stop: int, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if killed in step `stop`, whatever was written after the last checkpoint."""
    preset = rich(validate_every="5")
    run(preset, pictures, tmp_path / "unbroken", precision=precision)

    class KilledError(Exception):
        pass

    def kill(step: int, *_: Any) -> None:
        if step >= stop:
            raise KilledError

    monkeypatch.setattr("restauro.training.run._PROGRESS_INTERVAL", -1)
    with pytest.raises(KilledError):
        run(preset, pictures, tmp_path / "broken", precision=precision, progress=kill)
    said: list[str] = []
    run(preset, pictures, tmp_path / "broken", precision=precision, say=said.append)
    at = {1: None, 5: 5, 6: 6}[stop]
    assert [line for line in said if "Going on" in line] == (
        [f"Going on with {tmp_path / 'broken'} from step {at}."] if at else []
    )
    assert_same_end(tmp_path / "unbroken", tmp_path / "broken")


CODE = (
    "import json, sys; from pathlib import Path; from restauro.training.preset import Preset;"
    "from restauro.training.run import train;"
    "train(Preset.from_plain(json.loads(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]), device='cpu',"
    "precision='float32', workers=1)"
)


def start(preset: Preset, data: Path, out: Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own."""
    command = [sys.executable, "-c", CODE, json.dumps(preset.plain()), str(data), str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **variables})


def test_killed_with_sigkill_it_ends_as_unbroken(pictures: Path, tmp_path: Path) -> None:
    preset = rich(steps="60", checkpoint_every="7")
    process = start(preset, pictures, tmp_path / "broken")
    until(lambda: (tmp_path / "broken").exists() and bool(checkpoints.newest(tmp_path / "broken")))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    newest = checkpoints.newest(tmp_path / "broken")
    assert newest is not None
    assert checkpoints.load(newest)["step"] < 60
    run(preset, pictures, tmp_path / "broken")
    run(preset, pictures, tmp_path / "unbroken")
    assert_same_end(tmp_path / "unbroken", tmp_path / "broken")


def until(is_so: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.01)


@pytest.mark.usefixtures("ctrl_c_arrives")
def test_an_interrupt_saves_the_step_it_is_at(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restauro.training.run._PROGRESS_INTERVAL", -1)
    before = signal.getsignal(signal.SIGINT)

    def press(step: int, *_: Any) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = run(rich(), pictures, tmp_path / "broken", progress=press)
    assert (outcome.step, outcome.steps, outcome.interrupted) == (4, 11, True)
    assert checkpoints.newest(tmp_path / "broken") == tmp_path / "broken/step-00000004.ckpt"
    assert signal.getsignal(signal.SIGINT) is before
    assert not run(rich(), pictures, tmp_path / "broken").interrupted
    run(rich(), pictures, tmp_path / "unbroken")
    assert_same_end(tmp_path / "unbroken", tmp_path / "broken")


@pytest.mark.usefixtures("ctrl_c_arrives")
@pytest.mark.parametrize(("validation", "step"), [(1, 4), (3, 11)], ids=["in between", "at the end"])
def test_an_interrupt_ends_a_validation_that_is_done_again(
    tmp_path: Path, validation: int, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    make_pictures(tmp_path / "data" / "train", count=20)
    make_pictures(tmp_path / "data" / "test", count=12)  # three batches
    pictures, preset = tmp_path / "data", rich(validate_every="4").lasting(steps=11)
    judge, seen = validating.error_sums, [0]

    def pressed(batches: Iterable[Any]) -> Iterator[Any]:
        seen.append(0)
        for batch in batches:
            seen[-1] += 1
            if len(seen) == 1 + validation:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch

    monkeypatch.setattr(validating, "error_sums", lambda restore, batches, here: judge(restore, pressed(batches), here))
    outcome = run(preset, pictures, tmp_path / "broken")
    assert (outcome.step, outcome.steps, outcome.interrupted) == (step, 11, True)
    assert seen[1:] == [3] * (validation - 1) + [1]
    monkeypatch.undo()
    assert not run(preset, pictures, tmp_path / "broken").interrupted
    run(preset, pictures, tmp_path / "unbroken")
    assert_same_end(tmp_path / "unbroken", tmp_path / "broken")


def start_two(preset: Preset, data: Path, out: Path) -> list[subprocess.Popen[bytes]]:
    """Start a run in two processes, as torchrun starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [start(preset, data, out, RANK=rank, **address) for rank in ("0", "1")]


def test_two_processes_see_what_one_sees(pictures: Path, tmp_path: Path) -> None:
    """Without batch normalisation, halves of a batch are worth the whole."""
    preset = COURSE.changed({"batch": "8", "log_every": "1", "rate": "0.01"})
    processes = start_two(preset, pictures, tmp_path / "two")
    run(preset, pictures, tmp_path / "one")
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    one, two = (rows(tmp_path / name / "training.csv") for name in ("one", "two"))
    assert [row["loss"] for row in one] == pytest.approx([row["loss"] for row in two], rel=1e-5)
    assert len({row["loss"] for row in one}) == len(one) == 8
    for name in ("composited_mae", "hole_mae", "output_mae"):
        errors = [[row[name] for row in rows(tmp_path / folder / "validation.csv")] for folder in ("one", "two")]
        assert errors[0] == pytest.approx(errors[1], rel=1e-4)


def test_an_interrupt_of_one_process_saves_and_ends_all(pictures: Path, tmp_path: Path) -> None:
    """Signals don't come at the same step everywhere, and who goes on alone waits for ever, or breaks off unsaved."""
    processes = start_two(COURSE.lasting(epochs=10_000), pictures, tmp_path / "x")
    until(lambda: (tmp_path / "x").exists() and bool(checkpoints.newest(tmp_path / "x")))
    processes[1].send_signal(signal.SIGTERM)
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    newest = checkpoints.newest(tmp_path / "x")
    assert newest is not None
    assert checkpoints.load(newest)["step"] < 80_000
