"""A restored JPEG: coefficients and segments, read back with jpeglib and Pillow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import jpeglib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn, idctn

from restauro.errors import WriteError
from restauro.files.jpeg_blocks import _COSINES, check_rewritable, rewrite_blocks
from restauro.files.reading import read_picture
from restauro.files.writing import write_picture

KINDS: dict[str, dict[str, Any]] = {
    "4:2:0": {"subsampling": "4:2:0"},
    "4:2:2": {"subsampling": "4:2:2"},
    "4:4:4": {"subsampling": "4:4:4"},
    "progressive": {"progressive": True, "subsampling": "4:2:0"},
    "progressive 4:4:4": {"progressive": True, "subsampling": "4:4:4"},
    "rgb": {"keep_rgb": True},
    "restart markers": {"restart_marker_rows": 1},
    "grey": {},
    "progressive grey": {"progressive": True},
}


def scene(height: int = 75, width: int = 101) -> NDArray[np.uint8]:
    """Return a smooth picture with some grain, whose sides are no multiples of a block's."""
    y, x = np.mgrid[:height, :width]
    bands = [128 + 90 * np.sin(x / 9 + band) * np.cos(y / (7 + band)) for band in range(3)]
    noise = np.random.default_rng(1).normal(0, 4, (height, width, 3))
    return (np.stack(bands, axis=2) + noise).clip(0, 255).astype(np.uint8)


def saved(path: Path, kind: str, array: NDArray[np.uint8] | None = None, **more: Any) -> Path:
    image = Image.fromarray(scene() if array is None else array)
    image = image.convert("L") if "grey" in kind else image
    image.save(path, "JPEG", **({"quality": 90} | KINDS[kind] | more))
    return path


def some_hole(shape: tuple[int, int]) -> NDArray[np.bool_]:
    hole = np.zeros(shape, bool)
    hole[10:13, 3:60] = True
    hole[40, 40] = True
    hole[70:, 95:] = True  # up to the corner, beyond the last whole block
    return hole


def coefficients(path: Path) -> list[NDArray[np.int16]]:
    jpeg = jpeglib.read_dct(str(path))
    return [component for component in (jpeg.Y, jpeg.Cb, jpeg.Cr) if component is not None]


