"""From format to format, and what a restored file says: nothing that nobody wrote, and what is lost is named."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from restauro.errors import ReadError
from restauro.files import exif, heif_boxes, jpeg_segments, png_chunks, webp_chunks
from restauro.files.reading import read_picture
from restauro.files.webp_chunks import Chunk
from restauro.files.writing import Written, write_picture

HOLE = (slice(5, 9), slice(3, 20))
SUFFIXES = (".jpg", ".png", ".tif", ".webp", ".avif")


def values(bands: int = 3, height: int = 20, width: int = 30) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (height, width, bands), np.uint8)


def saved(path: Path, array: NDArray[np.uint8] | None = None, **options: Any) -> Path:
    Image.fromarray(values() if array is None else array).save(path, **options)
    return path


def restore(source: Path, target: Path) -> Written:
    picture = read_picture(source)
    hole = np.zeros(picture.pixels.shape[:2], bool)
    hole[HOLE] = True
    picture.pixels[hole] = 255
    return write_picture(picture, target, hole=hole)


def codes(written: Written) -> list[str]:
    return [note.code for note in written.notes]


def dropped(written: Written) -> str:
    return " ".join(note for note in written.notes if note.code == "not-carried-over")


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", SUFFIXES)
def test_nothing_is_said_that_nobody_wrote(tmp_path: Path, source: str, target: str) -> None:
    """libvips would write 25.4 dpi and EXIF data of its own."""
    restore(saved(tmp_path / f"a{source}"), tmp_path / f"b{target}")
    data = (tmp_path / f"b{target}").read_bytes()
    assert b"Exif" not in data
    assert b"EXIF" not in data
    assert b"eXIf" not in data
    with Image.open(tmp_path / f"b{target}") as image:
        said = image.getexif()
        assert not {34665, 282, 283} & set(said)
        assert image.info.get("dpi") in (None, (1, 1), (72, 72))  # 72: what Pillow takes where a JPEG has EXIF data


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", SUFFIXES)
def test_exif_data_stay_as_they_were_written(tmp_path: Path, source: str, target: str) -> None:
    told = Image.Exif()
    told[315] = "Artist"
    told.get_ifd(34665).update({36867: "2020:02:03 04:05:06", 37500: b"maker\0note" * 9})
    if source == ".tif":
        told[34665] = told.get_ifd(34665)
    restore(saved(tmp_path / f"a{source}", exif=told), tmp_path / f"b{target}")
    assert (tmp_path / f"b{target}").read_bytes().count(b"Exif\0\0Exif\0\0") == 0
    with Image.open(tmp_path / f"b{target}") as image:
        after = image.getexif()
        assert after[315] == "Artist"
        assert after.get_ifd(34665) == {36867: "2020:02:03 04:05:06", 37500: b"maker\0note" * 9}
        assert not {282, 283, 531} & set(after)


@pytest.mark.parametrize("source", [".jpg", ".png"])
@pytest.mark.parametrize("target", SUFFIXES)
def test_resolution_is_carried_or_named(tmp_path: Path, source: str, target: str) -> None:
    written = restore(saved(tmp_path / f"a{source}", dpi=(300, 150)), tmp_path / f"b{target}")
    with Image.open(tmp_path / f"b{target}") as image:
        if target in (".webp", ".avif"):
            assert "the resolution" in dropped(written)
        else:
            assert [round(float(value)) for value in image.info["dpi"]] == [300, 150]


def thumbnail_exif() -> bytes:
    """An EXIF block with a preview, as cameras write it."""
    preview = b"\xff\xd8" + b"preview" * 20 + b"\xff\xd9"
    first = struct.pack("<HHHI4sI", 1, 315, 2, 4, b"Art\0", 26)
    second = struct.pack("<HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(preview), 0)
    block = b"II*\0\x08\0\0\0" + first + second
    assert len(block) == 56
    return block + preview


@pytest.mark.parametrize("source", [".jpg", ".png", ".webp", ".avif"])
@pytest.mark.parametrize("target", SUFFIXES)
def test_the_preview_of_the_damage_is_left_out_and_that_is_said(tmp_path: Path, source: str, target: str) -> None:
    path = saved(tmp_path / f"a{source}", exif=exif.headed(thumbnail_exif()))
    assert b"previewpreview" in path.read_bytes()
    written = restore(path, tmp_path / f"b{target}")
    assert "thumbnail-left-out" in codes(written)
    assert b"previewpreview" not in written.path.read_bytes()
    with Image.open(written.path) as image:
        assert image.getexif()[315] == "Art"
    assert "thumbnail-left-out" not in codes(restore(written.path, tmp_path / f"c{target}"))


def test_exif_blocks_that_cannot_be_understood_stay() -> None:
    whole = thumbnail_exif()
    for block in (b"", b"II", b"II*\0\xff\xff\xff\xff", b"Exif\0\0MM", whole[:20]):
        assert exif.without_thumbnail(block) == block
        assert exif.with_orientation(block, 3) == block
    assert exif.without_thumbnail(exif.headed(whole)) == exif.headed(exif.without_thumbnail(whole))


def test_comments_and_other_segments_of_a_jpeg_are_named(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    carried: dict[str, Any] = {"xmp": b"<x:xmpmeta/>", "icc_profile": profile, "exif": Image.Exif()}
    carried["exif"][315] = "Artist"
    data = saved(tmp_path / "a.jpg", comment=b"by hand", **carried).read_bytes()
    assert b"http://ns.adobe.com/xap/1.0/\0" in data
    segment = b"\xff\xe4" + (2 + 9).to_bytes(2, "big") + b"something"
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:])
    written = restore(tmp_path / "a.jpg", tmp_path / "b.png")
    assert written.notes == ("Not carried over: APP4, its comments.",)  # and no pictures behind a profile
    assert codes(restore(tmp_path / "a.jpg", tmp_path / "b.jpg")) == ["jpeg-blocks"]


def test_an_appended_picture_is_named(tmp_path: Path) -> None:
    pictures = [Image.fromarray(values()), Image.fromarray(values()[::-1])]
    pictures[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=pictures[1:])
    assert "the pictures that follow it" in dropped(restore(tmp_path / "a.jpg", tmp_path / "b.png"))


def test_what_a_tiff_alone_can_say_is_named(tmp_path: Path) -> None:
    extra = [(33550, 12, 3, (1.0, 1.0, 0.0), True), (34735, 3, 4, (1, 1, 0, 0), True), (42113, 2, 0, "0", True)]
    extra += [(50839, 1, 4, b"IJIJ", True), (65000, 3, 2, (1, 2), True), (65001, 3, 1, 1, True)]
    about = {"photometric": "rgb", "description": "ImageJ=1.54f\nimages=1", "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", values(), extratags=extra, **about)
    for name in ("b.png", "b.jpg", "b.webp"):
        assert dropped(restore(tmp_path / "a.tif", tmp_path / name)) == (
            "Not carried over: its georeference, its nodata value, ImageJ's data, ImageJ's description (it is there as "
            "a text), tags 65000, 65001."
        )
    assert codes(restore(tmp_path / "a.tif", tmp_path / "b.tif")) == []


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_chunks(path: Path, *chunks: bytes) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[:33] + b"".join(chunks) + data[33:])
    return path


def test_chunks_of_a_png_are_named(tmp_path: Path) -> None:
    source = with_chunks(saved(tmp_path / "a.png"), chunk(b"gAMA", struct.pack(">I", 55555)), chunk(b"prIv", b"x"))
    assert dropped(restore(source, tmp_path / "b.tif")) == "Not carried over: its gamma (gAMA), chunk prIv."
    assert codes(restore(source, tmp_path / "b.png")) == []
    gamma = chunk(b"gAMA", struct.pack(">I", 45455))
    source = with_chunks(saved(tmp_path / "c.png"), chunk(b"sRGB", b"\0"), gamma)
    assert dropped(restore(source, tmp_path / "c.tif")) == ""  # a profile says it better, and is carried


def test_chunks_of_a_webp_are_kept_or_named(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.webp", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>")
    data = source.read_bytes()
    data += Chunk(b"priv", b"odd").packed + Chunk(b"else", b"even").packed
    source.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    before = webp_chunks.read_told(source)
    assert [one.name for one in before] == [b"EXIF", b"XMP ", b"priv", b"else"]
    written = restore(source, tmp_path / "b.webp")
    assert webp_chunks.read_told(tmp_path / "b.webp") == before
    assert codes(written) == ["written-without-loss"]
    assert dropped(restore(source, tmp_path / "b.png")) == "Not carried over: chunk priv, chunk else."


@pytest.mark.parametrize("source", ["a.png", "a.tif", "a.webp", "a.avif"])
@pytest.mark.parametrize("target", [".webp", ".png", ".avif", ".tif"])
@pytest.mark.parametrize("opaque", [True, False])
def test_transparency_that_is_opaque_everywhere(tmp_path: Path, source: str, target: str, opaque: bool) -> None:
    """WebP leaves it out: nothing is lost, so nothing is refused."""
    array = values(4)
    array[..., 3] = 255
    if not opaque:
        array[HOLE] = 0  # as a hole that the mask "alpha" fills and makes opaque
    options = {"quality": 100, "subsampling": "4:4:4"} if source == "a.avif" else {}
    if source == "a.webp":
        options = {"lossless": True, "exact": True}
    picture = read_picture(saved(tmp_path / source, array, **options))
    hole = np.zeros((20, 30), bool)
    hole[HOLE] = True
    picture.pixels[hole] = 255
    expected = picture.pixels[..., :3].copy()
    assert write_picture(picture, tmp_path / f"b{target}", hole=hole).changed_outside == 0
    np.testing.assert_array_equal(read_picture(tmp_path / f"b{target}").pixels[..., :3], expected)


def hdr_avif(path: Path) -> Path:
    """An AVIF that names BT.2020 with PQ."""
    saved(path, quality=100, subsampling="4:4:4")
    heif_boxes.set_colour_space(path, "9/16")
    return path


@pytest.mark.parametrize("source", ["a.avif", "a.png"])
def test_a_colour_space_named_by_numbers_is_kept_or_named(tmp_path: Path, source: str) -> None:
    if source == "a.avif":
        path = hdr_avif(tmp_path / source)
    else:
        path = with_chunks(saved(tmp_path / source), chunk(b"cICP", bytes([9, 16, 0, 1])))
    for target in ("b.avif", "b.png"):
        written = restore(path, tmp_path / target)
        assert "colour space" not in dropped(written)
    assert heif_boxes.read_boxes(tmp_path / "b.avif").colour_space == "9/16"
    assert png_chunks.read_header(tmp_path / "b.png").colour_space == "9/16"
    with Image.open(tmp_path / "b.png") as image:
        image.verify()
    for target in ("b.tif", "b.webp", "b.jpg"):
        assert "the colour space that it names" in dropped(restore(path, tmp_path / target))


def test_an_avif_of_the_usual_colour_space_is_nothing_to_speak_of(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.avif", quality=100, subsampling="4:4:4")
    assert codes(restore(source, tmp_path / "b.tif")) == []


@pytest.mark.parametrize(("subsampling", "said"), [("4:2:0", True), ("4:2:2", True), ("4:4:4", False)])
def test_an_avif_with_less_colour_is_written_as_decoded_and_that_is_said(
    tmp_path: Path, subsampling: str, said: bool
) -> None:
    for array in (values(), values(4)):
        written = restore(saved(tmp_path / "a.avif", array, subsampling=subsampling), tmp_path / "b.avif")
        assert ("colour-as-decoded" in codes(written)) == said
        assert not said or "as libheif decodes them" in written.notes[0]
        written.path.unlink()


def test_an_avif_that_moves_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(values()), Image.fromarray(values()[::-1])]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(ReadError, match="The file holds 2 pictures, and restauro restores one a file"):
        read_picture(tmp_path / "a.avif")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_credentials_that_no_longer_hold(tmp_path: Path, suffix: str) -> None:
    source, manifest = tmp_path / f"a{suffix}", b"jumbjumdc2pa\0manifest"
    if suffix == ".tif":
        tifffile.imwrite(source, values(), photometric="rgb", extratags=[(52545, 7, len(manifest), manifest, True)])
    else:
        saved(source)
        data = source.read_bytes()
    if suffix == ".jpg":
        segment = b"\xff\xeb" + (2 + len(manifest)).to_bytes(2, "big") + manifest
        source.write_bytes(data[:2] + segment + data[2:])
    elif suffix == ".png":
        with_chunks(source, chunk(b"caBX", manifest))
    elif suffix == ".webp":
        data += Chunk(b"C2PA", manifest).packed
        source.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    assert "credentials-invalid" in codes(restore(source, tmp_path / f"b{suffix}"))
    assert manifest in (tmp_path / f"b{suffix}").read_bytes()
    assert "(C2PA)" in dropped(restore(source, tmp_path / "c.avif"))


def test_exif_data_too_long_for_a_jpeg_are_named(tmp_path: Path) -> None:
    told = Image.Exif()
    told[315] = "Artist"
    told.get_ifd(34665)[37500] = bytes(70_000)
    assert "the EXIF data" in dropped(restore(saved(tmp_path / "a.png", exif=told), tmp_path / "b.jpg"))


def test_segments_after_fill_bytes_are_found(tmp_path: Path) -> None:
    data = saved(tmp_path / "a.jpg", comment=b"by hand").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:2] + b"\xff" * 3 + data[2:])
    head = jpeg_segments.read_head(tmp_path / "a.jpg")
    assert jpeg_segments.only_here(head) == ["its comments"]
