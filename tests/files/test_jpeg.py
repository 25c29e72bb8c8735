"""JPEGs whose coded data end too early though the file is closed, and sound ones of all kinds, which are none such."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from restauro.errors import ReadError
from restauro.files.reading import read_picture

END = b"\xff\xd9"
KINDS: dict[str, dict[str, Any]] = {
    "4:2:0": {},
    "4:4:4": {"subsampling": "4:4:4"},
    "4:2:2": {"subsampling": "4:2:2"},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "restart markers": {"restart_marker_blocks": 3},
    "progressive with restart markers": {"progressive": True, "restart_marker_rows": 1},
    "coarse": {"quality": 1},
    "fine": {"quality": 100},
}


def made(kind: str, mode: str = "RGB", height: int = 75, width: int = 101) -> bytes:
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(height * width).normal(0, 12, (height, width, 3))
    pixels = (np.stack([x, y, x + y], -1) + noise).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", **KINDS[kind])
    return file.getvalue()


def read(path: Path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    return read_picture(path).pixels


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.7, 0.95])
def test_a_jpeg_that_was_cut_short_and_closed_is_refused(tmp_path: Path, kind: str, mode: str, share: float) -> None:
    whole = made(kind, mode)
    start = whole.index(b"\xff\xda")
    if kind == "coarse" and share > 0.9:
        return  # a byte or two
    cut = whole[: start + int(share * (len(whole) - start))].rstrip(b"\xff")
    with pytest.raises(ReadError, match=r"damaged or cut short.*get a complete copy"):
        read(tmp_path / "a.jpg", cut + END)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.sampled_from(["RGB", "L", "CMYK"]), st.integers(1, 50), st.integers(1, 50))
def test_sound_jpegs_are_read(
    tmp_path_factory: pytest.TempPathFactory, kind: str, mode: str, height: int, width: int
) -> None:
    data = made(kind, mode, height, width)
    pixels = read(tmp_path_factory.mktemp("sound") / "a.jpg", data)
    plain = pyvips.Image.new_from_buffer(data, "").numpy()
    np.testing.assert_array_equal(pixels, plain.squeeze(axis=2) if plain.ndim == 3 and mode == "L" else plain)


def odd_jfif(data: bytes) -> bytes:
    return data.replace(b"JFIF\0\1\1", b"JFIF\0\7\7")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "oddity",
    [
        lambda data: data + b"what follows" * 9,
        lambda data: data + data,
        lambda data: data[:-2] + bytes(16) + END,
        lambda data: data[:-2] + b"\xff" * 5 + END,
        lambda data: data[:-2] + b"abc" + END,
        lambda data: data[:2] + b"\xff\xff\xff" + data[2:],
        lambda data: data[:20] + b"\0\0\0" + data[20:],
        odd_jfif,
    ],
)
def test_what_is_odd_and_not_cut_short_is_read(tmp_path: Path, kind: str, oddity: Any) -> None:
    """libjpeg warns of some of these."""
    data = made(kind)
    np.testing.assert_array_equal(read(tmp_path / "b.jpg", oddity(data)), read(tmp_path / "a.jpg", data))
