"""The marks of quality, on figures made up."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV isn't installed: pip install .[eval]")
import _marks

PAINTINGS = 8


def scores(way: str, psnr: float, lpips: float = 0.1, paintings: int = PAINTINGS) -> _marks.Scores:
    figures = np.full((PAINTINGS, 4), np.nan)
    figures[:paintings] = [psnr, 10, lpips, lpips]
    figures[:paintings, 0] += np.arange(paintings) - (PAINTINGS - 1) / 2  # paintings differ more than methods
    return _marks.Scores.of(way, figures)


def test_marks_take_the_best_setting_of_both_sides() -> None:
    found = [scores("opencv-telea:radius=3", 30), scores("opencv-telea:radius=5", 31), scores("telea:radius=3", 30.5)]
    assert _marks.rows(found, 1) == [
        ["telea - opencv-telea, PSNR dB", "-0.500 (-0.500 to -0.500)", "+0", "-", "missed by 0.50"]
    ]
    found.append(scores("telea:radius=5", 31.25))
    assert _marks.rows(found, 1)[0][1:] == ["+0.250 (+0.250 to +0.250)", "+0", "-", "met"]
    assert _marks.rows(found, 3) == []


def test_who_filled_fewer_paintings_is_compared_on_those() -> None:
    found = [scores("pypatchmatch", 28, 0.2, paintings=3), scores("patchmatch", 28.5, 0.15)]
    assert len(found[0].psnr) == 3
    assert [row[1] for row in _marks.rows(found, 6)] == ["0.750", "0.750", *2 * ["+0.500 (+0.500 to +0.500)"]]
    assert [row[-1] for row in _marks.rows(found, 6)] == ["met", "met", "met", "missed by 0.50"]


def test_the_default_is_the_best_that_looks_no_worse_than_telea() -> None:
    of_bin = [
        scores("opencv-telea", 40, 0.01),
        scores("telea:radius=3", 30, 0.3),
        scores("telea:radius=5", 31, 0.2),
        scores("harmonic", 33, 0.21),
        scores("coherence", 32, 0.19),
    ]
    assert _marks.default_method({1: of_bin, 2: of_bin}) == []
    table = _marks.default_method(dict.fromkeys((1, 2, 3), of_bin))[-1].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert [(row[0], row[-1]) for row in rows] == [
        ("harmonic", "LPIPS too high"),
        ("coherence", "the default"),
        ("telea, radius 5", "-"),
        ("telea, radius 3", "LPIPS too high"),
    ]


def test_the_interval_holds_the_mean() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = (_marks.Scores.of("harmonic", np.abs(rng.normal(30, 1, (40, 4)))) for _ in range(2))
    mean, low, high = _marks.difference(ours, theirs)
    assert mean == pytest.approx((ours.psnr - theirs.psnr).mean())
    assert low < mean < high
