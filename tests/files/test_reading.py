"""What is read from picture files, against Pillow and tifffile; what is refused, and in which words."""

from __future__ import annotations

import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from restauro.errors import ReadError
from restauro.files import images
from restauro.files.heif_boxes import read_boxes
from restauro.files.reading import read_picture, read_shape
from restauro.files.writing import write_picture
from restauro.picture import as_seen, as_stored

SAMPLES = np.random.default_rng(3)


def colours(height: int = 20, width: int = 30, bands: int = 3) -> NDArray[np.uint8]:
    return SAMPLES.integers(0, 256, (height, width, bands), np.uint8)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_png_is_read_as_pillow_reads_it(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(SAMPLES.integers(0, 65536, (20, 30), np.uint16))
    else:
        image = Image.fromarray(colours(bands=4)).convert(mode)
    image.save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, np.asarray(image))
    assert picture.pixels.dtype == np.asarray(image).dtype
    assert (picture.format, picture.orientation, picture.has_alpha) == ("png", 1, mode in ("LA", "RGBA"))


def test_pixels_may_be_written_to_and_lie_in_order(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.png")
    pixels = read_picture(tmp_path / "a.png").pixels
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
def test_tiff_is_read_in_its_own_dtype(tmp_path: Path, dtype: str, byteorder: str) -> None:
    array = (SAMPLES.random((20, 30, 3)) * 100).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", byteorder=byteorder)
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, array)
    assert picture.pixels.dtype == np.dtype(dtype)


@pytest.mark.parametrize(("kind", "is_alpha"), [("unspecified", False), ("unassalpha", True), ("assocalpha", True)])
def test_extra_band_of_a_tiff_is_transparency_where_the_file_says_so(tmp_path: Path, kind: str, is_alpha: bool) -> None:
    array = colours(bands=4)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[kind])
    picture = read_picture(tmp_path / "a.tif")
    assert picture.has_alpha == is_alpha
    np.testing.assert_array_equal(picture.pixels, array)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiff_of_seven_bands(tmp_path: Path, planar: str) -> None:
    array = SAMPLES.integers(0, 65536, (20, 30, 7), np.uint16)
    stored = np.moveaxis(array, 2, 0) if planar == "separate" else array
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=planar)
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, array)
    assert not picture.has_alpha


def test_cmyk_is_four_bands_of_ink(tmp_path: Path) -> None:
    image = Image.fromarray(colours()).convert("CMYK")
    image.save(tmp_path / "a.tif")
    image.save(tmp_path / "a.jpg", quality=100, subsampling=0)
    of_tiff, of_jpeg = read_picture(tmp_path / "a.tif"), read_picture(tmp_path / "a.jpg")
    np.testing.assert_array_equal(of_tiff.pixels, np.asarray(image))
    assert np.abs(of_jpeg.pixels.astype(int) - np.asarray(image)).max() <= 4
    assert of_tiff.is_cmyk
    assert of_jpeg.is_cmyk
    assert not of_tiff.has_alpha


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_one_bit_is_black_and_white(tmp_path: Path, name: str) -> None:
    image = Image.fromarray(colours()).convert("1")
    image.save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    np.testing.assert_array_equal(picture.pixels, np.asarray(image) * np.uint8(255))
    assert picture.bits == 1


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_palette_becomes_rgb_and_that_is_said(tmp_path: Path, name: str) -> None:
    image = Image.fromarray(colours()).quantize(16)
    image.save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert picture.bits == 8
    assert "palette became RGB" in picture.notes[0]


def test_transparent_colour_becomes_a_band_and_that_is_said(tmp_path: Path) -> None:
    array = colours()
    Image.fromarray(array).save(tmp_path / "a.png", transparency=tuple(array[4, 5].tolist()))
    picture = read_picture(tmp_path / "a.png")
    assert picture.has_alpha
    assert picture.pixels[4, 5, 3] == 0
    assert "transparent colour became a band" in picture.notes[0]


