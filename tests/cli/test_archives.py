"""`restauro restore` of many pictures: folders, patterns, manifests; ledgers, reports; what is proposed and decided."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from restauro.cli import main
from restauro.files.reading import read_picture
from tests.cli.panels import CLEAN, HOLE, is_restored, run, save
from tests.panels import files_in


@pytest.fixture
def scans(folder: Path) -> Path:
    """A folder to work in, with scans/a.tif, b.tif, c.tif, and masks/."""
    for name in "abc":
        save(folder / f"scans/{name}.tif", read_picture("panel.tif").pixels)
        save(folder / f"masks/{name}.png", np.where(HOLE, 255, 0).astype(np.uint8))
    return folder


RESTORE = "restore scans/ --mask-dir masks/ -o out/ --method telea"


def table(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_table(path: str, rows: list[dict[str, str]]) -> None:
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_ledger_has_a_second_run_do_nothing(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{RESTORE} --ledger l.sqlite") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 pictures: 3 done"
    before = files_in(scans / "out")
    assert run(f"{RESTORE} --ledger l.sqlite --verify") == 0
    said = capsys.readouterr().out
    assert said == "3 pictures: nothing is to be done: all were done before, and nothing has changed\n"
    assert files_in(scans / "out") == before
    assert is_restored("out/b.tif")


def test_a_bad_file_is_said_and_the_others_are_done(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("scans/b.tif").write_text("no picture")
    assert run(f"{RESTORE} --ledger l.sqlite --json") == 1
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert ["error" in line for line in lines] == [False, True, False]
    assert err.startswith(f"{scans}/scans/b.tif: ")
    assert err.count("\n") == 1
    assert run(f"{RESTORE} --ledger l.sqlite --json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("state") for line in lines] == ["known", None, "known"]


def test_a_pattern_that_the_shell_has_left(scans: Path) -> None:
    shutil.copy("masks/a.png", "scans/a_mask.png")
    assert main(["restore", "scans/[ab]*.*", "--mask-name", "{stem}_mask.png", "-o", "out"]) == 1  # b has none
    assert list(files_in(scans / "out")) == ["a.tif"]


def test_a_manifest_says_how_each_is_restored(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("scans/plan.csv").write_text(
        "picture,mask,output,method,parameters\n"
        "a.tif,../masks/a.png,../new/a.tif,telea,radius=3\n"
        "b.tif,../masks/b.png,,,\n"
        "c.tif,,,harmonic,\n"
        "c.tif,../masks/c.png,../new/c2.tif,telea,size=3\n"
    )
    assert run("restore scans/plan.csv -o out/ --mask value:0 --radius 7 --method telea --json") == 1
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line.get("method") for line in lines] == ["telea", "telea", "harmonic", None]
    assert [line["parameters"]["radius"] for line in lines[:2]] == [3, 7]
    assert [line["target"] for line in lines[:3]] == [f"{scans}/new/a.tif", f"{scans}/out/b.tif", f"{scans}/out/c.tif"]
    assert err.startswith(f"{scans}/scans/c.tif: Method 'telea' has no parameter 'size'")
    assert lines[2]["hole_pixels"] == np.count_nonzero((read_picture("panel.tif").pixels == 0).all(axis=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("plan.csv", "Line 2 names no output: give a folder, -o restored/."),
        ("scans/*.tif", "Say where to write: give a folder, -o restored/."),
        ("plan.csv -o out/", "Nothing says what to fill of "),
        ("none.csv -o out/", "none.csv can't be read (No such file or directory)."),
        ("scans/*.png -o out/ --mask value:0", "There is no picture file at scans/*.png."),
        ("plan.csv -o out/ --mask value:0 --method fill", "'fill'"),
        ("scans/ -o out/ --mask value:0 --verify", "--verify compares files with what a ledger says of them"),
        ("scans/ -o out/ --mask value:0 --ledger l --dry-run", "--dry-run does nothing that a ledger could note"),
        ("scans/ -o out/ --mask value:0 --propose p --report r", "--propose writes a report of its own"),
        ("scans/ -o out/ --mask value:0 --ledger plan.csv", "plan.csv is no ledger"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    scans: Path, arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("plan.csv").write_text("picture\nscans/a.tif\n")
    assert run(f"restore {arguments}") == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_report_is_written_for_what_was_done_before_too(scans: Path) -> None:
    for state in ("done", "known"):
        assert run(f"{RESTORE} --ledger l.sqlite --report r.html -q") == 0
        assert [row["state"] for row in table("r.csv")] == [state] * 3
        assert Path("r.html").read_text().count("<img") == 6


def test_what_is_proposed_is_written_as_it_was_decided(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"{RESTORE} --propose look/") == 0
    assert "a.png: 2 regions, 124 pixels (5.5 %) proposed; 5.5 % of the picture" in capsys.readouterr().out
    assert not Path("out").exists()
    assert sorted(files_in(scans / "look")) == [
        *(f"masks/{name}.png" for name in "abc"),
        "plan.csv",
        "plan.html",
        *(f"previews/{name}.jpg" for name in "abc"),
    ]
    assert run("restore look/plan.csv") == 0
    assert capsys.readouterr().out.count("not decided yet: say accept, edited or reject") == 3
    rows = table("look/plan.csv")
    assert [row["method"] for row in rows] == ["telea"] * 3
    for row, decision in zip(rows, ("accept", "reject", "edited"), strict=True):
        row |= {"decision": decision, "reviewer": "Ann"}
    write_table("look/plan.csv", rows)
    smaller = np.where(HOLE & (np.arange(56) < 20), 255, 0).astype(np.uint8)
    save(scans / "look/masks/c.png", smaller)
    assert run("restore look/plan.csv --ledger l.sqlite --report r.html") == 0
    assert "b.tif: rejected by Ann" in capsys.readouterr().out
    assert sorted(files_in(scans / "out")) == ["a.tif", "c.tif"]
    assert is_restored("out/a.tif")
    assert (read_picture("out/c.tif").pixels[31, 41] == 0).all()
    assert {row["picture"][-5:]: (row["state"], row["reviewer"]) for row in table("r.csv")} == {
        "a.tif": ("done", "Ann"), "b.tif": ("rejected", "Ann"), "c.tif": ("done", "Ann"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("decision", "changed", "message"),
    [
        ("accept", True, "Ann accepted the mask that was proposed, and "),
        ("edited", False, "Ann edited the mask, but "),
        ("accept", False, ""),
        ("edited", True, ""),
    ],
)
def test_a_decision_is_about_the_mask_that_is_there(
    scans: Path, decision: str, changed: bool, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("restore panel.tif --mask losses.png -o out.tif --propose look/ -q") == 0
    (row,) = table("look/plan.csv")
    write_table("look/plan.csv", [row | {"decision": decision, "reviewer": "Ann"}])
    if changed:
        save(scans / "look/masks/out.png", np.where(HOLE & (np.arange(56) < 50), 255, 0).astype(np.uint8)[:, ::-1])
    assert run("restore look/plan.csv") == (2 if message else 0)
    assert message in capsys.readouterr().err
    assert Path("out.tif").exists() == (not message)


def test_names_that_are_alike_are_proposed_apart(scans: Path) -> None:
    text = "picture,mask,output\nscans/a.tif,losses.png,1/a.tif\nscans/b.tif,losses.png,2/a.tif\n"
    Path("plan.csv").write_text(text)
    assert run("restore plan.csv --propose look/ -q") == 0
    assert {Path(row["mask"]).name: row["output"] for row in table("look/plan.csv")} == {
        "a.png": f"{scans}/1/a.tif", "a-2.png": f"{scans}/2/a.tif",
    }  # fmt: skip


def test_many_small_ones_are_said_in_their_order(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{number:03}.png" for number in range(40)]
    for name in names:
        save(scans / "many" / name, CLEAN[: 20 + int(name[:3]) // 2])
    assert run("restore many/ --mask value:0 -o out/") == 0
    said = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert [Path(line).name for line in said] == names


def test_damage_is_made_by_a_plan_and_a_ledger(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "damage scans/ --kind losses --seed 3 -o damaged/ --mask-out marks/ --ledger l.sqlite --report r.html"
    assert run(command) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith(f"{scans}/damaged/a.tif: losses of seed 3, ")
    made = files_in(scans / "damaged") | files_in(scans / "marks")
    assert run(command) == 0
    assert "nothing is to be done" in capsys.readouterr().out
    assert [row["output"][-5:] for row in table("r.csv")] == ["a.tif", "b.tif", "c.tif"]
    for number, name in enumerate("abc"):
        assert (
            run(f"damage scans/{name}.tif --kind losses --seed {3 + number} -o {name}1.tif --mask-out {name}1.png") == 0
        )
        assert Path(f"{name}1.tif").read_bytes() == made[f"{name}.tif"]
        assert Path(f"{name}1.png").read_bytes() == made[f"{name}.png"]


def test_a_plan_says_where_damaged_copies_and_detected_masks_go(scans: Path) -> None:
    Path("plan.csv").write_text("picture,mask,output\nscans/a.tif,m/a.png,d/a.tif\nscans/b.tif,m/b.png,d/b.tif\n")
    assert run("damage plan.csv --kind losses -q") == 0
    assert sorted(files_in(scans / "d")) == ["a.tif", "b.tif"]
    masks = files_in(scans / "m")
    assert sorted(masks) == ["a.png", "b.png"]
    assert run("detect plan.csv --kind color --color #000000 -q") == 1  # masks are there
    assert run("detect plan.csv --kind color --color #000000 -q --overwrite --preview p/") == 0
    assert (read_picture("m/a.png").pixels == np.where(HOLE, 255, 0)).mean() > 0.97
    assert sorted(files_in(scans / "p")) == ["a.jpg", "b.jpg"]
    assert files_in(scans / "m") != masks


def test_detection_goes_on_where_it_stopped(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("scans/b.tif").write_text("no picture")
    command = "detect scans/*.tif --kind color --color #000000 -o found/ --ledger l.sqlite"
    assert run(command) == 1
    shutil.copy("scans/a.tif", "scans/b.tif")
    assert run(f"{command} --json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [line.get("state") or line["marks"] for line in lines] == ["known", 2, "known"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("damage plan.csv --kind losses", "Line 2 names no output: give a folder, -o damaged/."),
        ("detect plan.csv --kind dust", "Say where to write: -o mask.png"),
        ("detect plan.csv --kind rust -o masks/", "rust"),
    ],
)
def test_plans_that_damage_and_detect_refuse(
    scans: Path, arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("plan.csv").write_text("picture\nscans/a.tif\n")
    assert run(arguments) == 2
    assert message in capsys.readouterr().err