def decoded(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


@pytest.mark.parametrize("kind", KINDS)
def test_only_touched_blocks_get_new_coefficients(tmp_path: Path, kind: str) -> None:
    source, target = saved(tmp_path / "a.jpg", kind), tmp_path / "b.jpg"
    hole = some_hole((75, 101))
    pixels = decoded(source)
    pixels[hole] = 255 - pixels[hole]
    rewrite_blocks(source, target, pixels, hole)
    for old, new in zip(coefficients(source), coefficients(target), strict=True):
        assert old.shape == new.shape
        down, across = round(10 / old.shape[0]), round(13 / old.shape[1])  # by how much colour is coarser
        for row in range(old.shape[0]):
            for column in range(old.shape[1]):
                box = hole[row * 8 * down : (row + 1) * 8 * down, column * 8 * across : (column + 1) * 8 * across]
                if not box.any():
                    np.testing.assert_array_equal(old[row, column], new[row, column])
    assert any((old != new).any() for old, new in zip(coefficients(source), coefficients(target), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_away_from_touched_blocks_are_decoded_the_same(tmp_path: Path, kind: str) -> None:
    source, target = saved(tmp_path / "a.jpg", kind), tmp_path / "b.jpg"
    hole = some_hole((75, 101))
    pixels = decoded(source)
    pixels[hole] = 255 - pixels[hole]
    rewritten = rewrite_blocks(source, target, pixels, hole)
    changed = (decoded(source) != decoded(target)).reshape(75, 101, -1).any(axis=2)
    assert not (changed & ~rewritten.touched).any()
    assert (changed & hole).any()
    height, width = rewritten.block_shape
    margin = 0 if (height, width) == (8, 8) else 1
    expected = np.zeros((75, 101), bool)
    blocks = {(row // height, column // width) for row, column in np.argwhere(hole).tolist()}
    for row, column in blocks:
        top, left = max(row * height - margin, 0), max(column * width - margin, 0)
        expected[top : (row + 1) * height + margin, left : (column + 1) * width + margin] = True
    np.testing.assert_array_equal(rewritten.touched, expected)
    assert rewritten.blocks == len(blocks)
    assert rewritten.all_blocks == -(-75 // height) * -(-101 // width)


@pytest.mark.parametrize("kind", KINDS)
def test_filled_pixels_are_as_near_as_the_tables_allow(tmp_path: Path, kind: str) -> None:
    """As near as if the whole restored picture were encoded with these tables, and the known pixels stay near too."""
    damaged, hole = scene(), some_hole((75, 101))
    damaged[hole] = (255, 0, 0)
    source, target = saved(tmp_path / "a.jpg", kind, damaged), tmp_path / "b.jpg"
    restored = decoded(source)
    restored[hole] = decoded(saved(tmp_path / "clean.jpg", kind))[hole]
    rewrite_blocks(source, target, restored, hole)
    saved(tmp_path / "whole.jpg", "grey" if "grey" in kind else kind, restored)
    far = np.abs(decoded(target).astype(float) - restored)
    reference = np.abs(decoded(tmp_path / "whole.jpg").astype(float) - restored)
    assert far[hole].mean() <= 1.1 * reference[hole].mean() + 0.2
    assert far[~hole].mean() <= reference[~hole].mean()


@pytest.mark.parametrize("quality", [30, 75, 100])
def test_a_hole_of_whole_blocks_is_encoded_as_the_picture_would_be(tmp_path: Path, quality: int) -> None:
    """Against Pillow: where all of a block is new, its coefficients are those of the new picture, up to rounding."""
    source = saved(tmp_path / "a.jpg", "grey", quality=quality)
    new = scene()[::-1]
    grey = np.asarray(Image.fromarray(new).convert("L"))
    hole = np.zeros((75, 101), bool)
    hole[16:48, 24:80] = True
    pixels = decoded(source)
    pixels[hole] = grey[hole]
    rewrite_blocks(source, tmp_path / "b.jpg", pixels, hole)
    saved(tmp_path / "c.jpg", "grey", new, quality=quality)
    ours, pillows = coefficients(tmp_path / "b.jpg")[0], coefficients(tmp_path / "c.jpg")[0]
    difference = np.abs(ours[2:6, 3:10].astype(int) - pillows[2:6, 3:10])
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.1  # Pillow's transform is in integers


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_change_keeps_every_coefficient(tmp_path: Path, kind: str) -> None:
    source, target = saved(tmp_path / "a.jpg", kind), tmp_path / "b.jpg"
    rewrite_blocks(source, target, decoded(source), np.zeros((75, 101), bool))
    for old, new in zip(coefficients(source), coefficients(target), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(decoded(source), decoded(target))


@pytest.mark.parametrize("kind", KINDS)
def test_coding_tables_and_sampling_are_kept(tmp_path: Path, kind: str) -> None:
    source, target = saved(tmp_path / "a.jpg", kind), tmp_path / "b.jpg"
    hole = some_hole((75, 101))
    rewrite_blocks(source, target, decoded(source)[::-1].copy(), hole)
    with Image.open(source) as old, Image.open(target) as new:
        assert old.mode == new.mode
        assert old.quantization == new.quantization
        assert old.layer == new.layer  # components, their sampling and tables
        assert old.info.get("progressive") == new.info.get("progressive")


def segments(data: bytes) -> list[bytes]:
    """Return the application and comment segments of a JPEG, up to its first scan."""
    found, position = [], 2
    while data[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position + 1] >= 0xE0:
            found.append(data[position:end])
        position = end
    return found


@pytest.mark.parametrize("kind", ["4:2:0", "progressive", "grey", "rgb"])
def test_every_segment_is_kept_byte_for_byte(tmp_path: Path, kind: str) -> None:
    exif = Image.Exif()
    exif[315], exif[274] = "Artist", 3
    exif.get_ifd(34665)[37500] = bytes(range(256))
    profile, xmp = bytes(range(250)) * 800, b"<x:xmpmeta/>" * 500
    source = saved(
        tmp_path / "a.jpg", kind, exif=exif, icc_profile=profile, xmp=xmp, comment=b"by hand", dpi=(300, 300)
    )
    data = source.read_bytes()
    more = b"".join(b"\xff\xed" + (2 + 40).to_bytes(2, "big") + b"Photoshop 3.0\0" + bytes(26) for _ in range(60))
    source.write_bytes(data.replace(b"\xff\xfe", more + b"\xff\xfe", 1))  # before the comment
    assert len(segments(source.read_bytes())) > 65  # more than jpeglib would keep
    rewrite_blocks(source, tmp_path / "b.jpg", decoded(source)[::-1].copy(), some_hole((75, 101)))
    assert segments(source.read_bytes()) == segments((tmp_path / "b.jpg").read_bytes())
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["icc_profile"] == profile
        assert image.info["xmp"] == xmp
        assert image.info["comment"] == b"by hand"
        assert image.getexif().get_ifd(34665)[37500] == bytes(range(256))


@pytest.mark.parametrize("kind", ["4:2:0", "progressive", "rgb"])
def test_colour_space_told_by_the_names_of_components_alone(tmp_path: Path, kind: str) -> None:
    source = saved(tmp_path / "a.jpg", kind)
    data = source.read_bytes()
    for segment in segments(data):
        data = data.replace(segment, b"", 1)
    source.write_bytes(data)
    pixels, hole = decoded(source), some_hole((75, 101))
    pixels[hole] = (200, 100, 50)
    rewritten = rewrite_blocks(source, tmp_path / "b.jpg", pixels, hole)
    after = decoded(tmp_path / "b.jpg")
    np.testing.assert_array_equal(after[~rewritten.touched], decoded(source)[~rewritten.touched])
    assert np.abs(after[hole].astype(int) - (200, 100, 50)).mean() < 20


def test_what_follows_the_picture_is_left_out_and_so_is_what_points_to_it(tmp_path: Path) -> None:
    images = [Image.fromarray(scene()), Image.fromarray(scene()[::-1])]
    images[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=images[1:])
    data = (tmp_path / "a.jpg").read_bytes()
    assert b"MPF\0" in data
    picture, hole = read_picture(tmp_path / "a.jpg"), some_hole((75, 101))
    picture.pixels[hole] = 0
    written = write_picture(picture, tmp_path / "b.jpg", hole=hole)
    assert "What follows the picture in the file" in written.notes[1]
    assert b"MPF\0" not in written.path.read_bytes()
    with Image.open(written.path) as image:
        assert image.format == "JPEG"


def test_write_picture_says_how_many_blocks(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "a.jpg", "4:2:0"))
    hole = np.zeros((75, 101), bool)
    hole[5:20, 5] = True
    picture.pixels[hole] = 0
    written = write_picture(picture, tmp_path / "b.jpg", hole=hole)
    assert written.changed_outside == 0
    assert written.notes == (
        "2 of 35 blocks of 16x16 pixels, those that the holes touch, were encoded anew; all others are as they were.",
    )


def test_a_changed_coefficient_elsewhere_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, hole = read_picture(saved(tmp_path / "a.jpg", "4:2:0")), some_hole((75, 101))
    picture.pixels[hole] = 0

    def rewrite_badly(source: Path, target: Path, pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> Any:
        rewritten = rewrite_blocks(source, target, pixels, hole)
        jpeg = jpeglib.read_dct(str(target))
        jpeg.Y[4, 8, 0, 0] += 5
        jpeg.write_dct(str(target))
        return rewritten

    monkeypatch.setattr("restauro.files.jpeg_blocks.rewrite_blocks", rewrite_badly)
    with pytest.raises(WriteError, match=r"^64 pixels outside the hole would have changed in the file"):
        write_picture(picture, tmp_path / "b.jpg", hole=hole)
    assert not (tmp_path / "b.jpg").exists()


def test_cmyk_is_refused_with_the_remedy(tmp_path: Path) -> None:
    Image.fromarray(scene()).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(WriteError, match=r"because it is in CMYK: write the picture to a TIFF \(\.tif\)"):
        check_rewritable(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (1, 0xC9, "its coding is arithmetic-coded"),
        (1, 0xC3, "its coding is lossless"),
        (4, 12, "it has 12 bits a sample"),
        (11, 0x32, r"its components are sampled in odd proportions \(\[\(2, 3\), \(1, 2\), \(1, 2\)\]\)"),
    ],
)
def test_other_codings_are_refused(tmp_path: Path, offset: int, value: int, reason: str) -> None:
    data = bytearray(saved(tmp_path / "a.jpg", "4:2:0").read_bytes())
    frame = data.index(b"\xff\xc0")
    if offset == 11:
        data[frame + 14] = data[frame + 17] = 0x21
    data[frame + offset] = value
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(WriteError, match=reason):
        check_rewritable(tmp_path / "a.jpg")


def test_filling_bytes_before_markers(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", "4:2:0")
    source.write_bytes(source.read_bytes().replace(b"\xff\xc0", b"\xff\xff\xff\xc0", 1))
    pixels, hole = decoded(source), some_hole((75, 101))
    pixels[hole] = 0
    assert rewrite_blocks(source, tmp_path / "b.jpg", pixels, hole).left_out == 0
    assert decoded(tmp_path / "b.jpg")[10, 20].max() < 60


def test_a_picture_smaller_than_a_block(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", "4:2:0", scene(3, 5))
    hole = np.ones((3, 5), bool)
    rewrite_blocks(source, tmp_path / "b.jpg", np.full((3, 5, 3), 50, np.uint8), hole)
    assert np.abs(decoded(tmp_path / "b.jpg").astype(int) - 50).max() <= 2


def test_bytes_that_pillow_reads_as_one_frame(tmp_path: Path) -> None:
    """Nothing of jpeglib's own segments is left beside the original's."""
    source = saved(tmp_path / "a.jpg", "4:2:0")
    rewrite_blocks(source, tmp_path / "b.jpg", decoded(source), some_hole((75, 101)))
    assert (tmp_path / "b.jpg").read_bytes().count(b"JFIF\0") == 1
    with Image.open(io.BytesIO((tmp_path / "b.jpg").read_bytes())) as image:
        image.verify()


@pytest.mark.parametrize("marker", [b"\xff\x92", b"\xff\xff\x42"])
def test_a_damaged_jpeg_is_what_is_wrong_and_not_the_target(tmp_path: Path, marker: bytes) -> None:
    """Decoders read over bytes that mean nothing; copying blocks can't."""
    source = saved(tmp_path / "a.jpg", "4:2:0")
    data = source.read_bytes()
    middle = len(data) - 300
    source.write_bytes(data[:middle] + marker + data[middle:])
    hole = some_hole((75, 101))
    with pytest.raises(WriteError, match=r"^The JPEG is damaged \(.*\), so its blocks can't be copied: get a complete"):
        rewrite_blocks(source, tmp_path / "b.jpg", np.zeros((75, 101, 3), np.uint8), hole)


def test_coded_data_that_end_too_early_are_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: str) -> None:
        raise OSError("reading info of old.jpg failed.")

    source = saved(tmp_path / "a.jpg", "4:2:0")
    monkeypatch.setattr(jpeglib, "read_dct", failing)
    with pytest.raises(WriteError, match=r"The JPEG is damaged \(its coded data end too early or are no such data\)"):
        rewrite_blocks(source, tmp_path / "b.jpg", np.zeros((75, 101, 3), np.uint8), some_hole((75, 101)))


def test_a_table_with_zeros_is_damage(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", "4:2:0")
    data = bytearray(source.read_bytes())
    data[data.index(b"\xff\xdb") + 9] = 0
    source.write_bytes(data)
    with pytest.raises(WriteError, match=r"The JPEG is damaged \(a table of it has zeros\)"):
        rewrite_blocks(source, tmp_path / "b.jpg", np.zeros((75, 101, 3), np.uint8), some_hole((75, 101)))


def test_the_transform_is_that_of_scipy() -> None:
    samples = np.random.default_rng(0).integers(-128, 128, (500, 8, 8)).astype(np.float32)
    coefficients = dctn(samples.astype(float), axes=(1, 2), norm="ortho")
    np.testing.assert_allclose(_COSINES @ samples @ _COSINES.T, coefficients, rtol=0, atol=3e-4)
    back = _COSINES.T @ coefficients.astype(np.float32) @ _COSINES
    np.testing.assert_allclose(back, idctn(coefficients, axes=(1, 2), norm="ortho"), rtol=0, atol=1e-4)
