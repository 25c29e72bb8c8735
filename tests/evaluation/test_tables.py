from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from restauro.evaluation.tables import pooled, report

SETTINGS: dict[str, Any] = {"lpips_weights": ["squeeze abc", "alex def"]}


def row(picture: int, way: str, psnr: float, **changed: Any) -> dict[str, Any]:
    made = {
        "picture": f"p{picture}", "mask": "cracks", "kind": "cracks", "bin": "", "border": None, "ratio": 0.1,
        "way": way, "psnr": psnr, "ssim": 0.9, "l1": 1.0, "l1_hole": 10.0, "rmse_hole": 20.0, "lpips": 0.1,
        "lpips_alex": 0.2, "seconds": 1.0, "hole_pixels": 1000, "error": "",
    }  # fmt: skip
    return made | changed


def cells(text: str, way: str, table: int = 0) -> list[str]:
    """The cells of a way's line in one of the tables of a text."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {way} ")]
    return [cell.strip() for cell in lines[table].strip("|").split("|")][1:]


def test_differences_are_paired_and_called_only_where_the_interval_leaves_out_0() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for picture, hard in enumerate(rng.normal(30, 6, 40)):
        rows.append(row(picture, "telea", hard, lpips=0.1))
        rows.append(row(picture, "harmonic", hard + 0.3 + rng.normal(0, 0.1), lpips=0.3))
        rows.append(row(picture, "coherence", hard + 0.3 + rng.normal(0, 0.1), lpips=0.2))
    text = report(rows, ["telea", "harmonic", "coherence"], SETTINGS, "about")
    assert cells(text, "telea", 1)[0].endswith("worse")
    others = {cells(text, way, 1)[0].rpartition(" ")[2] for way in ("harmonic", "coherence")}
    assert others == {"-", "undecided"}
    assert cells(text, "harmonic", 1)[1:] == [
        "+0.2000 (+0.2000 to +0.2000) worse",
        "+0.0000 (+0.0000 to +0.0000) undecided",
    ]
    assert "of fewer than" not in text.lower()


def test_exact_restorations_are_counted_and_means_stay_finite() -> None:
    rows = [row(0, "telea", 100.0, l1=0.0), row(1, "telea", 40.0), row(2, "telea", 100.0, l1=1e-7)]
    text = report(rows, ["telea"], SETTINGS, "about")
    assert "PSNR counts as 100 dB at most, for that of an exact restoration is infinite; 1 of 3 are exact." in text
    assert cells(text, "telea")[0].startswith("80.00 (")
    assert "inf" not in text.replace("infinite", "")
    assert "Of fewer than 10 pictures the intervals are too narrow" in text


def test_no_way_is_called_worse_by_a_few_pictures() -> None:
    rows = [row(picture, way, psnr) for picture in range(10) for way, psnr in (("telea", 30.0), ("harmonic", 31.0))]
    assert cells(report(rows, ["telea", "harmonic"], SETTINGS, "about"), "telea", 1)[0].endswith(" worse")
    few = cells(report(rows[:18], ["telea", "harmonic"], SETTINGS, "about"), "telea", 1)[0]
    assert few == "-1.00 (-1.00 to -1.00)"


def test_networks_of_one_name_are_told_apart() -> None:
    ways = ["onnx:a/net.onnx", "onnx:b/net.onnx", "onnx:c/other.onnx"]
    text = report([row(0, way, 30.0) for way in ways], ways, SETTINGS, "about")
    assert cells(text, ways[0])
    assert cells(text, ways[1])
    assert cells(text, "other")


def test_errors_in_holes_are_those_of_all_hole_pixels() -> None:
    rows = [row(0, "telea", 30.0, hole_pixels=300, l1_hole=2.0, rmse_hole=6.0, seconds=0.1),
            row(1, "telea", 30.0, hole_pixels=100, l1_hole=6.0, rmse_hole=10.0, seconds=0.3)]  # fmt: skip
    l1, rmse, seconds = pooled(rows)
    assert l1 == pytest.approx(3)
    assert rmse == pytest.approx(np.sqrt((300 * 36 + 100 * 100) / 400))
    assert seconds == pytest.approx(1000)
    text = report(rows, ["telea"], SETTINGS, "about")
    assert cells(text, "telea")[5].startswith("3.00 (")
    assert cells(text, "telea")[6].startswith("7.21 (")


def test_ways_that_failed_are_named_and_not_in_the_table_of_all_bins() -> None:
    rows = []
    for picture in range(3):
        for number in ("0.01-0.1", "0.1-0.2"):
            about = {"mask": f"strokes-{number}-border", "kind": "strokes", "bin": number, "border": True}
            rows += [row(picture, "telea", 30.0, **about), row(picture, "harmonic", 31.0, **about)]
    rows[-1] |= {"error": "ValueError: no source", "psnr": None, "l1": None}
    text = report(rows, ["telea", "harmonic"], SETTINGS, "about")
    assert "- harmonic failed on 1 of 6 masks: ValueError: no source" in text
    together = text.split("## All bins together")[1].split("##")[0]
    assert "Without harmonic, which failed on some masks." in together
    assert "| harmonic" not in together
    assert "## Strokes, 10 to 20 %, near the border too" in text
    assert "harmonic (2 pictures)" in text


def test_an_empty_column_says_why() -> None:
    rows = [row(0, "telea", 30.0, lpips=None, lpips_alex=None)]
    text = report(rows, ["telea"], {"lpips_weights": []}, "about")
    assert "LPIPS is empty, because no weights were given" in text
    assert "| LPIPS" not in text
    text = report([row(0, "telea", 30.0, lpips_alex=None)], ["telea"], {"lpips_weights": ["squeeze abc"]}, "about")
    assert "LPIPS with AlexNet is empty" in text
