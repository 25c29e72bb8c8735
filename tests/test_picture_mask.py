"""Masks in files: what they mean in a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from restauro.errors import MaskError, ReadError
from restauro.mask import grow_mask
from restauro.picture import as_stored
from restauro.picture_mask import check_sizes, read_mask
from tests.marked import HOLE, MARKS, picture, saved


def test_the_larger_of_two_values_is_hole(tmp_path: Path) -> None:
    for low, high in ((0, 255), (0, 1), (254, 255), (0, 100)):
        mask = saved(tmp_path / "mask.png", np.where(HOLE, high, low).astype(np.uint8))
        found = read_mask(mask, picture())
        np.testing.assert_array_equal(found.hole, HOLE)
        assert found.notes == ()
        np.testing.assert_array_equal(read_mask(mask, picture(), polarity="black").hole, ~HOLE)


@pytest.mark.parametrize(
    ("value", "polarity", "is_hole"),
    [
        (0, "white", False),
        (1, "white", True),
        (255, "white", True),
        (0, "black", True),
        (255, "black", False),
    ],
)
def test_one_value_is_all_or_nothing(tmp_path: Path, value: int, polarity: str, is_hole: bool) -> None:
    mask = saved(tmp_path / "mask.png", np.full_like(MARKS, value))
    assert (read_mask(mask, picture(), polarity=polarity).hole == is_hole).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_soft_edges_are_cut_at_half_and_grown(tmp_path: Path, dtype: type) -> None:
    full = 1 if dtype is np.float32 else np.iinfo(dtype).max
    values = np.where(HOLE, full, 0).astype(dtype)
    values[3, 4:11] = full // 2 if full > 1 else 0.5  # just not hole
    values[5, 4:11] = full // 2 + 1 if full > 1 else 0.6  # just hole
    tifffile.imwrite(tmp_path / "mask.tif", values)
    cut = HOLE.copy()
    cut[3] = False
    found = read_mask(tmp_path / "mask.tif", picture())
    np.testing.assert_array_equal(found.hole, grow_mask(cut, 1))
    assert found.notes == ("The mask has values between none and full: it was cut at half and grown by 1 pixel.",)
    np.testing.assert_array_equal(
        read_mask(tmp_path / "mask.tif", picture(), polarity="black").hole, grow_mask(~cut, 1)
    )


@pytest.mark.parametrize("bands", [1, 3])
def test_a_jpeg_is_a_soft_mask(tmp_path: Path, bands: int) -> None:
    values = MARKS if bands == 1 else np.repeat(MARKS[:, :, np.newaxis], 3, axis=2)
    found = read_mask(saved(tmp_path / "mask.jpg", values, Q=75), picture())
    np.testing.assert_array_equal(found.hole, grow_mask(HOLE, 1))
    assert len(found.notes) == 1


def test_growing_is_added_to_what_soft_edges_need(tmp_path: Path) -> None:
    mask = saved(tmp_path / "mask.png", MARKS)
    np.testing.assert_array_equal(read_mask(mask, picture(), grow=3).hole, grow_mask(HOLE, 3))
    values = MARKS.copy()
    values[0, 0] = 100
    np.testing.assert_array_equal(read_mask(saved(mask, values), picture(), grow=2).hole, grow_mask(HOLE, 3))


@pytest.mark.parametrize("options", [{"bitdepth": 1}, {"palette": True}, {"interlace": True}])
def test_kinds_of_png_make_no_difference(tmp_path: Path, options: dict[str, Any]) -> None:
    np.testing.assert_array_equal(read_mask(saved(tmp_path / "mask.png", MARKS, **options), picture()).hole, HOLE)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.uint32, np.float32])
def test_two_values_of_any_depth(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "mask.tif", np.where(HOLE, 7, 0).astype(dtype))
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.tif", picture()).hole, HOLE)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0, 1, np.nan], "holds NaN or infinity"),
        ([0, 1, 255], "values go from 0 to 255: save it as 8-bit"),
        ([-1, 0, 1], "values go from -1 to 1"),
    ],
)
def test_float_masks_outside_0_to_1_are_refused(tmp_path: Path, values: list[float], sentence: str) -> None:
    tifffile.imwrite(tmp_path / "mask.tif", np.array([values], np.float32))
    with pytest.raises(MaskError, match=rf"The mask .*mask\.tif: .*{sentence}"):
        read_mask(tmp_path / "mask.tif", picture(np.zeros((1, 3), np.uint8)))


def test_grey_in_three_bands_is_taken_and_colour_refused(tmp_path: Path) -> None:
    grey = np.repeat(MARKS[:, :, np.newaxis], 3, axis=2)
    np.testing.assert_array_equal(read_mask(saved(tmp_path / "mask.png", grey), picture()).hole, HOLE)
    grey[3:6, 4:11, 1:] = 0
    grey[3, 4] = [0, 0, 255]
    with pytest.raises(
        MaskError, match=r"has colours, and a mask is black and white: save .* or use mask=.color:#rrggbb"
    ):
        read_mask(saved(tmp_path / "mask.png", grey), picture())


@pytest.mark.parametrize("polarity", ["white", "black"])
@pytest.mark.parametrize("bands", [2, 4])
def test_transparent_pixels_of_a_mask_file_are_not_hole(tmp_path: Path, polarity: str, bands: int) -> None:
    """Strokes of the marking colour on a transparent layer, whatever the colour is below it."""
    for below in (0, 255):
        values = np.full((*MARKS.shape, bands), below, np.uint8)
        values[HOLE, :-1] = 255 if polarity == "white" else 0
        values[..., -1] = MARKS
        mask = saved(tmp_path / "mask.png", values)
        np.testing.assert_array_equal(read_mask(mask, picture(), polarity=polarity).hole, HOLE)


def test_masks_fit_the_picture_as_it_is_seen(tmp_path: Path) -> None:
    for of_picture in range(1, 9):
        stored = as_stored(MARKS, of_picture)
        the_picture = picture(np.zeros((*stored.shape, 3), np.uint8), orientation=of_picture)
        for of_mask in (1, 3, 5, 6, 8):
            values = np.ascontiguousarray(as_stored(MARKS, of_mask))
            mask = saved(tmp_path / "mask.tif", values, orientation=of_mask)
            found = read_mask(mask, the_picture)
            np.testing.assert_array_equal(found.hole, stored == 255, err_msg=f"{of_picture} {of_mask}")
            assert found.hole.flags.c_contiguous


def test_other_sizes_are_refused(tmp_path: Path) -> None:
    mask = saved(tmp_path / "mask.png", MARKS)
    with pytest.raises(MaskError, match=r"is 16 x 12 pixels and the picture 20 x 10. .* resize it to 20 x 10"):
        read_mask(mask, picture(np.zeros((10, 20), np.uint8)))
    with pytest.raises(
        MaskError, match=r"is 16 x 12 pixels and the picture 12 x 16: it seems to be turned by 90 degrees. T"
    ):
        read_mask(mask, picture(np.zeros((16, 12), np.uint8)))
    with pytest.raises(
        MaskError, match=r"turned by 90 degrees \(the picture's EXIF orientation is 6, and .* as people see it\)"
    ):
        read_mask(mask, picture(np.zeros((12, 16), np.uint8), orientation=6))


def test_files_that_cannot_be_read_name_the_mask(tmp_path: Path) -> None:
    whole = saved(tmp_path / "mask.png", np.random.default_rng(0).integers(0, 255, (90, 90), np.uint8)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    causes = {
        "cut.png": "The PNG can't be read to its end",
        "text.png": "The file isn't a mask",
        "missing.png": "There is no such file",
        "folder": "It is a folder",
    }
    (tmp_path / "folder").mkdir()
    for name, cause in causes.items():
        with pytest.raises(ReadError, match=rf"^The mask \S*{name}: {cause}"):
            read_mask(tmp_path / name, picture(np.zeros((90, 90), np.uint8)))


@pytest.mark.parametrize(
    ("mask", "options", "sentence"),
    [
        ("color:#fff", {}, "'#fff' isn't of the form #rrggbb: white is color:#ffffff"),
        ("color:red", {}, "'red' isn't of the form"),
        ("color:#ffffff", {"tolerance": 256}, "tolerance 256 is out of range"),
        ("color:#ffffff", {"tolerance": "x"}, "tolerance 'x' is out of range: it must be a whole number"),
        ("losses.png", {"tolerance": 8}, "A tolerance is for masks by colour .* not for the mask losses.png"),
        ("losses.png", {"polarity": "grey"}, "white or black .* not 'grey'"),
        ("alpha", {"polarity": "black"}, "no meaning for the mask alpha"),
    ],
)
def test_options_that_do_not_apply_are_refused(mask: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MaskError, match=sentence):
        read_mask(mask, picture(), **options)


def test_a_file_called_alpha_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "mask.png", MARKS).rename(tmp_path / "alpha")
    monkeypatch.chdir(tmp_path)
    for mask in ("./alpha", Path("alpha")):
        np.testing.assert_array_equal(read_mask(mask, picture()).hole, HOLE)


@pytest.mark.parametrize(("factor", "resized"), [(2, "enlarged 2 times"), (3, "enlarged 3 times")])
def test_a_mask_of_a_smaller_copy_is_enlarged_where_asked_for(tmp_path: Path, factor: int, resized: str) -> None:
    mask = saved(tmp_path / "mask.png", MARKS)
    large = picture(np.zeros((12 * factor, 16 * factor, 3), np.uint8))
    with pytest.raises(MaskError, match=rf"is 16 x 12 pixels and .*: use resize=True to take it {factor} times"):
        read_mask(mask, large)
    found = read_mask(mask, large, resize=True)
    np.testing.assert_array_equal(found.hole, np.kron(HOLE, np.ones((factor, factor))))
    assert resized in found.notes[0]
    np.testing.assert_array_equal(read_mask(mask, picture(), resize=True).hole, HOLE)


def test_a_mask_of_a_larger_copy_is_made_smaller_where_asked_for(tmp_path: Path) -> None:
    values = np.zeros((24, 32), np.uint8)
    values[5, 9] = 255  # one of four
    mask = saved(tmp_path / "mask.png", values)
    with pytest.raises(MaskError, match=r"is 32 x 24 pixels and .*: use resize=True to take it 2 times smaller"):
        read_mask(mask, picture())
    found = read_mask(mask, picture(), resize=True)
    assert np.argwhere(found.hole).tolist() == [[2, 4]]
    assert "made 2 times smaller" in found.notes[0]
    turned = picture(np.zeros((16, 12, 3), np.uint8), orientation=6)
    np.testing.assert_array_equal(read_mask(mask, turned, resize=True).hole, as_stored(found.hole, 6))


@pytest.mark.parametrize("shape", [(24, 31), (24, 48), (18, 24)])
def test_other_sizes_are_refused_with_resize_too(tmp_path: Path, shape: tuple[int, int]) -> None:
    mask = saved(tmp_path / "mask.png", MARKS)
    with pytest.raises(MaskError, match="Make the mask on this very picture, or resize it to"):
        read_mask(mask, picture(np.zeros(shape, np.uint8)), resize=True)


def test_a_soft_mask_grows_by_a_pixel_of_its_own_before_it_is_resized(tmp_path: Path) -> None:
    values = MARKS.copy()
    values[0, 0] = 100
    mask = saved(tmp_path / "mask.png", values)
    found = read_mask(mask, picture(np.zeros((24, 32, 3), np.uint8)), resize=True)
    np.testing.assert_array_equal(found.hole, np.kron(grow_mask(HOLE, 1), np.ones((2, 2))))


@pytest.mark.parametrize(
    ("mask", "options", "sentence"),
    [
        ("alpha", {"values": (1,)}, "Values that are hole are for mask files, not for the mask alpha"),
        ("nan", {"resize": True}, "Resizing is for mask files, not for the mask nan"),
        ("m.png", {"values": (1,), "polarity": "black"}, "Where values say what is hole, polarity says nothing"),
        ("m.png", {"values": (1, -2)}, r"whole numbers from 0, not \[1, -2\]"),
        ("m.png", {"values": (1.5,)}, r"whole numbers from 0, not \[1.5\]"),
        ("alpha", {"grow": -1}, "can't grow by -1 pixels"),
    ],
)
def test_options_of_mask_files(mask: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MaskError, match=sentence):
        read_mask(mask, picture(), **options)


def test_a_soft_mask_can_be_grown_by_as_much_as_can_be(tmp_path: Path) -> None:
    values = MARKS.copy()
    values[0, 0] = 100
    assert read_mask(saved(tmp_path / "m.png", values), picture(), grow=1000).hole.all()
    with pytest.raises(MaskError, match="can't grow by -1 pixels"):
        read_mask(tmp_path / "m.png", picture(), grow=-1)


def test_sizes_are_compared_by_headers(tmp_path: Path) -> None:
    mask, other = saved(tmp_path / "mask.png", MARKS), saved(tmp_path / "other.png", MARKS[:10])
    check_sizes(mask, mask)
    check_sizes(tmp_path / "missing.png", mask)  # whoever reads it says so
    with pytest.raises(MaskError, match=r"mask.png: It is 16 x 12 pixels and the picture 16 x 10"):
        check_sizes(mask, other)
    np.save(tmp_path / "mask.npy", HOLE)
    with pytest.raises(MaskError, match=r"mask.npy: It is 16 x 12 pixels and the picture 16 x 10"):
        check_sizes(tmp_path / "mask.npy", other)


def test_a_mask_of_another_size_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = saved(tmp_path / "mask.png", MARKS)
    monkeypatch.setattr("restauro.files.images.pixels_of", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(MaskError, match="is 16 x 12 pixels and the picture 20 x 10"):
        read_mask(mask, picture(np.zeros((10, 20), np.uint8)))
