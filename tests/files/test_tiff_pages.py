"""TIFFs of several pictures: which one is restored, and what becomes of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from restauro.errors import ReadError, WriteError
from restauro.files import tiff_rewriting
from restauro.files.reading import read_picture
from restauro.files.tiff import Tiff
from restauro.files.writing import Written, write_picture

HOLE = (slice(5, 9), slice(3, 20))


def values(height: int, width: int, dtype: str = "u1", seed: int = 0, bands: int = 3) -> NDArray[Any]:
    return (np.random.default_rng(seed).random((height, width, bands)) * 250).astype(dtype)


def restore(source: Path, target: Path, page: int | None = None) -> Written:
    picture = read_picture(source, page)
    hole = np.zeros(picture.pixels.shape[:2], bool)
    hole[HOLE] = True
    picture.pixels[hole] = 7
    return write_picture(picture, target, hole=hole)


def pictures(path: Path) -> list[NDArray[Any]]:
    """Return the pages in order, then the pictures inside of them."""
    with tifffile.TiffFile(path) as file:
        pages = [file.pages[k] for k in range(len(file.pages))]
        return [page.asarray() for page in [*pages, *(inner for page in pages for inner in page.pages or ())]]


def write(path: Path, pages: list[tuple[NDArray[Any], dict[str, Any]]], **options: Any) -> Path:
    with tifffile.TiffWriter(path, **options) as file:
        for array, about in pages:
            file.write(array, photometric="rgb", metadata=None, **about)
    return path


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_thumbnail_first_and_the_picture_inside_of_it(tmp_path: Path, byteorder: Any, bigtiff: bool) -> None:
    whole = values(20, 30, "u2")
    artist = [(315, 2, 0, "Artist", True), (274, 3, 1, 6, True)]
    pages = [(whole[::2, ::2], {"subfiletype": 1, "subifds": 1, "extratags": artist}), (whole, {})]
    source = write(tmp_path / "a.tif", pages, byteorder=byteorder, bigtiff=bigtiff)
    picture = read_picture(source)
    np.testing.assert_array_equal(picture.pixels, whole)
    assert picture.orientation == 6  # said of the file in its first page alone
    written = restore(source, tmp_path / "b.tif")
    assert [note.code for note in written.notes] == ["smaller-copies-left-out"]
    whole[HOLE] = 7
    [only] = pictures(tmp_path / "b.tif")
    np.testing.assert_array_equal(only, whole)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages.first.tags["Artist"].value == "Artist"
        assert "NewSubfileType" not in file.pages.first.tags or file.pages.first.tags["NewSubfileType"].value == 0


@pytest.mark.parametrize(
    ("shape", "reduced"),
    [((20, 30), False), ((20, 30), True), ((10, 15), False), ((40, 60), False), ((40, 10), True)],
)
def test_what_is_not_a_smaller_copy_is_not_dropped(tmp_path: Path, shape: tuple[int, int], reduced: bool) -> None:
    """An infrared plane, another picture: neither is chosen nor dropped without a word."""
    outer, inner = values(20, 30), values(*shape, seed=1)
    about = {"subfiletype": 1} if reduced else {}
    source = write(tmp_path / "a.tif", [(outer, {"subifds": 1}), (inner, about)])
    with pytest.raises(ReadError, match=r"The TIFF holds 2 pictures \(0: 30 x 20, 1: .*: use page=\.\.\. for"):
        read_picture(source)
    assert restore(source, tmp_path / "outer.tif", 0).changed_outside == 0
    expected = outer.copy()
    expected[HOLE] = 7
    for found, right in zip(pictures(tmp_path / "outer.tif"), [expected, inner], strict=True):
        np.testing.assert_array_equal(found, right)
    assert restore(source, tmp_path / "inner.tif", 1).changed_outside == 0
    expected = inner.copy()
    expected[HOLE] = 7
    for found, right in zip(pictures(tmp_path / "inner.tif"), [outer, expected], strict=True):
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4"])
@pytest.mark.parametrize(
    "coding",
    [{}, {"compression": "adobe_deflate", "predictor": True}, {"compression": "adobe_deflate", "tile": (16, 16)}],
    ids=["plain", "predictor", "tiles"],
)
@pytest.mark.parametrize("page", [0, 1, 2])
def test_one_page_of_three(tmp_path: Path, byteorder: Any, dtype: str, coding: dict[str, Any], page: int) -> None:
    if dtype == "f4" and coding.get("predictor"):
        coding = {"compression": "adobe_deflate"}  # tifffile needs imagecodecs for the predictor of floats
    arrays = [values(20 + k, 30 + k, dtype, k) for k in range(3)]
    source = write(tmp_path / "a.tif", [(array, coding) for array in arrays], byteorder=byteorder)
    assert restore(source, tmp_path / "b.tif", page).changed_outside == 0
    arrays[page][HOLE] = 7
    for found, right in zip(pictures(tmp_path / "b.tif"), arrays, strict=True):
        np.testing.assert_array_equal(found, right)
    assert restore(tmp_path / "b.tif", tmp_path / "c.tif", (page + 1) % 3).changed_outside == 0
    arrays[(page + 1) % 3][HOLE] = 7
    for found, right in zip(pictures(tmp_path / "c.tif"), arrays, strict=True):
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_bigtiff_of_several_stays_one(tmp_path: Path, byteorder: Any, bigtiff: bool) -> None:
    arrays = [values(20 + k, 30, "u2", k) for k in range(3)]
    about = {"extratags": [(65000, 17, 2, (-5, 1 << 40), True)]} if bigtiff else {}  # signed, of 8 bytes
    source = write(tmp_path / "a.tif", [(array, about) for array in arrays], byteorder=byteorder, bigtiff=bigtiff)
    restore(source, tmp_path / "b.tif", 1)
    arrays[1][HOLE] = 7
    for found, right in zip(pictures(tmp_path / "b.tif"), arrays, strict=True):
        np.testing.assert_array_equal(found, right)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert (file.is_bigtiff, file.byteorder) == (bigtiff, byteorder)
        if bigtiff:
            assert file.pages[1].tags[65000].value == (-5, 1 << 40)


def test_white_is_zero_among_others_of_the_other_byte_order(tmp_path: Path) -> None:
    arrays = [values(20, 30, "u2", k, bands=1)[..., 0] for k in range(2)]
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=">") as file:
        for array in arrays:
            file.write(array, photometric="miniswhite", metadata=None)
    restore(tmp_path / "a.tif", tmp_path / "b.tif", 1)
    arrays[1][HOLE] = 65535 - 7
    for found, right in zip(pictures(tmp_path / "b.tif"), arrays, strict=True):
        np.testing.assert_array_equal(found, right)


def test_a_mask_stays_and_so_does_what_a_page_says(tmp_path: Path) -> None:
    array, mask = values(20, 30), np.random.default_rng(1).random((20, 30)) > 0.5
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(array, photometric="rgb", metadata=None, extratags=[(315, 2, 0, "Artist", True)])
        file.write(mask, photometric="mask", subfiletype=4, metadata=None)
        file.write(array[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    assert [note.code for note in written.notes] == ["smaller-copies-left-out"]
    array[HOLE] = 7
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert len(file.pages) == 2
        np.testing.assert_array_equal(file.pages[0].asarray(), array)
        np.testing.assert_array_equal(file.pages[1].asarray(), mask)
        assert file.pages[0].tags["Artist"].value == "Artist"
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif", 1).pixels, mask * np.uint8(255))


def test_pyramids_inside_go_with_their_page(tmp_path: Path) -> None:
    arrays = [values(20, 30, seed=k) for k in range(2)]
    pages: list[tuple[NDArray[Any], dict[str, Any]]] = []
    for array in arrays:
        pages += [(array, {"subifds": 1}), (array[::2, ::2], {"subfiletype": 1})]
    source = write(tmp_path / "a.tif", pages)
    written = restore(source, tmp_path / "b.tif", 1)
    assert written.notes[0] == "1 smaller copy of the picture was left out: it shows the damage."
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert [len(file.pages[k].pages or ()) for k in range(2)] == [1, 0]


def test_the_other_pictures_are_named_where_the_target_holds_one(tmp_path: Path) -> None:
    source = write(tmp_path / "a.tif", [(values(20, 30, seed=k), {}) for k in range(3)])
    written = restore(source, tmp_path / "b.png", 1)
    assert [note.code for note in written.notes] == ["other-pictures-left-out"]
    expected = values(20, 30, seed=1)
    expected[HOLE] = 7
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png").pixels, expected)


def test_pages_that_are_not_there(tmp_path: Path) -> None:
    source = write(tmp_path / "a.tif", [(values(20, 30, seed=k), {}) for k in range(2)])
    for page in (2, -1):
        with pytest.raises(ReadError, match=rf"no picture {page}: it holds 2 pictures \(0: 30 x 20, 1: 30 x 20\)"):
            read_picture(source, page)
    write_picture(read_picture(source, 0), tmp_path / "a.png")
    with pytest.raises(ReadError, match=r"Page 0 can't be chosen in a PNG, of which one picture is read: leave it out"):
        read_picture(tmp_path / "a.png", 0)


def test_a_classic_tiff_that_would_be_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "a.tif", [(values(20, 30, seed=k), {}) for k in range(2)])
    monkeypatch.setattr(tiff_rewriting, "_CLASSIC_TIFF_BYTES", 5000)
    with pytest.raises(WriteError, match=r"larger than 4 GiB: take the one .* out first.*tiffcp in\.tif,1 page\.tif"):
        restore(source, tmp_path / "b.tif", 1)


def test_a_change_in_the_chosen_page_is_found(tmp_path: Path) -> None:
    source = write(tmp_path / "a.tif", [(values(20, 30, seed=k), {}) for k in range(2)])
    picture, hole = read_picture(source, 1), np.zeros((20, 30), bool)
    hole[HOLE] = True
    picture.pixels[0, 0] ^= 1
    with pytest.raises(WriteError, match=r"^1 pixel outside the hole would have changed"):
        write_picture(picture, tmp_path / "b.tif", hole=hole)


def test_pointers_in_circles_end(tmp_path: Path) -> None:
    source = write(tmp_path / "a.tif", [(values(20, 30), {"subifds": 1}), (values(10, 15), {"subfiletype": 1})])
    with tifffile.TiffFile(source) as file:
        tag, start = file.pages.first.tags["SubIFDs"], file.pages.first.offset
        where = tag.valueoffset
    data = bytearray(source.read_bytes())
    data[where : where + 4] = start.to_bytes(4, "little")
    source.write_bytes(data)
    assert read_picture(source).pixels.shape == (20, 30, 3)


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_each_page_has_its_own_mask(tmp_path: Path, compression: str | None) -> None:
    """As GDAL writes them: a page, then its mask; the second of three pages here has none."""
    if compression:
        pytest.importorskip("imagecodecs", reason="comes with the extra codecs")
    valid = np.full((2, 12, 15), True)
    valid[0, 2:5], valid[1, :, 7:9] = False, False
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        for k, mask in enumerate([valid[0], None, valid[1]]):
            out.write(np.full((12, 15), 50 * k, np.uint8), photometric="minisblack", metadata=None)
            if mask is not None:
                out.write(mask, photometric="mask", subfiletype=4, compression=compression, metadata=None)
    first, second, third = (Tiff().valid_pixels(read_picture(tmp_path / "a.tif", page)) for page in (0, 2, 3))
    assert first is not None
    np.testing.assert_array_equal(first, valid[0])
    assert second is None
    assert third is not None
    np.testing.assert_array_equal(third, valid[1])
