"""TIFFs of tiles and of packed strips, which are decoded on all cores: the same pixels, and damage is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from restauro.errors import ReadError
from restauro.files import tiff_pages, tiff_parts
from restauro.files.reading import read_picture

LARGE = (2100, 2030)  # pixels, and no whole tiles


def sloping(shape: tuple[int, ...], dtype: str = "u2") -> NDArray[Any]:
    """Return pixels of which none is another's copy."""
    return (np.arange(np.prod(shape), dtype=np.uint32) * 40503 % 65521).reshape(shape).astype(dtype)


def is_in_parts(path: Path, page: int | None = None) -> bool:
    return tiff_parts.is_better_in_parts(tiff_pages.read_page(path, page))


@given(
    height=st.integers(1, 70), width=st.integers(1, 70), bands=st.sampled_from([1, 3, 5]),
    dtype=st.sampled_from(["u1", "u2", "i2", "u4", "f4"]), order=st.sampled_from("<>"),
    tile=st.sampled_from([(16, 16), (32, 16), (16, 80)]),
    coding=st.sampled_from([(None, False), ("zlib", True), ("zlib", False), ("lzw", True), ("packbits", False)]),
)  # fmt: skip
def test_tiles_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, bands: int, dtype: str, order: str,
    tile: tuple[int, int], coding: tuple[str | None, bool],
) -> None:  # fmt: skip
    pixels = sloping((height, width, bands)[: 2 if bands == 1 else 3], dtype)
    path = tmp_path_factory.mktemp("tiles") / "panel.tif"
    options = {"compression": coding[0], "predictor": coding[1], "photometric": "rgb" if bands == 3 else "minisblack"}
    tifffile.imwrite(path, pixels, tile=tile, byteorder=order, planarconfig="contig", **options)
    assert is_in_parts(path)
    picture = read_picture(path)
    assert picture.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(picture.pixels, pixels)
    picture.pixels[0] = 0  # it can be written to


@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_strips_are_those_that_were_written(tmp_path: Path, compression: str, rows: int) -> None:
    path = tmp_path / "panel.tif"
    tifffile.imwrite(path, sloping(LARGE), rowsperstrip=rows, compression=compression, predictor=True)
    assert is_in_parts(path)
    np.testing.assert_array_equal(read_picture(path).pixels, sloping(LARGE))


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_one_bit_tiles_are_black_and_white(tmp_path: Path, photometric: Any) -> None:
    path = tmp_path / "panel.tif"
    bits = sloping((50, 41)) % 3 == 0
    tifffile.imwrite(path, bits, tile=(16, 32), compression="packbits", photometric=photometric)
    assert is_in_parts(path)
    np.testing.assert_array_equal(read_picture(path).pixels, 255 * (bits == (photometric == "minisblack")))


def test_the_page_that_is_asked_for_is_read_from_a_big_tiff(tmp_path: Path) -> None:
    path = tmp_path / "panels.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for k in range(2):
            file.write(sloping((60, 50)) // (k + 1), tile=(32, 32), compression="zlib")
    assert is_in_parts(path, 1)
    np.testing.assert_array_equal(read_picture(path, page=1).pixels, sloping((60, 50)) // 2)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("rows", [{"tile": (64, 64)}, {"rowsperstrip": 64}], ids=["tiles", "strips"])
def test_one_that_is_cut_short_is_refused(tmp_path: Path, compression: str | None, rows: dict[str, Any]) -> None:
    path = tmp_path / "panel.tif"
    tifffile.imwrite(path, sloping((300, 200)), compression=compression, **rows)
    path.write_bytes(path.read_bytes()[:-30_000])
    with pytest.raises(ReadError, match=r"panel\.tif.* damaged or cut short"):
        read_picture(path)


@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_tiles_that_are_damaged_are_refused(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "panel.tif"
    tifffile.imwrite(path, sloping((300, 200)), tile=(64, 64), compression=compression)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"panel\.tif.* damaged or cut short"):
        read_picture(path)
