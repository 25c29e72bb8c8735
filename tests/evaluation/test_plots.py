"""Plots of an evaluation: what the lines hold, which files are written."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs Matplotlib: pip install 'restauro[eval]'")

from restauro.errors import EvaluationError
from restauro.evaluation.metrics import METRICS
from restauro.evaluation.plots import kind_figure, plot, ratio_figure, time_figure

PSNR = METRICS["psnr"]


def row(
    way: str, picture: int, ratio: float, psnr: float, kind: str = "strokes", seconds: float = 0.5
) -> dict[str, Any]:
    return {
        "picture": f"{picture}.png", "mask": f"{ratio:.2f}", "kind": kind, "bin": "", "border": "", "ratio": ratio,
        "way": way, "l1": 1.0, "psnr": psnr, "ssim": 0.9, "l1_hole": 5.0, "rmse_hole": 20.0, "lpips": "",
        "lpips_alex": None, "seconds": seconds, "hole_pixels": 1000,
    }  # fmt: skip


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """Three pictures, two bins; opencv-ns is 1 dB below telea, and fills the first bin only."""
    found = []
    for picture, level in enumerate([20.0, 30.0, 43.0]):
        for ratio in (0.04, 0.06, 0.3):
            found.append(row("telea:radius=3", picture, ratio, level - 10 * ratio))
            if ratio < 0.1:
                found.append(row("opencv-ns", picture, ratio, level - 10 * ratio - 1, seconds=2))
    return found


def lines(axes: Any) -> list[np.ndarray]:
    return [line.get_xydata() for line in axes.get_lines()]


def test_lines_are_means_of_bins_and_paired_differences(rows: list[dict[str, Any]]) -> None:
    left, right = ratio_figure(rows, PSNR).axes
    telea, opencv = lines(left)
    assert telea == pytest.approx(np.array([[0.05, 31 - 0.5], [0.3, 31 - 3]]))
    assert opencv[0] == pytest.approx([0.05, 31 - 1.5])
    assert np.isnan(opencv[1, 1])
    none, apart = lines(right)
    assert (none[:, 1] == 0).all()
    assert apart[0, 1] == pytest.approx(-1)
    band = right.collections[1].get_paths()[0].vertices  # its interval has no width: all pictures differ alike
    assert band[:, 1] == pytest.approx(-1)
    assert {text.get_text() for text in right.texts} == {"telea, radius 3", "opencv-ns"}


def test_one_group_of_ratios_has_bars_side_by_side(rows: list[dict[str, Any]]) -> None:
    left, right = ratio_figure([one for one in rows if one["ratio"] < 0.1], PSNR).axes
    assert [line[0, 0] for line in lines(left)] == pytest.approx([0.05, 0.05])
    assert [line[0, 0] for line in lines(right)] == pytest.approx([0.05 * 0.925, 0.05 * 1.075])
    assert right.collections[1].get_segments()[0][:, 1] == pytest.approx(-1)


def test_texts_of_a_csv_file_are_numbers(rows: list[dict[str, Any]]) -> None:
    texts = [{name: "" if value is None else str(value) for name, value in one.items()} for one in rows]
    for one, other in zip(ratio_figure(rows, PSNR).axes, ratio_figure(texts, PSNR).axes, strict=True):
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(lines(one), lines(other), strict=True))


def test_time_is_shown_over_what_every_way_filled(rows: list[dict[str, Any]]) -> None:
    (axes,) = time_figure(rows, PSNR).axes
    telea, opencv = lines(axes)
    assert telea == pytest.approx(np.array([[500, 31 - 0.5]]))
    assert opencv == pytest.approx(np.array([[2000, 31 - 1.5]]))
    assert axes.get_xscale() == "log"
    assert "mean of 6 fills" in axes.get_title(loc="left")


@pytest.mark.parametrize("most", [0.35, 1.5, 4, 30, 2000])
def test_times_on_the_axis_do_not_overlap(most: float) -> None:
    rows = [row(way, 0, 0.3, 30.0, seconds=s) for way, s in [("telea", 0.3), ("opencv-ns", most), ("harmonic", 0.31)]]
    (axes,) = (figure := time_figure(rows, PSNR)).axes
    figure.draw_without_rendering()
    labels = [*axes.get_xticklabels(), *axes.get_xticklabels(minor=True)]
    left, right = axes.get_window_extent().intervalx
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    boxes = sorted((box.x0, box.x1) for box in boxes if left <= (box.x0 + box.x1) / 2 <= right)
    assert len(boxes) >= 1
    assert "mean of 1 fill that" in axes.get_title(loc="left")
    assert all(one[1] < other[0] for one, other in itertools.pairwise(boxes))
    assert not any("10^" in label.get_text() for label in labels)


def test_ways_that_failed_are_left_out(rows: list[dict[str, Any]]) -> None:
    failed = row("opencv-ns", 0, 0.3, 0) | {"psnr": "", "seconds": "", "hole_pixels": 9}
    expected = time_figure(rows, PSNR).axes[0]
    (axes,) = time_figure([*rows, failed], PSNR).axes
    assert all(np.array_equal(a, b) for a, b in zip(lines(axes), lines(expected), strict=True))


def test_both_files_of_every_metric_that_has_numbers(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    paths = plot(rows, tmp_path / "plots")
    stems = [f"{metric}-by-{axis}" for metric in ("psnr", "ssim", "rmse_hole") for axis in ("ratio", "time")]
    assert [path.name for path in paths] == [f"{stem}.{ending}" for stem in stems for ending in ("png", "svg")]
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == sorted(path.name for path in paths)
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in plot(rows, tmp_path / "plots")] == before
    assert all(content.startswith(b"\x89PNG" if k % 2 == 0 else b"<?xml") for k, content in enumerate(before))


def test_every_kind_of_mask_has_a_plot_of_its_own(tmp_path: Path) -> None:
    rows = [row("telea", 0, 0.1, 30.0), row("telea", 0, 0.1, 28.0, kind="cracks")]
    names = {path.stem for path in plot(rows, tmp_path)}
    assert {"psnr-by-ratio-strokes", "psnr-by-ratio-cracks", "psnr-by-time"} <= names


def test_quality_is_shown_for_every_kind_beside_bins(tmp_path: Path) -> None:
    bins = [row("telea", picture, 0.1, 30.0) | {"bin": "0.01-0.1"} for picture in range(2)]
    cracks = [row("telea", picture, 0.1, 20.0 + picture, kind="cracks") for picture in range(2)]
    names = {path.stem for path in plot([*bins, *cracks], tmp_path)}
    assert {name for name in names if name.startswith("psnr")} == {"psnr-by-ratio", "psnr-by-time", "psnr-by-kind"}
    panels = kind_figure([*bins, *cracks], PSNR).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["strokes", "cracks"]
    assert lines(panels[1])[0] == pytest.approx(np.array([[20.5, 0]]))
    assert panels[1].collections[0].get_segments()[0][:, 0] == pytest.approx([20, 21])


def test_a_way_that_failed_on_some_masks_of_a_kind_is_not_in_its_panel() -> None:
    cracks = [row(way, picture, 0.1, 20.0, kind="cracks") for way in ("telea", "harmonic") for picture in range(2)]
    other = [row(way, 0, 0.1, 20.0, kind="losses") for way in ("telea", "harmonic")]
    cracks[-1] |= {"psnr": ""}
    figure = kind_figure([*cracks, *other], PSNR)
    assert [len(axes.get_lines()) for axes in figure.axes] == [1, 2]
    assert "without ways that failed on some masks of the kind" in figure.get_suptitle()
    errors = kind_figure([*cracks, *other], METRICS["rmse_hole"])
    assert [axes.get_xscale() for axes in errors.axes] == ["log", "log"]
    assert "without" not in errors.get_suptitle()


def test_plots_that_are_not_drawn_any_more_are_taken_away(tmp_path: Path) -> None:
    (tmp_path / "psnr-by-ratio-cracks.png").touch()
    (tmp_path / "mine.png").touch()
    plot([row("telea", 0, 0.1, 30.0)], tmp_path)
    assert not (tmp_path / "psnr-by-ratio-cracks.png").exists()
    assert (tmp_path / "mine.png").exists()


def test_nothing_to_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EvaluationError, match="There are no results to plot"):
        plot([], tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EvaluationError, match=r"Plots need Matplotlib: pip install 'restauro\[eval\]'"):
        plot([row("telea", 0, 0.1, 30.0)], tmp_path)
