"""Pixels that are neither filled nor read: named, NaN, or masked."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import restauro
from restauro.errors import MaskError, MaskTypeError
from restauro.method import method_names
from tests.networks import ready
from tests.promises.pictures import picture

each_method = pytest.mark.parametrize("name", method_names())


def heights() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A height model, a gap to be filled, and the sea beside it, which holds -9999."""
    heights = picture(np.random.default_rng(3), (90, 110), "float32")
    gap, sea = np.zeros((2, 90, 110), bool)
    gap[30:40, 40:52] = True
    sea[:, 52:80] = True
    heights[sea] = -9999
    heights[gap] = np.nan
    return heights, gap, sea


@each_method
def test_unknown_pixels_are_neither_filled_nor_read(name: str) -> None:
    model, gap, sea = heights()
    method = ready(name)
    restored = restauro.inpaint(model, gap, method, unknown=sea)
    np.testing.assert_array_equal(restored[~gap], model[~gap])
    land = model[~gap & ~sea]
    assert np.isfinite(restored[gap]).all()
    margin = 0 if name != "biharmonic" else np.ptp(land)
    assert land.min() - margin <= restored[gap].min() <= restored[gap].max() <= land.max() + margin
    for value in (np.nan, 1e6):
        other = np.where(sea, np.float32(value), model)
        np.testing.assert_array_equal(restauro.inpaint(other, gap, method, unknown=sea)[gap], restored[gap])


@each_method
def test_unknown_pixels_far_away_change_nothing(name: str) -> None:
    model, gap, _ = heights()
    model[:] = picture(np.random.default_rng(4), model.shape, "float32")
    wide = np.pad(model, ((0, 0), (0, 200)), "wrap")
    hole = np.pad(gap, ((0, 0), (0, 200)))
    far = np.zeros_like(hole)
    far[:, -40:] = True
    method = ready(name)
    np.testing.assert_array_equal(
        restauro.inpaint(wide, hole, method, unknown=far), restauro.inpaint(wide, hole, method)
    )


def test_what_is_marked_and_unknown_is_hole() -> None:
    """So `unknown=~np.isfinite(model)` may name the gaps to be filled as well."""
    model, gap, sea = heights()
    restored = restauro.inpaint(model, gap, unknown=gap | sea)
    np.testing.assert_array_equal(restored, restauro.inpaint(model, gap, unknown=sea))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bands", [None, 3])
def test_nan_outside_the_mask_is_unknown_and_told(bad: float, dtype: type, bands: int | None) -> None:
    image = np.ones((40, 48) if bands is None else (40, 48, bands), dtype)
    mask = np.zeros((40, 48), bool)
    mask[22:24, 3:6] = True
    image[mask] = np.nan
    image[25, 7] = bad
    image[23, 6] = bad
    if bands:
        image[23, 6, :2] = 1  # one band of them is enough
    bits = image[~mask].copy().view(np.uint8)
    with pytest.warns(
        UserWarning, match=r"^2 pixels outside the mask are NaN or infinite .* row 23, column 6\): they"
    ) as told:
        restored = restauro.inpaint(image, mask)
    assert [warning.filename for warning in told] == [__file__]  # it is the caller's line that is shown
    np.testing.assert_array_equal(restored[~mask].view(np.uint8), bits)
    assert (restored[mask] == 1).all()
    unknown = ~np.isfinite(image) if bands is None else ~np.isfinite(image).all(axis=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(restauro.inpaint(image, mask, unknown=unknown)[mask], restored[mask])


def test_named_masked_and_stray_pixels_are_unknown_together() -> None:
    model, gap, sea = heights()
    lake, stray = np.zeros((2, *gap.shape), bool)
    lake[60:80, 10:30] = stray[32, 30] = stray[33, 38] = True
    expected = restauro.inpaint(model, gap, unknown=sea | lake | stray)
    model[stray] = np.nan
    masked = np.ma.MaskedArray(np.where(lake, np.float32(1e6), model), lake)
    with pytest.warns(UserWarning, match="^2 pixels outside the mask are NaN"):
        restored = restauro.inpaint(masked, gap, unknown=sea)
    np.testing.assert_array_equal(restored.data[gap], expected[gap])


def test_sums_that_overflow_are_not_taken_for_infinity() -> None:
    image = np.full((6, 8), np.finfo(np.float64).max)
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:6] = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        restored = restauro.inpaint(image, mask)
    assert np.isfinite(restored[~mask]).all()


@pytest.mark.parametrize("bands", [None, 3])
def test_what_a_masked_array_masks_is_unknown_and_stays_masked(bands: int | None) -> None:
    model, gap, sea = heights()
    model[gap] = 5
    data, own = (model, sea | gap) if bands is None else (np.dstack([model] * 3), np.dstack([sea | gap] * 3))
    if bands:
        own[:, :, 1:] = False
    masked = np.ma.MaskedArray(data, own)
    restored = restauro.inpaint(masked, gap)
    np.testing.assert_array_equal(restored.data, restauro.inpaint(data, gap, unknown=sea))
    np.testing.assert_array_equal(restored.mask, own & (~gap if bands is None else ~gap[:, :, np.newaxis]))
    np.testing.assert_array_equal(masked.mask, own)
    assert restauro.inpaint(masked, gap, out=masked) is masked
    np.testing.assert_array_equal(masked.data, restored.data)
    np.testing.assert_array_equal(masked.mask, restored.mask)
    whole = np.ma.MaskedArray(data)
    np.testing.assert_array_equal(restauro.inpaint(whole, gap).data, restauro.inpaint(data, gap))


@pytest.mark.parametrize(
    ("unknown", "error", "message"),
    [
        (np.ones((90, 110)), MaskError, "All pixels are hole or unknown, so there is no known pixel to fill from"),
        (np.zeros((90, 111)), MaskError, r"The mask of unknown pixels has the shape \(90, 111\) and the picture"),
        (np.full((90, 110), 0.5), MaskError, "holds 0.5"),
        ("sea.png", MaskTypeError, "not a file name"),
    ],
)
def test_wrong_masks_of_unknown_pixels(unknown: Any, error: type[Exception], message: str) -> None:
    model, gap, _ = heights()
    model[gap] = 0
    if message.startswith("All"):
        unknown = ~gap
    with pytest.raises(error, match=message):
        restauro.inpaint(model, gap, unknown=unknown)


def test_nothing_to_fill_among_nothing_known() -> None:
    model, gap, _ = heights()
    np.testing.assert_array_equal(restauro.inpaint(model, gap & False, unknown=np.ones(gap.shape, bool)), model)
