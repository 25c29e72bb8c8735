"""Infrared planes in files: a fourth band, a page, a file of its own; kept, and refused where they are none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile

import restauro
from restauro.cli import main
from restauro.errors import MaskError, WriteError
from restauro.files.reading import read_picture
from tests.infrared.film import film, light

TIFF_MASK = (254, 4, 1, 4, True)  # NewSubfileType 4, by which SilverFast marks its infrared page


def coded(plane: np.ndarray, dtype: str = "uint16") -> np.ndarray:
    full = np.iinfo(dtype).max
    return np.rint(np.clip(plane, 0, 1) ** (1 / 2.2) * full).astype(dtype)


@pytest.fixture(scope="module")
def scan() -> tuple[np.ndarray, np.ndarray]:
    made = film(1, shift=(1.4, -0.8))
    return coded(made.picture), coded(made.infrared)


@pytest.fixture(scope="module")
def expected(scan: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    picture, infrared = scan
    return restauro.inpaint(picture, restauro.infrared_mask(picture, infrared).weights, partial="tone")


def of_bands(path: Path, scan: tuple[np.ndarray, np.ndarray], meaning: int = 0) -> Path:
    tifffile.imwrite(path, np.dstack(scan), photometric="rgb", extrasamples=[meaning], compression="lzw")
    return path


def of_pages(path: Path, *pages: np.ndarray, marked: bool = False, **options: Any) -> Path:
    with tifffile.TiffWriter(path) as file:
        for number, page in enumerate(pages):
            photometric = "rgb" if page.ndim == 3 else "minisblack"
            tags = [TIFF_MASK] if marked and number else []
            file.write(page, photometric=photometric, metadata=None, extratags=tags, **options)
    return path


def restored(source: Path, **options: Any) -> tuple[np.ndarray, restauro.Restored]:
    target = source.with_name("restored.tif")
    record = restauro.restore_file(source, target, **{"mask": "infrared", "overwrite": True, **options})
    return tifffile.imread(target, key=0), record


@pytest.mark.parametrize("meaning", [0, 1, 2], ids=["unspecified", "premultiplied", "alpha"])
def test_a_fourth_band_is_used_and_kept(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], expected: np.ndarray, meaning: int
) -> None:
    """Programs that know no infrared call it transparency, or nothing."""
    pixels, record = restored(of_bands(tmp_path / "scan.tif", scan, meaning))
    np.testing.assert_array_equal(pixels[..., :3], expected)
    np.testing.assert_array_equal(pixels[..., 3], scan[1])
    assert (record.partial, record.changed_outside, record.counted_outside) == ("tone", 0, "mask")


def test_of_grey_it_is_the_second_band(tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]) -> None:
    grey, infrared = scan[0][..., 0], scan[1]
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, np.dstack([grey, infrared]), photometric="minisblack", extrasamples=[0])
    weights = restauro.infrared_mask(grey, infrared).weights
    np.testing.assert_array_equal(restored(path)[0][..., 0], restauro.inpaint(grey, weights, partial="tone"))


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("named", ["infrared", "infrared:page:1"])
def test_a_page_is_used_and_kept(tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], marked: bool, named: str) -> None:
    """SilverFast calls it a mask; it isn't one that says which pixels are valid, though some are 0."""
    infrared = scan[1].copy()
    infrared[0, 0] = 0
    path = of_pages(tmp_path / "scan.tif", scan[0], infrared, marked=marked)
    assert restauro.Restoration.open(path, 0).mask_from(np.eye(200, 230, dtype=bool)).unknown is None
    pixels, _ = restored(path, mask=named, **({} if marked else {"page": 0}))
    weights = restauro.infrared_mask(scan[0], infrared).weights
    np.testing.assert_array_equal(pixels, restauro.inpaint(scan[0], weights, partial="tone"))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "restored.tif", key=1), infrared)


