"""Lettering is seen where letters are in a row, whatever the picture's kind and size, and not in a plain picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from restauro.detection.lettering import lettering
from restauro.errors import ImageTypeError

STROKES = (np.s_[0:14, 0:3], np.s_[11:14, 0:9], np.s_[0:3, 0:9])


def page(letters: int, dark: int = 40, ground: int = 190) -> np.ndarray:
    """Letters of a row, C without rounding, from row 60 and column 50 on."""
    image = np.full((160, 260, 3), ground, np.uint8)
    for k in range(letters):
        for rows, columns in STROKES:
            image[60:74, 50 + 16 * k : 66 + 16 * k][rows, columns] = dark
    return (image + np.random.default_rng(0).integers(-4, 5, image.shape)).astype(np.uint8)


@pytest.mark.parametrize(("dark", "ground"), [(40, 190), (200, 60), (90, 120)])
def test_a_row_is_seen_and_what_is_far_from_it_not(dark: int, ground: int) -> None:
    near = lettering(page(9, dark, ground))
    assert near[60:74, 60:180].all()
    assert not near[110:].any()
    assert not near[:30].any()


def test_few_letters_are_no_row() -> None:
    assert not lettering(page(3)).any()


def test_a_row_that_climbs_too_steeply_is_none() -> None:
    assert not lettering(np.rot90(page(9)).copy()).any()


def test_a_large_picture_is_looked_at_at_half_its_size() -> None:
    small = np.full((1200, 900, 3), 190, np.uint8)
    small[:160, :260] = page(9)
    large = lettering(small.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(large[::2, ::2], lettering(small))


@pytest.mark.parametrize("kind", ["uint16", "float", "grey", "nan", "int16"])
def test_every_kind_of_picture(kind: str) -> None:
    image = page(9)
    if kind == "uint16":
        image = image.astype(np.uint16) * 257
    elif kind == "int16":
        image = image.astype(np.int16) * 100
    elif kind == "grey":
        image = image[..., 0]
    else:
        image = image / 255
        if kind == "nan":
            image[100:120, :20] = np.nan
    assert lettering(image)[60:74, 60:180].all()


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_any_picture_gives_a_mask_of_its_size(image: np.ndarray) -> None:
    near = lettering(image)
    assert near.shape == image.shape
    assert near.dtype == bool


def test_a_list_is_refused() -> None:
    with pytest.raises(ImageTypeError, match="Damage is looked for in an array"):
        lettering([[1, 2]])  # type: ignore[arg-type]
