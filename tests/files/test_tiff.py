"""Restored TIFFs keep pixels, layout and tags: read back with tifffile and Pillow."""

from __future__ import annotations

import itertools
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from restauro.errors import WriteError
from restauro.files import tiff_pages
from restauro.files.reading import read_picture
from restauro.files.writing import Written, write_picture
from restauro.picture import Picture

# True only of the file that the tag stands in: where the pixels lie.
PLACES = {"StripOffsets", "StripByteCounts", "TileOffsets", "TileByteCounts"}


def restore(source: Path, target: Path, value: float = 7) -> tuple[Picture, Written]:
    """Fill a part of the picture with one value and write it."""
    picture = read_picture(source)
    hole = np.zeros(picture.pixels.shape[:2], bool)
    hole[hole.shape[0] // 3 : hole.shape[0] // 2, 2 : hole.shape[1] // 2] = True
    picture.pixels[hole] = value
    written = write_picture(picture, target, hole=hole)
    assert written.changed_outside == 0
    return picture, written


def tags_of(path: Path) -> dict[str, tuple[Any, ...]]:
    with tifffile.TiffFile(path) as file:
        return {tag.name: (tag.dtype, tag.count, tag.value) for tag in file.pages.first.tags}


@st.composite
def tiffs(draw: st.DrawFn) -> tuple[NDArray[Any], dict[str, Any]]:
    """Draw pixels and how tifffile is to lay them out."""
    dtype = draw(st.sampled_from(["u1", "i1", "u2", "u4", "i2", "f2", "f4", "f8"]))
    bands, height, width = draw(st.integers(1, 6)), draw(st.integers(4, 200)), draw(st.integers(6, 70))
    array = (np.random.default_rng(draw(st.integers(0, 9))).random((height, width, bands)) * 250).astype(dtype)
    layout: dict[str, Any] = {"byteorder": draw(st.sampled_from("<>")), "bigtiff": draw(st.booleans())}
    layout["photometric"] = "rgb" if bands in (3, 4) else "minisblack"
    layout["compression"] = draw(st.sampled_from([None, "adobe_deflate"]))
    if layout["compression"]:
        layout["predictor"] = 1 if dtype.startswith("f") else draw(st.sampled_from([1, 2]))
    if bands > 1:
        layout["planarconfig"] = draw(st.sampled_from(["contig", "separate"]))
    if draw(st.booleans()):
        layout["tile"] = draw(st.sampled_from([(16, 16), (32, 48)]))
    else:
        layout["rowsperstrip"] = draw(st.integers(1, height))
    return array, layout


@hypothesis_settings(max_examples=150)
@given(tiffs())
def test_pixels_and_layout_are_kept(tiff: tuple[NDArray[Any], dict[str, Any]]) -> None:
    array, layout = tiff
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "a.tif"), Path(folder, "b.tif")
        separate = layout.get("planarconfig") == "separate"
        tifffile.imwrite(source, np.ascontiguousarray(np.moveaxis(array, 2, 0)) if separate else array, **layout)
        picture, _ = restore(source, target)
        with tifffile.TiffFile(source) as before, tifffile.TiffFile(target) as after:
            old, new = before.pages.first, after.pages.first
            assert before.is_bigtiff == after.is_bigtiff
            assert before.byteorder == after.byteorder
            for about in (
                "compression",
                "predictor",
                "photometric",
                "extrasamples",
                "tilewidth",
                "tilelength",
                "dtype",
            ):
                assert getattr(old, about) == getattr(new, about), about
            if not layout.get("tile"):
                rows, one_row_is_left = old.rowsperstrip, (len(array) - 1) % old.rowsperstrip == 0
                assert new.rowsperstrip == rows + (rows % 2 == 1 and rows < len(array) and one_row_is_left)
            restored = new.asarray().reshape(array.shape)
    known = np.ones(array.shape[:2], bool)
    known[array.shape[0] // 3 : array.shape[0] // 2, 2 : array.shape[1] // 2] = False
    np.testing.assert_array_equal(restored[known], array[known])
    np.testing.assert_array_equal(restored[~known], 7)
    np.testing.assert_array_equal(restored.reshape(picture.pixels.shape), picture.pixels)


@pytest.mark.parametrize(
    ("compression", "predictor"),
    [("tiff_lzw", 1), ("tiff_lzw", 2), ("tiff_adobe_deflate", 2), ("tiff_deflate", 1), ("packbits", 1)],
)
def test_compression_is_kept(tmp_path: Path, compression: str, predictor: int) -> None:
    array = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(array).save(tmp_path / "a.tif", compression=compression, tiffinfo={317: predictor})
    picture, written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    with Image.open(tmp_path / "a.tif") as before, Image.open(tmp_path / "b.tif") as after:
        old, new = before.tag_v2, after.tag_v2
        assert old.get(317, 1) == new.get(317, 1)
        assert before.info["compression"].replace("tiff_deflate", "tiff_adobe_deflate") == after.info["compression"]
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)
    assert written.notes == ()


