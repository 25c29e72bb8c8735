"""What a picture says of its own pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from restauro.picture import Picture, unknown_pixels


def picture(pixels: NDArray[Any], nodata: float | None = None, *, has_alpha: bool = False) -> Picture:
    return Picture(pixels, Path("a.tif"), "tiff", 1, has_alpha, nodata=nodata)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("i2", -32768), ("i2", -9999), ("u2", 65535), ("f4", -9999), ("f4", -3.4028234663852886e38), ("f8", 1e300)],
)
@pytest.mark.parametrize("bands", [None, 1, 2])
def test_nodata_in_any_band_is_unknown(dtype: str, nodata: float, bands: int | None) -> None:
    values = np.random.default_rng(0).random((600, 7) if bands is None else (600, 7, bands)) * 100
    pixels = (values + 1).astype(dtype)
    expected = np.zeros((600, 7), bool)
    expected[[0, 300, 599], [0, 3, 6]] = True
    pixels[expected if bands is None else (*np.nonzero(expected), 0)] = nodata
    found = unknown_pixels(picture(pixels, nodata))
    assert found is not None
    np.testing.assert_array_equal(found, expected)


def test_nan_is_unknown_whatever_the_file_names() -> None:
    pixels = np.ones((5, 6, 2), np.float32)
    pixels[1, 2, 0], pixels[3, 4] = np.nan, -9999
    for nodata, expected in ((None, [(1, 2)]), (np.nan, [(1, 2)]), (-9999, [(1, 2), (3, 4)])):
        found = unknown_pixels(picture(pixels, nodata))
        assert found is not None
        assert [tuple(place) for place in np.argwhere(found)] == expected


def test_a_pure_colour_of_eight_bits_is_known() -> None:
    pixels = np.full((3, 4, 4), 9, np.uint8)
    pixels[0, 0], pixels[1, 1] = (255, 0, 0, 255), (0, 0, 0, 255)
    found = unknown_pixels(picture(pixels, 0, has_alpha=True))
    assert found is not None
    assert np.argwhere(found).tolist() == [[1, 1]]


@pytest.mark.parametrize("bands", [2, 4])
def test_transparency_is_no_band_of_unknown_values_and_all_others_are(bands: int) -> None:
    pixels = np.ones((3, 6, bands), np.float32)
    for band in range(bands):
        pixels[1, band, band] = np.nan
        pixels[2, band, band] = -9999
    found = unknown_pixels(picture(pixels, -9999, has_alpha=True))
    assert found is not None
    assert np.argwhere(found).tolist() == [[row, band] for row in (1, 2) for band in range(bands - 1)]


@pytest.mark.parametrize(("dtype", "nodata"), [("u1", -9999), ("u2", 1.5), ("i2", 1e20), ("u1", None), ("f4", None)])
def test_what_pixels_cannot_hold_is_nowhere(dtype: str, nodata: float | None) -> None:
    assert unknown_pixels(picture(np.ones((3, 4), dtype), nodata)) is None
