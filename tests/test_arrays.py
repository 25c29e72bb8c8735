"""What is taken for an image, and what is told of what isn't."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import restauro
from restauro.errors import ImageError, ImageTypeError
from tests.promises.pictures import picture

MASK = np.zeros((30, 40), bool)
MASK[10:14, 12:30] = True


class OnAGPU:
    """What PyTorch does."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, r"The image is None: cv2\.imread returns that where it can't read a file, so look at the path"),
        ("panel.tif", r"The image is a path \('panel\.tif'\), not an array: read it .* restauro\.restore_file\."),
        (Path("panel.tif"), r"The image is a path \('panel\.tif'\), not an array"),
        (b"panel.tif", r"The image is a path \(b'panel\.tif'\), not an array"),
        (OnAGPU(), r"The image can't be made an array \(can't convert cuda:0 .* Tensor\.cpu\(\) first\)"),
        ([[1, 2], [3]], "The image can't be made an array"),
        ({"a": 1}, "The image has dtype object, which has no rule"),
    ],
)
def test_what_is_no_image(image: Any, message: str) -> None:
    with pytest.raises(ImageTypeError, match=message):
        restauro.inpaint(image, MASK)


@pytest.mark.parametrize("shape", [(1, 2**31), (2**31, 1), (1, 2**31, 3)])
def test_sides_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    """Holes beyond them would stay unfilled. No memory is needed for a picture of one value."""
    image, mask = np.broadcast_to(np.uint8(7), shape), np.broadcast_to(np.False_, shape[:2])
    with pytest.raises(ImageError, match="no side may have more than 2147483647 pixels; restore it in parts"):
        restauro.inpaint(image, mask)


@pytest.mark.parametrize("dtype", ["i2", "u2", "i4", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("bands", [None, 3])
def test_any_byte_order(dtype: str, bands: int | None) -> None:
    shape = MASK.shape if bands is None else (*MASK.shape, bands)
    native = picture(np.random.default_rng(0), shape, np.dtype(dtype).name)
    if native.dtype.kind == "f":
        native[MASK] = np.nan
    expected = restauro.inpaint(native, MASK)
    for order in "<>":
        image = native.astype(order + dtype)
        restored = restauro.inpaint(image, MASK)
        assert restored.dtype == image.dtype
        assert restored.dtype.byteorder == image.dtype.byteorder
        np.testing.assert_array_equal(restored, expected)
        np.testing.assert_array_equal(restored[~MASK].view(np.uint8), image[~MASK].view(np.uint8))
        np.testing.assert_array_equal(image, native)
        assert restauro.inpaint(image, MASK, out=image) is image
        np.testing.assert_array_equal(image, expected)
    np.testing.assert_array_equal(restauro.inpaint(native, MASK.astype(">i4")), expected)


@pytest.mark.parametrize("mode", ["P", "PA"])
@pytest.mark.parametrize("transparent", [False, True])
def test_a_pillow_picture_with_a_palette_is_filled_by_its_colours(mode: str, transparent: bool) -> None:
    """Indices 0 and 1 are alike in colour, and 2, between them in nothing, is red."""
    indices = np.where(np.arange(40) < 20, 0, 2).astype(np.uint8) * np.ones((30, 1), np.uint8)
    image = Image.fromarray(indices)
    image.putpalette([10, 20, 30, 255, 0, 0, 12, 20, 30])
    if mode == "PA":
        image = image.convert("PA")
    elif transparent:
        image.info["transparency"] = 1
    restored = restauro.inpaint(image, MASK)
    colours = np.asarray(image.convert("RGBA" if mode == "PA" or transparent else "RGB"))
    np.testing.assert_array_equal(restored, restauro.inpaint(colours, MASK))
    assert restored[..., 0].max() == 12


def test_progress_must_be_a_function() -> None:
    with pytest.raises(
        restauro.ParameterTypeError, match="progress is called with the share that is done, and 5 can't be called"
    ):
        restauro.inpaint(np.zeros((30, 40), np.uint8), MASK, progress=5)  # type: ignore[arg-type]


def test_a_stack_needs_as_many_masks() -> None:
    for shape in ((30, 40), (5, 30), (4, 30, 40)):
        with pytest.raises(
            restauro.MaskError, match=r"a stack of 5 pictures, and its mask must have the shape \(5, 30, 40\)"
        ):
            restauro.inpaint(np.zeros((5, 30, 40, 3), np.uint8), np.zeros(shape, bool))
    with pytest.raises(restauro.MaskError, match="the bands stand first"):
        restauro.inpaint(np.zeros((5, 3, 30, 40), np.uint8), np.zeros((5, 30, 40), bool))
