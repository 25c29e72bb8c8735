"""Masks in files that aren't pictures to restore: written by Pillow and NumPy, read by us."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from restauro.errors import ReadError
from restauro.files.mask_formats import Bitmap, reader_of

GREY = np.random.default_rng(0).integers(0, 256, (11, 13), np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (11, 13, 3), np.uint8)


def read(path: Path) -> Bitmap:
    reader = reader_of(path)
    assert reader
    return reader(path)


def written(path: Path, values: np.ndarray, mode: str | None = None, **options: Any) -> Path:
    image = Image.fromarray(values)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def indexed(numbers: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(numbers, "P")
    image.putpalette([band for colour in colours for band in colour])
    return image


def same_bands(pixels: np.ndarray, grey: np.ndarray) -> bool:
    return bool((np.atleast_3d(pixels) == grey[..., np.newaxis]).all())


@pytest.mark.parametrize("width", [1, 7, 8, 9, 13])
def test_bmp_of_all_depths(tmp_path: Path, width: int) -> None:
    grey, colour = GREY[:, :width], np.ascontiguousarray(COLOUR[:, :width])
    assert same_bands(read(written(tmp_path / "8.bmp", grey)).pixels, grey)
    np.testing.assert_array_equal(read(written(tmp_path / "24.bmp", colour)).pixels, colour)
    np.testing.assert_array_equal(read(written(tmp_path / "32.bmp", colour, "RGBA")).pixels[..., :3], colour)
    bits = np.where(grey > 127, 255, 0).astype(np.uint8)
    assert same_bands(read(written(tmp_path / "1.bmp", bits, "1")).pixels, bits)
    numbers = grey % 3
    indexed(numbers, [(0, 0, 0), (128, 0, 0), (0, 128, 0)]).save(tmp_path / "p.bmp")
    found = read(tmp_path / "p.bmp")
    assert found.palette is not None
    np.testing.assert_array_equal(found.palette[:3], [(0, 0, 0), (128, 0, 0), (0, 128, 0)])
    np.testing.assert_array_equal(found.pixels, found.palette[numbers])


def test_a_bmp_from_top_to_bottom_and_one_of_four_bits(tmp_path: Path) -> None:
    data = bytearray(written(tmp_path / "a.bmp", COLOUR).read_bytes())
    data[22:26] = (-len(COLOUR)).to_bytes(4, "little", signed=True)
    (tmp_path / "a.bmp").write_bytes(data)
    np.testing.assert_array_equal(read(tmp_path / "a.bmp").pixels, COLOUR[::-1])
    head = b"BM" + bytes(8) + (14 + 40 + 64).to_bytes(4, "little") + (40).to_bytes(4, "little")
    head += (3).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\1\0\4\0" + bytes(24)
    palette = bytes(band for grey in range(16) for band in (grey, grey, grey, 0))
    (tmp_path / "4.bmp").write_bytes(head + palette + b"\x5a\xf0\0\0")
    assert same_bands(read(tmp_path / "4.bmp").pixels, np.array([[5, 10, 15]]))


@pytest.mark.parametrize("full", [1, 100, 255, 1000, 65535])
@pytest.mark.parametrize("plain", [False, True])
def test_pgm(tmp_path: Path, full: int, plain: bool) -> None:
    values = GREY.astype(np.int64) * full // 255
    head = f"P{2 if plain else 5}\n# by hand\n13 11 # and so on\n{full}\n".encode()
    text = " ".join(map(str, values.ravel())).encode()
    body = text if plain else values.astype("u1" if full < 256 else ">u2").tobytes()
    (tmp_path / "a.pgm").write_bytes(head + body)
    found = read(tmp_path / "a.pgm")
    np.testing.assert_array_equal(found.pixels, values)
    assert found.full == full
    assert found.pixels.dtype.isnative


def test_of_a_pbm_one_is_black(tmp_path: Path) -> None:
    bits = GREY > 127
    image = Image.fromarray(np.where(bits, 255, 0).astype(np.uint8)).convert("1")
    image.save(tmp_path / "a.pbm", format="PPM")
    assert (tmp_path / "a.pbm").read_bytes().startswith(b"P4")
    np.testing.assert_array_equal(read(tmp_path / "a.pbm").pixels, bits)
    (tmp_path / "b.pbm").write_bytes(b"P1\n3 2\n010\n1 1 0\n")
    np.testing.assert_array_equal(read(tmp_path / "b.pbm").pixels, [[1, 0, 1], [0, 0, 1]])


def test_gif_with_and_without_transparency(tmp_path: Path) -> None:
    numbers = GREY % 2
    indexed(numbers, [(0, 0, 0), (255, 0, 0)]).save(tmp_path / "a.gif")
    found = read(tmp_path / "a.gif")
    np.testing.assert_array_equal(found.pixels[..., :3], numbers[..., np.newaxis] * np.array([255, 0, 0]))
    assert found.palette is not None
    np.testing.assert_array_equal(found.palette[:2], [(0, 0, 0), (255, 0, 0)])
    indexed(numbers, [(0, 0, 0), (255, 0, 0)]).save(tmp_path / "b.gif", transparency=0)
    found = read(tmp_path / "b.gif")
    assert found.has_alpha
    np.testing.assert_array_equal(found.pixels[..., -1], 255 * numbers)


def test_a_gif_that_moves_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.roll(GREY, k)) for k in range(2)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ReadError, match="holds 2 pictures"):
        read(tmp_path / "a.gif")


@pytest.mark.parametrize("dtype", ["?", "u1", ">u2", "<i4", "i8", ">f4", "f8"])
@pytest.mark.parametrize("shape", [(11, 13), (11, 13, 1)])
def test_npy(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    values = (GREY > 127).reshape(shape).astype(dtype)
    np.save(tmp_path / "a.npy", values)
    found = read(tmp_path / "a.npy")
    assert found.pixels.shape == (11, 13)
    assert found.pixels.dtype.isnative
    np.testing.assert_array_equal(found.pixels, GREY > 127)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros(5), r"It is an array \(5,\) of float64: a mask is \[H, W\] of bools"),
        (np.zeros((2, 2), complex), "of complex128: a mask"),
        (np.array([[None]]), "damaged or cut short"),
    ],
)
def test_arrays_that_are_no_masks(tmp_path: Path, values: np.ndarray, sentence: str) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(ReadError, match=sentence):
        read(tmp_path / "a.npy")


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "npy":
        np.save(buffer, GREY)
    else:
        Image.fromarray(GREY).save(buffer, format={"pgm": "PPM"}.get(kind, kind))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["bmp", "gif", "pgm", "npy"])
def test_files_cut_short_are_sentences(tmp_path: Path, kind: str) -> None:
    """Wherever they are cut; a GIF's end says nothing, and libvips reads one without."""
    whole = encoded(kind)
    for size in range(8, len(whole) - 8, 7):
        (tmp_path / "cut").write_bytes(whole[:size])
        reader = reader_of(tmp_path / "cut")
        assert reader
        with pytest.raises((ReadError, pyvips.Error)):
            reader(tmp_path / "cut")


@pytest.mark.parametrize("kind", ["bmp", "pgm", "npy", "gif"])
def test_changed_bytes_are_read_or_refused(tmp_path: Path, kind: str) -> None:
    """Nothing but sentences, whatever a header says."""
    rng = np.random.default_rng(7)
    whole = np.frombuffer(encoded(kind), np.uint8)
    for _ in range(150):
        data = whole.copy()
        data[rng.integers(6, 60, 3)] = rng.integers(0, 256, 3)
        (tmp_path / "a").write_bytes(data.tobytes())
        reader = reader_of(tmp_path / "a")
        if reader:
            try:
                reader(tmp_path / "a")
            except (ReadError, pyvips.Error):
                continue


def test_other_files_have_no_reader(tmp_path: Path) -> None:
    for name, data in {"a.png": b"\x89PNG", "b.txt": b"P5x no picture", "c": b""}.items():
        (tmp_path / name).write_bytes(data)
        assert reader_of(tmp_path / name) is None
    assert reader_of(tmp_path / "missing") is None
