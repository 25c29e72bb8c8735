"""Files as people meet with them, in tests/cases: the right pixels, or one sentence that names the true cause.

What is right is read by others (tifffile, Pillow, NumPy), not by restauro.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import restauro
from restauro.cli import main
from restauro.inpainting import load_kernels
from restauro.method import make_method

CASES = Path(__file__).parent / "cases"
METHOD = "harmonic"
# Runs the command line within 10 processor seconds beside what starting takes, and says how much memory it took.
GUARDED = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (15, 15))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
except ImportError:
    resource = None
from restauro.cli import main
status = main(sys.argv[1:])
# Not ru_maxrss, which begins with what the process that started this one has.
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")] if resource else []
print(int(peak[0]) << 10 if peak else 0)
sys.exit(status)
"""
Holes = Callable[[NDArray[Any]], NDArray[np.bool_]]


def read(path: Path) -> NDArray[Any]:
    """Read a picture without restauro."""
    if path.suffix == ".tif":
        return np.asarray(tifffile.imread(path, key=0))
    with Image.open(path) as image:
        return np.asarray(image)


def marked(name: str, image: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a mask of the cases marks anything: in its last band, which of a transparent one is opacity."""
    mask = read(CASES / name)
    return (mask[..., -1] if mask.ndim == 3 else mask) != 0


def equal_to(value: float, image: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(image == value)


def labelled(labels: tuple[int, ...], image: NDArray[Any]) -> NDArray[np.bool_]:
    return np.isin(read(CASES / "mask-labels-0-to-3.png"), labels)


@dataclass(frozen=True)
class Case:
    """A call, and what is right: pixels under `hole` filled, those under `unknown` neither read nor changed.

    Attributes
    ----------
    options
        What the command line is given beside the source and the output; files are those of tests/cases.
    says
        A pattern that a note of the restored file fits.
    """

    source: str
    options: str
    hole: Holes
    ending: str = ""
    unknown: Holes | None = None
    says: str = ""

    def __str__(self) -> str:
        return f"{self.source} {self.options} {self.ending}".rstrip()


RIGHT = [
    Case("dem-inf-gap.tif", "--mask dem-mask.png", partial(marked, "dem-mask.png")),
    Case("dem-int16-void-32768.tif", "--mask dem-mask.png", partial(marked, "dem-mask.png")),
    Case("dem-int16-void-32768.tif", "--mask nodata", partial(equal_to, -32768)),
    Case("dem-int16-void-32768.tif", "--mask value:-32768", partial(equal_to, -32768)),
    Case(
        "dem-nan-gap-beside-gdal-nodata.tif",
        "--mask nan",
        np.isnan,
        unknown=partial(equal_to, -9999),
        says="2 ?400 pixels",
    ),
    Case(
        "dem-nan-gap-beside-gdal-nodata.tif",
        "--mask nodata",
        partial(equal_to, -9999),
        unknown=np.isnan,
        says="240 pixels.*NaN|NaN.*240 pixels",
    ),
    Case(
        "dem-nan-gap-beside-gdal-nodata.tif",
        "--mask value:-9999",
        partial(equal_to, -9999),
        unknown=np.isnan,
        says="240 pixels.*NaN|NaN.*240 pixels",
    ),
    Case("geotiff-internal-mask.tif", "--mask nodata", partial(marked, "dem-mask.png")),
    Case("geotiff-rgb.tif", "--mask dem-mask.png", partial(marked, "dem-mask.png")),
    Case("geotiff-rgb.tif", "--mask dem-mask.png", partial(marked, "dem-mask.png"), ".png", says="(?i)georeference"),
    Case("pic-140x100.png", "--mask mask.bmp", partial(marked, "mask.bmp")),
    Case(
        "pic-140x100.png",
        "--mask mask-black-strokes-on-transparent.png",
        partial(marked, "mask-black-strokes-on-transparent.png"),
    ),
    Case("pic-140x100.png", "--mask mask-labels-0-to-3.png --mask-value 1,2", partial(labelled, (1, 2))),
    Case("tiff-float64.tif", "--mask mask-139x101.png", partial(marked, "mask-139x101.png")),
    Case("tiff-int8.tif", "--mask mask-139x101.png", partial(marked, "mask-139x101.png")),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in that holds all cases, and masks of two further sizes."""
    for case in CASES.iterdir():
        shutil.copy(case, tmp_path)
    for height, width in ((16, 16), (20, 24), (20, 2097176)):
        mask = np.zeros((height, width), bool)
        mask[4:7, 5:9] = True
        Image.fromarray(mask).save(tmp_path / f"mask-{width}x{height}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile beforehand what commands load while they read a file, which may take longer than they may."""
    load_kernels(make_method(METHOD, {}))


def test_every_case_is_tried() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [case.name for case in CASES.iterdir() if case.name not in text and case.suffix != ".md"] == []


def without_compiling(errors: str) -> str:
    return re.sub("Compiling, the first time .*\n", "", errors)


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_a_case_has_the_right_pixels(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    target = Path(f"out{case.ending or Path(case.source).suffix}")
    status = main(["restore", case.source, *case.options.split(), "-o", str(target), "--method", METHOD])
    out, err = capsys.readouterr()
    assert (status, without_compiling(err)) == (0, "")
    assert re.search(case.says, out.partition("\n")[2])
    before, after = read(Path(case.source)), read(target)
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    hole = case.hole(before)
    assert hole.any()
    np.testing.assert_array_equal(after[~hole], before[~hole])
    known = ~hole
    others: dict[str, Any] = {}
    if case.unknown:
        others["unknown"] = case.unknown(before)
        known &= ~others["unknown"]
    # The harmonic fill lies between the known values, whatever becomes of the unknown ones.
    assert before[known].min() <= after[hole].min() <= after[hole].max() <= before[known].max()
    image = before.astype(np.int16) if before.dtype == np.int8 else before
    np.testing.assert_array_equal(after, restauro.inpaint(image, hole, METHOD, **others))


def test_a_thumbnail_inside_a_jpeg_is_renewed_or_dropped_and_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    def thumbnail(file: str) -> Image.Image | None:
        data = Path(file).read_bytes()
        start = data.find(b"\xff\xd8\xff", 2)
        return Image.open(io.BytesIO(data[start:])).convert("RGB") if start > 0 else None

    options = f"--mask mask-139x101.png -o out.jpg --method {METHOD}"
    assert main(["restore", "jpeg-exif-thumbnail.jpg", *options.split()]) == 0
    assert re.search("preview|thumbnail", capsys.readouterr().out)
    with Image.open("out.jpg") as image, Image.open("jpeg-exif-thumbnail.jpg") as source:
        assert image.getexif()[0x010F] == source.getexif()[0x010F] == "Cam"
        shown = thumbnail("out.jpg")
        if shown:
            small = np.asarray(image.convert("RGB").resize(shown.size), float)
            assert np.abs(np.asarray(shown) - small).max() < 40
        # 4:2:0: what isn't in a block of 16 pixels that a hole touches, nor beside one, is what it was.
        hole = marked("mask-139x101.png", np.empty(0))
        near = [
            (slice(max(y - y % 16 - 1, 0), y - y % 16 + 17), slice(max(x - x % 16 - 1, 0), x - x % 16 + 17))
            for y, x in np.argwhere(hole)
        ]
        touched = np.zeros_like(hole)
        for window in near:
            touched[window] = True
        np.testing.assert_array_equal(np.asarray(image)[~touched], np.asarray(source)[~touched])
        after, before = (np.asarray(picture, int) for picture in (image, source))
        assert (after[hole] != before[hole]).any()
        assert (before[~hole].min(axis=0) - 8 <= after[hole]).all()
        assert (after[hole] <= before[~hole].max(axis=0) + 8).all()


def test_transparent_holes_of_a_webp_become_opaque(capsys: pytest.CaptureFixture[str]) -> None:
    options = f"--mask alpha -o out.webp --method {METHOD}"
    assert main(["restore", "webp-transparent-hole.webp", *options.split()]) == 0
    before, after = read(Path("webp-transparent-hole.webp")), read(Path("out.webp"))
    hole = before[..., 3] == 0
    after = after if after.shape[2] == 4 else np.dstack([after, np.full(hole.shape, 255, np.uint8)])
    assert (after[..., 3] == 255).all()
    np.testing.assert_array_equal(after[..., :3], restauro.inpaint(before[..., :3], hole, METHOD))


def test_the_picture_of_a_tiff_that_begins_with_its_thumbnail(capsys: pytest.CaptureFixture[str]) -> None:
    source, mask = "tiff-thumbnail-first-full-picture-in-subifd.tif", "mask-139x101.png"
    command = ["restore", source, "--mask", mask, "-o", "out.tif", "--method", METHOD]
    assert main(command) == 0  # the thumbnail is smaller and marked as such
    assert "smaller cop" in capsys.readouterr().out
    with tifffile.TiffFile(source) as before, tifffile.TiffFile("out.tif") as after:
        expected = restauro.inpaint(before.pages[0].pages[0].asarray(), marked(mask, np.empty(0)), METHOD)
        np.testing.assert_array_equal(after.pages[0].asarray(), expected)
        assert (len(after.pages), after.pages[0].subifds) == (1, None)
    assert main([*command, "--page", "1", "--overwrite"]) == 0
    with tifffile.TiffFile(source) as before, tifffile.TiffFile("out.tif") as after:
        small, large = before.pages[0], before.pages[0].pages[0]
        np.testing.assert_array_equal(after.pages[0].asarray(), small.asarray())
        expected = restauro.inpaint(large.asarray(), marked(mask, np.empty(0)), METHOD)
        np.testing.assert_array_equal(after.pages[0].pages[0].asarray(), expected)


@dataclass(frozen=True)
class Refused:
    """A call, and what its one line says: `names` fits the true cause, `blames` would be another's."""

    source: str
    options: str
    names: str
    blames: str = "(?!)"  # fits nothing
    picture_bytes: int = 0

    def __str__(self) -> str:
        return f"{self.source} {self.options}"


REFUSED = [
    Refused("avif-sequence-2-frames.avif", "--mask mask-139x101.png", "2 (frames|pictures|images)"),
    Refused("big-offset.tif", "--mask mask-139x101.png", "damaged|outside|beyond|cut short"),
    Refused("bomb-claims.tif", "--mask mask-139x101.png", "100[ ,]?000 x 100[ ,]?000", "damaged"),
    Refused("bomb-claims.tif", "--mask nan", "--max-pixels", "damaged"),
    Refused("dem-inf-gap.tif", "--mask nan", "infinity in 495 pixels", "--mask nan"),
    Refused("geotiff-internal-mask.tif", "--mask mask-139x101.png", "100 x 80", "page"),
    Refused("jpeg-12bit.jpg", "--mask mask-139x101.png", "12.bit|12 bits", "damaged"),
    Refused("jpeg-blames-target.jpg", "--mask mask-24x20.png", "damaged|cut short", "target|None"),
    Refused("pic-140x100.png", "--mask mask-labels-0-to-3.png", "--mask-value"),
    Refused(
        "pic-140x100.png",
        "--mask mask-labels-0-to-3.png --mask-value 3 --method network --model onnx-output-half-size.onnx",
        r"shape|size",
        "finite",
    ),
    Refused("short.png", "--mask mask-139x101.png", "damaged|cut short"),
    Refused("tiff-hang-mutated.tif", "--mask mask-139x101.png", "4 of its 262148 strips or tiles"),
    Refused("tiff-hang-mutated.tif", "--mask mask-2097176x20.png", "tiles|damaged|cut short", picture_bytes=503 << 20),
    Refused("tiff-planar-samples.tif", "--mask mask-16x16.png", "8[ ,]?000|damaged|cut short"),
]


def guarded(source: str, options: str) -> subprocess.CompletedProcess[str]:
    options += f" -o out{Path(source).suffix}"
    options += "" if "--method" in options else f" --method {METHOD}"
    command = [sys.executable, "-c", GUARDED, "restore", source, *options.split()]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_case_is_refused_in_one_sentence(case: Refused, folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.iterdir()}
    done = guarded(case.source, case.options)
    assert done.returncode == 2, done.stderr[-1000:]
    said = without_compiling(done.stderr)
    name, _, sentence = said.partition(": ")
    assert name == case.source
    assert re.fullmatch(r"[^\n]+\.\n", sentence)
    assert re.search(case.names, sentence)
    assert not re.search(case.blames, sentence)
    assert int(done.stdout) < (1 << 30) + 3 * case.picture_bytes
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("source", ["tiff-exif-bomb.tif", "tiff-exif-loop.tif"])
def test_directories_that_branch_or_go_in_circles_are_left_out_and_it_is_said(source: str) -> None:
    done = guarded(source, "--mask mask-16x16.png")
    assert (done.returncode, without_compiling(done.stderr)) == (0, "")
    *said, peak = done.stdout.splitlines()
    assert said[1:] == ["  Not carried over: tag 34665, which can't be read."]
    assert int(peak) < 1 << 30
    before = read(Path(source))
    np.testing.assert_array_equal(read(Path("out.tif")), restauro.inpaint(before, read(Path("mask-16x16.png")), METHOD))
    with tifffile.TiffFile("out.tif") as file:
        assert 34665 not in file.pages[0].tags


def test_a_zstd_tiff_names_the_extra_that_reads_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert main(["restore", "tiff-zstd.tif", "--mask", "mask-139x101.png", "-o", "out.tif"]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"tiff-zstd\.tif: .*ZSTD.*restauro\[codecs\].*\.\n", said)
    assert "damaged" not in said


def test_a_zstd_tiff_has_the_right_pixels() -> None:
    pytest.importorskip("imagecodecs", reason="needs imagecodecs")
    mask = "mask-139x101.png"
    assert main(["restore", "tiff-zstd.tif", "--mask", mask, "-o", "out.tif", "--method", METHOD]) == 0
    before = tifffile.imread("tiff-zstd.tif")
    expected = restauro.inpaint(before, marked(mask, before), METHOD)
    np.testing.assert_array_equal(tifffile.imread("out.tif"), expected)
