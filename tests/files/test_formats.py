"""What each format keeps of a picture, what is said, and what it can't hold."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from restauro.errors import WriteError
from restauro.files.reading import read_picture
from restauro.files.writing import check_target, write_picture
from tests.files.pictures import HOLE, hole, image_of, saved


def array_of(mode: str) -> NDArray[Any]:
    return np.asarray(image_of(mode))


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    data, position, found = path.read_bytes(), 8, []
    while position < len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        found.append((data[position + 4 : position + 8], data[position:end]))
        position = end
    return found


def chunk(name: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_png_keeps_depth_and_bands(tmp_path: Path, mode: str) -> None:
    picture = read_picture(saved(tmp_path / "a.png", mode))
    picture.pixels[HOLE] = 7
    written = write_picture(picture, tmp_path / "b.png", hole=hole())
    assert (written.path, written.changed_outside, written.notes) == (tmp_path / "b.png", 0, ())
    with Image.open(written.path) as after:
        assert after.mode == mode
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)
    expected = array_of(mode).copy()
    expected[HOLE] = 7
    np.testing.assert_array_equal(picture.pixels, expected)


def test_png_of_sixteen_bit_colour(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 65536, (20, 30, 3), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    write_picture(read_picture(tmp_path / "a.tif"), tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    picture.pixels[HOLE] = 40000
    write_picture(picture, tmp_path / "b.png", hole=hole())
    array[HOLE] = 40000
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png").pixels, array)
    header = chunks(tmp_path / "b.png")[0][1]
    assert header[16:18] == bytes([16, 2])  # bits, colour type RGB


@pytest.mark.parametrize("interlaced", [False, True])
def test_png_keeps_every_chunk(tmp_path: Path, interlaced: bool) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Panel", zip=True)
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    texts.add(b"gAMA", (45455).to_bytes(4, "big"))
    texts.add(b"tIME", bytes([7, 228, 2, 3, 4, 5, 6]))
    texts.add(b"prIv", b"whatever", after_idat=True)
    exif = Image.Exif()
    exif[315], exif[274] = "Artist", 6
    source = saved(tmp_path / "a.png", pnginfo=texts, dpi=(300, 300), icc_profile=b"profile" * 99, exif=exif)
    if interlaced:
        import pyvips

        pyvips.Image.new_from_file(str(source)).pngsave(str(tmp_path / "i.png"), interlace=True)
        source = tmp_path / "i.png"
    picture = read_picture(source)
    picture.pixels[HOLE] = 7
    write_picture(picture, tmp_path / "b.png", hole=hole())
    kept = [whole for name, whole in chunks(source) if name not in (b"IHDR", b"IDAT")]
    assert kept == [whole for name, whole in chunks(tmp_path / "b.png") if name not in (b"IHDR", b"IDAT")]
    assert chunks(source)[0] == chunks(tmp_path / "b.png")[0]  # size, depth, colour type, interlacing
    with Image.open(tmp_path / "b.png") as after:
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)
        assert after.getexif()[315] == "Artist"


def test_chunks_that_hold_for_the_old_colour_type_alone(tmp_path: Path) -> None:
    """A palette's background is the number of a colour: of an RGB picture it would be damage."""
    data = saved(tmp_path / "a.png", "P").read_bytes()
    place = data.index(b"IDAT") - 4
    data = data[:place] + chunk(b"bKGD", b"\3") + chunk(b"tEXt", b"Title\0Panel") + data[place:]
    (tmp_path / "a.png").write_bytes(data)
    picture = read_picture(tmp_path / "a.png")
    picture.pixels[HOLE] = 7
    written = write_picture(picture, tmp_path / "b.png", hole=hole())
    assert [name for name, _ in chunks(tmp_path / "b.png")] == [b"IHDR", b"tEXt", b"IDAT", b"IEND"]
    assert "palette became RGB" in written.notes[0]
    with Image.open(tmp_path / "b.png") as after:
        assert after.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)


def test_transparent_colour_becomes_a_band(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "a.png", transparency=tuple(array_of("RGB")[0, 0].tolist())))
    picture.pixels[HOLE] = 255
    write_picture(picture, tmp_path / "b.png", hole=hole())
    with Image.open(tmp_path / "b.png") as after:
        assert after.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(after), picture.pixels)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("name", ["b.png", "b.tif"])
