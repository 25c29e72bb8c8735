"""TIFFs of samples and codings that libvips doesn't know: read, written back, refused in one sentence."""

from __future__ import annotations

import itertools
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import images, tiff_decoding, tiff_saving
from restauro.files.reading import read_picture, read_shape
from restauro.files.writing import Written, write_picture

HOLE = (slice(5, 9), slice(3, 20))


def restore(source: Path, target: Path, value: float = 7) -> Written:
    picture = read_picture(source)
    hole = np.zeros(picture.pixels.shape[:2], bool)
    hole[HOLE] = True
    picture.pixels[hole] = value
    written = write_picture(picture, target, hole=hole)
    assert written.changed_outside == 0
    return written


def values(dtype: str, bands: int = 1, size: int = 40) -> NDArray[Any]:
    array = (np.random.default_rng(1).normal(size=(size, size + 11, bands)) * 20).astype(dtype)
    return array[..., 0] if bands == 1 else array


@pytest.mark.parametrize("dtype", ["i1", "f2", "f8"])
@pytest.mark.parametrize("bands", [1, 3, 5])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("layout", ["strips", "tiles", "planar", "deflate", "plain tiles"])
def test_samples_stay_what_they_are(tmp_path: Path, dtype: str, bands: int, byteorder: Any, layout: str) -> None:
    array = values(dtype, bands)
    options: dict[str, Any] = {"photometric": "rgb" if bands == 3 else "minisblack", "byteorder": byteorder}
    options |= {
        "strips": {"rowsperstrip": 7},
        "tiles": {"tile": (16, 32), "compression": "adobe_deflate"},
        "planar": {"compression": "adobe_deflate"},
        "deflate": {"compression": "adobe_deflate"},
        "plain tiles": {"tile": (16, 32)},
    }[layout]
    stored = array
    if bands > 1:
        options["planarconfig"] = "separate" if layout == "planar" else "contig"
        stored = np.ascontiguousarray(np.moveaxis(array, 2, 0)) if layout == "planar" else array
    extra = [(315, 2, 0, "Artist", True), (34675, 7, 9, b"a profile", True), (274, 3, 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", stored, extratags=extra, resolution=(300, 300), metadata=None, **options)
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, array)
    assert (picture.pixels.dtype, picture.orientation) == (np.dtype(dtype), 6)
    assert picture.metadata["icc-profile-data"][1] == b"a profile"
    assert round(picture.metadata["xres"][1] * 25.4) == 300
    restore(tmp_path / "a.tif", tmp_path / "b.tif", 3.5 if dtype != "i1" else -7)
    array[HOLE] = 3.5 if dtype != "i1" else -7
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages.first
        assert (page.dtype, page.photometric.name.lower()) == (np.dtype(dtype), options["photometric"])
        assert file.byteorder == byteorder
        assert (page.tags["Artist"].value, page.samplesperpixel) == ("Artist", bands)
        np.testing.assert_array_equal(page.asarray(), array)


def predicted(path: Path, array: NDArray[Any], byteorder: str, predictor: int, tile: tuple[int, int] | None) -> Path:
    """Write a TIFF with a predictor, sample by sample: what tifffile does with imagecodecs only."""
    height, width = array.shape[:2]
    bands, size = array.reshape(height, width, -1).shape[2], array.itemsize
    rows, columns = tile or (height, width)
    parts = []
    for top, left in itertools.product(range(0, height, rows), range(0, width, columns)):
        part = np.zeros((rows, columns, bands), array.dtype)
        inside = array.reshape(height, width, bands)[top : top + rows, left : left + columns]
        part[: inside.shape[0], : inside.shape[1]] = inside
        coded = b""
        for row in part:
            if predictor == 2:
                numbers = row.view(f"u{size}").copy()
                for x in range(columns - 1, 0, -1):
                    numbers[x] -= numbers[x - 1]
                coded += numbers.astype(numbers.dtype.newbyteorder(byteorder)).tobytes()
            else:
                ordered = row.astype(row.dtype.newbyteorder(">")).tobytes()
                planes = b"".join(ordered[k::size] for k in range(size))
                coded += bytes((planes[k] - (planes[k - bands] if k >= bands else 0)) % 256 for k in range(len(planes)))
        parts.append(zlib.compress(coded))
    data = {256: [width], 257: [height], 258: [8 * size] * bands, 259: [8], 262: [1], 277: [bands], 317: [predictor]}
    data |= {339: [3] * bands, 338: [0] * (bands - 1)}
    starts = [8 + sum(map(len, parts[:k])) for k in range(len(parts))]
    names = (322, 323, 324, 325) if tile else (278, 278, 273, 279)
    data |= {names[0]: [columns], names[1]: [rows], names[2]: starts, names[3]: [len(part) for part in parts]}
    data = {code: numbers for code, numbers in data.items() if numbers}
    start = 8 + sum(map(len, parts))
    outside_at, entries, outside = start + 2 + 12 * len(data) + 4, b"", b""
    for code in sorted(data):
        packed = struct.pack(f"{byteorder}{len(data[code])}I", *data[code])
        if len(packed) > 4:
            outside, packed = outside + packed, struct.pack(byteorder + "I", outside_at + len(outside))
        entries += struct.pack(byteorder + "HHI", code, 4, len(data[code])) + packed
    head = struct.pack(byteorder + "2sHI", b"II" if byteorder == "<" else b"MM", 42, start)
    directory = struct.pack(byteorder + "H", len(data)) + entries + bytes(4) + outside
    path.write_bytes(head + b"".join(parts) + directory)
    return path


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("predictor", [2, 3])
@pytest.mark.parametrize("tile", [None, (16, 32)])
def test_predictors_of_floats(
    tmp_path: Path, dtype: str, bands: int, byteorder: str, predictor: int, tile: tuple[int, int] | None
) -> None:
    array = values(dtype, bands)
    source = predicted(tmp_path / "a.tif", array, byteorder, predictor, tile)
    np.testing.assert_array_equal(read_picture(source).pixels, array)
    restore(source, tmp_path / "b.tif", 3.5)
    array[HOLE] = 3.5
    np.testing.assert_array_equal(read_picture(tmp_path / "b.tif").pixels, array)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        is_kept = not (dtype in ("f2", "f8") and predictor == 3 and tile)
        assert file.pages.first.predictor == (predictor if is_kept else 1)
        assert file.pages.first.dtype == np.dtype(dtype)


def test_infinity_and_nan_stay(tmp_path: Path) -> None:
    for dtype in ("f2", "f8"):
        array = values(dtype)
        array[20:22] = np.array([[np.nan], [np.inf]])
        tifffile.imwrite(tmp_path / "a.tif", array)
        restore(tmp_path / "a.tif", tmp_path / f"{dtype}.tif")
        array[HOLE] = 7
        np.testing.assert_array_equal(tifffile.imread(tmp_path / f"{dtype}.tif"), array)


@pytest.mark.parametrize("width", [30, 31])
@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_few_bits_of_odd_width(tmp_path: Path, width: int, bits: int, suffix: str) -> None:
    top = 2**bits - 1
    levels = np.random.default_rng(1).integers(0, top + 1, (20, width)).astype(np.uint8)
    image = pyvips.Image.new_from_memory(levels, width, 20, 1, "uchar").copy(interpretation="b-w")
    image.pngsave(str(tmp_path / "a.png"), bitdepth=bits)
    expected = levels * np.uint8(255 // top)
    source = tmp_path / "a.png"
    for target in ("b.tif", "c.tif", f"d{suffix}"):
        restore(source, tmp_path / target, 255)
        expected[HOLE] = 255
        source = tmp_path / target
        picture = read_picture(source)
        np.testing.assert_array_equal(picture.pixels, expected)
        assert picture.bits == bits


CODINGS = {
    "zstd": ("ZSTD", "u2"),
    "lzma": ("LZMA", "u1"),
    "lerc": ("LERC", "f4"),
    "jpeg2000": ("JPEG 2000", "u2"),
    "jpegxl": ("JPEG XL", "u1"),
    "png": ("PNG", "u1"),
}


def coded(path: Path, compression: str, dtype: str, **options: Any) -> NDArray[Any]:
    array = np.abs(values(dtype, 3)) if options.pop("rgb", False) else np.abs(values(dtype))
    photometric = "rgb" if array.ndim == 3 else "minisblack"
    extra = [(315, 2, 0, "Artist", True), (274, 3, 1, 6, True)]
    tifffile.imwrite(
        path, array, **({"photometric": photometric, "compression": compression, "extratags": extra} | options)
    )
    return array


@pytest.mark.parametrize("compression", CODINGS)
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("rgb", [False, True])
def test_codings_of_the_extra(tmp_path: Path, compression: str, byteorder: str, rgb: bool) -> None:
    pytest.importorskip("imagecodecs")
    title, dtype = CODINGS[compression]
    if compression == "lerc" and byteorder == ">":
        pytest.skip("tifffile writes none")
    coded(tmp_path / "a.tif", compression, dtype, byteorder=byteorder, rgb=rgb)
    array = tifffile.imread(tmp_path / "a.tif")  # as decoded: JPEG XL may lose
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, array)
    assert picture.orientation == 6
    written = restore(tmp_path / "a.tif", tmp_path / "b.tif")
    assert f"The TIFF's compression ({title}) became deflate" in " ".join(written.notes)
    array[HOLE] = 7
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        np.testing.assert_array_equal(file.asarray(), array)
        assert file.pages.first.tags["Artist"].value == "Artist"
        assert file.byteorder == byteorder


@pytest.mark.parametrize("options", [{"tile": (16, 16)}, {"predictor": True}, {"photometric": "miniswhite"}])
def test_layouts_of_a_coding_of_the_extra(tmp_path: Path, options: dict[str, Any]) -> None:
    pytest.importorskip("imagecodecs")
    array = coded(tmp_path / "a.tif", "zstd", "u2", **options)
    expected = 65535 - array if "photometric" in options else array
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").pixels, expected)
    restore(tmp_path / "a.tif", tmp_path / "b.tif", 65535 - 7 if "photometric" in options else 7)
    array[HOLE] = 7
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), array)


