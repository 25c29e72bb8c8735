from __future__ import annotations

from pathlib import Path

import pytest

from restauro.archive.plans import MaskFolder, Row, is_pattern, pictures_in, read_manifest
from restauro.errors import DataError, MaskError, ParameterError, ReadError
from restauro.mask_files import NoMaskError


def manifest(folder: Path, text: str, encoding: str = "utf-8") -> str:
    (folder / "plan.csv").write_text(text, encoding=encoding)
    return str(folder / "plan.csv")


def test_a_manifest_says_what_is_done_to_each_picture(tmp_path: Path) -> None:
    text = (
        "picture,mask,output,method,parameters\n"
        'a.tif,masks/a.png,out/a.tif,telea,"radius=5, x=0.5"\n'
        "\n"
        "s3://scans/b.tif,alpha,/new/b.tif,,\n"
    )
    folder = str(tmp_path)
    assert read_manifest(manifest(tmp_path, text)) == [
        Row(2, f"{folder}/a.tif", f"{folder}/masks/a.png", f"{folder}/out/a.tif", "telea", {"radius": 5, "x": 0.5}),
        Row(4, "s3://scans/b.tif", "alpha", "/new/b.tif", "", {}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_spreadsheets_that_separate_by_semicolons(tmp_path: Path, encoding: str) -> None:
    (row,) = read_manifest(manifest(tmp_path, "Picture ; parameters\nä,b.tif; radius=5;\n", encoding))
    assert (row.picture, row.parameters) == (f"{tmp_path}/ä,b.tif", {"radius": 5})


def test_infrared_of_a_file_is_found_beside_the_manifest(tmp_path: Path) -> None:
    rows = read_manifest(manifest(tmp_path, "picture,mask\na.tif,infrared:a-ir.tif\nb.tif,infrared:page:1\n"))
    assert [row.mask for row in rows] == [f"infrared:{tmp_path}/a-ir.tif", "infrared:page:1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,mask\na,b\n", r"has no column picture: name the columns in its first line, picture, mask, output"),
        ("picture,metod\na,telea\n", r"has a column 'metod', which isn't one of picture, mask, .*: rename it"),
        ("picture,mask,mask\na,b,c\n", r"has two columns 'mask': rename one"),
        ("picture\n\n", r"names no picture: write one a line"),
        ("", r"has no column picture"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_manifest(manifest(tmp_path, text))


def test_a_manifest_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none\.csv can't be read \(No such file or directory\)"):
        read_manifest(str(tmp_path / "none.csv"))
    with pytest.raises(ReadError, match=r"plan\.csv can't be read \(it isn't text in UTF-8\)"):
        read_manifest(manifest(tmp_path, "picture\nä.tif", "utf-16"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.tif,radius,,", "Parameters are written name=value, with commas between, and not 'radius'"),
        ("a.tif,,maybe,Ann", "Line 2 of .* decides 'maybe': say accept, edited or reject"),
        ("a.tif,,accept,", "Line 2 of .* says accept, and not who: name the reviewer"),
        (",,accept,Ann", "Line 2 of .* names no picture"),
    ],
)
def test_a_bad_row_is_that_rows_problem(tmp_path: Path, row: str, message: str) -> None:
    bad, good = read_manifest(manifest(tmp_path, f"picture,parameters,decision,reviewer\n{row}\nb.tif,,Reject,Bo\n"))
    assert (good.problem, good.decision, good.reviewer) == (None, "reject", "Bo")
    with pytest.raises(ParameterError, match=message):
        raise bad.problem or AssertionError


def test_what_is_not_decided_is_told_from_what_needs_no_decision(tmp_path: Path) -> None:
    (row,) = read_manifest(manifest(tmp_path, "picture,decision\na.tif,\n"))
    assert row.decision == "undecided"
    (row,) = read_manifest(manifest(tmp_path, "picture\na.tif\n"))
    assert row.decision == ""


def test_masks_are_found_in_a_folder_as_single_ones_are(scans: Path) -> None:
    folder = MaskFolder("masks")
    assert folder.of("scans/p1.tif") == str(scans / "masks/p1.png")
    (scans / "masks/p1.png").rename("masks/p1_mask.PNG")
    assert MaskFolder("masks").of("scans/p1.tif") == str(scans / "masks/p1_mask.PNG")
    (scans / "masks/p2.bmp").touch()
    with pytest.raises(MaskError, match=r"two masks for it in masks: p2\.bmp and p2\.png\. Move one"):
        MaskFolder("masks").of("scans/p2.tif")
    with pytest.raises(NoMaskError, match=r"no mask for it in masks: it would be called q\.png or q_mask\.png"):
        folder.of("scans/q.tif")
    assert MaskFolder("masks", "{stem}.png").of("q/p3.jpg") == str(scans / "masks/p3.png")
    with pytest.raises(NoMaskError, match=r"it would be called .*/masks/q\.png"):
        MaskFolder("masks", "{stem}.png").of("q.tif")
    with pytest.raises(MaskError, match=r"The folder of masks none can't be read \(No such file"):
        MaskFolder("none")


def test_a_pattern_is_its_pictures(scans: Path) -> None:
    (scans / "scans/notes.txt").touch()
    assert is_pattern("scans/p[*")
    assert [Path(path).name for path in pictures_in("scans/*")] == [f"p{number}.tif" for number in range(5)]
    assert [Path(path).name for path in pictures_in("**/p1.*")] == ["p1.png", "p1.tif"]
    with pytest.raises(DataError, match=r"There is no picture file at masks/\*\.tif"):
        pictures_in("masks/*.tif")
    (scans / "a*.tif").touch()
    assert not is_pattern("a*.tif")
