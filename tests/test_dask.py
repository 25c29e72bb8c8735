"""Pictures as Dask arrays: the bits of the whole, whatever the chunks; nothing computed early; limits said."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from restauro import Heal
from restauro import inpaint as in_memory
from restauro.errors import ImageError, ImageTypeError, MaskError, MethodError, ParameterError

da = pytest.importorskip("dask.array", reason="needs the extra `cluster`: pip install 'restauro[cluster]'")

from restauro.dask import inpaint  # noqa: E402

SHAPE = (620, 700)
CHUNKS = [(200, 256), (97, 700), (620, 113), (620, 700)]


def picture(dtype: str = "uint8", bands: tuple[int, ...] = (3,)) -> np.ndarray:
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    base = 100 + 60 * np.sin(rows / 37) + 50 * np.cos(columns / 23 + rows / 90) + (columns // 80 % 2) * 30
    values = base.reshape(*SHAPE, *([1] * len(bands))) + np.arange(int(np.prod(bands, dtype=int))).reshape(bands) * 4
    noise = np.random.default_rng(0).normal(0, 6, values.shape)
    return (np.clip(values + noise, 0, 255) / (255 if dtype.startswith("f") else 1)).astype(dtype)


def net(deep: bool = False) -> np.ndarray:
    """Cracks over the picture, specks, and losses; with `deep` one that is deeper than a tile's surroundings."""
    rng = np.random.default_rng(3)
    hole = rng.random(SHAPE) < 0.002
    for _ in range(14):
        row, column = rng.integers(0, SHAPE[0]), rng.integers(0, SHAPE[1])
        hole[row : row + 3, column : column + 300] = True
        hole[row : row + 250, column : column + 4] = True
    hole[190:215, 240:290] = True
    if deep:
        hole[380:560, 300:500] = True
    return hole


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("method", ["telea", "coherence"])
def test_methods_that_cut_holes_give_the_bits_of_the_whole(method: str, deep: bool, chunks: tuple[int, int]) -> None:
    image, hole = picture(), net(deep)
    restored = inpaint(da.from_array(image, chunks=(*chunks, 3)), da.from_array(hole, chunks=chunks), method)
    assert (restored.shape, restored.dtype) == (image.shape, image.dtype)
    assert restored.chunks == da.from_array(image, chunks=(*chunks, 3)).chunks
    np.testing.assert_array_equal(restored.compute(), in_memory(image, hole, method))


@pytest.mark.parametrize("method", ["harmonic", "biharmonic", "edge-enhancing", "navier-stokes", "patchmatch"])
def test_methods_that_keep_holes_whole_give_the_bits_of_the_whole(method: str) -> None:
    image, hole = picture(), net()
    restored = inpaint(da.from_array(image, chunks=(150, 233, 2)), hole, method, seed=5)
    np.testing.assert_array_equal(restored.compute(), in_memory(image, hole, method, seed=5))
    assert restored.chunks[2] == (3,)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64", "int16", "float16", "bool", ">u2"])
@pytest.mark.parametrize("bands", [(), (1,)])
def test_dtypes_and_bands(dtype: str, bands: tuple[int, ...]) -> None:
    image, hole = picture(dtype if dtype != "bool" else "uint8", bands), net()
    image = image > 120 if dtype == "bool" else image
    restored = inpaint(da.from_array(image, chunks=(250, 250, *bands)), hole, "telea", radius=4)
    result = restored.compute()
    expected = in_memory(image, hole, "telea", radius=4)
    assert restored.dtype == result.dtype == image.dtype.newbyteorder("=")
    np.testing.assert_array_equal(result, expected)


def test_unknown_pixels_and_those_that_are_not_finite() -> None:
    image, hole = picture("float32", ()), net()
    image[300:306, 100:500] = np.nan
    unknown = np.zeros(SHAPE, bool)
    unknown[210:230, 200:400] = True
    with pytest.warns(UserWarning, match=r"pixels outside the mask are NaN or infinite: they aren't read"):
        restored = inpaint(da.from_array(image, chunks=(130, 300)), hole, "telea", unknown=unknown)
    with pytest.warns(UserWarning, match="NaN or infinite"):
        expected = in_memory(image, hole, "telea", unknown=unknown)
    np.testing.assert_array_equal(restored.compute(), expected)
    for method in ("harmonic", "coherence"):
        image = picture()
        restored = inpaint(da.from_array(image, chunks=(130, 300, 3)), hole, method, unknown=unknown)
        np.testing.assert_array_equal(restored.compute(), in_memory(image, hole, method, unknown=unknown))


