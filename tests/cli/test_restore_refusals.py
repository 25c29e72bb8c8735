"""What `restauro restore` refuses, in which words and with which status."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.panels import CLEAN, HOLE, run, save

pytestmark = pytest.mark.usefixtures("folder")


def test_what_is_no_mask_is_told_what_masks_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes.txt").write_text("no picture")
    assert run("restore panel.tif --mask notes.txt -o out.tif") == 2
    said = "masks are JPEG, PNG, TIFF, WebP, AVIF, BMP, GIF, PBM, PGM and NPY files. Save it as a PNG."
    assert f"The mask notes.txt: The file isn't a mask that can be read, whatever its name says: {said}" in (
        capsys.readouterr().err
    )


BAD_INPUT = {
    "missing.tif --mask losses.png -o out.tif": "missing.tif: There is no such file: check its name.",
    "cut.tif --mask losses.png -o out.tif": "cut.tif: The TIFF .*cut short .*: get a complete copy",
    "text.tif --mask losses.png -o out.tif": "text.tif: The file isn't a picture that can be read",
    "panel.tif --mask text.tif -o out.tif": r"panel.tif: The mask text.tif: The file isn't a mask",
    "panel.tif --mask turned.png -o out.tif": "panel.tif: The mask turned.png: It is 40 x 56 pixels .* turned by 90",
    "panel.tif --mask inverted.png -o out.tif": "panel.tif: 94.5% of the picture is hole, .*--mask-polarity black",
    "panel.tif --mask full.png -o out.tif": "panel.tif: All of the picture is hole",
    "panel.tif --mask alpha -o out.tif": "panel.tif: The picture has no transparency",
    "panel.tif --mask nan -o out.tif": "panel.tif: The picture's values are whole numbers",
    "panel.tif --mask-dir . -o out.tif": "panel.tif: There is no mask for it in .: it would be called panel.png",
    "panel.tif --mask losses.png -o panel.tif": "panel.tif: The target panel.tif is the picture itself: .*--overwrite",
    "panel.tif --mask losses.png -o full.png": "panel.tif: The target full.png is there already: .*--overwrite",
    "panel.tif --mask losses.png -o out.bmp": r"panel.tif: Files that end in \.bmp can't be written",
    "panel.tif --mask losses.png -o text.tif/out.tif": "panel.tif: The folder text.tif can't be made",
    "deep.tif --mask losses.png -o out.jpg": "deep.tif: JPEG can't hold samples of 16 bits: write it to a TIFF",
}
WRONG_USAGE = {
    "": "Missing argument 'INPUTS...'",
    "panel.tif --mask losses.png": "Say where to write: -o panel-restored.tif",
    "panel.tif full.png --mask losses.png": "Say where to write: -o restored/",
    "panel.tif -o out.tif": "Say what to fill: --mask FILE, --mask alpha",
    "panel.tif -o out.tif --mask losses.png --mask-dir .": "Give --mask or --mask-dir, not both",
    "panel.tif -o out.tif --mask .": r"The mask \. is a folder: name one file, or use --mask-dir",
    "panel.tif -o out.tif --mask loses.png": "There is no mask loses.png: give a file, alpha, nan, nodata, value:-9999",
    ". --mask losses.png -o out.tif": "Several pictures need a folder to write to, and out.tif is a file",
    "nothing --mask losses.png -o new": "There is no picture file in the folder nothing",
    "panel.tif -o out.tif --mask losses.png --mask-name {stem}.png": "Give --mask or --mask-name, not both",
    "panel.tif -o out.tif --mask-name mask.png": r"A pattern of mask names holds {stem}",
    "panel.tif -o out.tif --mask losses.png --mask-value 1,b": "'1,b' isn't whole numbers with commas between",
    "panel.tif -o out.tif --mask losses.png --mask-value 1 --mask-polarity black": "Where values say what is hole",
    "panel.tif -o out.tif --mask alpha --resize-mask": "Resizing is for mask files, not for the mask alpha",
    "panel.tif -o out.tif --mask losses.png --skip-existing --overwrite": "--skip-existing or --overwrite, not both",
    "panel.tif -o out.tif --mask losses.png --format png": r"--format is for the standard output \(-o -\)",
    "panel.tif -o - --mask losses.png": "Say with --format what goes to the standard output: png, tiff, jpeg",
    "panel.tif full.png -o - --mask losses.png --format png": r"One picture at a time goes to the standard output",
    "- -o out.png --mask -": r"The standard input \(-\) can be read once only",
    "panel.tif full.png -o new/ --mask -": "A mask from a pipe can be read once only, for one picture: name a file",
    "- --mask losses.png": "Say where to write: -o restored.png, or -o - --format png",
    "- -o new/ --mask losses.png": "A picture from a pipe has no name for a folder: name the file",
    "- -o out.png --mask-dir .": "A picture from a pipe has no name to find its mask by",
    "panel.tif -o out.tif --mask-dir masks": "There is no folder masks of masks",
    "panel.tif -o out.tif --mask color:white": "The colour 'white' isn't of the form #rrggbb",
    "panel.tif -o out.tif --mask losses.png --tolerance 8": "A tolerance is for masks by colour",
    "panel.tif -o out.tif --mask alpha --mask-polarity black": "Polarity is for mask files",
    "panel.tif -o out.tif --mask losses.png --method tela": "There is no method 'tela': did you mean 'telea'",
    "panel.tif -o out.tif --mask losses.png --raduis 3": "No such option.*--raduis.*Did you mean.*--radius",
    "panel.tif -o out.tif --mask losses.png --method telea --radius 99": "radius=99 .*: it must be 1 to 64 pixels",
    "panel.tif -o out.tif --mask losses.png --method telea --radius 5.5": "radius must be a whole number",
    "panel.tif -o out.tif --mask losses.png --radius five": "'five' is not a number",
    "panel.tif -o out.tif --mask losses.png --grow -1": "Invalid value for '--grow'",
    "panel.tif -o out.tif --mask losses.png --workers 0": "Invalid value for '--workers'",
    "panel.tif full.png --mask losses.png -o out.tif": "Several pictures .* out.tif is a file: -o restored/",
    "panel.tif full.png --mask losses.png -o text.tif": "Several pictures need a folder",
    "panel.tif --mask losses.png -o text.tif/": "text.tif/ is a file, not a folder",
    "panel.tif ./panel.tif --mask losses.png -o restored": "panel.tif is named twice: name each picture once",
    "panel.tif full.png --mask losses.png -o new --save-mask used.png": "Several .* --save-mask restored/",
    "panel.tif panel.png --mask losses.png -o new --save-mask used": "would both be written to used.panel.png",
}


@pytest.fixture
def bad(folder: Path) -> Path:
    whole = (folder / "panel.tif").read_bytes()
    (folder / "cut.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "text.tif").write_text("no picture")
    (folder / "nothing").mkdir()
    save(folder / "turned.png", np.where(HOLE.T, 255, 0).astype(np.uint8))
    save(folder / "full.png", np.full(HOLE.shape, 255, np.uint8))
    save(folder / "deep.tif", CLEAN.astype(np.uint16) * 257)
    return folder


@pytest.mark.parametrize(("arguments", "sentence"), BAD_INPUT.items())
def test_one_bad_input(arguments: str, sentence: str, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in bad.rglob("*") if path.is_file()}
    assert run(f"restore {arguments}") == 2
    assert {path: path.read_bytes() for path in bad.rglob("*") if path.is_file()} == before
    out, err = capsys.readouterr()
    assert out == ""
    assert re.match(sentence, err.splitlines()[-1])


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_USAGE.items())
def test_wrong_usage(arguments: str, sentence: str, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in bad.rglob("*") if path.is_file()}
    assert run(f"restore {arguments}") == 2
    assert {path: path.read_bytes() for path in bad.rglob("*") if path.is_file()} == before
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: restauro restore")
    assert re.search(sentence, err)
