"""Hints: strokes are read as they are meant, and the rest of the picture follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from restauro.detection import network
from restauro.detection.detecting import detect
from restauro.detection.detecting_files import detect_file
from restauro.detection.hints import _Likeness, find_by_hints, read_hints
from restauro.errors import MaskError, MaskTypeError
from restauro.files.reading import read_picture


def panel(side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """A picture with dark specks among bright ones, and where the dark ones are: no rule knows which is damage."""
    rng = np.random.default_rng(0)
    image, damage = np.full((side, side, 3), 120, np.uint8), np.zeros((side, side), bool)
    for k, (row, column) in enumerate(rng.integers(2, side - 6, (60, 2))):
        image[row : row + 4, column : column + 4] = 60 if k % 2 else 180
    damage = image[..., 0] == 60
    return (image + rng.integers(-6, 7, image.shape)).astype(np.uint8), damage


def strokes(damage: np.ndarray) -> np.ndarray:
    """Hints in the upper half alone."""
    rng = np.random.default_rng(1)
    labels = np.zeros(damage.shape, int)
    upper = np.arange(len(damage))[:, None] < len(damage) // 2
    for kind, pixels in ((1, damage & upper), (-1, ~damage & upper)):
        labels.flat[rng.choice(np.flatnonzero(pixels), 100, replace=False)] = kind
    return labels


def test_the_rest_of_the_picture_follows_again_and_again() -> None:
    image, damage = panel()
    labels = strokes(damage)
    found = detect(image, hints=labels, workers=1)
    lower, truth = found[60:], damage[60:]
    assert (lower & truth).sum() > 0.6 * truth.sum()
    assert (lower & ~truth).sum() < 0.3 * truth.sum()
    np.testing.assert_array_equal(detect(image, hints=labels, workers=2), found)


def test_what_a_detector_finds_may_be_used() -> None:
    """What is right of it stays, what the hints are sure of comes to it; what they are against goes.

    A detector that finds nothing says nothing.
    """
    image, damage = panel()
    labels, losses = strokes(damage), detect(image, "losses", sensitivity=10)
    assert (losses & damage).any()
    assert (losses & ~damage).sum() > 100  # the bright specks
    found = detect(image, "losses", hints=labels, sensitivity=10)
    assert not (losses & damage & ~found).any()
    assert (found & damage).sum() > 1.1 * (losses & damage).sum()
    assert (found & ~damage).sum() < 0.05 * (losses & ~damage).sum()
    nothing = np.zeros(damage.shape, bool)
    np.testing.assert_array_equal(find_by_hints(image, labels, nothing), detect(image, hints=labels))


def test_hints_correct_what_a_detector_finds() -> None:
    rng = np.random.default_rng(2)
    image = rng.integers(50, 70, (80, 160, 3)).astype(np.uint8)
    image[:, 80:] += 120
    marks = [(slice(top, top + 6), slice(left, left + 30)) for left in (20, 110) for top in (10, 35, 60)]
    for mark in marks:
        image[mark] = 255, 0, 0
    labels = np.zeros((80, 160), int)
    labels[12, 25:40], labels[12, 115:130], labels[25, 10:150:2] = 1, -1, -1  # red is damage on dark ground only
    alone, both = detect(image, hints=labels), detect(image, "color", colour="#ff0000", hints=labels)
    known = [both[mark].mean() for mark in marks]
    assert min(known[:3]) > 0.9
    assert min(known[:3]) >= min(alone[mark].mean() for mark in marks[:3])
    assert max(known[3:]) < 0.3
    assert (both & ~detect(image, "color", colour="#ff0000")).sum() < 10


def drawn(pixels: np.ndarray, side: int = 40) -> np.ndarray:
    """Strokes on a picture or a layer: red above, green in the middle, blue below."""
    hints = pixels.copy()
    opaque = [255] * (hints.shape[2] - 3)
    hints[4:8, 5:35] = [255, 0, 0, *opaque]
    hints[18:22, 5:35] = [0, 255, 0, *opaque]
    hints[30:34, 5:35] = [20, 40, 250, *opaque]
    return hints


EXPECTED = np.zeros((40, 40), int)
EXPECTED[4:8, 5:35], EXPECTED[18:22, 5:35], EXPECTED[30:34, 5:35] = 1, -1, -1


def test_strokes_on_a_transparent_layer() -> None:
    layer = np.zeros((40, 40, 4), np.uint8)
    layer[..., 0] = 255  # colour under full transparency says nothing
    np.testing.assert_array_equal(read_hints(drawn(layer), np.zeros((40, 40), np.uint8)), EXPECTED)


def test_strokes_on_a_copy_where_paint_is_red_too() -> None:
    picture = np.full((40, 40, 3), 130, np.uint8)
    picture[10:15] = 200, 20, 20
    np.testing.assert_array_equal(read_hints(drawn(picture), picture), EXPECTED)


def test_what_jpeg_blurs_says_nothing_wrong(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(80, 160, (40, 40, 1)).repeat(3, 2).astype(np.uint8)
    path = tmp_path / "hints.jpg"
    pyvips.Image.new_from_array(drawn(picture)).copy(interpretation="srgb").jpegsave(str(path), Q=80)
    labels = read_hints(read_picture(path).pixels, picture)
    assert (labels == EXPECTED)[EXPECTED != 0].mean() > 0.6
    assert not (labels * EXPECTED < 0).any()
    assert (labels[EXPECTED == 0] != 0).mean() < 0.05


@pytest.mark.parametrize("shape", [(1, 9), (9, 1)])
def test_pictures_of_one_row_or_column(shape: tuple[int, int]) -> None:
    image, labels = np.full(shape, 90, np.uint8), np.zeros(shape, np.int8)
    image.flat[:4] = 20
    labels.flat[:2], labels.flat[6:] = 1, -1
    found = detect(image, hints=labels)
    assert found.shape == shape
    assert not found.flat[6:].any()


def test_hints_that_say_nothing_are_refused() -> None:
    picture = np.full((40, 40, 3), 130, np.uint8)
    with pytest.raises(MaskError, match=r"have 0 pixels of damage \(red\) and 0 of sound picture .* strokes of each"):
        read_hints(picture, picture)
    with pytest.raises(MaskTypeError, match=r"Hints are strokes in red and green, .* not \(40, 40\) of uint8"):
        read_hints(picture[..., 0], picture)
    with pytest.raises(MaskError, match=r"The hints are 40 x 30 pixels and the picture 40 x 40"):
        read_hints(picture[:30], picture)


def test_a_file_of_hints_is_turned_as_the_picture_is_seen(tmp_path: Path) -> None:
    image, damage = panel()
    stored = pyvips.Image.new_from_array(np.ascontiguousarray(image[:80])).copy(interpretation="srgb")
    stored.set_type(pyvips.GValue.gint_type, "orientation", 6)
    stored.tiffsave(str(tmp_path / "panel.tif"))
    labels = strokes(damage)[:80]
    layer = np.zeros((80, 96, 4), np.uint8)
    layer[labels == 1], layer[labels == -1] = (255, 0, 0, 255), (0, 255, 0, 255)
    seen = np.ascontiguousarray(np.rot90(layer, -1))
    pyvips.Image.new_from_array(seen).copy(interpretation="srgb").pngsave(str(tmp_path / "hints.png"))
    found = detect_file(tmp_path / "panel.tif", tmp_path / "mask.png", hints=tmp_path / "hints.png")
    mask = read_picture(tmp_path / "mask.png").pixels == 255
    np.testing.assert_array_equal(np.rot90(mask), detect(image[:80], hints=labels))
    assert (found.width, found.height) == (80, 96)
    pyvips.Image.new_from_array(image[:80]).copy(interpretation="srgb").pngsave(str(tmp_path / "flat.png"))
    with pytest.raises(MaskError, match=r"hints\.png: The hints are 80 x 96 pixels and the picture 96 x 80"):
        detect_file(tmp_path / "flat.png", tmp_path / "m.png", hints=tmp_path / "hints.png")


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 60), st.integers(1, 5))
def test_the_classifier_is_as_likely_as_one_can_be(seed: int, damaged: int, sound: int, count: int) -> None:
    """Of the penalised likelihood, in which both kinds weigh alike, SciPy finds the same optimum.

    Features are standardised, and say no more beyond two standard deviations.
    """
    rng = np.random.default_rng(seed)
    answers = np.arange(damaged + sound) < damaged
    samples = rng.normal(size=(damaged + sound, count)) * 3 + 2 * answers[:, None]

    def standardised(values: np.ndarray) -> np.ndarray:
        return np.clip((values - samples.mean(0)) / (samples.std(0) + 1e-6), -2, 2)

    x = standardised(samples)
    counts = np.where(answers, 0.5 * len(answers) / damaged, 0.5 * len(answers) / sound)

    def unlikely(weights: np.ndarray) -> float:
        odds = x @ weights[:-1] + weights[-1]
        return float((counts * np.logaddexp(0, np.where(answers, -odds, odds))).sum() + 5 * (weights[:-1] ** 2).sum())

    best = minimize(unlikely, np.zeros(count + 1), tol=1e-10).x
    asked = rng.normal(size=(7, count)) * 3
    odds = standardised(asked) @ best[:-1] + best[-1]
    found = _Likeness.of(samples, answers).damage(asked.T[:, None])
    np.testing.assert_allclose(found[0], 1 / (1 + np.exp(-odds)), atol=1e-3)


def test_tiles_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    image, damage = panel(200)
    labels = strokes(damage)
    whole = detect(image, hints=labels)
    monkeypatch.setattr(network, "_SIDE", 64)
    cut = detect(image, hints=labels, workers=2)
    assert (whole != cut).mean() < 1e-3  # rounding, of sums in another order
