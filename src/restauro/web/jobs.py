"""Work that takes longer than a request: one after the other, with progress, to be cancelled."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from restauro.errors import RestauroError

_MOST = 8  # waiting or at work, of all browsers together
_KEPT = 100  # that are done, for those who ask what became of them

Work = Callable[[Callable[[float], object]], Any]


class BusyError(RestauroError):
    """There is too much to do already."""


class CancelledError(Exception):
    """Somebody cancelled the job."""


class Job:
    """Something that is done, or waits for it.

    Attributes
    ----------
    number
        What it is asked for by.
    owner
        Whose it is.
    state
        "waiting", "running", "done", "cancelled" or "failed".
    fraction
        How much is done, 0 to 1.
    result
        What came out, once it is done.
    error
        What it failed with.
    """

    def __init__(self, owner: str, work: Work) -> None:
        self.number = secrets.token_hex(8)
        self.owner = owner
        self.state = "waiting"
        self.fraction = 0.0
        self.result: Any = None
        self.error: Exception | None = None
        self._work = work
        self._cancelled = threading.Event()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "cancelled", "failed")

    def cancel(self) -> None:
        """Have it stop at its next report of progress; what it did is taken back."""
        self._cancelled.set()

    def run(self) -> None:
        """Do the work, in a thread of the jobs."""
        self.state = "running"
        try:
            self._progress(0.0)
            self.result = self._work(self._progress)
            self.fraction, self.state = 1.0, "done"
        except CancelledError:
            self.state = "cancelled"
        except Exception as error:  # told to who asked for it
            self.error, self.state = error, "failed"

    def _progress(self, fraction: float) -> None:
        if self._cancelled.is_set():
            raise CancelledError
        self.fraction = fraction


class Jobs:
    """All jobs of a server, done by one thread, as each uses all cores."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "restauro-jobs")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, owner: str, work: Work) -> Job:
        """Have something done; BusyError where too much waits."""
        with self._lock:
            if sum(not job.ended for job in self._jobs.values()) >= _MOST:
                raise BusyError(f"{_MOST} restorations are waiting already: wait for one to end, or cancel it.")
            for number in [number for number, job in self._jobs.items() if job.ended][:-_KEPT]:
                del self._jobs[number]
            job = Job(owner, work)
            self._jobs[job.number] = job
        self._pool.submit(job.run)
        return job

    def get(self, number: str, owner: str) -> Job | None:
        """Return an owner's job."""
        job = self._jobs.get(number)
        return job if job and job.owner == owner else None

    def stop(self) -> None:
        """Cancel all, those that wait too, and wait for their end."""
        for job in self._jobs.values():
            job.cancel()
        self._pool.shutdown()
