from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from restauro.archive import ledger as ledgers
from restauro.archive.jobs import Job
from restauro.archive.ledger import Ledger, Standing
from restauro.archive.places import Stamps
from restauro.archive.working import do
from restauro.errors import WriteError


@pytest.fixture
def job(scans: Path) -> Job:
    places = {"mask": str(scans / "masks/p0.png")}
    return Job("restore", str(scans / "scans/p0.tif"), str(scans / "out/p0.tif"), places, options={"method": "telea"})


def standing(job: Job, *, verify: bool = False) -> Standing:
    """How a job stands when the ledger is opened anew."""
    with Ledger("l.sqlite") as ledger:
        return ledger.standing(job, Stamps(), verify=verify)


def done(job: Job, *, ours: bool = True) -> None:
    with Ledger("l.sqlite") as ledger:
        ledger.begin([(job, ours)])
        outcome = do(job)
        assert outcome.error is None
        ledger.end(outcome)


def change(path: str, *, touch: bool) -> None:
    """Change a byte of a file but not its size; also its time, or not."""
    about = os.stat(path)
    data = bytearray(Path(path).read_bytes())
    data[-1] ^= 1
    Path(path).write_bytes(data)
    moment = about.st_mtime_ns + (10**9 if touch else 0)
    os.utime(path, ns=(moment, moment))


def test_a_job_is_new_then_done(job: Job) -> None:
    assert standing(job) == Standing()
    done(job)
    now = standing(job)
    assert now.is_done
    assert now.outcome is not None
    assert now.outcome.facts["regions"] == 2
    assert [Path(place).name for place in now.outcome.inputs] == ["p0.tif", "p0.png"]


def test_digests_are_taken_anew_only_where_the_time_differs(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    done(job)
    read = []
    monkeypatch.setattr(ledgers, "digest_at", lambda place: read.append(place) or real(place))
    real = __import__("restauro.archive.places", fromlist=["digest_at"]).digest_at
    assert standing(job).is_done
    assert read == []
    os.utime(job.picture)
    for _ in range(2):  # the second time the new time is known
        assert standing(job).is_done
        assert read == [job.picture]
    assert standing(job, verify=True).is_done
    assert len(read) == 1 + 3


@pytest.mark.parametrize("which", ["picture", "mask"])
def test_an_input_that_was_changed_has_it_done_again(job: Job, which: str) -> None:
    done(job)
    path = job.picture if which == "picture" else job.reads["mask"]
    change(path, touch=True)
    assert standing(job) == Standing(may_replace=True, changed=path)


def test_other_settings_have_it_done_again(job: Job) -> None:
    done(job)
    other = replace(job, options={"method": "harmonic"})
    assert standing(other) == Standing(may_replace=True, changed="the settings")
    assert standing(replace(job, options=job.options | {"overwrite": True})).is_done


def test_an_output_that_is_gone_is_made_again(job: Job) -> None:
    done(job)
    os.unlink(job.output)
    assert standing(job) == Standing(may_replace=True, changed=job.output)


def test_an_output_that_others_changed_is_theirs(job: Job) -> None:
    done(job)
    change(job.output, touch=True)
    assert standing(job) == Standing(may_replace=False, changed=job.output)


def test_verify_finds_what_its_time_does_not_tell(job: Job) -> None:
    done(job)
    change(job.output, touch=False)
    assert standing(job).is_done
    assert standing(job, verify=True) == Standing(may_replace=False, changed=job.output)


@pytest.mark.parametrize("ours", [True, False])
def test_what_was_begun_and_not_ended_may_be_replaced_where_nothing_was_there(job: Job, ours: bool) -> None:
    with Ledger("l.sqlite") as ledger:
        ledger.begin([(job, ours)])
    assert standing(job) == Standing(may_replace=ours)


def test_what_failed_leaves_what_is_there_alone(job: Job) -> None:
    bad = replace(job, reads={"mask": job.picture})
    with Ledger("l.sqlite") as ledger:
        ledger.begin([(bad, True)])
        outcome = do(bad)
        assert (outcome.state, outcome.products) == ("failed", {})
        ledger.end(outcome)
    assert standing(bad) == Standing(may_replace=False)


def test_rows_say_what_was_done(job: Job) -> None:
    done(replace(job, decision="accept", reviewer="Ann"))
    with Ledger("l.sqlite") as ledger:
        (row,) = ledger.rows()
    assert (row["output"], row["state"], row["decision"], row["reviewer"]) == (job.output, "done", "accept", "Ann")
    assert '"hole_pixels": 124' in row["record"]


def test_only_one_run_at_a_time(scans: Path) -> None:
    with (
        Ledger("l.sqlite"),
        pytest.raises(WriteError, match=r"Another run is at work with l\.sqlite: wait until it has ended"),
    ):
        Ledger("l.sqlite")
    Ledger("l.sqlite").close()


def test_what_is_no_ledger_stays_as_it_is(scans: Path) -> None:
    Path("notes.txt").write_text("no ledger " * 200)
    with pytest.raises(WriteError, match=r"notes\.txt is no ledger \(file is not a database\): choose another name"):
        Ledger("notes.txt")
    assert Path("notes.txt").read_text() == "no ledger " * 200
    with sqlite3.connect("other.sqlite") as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    with pytest.raises(WriteError, match="is a database, but no ledger of restauro"):
        Ledger("other.sqlite")
    with Ledger("l.sqlite") as ledger:
        ledger._data.execute("UPDATE about SET format = 99")
    with pytest.raises(WriteError, match="is a ledger of another version"):
        Ledger("l.sqlite")
    with pytest.raises(WriteError, match=r"The ledger can't be kept in none/l\.sqlite \(unable to open"):
        Ledger("none/l.sqlite")
