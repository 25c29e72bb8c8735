from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from restauro import restoring_files
from restauro.archive.jobs import Job, Outcome
from restauro.archive.ledger import Ledger
from restauro.archive.running import Threads, run
from restauro.errors import ParameterError, WriteError
from tests.panels import files_in


def jobs_of(folder: Path, **options: object) -> list[Job]:
    return [
        Job(
            "restore",
            str(folder / f"scans/p{number}.tif"),
            str(folder / f"out/p{number}.tif"),
            {"mask": str(folder / f"masks/p{number}.png")},
            options={"method": "telea", **options},
        )
        for number in range(5)
    ]


def states(jobs: list[Job], *, with_ledger: bool = True, **options: object) -> list[str]:
    told: list[Outcome] = []
    if with_ledger:
        with Ledger("l.sqlite") as ledger:
            run(jobs, Threads(len(jobs), 2), ledger=ledger, told=told.append, **options)  # type: ignore[arg-type]
    else:
        run(jobs, Threads(len(jobs), 2), told=told.append, **options)  # type: ignore[arg-type]
    assert [outcome.job.picture for outcome in told] == [job.picture for job in jobs]
    return [outcome.state for outcome in told]


def test_a_second_run_does_nothing(scans: Path) -> None:
    jobs = jobs_of(scans)
    assert states(jobs) == ["done"] * 5
    before = {path: path.stat().st_mtime_ns for path in (scans / "out").iterdir()}
    assert states(jobs) == ["known"] * 5
    assert {path: path.stat().st_mtime_ns for path in (scans / "out").iterdir()} == before


def test_a_bad_file_stops_nothing_and_is_tried_again(scans: Path) -> None:
    good = Path("scans/p2.tif").read_bytes()
    Path("scans/p2.tif").write_bytes(good[:50])
    assert states(jobs_of(scans)) == ["done", "done", "failed", "done", "done"]
    Path("scans/p2.tif").write_bytes(good)
    assert states(jobs_of(scans)) == ["known", "known", "done", "known", "known"]


def test_only_what_has_changed_is_done_again(scans: Path) -> None:
    states(jobs_of(scans))
    shutil.copy("masks/p0.png", "masks/p3.png")  # the same content
    Path("out/p1.tif").unlink()
    shutil.copy("scans/p3.tif", "scans/p4.tif")
    assert states(jobs_of(scans)) == ["known", "done", "known", "known", "done"]


def test_files_of_others_are_left_alone(scans: Path) -> None:
    Path("out").mkdir()
    Path("out/p1.tif").write_text("a picture of somebody's")
    assert states(jobs_of(scans)) == ["done", "failed", "done", "done", "done"]
    Path("out/p2.tif").write_text("corrected by hand")
    assert states(jobs_of(scans)) == ["known", "failed", "failed", "known", "known"]
    assert Path("out/p1.tif").read_text() == "a picture of somebody's"
    assert Path("out/p2.tif").read_text() == "corrected by hand"
    assert states(jobs_of(scans, overwrite=True)) == ["known", "done", "done", "known", "known"]


def test_what_was_half_done_when_a_run_was_killed_is_done_again(scans: Path) -> None:
    jobs = jobs_of(scans)
    with Ledger("l.sqlite") as ledger:
        ledger.begin([(job, True) for job in jobs])
    restoring_files.restore_file(jobs[0].picture, jobs[0].output, mask=jobs[0].reads["mask"], method="telea")
    assert states(jobs) == ["done"] * 5


def test_decisions_are_heeded(scans: Path) -> None:
    jobs = jobs_of(scans)
    words = ("accept", "reject", "undecided", "edited", "")
    jobs = [replace(job, decision=word, reviewer="Ann") for job, word in zip(jobs, words, strict=True)]
    assert states(jobs) == ["done", "rejected", "undecided", "done", "done"]
    assert sorted(files_in(scans / "out")) == ["p0.tif", "p3.tif", "p4.tif"]


def test_the_result_is_that_of_single_files(scans: Path) -> None:
    jobs = jobs_of(scans)
    states(jobs, with_ledger=False)
    for job in jobs:
        restoring_files.restore_file(job.picture, "one.tif", mask=job.reads["mask"], method="telea", overwrite=True)
        assert Path("one.tif").read_bytes() == Path(job.output).read_bytes()


def test_several_are_at_work_at_once(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=20)
    restore = restoring_files.restore_file

    def met(*arguments: object, **options: object) -> object:
        both.wait()
        return restore(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring_files, "restore_file", met)
    assert states(jobs_of(scans)[:4], with_ledger=False) == ["done"] * 4