def test_white_is_zero_is_read_with_black_as_zero(tmp_path: Path) -> None:
    array = colours(bands=1)[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").pixels, 255 - array)


def test_smaller_copies_are_named_and_no_second_page(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(colours(), photometric="rgb", subifds=1)
        file.write(colours(10, 15), photometric="rgb", subfiletype=1)
        file.write(colours(5, 7), photometric="rgb", subfiletype=1)
    picture = read_picture(tmp_path / "a.tif")
    assert picture.pixels.shape == (20, 30, 3)
    assert picture.notes == ("2 smaller copies of the picture were left out: they show the damage.",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_orientation_is_told_and_pixels_are_not_turned(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(colours()).save(tmp_path / name, exif=exif)
    picture = read_picture(tmp_path / name)
    assert picture.orientation == orientation
    assert picture.pixels.shape == (20, 30, 3)


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_there_is_not_turns_nothing(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.new("RGB", (4, 3)).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").orientation == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_as_seen_turns_as_pillow_does(orientation: int) -> None:
    array = colours()
    image = Image.fromarray(array)
    image.getexif()[274] = orientation
    np.testing.assert_array_equal(as_seen(array, orientation), np.asarray(ImageOps.exif_transpose(image)))
    np.testing.assert_array_equal(as_stored(as_seen(array, orientation), orientation), array)
    assert np.shares_memory(as_seen(array, orientation), array)


def test_avif_is_read_turned(tmp_path: Path) -> None:
    array = np.zeros((20, 30, 3), np.uint8)
    array[:, :5] = 255
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(array).save(tmp_path / "a.avif", exif=exif, quality=100)
    picture = read_picture(tmp_path / "a.avif")
    assert picture.orientation == 1
    assert picture.pixels.shape == (30, 20, 3)
    assert picture.pixels[2, 10, 0] > 200 > 50 > picture.pixels[25, 10, 0]


def test_content_says_the_format_and_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.jpg")
    os.rename(tmp_path / "a.jpg", tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").format == "jpeg"


@pytest.mark.parametrize("name", ["with spaces [page=1,n=2].png", "größe, 画.png"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    Image.fromarray(colours()).save(tmp_path / name, "PNG")
    assert read_picture(str(tmp_path / name)).pixels.shape == (20, 30, 3)


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_text_will_do(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xf6sse.png"))
    try:
        Image.fromarray(colours()).save(path, "PNG")
    except OSError:
        pytest.skip("this file system takes only text for names")
    assert read_picture(path).pixels.shape == (20, 30, 3)


def test_a_file_of_the_same_name_is_read_anew(tmp_path: Path) -> None:
    for value in (10, 200):
        Image.new("RGB", (30, 20), (value,) * 3).save(tmp_path / "a.webp", lossless=True)
        assert read_picture(tmp_path / "a.webp").pixels[0, 0, 0] == value


BEGINNINGS = {
    "8BPS\0\1": "A Photoshop file can't be read: save it from Photoshop as a flat TIFF",
    "GIF89a": "A GIF can't be read: save it as a PNG",
    "BM": "A BMP can't be read",
    "\0\0\0\x0cjP  ": "A JPEG 2000 can't be read",
    "\0\0\0\x0cJXL ": "A JPEG XL can't be read",
    "v/1\1": "A OpenEXR can't be read",
    "%PDF-1.7": "A PDF can't be read: take the picture out of it",
    "<svg ": "A SVG drawing can't be read",
    "P6\n": "A PNM can't be read",
    "FUJIFILMCCD-RAW": "A camera raw file can't be read: develop it",
    "some text": "The file isn't a picture that can be read, whatever its name says",
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_other_formats_are_named_with_the_conversion(tmp_path: Path, beginning: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(beginning.encode("latin-1") + bytes(100))
    with pytest.raises(ReadError, match=BEGINNINGS[beginning].replace("(", r"\(")):
        read_picture(path)


def test_raw_files_that_look_like_tiffs(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.nef", colours(), photometric="rgb")
    with pytest.raises(ReadError, match="camera raw file can't be read: develop it and save it as a 16-bit TIFF"):
        read_picture(tmp_path / "a.nef")
    tifffile.imwrite(tmp_path / "a.tif", colours(), photometric="rgb", extratags=[(50706, 1, 4, (1, 4, 0, 0))])
    with pytest.raises(ReadError, match=r"camera raw file \(DNG\)"):
        read_picture(tmp_path / "a.tif")


def test_hevc_is_named(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.avif")
    avif = (tmp_path / "a.avif").read_bytes()
    heic = avif.replace(b"ftypavif", b"ftypheic").replace(b"av01", b"hvc1").replace(b"av1C", b"hvcC")
    (tmp_path / "a.heic").write_bytes(heic)
    with pytest.raises(ReadError, match=r"HEIC file \(coded in HEVC\) can't be read: save it as a TIFF or a PNG"):
        read_picture(tmp_path / "a.heic")


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="There is no such file"):
        read_picture(tmp_path / "missing.png")
    with pytest.raises(ReadError, match="It is a folder"):
        read_picture(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ReadError, match="The file is empty"):
        read_picture(tmp_path / "empty.png")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("name", ["a.jpg", "progressive.jpg", "a.png", "a.webp", "a.avif", "a.tif", "deflate.tif"])
def test_files_that_are_cut_short(tmp_path: Path, name: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    path, image = tmp_path / name, Image.fromarray(colours(200, 300))
    if path.suffix == ".tif":
        tifffile.imwrite(path, np.asarray(image), compression="deflate" if "deflate" in name else None)
    else:
        image.save(path, **({"progressive": True} if "progressive" in name else {}))
    complete = path.read_bytes()
    path.write_bytes(complete[: int(share * len(complete))])
    with pytest.raises(ReadError, match=r"damaged or cut short.*get a complete copy"):
        read_picture(path)
    assert capfd.readouterr() == ("", "")


def test_a_damaged_tiff(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", colours(200, 300), compression="deflate")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        place = file.pages.first.dataoffsets[0]
    damaged = bytearray((tmp_path / "a.tif").read_bytes())
    damaged[place + 500 : place + 510] = bytes(10)
    (tmp_path / "a.tif").write_bytes(damaged)
    with pytest.raises(ReadError, match="damaged or cut short"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("first", [0, 3, 10_000_000])
def test_a_tiff_without_directory(tmp_path: Path, first: int) -> None:
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, first) + b"\xff" * 9)
    with pytest.raises(ReadError, match=r"The TIFF is damaged or cut short \(its directory is missing, or larger"):
        read_picture(tmp_path / "a.tif")


def test_several_pictures_in_a_file(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([colours()] * 3), photometric="rgb")
    with pytest.raises(ReadError, match=r"The TIFF holds 3 pictures \(0: 30 x 20, 1: 30 x 20, .*: use page="):
        read_picture(tmp_path / "a.tif")
    frames = [Image.fromarray(colours()) for _ in range(2)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(ReadError, match="The file holds 2 pictures"):
        read_picture(tmp_path / "a.webp")
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ReadError, match="The file holds several pictures"):
        read_picture(tmp_path / "a.png")


def test_tiff_samples_that_would_be_converted(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((20, 30), "c8"), photometric="minisblack")
    with pytest.raises(ReadError, match=r"complex.*32-bit floats"):
        read_picture(tmp_path / "a.tif")


def test_tiff_colours_that_would_be_converted(tmp_path: Path) -> None:
    Image.fromarray(colours()).convert("LAB").save(tmp_path / "lab.tif")
    with pytest.raises(ReadError, match="CIELab colour can't be read unchanged: save it as an RGB TIFF"):
        read_picture(tmp_path / "lab.tif")
    tifffile.imwrite(tmp_path / "ycc.tif", colours(), photometric="ycbcr")
    with pytest.raises(ReadError, match="YCbCr colour can't be read unchanged: save it as an RGB TIFF"):
        read_picture(tmp_path / "ycc.tif")


def test_u64_samples(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((20, 30), np.uint64), photometric="minisblack")
    with pytest.raises(ReadError, match="64 bits a sample can't be read unchanged: save it with 8 or 16 bits"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["missing.png", "empty.png", "folder", "text.png", "cut.png", "cut.tif", "two.tif"])
def test_every_error_names_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name == "two.tif":
        tifffile.imwrite(path, np.stack([colours()] * 2), photometric="rgb")
    elif name != "missing.png":
        path.write_bytes({"empty.png": b"", "text.png": b"some text"}.get(name, b""))
    if name.startswith("cut"):
        Image.fromarray(colours()).save(path)
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ReadError, match=rf"^{re.escape(str(path))}: [A-Z].*\.$"):
        read_picture(path)
    if name != "cut.png":  # whose pixels alone are missing
        with pytest.raises(ReadError, match=rf"^{re.escape(str(path))}: [A-Z]"):
            read_shape(path)


def test_jpegs_that_nothing_here_decodes_are_not_called_damaged(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.jpg")
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    frame = data.index(b"\xff\xc0")
    for offset, value, words in ((4, 12, "of 12 bits a sample"), (1, 0xC5, "of hierarchical coding")):
        other = bytearray(data)
        other[frame + offset] = value
        (tmp_path / "b.jpg").write_bytes(other)
        with pytest.raises(ReadError, match=f"A JPEG {words} can't be read: save it as a TIFF of 8 or 16 bits"):
            read_picture(tmp_path / "b.jpg")


def test_a_reason_that_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyvips can't read bytes of a damaged file in libvips' reasons, and keeps them: all later calls would fail."""

    def failing(_: pyvips.Image) -> None:
        images.open_image("pngload", Path(os.fsdecode(b"missing-\xfa.png")))

    Image.fromarray(colours()).save(tmp_path / "a.png")
    with monkeypatch.context() as patched:
        patched.setattr(images, "pixels_of", failing)
        with pytest.raises(ReadError, match="to its end, it is damaged or cut short: get a complete copy"):
            read_picture(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").pixels.shape == (20, 30, 3)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A PNG's texts have names in Latin-1."""
    content = b"\xdcberschrift\0Die Elster"
    chunk = struct.pack(">I", len(content)) + b"tEXt" + content + struct.pack(">I", zlib.crc32(b"tEXt" + content))
    array = colours()
    Image.fromarray(array).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, array)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_resolution_that_nothing_has(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(colours()).save(tmp_path / name, dpi=(1e8, 1e8))
    picture = read_picture(tmp_path / name)
    write_picture(picture, tmp_path / "b.webp")
    assert capfd.readouterr() == ("", "")


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


@pytest.mark.parametrize("wide", [False, True])
def test_tiles_of_a_heif_are_no_pictures_of_their_own(tmp_path: Path, wide: bool) -> None:
    """A grid of two tiles and its thumbnail; items are numbered in two bytes or in four."""
    number = struct.Struct(">I" if wide else ">H").pack
    items = [(1, b"grid"), (2, b"av01"), (3, b"av01"), (4, b"av01"), (5, b"Exif")]
    entries = [box(b"infe", bytes([3 if wide else 2, 0, 0, 0]), number(item), bytes(2), kind) for item, kind in items]
    listed = [box(b"iinf", bytes([wide, 0, 0, 0]), number(len(items)), *entries)]
    references = [(b"thmb", 4, [1]), (b"dimg", 1, [2, 3]), (b"cdsc", 5, [1])]
    listed += [
        box(
            b"iref",
            bytes([wide, 0, 0, 0]),
            *(box(kind, number(of), struct.pack(">H", len(to)), *map(number, to)) for kind, of, to in references),
        )
    ]
    (tmp_path / "a.heic").write_bytes(box(b"ftyp", b"heic", bytes(4)) + box(b"meta", bytes(4), *listed))
    assert read_boxes(tmp_path / "a.heic").others == 1
