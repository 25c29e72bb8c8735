"""`restauro detect`, as it is called."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import pyvips

from restauro.cli import detect as cli_detect
from restauro.cli import main
from restauro.detection import detecting_files
from restauro.detection.detecting import KINDS
from restauro.files.reading import read_picture
from tests.detection.damaged import damaged

HOLE = np.zeros((60, 80), bool)
HOLE[10:16, 5:60] = True
HOLE[30:50, 70:74] = True


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: panel.tif with marks in red, and clean.tif without."""
    monkeypatch.chdir(tmp_path)
    clean = np.random.default_rng(0).integers(100, 120, (60, 80, 3)).astype(np.uint8)
    save(tmp_path / "clean.tif", clean)
    clean[HOLE] = 255, 0, 0
    save(tmp_path / "panel.tif", clean)
    return tmp_path


def save(path: Path, values: np.ndarray) -> None:
    pyvips.Image.new_from_array(values).copy(interpretation="srgb").write_to_file(str(path))


def run(arguments: str) -> int:
    return main(arguments.split())


def test_it_says_what_it_found_and_restore_takes_the_mask(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("detect panel.tif --kind color --color #ff0000 -o mask.png --preview preview.png") == 0
    assert capsys.readouterr().out == "mask.png: 2 marks proposed, 410 pixels (8.5 %)\n"
    np.testing.assert_array_equal(read_picture("mask.png").pixels, np.where(HOLE, 255, 0))
    assert read_picture("preview.png").pixels.shape == (60, 80, 3)
    assert run("restore panel.tif --mask mask.png -o out.tif") == 0
    assert "410 pixels filled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("--kind color --color #ff0000", "marks of that colour"),
        ("--kind scratches", "scratches"),
        ("--kind losses", "losses"),
    ],
)
def test_nothing_found_is_an_answer(options: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"detect clean.tif {options} -o mask.png") == 0
    assert capsys.readouterr().out == f"mask.png: no {what} found: the mask is empty\n"
    assert not read_picture("mask.png").pixels.any()


def test_all_options_reach_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "--kind color --color #e01010 --tolerance 40 --grow 1 --workers 1 --json"
    assert run(f"detect panel.tif {arguments} -o mask.png --preview p.jpg") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pixels"] == (read_picture("mask.png").pixels == 255).sum() > HOLE.sum()
    assert (said["source"], said["target"], said["preview"], said["kind"]) == (
        "panel.tif",
        "mask.png",
        "p.jpg",
        "color",
    )
    assert (said["width"], said["height"], said["marks"], said["notes"]) == (80, 60, 2, [])


def test_several_kinds_a_mask_each_and_probabilities(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, specks = damaged("dust")
    save(folder / "dusty.png", image)
    arguments = "--kind dust,scratches --sensitivity 1 --each --probability p.tif -o masks/m.png"
    assert run(f"detect dusty.png {arguments}") == 0
    assert re.match(r"masks/m\.png: 5 marks proposed \(scratches 0, dust 5\), \d+ pixels", capsys.readouterr().out)
    every, dust, scratches = (read_picture(f"masks/{name}.png").pixels for name in ("m", "m-dust", "m-scratches"))
    np.testing.assert_array_equal(every, dust)
    assert not scratches.any()
    likely = pyvips.Image.new_from_file("p.tif").numpy()
    assert (likely.dtype, likely.shape) == (np.float32, (*specks.shape, 5))
    assert likely[specks, 3].mean() > 0.9
    assert likely[~specks, 3].mean() < 0.1


def test_hints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layer = np.zeros((60, 80, 4), np.uint8)
    layer[12:14, 10:40] = 255, 0, 0, 255
    layer[3:6, 10:40] = layer[18:24, 10:40] = layer[40:44, 10:60] = 0, 255, 0, 255
    save(folder / "hints.png", layer)
    assert run("detect panel.tif --hints hints.png -o mask.png -q") == 0
    assert capsys.readouterr().out == ""
    found = read_picture("mask.png").pixels == 255
    assert (found & HOLE).sum() > 0.4 * HOLE.sum()
    assert (found & ~HOLE).sum() < 0.2 * HOLE.sum()
    assert run("detect panel.tif clean.tif --hints hints.png -o masks/") == 2
    assert "Hints are for one picture: give one at a time." in capsys.readouterr().err
    assert run("detect panel.tif --hints none.png -o mask2.png") == 2
    assert "There is no file of hints none.png" in capsys.readouterr().err


def test_a_folder_is_the_pictures_in_it(folder: Path) -> None:
    (folder / "notes.txt").write_text("no picture")
    assert run("detect . --kind color --color #ff0000 -o masks -q") == 0
    assert sorted(os.listdir("masks")) == ["clean.png", "panel.png"]


def test_several_files_go_on_past_a_bad_one(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.tif").write_text("no picture", encoding="ascii")
    assert run("detect panel.tif bad.tif clean.tif --kind color --color #ff0000 -o masks/ --preview shown/") == 1
    assert sorted(os.listdir("masks")) == sorted(os.listdir("shown")) == ["clean.png", "panel.png"]
    assert capsys.readouterr().err.count("bad.tif: ") == 1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ("panel.tif --kind losses", "Say where to write: -o mask.png"),
        (
            "panel.tif -o m.png",
            "Say what to look for, a kind (cracks, scratches, losses, dust, stains, color), or give hints.",
        ),
        (
            "panel.tif --kind color -o m.png",
            "which colour the marks have: use --color '#ff0000' for pure red",
        ),
        ("panel.tif --kind losses --tolerance 3 -o m.png", "A colour and a tolerance are for marks of a colour"),
        (
            "panel.tif --kind dents -o m.png",
            "There is no kind of damage 'dents' to be found: it is one of cracks, scratches, losses, dust, stains, "
            "color.",
        ),
        ("panel.tif clean.tif --kind color --color red -o m/", "Error: The colour 'red' isn't of the form #rrggbb"),
        ("panel.tif --kind cracks,rust -o m.png", "There is no kind of damage 'rust' to be found"),
        ("panel.tif --kind dust --sensitivity 0.1 -o m.png", "The sensitivity 0.1 is out of range"),
        ("panel.tif --kind dust --probability p.png -o m.png", "The file of probabilities is written as a TIFF"),
        ("panel.tif --kind dust --probability panel.tif -o m.png", "which is the picture, its mask or its hints"),
        ("panel.tif clean.tif --kind losses -o m.png", "Several pictures need a folder to write to"),
    ],
)
def test_wrong_usage(arguments: str, match: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"detect {arguments}") == 2
    assert match in capsys.readouterr().err
    assert not Path("m.png").exists()


@pytest.mark.parametrize("arguments", ["-o panel.tif/m.png", "-o m.png --preview panel.tif/p.png"])
def test_where_nothing_can_be_written_is_known_before_the_work(
    arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(detecting_files, "detect", lambda *_, **__: pytest.fail("it was looked for"))
    assert run(f"detect panel.tif --kind losses {arguments}") == 2
    assert "The folder panel.tif can't be made" in capsys.readouterr().err


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("detect panel.tif --kind color --color #ff0000 -o mask.png") == 0
    before = Path("mask.png").read_bytes()
    assert run("detect clean.tif --kind color --color #ff0000 -o mask.png") == 2
    assert "mask.png is there already" in capsys.readouterr().err
    assert Path("mask.png").read_bytes() == before
    assert run("detect clean.tif --kind color --color #ff0000 -o mask.png --overwrite") == 0
    assert Path("mask.png").read_bytes() != before


def test_the_kinds_are_those_of_detect() -> None:
    assert tuple(KINDS) == cli_detect._KINDS
