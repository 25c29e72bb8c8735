"""Previews in what files say beside their pixels: left out where they show the damage, with nothing else lost."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, IptcImagePlugin
from PIL.PngImagePlugin import PngInfo

from restauro.files import previews
from restauro.files.jpeg_segments import Segment, read_head, without_previews
from restauro.files.reading import read_picture
from restauro.files.writing import Written, write_picture

SUFFIXES = (".jpg", ".png", ".tif", ".webp", ".avif")
XMP_BEFORE = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5">'
)
XMP_PREVIEW = (
    b'<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><xmpGImg:image>' + b"previewXMP" * 20 + b"</xmpGImg"
    b":image></rdf:li></rdf:Alt></xmp:Thumbnails>"
)
XMP_AFTER = b"<xmp:Label>kept</xmp:Label></rdf:Description></rdf:RDF></x:xmpmeta>"
XMP, XMP_WITHOUT = XMP_BEFORE + XMP_PREVIEW + XMP_AFTER, XMP_BEFORE + XMP_AFTER


def resource(number: int, content: bytes, name: bytes = b"", signature: bytes = b"8BIM") -> bytes:
    called = bytes([len(name)]) + name + b"\0" * (1 - len(name) % 2)
    return (
        signature
        + struct.pack(">H", number)
        + called
        + struct.pack(">I", len(content))
        + content
        + b"\0" * (len(content) % 2)
    )


BEFORE, AFTER = resource(1028, b"\x1c\2\x05\0\3abc"), resource(1005, b"x" * 16, b"named")
RESOURCES = BEFORE + resource(1036, b"previewPSD" * 9 + b"!") + AFTER + resource(1033, b"previewPSD") + AFTER
RESOURCES_WITHOUT = BEFORE + AFTER + AFTER


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(path: Path, *segments: bytes) -> Path:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:20] + b"".join(segments) + data[20:])  # behind the JFIF header
    return path


def restore(source: Path, target: Path) -> Written:
    picture = read_picture(source)
    hole = np.zeros(picture.pixels.shape[:2], bool)
    hole[5:9, 3:20] = True
    picture.pixels[hole] = 255
    return write_picture(picture, target, hole=hole)


def left_out(written: Written) -> list[str]:
    return [str(note) for note in written.notes if note.code == "thumbnail-left-out"]


def said(path: Path) -> dict[str, bytes]:
    return {name: value for name, (_, value) in read_picture(path).metadata.items()}


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", SUFFIXES)
def test_a_preview_in_xmp_data(tmp_path: Path, source: str, target: str) -> None:
    path = tmp_path / f"a{source}"
    in_text = PngInfo()
    in_text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    options: dict[str, Any] = {".png": {"pnginfo": in_text}, ".tif": {"tiffinfo": {700: XMP}}}.get(source, {"xmp": XMP})
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)).save(path, **options)
    assert said(path)["xmp-data"] == XMP
    written = restore(path, tmp_path / f"b{target}")
    assert left_out(written) == ["The small preview in the XMP data was left out: it shows the damage."]
    assert said(written.path)["xmp-data"] == XMP_WITHOUT
    assert b"previewXMP" not in written.path.read_bytes()
    assert left_out(restore(written.path, tmp_path / f"c{target}")) == []


def test_a_preview_in_packed_xmp_data_of_a_png(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    content = b"iTXtXML:com.adobe.xmp\0\1\0en\0\0" + zlib.compress(XMP)
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    written = restore(tmp_path / "a.png", tmp_path / "b.png")
    assert left_out(written)
    assert said(written.path)["xmp-data"] == XMP_WITHOUT


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("kind", ["8bim", "iptc", "exif", "APP1", "xmp"])
def test_a_preview_in_what_imagemagick_keeps_in_texts_of_a_png(tmp_path: Path, kind: str, is_packed: bool) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HIHHHIIHHIII", 0, 14, 2, 513, 4, 1, 44, 514, 4, 1, 10, 0)
    block = {"xmp": XMP, "exif": exif + b"previewIFD", "APP1": exif + b"previewIFD"}.get(kind, RESOURCES)
    digits = "\n".join(block.hex()[start : start + 72] for start in range(0, 2 * len(block), 72))
    text = PngInfo()
    text.add_text(f"Raw profile type {kind}", f"\n{kind}\n{len(block):8d}\n{digits}\n", zip=is_packed)
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "a.png", pnginfo=text)
    written = restore(tmp_path / "a.png", tmp_path / "b.png")
    assert left_out(written) == ["The small preview in the PNG's texts was left out: it shows the damage."]
    with Image.open(tmp_path / "b.png") as image:
        name, length, new = image.text[f"Raw profile type {kind}"].strip().split("\n", 2)  # type: ignore[attr-defined]
    assert (name, int(length)) == (kind, len(bytes.fromhex(new)))
    assert b"preview" not in bytes.fromhex(new)
    assert not kind.startswith(("8", "ip")) or bytes.fromhex(new) == RESOURCES_WITHOUT
    assert left_out(restore(written.path, tmp_path / "c.png")) == []


@pytest.mark.parametrize("source", ["a.jpg", "resources.tif", "iptc.tif"])
@pytest.mark.parametrize("target", ["b.jpg", "b.tif"])
def test_iptc_data_go_from_jpeg_to_tiff_and_back(tmp_path: Path, source: str, target: str) -> None:
    iptc = b"\x1c\2\x05\0\3abc"
    if source == "a.jpg":
        jpeg(tmp_path / source, segment(0xED, b"Photoshop 3.0\0" + BEFORE + AFTER))
    else:
        tags = [(33723, 7, len(iptc), iptc, True), (34377, 7, len(BEFORE + AFTER), BEFORE + AFTER, True)]
        tags = tags if source == "resources.tif" else tags[:1]
        tifffile.imwrite(tmp_path / source, np.zeros((20, 30), np.uint8), extratags=tags)
    written = restore(tmp_path / source, tmp_path / target)
    assert said(written.path)["iptc-data"] == iptc
    assert not any("not-carried-over" in note.code for note in written.notes)
    with Image.open(written.path) as image:
        assert IptcImagePlugin.getiptcinfo(image) == {(2, 5): b"abc"}
    if source != "iptc.tif":
        assert said(written.path)["photoshop-data"] == BEFORE + AFTER


@pytest.mark.parametrize("target", ["b.jpg", "b.tif"])
def test_a_preview_in_resources_of_a_jpeg_longer_than_a_segment(tmp_path: Path, target: str) -> None:
    long = BEFORE + resource(1036, b"previewPSD" * 7000) + AFTER
    parts = [long[:60000], long[60000:]]
    path = jpeg(tmp_path / "a.jpg", *(segment(0xED, b"Photoshop 3.0\0" + part) for part in parts))
    written = restore(path, tmp_path / target)
    assert left_out(written) == ["The small preview in Photoshop's data was left out: it shows the damage."]
    assert b"previewPSD" not in written.path.read_bytes()
    assert said(written.path)["photoshop-data"] == BEFORE + AFTER
    assert said(written.path)["iptc-data"] == b"\x1c\2\x05\0\3abc"
    if target == "b.jpg":
        assert [one.content for one in read_head(written.path) if one.marker == 0xED] == [
            b"Photoshop 3.0\0" + BEFORE + AFTER
        ]


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("target", ["b.tif", "b.jpg", "b.png"])
def test_previews_in_resources_of_a_tiff(tmp_path: Path, byteorder: str, target: str) -> None:
    tags = [(34377, 1, len(RESOURCES), RESOURCES, True), (700, 1, len(XMP), XMP, True)]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint8), byteorder=byteorder, extratags=tags)
    written = restore(tmp_path / "a.tif", tmp_path / target)
    assert left_out(written) == [
        "The small preview in Photoshop's data and in the XMP data was left out: it shows the damage."
    ]
    data = written.path.read_bytes()
    assert b"previewPSD" not in data
    assert b"previewXMP" not in data
    if target == "b.tif":
        with tifffile.TiffFile(written.path) as file:
            assert file.pages[0].tags[34377].value == RESOURCES_WITHOUT
            assert file.pages[0].tags[700].value == XMP_WITHOUT


def test_long_xmp_data_of_a_jpeg(tmp_path: Path) -> None:
    """What is too long for one segment lies in parts, with a digest that the first XMP data name."""

    def parts(packet: bytes) -> tuple[bytes, list[bytes]]:
        digest = hashlib.md5(packet).hexdigest().upper().encode()
        heads = (digest + struct.pack(">II", len(packet), start) for start in range(0, len(packet), 60000))
        cut = (packet[start : start + 60000] for start in range(0, len(packet), 60000))
        content = [b"http://ns.adobe.com/xmp/extension/\0" + head + part for head, part in zip(heads, cut, strict=True)]
        return b'<x xmpNote:HasExtendedXMP="%s"/>' % digest, content

    kept = b"<crs:Look>" + b"k" * 70000 + b"</crs:Look>"
    first, more = parts(XMP_BEFORE + XMP_PREVIEW + kept + XMP_AFTER)
    head = b"http://ns.adobe.com/xap/1.0/\0"
    path = jpeg(tmp_path / "a.jpg", segment(0xE1, head + first), *(segment(0xE1, part) for part in more[::-1]))
    written = restore(path, tmp_path / "b.jpg")
    assert left_out(written) == ["The small preview in the XMP data was left out: it shows the damage."]
    new = [one.content for one in read_head(written.path) if one.marker == 0xE1]
    digest = hashlib.md5(XMP_BEFORE + kept + XMP_AFTER).hexdigest().upper().encode()
    assert new[0] == head + b'<x xmpNote:HasExtendedXMP="%s"/>' % digest
    assert b"".join(part[35 + 40 :] for part in new[1:]) == XMP_BEFORE + kept + XMP_AFTER
    assert [part[35 : 35 + 32] for part in new[1:]] == [digest] * 2
    assert [struct.unpack(">II", part[67:75])[1] for part in new[1:]] == [0, len(new[1]) - 75]


def test_previews_of_jfif(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg", segment(0xE0, b"JFXX\0\x10previewJFXX"))
    data = path.read_bytes()
    with_pixels = segment(0xE0, data[6:18] + b"\2\1" + b"pixels")
    path.write_bytes(data[:2] + with_pixels + data[20:])
    written = restore(path, tmp_path / "b.jpg")
    assert left_out(written) == ["The small preview in the JFIF data was left out: it shows the damage."]
    assert [one.content for one in read_head(written.path) if one.marker == 0xE0] == [data[6:20]]


@given(st.binary(max_size=60), st.integers(0, len(RESOURCES)), st.integers(0, len(XMP)))
def test_what_cannot_be_understood_stays(noise: bytes, cut: int, cut_xmp: int) -> None:
    assert previews.without_resources(RESOURCES) == RESOURCES_WITHOUT
    assert previews.without_resources(noise) == noise
    assert previews.without_xmp(noise) == noise
    resources, packet = RESOURCES[:cut], XMP[:cut_xmp]
    assert len(RESOURCES) - len(resources) + len(previews.without_resources(resources)) >= len(RESOURCES_WITHOUT)
    assert previews.without_xmp(packet) in (packet, XMP_WITHOUT[: len(packet) - len(XMP_PREVIEW)])
    kinds = (0xE0, 0xE1, 0xED)
    segments = [Segment(marker, segment(marker, noise)) for marker in kinds]
    assert without_previews(segments) == [one for one in segments if not one.is_preview]


@pytest.mark.parametrize("block", [resource(1036, b"abc", signature=b"MeSa"), resource(1035, b"abc"), b""])
def test_other_resources_stay(block: bytes) -> None:
    assert previews.without_resources(block + resource(1036, b"abc")) == block


@pytest.mark.parametrize(
    "packet",
    [
        XMP.replace(b"http://ns.adobe.com/xap/1.0/", b"http://else.org/"),
        XMP_BEFORE + b"<xmp:Thumbnails/>" + XMP_AFTER,
        XMP_BEFORE + b"<xmp:Thumbnails2>1</xmp:Thumbnails2>" + XMP_AFTER,
        XMP_BEFORE + b"<xmp:Thumbnails>",
    ],
)
def test_other_xmp_data_stay(packet: bytes) -> None:
    assert previews.without_xmp(packet) == packet
