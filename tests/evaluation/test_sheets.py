"""Sheets of pictures: what stands where, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from restauro.errors import EvaluationError, WriteError
from restauro.evaluation.sheets import CELL, Case, draw, save, worst_crops


def case(height: int = 300, width: int = 400, *, truth: bool = True, grey: bool = False) -> Case:
    """Return noise with two holes; one way restores it, the other fills with 7."""
    rng = np.random.default_rng(2)
    picture = rng.integers(50, 200, (height, width) if grey else (height, width, 3)).astype(np.uint8)
    hole = np.zeros((height, width), bool)
    hole[height // 8 : height // 4, width // 8 : width // 2] = True
    hole[-9:, -5:] = True
    damaged = picture.copy()
    damaged[hole] = 255
    filled = {"exact": picture[hole], "flat": np.full_like(picture[hole], 7)}
    return Case("noise", damaged, hole, filled, picture if truth else None, {"flat": ["PSNR 1 < 2 dB", "0.1 s"]})


def pixels(image: pyvips.Image) -> np.ndarray:
    return image.numpy()


@pytest.mark.parametrize("grey", [False, True])
def test_views_are_the_picture_with_the_holes_filled(grey: bool) -> None:
    one = case(grey=grey)
    restored = one.damaged.copy()
    restored[one.hole] = 7
    for box in [(slice(0, 300), slice(0, 400)), (slice(30, 60), slice(100, 210)), (slice(280, 300), slice(390, 400))]:
        seen = one.view("flat", box)
        assert seen.shape[2] == 3
        assert np.array_equal(seen, restored[box].reshape(*seen.shape[:2], -1).repeat(3 if grey else 1, axis=2))
        assert np.array_equal(one.view("exact", box), one.view("original", box))
        assert np.array_equal(one.view("mask", box)[:, :, 0], np.where(one.hole[box], 255, 0))


def test_crops_are_enlarged_by_whole_numbers_in_columns_of_their_way() -> None:
    one = case()
    sheet = pixels(draw([one], overview=False, crops=1, zoom=4))
    badness = np.where(one.hole, np.float32(1), np.float32(0))
    crop = worst_crops(np.where(one.hole, np.float32(1), np.float32(0)), CELL // 4, 1)
    assert badness[crop[0]].any()
    assert sheet.shape[1] == 5 * CELL + 6 * 6
    found = [
        np.array_equal(
            sheet[top : top + CELL, 6 + 3 * (CELL + 6) :][:, :CELL], one.view("flat", box).repeat(4, 0).repeat(4, 1)
        )
        for box in [_box_shown(one, 4)]
        for top in range(sheet.shape[0] - CELL)
    ]
    assert sum(found) == 1


def _box_shown(one: Case, zoom: int) -> tuple[slice, slice]:
    """Where the ways err most: 'exact' doesn't at all, so it's where 7 is furthest from the truth."""
    assert one.truth is not None
    apart = np.square(7.0 - one.truth).reshape(*one.hole.shape, -1).mean(axis=2)
    return worst_crops(np.where(one.hole, apart, 0).astype(np.float32), CELL // zoom, 1)[0]


def test_overviews_fit_their_cells_and_small_pictures_are_squares() -> None:
    one = case(32, 32)
    sheet = pixels(draw([one], crops=3, zoom=2))
    expected = one.damaged.repeat(8, 0).repeat(8, 1)
    tops = [
        top for top in range(sheet.shape[0] - CELL) if np.array_equal(sheet[top : top + CELL, 6 : 6 + CELL], expected)
    ]
    assert len(tops) == 1
    assert sheet.shape[0] < 2 * CELL  # no crops of what is shown enlarged
    large = draw([case(900, 1200)], crops=0)
    assert (large.width, large.height < CELL) == (5 * CELL + 6 * 6, False)
    assert large.height < CELL * 3 // 4 + 150


def test_crops_of_large_pictures_show_more() -> None:
    for width, zoom in [(2000, 2), (2001, 1)]:
        one = case(300, width)
        assert np.array_equal(pixels(draw([one], crops=1)), pixels(draw([one], crops=1, zoom=zoom)))
        assert not np.array_equal(pixels(draw([one], crops=1)), pixels(draw([one], crops=1, zoom=3 - zoom)))


def test_several_pictures_stand_below_one_another() -> None:
    one, two = draw([case()], crops=0), draw([case(), case()], crops=0)
    assert two.width == one.width
    assert one.height < two.height < 2 * one.height


def test_pictures_without_an_original_have_a_column_less() -> None:
    assert draw([case(truth=False)]).width == draw([case()]).width - CELL - 6


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(EvaluationError, match="A sheet needs pictures"):
        draw([])
    with pytest.raises(EvaluationError, match="A sheet needs pictures, and overviews or crops"):
        draw([case()], overview=False, crops=0)
    with pytest.raises(
        EvaluationError, match="All pictures of a sheet need the same ways, and an original each or none"
    ):
        draw([case(), case(truth=False)])


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(0, 2**32))
def test_worst_crops_lie_in_the_picture_and_hold_what_is_bad(height: int, width: int, side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    badness = (rng.random((height, width)) * (rng.random((height, width)) < 0.02)).astype(np.float32)
    boxes = worst_crops(badness, side, 5)
    assert bool(boxes) == bool(badness.any())
    for rows, columns in boxes:
        assert (rows.stop - rows.start, columns.stop - columns.start) == (min(side, height), min(side, width))
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 128), st.integers(0, 2**32))
def test_no_place_shows_again_what_others_show(height: int, width: int, side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    badness = (rng.random((height, width)) * (rng.random((height, width)) < 0.01)).astype(np.float32)
    before = badness.copy()
    shown = np.zeros((height, width), bool)
    for box in worst_crops(badness, side, 6):
        assert shown[box].mean() <= 0.25
        assert (badness[box][~shown[box]] > 0).any()
        shown[box] = True
    assert np.array_equal(badness, before)


def test_the_worst_place_comes_first() -> None:
    badness = np.zeros((200, 300), np.float32)
    badness[20:30, 40:50] = 1
    badness[150:160, 250:260] = 3
    badness[100, 10] = 9
    (rows, columns), (others, other_columns) = worst_crops(badness, 48, 2)
    assert (rows, columns) == (slice(131, 179), slice(231, 279))
    assert badness[others, other_columns].sum() == 100


def test_sheets_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    sheet = draw([case()], crops=0)
    for name in ("sheet.png", "sheet.jpg"):
        save(sheet, tmp_path / name)
        assert pyvips.Image.new_from_file(str(tmp_path / name)).width == sheet.width
    with pytest.raises(WriteError, match=r"sheet\.png is there already: choose another name, or use overwrite=True"):
        save(sheet, tmp_path / "sheet.png")
    save(sheet, tmp_path / "sheet.png", overwrite=True)
    with pytest.raises(WriteError, match=r"must end in \.png, \.jpg or \.jpeg"):
        save(sheet, tmp_path / "sheet.tif")
    with pytest.raises(WriteError, match=r"The folder .*sheet\.png can't be made \(.*\): choose another"):
        save(sheet, tmp_path / "sheet.png" / "sheet.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(WriteError, match=r"folder\.png: it is a folder: name a file in it"):
        save(sheet, tmp_path / "folder.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "sheet.jpg", "sheet.png"]
