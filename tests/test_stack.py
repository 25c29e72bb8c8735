"""A stack of pictures in one call: each is filled as if it were alone."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import restauro
from restauro.errors import MaskError
from restauro.method import method_names
from restauro.methods.telea import Telea
from tests.networks import ready
from tests.promises.pictures import DTYPES, holes, picture


def stack(shape: tuple[int, ...], dtype: str = "uint8") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    pictures = np.stack([picture(rng, shape[1:], dtype) for _ in range(shape[0])])
    return pictures, np.stack([holes(rng, (shape[1], shape[2])) for _ in range(shape[0])])


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("shape", [(5, 40, 33), (4, 31, 48, 3), (3, 20, 5, 1), (2, 9, 3, 2), (1, 30, 30), (30, 30, 30)])
def test_each_picture_is_filled_as_if_it_were_alone(name: str, shape: tuple[int, ...]) -> None:
    image, mask = stack(shape)
    mask[-1] = False  # nothing to do there
    method = ready(name)
    before = image.copy()
    expected = [restauro.inpaint(*pair, method, seed=7) for pair in zip(image, mask, strict=True)]
    for workers in (1, 3):
        restored = restauro.inpaint(image, mask, method, seed=7, workers=workers)
        np.testing.assert_array_equal(restored, expected)
    np.testing.assert_array_equal(image, before)
    assert restauro.inpaint(image, mask, method, seed=7, out=image) is image
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("dtype", [*DTYPES, ">u2", ">f4"])
def test_dtypes_of_stacks(dtype: str) -> None:
    image, mask = stack((3, 20, 24, 3), np.dtype(dtype).name)
    image = image.astype(dtype)
    restored = restauro.inpaint(image, mask)
    assert restored.dtype == image.dtype
    np.testing.assert_array_equal(restored, [restauro.inpaint(*pair) for pair in zip(image, mask, strict=True)])


def test_large_and_small_pictures_share_the_threads() -> None:
    image = picture(np.random.default_rng(0), (3, 300, 300), "float32")
    mask = np.zeros(image.shape, bool)
    mask[0, 50:250, 50:250] = True
    mask[1:, 20:60, 20:60] = True
    expected = [restauro.inpaint(*pair, "harmonic") for pair in zip(image, mask, strict=True)]
    seen: list[float] = []
    np.testing.assert_array_equal(restauro.inpaint(image, mask, "harmonic", workers=3, progress=seen.append), expected)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_pictures_lie_beside_each_other_on_the_threads() -> None:
    class Together(Telea):
        both = threading.Barrier(2, timeout=60)

        def fill(self, image: Any, hole: Any, task: Any) -> Any:
            self.both.wait()  # opens once two pictures are being filled
            return super().fill(image, hole, task)

    mask = np.zeros((2, 80, 80), bool)
    mask[:, 10:60, 10:60] = True
    assert (restauro.inpaint(np.ones((2, 80, 80), np.uint8), mask, Together(), workers=2) == 1).all()


def test_unknown_pixels_of_stacks() -> None:
    image, mask = stack((3, 40, 40), "float32")
    unknown = np.zeros(mask.shape, bool)
    unknown[1, :, 25:] = True
    image[unknown] = np.nan
    restored = restauro.inpaint(image, mask, unknown=unknown)
    for number in range(3):
        alone = restauro.inpaint(image[number], mask[number], unknown=unknown[number])
        np.testing.assert_array_equal(restored[number], alone)
    image[2, 3, 4], mask[2, 3, 4] = np.nan, False
    with pytest.warns(UserWarning, match=r"^1 pixels outside .* row 3, column 4 of picture 2"):
        restauro.inpaint(image, mask, unknown=unknown)
    with pytest.raises(MaskError, match=r"unknown has the shape \(40, 40\); of a stack it must be the mask's"):
        restauro.inpaint(image, mask, unknown=unknown[0])


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_a_mask_with_colours_is_no_stack(columns: int) -> None:
    """A mask read as RGB beside its picture has three axes in common with it as well."""
    image, mask = np.zeros((2, 30, 40, columns), np.uint8)
    with pytest.raises(MaskError, match="a mask has one value a pixel, for instance mask"):
        restauro.inpaint(image, mask)
    four_axes = image[..., np.newaxis]
    assert restauro.inpaint(four_axes, mask).shape == (30, 40, columns, 1)


def test_a_last_axis_of_one_is_a_mask_of_one_picture() -> None:
    image = picture(np.random.default_rng(1), (12, 14, 1), "float32")
    mask = np.zeros((12, 14, 1), bool)
    mask[3:5, 4:9] = True
    np.testing.assert_array_equal(restauro.inpaint(image, mask), restauro.inpaint(image, mask[..., 0]))


def test_faults_name_the_picture() -> None:
    image, mask = stack((3, 20, 24, 3))
    mask[1] = True
    with pytest.raises(MaskError, match=r"^Picture 1 of the stack: The mask covers the whole picture"):
        restauro.inpaint(image, mask)
    with pytest.raises(
        MaskError,
        match=r"\(3, 20, 24, 3\), a stack of 3 pictures, and its mask must have the shape \(3, 20, 24\), not "
        r"\(20, 24\) \(one for all: numpy.broadcast_to\(mask, \(3, 20, 24\)\)\)",
    ):
        restauro.inpaint(image, mask[0])