def test_predictor_of_floats_is_kept(tmp_path: Path) -> None:
    array = np.random.default_rng(1).random((40, 50)).astype(np.float32)
    Image.fromarray(array).save(tmp_path / "a.tif", compression="tiff_adobe_deflate", tiffinfo={317: 3})
    picture, _ = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as after:
        assert after.tag_v2[317] == 3
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)


@pytest.mark.parametrize("compression", [None, "group3", "group4", "packbits"])
def test_one_bit_stays_one_bit(tmp_path: Path, compression: str | None) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50), np.uint8)).convert("1")
    image.save(tmp_path / "a.tif", compression=compression)
    for value, becomes in ((127, 0), (128, 1)):
        _, written = restore(tmp_path / "a.tif", tmp_path / f"{value}.tif", value)
        with Image.open(tmp_path / f"{value}.tif") as after:
            assert after.mode == "1"
            expected = np.array(image)
            expected[13:20, 2:25] = becomes
            np.testing.assert_array_equal(np.asarray(after), expected)
            assert after.info["compression"] == {None: "raw", "group3": "group4"}.get(compression, compression)
    assert [note for note in written.notes if "CCITT" in note] == (
        ["The TIFF's compression (CCITT) became ccittfax4: it can't be written."] if compression == "group3" else []
    )


def test_white_is_zero_stays_so(tmp_path: Path) -> None:
    for dtype, order in itertools.product(("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"), "<>"):
        array = (np.random.default_rng(1).random((20, 30)) * 100).astype(dtype)
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite", byteorder=order)
        restore(tmp_path / "a.tif", tmp_path / f"{dtype}{ord(order)}.tif")
        with tifffile.TiffFile(tmp_path / f"{dtype}{ord(order)}.tif") as file:
            assert file.pages.first.photometric == 0
            np.testing.assert_array_equal(file.asarray()[15:], array[15:])


def test_cmyk_stays_cmyk(tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)).convert("CMYK")
    image.save(tmp_path / "a.tif", compression="tiff_lzw")
    picture, _ = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as after:
        assert after.mode == "CMYK"
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)


@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha", "unspecified"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_kind_of_transparency_is_kept(tmp_path: Path, kind: str, planar: str, byteorder: str) -> None:
    array = np.random.default_rng(1).integers(0, 65536, (20, 30, 4), np.uint16)
    stored = np.ascontiguousarray(np.moveaxis(array, 2, 0)) if planar == "separate" else array
    layout = {"photometric": "rgb", "extrasamples": [kind], "planarconfig": planar, "byteorder": byteorder}
    tifffile.imwrite(tmp_path / "a.tif", stored, **layout)
    picture, _ = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert [extra.name.lower() for extra in file.pages.first.extrasamples] == [kind]
        np.testing.assert_array_equal(file.asarray(), picture.pixels)
    np.testing.assert_array_equal(picture.pixels[12:], array[12:])


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)).quantize(16)
    image.save(tmp_path / "a.tif")
    picture, written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    assert "palette became RGB" in written.notes[0]
    with Image.open(tmp_path / "b.tif") as after:
        assert after.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)
        assert 320 not in after.tag_v2  # the palette


