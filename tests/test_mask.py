from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy import ndimage

from restauro.errors import MaskError, MaskTypeError
from restauro.mask import grow_mask, hole_from_array
from restauro.mask_files import read_mask_file

SOME = np.array([[0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "int16", "uint32", "int64", "float16", "float32", "float64"]
)
def test_every_dtype_has_its_rule(dtype: str) -> None:
    hole = hole_from_array(SOME.astype(dtype), (2, 3, 4))
    assert hole.dtype == bool
    np.testing.assert_array_equal(hole, SOME == 1)


@pytest.mark.parametrize("values", [(255, 1), (-1, 7)])
def test_integers_other_than_zero_are_hole(values: tuple[int, int]) -> None:
    mask = np.array([[0, values[0], values[1], 0]], np.int16)
    np.testing.assert_array_equal(hole_from_array(mask, (1, 4)), [[False, True, True, False]])


def test_a_bool_mask_is_not_copied() -> None:
    mask = SOME.astype(bool)
    assert hole_from_array(mask, (2, 3)) is mask


def test_lists_and_a_last_axis_of_one_are_taken() -> None:
    np.testing.assert_array_equal(hole_from_array(SOME.tolist(), (2, 3)), SOME == 1)
    np.testing.assert_array_equal(hole_from_array(SOME[:, :, np.newaxis], (2, 3)), SOME == 1)


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2], lambda a: a[::-1][::-1]]
)
@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_memory_layout_does_not_matter(layout, dtype) -> None:  # type: ignore[no-untyped-def]
    mask = layout(SOME.astype(dtype))
    mask.flags.writeable = False
    np.testing.assert_array_equal(hole_from_array(mask, (2, 3)), SOME == 1)
    np.testing.assert_array_equal(grow_mask(mask, 1), grow_mask(SOME, 1))


def test_an_empty_mask_and_one_without_pixels_are_fine() -> None:
    assert not hole_from_array(np.zeros((2, 3)), (2, 3)).any()
    assert hole_from_array(np.zeros((0, 3), bool), (0, 3)).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float64"])
def test_a_full_mask_is_refused(dtype: str) -> None:
    with pytest.raises(MaskError, match=r"covers the whole picture, \[H, W\] = \(2, 3\), so there is no known pixel"):
        hole_from_array(np.ones((2, 3), dtype), (2, 3))


@pytest.mark.parametrize("value", [0.5, 255.0, -1.0, np.nan, np.inf])
def test_floats_between_are_refused(value: float) -> None:
    mask = np.array([[0, 1, value]], np.float32)
    with pytest.raises(MaskError, match=rf"only 0 and 1, .* holds {value:g}: cut it, for instance mask > 0.5"):
        hole_from_array(mask, (1, 3))


def test_a_turned_mask_is_told_from_one_of_another_size() -> None:
    with pytest.raises(MaskError, match=r"\(2, 3\) and the picture \[H, W\] = \(3, 2\): it seems to be turned by 90"):
        hole_from_array(SOME, (3, 2, 3))
    with pytest.raises(MaskError, match=r"shape \(2, 3\) and the picture \[H, W\] = \(4, 6\): they must be equal"):
        hole_from_array(SOME, (4, 6))
    with pytest.raises(MaskError, match=r"one value a pixel, for instance mask\[..., 0\]"):
        hole_from_array(np.zeros((2, 3, 3)), (2, 3))


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (None, "not NoneType"),
        ("losses.png", "read it with restauro.read_mask"),
        (Path("losses.png"), "read it with restauro.read_mask"),
        (np.array([["a"]]), "not dtype <U1"),
        (np.array([[1j]]), "not dtype complex128"),
        (np.array([[None]]), "not dtype object"),
        ([[0, 1], [0]], "rows are of unequal length"),
    ],
)
def test_what_is_no_mask_is_refused(mask: object, sentence: str) -> None:
    with pytest.raises(MaskTypeError, match=sentence):
        hole_from_array(mask, (1, 1))  # type: ignore[arg-type]


@given(
    arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.booleans(), fill=st.just(False)),
    st.integers(0, 9),
)
def test_growing_is_a_dilation_by_a_disc(mask: np.ndarray, pixels: int) -> None:
    y, x = np.mgrid[-pixels : pixels + 1, -pixels : pixels + 1]
    expected = ndimage.binary_dilation(mask, y**2 + x**2 <= pixels**2)
    grown = grow_mask(mask, pixels)
    np.testing.assert_array_equal(grown, expected)
    assert not np.shares_memory(grown, mask)


@pytest.mark.parametrize("pixels", [-1, 1001])
def test_growing_out_of_range_is_refused(pixels: int) -> None:
    with pytest.raises(MaskError, match=f"can't grow by {pixels} pixels: it must be 0 to 1000"):
        grow_mask(SOME, pixels)


