from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
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

from restauro.errors import DataError, EvaluationError
from restauro.evaluation import metrics, reporting, running
from restauro.evaluation.protocol import _hole_of_file, choose_masks, find_pictures, make_hole
from restauro.evaluation.running import Finished, Judge, Plan, run
from restauro.ledger import Results
from restauro.methods.network import shipped_models
from tests.evaluation.pictures import make_pictures, write_picture

WAYS = ("mean-colour", "opencv-telea:radius=3")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    pictures = find_pictures([make_pictures(tmp_path / "pictures", 3)])
    return Plan(pictures, choose_masks(["strokes", "cracks"], bins=[2], border="border"), WAYS, size=36)


def timeless(rows: list[dict]) -> list[dict]:
    return [{name: value for name, value in row.items() if name not in ("seconds", "workers")} for row in rows]


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
    results = Results(tmp_path / "out", running.settings_of(plan), running.KEY)
    results.add(rows[:2])
    results.close()
    assert rows[1]["kind"] == "strokes"
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


def begun(out: Path, plan: Plan) -> Path:
    """A folder of results that has a row."""
    results = Results(out, running.settings_of(plan), running.KEY)
    results.add([dict.fromkeys(running.COLUMNS) | {"picture": "p0", "mask": "cracks", "way": WAYS[0], "error": ""}])
    results.close()
    return out


