"""`Cluster`: a crew on a Dask cluster, processes here or workers elsewhere. Names are sent to them, never pixels."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import restauro
from restauro.archive import memory, places, working
from restauro.archive.jobs import Job, Outcome
from restauro.errors import ParameterError, RestauroError
from restauro.numerics.threads import usable_cores

_ANSWER = 20.0  # seconds in which a scheduler answers
_FAREWELL = 10.0  # seconds in which a cluster here ends
_ALONE = 60.0  # seconds without any worker, after which none is waited for
_ANEW = 1.0  # seconds after which workers are counted anew
_LIMIT_SHARE = 0.6  # of a worker's memory limit that pictures may take: Dask stops giving it work from 0.8
_UNPACKED = 10  # bytes of pixels a byte of a file that can't be looked into from here
_MEMORY, _CORES = "memory", "cores"  # what resources are called


class ClusterError(RestauroError, ValueError):
    """A Dask cluster isn't there, can't be worked with, or was lost."""


class Cluster:
    """A crew on a Dask cluster.

    Where workers declare resources called memory (bytes) or cores, each job asks for what it will take of them.
    Elsewhere as many jobs are on their way as the workers have threads, and one more each; and every worker keeps the
    pictures at work within its memory limit by itself. A job whose worker is lost is done by another one.

    Parameters
    ----------
    address
        Of the scheduler, such as "tcp://10.0.0.5:8786"; "local" starts processes here.
    workers
        Of "local", how many processes of one thread; by default one a core.
    say
        Called with sentences that are to be known.

    Raises
    ------
    ParameterError
        Dask isn't installed.
    ClusterError
        No scheduler answers, or its workers have another version of restauro.
    """

    redoes = True

    def __init__(self, address: str, workers: int | None = None, say: Callable[[str], object] = print) -> None:
        try:
            import distributed
        except ImportError:
            raise ParameterError("A cluster needs Dask: pip install 'restauro[cluster]'") from None
        self.address = address
        self._quiet()
        self._local: Any = None
        try:
            if address == "local":
                count = workers or usable_cores()
                self._local = distributed.LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
            self._client: Any = distributed.Client(self._local or address, timeout=_ANSWER, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            self.close()
            raise ClusterError(
                f"No Dask scheduler answers at {address} ({type(error).__name__}): start one (dask scheduler) and its "
                "workers (dask worker), or check the address."
            ) from None
        self._flying: dict[Any, Future[Outcome]] = {}
        self._counted = 0.0
        self._seen_alive = time.monotonic()
        self._workers: dict[str, Any] = {}
        try:
            self._check_workers()
        except BaseException:
            self.close()
            raise
        if not self._declared():
            say(
                f"{len(self._workers)} workers: they declare no resources, so as many pictures are on their way as "
                "they have threads, and each keeps to its memory limit."
            )

    def room(self) -> int:
        """Return how many jobs can be on their way; ClusterError where no scheduler is, or for a minute no worker."""
        if self._client.status not in ("running", "connecting", "newly-created"):
            raise self._lost()
        self._count()
        if self._workers:
            self._seen_alive = time.monotonic()
        elif time.monotonic() - self._seen_alive > _ALONE:
            raise ClusterError(
                f"The cluster at {self.address} has had no worker for a minute: start some, and give the same command "
                "again."
            )
        return sum(worker["nthreads"] + 1 for worker in self._workers.values())

    def submit(self, job: Job, **how: Any) -> Future[Outcome]:
        """Have a job done by a worker."""
        mine: Future[Outcome] = Future()
        resources, problem = self._resources(job)
        if problem:
            mine.set_result(Outcome(job, "failed", error=problem))
            return mine
        name = places.name_of(job.output)
        there = self._client.submit(
            _work, job, how, pure=False, key=f"restauro-{name}-{os.urandom(8).hex()}", resources=resources or None
        )
        self._flying[there] = mine
        there.add_done_callback(partial(self._landed, job))
        return mine

    def stop(self) -> None:
        """Drop what no worker has begun; what is at work comes to its end there."""
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):  # nobody is there
            self._client.cancel(list(self._flying), force=True)

    def close(self) -> None:
        """Let the workers go; processes here end."""
        for closing in (getattr(self, "_client", None), self._local):
            if closing is not None:
                with contextlib.suppress(OSError, TimeoutError):  # its processes end with this one at the latest
                    closing.close(timeout=_FAREWELL)
        for logger, level in self._levels.items():
            logging.getLogger(logger).setLevel(level)

    def _quiet(self) -> None:
        """Have Dask's libraries say nothing: what is to be known of a cluster is said here."""
        self._levels = {name: logging.getLogger(name).level for name in ("distributed", "tornado.application")}
        for name in self._levels:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def _check_workers(self) -> None:
        """Wait for a worker, and raise ClusterError where one has another version of restauro, or none."""
        try:
            self._client.wait_for_workers(1, timeout=_ANSWER)
        except TimeoutError:
            raise ClusterError(f"The cluster at {self.address} has no worker: start some (dask worker).") from None
        self._count()
        for worker, version in self._client.run(_version, on_error="return").items():
            if version != restauro.__version__:
                found = "none" if isinstance(version, Exception) else version
                raise ClusterError(
                    f"The worker {worker} has restauro {found}, and here is {restauro.__version__}: install the same "
                    "everywhere."
                )

    def _count(self) -> None:
        """Look which workers there are."""
        if time.monotonic() - self._counted < _ANEW:
            return
        try:
            self._workers = dict(self._client.scheduler_info(n_workers=-1)["workers"])
        except (OSError, TimeoutError):
            raise self._lost() from None
        self._counted = time.monotonic()

    def _declared(self) -> dict[str, float]:
        """Return the largest amount that a worker declares of each resource that jobs can ask for."""
        found: dict[str, float] = {}
        for worker in self._workers.values():
            for name in (_MEMORY, _CORES):
                if amount := (worker.get("resources") or {}).get(name):
                    found[name] = max(amount, found.get(name, 0))
        return found

    def _resources(self, job: Job) -> tuple[dict[str, float], Exception | None]:
        """Return what a job asks for of what workers declare, and why it can't be done where no worker has so much."""
        declared = self._declared()
        asked: dict[str, float] = {_CORES: 1} if _CORES in declared else {}
        if _MEMORY in declared:
            try:
                need = _foretold(job)
                memory.check_fits(need, int(declared[_MEMORY]))
            except RestauroError as error:
                return {}, error
            asked[_MEMORY] = min(need.likely, declared[_MEMORY])
        return asked, None

    def _landed(self, job: Job, there: Any) -> None:
        """Hand over what came of a job, in a thread of the client's."""
        mine = self._flying.pop(there)
        if there.status == "finished":
            mine.set_result(there.result())
        elif there.status == "error":
            error = there.exception()
            if type(error).__name__ == "KilledWorker":
                error = ClusterError("Every worker that had it ended: it may take more memory than they have.")
            mine.set_result(Outcome(job, "failed", error=error))
        else:
            mine.set_exception(self._lost())

    def _lost(self) -> ClusterError:
        return ClusterError(
            f"The scheduler at {self.address} is gone: start one, and give the same command again; with a ledger it "
            "goes on where it stopped."
        )


def _foretold(job: Job) -> memory.Need:
    """Foretell how much memory a job takes: by its picture's header, or by the size of a file elsewhere."""
    looks = job.act == "detect" or job.options.get("detect") is not None
    if not places.is_remote(job.picture):
        return memory.foretold(Path(job.picture), job.options.get("page"), looks=looks)
    about = places.stamp(job.picture)
    size = _UNPACKED * about.size if about else 0
    return memory.of_pixels(size // 3, size, looks=looks)


def _version() -> str:
    return restauro.__version__


def _work(job: Job, how: dict[str, Any]) -> Outcome:
    """Do a job in a worker, whose pictures share a gate."""
    from distributed import get_worker

    worker: Any = get_worker()
    limit = worker.memory_manager.memory_limit
    gate = memory.gate(int(_LIMIT_SHARE * limit) if limit else None, worker.state.nthreads)
    return working.do(job, gate=gate, **how)