def test_the_image_is_read_as_the_result_is_and_each_chunk_once() -> None:
    read: list[tuple[int, ...]] = []

    def chunk(block_info: Any = None) -> np.ndarray:
        (top, bottom), (left, right) = block_info[None]["array-location"]
        read.append((top, left))
        return picture("uint8", ())[top:bottom, left:right]

    image = da.map_blocks(chunk, chunks=((300, 320), (350, 350)), dtype=np.uint8, meta=np.empty((0, 0), np.uint8))
    hole = np.zeros(SHAPE, bool)
    hole[295:305, 340:360] = True  # at the corner of all four
    restored = inpaint(image, hole, "telea")
    assert read == []
    np.testing.assert_array_equal(restored.compute(), in_memory(picture("uint8", ()), hole, "telea"))
    assert sorted(read) == [(0, 0), (0, 350), (300, 0), (300, 350)]
    read.clear()
    far = np.zeros(SHAPE, bool)
    far[10:14, 10:14] = True
    inpaint(image, far, "telea")[400:, 400:].compute()
    assert read == [(300, 350)]


def test_the_mask_may_be_of_other_chunks_and_whole_numbers() -> None:
    image, hole = picture(), net()
    mask = da.from_array(np.where(hole, 255, 0).astype(np.uint8), chunks=(31, 500))
    restored = inpaint(da.from_array(image, chunks=(150, 150, 3)), mask, "telea")
    np.testing.assert_array_equal(restored.compute(), in_memory(image, hole, "telea"))


def test_without_holes_it_is_the_same_array() -> None:
    image = da.zeros((50, 60), chunks=20, dtype=np.uint8)
    assert inpaint(image, np.zeros((50, 60), bool)) is image


def test_holes_that_hang_together_too_far_are_refused_with_what_they_would_take() -> None:
    image, hole = da.from_array(picture(), chunks=(200, 200, 3)), np.zeros(SHAPE, bool)
    hole[100:103, 50:600] = True
    box = (3 + 2 * 2) * (550 + 2 * 2)  # harmonic's surroundings are small
    with pytest.raises(
        MaskError, match=r"Holes that hang together reach over \d+ x \d+ pixels \(rows 9\d to 10\d, "
    ) as e:
        inpaint(image, hole, "harmonic", most_pixels=1000)
    message = str(e.value)
    assert "harmonic would fill them in one window, for which it needs some 0.0 GB: use telea or coherence" in message
    needed = int(message.partition("most_pixels=")[2].split()[0])
    assert 1650 < needed <= 4 * box
    restored = inpaint(image, hole, "harmonic", most_pixels=needed)
    np.testing.assert_array_equal(restored.compute(), in_memory(picture(), hole, "harmonic"))
    with pytest.raises(MaskError, match="hang together"):
        inpaint(image, hole, "harmonic", most_pixels=needed - 1)


@pytest.mark.parametrize(
    ("image", "options", "error", "message"),
    [
        (np.zeros((9, 9)), {}, ImageTypeError, r"given as a Dask array, not as ndarray: use restauro\.inpaint"),
        (da.zeros(9), {}, ImageError, r"shape \(9,\); it must be \[H, W\] or \[H, W, C\]"),
        (da.zeros((9, 9), dtype=complex), {}, ImageTypeError, r"dtype complex128, which has no rule"),
        (da.zeros((9, 9)), {"method": "tone"}, MethodError, r"Method tone is for pictures in memory"),
        (da.zeros((9, 9)), {"method": Heal(1, 1)}, MethodError, r"Method heal is for pictures in memory"),
        (da.zeros((9, 9)), {"method": "network"}, MethodError, r"needs the range of all floats"),
        (da.zeros((9, 9)), {"radius": -1, "method": "telea"}, ParameterError, r"radius"),
        (da.zeros((9, 9)), {"seed": -1}, ParameterError, r"seed=-1"),
        (da.zeros((9, 8)), {}, MaskError, r"The mask has the shape \(9, 9\), and the image is \(9, 8\)"),
        (da.zeros((9, 9)), {"mask": np.ones((9, 9), bool)}, MaskError, r"All pixels are hole or unknown"),
        (da.zeros((9, 9)), {"mask": np.full((9, 9), 0.5)}, MaskError, r"0"),
    ],
)
def test_what_cannot_be_filled_is_refused(
    image: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    mask = options.pop("mask", mask)
    with pytest.raises(error, match=message):
        inpaint(image, mask, **options)


def test_chunks_of_unknown_sizes_are_refused() -> None:
    image = da.zeros((9, 9))[da.ones(9) > 0]
    with pytest.raises(ImageError, match=r"chunks have sizes that aren't known: call image\.compute_chunk_sizes\(\)"):
        inpaint(image, np.zeros((9, 9), bool))


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(ParameterError, match=r"Arrays of Dask need it: pip install 'restauro\[cluster\]'"):
        inpaint(None, None)


def test_windows_are_filled_in_other_processes() -> None:
    image, hole = picture("uint8", ()), net()
    restored = inpaint(da.from_array(image, chunks=(310, 350)), hole, "telea", radius=3)
    result = restored.compute(scheduler="processes", num_workers=1)
    np.testing.assert_array_equal(result, in_memory(image, hole, "telea", radius=3))
