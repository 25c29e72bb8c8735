"""A picture repaired in one go: damage proposed and filled, what is capped, and the command line that does it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

import restauro
from restauro.detection import limits
from restauro.errors import MaskError, ParameterError, RestauroError
from restauro.files.reading import read_picture
from tests.detection.damaged import damaged
from tests.detection.test_detection import noisy, save


def test_what_is_proposed_is_filled_and_nothing_else(tmp_path: Path) -> None:
    image, hole = damaged("dust")
    photo = save(tmp_path / "photo.png", image)
    restoration = restauro.Restoration.open(photo).detect("dust")
    marked = restoration.hole
    assert marked is not None
    assert (marked & hole).sum() > 0.9 * hole.sum()
    restored = restoration.fill("telea").write(tmp_path / "out.png", save_mask=tmp_path / "mask.png")
    out = read_picture(tmp_path / "out.png").pixels
    np.testing.assert_array_equal(out[~marked], image[~marked])
    assert np.abs(out[hole].astype(int) - noisy(*hole.shape)[hole]).mean() < 8  # specks are gone
    np.testing.assert_array_equal(read_picture(tmp_path / "mask.png").pixels == 255, marked)
    assert [note.code for note in restored.notes] == ["mask-proposed"]
    assert "it was looked for dust" in restored.notes[0]


@pytest.mark.parametrize("what", ["deep", "grey", "alpha", "cmyk", "float", "orientation"])
def test_whatever_a_file_holds(tmp_path: Path, what: str) -> None:
    image, hole = damaged("dust")
    options: dict[str, Any] = {}
    if what == "orientation":
        photo = save(tmp_path / "photo.tif", image, orientation=6)
    else:
        alpha = np.full((*hole.shape, 1), 200, np.uint8)
        pixels = {
            "deep": image * np.uint16(257),
            "grey": image[..., 0],
            "alpha": np.concatenate([image, alpha], axis=2),
            "cmyk": np.concatenate([255 - image, 0 * alpha], axis=2),
            "float": (image / 255).astype(np.float32),
        }[what]
        names = {"grey": "b-w", "deep": "rgb16", "cmyk": "cmyk", "float": "scrgb"}
        photo = tmp_path / "photo.tif"
        pyvips.Image.new_from_array(pixels).copy(interpretation=names.get(what, "srgb")).tiffsave(str(photo))
    restored = restauro.restore_file(photo, tmp_path / "out.tif", detect="dust", method="telea", **options)
    assert restored.changed_outside == 0
    assert restored.hole_pixels > 0.9 * hole.sum()


def test_nothing_found_is_a_copy(tmp_path: Path) -> None:
    photo = save(tmp_path / "photo.png", noisy())
    restored = restauro.restore_file(photo, tmp_path / "out.png", detect=("dust", "losses"))
    assert restored.hole_pixels == 0
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png").pixels, noisy())
    assert restored.notes[0] == "No losses, dust found, so nothing is filled: the file is a copy."


def test_too_much_is_proposed_and_not_filled(tmp_path: Path) -> None:
    image, hole = damaged("losses")
    photo = save(tmp_path / "photo.png", image)
    with pytest.raises(MaskError, match=r"isn't filled unseen, for .* is marked, and 5 % .*; the mask is written to"):
        restauro.restore_file(photo, tmp_path / "out.png", detect="losses", save_mask=tmp_path / "masks" / "m.png")
    assert not (tmp_path / "out.png").exists()
    assert (read_picture(tmp_path / "masks" / "m.png").pixels[hole] == 255).all()
    with pytest.raises(MaskError, match=r"or use save_mask=\.\.\. to see the mask\."):
        restauro.restore_file(photo, tmp_path / "out.png", detect="losses")
    restoration = restauro.Restoration.open(photo).detect("losses")
    with pytest.raises(MaskError, match=r"use accept_large_holes=True to have it filled as it is"):
        restoration.fill()
    assert restoration.detect("losses", accept_large_holes=True).fill("telea").method
    looked_at = restoration.detect("losses").hole
    assert restoration.mask_from(looked_at).fill("telea").method  # given as a mask it was seen


class TestCaps:
    def test_few_and_small_marks_may_be_filled(self) -> None:
        found = np.zeros((400, 300), bool)
        assert limits.too_much(found) is None
        found[::40, ::40] = True
        assert limits.too_much(found) is None

    def test_all_together(self) -> None:
        found = np.zeros((400, 300), bool)
        found[::4, ::4] = True
        assert limits.too_much(found) == "6.2 % of the picture is marked, and 5 % is the most"

    def test_one_mark(self) -> None:
        found = np.zeros((400, 300), bool)
        found[5:11, 3:280] = True
        assert limits.too_much(found) == "a mark is 1.4 % of the picture, and 1 % is the most"

    def test_a_wide_one(self) -> None:
        found = np.zeros((400, 300), bool)
        found[100:118, 50:69] = True
        assert str(limits.too_much(found)).startswith("a mark is wider than 16 pixels, at row 10")
        unknown = np.zeros_like(found)
        found[100:118, 60:69] = False
        assert limits.too_much(found) is None
        unknown[90:130, 60:90] = True  # nobody knows what is beside it
        assert str(limits.too_much(found, unknown)).startswith("a mark is wider than 16 pixels")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "Give a mask of what is to be filled, or say what damage to look for"),
        ({"mask": "alpha", "detect": "dust"}, "one of the two"),
        ({"mask": "alpha", "sensitivity": 3}, "A sensitivity is for damage that is looked for"),
        ({"detect": "dust", "polarity": "black"}, "means nothing for damage that is looked for"),
        ({"detect": "dust", "tolerance": 0}, "means nothing for damage that is looked for"),
        ({"detect": "rust"}, "There is no kind of damage 'rust'"),
        ({"detect": []}, "There is no kind of damage"),
        ({"detect": "color"}, "Marks of a colour needn't be looked for: use mask="),
        ({"detect": "dust,stains"}, "shows through, so they are to be corrected, not filled: have detect write a mask"),
        ({"detect": "dust", "sensitivity": 1000}, "The sensitivity 1000 is out of range"),
    ],
)
def test_what_is_refused(tmp_path: Path, options: dict[str, Any], match: str) -> None:
    photo = save(tmp_path / "photo.png", noisy())
    with pytest.raises((ParameterError, RestauroError), match=match):
        restauro.restore_file(photo, tmp_path / "out.png", **options)
    assert not (tmp_path / "out.png").exists()


def command(folder: Path, arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "restauro", *arguments.split()]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_line(tmp_path: Path) -> None:
    image, hole = damaged("dust")
    save(tmp_path / "photo.png", image)
    done = command(tmp_path, "restore photo.png --detect -o out.png --save-mask mask.png --method telea --json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [note["code"] for note in said["notes"]] == ["mask-proposed"]
    mask = read_picture(tmp_path / "mask.png").pixels == 255
    assert mask.sum() == said["hole_pixels"]
    assert mask[hole].mean() > 0.9
    out = read_picture(tmp_path / "out.png").pixels
    np.testing.assert_array_equal(out[~mask], image[~mask])
    restored = command(tmp_path, "restore photo.png --mask mask.png -o again.png --method telea -q")
    assert restored.returncode == 0, restored.stderr
    np.testing.assert_array_equal(read_picture(tmp_path / "again.png").pixels, out)


def test_the_command_line_does_not_fill_too_much(tmp_path: Path) -> None:
    save(tmp_path / "photo.png", damaged("losses")[0])
    done = command(tmp_path, "restore photo.png --detect losses -o out.png --save-mask mask.png")
    assert done.returncode == 2
    assert "the mask is written to mask.png: look at the mask" in done.stderr
    assert "or use --accept-large-holes to have it filled as it is." in done.stderr
    assert (tmp_path / "mask.png").exists()
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ("--detect photo.png -o out.png", "Missing argument"),
        ("photo.png --detect rust -o out.png", "There is no kind of damage 'rust'"),
        ("photo.png --detect --mask alpha -o out.png", "Give a mask or --detect, not both."),
        ("photo.png --detect --resize-mask -o out.png", "--resize-mask is for masks: leave it out with --detect."),
        ("photo.png --mask alpha --sensitivity 3 -o out.png", "--sensitivity is for --detect"),
        ("photo.png --detect --sensitivity 0.1 -o out.png", "The sensitivity 0.1 is out of range"),
        ("photo.png -o out.png", "or have damage looked for: --detect."),
    ],
)
def test_wrong_usage(
    arguments: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from restauro.cli import main

    monkeypatch.chdir(tmp_path)
    save(tmp_path / "photo.png", noisy(8, 8))
    assert main(["restore", *arguments.split()]) == 2
    assert match in capsys.readouterr().err
    assert not Path("out.png").exists()