def test_lossy_compression_gives_way_to_deflate_and_that_is_said(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(array).save(tmp_path / "a.tif", compression="jpeg")
    _, written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    assert written.notes == ("The TIFF's compression (JPEG) became deflate: it would have changed all pixels.",)
    with Image.open(tmp_path / "b.tif") as after:
        assert after.info["compression"] == "tiff_adobe_deflate"


def told() -> dict[str, Any]:
    """Return what a scan may say beside its pixels."""
    exif = Image.Exif()
    exif.get_ifd(34665).update(
        {36867: "2020:02:03 04:05:06", 33437: IFDRational(28, 10), 37500: b"\1maker\0note\xff" * 9}
    )
    exif.get_ifd(34853).update({1: "N", 2: (IFDRational(52), IFDRational(31), IFDRational(127, 10)), 29: "2020:02:03"})
    info = ImageFileDirectory_v2()
    info.update({270: "Die Elster", 271: "Maker", 272: "Model", 305: "Scanner 1.0", 306: "2020:02:03 04:05:06"})
    info.update({315: "Jürgen", 33432: "(c) Museum", 269: "A document", 285: "A page", 700: b"<x:xmpmeta/>"})
    info.update({33723: b"\x1c\x02\x05\0\5title", 34675: b"profile" * 3000, 65000: (1.5, 2.5, 3.5), 274: 6})
    info.tagtype.update({700: 1, 33723: 7, 34675: 7, 65000: 12, 274: 3})
    info[34665], info[34853] = exif.get_ifd(34665), exif.get_ifd(34853)
    return {"tiffinfo": info, "dpi": (300.25, 299.5)}


@pytest.mark.parametrize("big_tiff", [False, True])
def test_every_tag_is_kept(tmp_path: Path, big_tiff: bool) -> None:
    array = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(array).save(tmp_path / "a.tif", big_tiff=big_tiff, **told())
    _, written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    before, after = tags_of(tmp_path / "a.tif"), tags_of(tmp_path / "b.tif")
    assert {"ExifTag", "GPSTag", "Artist", "XMP", "IPTCNAA", "InterColorProfile", "65000", "Software"} <= before.keys()
    for name in before.keys() - PLACES - {"ExifTag", "GPSTag"}:
        assert before[name][1:] == after[name][1:], name
    assert before["ExifTag"][2] == after["ExifTag"][2]
    assert before["GPSTag"][2] == after["GPSTag"][2]
    assert set(after) - set(before) <= {"SampleFormat", "PlanarConfiguration", "Predictor", "RowsPerStrip"}
    assert written.notes == ()
    with Image.open(tmp_path / "b.tif") as image:
        assert image.info["icc_profile"] == b"profile" * 3000
        assert image.getexif().get_ifd(34665)[37500] == b"\1maker\0note\xff" * 9


def test_tags_of_the_other_byte_order(tmp_path: Path) -> None:
    extra = [(315, 2, 7, "Artist", True), (65000, 12, 3, (1.5, 2.5, 3.5), True), (65001, 3, 3, (1, 2, 300), True)]
    extra += [(65002, 5, 2, (1, 2, 3, 4), True), (65003, 3, 1, 259, True)]
    array = np.random.default_rng(1).integers(0, 65536, (40, 50, 3), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="rgb", byteorder=">", extratags=extra, resolution=(300, 200)
    )
    restore(tmp_path / "a.tif", tmp_path / "b.tif")
    before, after = tags_of(tmp_path / "a.tif"), tags_of(tmp_path / "b.tif")
    for name in ("Artist", "65000", "65001", "65002", "65003", "XResolution", "YResolution", "ResolutionUnit"):
        assert before[name] == after[name]


@pytest.mark.parametrize("unit", [1, 2, 3])
def test_resolution_and_its_unit(tmp_path: Path, unit: int) -> None:
    array = np.zeros((40, 50), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", array, resolution=(118.11, 59.06), resolutionunit=unit)
    restore(tmp_path / "a.tif", tmp_path / "b.tif")
    before, after = tags_of(tmp_path / "a.tif"), tags_of(tmp_path / "b.tif")
    for name in ("XResolution", "YResolution", "ResolutionUnit"):
        assert before[name] == after[name]


def test_no_resolution_is_made_up(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(tmp_path / "a.tif")
    restore(tmp_path / "a.tif", tmp_path / "b.tif")
    assert "XResolution" not in tags_of(tmp_path / "b.tif")


def test_smaller_copies_and_layers_are_left_out_and_that_is_said(tmp_path: Path) -> None:
    array = np.zeros((40, 50, 3), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(array, photometric="rgb", subifds=1, extratags=[(37724, 7, 20, b"Adobe Photoshop Docu", True)])
        file.write(array[::2, ::2], photometric="rgb", subfiletype=1)
        file.write(array[::4, ::4], photometric="rgb", subfiletype=1)
    _, written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    assert "2 smaller copies of the picture were left out" in written.notes[0]
    assert "Photoshop's layers were left out: they show the damage" in written.notes[1]
    assert not {"SubIFDs", "ImageSourceData"} & tags_of(tmp_path / "b.tif").keys()
    with tifffile.TiffFile(tmp_path / "b.tif") as restored:
        assert len(restored.pages) == 1


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_a_changed_known_pixel_is_found_whatever_the_way(tmp_path: Path, dtype: str, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((300, 200, 3), dtype), photometric="rgb", compression=compression)
    picture, hole = read_picture(tmp_path / "a.tif"), np.zeros((300, 200), bool)
    hole[100:200, 50:60] = True
    picture.pixels[hole] = 3
    picture.pixels[[0, 150, 299], [0, 60, 199], [0, 1, 2]] = 2
    with pytest.raises(
        WriteError, match=r"^3 pixels outside the hole would have changed in the file: nothing was written"
    ):
        write_picture(picture, tmp_path / "b.tif", hole=hole)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_nan_is_the_same_as_nan(tmp_path: Path) -> None:
    array = np.ones((40, 50), np.float32)
    array[30:] = np.nan
    for compression in (None, "deflate"):
        tifffile.imwrite(tmp_path / "a.tif", array, compression=compression)
        restore(tmp_path / "a.tif", tmp_path / f"{compression}.tif")
        np.testing.assert_array_equal(tifffile.imread(tmp_path / f"{compression}.tif")[30:], np.nan)


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [("f4", "-9999", -9999), ("i2", "-32768 ", -32768), ("f4", "nan", np.nan), ("u1", "0", 0), ("u1", "none", None)],
)
def test_nodata_is_read_and_kept(tmp_path: Path, dtype: str, text: str, value: float | None) -> None:
    tag = (42113, 2, 0, text, True)
    tifffile.imwrite(tmp_path / "a.tif", np.ones((20, 30), dtype), extratags=[tag])
    picture, _ = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    for path in (tmp_path / "a.tif", tmp_path / "b.tif"):
        np.testing.assert_equal(read_picture(path).nodata, value)
    assert tags_of(tmp_path / "a.tif")["GDAL_NODATA"] == tags_of(tmp_path / "b.tif")["GDAL_NODATA"]
    assert picture.pixels.dtype == np.dtype(dtype)


def test_nodata_counts_as_pixels_do(tmp_path: Path) -> None:
    tag = (42113, 2, 0, "255", True)
    array = np.full((20, 30), 100, np.uint8)
    array[4, 5] = 255
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite", extratags=[tag])
    picture = read_picture(tmp_path / "a.tif")
    assert picture.pixels[4, 5] == picture.nodata == 0


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_private_directories_come_along(tmp_path: Path, byteorder: Any) -> None:
    """Their tags would else point into the old file: at whatever lies there in the new one."""
    tifffile.imwrite(tmp_path / "a.tif", np.ones((20, 30), np.uint8), byteorder=byteorder, metadata=None, software=None)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    # Two private tags of the type of directories, in place of two others: one is right, one points nowhere.
    inner = len(data) + len(data) % 2
    data = data.ljust(inner, b"\0") + struct.pack(byteorder + "HHHI4sI", 1, 700, 2, 4, b"abc\0", 0)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        first = file.pages.first
        places = [first.tags[name].offset for name in ("XResolution", "YResolution")]
    for place, code, offset in zip(places, (65000, 65001), (inner, 4_000_000), strict=True):
        struct.pack_into(byteorder + "HHII", data, place, code, 13, 1, offset)
    (tmp_path / "a.tif").write_bytes(data)
    _, written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    tags = tiff_pages.read_page(tmp_path / "b.tif").tags
    assert tags[65000].directory is not None
    assert tags[65000].directory[700].text == "abc"
    assert 65001 not in tags
    assert "Not carried over: tag 65001, which can't be read." in written.notes
