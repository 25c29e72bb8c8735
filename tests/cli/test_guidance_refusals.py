"""What is wrong with guidance, soft masks and what is allowed is said in one sentence, and nothing is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.panels import CLEAN, HOLE, files_in, save

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 56 40">{}</svg>'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save(tmp_path / "panel.tif", np.where(HOLE[..., np.newaxis], np.uint8(0), CLEAN))
    save(tmp_path / "losses.png", HOLE.astype(np.uint8) * 255)
    save(tmp_path / "small.png", np.full((20, 28), 255, np.uint8))
    save(tmp_path / "none.png", np.zeros(HOLE.shape, np.uint8))
    for name, content in (
        ("away.svg", SVG.format('<path d="M 2 2 L 20 2"/>')),
        ("circle.svg", SVG.format('<circle cx="9" cy="9" r="3"/>')),
        ("empty.svg", SVG.format("")),
        ("broken.svg", "<svg"),
        ("broken.toml", "allow = [interpolates"),
        ("unknown.toml", 'allow = ["magic"]'),
        ("text.png", "no picture"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


RESTORE = [
    ("--method patchmatch --sources small.png", "small.png"),
    ("--method patchmatch --sources none.png", "The mask of sources marks nothing, or only holes: mark intact pixels"),
    ("--method patchmatch --sources losses.png", "The mask of sources marks nothing, or only holes"),
    ("--method patchmatch --sources nowhere.png", "nowhere.png"),
    ("--method patchmatch --sources text.png", "text.png"),
    ("--method patchmatch --avoid small.png", "small.png"),
    (
        "--method telea --sources losses.png",
        "Method 'telea' takes no sources: use --method patchmatch, or leave it out.",
    ),
    ("--method telea --avoid losses.png", "takes no mask of what is to be avoided: use --method patchmatch, or leave"),
    ("--guides nowhere.svg", "nowhere.svg"),
    ("--guides broken.svg", "broken.svg"),
    ("--guides empty.svg", "empty.svg"),
    ("--guides circle.svg", "circle"),
    ("--guides away.svg", "None of the guides crosses a hole"),
    ("--guides losses.png", "losses.png"),
    ("--guides", "Option '--guides' requires an argument."),
    ("--method harmonic --guides away.svg", "Method 'harmonic' takes no guides: use --method of coherence, edge-enh"),
    ("--partial soft", "'soft' is not one of 'cover', 'tone'."),
    ("--allow magic", "it must be some of interpolates, copies, learned, corrects"),
    ("--allow copies", "Method 'edge-enhancing' interpolates, and what is allowed is copies: use --method patchmatch"),
    ("--policy nowhere.toml", "nowhere.toml"),
    ("--policy broken.toml", "broken.toml"),
    ("--policy unknown.toml", "unknown.toml"),
    ("--method tone --largest 0.5", "largest"),
    ("--method tone --largest many", "'many' is not a number."),
]

HEAL = [
    ("", "Say where to heal from: --offset 40,-12 (down and right), or --donor FILE."),
    ("--offset 5", "'5' isn't two whole numbers, down and right: 40,-12."),
    ("--offset 1.5,2", "'1.5,2' isn't two whole numbers"),
    ("--offset 900,0", "hole pixels would be copied from outside of the picture or from what isn't known"),
    ("--offset 1,0", "choose another offset, or smaller holes"),
    ("--donor nowhere.tif", "nowhere.tif"),
    ("--donor small.png", "small.png"),
    ("--donor text.png", "text.png"),
    ("--offset 12,0 --mirror sideways", "'sideways' is not one of"),
    ("--offset 12,0 --turn 45", "'45' is not one of '0', '90', '180', '270'."),
    ("--offset=-6,0 --allow interpolates", "Method 'heal' copies, and what is allowed is interpolates"),
]


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [("restore", *case) for case in RESTORE] + [("heal", *case) for case in HEAL],
)
def test_it_is_refused(folder: Path, command: str, arguments: str, says: str) -> None:
    before = files_in(folder)
    words = [command, "panel.tif", "--mask", "losses.png", "-o", "out.tif", *arguments.split()]
    ran = subprocess.run([sys.executable, "-m", "restauro", *words], capture_output=True, text=True, check=False)
    said = " ".join(ran.stderr.split())
    assert (ran.returncode, ran.stdout) == (2, ""), said
    assert files_in(folder) == before
    assert says in said
    assert "Traceback" not in said
    assert "restauro failed on it" not in said
