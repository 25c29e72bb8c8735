"""`restauro compare`, as it is called."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile

pytest.importorskip("skimage", reason="needs scikit-image: pip install 'restauro[eval]'")

from restauro.cli import main
from restauro.errors import ImageError
from restauro.evaluation import comparing, references
from restauro.evaluation.references import make_way
from restauro.evaluation.sheets import CELL

GAP = 6


def write(pixels: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    pyvips.Image.new_from_array(pixels).copy(
        interpretation={1: "b-w", 3: "srgb"}[pixels[0, 0].size] if pixels.dtype == np.uint8 else "rgb16"
    ).write_to_file(str(path))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two damaged pictures, their masks and originals."""
    for number, name in enumerate(("one", "two")):
        y, x = np.mgrid[:40, :60]
        truth = np.stack([4 * x, 3 * y + 40 * number, x + y], axis=-1).astype(np.uint8)
        hole = np.zeros((40, 60), bool)
        hole[10:14, 8:50] = True
        write(truth, tmp_path / "originals" / f"{name}.png")
        write(np.where(hole[:, :, np.newaxis], np.uint8(255), truth), tmp_path / "damaged" / f"{name}.png")
        write(np.where(hole, 255, 0).astype(np.uint8), tmp_path / "masks" / f"{name}.png")
    return tmp_path


def call(folder: Path, *arguments: str, picture: str = "damaged/one.png") -> int:
    return main(["compare", str(folder / picture), "-o", str(folder / "sheet.png"), "--workers", "1", *arguments])


def width(folder: Path) -> int:
    return int(pyvips.Image.new_from_file(str(folder / "sheet.png")).width)


def columns(number: int) -> int:
    return number * CELL + (number + 1) * GAP