@pytest.mark.parametrize("bands", [1, 3])
def test_a_file_of_its_own_is_used(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], expected: np.ndarray, bands: int
) -> None:
    path = of_pages(tmp_path / "scan.tif", scan[0])
    plane = scan[1] if bands == 1 else np.dstack([scan[1]] * 3)
    of_pages(tmp_path / "ir.tif", plane)
    np.testing.assert_array_equal(restored(path, mask=f"infrared:{tmp_path / 'ir.tif'}")[0], expected)


def test_it_is_turned_as_people_see_it(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], expected: np.ndarray
) -> None:
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, scan[0], photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    tifffile.imwrite(tmp_path / "ir.tif", np.ascontiguousarray(np.rot90(scan[1], -1)))
    np.testing.assert_array_equal(restored(path, mask=f"infrared:{tmp_path / 'ir.tif'}")[0], expected)


def test_what_is_used_can_be_saved_and_given_again(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], expected: np.ndarray
) -> None:
    source = of_bands(tmp_path / "scan.tif", scan)
    restored(source, save_mask=tmp_path / "used.png")
    found = restauro.infrared_mask(*scan)
    assert found.weights is not None
    saved = pyvips.Image.new_from_file(str(tmp_path / "used.png")).numpy()
    np.testing.assert_allclose(saved / 255, found.weights, rtol=0, atol=1 / 255)  # what is hole is 1 at least
    np.testing.assert_array_equal(restauro.read_mask("infrared", read_picture(source)).hole, found.hole)
    again, _ = restored(source, mask=tmp_path / "used.png", partial="cover")
    covered, record = restored(source, partial="cover")
    assert record.partial == "cover"
    assert np.abs(again[..., :3].astype(float) - covered[..., :3]).mean() < 300


def test_the_command_line_is_a_process_of_its_own(
    tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], expected: np.ndarray
) -> None:
    source = of_bands(tmp_path / "scan.tif", scan)
    command = [sys.executable, "-m", "restauro", "restore", str(source), "--infrared", "-o", str(tmp_path / "out.tif")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "by tone, edge-enhancing where nearly opaque" in done.stdout
    assert done.stdout.rstrip().endswith("0 pixels changed outside the mask")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif")[..., :3], expected)


def test_words_of_the_command_line(tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], capsys: Any) -> None:
    source, out = str(of_bands(tmp_path / "scan.tif", scan)), str(tmp_path / "out.tif")
    of_pages(tmp_path / "ir.tif", scan[1])
    other = str(of_bands(tmp_path / "other.tif", scan))
    for words, status, says in (
        (["--infrared", "band", "--json"], 0, '"partial": "tone"'),
        (["--infrared", str(tmp_path / "ir.tif"), "--overwrite"], 0, "0 pixels changed"),
        (["--infrared", "--mask", "alpha"], 2, "Give --infrared or a mask, not both."),
        (["--infrared", "page:x"], 2, "named by its number from 0, such as page:1, not by 'x'"),
        (["--infrared", "nowhere.tif"], 2, "no infrared nowhere.tif: give a file, band, page:N or nothing; pictures"),
        ([other, "--infrared", str(tmp_path / "ir.tif")], 2, "is of one picture: give that one alone"),
        (
            ["--infrared", "page:1", "--overwrite"],
            2,
            "Picture 1 of the file isn't grey and of this one's size, as infra",
        ),
    ):
        target = ["-o", str(tmp_path / "outs")] if words[0] == other else ["-o", out]
        assert main(["restore", source, *words, *target]) == status
        told = capsys.readouterr()
        assert says in told.out + told.err


