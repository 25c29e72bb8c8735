"""`Ledger`: an SQLite file that says what was done, of what, and how, so that a later run goes on where one stopped."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import restauro
from restauro.archive.jobs import Job, Outcome
from restauro.archive.places import Stamp, Stamps, digest_at
from restauro.errors import RestauroError, WriteError

FORMAT = 1
_TOGETHER, _SECONDS = 64, 0.5  # rows that are written to the disk together, or after so long
_TABLES = """
CREATE TABLE about (format INTEGER NOT NULL);
CREATE TABLE jobs (
    output TEXT PRIMARY KEY,
    settings TEXT NOT NULL,
    state TEXT NOT NULL,     -- begun, done, failed
    ours INTEGER NOT NULL,   -- 1: no file was there before, so one that is there now was made by this ledger's runs
    inputs TEXT, products TEXT, record TEXT, facts TEXT, error TEXT,
    decision TEXT, reviewer TEXT, version TEXT, time TEXT, before BLOB, after BLOB
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Standing:
    """How a job stands.

    Attributes
    ----------
    is_done
        Whether it was done, and all that it read and wrote is as it was.
    may_replace
        Whether a file where its output goes was left there by an earlier run, and nobody has changed it since.
    changed
        What of it isn't as it was; None of a job that was never done.
    outcome
        Of one that is done, what came of it.
    """

    is_done: bool = False
    may_replace: bool = False
    changed: str | None = None
    outcome: Outcome | None = None


class Ledger:
    """What was done, a row an output.

    Only one run at a time can write to it. Rows are written to the disk some at a time: what was done in the last half
    second before a run was cut off is done again, and never taken for somebody else's file.

    Parameters
    ----------
    path
        The file, made if it is missing.

    Raises
    ------
    WriteError
        Another run has it; it is no ledger, or one of a later version; it can't be written.

    Examples
    --------
    >>> with Ledger(":memory:") as ledger:
    ...     ledger.standing(Job("restore", "/a.png", "/b.png"), Stamps())
    Standing(is_done=False, may_replace=False, changed=None, outcome=None)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._waiting = 0
        self._committed = time.monotonic()
        try:
            self._data = sqlite3.connect(path, timeout=0, isolation_level=None)
            self._data.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._data.execute("PRAGMA synchronous = FULL")
            self._data.execute("BEGIN EXCLUSIVE")
            tables = {name for (name,) in self._data.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                for statement in _TABLES.split(";")[:-1]:
                    self._data.execute(statement)
                self._data.execute("INSERT INTO about VALUES (?)", (FORMAT,))
            elif not {"about", "jobs"} <= tables:
                raise WriteError(f"{path} is a database, but no ledger of restauro: choose another name.")
            elif self._data.execute("SELECT format FROM about").fetchone() != (FORMAT,):
                raise WriteError(f"{path} is a ledger of another version of restauro: choose another name.")
            self._commit()
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise WriteError(f"Another run is at work with {path}: wait until it has ended.") from None
            raise WriteError(f"The ledger can't be kept in {path} ({error}): choose another place.") from None
        except sqlite3.DatabaseError as error:
            raise WriteError(f"{path} is no ledger ({error}): choose another name.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is waiting, and let others have the file."""
        try:
            self._execute("COMMIT")
        finally:
            self._data.close()

    def standing(self, job: Job, stamps: Stamps, *, verify: bool = False) -> Standing:
        """Say how a job stands; digests are taken anew where size, time or ETag differ, or with `verify` of all."""
        row = self._execute(
            "SELECT settings, state, ours, inputs, products, facts, before, after FROM jobs WHERE output = ?",
            (job.output,),
        ).fetchone()
        if row is None:
            return Standing()
        settings, state, ours, inputs, products, facts, before, after = row
        if state == "begun":
            return Standing(may_replace=bool(ours))
        written = _read(products)
        made = _look(written, stamps, verify=verify)
        if made.differs or state == "failed":
            return Standing(may_replace=bool(products != "{}" and made.are_ours), changed=made.differs)
        if settings != job.settings():
            return Standing(may_replace=True, changed="the settings")
        # What was written in its own place is as it was written, and no longer as it was read.
        read = _look({p: was for p, was in _read(inputs).items() if p not in written}, stamps, verify=verify)
        if read.differs:
            return Standing(may_replace=True, changed=read.differs)
        if made.anew or read.anew:
            self._execute(
                "UPDATE jobs SET inputs = ?, products = ? WHERE output = ?",
                (_written(_read(inputs) | read.stamps), _written(made.stamps), job.output),
            )
            self._soon()
        known = Outcome(
            job, "known", facts=json.loads(facts), inputs=read.stamps, products=made.stamps, before=before, after=after
        )
        return Standing(is_done=True, outcome=known)

    def begin(self, jobs: Sequence[tuple[Job, bool]]) -> None:
        """Note, on the disk, that jobs are begun; with each, whether a file that will be there is ours."""
        version, now = restauro.__version__, _now()
        self._execute(
            "INSERT OR REPLACE INTO jobs (output, settings, state, ours, decision, reviewer, version, time) "
            "VALUES (?, ?, 'begun', ?, ?, ?, ?, ?)",
            [(job.output, job.settings(), ours, job.decision, job.reviewer, version, now) for job, ours in jobs],
            many=True,
        )
        self._commit()

    def end(self, outcome: Outcome) -> None:
        """Note what came of a job that was begun."""
        record = None if outcome.record is None else outcome.record.as_json()
        self._execute(
            "UPDATE jobs SET state = ?, inputs = ?, products = ?, record = ?, facts = ?, error = ?, time = ?, "
            "before = ?, after = ? WHERE output = ?",
            (
                outcome.state, _written(outcome.inputs), _written(outcome.products), record, json.dumps(outcome.facts),
                None if outcome.error is None else str(outcome.error), _now(), outcome.before, outcome.after,
                outcome.job.output,
            ),
        )  # fmt: skip
        self._soon()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Return all rows, pictures apart."""
        names = ("output", "state", "record", "facts", "error", "decision", "reviewer", "version", "time", "inputs")
        for row in self._execute(f"SELECT {', '.join(names)} FROM jobs ORDER BY output"):
            yield dict(zip(names, row, strict=True))

    def flush(self) -> None:
        """Write what is waiting to the disk."""
        self._commit()

    def _soon(self) -> None:
        """Write what is waiting once it is much, or has waited."""
        self._waiting += 1
        if self._waiting >= _TOGETHER or time.monotonic() - self._committed > _SECONDS:
            self._commit()

    def _commit(self) -> None:
        self._execute("COMMIT")
        self._execute("BEGIN EXCLUSIVE")
        self._waiting, self._committed = 0, time.monotonic()

    def _execute(self, statement: str, values: Sequence[Any] = (), *, many: bool = False) -> sqlite3.Cursor:
        try:
            return (self._data.executemany if many else self._data.execute)(statement, values)
        except sqlite3.Error as error:
            raise WriteError(
                f"The ledger {self.path} can't be written any more ({error}): make room for it, and give the same "
                "command again, which goes on."
            ) from None


@dataclass(frozen=True)
class _Seen:
    """How files are: their stamps now, which isn't as it was, whether all that are there are, what was read anew."""

    stamps: dict[str, Stamp]
    differs: str | None = None
    are_ours: bool = True
    anew: bool = False


def _look(were: dict[str, Stamp], stamps: Stamps, *, verify: bool) -> _Seen:
    """Compare files with what they were."""
    now: dict[str, Stamp] = {}
    differs, are_ours, anew = None, True, False
    for place, was in were.items():
        there = stamps.of(place)
        if there is None:
            differs = differs or place
            continue
        if verify or not was.is_same(there):
            if there.size != was.size or _digest_at(place) != was.digest:
                differs, are_ours = differs or place, False
                continue
            anew = True
        now[place] = Stamp(there.size, there.changed, there.etag, was.digest)
    return _Seen(now, differs, are_ours, anew)


def _digest_at(place: str) -> str | None:
    """Return the digest of a file; None where it can't be read, which whoever reads it says."""
    try:
        return digest_at(place)
    except RestauroError:
        return None


def _written(stamps: dict[str, Stamp]) -> str:
    return json.dumps({place: list(asdict(stamp_).values()) for place, stamp_ in stamps.items()})


def _read(text: str) -> dict[str, Stamp]:
    return {place: Stamp(*values) for place, values in json.loads(text).items()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