def test_a_column_for_each_method_and_the_original(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask, truth = str(folder / "masks" / "one.png"), str(folder / "originals" / "one.png")
    assert call(folder, "--mask", mask, "--methods", "telea:radius=3,harmonic,mean-colour") == 0
    assert width(folder) == columns(5)
    assert "one.png: 168 hole pixels, filled by telea, radius 3, harmonic, mean-colour" in capsys.readouterr().out
    assert call(folder, "--mask", mask, "--truth", truth, "--methods", "harmonic", "--overwrite", "--quiet") == 0
    assert width(folder) == columns(4)
    assert capsys.readouterr().out == ""


def test_json_has_the_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask, truth = str(folder / "masks" / "one.png"), str(folder / "originals" / "one.png")
    arguments = ["--mask", mask, "--methods", "harmonic,mean-colour", "--json"]
    assert call(folder, *arguments, "--truth", truth) == 0
    said = json.loads(capsys.readouterr().out)
    source, target = (str(folder / name) for name in ("damaged/one.png", "sheet.png"))
    assert (said["source"], said["target"], said["width"], said["height"]) == (source, target, 60, 40)
    assert (said["hole_pixels"], list(said["methods"])) == (168, ["harmonic", "mean-colour"])
    case = comparing.compare_file(Path(source), [make_way("harmonic")], mask=mask, truth=Path(truth), workers=1)
    found = said["methods"]["harmonic"]
    assert found.pop("seconds") > 0
    assert found == {name: case.figures["harmonic"][name] for name in ("psnr", "rmse_hole", "ssim")}
    assert said["damaged"] == case.figures["damaged"]
    assert found["psnr"] > said["methods"]["mean-colour"]["psnr"] > said["damaged"]["psnr"]
    assert call(folder, *arguments, "--overwrite") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["damaged"] is None
    assert list(said["methods"]["harmonic"]) == ["seconds"]


def test_rows_of_several_pictures(folder: Path) -> None:
    arguments = ["--mask-dir", str(folder / "masks"), "--truth-dir", str(folder / "originals"), "--layout", "rows"]
    assert call(folder, str(folder / "damaged" / "two.png"), *arguments) == 0
    assert width(folder) == columns(4)  # damaged, mask, restored by the default method, original
    sheet = pyvips.Image.new_from_file(str(folder / "sheet.png")).numpy()
    shown = pyvips.Image.new_from_file(str(folder / "originals" / "two.png")).numpy().repeat(4, 0).repeat(4, 1)
    left = 3 * (CELL + GAP) + GAP
    assert any(
        np.array_equal(sheet[top : top + 160, left : left + 240], shown) for top in range(200, sheet.shape[0] - 160)
    )


def test_all_that_need_no_model_by_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = make_way("mean-colour")  # for each of them, which is asked for by its name
    monkeypatch.setattr(references, "make_way", lambda text: replace(quick, name=text, label=text))
    assert call(folder, "--mask", str(folder / "masks" / "one.png")) == 0
    expected = "telea, harmonic, biharmonic, coherence, edge-enhancing, navier-stokes, patchmatch"
    assert f"filled by {expected}\n" in capsys.readouterr().out
    assert width(folder) == columns(9)


def test_as_a_command_into_a_new_folder(folder: Path) -> None:
    script = [sys.executable, "-m", "restauro", "compare", "damaged/one.png", "--mask", "masks/one.png"]
    script += ["--methods", "mean-colour", "-o", "new/sheets/a.jpg"]
    done = subprocess.run(script, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("one.png: 168 hole pixels, filled by mean-colour\nWritten to ")
    assert pyvips.Image.new_from_file(str(folder / "new" / "sheets" / "a.jpg")).width == columns(3)


def test_figures_are_those_of_the_composited_picture(folder: Path) -> None:
    pictures = [folder / part / "one.png" for part in ("damaged", "masks", "originals")]
    case = comparing.compare_file(
        pictures[0], [make_way("mean-colour")], mask=pictures[1], truth=pictures[2], workers=1
    )
    damaged, truth = (pyvips.Image.new_from_file(str(path)).numpy() for path in (pictures[0], pictures[2]))
    mean = np.rint(damaged[~case.hole].mean(axis=0))
    apart = (truth[case.hole] - mean).ravel()
    psnr = 10 * np.log10(255**2 * truth.size / np.square(apart).sum())
    rmse = np.sqrt(np.square(apart).mean())
    assert case.notes["mean-colour"][:2] == [f"PSNR {psnr:.2f} dB", f"RMSE in holes {rmse:.2f}"]
    assert case.notes["mean-colour"][3].endswith(" s")
    assert case.notes["mask"] == ["7.0 % hole"]


def test_ways_of_one_label_are_told_apart(folder: Path) -> None:
    way = make_way("mean-colour")
    ways = [replace(way, name=name) for name in ("onnx:a/net.onnx", "onnx:b/net.onnx")]
    case = comparing.compare_file(folder / "damaged" / "one.png", ways, mask=folder / "masks" / "one.png", workers=1)
    assert list(case.filled) == ["onnx:a/net.onnx", "onnx:b/net.onnx"]


def test_large_pictures_have_the_same_figures_without_ssim(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [folder / part / "one.png" for part in ("damaged", "masks", "originals")]
    notes = []
    for most in (comparing._CHEAP, 100):
        monkeypatch.setattr(comparing, "_CHEAP", most)
        found = comparing.compare_file(pictures[0], [make_way("telea")], mask=pictures[1], truth=pictures[2], workers=1)
        notes.append(found.notes["telea"][:-1])
    assert notes[1] == notes[0][:2]


def test_pixels_without_a_value_are_marked_or_refused(tmp_path: Path) -> None:
    pixels = np.full((20, 30), 900, np.uint16)
    pixels[5, 3:9] = 0
    nodata = (42113, "s", 0, "0", True)  # GDAL's tag
    tifffile.imwrite(tmp_path / "heights.tif", pixels, extratags=[nodata])
    mask = np.zeros((20, 30), np.uint8)
    mask[5, 3:6] = 255
    arguments = (tmp_path / "heights.tif", [make_way("harmonic")])
    with pytest.raises(ImageError, match="has pixels that hold no value and aren't marked"):
        comparing.compare_file(*arguments, mask=write(mask, tmp_path / "mask.png"), workers=1)
    mask[5, 3:9] = 255
    case = comparing.compare_file(*arguments, mask=write(mask, tmp_path / "mask.png"), workers=1)
    assert np.unique(case.filled["harmonic"]).tolist() == [round(900 / 257)]


def test_deep_and_grey_pictures_are_shown_in_bytes(tmp_path: Path) -> None:
    y, x = np.mgrid[:20, :30]
    deep = np.stack([x * 257, y * 257, (x + y) * 257], axis=-1).astype(np.uint16)
    deep_file = write(deep, tmp_path / "deep.png")
    mask = np.zeros((20, 30), np.uint8)
    mask[5, 3:9] = 255
    mask_file = write(mask, tmp_path / "mask.png")
    case = comparing.compare_file(deep_file, [make_way("telea")], mask=mask_file, workers=1)
    assert case.damaged.dtype == np.uint8
    assert np.array_equal(case.damaged, deep // 257)
    grey = comparing.compare_file(
        write((7 * y).astype(np.uint8), tmp_path / "grey.png"), [make_way("telea")], mask=mask_file, workers=1
    )
    assert grey.damaged.shape == (20, 30)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say what to fill: --mask FILE, or --mask-dir FOLDER, one of them"),
        (["--mask", "{masks}/one.png", "--mask-dir", "{masks}"], "one of them"),
        (
            ["--mask", "{masks}/one.png", "--truth", "x.png", "--truth-dir", "y"],
            "Give --truth or --truth-dir, not both",
        ),
        (["--mask-dir", "{masks}/none"], "There is no folder .* of masks"),
        (["--mask", "{masks}/empty.png"], "has no hole, so there is nothing to compare"),
        (["--mask", "{masks}/full.png"], "is hole, so there is nothing to fill it from"),
        (["--mask", "{masks}/one.png", "--mask-polarity", "black"], "93.0% of .* inverted: use --mask-polarity white"),
        (["--mask", "{masks}/one.png", "--mask-polarity", "black"], "use --accept-large-holes if that is meant"),
        (["--mask", "{masks}/small.png"], "It is 30 x 20 pixels and the picture 60 x 40"),
        (
            ["--mask", "{masks}/one.png", "--truth", "{masks}/small.png"],
            "is 30 x 20 pixels and the damaged picture 60 x",
        ),
        (["--mask", "{masks}/one.png", "--truth", "{masks}/one.png"], "is grey, the other isn't"),
        (
            ["--mask", "{masks}/one.png", "--truth", "{masks}/none.png"],
            "The original .*none.png: There is no such file",
        ),
        (["--mask", "{masks}/one.png", "--truth-dir", "{masks}/.."], "One original of one.png is wanted in .* is none"),
        (
            ["--mask", "{masks}/one.png", "--methods", "telae"],
            "There is no method or peer 'telae': did you mean 'telea'",
        ),
        (["--mask", "{masks}/one.png", "--methods", "telea", "-o", "{masks}/one.png"], "is there already: choose"),
        (
            ["--mask", "{masks}/one.png", "--overwrite", "-o", "{masks}/one.png"],
            "one.png is one of the pictures: choose",
        ),
        (
            ["--mask-dir", "{masks}", "--overwrite", "-o", "{masks}/one.png"],
            "one.png is one of the pictures: choose",
        ),
        (
            ["--mask-dir", "{masks}", "--truth-dir", "{truths}", "--overwrite", "-o", "{truths}/one.png"],
            "one.png is one of the pictures: choose",
        ),
        (["--mask", "{masks}/one.png", "--methods", "telea", "-o", "{masks}/one.tif"], "must end in .png, .jpg or"),
        (["--mask", "{masks}/one.png", "-o", "{masks}/one.png/sheet.png"], "The folder .* can't be made"),
    ],
)
def test_what_is_refused(folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    masks = folder / "masks"
    write(np.zeros((40, 60), np.uint8), masks / "empty.png")
    write(np.full((40, 60), 255, np.uint8), masks / "full.png")
    write(np.zeros((20, 30), np.uint8), masks / "small.png")
    assert call(folder, *(part.format(masks=masks, truths=folder / "originals") for part in arguments)) == 2
    assert re.search(message, " ".join(capsys.readouterr().err.split()))
    assert not (folder / "sheet.png").exists()


def test_a_picture_without_a_mask_is_named_before_any_is_filled(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(comparing, "compare_file", lambda *_, **__: pytest.fail("it was filled"))
    (folder / "masks" / "two.png").unlink()
    assert call(folder, str(folder / "damaged" / "two.png"), "--mask-dir", str(folder / "masks")) == 2
    assert re.search(r"two\.png: There is no mask for it in .*masks", capsys.readouterr().err)


def test_several_pictures_need_folders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = str(folder / "damaged" / "two.png")
    assert call(folder, two, "--mask-dir", str(folder / "masks"), "--truth", "original.png") == 2
    assert "Several pictures need their originals in a folder: --truth-dir" in capsys.readouterr().err
