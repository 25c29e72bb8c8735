"""Damage that is rendered for training is where its marks say, and is a function of the generator alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from restauro.damage.wear import drawing, lines, patches, paths, photographs, recipe
from restauro.damage.wear.canvas import CRACK, DUST, KINDS, LOSS, SCRATCH, STAIN, Canvas, blurred, rough, smooth
from restauro.damage.wear.recipe import wear
from restauro.damage.wear.stains import stains

SIDE = 96
Draw = Callable[[Canvas, np.random.Generator], None]
DAMAGE: dict[Draw, set[int]] = {
    lines.cracks: {CRACK},
    lines.scratches: {SCRATCH},
    lines.folds: {CRACK, SCRATCH},
    lines.breaks: {CRACK, SCRATCH, LOSS},
    patches.losses: {LOSS},
    patches.tears: {LOSS},
    stains: {STAIN},
    patches.dust: {DUST},
}


def picture(seed: int = 0, side: int = SIDE) -> np.ndarray:
    """A soft picture in colours."""
    rng = np.random.default_rng(seed)
    bands = [128 + 50 * rough((side, side), 30, rng) for _ in range(3)]
    return np.clip(np.stack(bands, -1), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("draw", DAMAGE, ids=lambda draw: draw.__name__)
def test_damage_is_of_its_kind_changes_the_picture_and_stays_in_range(draw: Draw) -> None:
    marked = 0
    for seed in range(12):
        canvas = Canvas.of(picture(seed))
        before = canvas.picture.copy()
        draw(canvas, np.random.default_rng(seed))
        found = {kind for kind in range(len(KINDS)) if (canvas.marks >> kind & 1).any()}
        assert found <= DAMAGE[draw]
        assert canvas.picture.dtype == np.float32
        assert np.isfinite(canvas.picture).all()
        if canvas.marks.any():
            marked += 1
            changed = np.abs(canvas.picture - before).max(axis=2)
            assert changed[canvas.marks > 0].mean() > 2 * changed[canvas.marks == 0].mean()
    assert marked >= 8


@pytest.mark.parametrize("draw", [lines.cracks, lines.scratches], ids=lambda draw: draw.__name__)
def test_lines_change_hardly_anything_away_from_their_marks(draw: Draw) -> None:
    for seed in range(12):
        canvas = Canvas.of(picture(seed))
        before = canvas.picture.copy()
        draw(canvas, np.random.default_rng(seed))
        far = ndimage.distance_transform_edt(canvas.marks == 0) > 12  # beyond the tails of the widest
        far[:6] = far[-6:] = far[:, :6] = far[:, -6:] = False  # a line may run just beyond the picture
        if canvas.marks.any() and far.any():
            assert np.abs(canvas.picture - before)[far].max() < 4


def test_paint_flakes_off_along_cracks() -> None:
    touching = 0
    for seed in range(12):
        cracked = np.zeros((SIDE, SIDE), np.bool_)
        cracked[SIDE // 2] = cracked[:, SIDE // 3] = True
        labels, count = ndimage.label(patches._flakes(cracked, np.random.default_rng(seed)), np.ones((3, 3)))
        touching += count
        assert set(np.unique(labels)) - {0} == set(np.unique(labels[cracked])) - {0}
    assert touching > 12


def test_cracks_are_drawn_first_and_often_there_are_losses_then() -> None:
    rng = np.random.default_rng(0)
    orders = [recipe._in_order([patches.dust, lines.cracks, patches.tears], rng) for _ in range(60)]
    assert all(order[:3] == [lines.cracks, patches.dust, patches.tears] for order in orders)
    assert 10 < sum(order[3:] == [patches.losses] for order in orders) < 32
    assert recipe._in_order([patches.losses, lines.cracks], rng) == [lines.cracks, patches.losses]
    assert recipe._in_order([patches.dust], rng) == [patches.dust]


def test_a_break_counts_as_crack_and_as_what_it_looks_like() -> None:
    for seed in range(12):
        canvas = Canvas.of(picture(seed))
        lines.breaks(canvas, np.random.default_rng(seed))
        broken = canvas.marks[canvas.marks > 0]
        assert set(np.unique(broken)) <= {1 << CRACK | 1 << SCRATCH, 1 << CRACK | 1 << LOSS}


def test_lines_of_a_point_or_two_have_nothing_beside_them() -> None:
    for count in (1, 2):
        beside = paths.aside(np.full((count, 2), 3.0) + np.arange(count)[:, None], 5.0)
        assert beside.shape == (count, 2)
        assert np.isfinite(beside).all()
    assert (paths.aside(np.array([[3.0, 4.0]]), 5.0) == (3, 4)).all()


@pytest.mark.parametrize("draw", drawing._THINGS, ids=lambda draw: draw.__name__)
def test_what_is_drawn_is_no_damage(draw: Draw) -> None:
    changed = 0
    for seed in range(6):
        canvas = Canvas.of(picture(seed))
        before = canvas.picture.copy()
        draw(canvas, np.random.default_rng(seed))
        assert not canvas.marks.any()
        assert np.isfinite(canvas.picture).all()
        changed += bool((np.abs(canvas.picture - before) > 2).any())
    assert changed >= 4


def test_photographs_have_hardly_any_colour() -> None:
    for seed in range(6):
        canvas = Canvas.of(picture(seed))
        photographs.imitate(canvas, np.random.default_rng(seed))
        grey = canvas.picture.mean(axis=2)
        tones = np.corrcoef(np.stack([grey.ravel(), *canvas.picture.reshape(-1, 3).T]))
        assert tones[0, 1:].min() > 0.98  # every band goes with the grey


def test_a_third_is_undamaged_and_the_rest_is_of_all_kinds() -> None:
    empty, kinds = 0, 0
    for seed in range(60):
        worn, marks = wear(picture(seed, 64), np.random.default_rng(seed))
        assert worn.dtype == marks.dtype == np.uint8
        assert worn.shape == (64, 64, 3)
        empty += not marks.any()
        kinds |= int(np.bitwise_or.reduce(marks, axis=None))
    assert 12 <= empty <= 36
    assert kinds == 2 ** len(KINDS) - 1


def test_the_same_generator_wears_the_same_and_another_does_not() -> None:
    first, again, other = (wear(picture(), np.random.default_rng(seed), damaged=True) for seed in (3, 3, 4))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_a_blur_keeps_the_mean_within_and_is_a_gaussian() -> None:
    dot = np.zeros((41, 41), np.float32)
    dot[20, 20] = 1
    np.testing.assert_allclose(blurred(dot, 2), ndimage.gaussian_filter(dot, 2, truncate=10), atol=1e-4)
    bands = np.repeat(dot[..., None], 3, axis=2)
    np.testing.assert_allclose(blurred(bands, 2)[..., 1], blurred(dot, 2), atol=1e-6)


@pytest.mark.parametrize("wave", [1.5, 8, 40])
def test_smooth_fields_have_a_size_and_a_wave_of_their_own(wave: float) -> None:
    fields = np.stack([smooth((80, 60), wave, np.random.default_rng(seed)) for seed in range(40)])
    assert abs(fields.mean()) < 0.2
    assert 0.7 < fields.std() < 1.4
    steps = np.abs(np.diff(fields, axis=1)).mean()
    assert steps < 3 / wave
