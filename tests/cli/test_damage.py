from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips

from restauro.cli import main
from restauro.damage.kinds import KINDS, make_damage
from restauro.files.reading import read_picture

CLEAN = np.random.default_rng(0).integers(30, 220, (60, 80, 3), np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: pictures a.png and b.tif."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.tif"):
        pyvips.Image.new_from_array(CLEAN).copy(interpretation="srgb").write_to_file(name)
    return tmp_path


def run(arguments: str) -> int:
    return main(["damage", *arguments.split()])


def test_one_file_in_a_damaged_copy_and_its_mask_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.png --kind cracks --ratio 0.08 --seed 7 -o damaged.png --mask-out mask.png") == 0
    hole = make_damage("cracks", 60, 80, 0.08, rng=7)
    np.testing.assert_array_equal(read_picture("mask.png").pixels == 255, hole)
    damaged = read_picture("damaged.png").pixels
    assert (damaged[hole] == 255).all()
    np.testing.assert_array_equal(damaged[~hole], CLEAN[~hole])
    out, _ = capsys.readouterr()
    assert re.fullmatch(
        rf"damaged\.png: cracks of seed 7, {hole.sum()} pixels \({hole.mean():.1%}".replace("%", r" %\)")
        + r" in \d+\.\d s; 0 pixels changed outside the mask\n",
        out,
    )
    assert main(["restore", "damaged.png", "--mask", "mask.png", "-o", "restored.png", "-q"]) == 0


def test_options_reach_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "--pattern drying --course rounded --crack-width 3 --fill #00ff00"
    assert run(f"a.png --kind cracks {arguments} -o c.png -q") == 0
    hole = make_damage("cracks", 60, 80, pattern="drying", course="rounded", crack_width=3.0)
    assert (read_picture("c.png").pixels[hole] == [0, 255, 0]).all()
    assert run("a.png --kind strokes --ratio 0.3 --no-border --fill black -o s.png -q") == 0
    hole = make_damage("strokes", 60, 80, 0.3, border=False)
    assert (read_picture("s.png").pixels[hole] == 0).all()
    assert run("a.png --kind cracks --render --contrast 50 -o r.png --mask-out m.png -q") == 0
    changed = (read_picture("r.png").pixels != CLEAN).any(axis=2)
    np.testing.assert_array_equal(changed, read_picture("m.png").pixels == 255)
    assert capsys.readouterr().out == ""


def test_a_folder_is_the_pictures_in_it(folder: Path) -> None:
    pictures = sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".tif", ".jpg"))
    assert run(". --kind losses -o damaged/ -q") == 0
    assert sorted(path.name for path in (folder / "damaged").iterdir()) == pictures


def test_several_pictures_each_get_damage_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a.png missing.png b.tif --kind losses --seed 5 -o damaged --mask-out masks/ --json") == 1
    first, bad, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["seed"], second["seed"], second["kind"]) == (5, 7, "losses")
    assert (first["changed_outside"], first["mask"]) == (0, os.path.normpath("masks/a.png"))
    assert bad == {"source": "missing.png", "error": "There is no such file: check its name."}
    for name, picture, seed in (("a", "a.png", 5), ("b", "b.tif", 7)):
        hole = make_damage("losses", 60, 80, rng=seed)
        np.testing.assert_array_equal(read_picture(f"masks/{name}.png").pixels == 255, hole)
        assert (read_picture(f"damaged/{picture}").pixels[hole] == 255).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("a.png -o d.png", "Missing option '--kind'"),
        ("a.png --kind rust -o d.png", "'rust' is not one of 'marks', 'strokes'"),
        ("a.png --kind cracks", "Say where to write: -o a-damaged.png"),
        ("a.png b.tif --kind cracks", "Say where to write: -o damaged/"),
        ("a.png b.tif --kind cracks -o d.png", "Several pictures need a folder to write to, and d.png is a file"),
        ("a.png a.tif --kind cracks -o d --mask-out d", "a.png and a.tif would both be written to"),
        ("a.png --kind cracks --ratio 2 -o d.png", "The hole ratio 2 is out of range: of cracks it is above 0"),
        ("a.png --kind cracks --ratio nan -o d.png", "The hole ratio nan is out of range"),
        ("a.png --kind marks --ratio 0.1 -o d.png", "There is no ratio of marks"),
        ("a.png --kind cracks --no-border -o d.png", "--no-border is for strokes only"),
        ("a.png --kind cracks --fill red -o d.png", "There is no fill 'red'"),
        ("a.png --kind text --render -o d.png", "Text can't be rendered, only cracks and scratches"),
        ("a.png --kind cracks --contrast 20 -o d.png", "A contrast is for rendered cracks"),
        ("a.png --kind cracks --crack-width nan -o d.png", "Error: The crack width nan is out of range: it is above 0"),
        ("a.png b.tif --kind cracks --crack-width -3 -o d/", "Error: The crack width -3 is out of range"),
        ("a.png --kind cracks --crack-width 500 -o d.png", "The crack width 500 is too much for 80 x 60 pixels"),
        ("a.png --kind cracks --seed -1 -o d.png", "-1 is not in the range"),
        ("a.png --kind cracks -o b.tif", "a.png: The target b.tif is there already"),
        ("a.png --kind cracks -o a.png", "a.png: The target a.png is the picture itself"),
        ("a.png --kind cracks -o d.png --mask-out a.png --overwrite", "a.png: The mask can't be written to a.png"),
        ("a.png --kind cracks -o d.png --mask-out m.tif", "a.png: The mask is written as a PNG, so m.tif must end"),
        ("nothing.png --kind cracks -o d.png", "nothing.png: There is no such file: check its name."),
    ],
)
def test_wrong_usage_is_said_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: str, sentence: str
) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_help_names_every_kind_and_loads_no_kernel() -> None:
    program = (
        "import sys; from restauro.cli import main; status = main(['damage', '--help']); "
        "sys.exit(status or bool({'numba', 'scipy', 'pyvips'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    for kind in KINDS.values():
        assert kind.summary in ran.stdout
