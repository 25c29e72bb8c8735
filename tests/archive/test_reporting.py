from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from restauro.archive import reporting
from restauro.archive.jobs import Job, Outcome
from restauro.archive.plans import read_manifest
from restauro.archive.proposing import propose_file
from restauro.archive.reporting import Report, needs_an_eye
from restauro.archive.working import do
from restauro.errors import MaskError
from tests.panels import save


def outcome(name: str, *, largest: int = 0, widest: int = 0, error: Exception | None = None) -> Outcome:
    facts = {} if error else {"width": 1000, "height": 1000, "regions": 1, "largest": largest, "widest": widest}
    job = Job("restore", f"/scans/{name}", f"/out/{name}", {"mask": "/m.png"}, later={"method": "telea"})
    return Outcome(job, "failed" if error else "done", error=error, facts=facts, before=b"\xff1", after=b"\xff2")


OUTCOMES = [
    outcome("small.tif", largest=50, widest=3),
    outcome("wide.tif", largest=5000, widest=60),
    outcome("bad.tif", error=MaskError("The mask <is> wrong", "take another")),
    outcome("large.tif", largest=12_000, widest=5),
    outcome("empty.tif"),
]


def test_what_needs_an_eye_comes_first(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.html")
    for some in OUTCOMES:
        report.add(some)
    report.write()
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["picture"]).stem for row in rows] == ["bad", "wide", "large", "small", "empty"]
    assert [row["needs_an_eye"] for row in rows[1:]] == ["2", "1.2", "0.1", "0"]
    assert rows[0]["error"] == "The mask <is> wrong: take another."
    page = (tmp_path / "r.html").read_text()
    assert re.findall(r"<b>/scans/(\w+)", page) == ["bad", "wide", "large", "small", "empty"]
    assert "The mask &lt;is&gt; wrong: take another." in page


def test_marks_near_lettering_are_looked_at(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.html")
    small, signed = outcome("small.tif", largest=5000, widest=5), outcome("signed.tif", largest=50, widest=3)
    signed.facts["near_lettering"] = 12
    assert needs_an_eye(signed) == 1 > needs_an_eye(small)
    for some in (small, signed):
        report.add(some)
    report.write()
    page = (tmp_path / "r.html").read_text()
    assert re.findall(r"<b>/scans/(\w+)", page) == ["signed", "small"]
    assert page.count("12 pixels near lettering, as it seems") == 1


def test_proposals_say_what_lies_near_lettering(tmp_path: Path) -> None:
    image = np.full((100, 200), 200, np.uint8)
    for left in range(40, 160, 16):
        image[40:54, left : left + 3] = image[52:54, left : left + 9] = 30  # LLLLLLLL
    for name, rows in (("on", slice(44, 50)), ("off", slice(90, 96))):
        mask = np.zeros(image.shape, np.uint8)
        mask[rows, 60:66] = 255
        save(tmp_path / f"{name}-mask.png", mask)
        picture = save(tmp_path / f"{name}.png", image)
        proposed = propose_file(
            picture, tmp_path / f"{name}-p.png", preview=tmp_path / f"{name}-v.png", mask=tmp_path / f"{name}-mask.png"
        )
        assert proposed.near_lettering == (36 if name == "on" else 0)


def test_the_page_needs_no_other_file_and_shows_names_as_they_are(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.csv")
    report.add(outcome('<script>"&.tif', largest=1, widest=1))
    report.write()
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;&quot;&amp;.tif" in page
    assert set(re.findall(r'(?:src|href)="(\w+:)', page)) == {"data:"}


def test_the_page_has_no_more_pictures_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "SHOWN", 2)
    report = Report(tmp_path / "r.html")
    for some in OUTCOMES:
        report.add(some)
    report.write()
    page = (tmp_path / "r.html").read_text()
    assert re.findall(r"<b>/scans/(\w+)", page) == ["bad", "wide"]
    assert "The first 2 are shown; all are in r.csv." in page


def test_a_report_is_a_plan(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.html")
    for some in OUTCOMES[:2]:
        report.add(some)
    report.write()
    first = read_manifest(str(tmp_path / "r.csv"))[0]
    assert (first.picture, first.mask, first.output, first.method) == (
        "/scans/wide.tif", "/m.png", "/out/wide.tif", "telea",
    )  # fmt: skip


def test_small_pictures_are_of_before_and_after(scans: Path) -> None:
    job = Job("restore", "scans/p0.tif", "out.tif", {"mask": "masks/p0.png"}, options={"method": "telea"})
    done = do(job, thumbnails=True)
    assert done.before[:3] == done.after[:3] == b"\xff\xd8\xff"
    assert done.before != done.after
    assert do(Job("restore", "scans/p1.tif", "out1.tif", {"mask": "masks/p1.png"})).before == b""


def test_failures_need_an_eye_before_anything_else() -> None:
    assert needs_an_eye(OUTCOMES[2]) > needs_an_eye(outcome("all.tif", largest=10**6, widest=507))