def test_other_settings_in_the_same_folder_are_refused(plan: Plan, tmp_path: Path) -> None:
    out = begun(tmp_path / "out", plan)
    with pytest.raises(EvaluationError, match=r"holds results of other settings \(seed: 0, now 1\): choose another"):
        run(dataclasses.replace(plan, seed=1), out)
    with pytest.raises(EvaluationError, match=r"\(size: 36, now none\)"):
        run(dataclasses.replace(plan, size=None), out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(EvaluationError, match=r"holds other files: choose an empty one"):
        run(plan, tmp_path / "mine")


def test_settings_of_a_run_without_rows_are_replaced(plan: Plan, tmp_path: Path) -> None:
    Results(tmp_path / "out", running.settings_of(plan), running.KEY).close()
    other = running.settings_of(dataclasses.replace(plan, seed=1))
    results = Results(tmp_path / "out", other, running.KEY)
    results.close()
    assert results.settings["seed"] == 1


def test_a_picture_a_mask_or_a_network_that_was_replaced_is_another_setting(plan: Plan, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    square = np.zeros((36, 36), np.uint8)
    square[5:9, 5:9] = 255
    for name in ("one.png", "masks/two.png"):
        write_picture(tmp_path / name, square)
    network = tmp_path / "net.onnx"
    shutil.copy(next(iter(shipped_models().values())), network)
    ways = (f"network:model={network}",)
    whole = dataclasses.replace(plan, masks=choose_masks([str(tmp_path / "one.png"), str(masks)]), ways=ways)
    out = begun(tmp_path / "out", whole)
    Results(out, running.settings_of(whole), running.KEY).close()  # nothing has changed

    def refused(file: Path, content: bytes, words: str) -> None:
        before = file.read_bytes()
        file.write_bytes(content)
        _hole_of_file.cache_clear()
        with pytest.raises(EvaluationError, match=words):
            Results(out, running.settings_of(whole), running.KEY)
        file.write_bytes(before)

    picture, other = tmp_path / "pictures" / "p1.png", square.T.copy()
    other[20:22, 1:9] = 255
    changed = write_picture(tmp_path / "changed.png", other).read_bytes()
    refused(picture, picture.read_bytes()[:-1] + b"\0", r"\(pictures: p1 sha256 [0-9a-f]{8}\.\.\., now p1 sha256")
    refused(tmp_path / "one.png", changed, r"\(masks: one.png sha256 [0-9a-f]{8}\.\.\., now one.png sha256")
    refused(masks / "two.png", changed, r"\(masks: masks sha256 [0-9a-f]{8}\.\.\., now masks sha256")
    refused(
        network, network.read_bytes() + b"\0", r"\(ways: network:model=.* model sha256 [0-9a-f]{8}\.\.\., now network"
    )


def test_rows_of_nobody_knows_what_settings_are_refused(plan: Plan, tmp_path: Path) -> None:
    out = begun(tmp_path / "out", plan)
    settings = out / "settings.json"
    old = json.loads(settings.read_text())
    del old["format"]
    settings.write_text(json.dumps(old | {"pictures": {"p0": "266132 bytes"}}))
    with pytest.raises(EvaluationError, match=r"holds results of an earlier version of restauro, which read pictures"):
        run(plan, out)
    settings.unlink()
    with pytest.raises(EvaluationError, match=r"holds rows.jsonl without settings.json, so nothing says what the rows"):
        run(plan, out)


@pytest.mark.parametrize(
    "spoilt", ["{}\n", "3\n", '{"picture": "p2", "ma\n', '{"picture": "p1", "mask": "x", "way": "y"}']
)
def test_a_spoilt_last_line_is_taken_away_and_another_is_named(plan: Plan, tmp_path: Path, spoilt: str) -> None:
    out = begun(tmp_path / "out", plan)
    rows = out / "rows.jsonl"
    whole = rows.read_text()
    rows.write_text(whole + spoilt)
    results = Results(out, running.settings_of(plan), running.KEY)
    results.close()
    assert len(results.rows) == 1
    assert rows.read_text() == whole
    rows.write_text(spoilt.rstrip().replace('y"}', "") + "\n" + whole)
    with pytest.raises(
        EvaluationError, match=r"Line 1 of .*rows.jsonl isn't what restauro wrote: take it away to go on"
    ):
        Results(out, running.settings_of(plan), running.KEY)


def test_one_run_at_a_time_works_in_a_folder(plan: Plan, tmp_path: Path) -> None:
    results = Results(tmp_path / "out", running.settings_of(plan), running.KEY)
    with pytest.raises(EvaluationError, match=r"Another run is at work in .*out: wait until it has ended"):
        run(plan, tmp_path / "out", overwrite=True)
    results.close()
    Results(tmp_path / "out", running.settings_of(plan), running.KEY).close()


def test_overwrite_takes_old_results_away_and_only_once_all_is_checked(plan: Plan, tmp_path: Path) -> None:
    out = begun(tmp_path / "out", plan)
    (out / "plots").mkdir()
    old = [out / name for name in ("results.csv", "results.json", "table.md", "sheet.png", "plots/ssim-by-time.png")]
    for file in [*old, out / "notes.txt"]:
        file.write_text("old")
    before = (out / "rows.jsonl").read_text()
    with pytest.raises(DataError, match=r"The picture p0 is 44 x 40 pixels, less than the 50 x 50 of the size that is"):
        run(dataclasses.replace(plan, size=50), out, overwrite=True)
    assert (out / "rows.jsonl").read_text() == before
    assert all(file.exists() for file in old)
    results = Results(out, running.settings_of(plan), running.KEY, outputs=running.OUTPUTS, overwrite=True)
    results.close()
    assert results.rows == {}
    assert not any(file.exists() for file in old)
    assert (out / "notes.txt").exists()


def test_pictures_that_are_too_small_are_named_before_the_work(plan: Plan, tmp_path: Path) -> None:
    write_picture(tmp_path / "pictures" / "thin.png", np.zeros((1, 300, 3), np.uint8))
    thin = dataclasses.replace(plan, pictures=find_pictures([tmp_path / "pictures"]), size=None)
    with pytest.raises(
        DataError, match=r"The picture thin is 300 x 1 pixels, less than the 11 x 11 of what SSIM needs"
    ):
        run(thin, tmp_path / "out")
    with pytest.raises(DataError, match=r"less than the 31 x 31 of what LPIPS needs: leave it out, or LPIPS"):
        running._check_sizes(dataclasses.replace(thin, size=None), with_lpips=True)
    assert not (tmp_path / "out").exists()


def test_a_picture_that_cannot_be_read_does_not_stop_the_others(plan: Plan, tmp_path: Path) -> None:
    broken = tmp_path / "pictures" / "p1.png"
    os.truncate(broken, broken.stat().st_size // 2)
    plan = dataclasses.replace(plan, ways=WAYS[:1])
    finished = run(plan, tmp_path / "out", workers=1)
    assert [row["picture"] for row in finished.failures] == ["p1", "p1"]
    assert "DataError: The picture" in finished.failures[0]["error"]
    assert len([row for row in finished.rows if row["psnr"]]) == 4
    files = {file.name for file in reporting.write(plan, finished, tmp_path / "out")}
    assert {"sheet.png", "table.md", "psnr-by-ratio.png", "psnr-by-kind.svg"} <= files
    assert "failed on 2 of 6 masks: DataError" in (tmp_path / "out" / "table.md").read_text()


def test_rows_say_what_seconds_were_measured_on(plan: Plan, tmp_path: Path) -> None:
    plan = dataclasses.replace(plan, ways=WAYS[:1])
    out = tmp_path / "out"
    first = run(dataclasses.replace(plan, masks=plan.masks[:1]), out, workers=1)
    assert {row["workers"] for row in first.rows} == {1}
    second = run(plan, out, workers=2)
    place = second.rows[0]["machine"]
    assert "cores" in place
    about = reporting.describe(plan, second.rows)
    assert f"{place}, 1 process at a time and {place}, 2 processes at a time, so that seconds are not all comp" in about
    assert reporting.describe(plan, first.rows).count("at a time") == 1
    old = [{name: value for name, value in row.items() if name not in ("machine", "workers")} for row in first.rows]
    assert place in reporting.describe(plan, old)


def test_sheet_and_plots_are_drawn_once(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = dataclasses.replace(plan, ways=WAYS[:1])
    out = tmp_path / "out"
    finished = run(plan, out, workers=1)
    told: list[tuple[int, int]] = []
    files = reporting.write(plan, finished, out, progress=lambda *counts: told.append(counts))
    assert told[-1] == (6, 6)
    monkeypatch.setattr(running.Judge, "case", None)
    monkeypatch.setattr(reporting.plots, "plot", None)
    assert set(reporting.write(plan, run(plan, out), out)) == set(files)
    changed = dataclasses.replace(finished, rows=[row | {"psnr": 1.0} for row in finished.rows])
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        reporting.write(plan, changed, out)
    assert not (out / "sheet.png").exists()


def test_a_way_that_fails_on_the_sheet_is_named(plan: Plan) -> None:
    judge = Judge(plan)

    def fail(*_: object) -> np.ndarray:
        raise MemoryError("8 GB")

    judge._ways[WAYS[0]] = dataclasses.replace(judge._ways[WAYS[0]], fill=fail)
    with pytest.raises(
        EvaluationError, match=r"The sheet can't be drawn: mean-colour failed on it \(MemoryError: 8 GB"
    ):
        judge.case(0, 0, WAYS)


def test_networks_of_one_name_have_a_column_each_on_the_sheet(plan: Plan) -> None:
    two = ("onnx:a/net.onnx", "onnx:b/net.onnx")
    judge = Judge(plan)
    judge._plan = dataclasses.replace(plan, ways=two)
    judge._ways = {way: dataclasses.replace(judge._ways[WAYS[0]], name=way, label="net") for way in two}
    assert list(judge.case(0, 0, two).filled) == list(two)


def test_reports_hold_every_row_setting_and_version(plan: Plan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    judge = Judge(plan)
    rows = [row for number in range(3) for place in range(2) for row in judge.rows(number, place, WAYS)]
    finished = Finished(rows, running.settings_of(plan))
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