@pytest.mark.parametrize("pixels", [1.5, True, "2"])
def test_growing_by_what_is_no_number_is_refused(pixels: object) -> None:
    with pytest.raises(MaskTypeError, match="whole number of pixels"):
        grow_mask(SOME, pixels)  # type: ignore[arg-type]


def test_only_planes_grow() -> None:
    with pytest.raises(MaskError, match=r"shape \(2, 3, 2\): it must be \[H, W\]"):
        grow_mask(np.zeros((2, 3, 2)), 1)


def test_a_grey_picture_is_no_mask() -> None:
    """A black and white mask that was saved as JPEG and read again: black has become 0 to 3."""
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 4, (30, 40), np.uint8)
    mask[5:9, 5:9] = 255 - rng.integers(0, 4, (4, 4))
    with pytest.raises(MaskError, match=r"marks 7\d\.\d% .* with 8 values from 0 to 255, .* for instance mask > 127"):
        hole_from_array(mask, (30, 40))
    with pytest.raises(MaskError, match="for instance mask > 127"):
        hole_from_array(mask.astype(np.int64), (30, 40))
    np.testing.assert_array_equal(hole_from_array(np.where(mask > 0, 255, 0), (30, 40)), mask > 0)
    few = np.where(np.arange(40) < 20, mask, 0)
    np.testing.assert_array_equal(hole_from_array(few, (30, 40)), few > 0)
    assert grow_mask(mask, 0).any()


@pytest.mark.parametrize(
    ("image", "mask"),
    [((3, 20, 24), (20, 24)), ((1, 20, 24), (20, 24)), ((3, 20, 24), (1, 20, 24)), ((5, 3, 20, 24), (5, 20, 24))],
)
def test_bands_that_stand_first_are_told(image: tuple[int, ...], mask: tuple[int, ...]) -> None:
    with pytest.raises(MaskError, match=r"bands stand first, as PyTorch has them: .* numpy\.moveaxis\(image, -3, -1\)"):
        hole_from_array(np.zeros(mask), image)


def test_masked_values_of_a_mask_have_no_meaning() -> None:
    mask = np.ma.MaskedArray(SOME, SOME == 0)
    with pytest.raises(MaskTypeError, match=r"mask\.filled\(True\) where they are hole or mask\.filled\(False\)"):
        hole_from_array(mask, (2, 3))
    np.testing.assert_array_equal(hole_from_array(np.ma.MaskedArray(SOME), (2, 3)), SOME == 1)


def test_a_pillow_mask_with_a_palette_is_taken_by_its_colours() -> None:
    mask = Image.fromarray(SOME.astype(np.uint8))
    mask.putpalette([255, 255, 255, 0, 0, 0])  # 0 is white
    np.testing.assert_array_equal(hole_from_array(mask, (2, 3)), SOME == 0)


@pytest.mark.parametrize("mode", ["P", "PA"])
@pytest.mark.parametrize(
    ("dark", "light"),
    [((0, 0, 0), (255, 255, 255)), ((10, 20, 30), (200, 0, 0)), ((0, 0, 128), (0, 128, 0)), ((0, 0, 0), (0, 0, 3))],
)
@pytest.mark.parametrize("light_first", [False, True])
def test_of_two_colours_of_a_palette_the_lighter_is_hole(
    mode: str, dark: tuple[int, ...], light: tuple[int, ...], light_first: bool, tmp_path: Path
) -> None:
    """As in a file: whatever grey levels they would be."""
    marks = np.zeros((6, 8), np.uint8)
    marks[1:3, 2:5] = 1
    image = Image.fromarray(marks ^ np.uint8(light_first), "P")
    image.putpalette([*light, *dark] if light_first else [*dark, *light])
    np.testing.assert_array_equal(hole_from_array(image.convert(mode), (6, 8)), marks == 1)
    np.testing.assert_array_equal(grow_mask(image.convert(mode), 0), marks == 1)
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_file(tmp_path / "m.png").hole, marks == 1)


def test_other_masks_with_a_palette() -> None:
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    image = Image.fromarray(labels, "P")
    image.putpalette([0, 0, 0, 0, 0, 2, 200, 0, 0, 0, 200, 0])
    np.testing.assert_array_equal(hole_from_array(image, (3, 4)), labels > 0)  # all but black
    image.info["transparency"] = 2
    np.testing.assert_array_equal(hole_from_array(image, (3, 4)), (labels == 1) | (labels == 3))
    strokes = Image.fromarray(np.uint8(labels > 1), "P")
    strokes.putpalette([90, 90, 90, 0, 0, 0])
    strokes.info["transparency"] = 0
    np.testing.assert_array_equal(hole_from_array(strokes, (3, 4)), labels > 1)  # black ones on a transparent ground
    strokes = Image.fromarray(np.zeros((3, 4), np.uint8), "P")
    strokes.putpalette([0, 0, 0])
    assert not hole_from_array(strokes, (3, 4)).any()