def with_compression(path: Path, number: int) -> Path:
    """A TIFF that claims another compression than it has."""
    tifffile.imwrite(path, values("u1"), metadata=None)
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags["Compression"].valueoffset
    data = bytearray(path.read_bytes())
    data[place : place + 2] = struct.pack("<H", number)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("number", "title"), [(50000, "ZSTD"), (34925, "LZMA"), (34887, "LERC"), (50002, "JPEG XL")])
def test_without_the_extra_it_is_one_sentence_with_the_command(
    tmp_path: Path, number: int, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    message = (
        rf"A TIFF coded in {title} is read with the extra codecs: install it with pip install 'restauro\[codecs\]'"
    )
    with pytest.raises(ReadError, match=message):
        read_picture(with_compression(tmp_path / "a.tif", number))


def test_what_is_damaged_is_called_so_by_codecs_too(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    with pytest.raises(ReadError, match=r"damaged or cut short \(tifffile: .*\): get a complete copy"):
        read_picture(with_compression(tmp_path / "a.tif", 50000))


@pytest.mark.parametrize("number", [50013, 65000])
def test_a_coding_that_nobody_knows_is_not_called_damage(tmp_path: Path, number: int) -> None:
    with pytest.raises(ReadError, match=r"coded in a way that can't be read.*save it with another compression"):
        read_picture(with_compression(tmp_path / "a.tif", number))


def test_lack_of_memory_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values("u1"))

    def full(_: pyvips.Image) -> None:
        pyvips.Image.black(1_000_000, 1_000_000, bands=4).write_to_memory()

    monkeypatch.setattr(images, "pixels_of", full)
    with pytest.raises(ReadError, match="There isn't memory enough to read the TIFF: free some"):
        read_picture(tmp_path / "a.tif")


def test_differences_begin_anew_in_every_tile() -> None:
    row = np.arange(10, dtype=np.uint16).reshape(1, 10) ** 2
    found = tiff_saving._differences(row, 4)
    assert found.tolist() == [[0, 1, 3, 5, 16, 9, 11, 13, 64, 17]]


@pytest.mark.parametrize("dtype", ["f2", "f8"])
def test_such_samples_are_not_decoded_for_their_size_alone(
    tmp_path: Path, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values(dtype, 3), photometric="rgb")
    monkeypatch.setattr(tiff_decoding, "decode", lambda *_: pytest.fail("it was decoded"))
    assert read_shape(tmp_path / "a.tif") == ((40, 51), 1)
    with pytest.raises(ReadError, match="max_pixels=2040"):
        read_picture(tmp_path / "a.tif", max_pixels=2000)


def test_tiles_without_a_size_are_damage(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values("f2", 3), photometric="rgb", tile=(16, 16))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        place = file.pages.first.tags["TileWidth"].valueoffset
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[place : place + 2] = bytes(2)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ReadError, match=r"damaged or cut short \(it or its tiles have no size\)"):
        read_picture(tmp_path / "a.tif")