def test_few_bits_stay_few_and_what_is_filled_is_rounded(tmp_path: Path, bits: int, name: str) -> None:
    import pyvips

    top = 2**bits - 1
    levels = np.random.default_rng(1).integers(0, top + 1, (20, 30)).astype(np.uint8)
    image = pyvips.Image.new_from_memory(levels, 30, 20, 1, "uchar").copy(interpretation="b-w")
    image.pngsave(str(tmp_path / "a.png"), bitdepth=bits)
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, levels * (255 // top))
    filled = np.linspace(0, 255, 68).round().astype(np.uint8)
    picture.pixels[HOLE] = filled.reshape(4, 17)
    write_picture(picture, tmp_path / name, hole=hole())
    again = read_picture(tmp_path / name)
    assert again.bits == bits
    np.testing.assert_array_equal(again.pixels[~hole()], levels[~hole()] * (255 // top))
    np.testing.assert_array_equal(again.pixels[hole()], np.rint(filled * (top / 255)) * (255 // top))


@cache  # a profile holds the second in which it was made
def srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("source", ["a.webp", "a.avif"])
@pytest.mark.parametrize("lossless", [True, False])
def test_webp_and_avif_are_written_without_loss(tmp_path: Path, source: str, lossless: bool) -> None:
    options = {"lossless": lossless} if source == "a.webp" else {"quality": 100 if lossless else 60}
    exif = Image.Exif()
    exif[315] = "Artist"
    picture = read_picture(saved(tmp_path / source, "RGBA", exif=exif, icc_profile=srgb(), **options))
    before = picture.pixels.copy()
    picture.pixels[HOLE] = 7
    target = tmp_path / ("b" + Path(source).suffix)
    written = write_picture(picture, target, hole=hole())
    assert written.changed_outside == 0
    assert written.notes[-1] == (
        "It was written without loss, so that no other pixel changes; the file may be larger for it."
    )
    with Image.open(target) as after:
        np.testing.assert_array_equal(np.asarray(after)[~hole()], before[~hole()])
        np.testing.assert_array_equal(np.asarray(after)[hole()], 7)
        assert after.getexif()[315] == "Artist"
        assert after.info["icc_profile"] == srgb()


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.tif", "b.webp"])
def test_metadata_go_from_format_to_format(tmp_path: Path, source: str, target: str) -> None:
    exif = Image.Exif()
    exif[315], exif[33432], exif[274] = "Artist", "(c) Museum", 6
    exif.get_ifd(34665).update({36867: "2020:02:03 04:05:06"})
    exif.get_ifd(34853).update({1: "N"})
    options: dict[str, Any] = {"exif": exif, "icc_profile": srgb()}
    if source != "a.webp":
        options["dpi"] = (300, 300)
    if source == "a.tif":  # where all are tags
        exif[700], exif[34665], exif[34853] = b"<x:xmpmeta/>", exif.get_ifd(34665), exif.get_ifd(34853)
    elif source == "a.png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    else:
        options["xmp"] = b"<x:xmpmeta/>"
    picture = read_picture(saved(tmp_path / source, **options))
    picture.pixels[HOLE] = 7
    written = write_picture(picture, tmp_path / target, hole=hole())
    with Image.open(written.path) as after:
        told = after.getexif()
        assert told[315] == "Artist"
        assert told[33432] == "(c) Museum"
        assert told.get_ifd(34665)[36867] == "2020:02:03 04:05:06"
        assert told.get_ifd(34853)[1] == "N"
        assert told[274] == 6
        assert after.info["icc_profile"] == srgb()
        assert after.info.get("xmp", after.info.get("XML:com.adobe.xmp", b"")) in (b"<x:xmpmeta/>", "<x:xmpmeta/>")
        if source != "a.webp" and target != "b.webp":
            assert [round(float(value)) for value in after.info["dpi"]] == [300, 300]
    assert read_picture(written.path).orientation == 6
    assert (written.changed_outside == 0) or target == "b.jpg"


def test_what_a_format_cannot_hold_of_the_metadata_is_said(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Panel")
    picture = read_picture(saved(tmp_path / "a.png", pnginfo=texts))
    written = write_picture(picture, tmp_path / "b.tif")
    assert written.notes == ("TIFF can't hold all that the file said, and so was dropped: its texts.",)
    tifffile.imwrite(
        tmp_path / "a.tif",
        array_of("RGB"),
        photometric="rgb",
        extratags=[(33723, 7, 11, b"\x1c\x02\x05\0\5title", True)],
    )
    written = write_picture(read_picture(tmp_path / "a.tif"), tmp_path / "b.png")
    assert written.notes == ("PNG can't hold all that the file said, and so was dropped: the IPTC data.",)


def test_avif_of_a_jpeg_that_is_still_to_be_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    picture = read_picture(saved(tmp_path / "a.jpg", exif=exif))
    with pytest.raises(WriteError, match=r"HEIF can't hold pixels that are still to be turned \(EXIF orientation 6\)"):
        check_target(picture, tmp_path / "b.avif")


def test_avif_that_was_turned_on_reading_is_not_turned_again(tmp_path: Path) -> None:
    """Some programs leave the EXIF data as they were before they turned the pixels."""
    import pyvips

    image = pyvips.Image.black(30, 20, bands=3).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.heifsave(str(tmp_path / "a.avif"), compression="av1", lossless=True)
    for name in ("b.avif", "b.jpg", "b.tif", "b.png"):
        write_picture(picture := read_picture(tmp_path / "a.avif"), tmp_path / name, hole=np.ones((30, 20), bool))
        again = read_picture(tmp_path / name)
        assert (again.orientation, again.pixels.shape) == (1, picture.pixels.shape)


@pytest.mark.parametrize("target", ["b.webp", "b.avif", "b.tif"])
def test_colours_under_transparent_pixels_are_kept(tmp_path: Path, target: str) -> None:
    array = array_of("RGBA").copy()
    array[10:, :, 3] = 0
    Image.fromarray(array).save(tmp_path / "a.png")
    write_picture(read_picture(tmp_path / "a.png"), tmp_path / target)
    np.testing.assert_array_equal(read_picture(tmp_path / target).pixels, array)


def test_jpeg_of_a_png_says_what_changed(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "a.png"))
    picture.pixels[HOLE] = 7
    written = write_picture(picture, tmp_path / "b.jpg", hole=hole())
    with Image.open(written.path) as after:
        differs = (np.asarray(after) != array_of("RGB")).any(axis=2)
    assert written.changed_outside == np.count_nonzero(differs & ~hole()) > 100
    assert written.notes[0].startswith(f"JPEG loses a little everywhere: {written.changed_outside} pixels outside")


REFUSED = {
    ("I;16", "b.jpg"): "JPEG can't hold samples of 16 bits: write it to a TIFF",
    ("I;16", "b.webp"): "WebP can't hold samples of 16 bits",
    ("I;16", "b.avif"): "HEIF can't hold samples of 16 bits",
    ("RGBA", "b.jpg"): "JPEG can't hold transparency",
    ("L", "b.webp"): "WebP can't hold grey pictures",
    ("CMYK", "b.png"): "PNG can't hold CMYK",
}


@pytest.mark.parametrize(("mode", "target"), REFUSED)
def test_what_a_format_cannot_hold(tmp_path: Path, mode: str, target: str) -> None:
    picture = read_picture(saved(tmp_path / "a.tif", mode))
    with pytest.raises(WriteError, match=REFUSED[mode, target]):
        check_target(picture, tmp_path / target)
    with pytest.raises(WriteError, match=REFUSED[mode, target]):
        write_picture(picture, tmp_path / target)
    assert not (tmp_path / target).exists()


@pytest.mark.parametrize(
    ("dtype", "bands", "reason"),
    [
        ("f4", 3, "floating-point samples of 32 bits"),
        ("i2", 3, "signed samples of 16 bits"),
        ("u4", 3, "samples of 32 bits"),
        ("u1", 5, "5 bands of which none is transparency"),
        ("u1", 2, "2 bands of which none is transparency"),
    ],
)
def test_what_png_cannot_hold(tmp_path: Path, dtype: str, bands: int, reason: str) -> None:
    photometric = "rgb" if bands == 3 else "minisblack"
    array = np.ones((20, 30, bands), dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, planarconfig="contig")
    with pytest.raises(WriteError, match=rf"PNG can't hold {reason}: write it to a TIFF \(\.tif\)"):
        check_target(read_picture(tmp_path / "a.tif"), tmp_path / "b.png")


def test_premultiplied_colours_stay_in_tiffs(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", array_of("RGBA"), photometric="rgb", extrasamples=["assocalpha"])
    with pytest.raises(WriteError, match="PNG can't hold colours multiplied by their opacity"):
        check_target(read_picture(tmp_path / "a.tif"), tmp_path / "b.png")


def test_pictures_too_large_for_a_format(tmp_path: Path) -> None:
    Image.new("RGB", (16384, 2)).save(tmp_path / "a.png")
    with pytest.raises(WriteError, match="WebP can't hold more than 16383 pixels a side"):
        check_target(read_picture(tmp_path / "a.png"), tmp_path / "b.webp")