class TestRefusals:
    def test_without_a_plane(self, tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]) -> None:
        path = of_pages(tmp_path / "scan.tif", scan[0])
        with pytest.raises(MaskError, match=r'no infrared plane: .* use mask="infrared:FILE" for one in a file of its'):
            restored(path)
        with pytest.raises(MaskError, match=r"has 3 bands, and infrared is a fourth one, or of grey a second"):
            restored(path, mask="infrared:band")
        with pytest.raises(MaskError, match=r"Picture 2 of the file isn't grey .*, as infrared is, and no other is\.$"):
            restored(path, mask="infrared:page:2")

    def test_with_several(self, tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]) -> None:
        path = of_pages(tmp_path / "scan.tif", scan[0], scan[1], scan[1], marked=True)
        with pytest.raises(MaskError, match='may be infrared: use mask="infrared:page:1" for its picture 1, or use'):
            restored(path)
        with pytest.raises(MaskError, match=r"Picture 5 of .*, as infrared is: take 1 or 2\."):
            restored(path, mask="infrared:page:5")

    def test_transparency(self, tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]) -> None:
        opaque = np.full_like(scan[1], 65535)
        opaque[:9] = 0
        with pytest.raises(MaskError, match=r"The last band has no more than two values, so it is no infrared plane"):
            restored(of_bands(tmp_path / "scan.tif", (scan[0], opaque), 2))

    @pytest.mark.parametrize(
        ("plane", "says"),
        [
            (np.zeros((20, 20), np.uint8), "It is 20 x 20 pixels and the picture 230 x 200: scan both at once, or"),
            (np.dstack([light(3)] * 1).astype(np.float32), "It isn't grey of 8 or 16 bits or of floats: save it so"),
            (np.full((200, 230), 9, np.int32), "It isn't grey of 8 or 16 bits or of floats: save it so"),
        ],
    )
    def test_a_file_that_does_not_fit(
        self, tmp_path: Path, scan: tuple[np.ndarray, np.ndarray], plane: np.ndarray, says: str
    ) -> None:
        path = of_pages(tmp_path / "scan.tif", scan[0])
        tifffile.imwrite(tmp_path / "ir.tif", plane, photometric="rgb" if plane.ndim == 3 else "minisblack")
        with pytest.raises(MaskError, match=rf"^The infrared .*ir\.tif: {says}"):
            restored(path, mask=f"infrared:{tmp_path / 'ir.tif'}")

    def test_silver(self, tmp_path: Path, capsys: Any) -> None:
        silver = light(4)[..., 0]
        path = tmp_path / "scan.tif"
        tifffile.imwrite(path, np.dstack([coded(silver), coded(0.9 * silver**0.8)]), extrasamples=[0])
        assert main(["restore", str(path), "--infrared", "-o", str(tmp_path / "out.tif")]) == 2
        assert "as of film whose picture is silver: mark the damage" in capsys.readouterr().err
        assert not (tmp_path / "out.tif").exists()

    def test_kodachrome_is_told(self, tmp_path: Path, capsys: Any) -> None:
        made = film(5, leak=0.35)
        path = of_bands(tmp_path / "scan.tif", (coded(made.picture), coded(made.infrared)))
        assert main(["restore", str(path), "--infrared", "-o", str(tmp_path / "out.tif"), "--json"]) == 0
        notes = json.loads(capsys.readouterr().out)["notes"]
        assert [note["code"] for note in notes] == ["infrared-leaks"]

    def test_the_plane_is_not_overwritten(self, tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]) -> None:
        path, plane = of_pages(tmp_path / "scan.tif", scan[0]), of_pages(tmp_path / "ir.tif", scan[1])
        before = plane.read_bytes()
        with pytest.raises(WriteError, match=r"The target .*ir\.tif is the infrared: choose another name"):
            restauro.restore_file(path, plane, mask=f"infrared:{plane}", overwrite=True)
        assert plane.read_bytes() == before

    def test_nothing_found_is_said(self, tmp_path: Path) -> None:
        made = film(2, damaged=0, noise=0.002)
        path = of_bands(tmp_path / "scan.tif", (coded(made.picture), coded(made.infrared)))
        for named in ("infrared", "infrared:band"):
            assert restored(path, mask=named)[1].notes == (
                "The mask is empty, so nothing is filled: the file is a copy.",
            )

    def test_ink(self, tmp_path: Path, scan: tuple[np.ndarray, np.ndarray]) -> None:
        path = tmp_path / "scan.tif"
        tifffile.imwrite(path, np.dstack(scan).astype(np.uint8), photometric="separated")
        of_pages(tmp_path / "ir.tif", scan[1])
        with pytest.raises(MaskError, match="goes with a grey or RGB scan of 8 or 16 bits or of floats, not with"):
            restored(path, mask=f"infrared:{tmp_path / 'ir.tif'}")
