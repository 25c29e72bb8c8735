"""`run`: a plan's jobs done by a crew, many at a time, and noted in a ledger; what is done already is left."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from restauro.archive import memory, working
from restauro.archive.jobs import Job, Outcome
from restauro.archive.ledger import Ledger, Standing
from restauro.archive.places import Stamps, is_remote
from restauro.errors import ParameterError, Remedy, WriteError
from restauro.files.replacing import clear_left
from restauro.numerics.threads import usable_cores
from restauro.scratch import usable_memory

Item = TypeVar("Item")

_MOMENT = 0.1  # seconds
_AT_ONCE = 64  # jobs that are looked at, and noted as begun, together


class Crew(Protocol):
    """Those who do jobs: threads here, or a cluster.

    Attributes
    ----------
    redoes
        Whether a job may be done again though it wrote its output: its worker was lost before it could say so.
    """

    redoes: bool

    def room(self) -> int:
        """Return how many jobs can be on their way together; RestauroError where nobody is left to do any."""
        ...

    def submit(self, job: Job, **how: Any) -> Future[Outcome]:
        """Have a job done, as `restauro.archive.working.do` does it."""
        ...

    def stop(self) -> None:
        """Have what is on its way stopped."""
        ...

    def close(self) -> None:
        """Wait for what was stopped, and let everybody go."""
        ...


class StoppedError(BaseException):
    """Raised in what is stopped."""


class Threads:
    """A crew in this process: as many jobs at once as there are cores, and as fit in memory."""

    redoes = False

    def __init__(self, jobs: int, workers: int | None = None, memory_: int | None = None) -> None:
        cores = workers or usable_cores()
        self._gate = memory.Gate(memory_ or usable_memory(), cores)
        self._gate.least_threads = max(1, cores // max(jobs, 1))
        self._pool = ThreadPoolExecutor(min(cores, max(jobs, 1)), thread_name_prefix="restauro")
        self._room = min(cores, max(jobs, 1))
        self._stopped = threading.Event()

    def room(self) -> int:
        """Return how many threads there are, and a few jobs to follow."""
        return self._room + 2

    def submit(self, job: Job, **how: Any) -> Future[Outcome]:
        """Have a job done by the next thread that is free."""
        return self._pool.submit(self._do, job, how)

    def _do(self, job: Job, how: dict[str, Any]) -> Outcome:
        self._check(0)
        return working.do(job, self._check, gate=self._gate, **how)

    def _check(self, _: float) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def stop(self) -> None:
        """Have all jobs stop at the next step of their fill."""
        self._stopped.set()

    def close(self) -> None:
        """Wait for the threads."""
        self._pool.shutdown(cancel_futures=True)


def run(
    jobs: Sequence[Job],
    crew: Crew,
    *,
    ledger: Ledger | None = None,
    verify: bool = False,
    thumbnails: bool = False,
    digests: bool = False,
    told: Callable[[Outcome], object] = lambda outcome: None,
    progress: Callable[[float], object] = lambda fraction: None,
) -> None:
    """Do the jobs of a plan that aren't done, and tell what came of each, in the order of the plan.

    Parameters
    ----------
    jobs
        What is to be done; no two write to one place.
    crew
        Who does it. It is closed at the end.
    ledger
        What was done before is left out, and what is done is noted. Only this process writes to it.
    verify
        Of what was done, read all that it read and wrote, and compare the digests.
    thumbnails
        Have small pictures made of before and after.
    digests
        Have digests taken, also without a ledger.
    told
        Called with each job's outcome, in the order of `jobs`.
    progress
        Called with the share of jobs that are done, many times a second. What it raises stops the run: files at work
        stay unwritten, and what is done is noted.
    """
    check_distinct(jobs)
    run_ = _Run(
        jobs, crew, ledger, verify, {"thumbnails": thumbnails, "digests": digests or ledger is not None}, told, progress
    )
    try:
        run_.work()
    except BaseException:
        crew.stop()
        raise
    finally:
        if ledger:
            ledger.flush()
        crew.close()
        for folder in {os.path.dirname(place) for job in jobs for place in job.products if not is_remote(place)}:
            clear_left(Path(folder))  # what workers that were killed have left


def check_distinct(jobs: Sequence[Job]) -> None:
    """Raise ParameterError where two jobs would write one file, or one would write what another reads."""
    written: dict[str, Job] = {}
    for job in jobs:
        for place in job.products:
            other = written.setdefault(place, job)
            if other is not job:
                raise ParameterError(
                    f"{other.picture} and {job.picture} would both be written to {place}: give each a name of its own."
                )
    for job in jobs:
        for place in job.inputs:
            writer = written.get(place)
            if writer and writer is not job:
                raise ParameterError(
                    f"{place} is read for {job.output} and written for {writer.picture}: choose another folder to "
                    "write to."
                )


class _Run:
    """A plan being done."""

    def __init__(
        self,
        jobs: Sequence[Job],
        crew: Crew,
        ledger: Ledger | None,
        verify: bool,
        how: dict[str, Any],
        told: Callable[[Outcome], object],
        progress: Callable[[float], object],
    ) -> None:
        self.jobs, self.crew, self.ledger, self.verify, self.how = jobs, crew, ledger, verify, how
        self.told, self.progress = told, progress
        self.stamps = Stamps()
        self.ended: dict[int, Outcome] = {}  # and not told of, since one before isn't
        self.next = 0  # to be told of
        self.done = 0
        self.flying: dict[Future[Outcome], int] = {}

    def work(self) -> None:
        """Do all jobs."""
        for number, job in self.to_do():
            while len(self.flying) >= self.crew.room():
                self.land()
            self.flying[self.crew.submit(job, **self.how)] = number
        while self.flying:
            self.crew.room()
            self.land()

    def to_do(self) -> Iterator[tuple[int, Job]]:
        """Give the jobs that are to be done, noted as begun; the others end here."""
        for some in _some_together(enumerate(self.jobs), _AT_ONCE):
            begun: list[tuple[Job, bool]] = []
            ready: list[tuple[int, Job]] = []
            for number, job in some:
                standing = Standing()
                outcome = _without_work(job)
                if outcome is None and self.ledger:
                    standing = self.ledger.standing(job, self.stamps, verify=self.verify)
                    outcome = standing.outcome
                if outcome is None:
                    outcome = self.refused(job, standing)
                if outcome is not None:
                    self.end(number, outcome)
                    self.progress(self.done / len(self.jobs))
                    continue
                there = any(self.stamps.of(place) for place in job.products)
                begun.append((job, standing.may_replace or not there))
                if standing.may_replace or (self.crew.redoes and not there):
                    job = replace(job, options=job.options | {"overwrite": True})
                ready.append((number, job))
            if self.ledger and begun:
                self.ledger.begin(begun)
            yield from ready

    def refused(self, job: Job, standing: Standing) -> Outcome | None:
        """Return the outcome of a job whose output was changed by others, or is there though nobody here made it."""
        if job.options.get("overwrite") or standing.may_replace or not (self.ledger or self.crew.redoes):
            return None
        there = next((place for place in job.products if self.stamps.of(place)), None)
        if there is None:
            return None
        fact = (
            f"{there} was changed since it was written" if standing.changed else f"The target {there} is there already"
        )
        error = WriteError(fact, "choose another name", Remedy("overwrite", True, "to replace it"))
        return Outcome(job, "failed", error=error)

    def land(self) -> None:
        """Wait a moment for jobs to end, and note those that have."""
        self.progress(self.done / len(self.jobs))
        if not self.flying:  # nobody is there to do any
            time.sleep(_MOMENT)
        for future in wait(self.flying, _MOMENT, FIRST_COMPLETED).done:
            number = self.flying.pop(future)
            outcome = future.result()
            if self.ledger:
                self.ledger.end(outcome)
            self.end(number, outcome)

    def end(self, number: int, outcome: Outcome) -> None:
        """Keep an outcome, and tell all whose turn it is."""
        self.done += 1
        self.ended[number] = outcome
        while self.next in self.ended:
            self.told(self.ended.pop(self.next))
            self.next += 1


def _without_work(job: Job) -> Outcome | None:
    """Return the outcome of a job that isn't to be begun."""
    if job.problem is not None:
        return Outcome(job, "failed", error=job.problem)
    states = {"reject": "rejected", "undecided": "undecided"}
    return Outcome(job, states[job.decision]) if job.decision in states else None


def _some_together(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Give items in lists of a size: Python 3.11 has no itertools.batched."""
    rest = iter(items)
    while some := list(itertools.islice(rest, size)):
        yield some
