"""Masks that a picture holds itself: transparency, NaN, values, colours, missing data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from restauro.errors import MaskError
from restauro.files.reading import read_picture
from restauro.mask import grow_mask
from restauro.picture_mask import read_mask
from tests.marked import HOLE, MARKS, picture, saved


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_transparency_is_a_mask(dtype: type) -> None:
    full = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = np.full((*MARKS.shape, 4), full, dtype)
    pixels[HOLE, 3] = 0
    found = read_mask("alpha", picture(pixels, has_alpha=True))
    np.testing.assert_array_equal(found.hole, HOLE)
    assert found.notes == ()
    pixels[0, :4, 3] = full * 0.75
    pixels[1, :4, 3] = full * 0.25
    expected = HOLE.copy()
    expected[1, :4] = True
    found = read_mask("alpha", picture(pixels, has_alpha=True))
    np.testing.assert_array_equal(found.hole, grow_mask(expected, 1))
    assert "The transparency has values between" in found.notes[0]


def test_transparency_needs_a_band_of_it() -> None:
    with pytest.raises(MaskError, match="has no transparency to take the mask from: give a mask file"):
        read_mask("alpha", picture())


@pytest.mark.parametrize("bands", [(), (3,)])
def test_nan_is_a_mask(bands: tuple[int, ...]) -> None:
    pixels = np.zeros((*MARKS.shape, *bands), np.float32)
    pixels[(*np.nonzero(HOLE), *[1] * len(bands))] = np.nan
    pixels[0, 0] = np.inf
    np.testing.assert_array_equal(read_mask("nan", picture(pixels)).hole, HOLE)


def test_whole_numbers_have_no_nan() -> None:
    with pytest.raises(MaskError, match=r"values are whole numbers \(uint8\), so none is NaN"):
        read_mask("nan", picture())


@pytest.mark.parametrize("scale", [1, 257])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_colour_is_a_mask(scale: int, has_alpha: bool) -> None:
    pixels = np.full((*MARKS.shape, 3 + has_alpha), 100, np.uint8 if scale == 1 else np.uint16)
    pixels[HOLE, :3] = np.array([250, 16, 0]) * scale
    pixels[3, 4, :3] = np.array([242, 24, 8]) * scale  # 8 off
    pixels[3, 5, :3] = np.array([241, 16, 0]) * scale  # 9 off
    the_picture = picture(pixels, has_alpha=has_alpha)
    exact, near = HOLE.copy(), HOLE.copy()
    exact[3, 4:6] = near[3, 5] = False
    np.testing.assert_array_equal(read_mask("color:#FA1000", the_picture).hole, exact)
    np.testing.assert_array_equal(read_mask("colour:fa1000", the_picture, tolerance=8).hole, near)


def test_a_grey_colour_marks_a_grey_picture() -> None:
    the_picture = picture(np.where(HOLE, 255, 100).astype(np.uint8), kind="jpeg")
    found = read_mask("color:#ffffff", the_picture)
    np.testing.assert_array_equal(found.hole, grow_mask(HOLE, 1))
    assert found.notes == ("A JPEG blurs colours: what is within 40 of that colour was taken, and grown by 1 pixel.",)
    assert "within 1 of that colour" in read_mask("color:#ffffff", the_picture, tolerance=1).notes[0]
    with pytest.raises(MaskError, match="is grey and the colour #ff0000 isn't"):
        read_mask("color:#ff0000", the_picture)


@pytest.mark.parametrize(("shape", "dtype"), [((4, 4, 5), np.uint8), ((4, 4, 3), np.float32)])
def test_a_colour_needs_an_rgb_picture_of_known_scale(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(MaskError, match=f"needs a grey or RGB picture of 8 or 16 bits, not {shape[2]} bands of"):
        read_mask("color:#ffffff", picture(np.zeros(shape, dtype)))


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8])
def test_a_value_is_a_mask(dtype: type) -> None:
    void = 7 if dtype is np.uint8 else -9999
    pixels = np.where(HOLE, void, 100).astype(dtype)
    np.testing.assert_array_equal(read_mask(f"value:{void}", picture(pixels)).hole, HOLE)
    bands = np.stack([pixels, np.full_like(pixels, 50)], axis=2)
    assert not read_mask(f"value:{void}", picture(bands)).hole.any()  # all bands
    np.testing.assert_array_equal(read_mask(f"value:{void}", picture(bands, has_alpha=True)).hole, HOLE)
    assert not read_mask("value:101", picture(pixels)).hole.any()


def test_values_of_floats_are_those_that_they_hold() -> None:
    pixels = np.where(HOLE, -3.4028234663852886e38, 0.1).astype(np.float32)
    np.testing.assert_array_equal(read_mask("value:-3.4028234663852886e+38", picture(pixels)).hole, HOLE)
    np.testing.assert_array_equal(read_mask("value:0.1", picture(pixels)).hole, ~HOLE)
    pixels = np.where(HOLE, np.inf, 0).astype(np.float32)
    np.testing.assert_array_equal(read_mask("value:inf", picture(pixels)).hole, HOLE)


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        ("value:-9999", r"No pixel can be -9999: .* whole numbers from 0 to 255 \(uint8\)"),
        ("value:0.5", "No pixel can be 0.5"),
        ("value:inf", "No pixel can be inf"),
        ("value:nan", 'NaN equals nothing: use mask="nan" for what is NaN'),
        ("value:", "'' isn't a number: a mask by value is, for instance, value:-9999"),
        ("value:#ffffff", "'#ffffff' isn't a number"),
    ],
)
def test_values_that_cannot_be(mask: str, sentence: str) -> None:
    with pytest.raises(MaskError, match=sentence):
        read_mask(mask, picture())


def test_marks_in_a_jpeg_are_found_with_what_its_coarser_colour_smears(tmp_path: Path) -> None:
    """Red strokes on a photograph-like ground, saved as phones and scanners do: hardly any red left."""
    rows, columns = np.mgrid[:240, :320]
    ground = np.stack([120 + 40 * np.sin(rows / 17), 110 + 30 * np.cos(columns / 23), 90 + rows / 8], axis=2)
    rng = np.random.default_rng(3)
    strokes = np.zeros((240, 320), bool)
    for _ in range(25):
        top, left, width = rng.integers(5, 220), rng.integers(5, 260), rng.integers(3, 8)
        strokes[top : top + width, left : left + 50] = True
    marked = np.where(strokes[..., np.newaxis], [255, 0, 0], ground).astype(np.uint8)
    for options, grown in (({"subsample_mode": "on"}, 3), ({"subsample_mode": "off"}, 1)):
        clean = read_picture(saved(tmp_path / "clean.jpg", ground.astype(np.uint8), Q=85, **options)).pixels
        the_picture = read_picture(saved(tmp_path / "marked.jpg", marked, Q=85, **options))
        found = read_mask("color:#ff0000", the_picture)
        assert f"grown by {grown} pixel" in found.notes[0]
        differs = np.abs(the_picture.pixels.astype(int) - clean).max(axis=2) > 40
        assert differs.sum() >= strokes.sum()
        assert (differs & ~found.hole).sum() < 0.001 * strokes.sum()
        assert (found.hole & ~grow_mask(strokes, 5)).sum() == 0


def with_nodata(path: Path, values: np.ndarray, nodata: str) -> Path:
    tifffile.imwrite(path, values, extratags=[(42113, 2, len(nodata) + 1, nodata, True)])
    return path


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [(np.int16, "-32768"), (np.int16, "-9999"), (np.float32, "-9999"), (np.float32, "-3.40282346638529e+38")],
)
def test_nodata_is_a_mask(tmp_path: Path, dtype: type, nodata: str) -> None:
    values = np.where(HOLE, float(nodata), 100).astype(dtype)
    the_picture = read_picture(with_nodata(tmp_path / "dem.tif", values, nodata))
    np.testing.assert_array_equal(read_mask("nodata", the_picture).hole, HOLE)
    assert not read_mask("nodata", read_picture(with_nodata(tmp_path / "dem.tif", values, "77"))).hole.any()


def test_nan_is_nodata_only_where_the_file_says_so(tmp_path: Path) -> None:
    values = np.where(HOLE, -9999, 100).astype(np.float32)
    values[0, :3] = np.nan
    found = read_mask("nodata", read_picture(with_nodata(tmp_path / "a.tif", values, "-9999")))
    np.testing.assert_array_equal(found.hole, HOLE)
    found = read_mask("nodata", read_picture(with_nodata(tmp_path / "a.tif", values, "nan")))
    np.testing.assert_array_equal(found.hole, np.isnan(values))


def test_the_mask_inside_of_a_geotiff_says_where_no_data_is(tmp_path: Path) -> None:
    """As GDAL writes it: a page of the same size, marked as a transparency mask, whose non-zero pixels are valid."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(np.full((*HOLE.shape, 3), 90, np.uint8), photometric="rgb")
        file.write(~HOLE, subfiletype=4, photometric=4)
    found = read_mask("nodata", read_picture(path))
    np.testing.assert_array_equal(found.hole, HOLE)
    assert found.notes == ("The file's own mask stays as it was, and calls what was filled missing.",)


def test_no_nodata_is_said() -> None:
    with pytest.raises(MaskError, match='names no nodata value, and has no mask inside: use mask="value:-9999" for'):
        read_mask("nodata", picture())
