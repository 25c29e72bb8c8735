"""What every method promises (docs/design.md), over random pictures, masks, depths and layouts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.method import Method, Task
from restauro.windows import Sizes
from tests.fills import filled
from tests.promises.pictures import (
    DTYPES,
    FREE,
    channels,
    extremes,
    holes,
    losses,
    net,
    picture,
    seeds,
    shape_of,
    sides,
)


@given(seed=seeds, height=sides, width=sides, bands=channels, dtype=st.sampled_from(DTYPES))
def test_nothing_outside_the_hole_changes(
    method: Method, seed: int, height: int, width: int, bands: int | None, dtype: str
) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, shape_of(height, width, bands), dtype)
    hole = holes(rng, (height, width))
    image_before, hole_before = image.copy(), hole.copy()
    restored = restauro.inpaint(image, hole, method)
    assert restored.shape == image.shape
    assert restored.dtype == image.dtype
    assert restored is not image
    np.testing.assert_array_equal(image, image_before)
    np.testing.assert_array_equal(hole, hole_before)
    np.testing.assert_array_equal(restored[~hole].view(np.uint8), image[~hole].view(np.uint8))
    if image.dtype.kind == "f":
        assert np.isfinite(restored).all()


@given(seed=seeds, height=sides, width=sides, bands=channels, dtype=st.sampled_from(DTYPES))
def test_what_is_under_the_hole_does_not_matter(
    method: Method, seed: int, height: int, width: int, bands: int | None, dtype: str
) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, shape_of(height, width, bands), dtype)
    hole = holes(rng, (height, width))
    other = image.copy()
    if image.dtype.kind == "f":
        other[hole] = rng.choice([np.nan, np.inf, -np.inf, 0.0, 1e4], size=other[hole].shape)
    else:
        other[hole] = picture(rng, image.shape, dtype)[hole]
    if method.nature == "corrects":
        pytest.skip(f"{method.name} corrects it")
    np.testing.assert_array_equal(restauro.inpaint(image, hole, method), restauro.inpaint(other, hole, method))


@given(
    seed=seeds,
    height=sides,
    width=sides,
    dtype=st.sampled_from(DTYPES),
    value=st.floats(0, 1),
)
def test_a_constant_picture_stays_constant(
    method: Method, seed: int, height: int, width: int, dtype: str, value: float
) -> None:
    hole = holes(np.random.default_rng(seed), (height, width))
    top = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1
    image = np.full((height, width, 3), value * top).astype(dtype)
    damaged = image.copy()
    if method.nature != "corrects":  # to which what is under the hole isn't anything
        damaged[hole] = 0
    restored = restauro.inpaint(damaged, hole, method)
    if np.dtype(dtype).kind == "f":
        np.testing.assert_allclose(restored, image, rtol=0, atol=1e-6)
    else:
        np.testing.assert_array_equal(restored, image)


@given(
    seed=seeds,
    height=sides,
    width=sides,
    dtype=st.sampled_from(["float16", "float32", "float64"]),
    ends=st.tuples(extremes, extremes),
    levels=st.sampled_from([None, 2, 3]),
)
@settings(max_examples=60)
def test_finite_pictures_stay_finite(
    method: Method, seed: int, height: int, width: int, dtype: str, ends: tuple[float, float], levels: int | None
) -> None:
    """From the smallest number of a dtype to its largest, also where the span of both ends is no number."""
    rng = np.random.default_rng(seed)
    unit = picture(rng, (height, width, 2))
    if levels is not None:
        unit = np.rint(unit * (levels - 1)) / (levels - 1)
    largest = float(np.finfo(dtype).max)
    low, high = (np.clip(end, -largest, largest) for end in ends)
    image = ((1 - unit) * low + unit * high).astype(dtype)
    hole = holes(rng, (height, width))
    damaged = image.copy()
    damaged[hole] = rng.choice([np.nan, np.inf, -np.inf, 0.0, 1.0])
    restored = restauro.inpaint(damaged, hole, method)
    assert np.isfinite(restored).all()


@pytest.mark.parametrize("exponent", [-1060, -1000, -700, -540, 540, 700, 1000, 1022])
def test_a_picture_of_any_size_is_filled_as_one_of_0_to_1(method: Method, exponent: int) -> None:
    """Scaled by a power of two, which rounds nothing but subnormal numbers, and back."""
    rng = np.random.default_rng(9)
    image, hole = np.rint(1024 * picture(rng, (40, 44, 3))) / 1024 - 0.25, holes(rng, (40, 44))
    scaled = np.ldexp(image, exponent)
    if method.nature == "learned":  # 0 to 1 are black and white to a network, other values their own range
        image *= 2.0
        image += 0.5
        scaled = np.ldexp(image, exponent)
        if exponent < 0:
            pytest.skip("numbers below 1 are in the range of 0 to 1")
    restored = np.ldexp(restauro.inpaint(scaled, hole, method), -exponent)
    tolerance = 1e-5 if exponent > -1050 else 0.02
    np.testing.assert_allclose(restored, restauro.inpaint(image, hole, method), rtol=0, atol=tolerance)


@given(
    seed=seeds,
    height=sides,
    width=sides,
    scale=st.sampled_from([1 / 255, 1.0, 255.0, 65535.0]),
    offset=st.floats(-100, 100),
)
def test_the_fill_keeps_affine_scale(
    method: Method, seed: int, height: int, width: int, scale: float, offset: float
) -> None:
    if method.name in FREE:
        pytest.skip(f"{method.name} needn't")
    rng = np.random.default_rng(seed)
    image = picture(rng, (height, width, 2))
    hole = holes(rng, (height, width))
    expected = scale * (restauro.inpaint(image, hole, method) + offset)
    np.testing.assert_allclose(
        restauro.inpaint(scale * (image + offset), hole, method), expected, rtol=0, atol=1e-6 * scale
    )


@given(seed=seeds, height=sides, width=sides)
def test_every_depth_gives_one_picture(method: Method, seed: int, height: int, width: int) -> None:
    """0..1 floats, 8 and 16 bits, but for rounding and for what whole numbers can't hold."""
    if method.name in FREE:
        pytest.skip(f"{method.name} needn't")
    rng = np.random.default_rng(seed)
    eight_bits = picture(rng, (height, width, 3), "uint8")
    hole = holes(rng, (height, width))
    as_floats = restauro.inpaint(eight_bits / 255, hole, method) * 255
    in_single = restauro.inpaint(eight_bits / np.float32(255), hole, method) * 255.0
    np.testing.assert_allclose(in_single, as_floats, rtol=0, atol=0.05)
    in_range = np.clip(as_floats, 0, 255)
    for restored in (
        restauro.inpaint(eight_bits, hole, method).astype(float),
        restauro.inpaint(eight_bits.astype(np.uint16) * 257, hole, method) / 257,
    ):
        np.testing.assert_allclose(restored, in_range, rtol=0, atol=0.55)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_the_number_of_workers_changes_nothing(method: Method, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hole is worth several threads, the others are filled beside each other."""
    rng = np.random.default_rng(6)
    image = picture(rng, (300, 530, 3), dtype)
    hole = losses(rng, (300, 530))
    hole[20:170, 30:170] = True
    hole[20::40, 300:500] = True
    shares = []
    fill = type(method).fill

    def spy(self: Method, image: np.ndarray, hole: np.ndarray, task: Task) -> np.ndarray:
        shares.append(task.workers)
        return fill(self, image, hole, task)

    monkeypatch.setattr(type(method), "fill", spy)
    alone = restauro.inpaint(image, hole, method, workers=1)
    assert set(shares) == {1}
    for workers in (2, 3):
        shares.clear()
        np.testing.assert_array_equal(restauro.inpaint(image, hole, method, workers=workers), alone)
        assert workers in shares


def test_workers_share_a_large_hole(method: Method) -> None:
    rng = np.random.default_rng(5)
    image = picture(rng, (300, 300, 3), "float32")
    hole = np.zeros((300, 300), bool)
    hole[40:260, 50:250] = True
    alone = restauro.inpaint(image, hole, method, workers=1)
    for workers in (2, 4):
        np.testing.assert_array_equal(restauro.inpaint(image, hole, method, workers=workers), alone)


@given(seed=seeds, height=sides, width=sides, dtype=st.sampled_from(["uint8", "float32"]))
def test_grey_and_equal_and_permuted_channels(method: Method, seed: int, height: int, width: int, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, (height, width, 3), dtype)
    hole = holes(rng, (height, width))
    grey = np.ascontiguousarray(image[:, :, 0])
    restored_grey = restauro.inpaint(grey, hole, method)
    np.testing.assert_array_equal(restauro.inpaint(grey[:, :, np.newaxis], hole, method)[:, :, 0], restored_grey)
    if method.nature == "learned":
        return
    equal = restauro.inpaint(np.stack([grey] * 3, axis=2), hole, method)
    np.testing.assert_array_equal(equal, np.stack([equal[:, :, 0]] * 3, axis=2))
    if method.name in FREE:
        return
    order = [2, 0, 1]
    tolerance = 1e-6 if dtype == "float32" else 0
    np.testing.assert_allclose(
        restauro.inpaint(image[:, :, order], hole, method).astype(float),
        restauro.inpaint(image, hole, method)[:, :, order].astype(float),
        rtol=0,
        atol=tolerance,
    )


TURNS = {
    "left-right": lambda a: a[:, ::-1],
    "up-down": lambda a: a[::-1],
    "quarter turn": lambda a: np.rot90(a),
    "transposed": lambda a: np.swapaxes(a, 0, 1),
}


@given(
    seed=seeds,
    height=sides,
    width=sides,
    turn=st.sampled_from(sorted(TURNS)),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "int32", "uint32", "float16", "float32", "float64"]),
)
def test_mirrored_and_turned_pictures(
    method: Method, seed: int, height: int, width: int, turn: str, dtype: str
) -> None:
    if method.name in FREE:
        pytest.skip(f"{method.name} needn't")
    rng = np.random.default_rng(seed)
    unit = picture(rng, (height, width, 3))
    hole = holes(rng, (height, width))
    turned = TURNS[turn]
    low, high = np.float64(-0.5), np.float64(0.5)
    if np.dtype(dtype).kind in "iu":
        low, high = np.float64(np.iinfo(dtype).min), np.float64(np.iinfo(dtype).max)
    image = (low + unit * (high - low)).astype(dtype)
    difference = restauro.inpaint(turned(image), turned(hole), method).astype(float) - turned(
        restauro.inpaint(image, hole, method)
    ).astype(float)
    rounding = 1 if np.dtype(dtype).kind in "iu" else np.finfo(dtype).eps
    assert np.abs(difference).max() <= 0.05 / 255 * (high - low) + rounding


@given(seed=seeds, height=sides, width=sides, bands=channels)
def test_layouts_of_memory(method: Method, seed: int, height: int, width: int, bands: int | None) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, shape_of(height, width, bands), "uint16")
    hole = holes(rng, (height, width))
    expected = restauro.inpaint(image, hole, method)
    wide = np.zeros((2 * height, 3 * width, *image.shape[2:]), np.uint16)
    wide[::2, ::3] = image
    wide_hole = np.zeros((2 * height, 3 * width), bool)
    wide_hole[::2, ::3] = hole
    frozen = image.copy()
    frozen.flags.writeable = False
    frozen_hole = hole.copy()
    frozen_hole.flags.writeable = False
    for other, other_hole in (
        (np.asfortranarray(image), np.asfortranarray(hole)),
        (wide[::2, ::3], wide_hole[::2, ::3]),
        (image[::-1, ::-1][::-1, ::-1], hole[::-1][::-1]),
        (frozen, frozen_hole),
        (image, hole.astype(np.uint8) * 255),
        (image, hole.astype(np.float32)),
    ):
        np.testing.assert_array_equal(restauro.inpaint(other, other_hole, method), expected)


@given(seed=seeds, height=sides, width=sides, bands=channels)
@settings(max_examples=20)
def test_out(method: Method, seed: int, height: int, width: int, bands: int | None) -> None:
    rng = np.random.default_rng(seed)
    image = picture(rng, shape_of(height, width, bands), "uint8")
    hole = holes(rng, (height, width))
    expected = restauro.inpaint(image, hole, method)
    other = np.zeros_like(image)
    assert restauro.inpaint(image, hole, method, out=other) is other
    np.testing.assert_array_equal(other, expected)
    assert restauro.inpaint(image, hole, method, out=image) is image
    np.testing.assert_array_equal(image, expected)


@given(seed=seeds, dtype=st.sampled_from(["uint8", "float32", "float64"]))
@settings(max_examples=15)
def test_cut_windows_equal_the_whole(method: Method, seed: int, dtype: str) -> None:
    if method.whole_hole:
        pytest.skip(f"{method.name} never cuts a hole")
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(60, 260)), int(rng.integers(60, 260))
    image = picture(rng, (height, width, 2), dtype)
    hole = net(rng, (height, width)) if seed % 2 else losses(rng, (height, width))
    whole = filled(image, hole, method, Sizes(tile=10_000, small_picture=0, sparsest=0))
    for tile, halo, sparsest in ((32, 10_000, 0), (48, 60, 0), (48, 60, 12), (64, 96, 12), (10_000, 0, 40)):
        cut = Sizes(tile=tile, small_picture=0, halo=halo, sparsest=sparsest)
        np.testing.assert_array_equal(filled(image, hole, method, cut), whole)


def test_one_known_pixel_fills_everything(method: Method) -> None:
    for place in ((0, 0), (3, 4), (8, 0)):
        hole = np.ones((9, 11), bool)
        hole[place] = False
        image = np.zeros((9, 11, 3), np.uint16)
        image[place] = (7, 500, 65535)
        restored = restauro.inpaint(image, hole, method)
        np.testing.assert_array_equal(restored, np.broadcast_to(image[place], image.shape))


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 40), (40, 1), (3, 3)])
def test_tiny_pictures(method: Method, shape: tuple[int, int]) -> None:
    image = np.full(shape, 70, np.uint8)
    hole = np.zeros(shape, bool)
    hole[shape[0] // 2, shape[1] // 2] = True
    damaged = image if method.nature == "corrects" else np.where(hole, np.uint8(9), image)
    restored = restauro.inpaint(damaged, hole, method)
    np.testing.assert_array_equal(restored, image)


def test_an_empty_mask_gives_a_copy(method: Method) -> None:
    image = np.arange(24, dtype=np.float32).reshape(4, 6)
    restored = restauro.inpaint(image, np.zeros((4, 6), bool), method)
    assert restored is not image
    np.testing.assert_array_equal(restored, image)
