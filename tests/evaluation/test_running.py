from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage", reason="needs the peers: pip install 'restauro[eval]'")
pytest.importorskip("cv2", reason="needs the peers: pip install 'restauro[eval]'")
pytest.importorskip("matplotlib", reason="needs the peers: pip install 'restauro[eval]'")

from restauro.errors import EvaluationError
from restauro.evaluation import metrics, reporting, running
from restauro.evaluation.protocol import choose_masks, find_pictures, make_hole
from restauro.evaluation.results import Results
from restauro.evaluation.running import Finished, Judge, Plan, run
from tests.evaluation.pictures import make_pictures

WAYS = ("mean-colour", "opencv-telea:radius=3")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    pictures = find_pictures([make_pictures(tmp_path / "pictures", 3)])
    return Plan(pictures, choose_masks(["strokes", "cracks"], bins=[2], border="border"), WAYS, size=36)


def timeless(rows: list[dict]) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_rows_say_what_came_of_every_picture_mask_and_way(plan: Plan, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    finished = run(plan, tmp_path / "out", workers=2, progress=lambda *counts: told.append(counts))
    assert [(row["picture"], row["mask"], row["way"]) for row in finished.rows] == [
        (picture, mask, way)
        for picture in ("p0", "p1", "p2")
        for mask in ("strokes-0.1-0.2-border", "cracks")
        for way in WAYS
    ]
    assert told[0] == (0, 12)
    assert told[-1] == (12, 12)
    row = finished.rows[4]  # by hand
    truth = plan.pictures.open().read(1)[2:38, 4:40]
    hole = make_hole(plan.masks[0], plan.pictures, 1, truth.shape, 0)
    restored = truth.copy()
    restored[hole] = np.rint(truth[~hole].mean(axis=0)).astype(np.uint8)
    figures = dataclasses.asdict(metrics.measure(truth, restored, hole))
    assert {name: row[name] for name in figures} == figures
    assert row["hole_pixels"] == hole.sum()
    assert row["ratio"] == hole.mean()
    assert (row["bin"], row["border"], row["kind"], row["lpips"]) == ("0.1-0.2", True, "strokes", None)
    assert row["seconds"] > 0


def test_ways_never_see_what_is_under_the_hole(plan: Plan) -> None:
    judge = Judge(plan)
    truth = plan.pictures.open().read(0)[2:38, 4:40]
    expected_hole = make_hole(plan.masks[0], plan.pictures, 0, truth.shape, 0)
    seen = []

    def fill(image: np.ndarray, hole: np.ndarray, workers: int) -> np.ndarray:
        seen.append(bool((image[expected_hole] == 255).all()))
        image[:] = 7  # outside of the hole too: it must not count
        hole[:] = True
        return image

    way = dataclasses.replace(judge._ways[WAYS[0]], fill=fill)
    judge._ways[WAYS[0]] = way
    (row,) = judge.rows(0, 0, WAYS[:1])
    assert seen
    assert all(seen)
    expected = np.abs(truth[expected_hole].astype(float) - 7).sum() / (255 * truth.size)
    assert row["l1"] == pytest.approx(100 * expected)


def test_a_way_that_fails_is_recorded_and_the_others_go_on(plan: Plan, tmp_path: Path) -> None:
    judge = Judge(plan)

    def fail(*_: object) -> np.ndarray:
        raise RuntimeError("no source pixels\nand more")

    judge._ways[WAYS[0]] = dataclasses.replace(judge._ways[WAYS[0]], fill=fail)
    judge._ways["odd"] = dataclasses.replace(judge._ways[WAYS[0]], fill=lambda image, hole, workers: image[:-1])
    rows = judge.rows(0, 0, [*WAYS, "odd"])
    assert [row["error"] for row in rows[:2]] == ["RuntimeError: no source pixels", ""]
    assert "returned uint8 (35, 36, 3), not uint8 (36, 36, 3)" in rows[2]["error"]
    assert rows[0]["psnr"] is None
    assert rows[1]["psnr"] > 10
    results = Results(tmp_path / "out", running._settings(plan), running.KEY)
    results.add(rows[:2])
    results.close()
    finished = run(plan, tmp_path / "out", workers=1)  # what failed is tried again
    assert finished.failures == []


def test_a_run_that_was_killed_goes_on_to_the_same_results(plan: Plan, tmp_path: Path) -> None:
    whole = run(plan, tmp_path / "whole", workers=1)
    out = tmp_path / "killed"
    code = (
        "import sys, pathlib, restauro.evaluation.running as running\n"
        "from restauro.evaluation.protocol import choose_masks, find_pictures\n"
        "if __name__ == '__main__':\n"
        "    running._SMALL = 1\n"  # every mask a piece of work
        "    plan = running.Plan(find_pictures([sys.argv[1]]),"
        " choose_masks(['strokes', 'cracks'], bins=[2], border='border'),"
        f" {WAYS}, size=36)\n"
        "    running.run(plan, pathlib.Path(sys.argv[2]), workers=1)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path / "pictures"), str(out)])
    rows = out / "rows.jsonl"
    while not (rows.exists() and rows.stat().st_size) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    with rows.open("a", encoding="utf-8") as file:
        file.write('{"picture": "p2", "ma')  # a line that was cut off
    before = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()[:-1]]
    assert before
    finished = run(plan, out, workers=2)
    assert timeless(finished.rows) == timeless(whole.rows)
    assert before[0] in finished.rows  # it was not done again
    for line in rows.read_text(encoding="utf-8").splitlines():
        json.loads(line)


def test_a_finished_run_can_be_extended_and_begun_anew(plan: Plan, tmp_path: Path) -> None:
    first = run(dataclasses.replace(plan, ways=WAYS[:1]), tmp_path / "out", workers=1)
    second = run(plan, tmp_path / "out", workers=1)
    assert [row for row in second.rows if row["way"] == WAYS[0]] == first.rows  # not done twice
    lines = (tmp_path / "out" / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(second.rows) == 12
    anew = run(dataclasses.replace(plan, seed=1), tmp_path / "out", workers=1, overwrite=True)
    assert anew.settings["seed"] == 1
    assert len((tmp_path / "out" / "rows.jsonl").read_text(encoding="utf-8").splitlines()) == 12


def test_other_settings_in_the_same_folder_are_refused(plan: Plan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Results(out, running._settings(plan), running.KEY).close()
    with pytest.raises(EvaluationError, match=r"holds results of other settings \(seed: 0, now 1\): choose another"):
        run(dataclasses.replace(plan, seed=1), out)
    with pytest.raises(EvaluationError, match=r"\(size: 36, now none\)"):
        run(dataclasses.replace(plan, size=None), out)
    os.truncate(tmp_path / "pictures" / "p1.png", 100)
    with pytest.raises(EvaluationError, match=r"\(pictures: p1 \d+ bytes, now p1 100 bytes\)"):
        run(plan, out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(EvaluationError, match=r"holds other files: choose an empty one"):
        run(plan, tmp_path / "mine")


def test_reports_hold_every_row_setting_and_version(plan: Plan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    judge = Judge(plan)
    rows = [row for number in range(3) for place in range(2) for row in judge.rows(number, place, WAYS)]
    finished = Finished(rows, running._settings(plan))
    files = reporting.write(plan, finished, out)
    assert {file.relative_to(out).parts[0] for file in files} == {
        "results.csv", "results.json", "table.md", "sheet.png", "plots"}  # fmt: skip
    with (out / "results.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 12
    assert rows[0]["border"] == "yes"
    assert rows[0]["lpips"] == ""
    assert float(rows[0]["psnr"]) == pytest.approx(finished.rows[0]["psnr"], rel=1e-6)
    about = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert about["rows"] == finished.rows
    assert about["settings"]["seed"] == 0
    assert {"restauro", "python", "numpy", "processor", "cores"} <= about["machine"].keys()
    assert any("opencv" in name for name in about["ways"][WAYS[1]]["versions"])
    text = (out / "table.md").read_text(encoding="utf-8")
    assert "## Strokes, 10 to 20 %, near the border too" in text
    assert "LPIPS is empty, because no weights were given" in text
    mean = np.mean([row["psnr"] for row in finished.rows if row["way"] == WAYS[0] and row["kind"] == "cracks"])
    assert f"| {mean:.2f} (" in text.split("## Cracks")[1]


def test_a_plan_of_nothing_is_refused(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"There is nothing to evaluate: name pictures, masks and methods"):
        run(dataclasses.replace(plan, ways=()), tmp_path / "out")
    with pytest.raises(EvaluationError, match=r"There is no method or peer 'telia'"):
        run(dataclasses.replace(plan, ways=("telia",)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
