"""Tiles: marks from afar, what is empty, and pixels as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray

pytest.importorskip("fastapi", reason="the page needs the extra web")

from restauro.holes import Box
from restauro.picture import as_seen
from restauro.web.zoom import Pyramid, Shrink, marks_png, painted_png, png, shrunk, shrunk_marks

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("shape", [(1, 1), (8, 16), (9, 17), (256, 3)])
@pytest.mark.parametrize("times", [1, 2, 4, 8])
def test_marks_from_afar_are_the_most_of_each_square(shape: tuple[int, int], times: int) -> None:
    for levels in (RNG.integers(0, 255, shape, np.uint8), np.zeros(shape, np.uint8)):
        small = shrunk_marks(levels, times)
        assert small.shape == (-(-shape[0] // times), -(-shape[1] // times))
        for row, column in np.ndindex(small.shape):
            square = levels[row * times : (row + 1) * times, column * times : (column + 1) * times]
            assert small[row, column] == square.max()


def test_what_is_marked_has_its_colour_and_what_is_not_shows_nothing() -> None:
    for levels in (np.zeros((5, 7), np.uint8), np.array([[0, 80, 255]], np.uint8)):
        pixels = pyvips.Image.new_from_buffer(marks_png(levels, (255, 0, 200)), "").numpy()
        assert pixels.shape == (*levels.shape, 4)
        np.testing.assert_array_equal(pixels[..., 3], levels)
        assert (pixels[levels > 0][:, :3] == [255, 0, 200]).all()
        seen = pyvips.Image.new_from_buffer(painted_png(levels, {80: (1, 2, 3, 4)}), "").numpy()
        np.testing.assert_array_equal(seen, (levels == 80)[..., np.newaxis] * np.array([1, 2, 3, 4]))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(13, 21), (16, 24, 3), (1, 9, 2)])
def test_pictures_are_as_small_however_they_are_turned(orientation: int, shape: tuple[int, ...]) -> None:
    stored = RNG.integers(0, 60000, shape, np.uint16)
    seen = as_seen(stored, orientation)
    small = shrunk(seen, 4)
    for row, column in np.ndindex(small.shape[:2]):
        square = seen[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].reshape(-1, *shape[2:])
        np.testing.assert_allclose(small[row, column], square.mean(axis=0), rtol=0, atol=1.01)
    assert small.shape == (-(-seen.shape[0] // 4), -(-seen.shape[1] // 4), *shape[2:])


@pytest.mark.parametrize(("shrink", "dtype"), [(shrunk, np.uint16), (shrunk_marks, np.uint8)])
def test_what_has_changed_is_seen_at_every_level(shrink: Shrink, dtype: type) -> None:
    pixels = RNG.integers(0, 250, (1500, 4400), dtype)
    size = pixels.shape[0], pixels.shape[1]

    def read(box: Box) -> NDArray[Any]:
        return pixels[box[0] : box[1], box[2] : box[3]]

    def seen(pyramid: Pyramid) -> list[NDArray[Any]]:
        tiles = []
        for level in range(pyramid.top + 1):
            side = 256 << (pyramid.top - level)
            at = [(level, x, y) for x in range(-(-size[1] // side)) for y in range(-(-size[0] // side))]
            tiles += [np.array(pyramid.tile(*place)) for place in at]
        return tiles

    pyramid = Pyramid(size, read, shrink)
    before = seen(pyramid)
    assert (pyramid.top, before[0].shape) == (5, (47, 138))
    for box in ((700, 733, 1001, 1100), (1490, 1500, 4399, 4400), (0, 1, 0, 1)):
        pixels[box[0] : box[1], box[2] : box[3]] += 5
        pyramid.changed(box)
    now, fresh = seen(pyramid), seen(Pyramid(size, read, shrink))
    assert all(np.array_equal(one, other) for one, other in zip(now, fresh, strict=True))
    assert not all(np.array_equal(one, other) for one, other in zip(now, before, strict=True))


def test_tiles_are_exact() -> None:
    pixels = RNG.integers(0, 256, (40, 50, 3), np.uint8)
    np.testing.assert_array_equal(pyvips.Image.new_from_buffer(png(pixels), "").numpy(), pixels)
