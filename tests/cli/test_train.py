from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from restauro.cli import main
from restauro.training.presets import PRESETS
from tests.training.runs import make_pictures

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs PyTorch: pip install 'restauro[train]'"
)
TINY = "--set batch=4 --set checkpoint_every=2 --set log_every=2 --device cpu --precision float32 --workers 1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with pictures/."""
    monkeypatch.chdir(tmp_path)
    make_pictures(tmp_path / "pictures", 17)
    return tmp_path


def run(arguments: str) -> int:
    return main(arguments.split())


def test_without_pytorch_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert run("train --preset cifar10-course --data pictures --out x") == 2
    assert capsys.readouterr().err == "Error: Training needs PyTorch: pip install 'restauro[train]'\n"
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--preset cifar",
            "There is no preset 'cifar': choose cifar10-course, cifar10, paper, damage, stains, paintings, "
            "paintings-pconv.",
        ),
        ("--preset cifar10 --set batch", "--set takes NAME=VALUE, such as --set batch=64, and this is 'batch'."),
        ("--preset cifar10 --set bach=4", "The preset 'cifar10' has no setting 'bach': did you mean 'batch'?"),
        ("--preset cifar10 --epochs 1 --steps 1", "Give epochs or steps, not both."),
        ("--preset cifar10 --precision fp8", "Invalid value for '--precision'"),
        ("--preset cifar10 --epochs 0", "Invalid value for '--epochs'"),
        ("", "Missing option '--preset'"),
    ],
)
def test_wrong_usage_is_said(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"train --data pictures --out x {arguments}") == 2
    assert f"Error: {message}" in capsys.readouterr().err


def test_the_help_names_every_preset(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run("train --help") == 0
    out = capsys.readouterr().out
    assert set(re.findall(r"[\w-]+", out)) >= set(PRESETS)


def test_a_preset_for_pictures_of_ones_own_asks_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train --preset paper") == 2
    assert "The preset 'paper' needs pictures: name their folder with --data DIR." in capsys.readouterr().err


@needs_torch
def test_without_a_folder_cifar10_is_fetched(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from restauro import downloads

    monkeypatch.setenv("RESTAURO_CACHE", str(tmp_path / "cache"))
    nowhere = replace(downloads.CIFAR10, url="http://127.0.0.1:9/cifar-10-python.tar.gz")
    monkeypatch.setattr(downloads, "CIFAR10", nowhere)
    assert run("train --preset cifar10-course --epochs 1") == 2
    assert "CIFAR-10 (170 MB) can't be fetched from http:" in capsys.readouterr().err
    assert not Path("runs").exists()


@needs_torch
def test_a_run_is_done_and_then_known_as_done(capsys: pytest.CaptureFixture[str]) -> None:
    begun = "Training cifar10-course from step 0 to 3 in x: batches of 4 of 16 pictures, on cpu in float32; 1 test pict"
    for begins in (begun, "Going on with x from step 3."):
        assert run(f"train --preset cifar10-course --data pictures --out x --steps 3 {TINY}") == 0
        out, err = capsys.readouterr()
        assert out.startswith(begins)
        assert out.endswith(f"Done: 3 steps. The best network is {Path('x', 'best.ckpt')}.\n")
        assert err == ""
    assert run(f"train --preset cifar10-course --data pictures --out x --steps 3 {TINY} --seed 2") == 2
    assert "The run in x was begun with seed 0 (now 2): give the same settings" in capsys.readouterr().err
    assert run(f"train --preset cifar10-course --data pictures --out x --steps 1 {TINY} --seed 2 --overwrite -q") == 0
    assert capsys.readouterr() == ("", "")


@needs_torch
def test_masks_can_come_from_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np
    import pyvips

    hole = np.zeros((32, 32), np.uint8)
    hole[8:16] = 255
    (folder / "holes").mkdir()
    pyvips.Image.new_from_array(hole).write_to_file("holes/a.png")
    assert run(f"train --preset cifar10-course --data pictures --out x --steps 1 {TINY} --masks holes") == 0
    assert run(f"train --preset cifar10-course --data pictures --out x --steps 1 {TINY}") == 2
    assert "The run in x was begun with masks holes (now marks)" in capsys.readouterr().err


@needs_torch
def test_missing_pictures_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"train --preset cifar10-course --data none --out x {TINY}") == 2
    assert capsys.readouterr().err == "Error: There is no folder none: name the one that holds the pictures.\n"


@needs_torch
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way there")
def test_ctrl_c_saves_says_so_and_can_be_gone_on_from(folder: Path) -> None:
    command = f"train --preset cifar10-course --data pictures --out x --epochs 900 {TINY}"
    # A shell starts background jobs with SIGINT ignored, and so may whoever runs this.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from restauro.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 120
    while not list(folder.glob("x/step-*.ckpt")):
        assert time.monotonic() < end, "no checkpoint came in time"
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    said = re.fullmatch(r"Stopped at step ([\d,]+) of 3,600, which is saved: the same command goes on\.\n", err)
    assert said
    assert Path(f"x/step-{int(said[1].replace(',', '')):08d}.ckpt").exists()