def test_a_run_that_is_stopped_keeps_what_is_done_and_goes_on(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class EnoughError(Exception):
        pass

    def stop_after_two(fraction: float) -> None:
        if fraction >= 0.4:
            raise EnoughError

    with pytest.raises(EnoughError):
        states(jobs_of(scans), progress=stop_after_two)
    assert all(len(data) > 1000 for data in files_in(scans / "out").values())
    assert not list((scans / "out").glob(".*"))
    again = states(jobs_of(scans))
    assert again.count("known") >= 2
    assert set(again) == {"known", "done"}


def test_pictures_that_are_replaced_are_restored_once(scans: Path) -> None:
    jobs = [replace(job, output=job.picture) for job in jobs_of(scans, overwrite=True)]
    assert states(jobs) == ["done"] * 5
    restored = files_in(scans / "scans")
    assert states(jobs) == ["known"] * 5
    shutil.copy("masks/p1.png", "masks/p2.png")
    Path("masks/p3.png").touch()
    assert states(jobs, verify=True) == ["known"] * 5
    assert files_in(scans / "scans") == restored


def test_a_picture_that_is_changed_while_it_is_worked_on_fails(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restore = restoring_files.restore_file

    def changed_then(picture: str, output: str, **options: object) -> object:
        done = restore(picture, output, **options)  # type: ignore[arg-type]
        os.utime("masks/p0.png", ns=(1, 1))
        return done

    monkeypatch.setattr(restoring_files, "restore_file", changed_then)
    told: list[Outcome] = []
    with Ledger("l.sqlite") as ledger:
        run(jobs_of(scans)[:1], Threads(1), ledger=ledger, told=told.append)
    assert str(told[0].error) == f"{scans}/masks/p0.png was changed while it was worked on: run it again."
    monkeypatch.setattr(restoring_files, "restore_file", restore)
    assert states(jobs_of(scans)[:1]) == ["done"]


def test_what_a_failed_job_has_written_is_its_own(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is written, and then its mask: where that can't be, the next run isn't stopped by its own picture."""

    def full(*arguments: object, **options: object) -> None:
        raise WriteError("The picture was written, but the mask can't be.")

    job = replace(jobs_of(scans)[0], writes={"save_mask": str(scans / "made/kept.png")})
    with monkeypatch.context() as patched:
        patched.setattr("restauro.marking.write_mask", full)
        assert states([job]) == ["failed"]
    assert os.listdir("out") == ["p0.tif"]
    assert states([job]) == ["done"]


class Twice(Threads):
    """A crew whose workers are lost when they have written their picture, so that each job is done again."""

    redoes = True

    def submit(self, job: Job, **how: Any) -> Future[Outcome]:
        super().submit(job, **how).result()
        return super().submit(job, **how)


@pytest.mark.parametrize("with_ledger", [True, False])
def test_jobs_that_are_done_again_replace_what_they_wrote_and_nothing_else(scans: Path, with_ledger: bool) -> None:
    Path("out").mkdir()
    Path("out/p1.tif").write_text("somebody's")
    told: list[Outcome] = []
    with Ledger("l.sqlite") as ledger:
        run(jobs_of(scans), Twice(5), ledger=ledger if with_ledger else None, told=told.append)
    assert [outcome.state for outcome in told] == ["done", "failed", "done", "done", "done"]
    assert Path("out/p1.tif").read_text() == "somebody's"


def test_what_a_killed_worker_has_left_is_cleared_away(scans: Path) -> None:
    left = """
        import os
        from pathlib import Path
        from restauro.files.replacing import private_folder

        with private_folder(Path("out")):
            os._exit(9)
    """
    jobs = jobs_of(scans)

    def kill_one(outcome: Outcome) -> None:  # after this process has looked for what others left
        if outcome.job is jobs[0] and outcome.state == "done":
            subprocess.run([sys.executable, "-c", textwrap.dedent(left)], check=False)
            assert list(Path("out").glob(".restauro-*"))

    run(jobs, Threads(1), told=kill_one)
    assert sorted(os.listdir("out")) == [f"p{number}.tif" for number in range(5)]


def test_two_jobs_never_write_one_file(scans: Path) -> None:
    jobs = jobs_of(scans)
    twice = [*jobs, replace(jobs[0], picture="other.tif")]
    with pytest.raises(ParameterError, match=r"p0\.tif and other\.tif would both be written to .*out/p0\.tif: give"):
        run(twice, Threads(1))
    crossed = [*jobs, replace(jobs[0], picture=jobs[1].output, output="z.tif")]
    with pytest.raises(
        ParameterError, match=r"out/p1\.tif is read for z\.tif and written for .*: choose another folder"
    ):
        run(crossed, Threads(1))
