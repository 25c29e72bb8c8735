"""Archives on a Dask cluster of real processes, which are killed in the middle."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import restauro
from restauro.archive import cluster as clusters
from restauro.archive.cluster import Cluster, ClusterError
from restauro.archive.jobs import Job, Outcome
from restauro.archive.ledger import Ledger
from restauro.archive.running import Threads, run
from restauro.archive.working import do
from restauro.errors import MemoryShortError, ParameterError
from tests.archive.clusters import Processes
from tests.panels import files_in, save

pytest.importorskip("distributed", reason="needs the extra `cluster`: pip install 'restauro[cluster]'")

COUNT = 12


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures that take a tenth of a second each, and right/, how they are restored."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(1)
    hole = rng.random((150, 150)) < 0.3
    for number in range(COUNT):
        values = np.add.outer(np.arange(150), np.arange(150) * (1 + number % 3)).astype(np.uint8)
        (folder / "scans").mkdir(exist_ok=True)
        save(folder / f"scans/{number:02}.png", np.where(hole, 0, values).astype(np.uint8))
    save(folder / "mask.png", np.where(hole, 255, 0).astype(np.uint8))
    for job in jobs_of(folder, "right"):
        assert do(job).error is None
    return folder


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(tmp_path_factory.mktemp("dask"))
    yield processes
    processes.kill()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Callable[..., Processes]]:
    """What starts a cluster for one test, and kills it at the end."""
    started: list[Processes] = []

    def start(**options: object) -> Processes:
        folder = tmp_path / f"dask-{len(started)}"
        folder.mkdir()
        started.append(Processes(folder, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for processes in started:
        processes.kill()


def jobs_of(folder: Path, output: str | Path) -> list[Job]:
    return [
        Job("restore", str(path), str(folder / output / path.name), {"mask": str(folder / "mask.png")})
        for path in sorted((folder / "scans").iterdir())
    ]


def quiet(text: str) -> None:
    """Say nothing."""


def run_on(
    address: str, jobs: list[Job], ledger: Path, progress: Callable[[float], object] = lambda fraction: None
) -> list[Outcome]:
    told: list[Outcome] = []
    with Ledger(ledger) as kept:
        run(jobs, Cluster(address, say=quiet), ledger=kept, told=told.append, progress=progress)
    return told


def assert_right(folder: Path, out: Path) -> None:
    """Every output is there once and whole, and nothing else."""
    assert files_in(out) == files_in(folder / "right")
    assert sorted(path.name for path in out.iterdir()) == sorted(files_in(out))


def once(what: Callable[[], object], at: float) -> Callable[[float], object]:
    """Return a progress that does something once, when a share is done."""
    left = [what]

    def progress(fraction: float) -> None:
        if fraction >= at and left:
            left.pop()()

    return progress


def test_a_cluster_gives_what_threads_give(pictures: Path, shared_cluster: Processes, tmp_path: Path) -> None:
    told = run_on(shared_cluster.address, jobs_of(pictures, tmp_path / "out"), tmp_path / "l.sqlite")
    assert [outcome.state for outcome in told] == ["done"] * COUNT
    assert_right(pictures, tmp_path / "out")
    again = run_on(shared_cluster.address, jobs_of(pictures, tmp_path / "out"), tmp_path / "l.sqlite")
    assert [outcome.state for outcome in again] == ["known"] * COUNT


def test_names_are_sent_and_no_pixels(pictures: Path, tmp_path: Path) -> None:
    (job,) = jobs_of(pictures, tmp_path)[:1]
    outcome = do(job, thumbnails=True)
    assert len(pickle.dumps(job)) < 1000
    assert len(pickle.dumps(outcome)) - len(outcome.before) - len(outcome.after) < 5000
    assert len(outcome.before) + len(outcome.after) < 30_000
    again = pickle.loads(pickle.dumps(outcome))
    assert (again.record, again.products) == (outcome.record, outcome.products)


def test_errors_come_back_as_they_are(pictures: Path, shared_cluster: Processes, tmp_path: Path) -> None:
    bad = Job("restore", str(pictures / "none.png"), str(tmp_path / "x.png"), {"mask": str(pictures / "mask.png")})
    told = run_on(shared_cluster.address, [bad, *jobs_of(pictures, tmp_path / "out")[:1]], tmp_path / "l.sqlite")
    assert [outcome.state for outcome in told] == ["failed", "done"]
    assert isinstance(told[0].error, restauro.ReadError)
    assert "none.png" in str(told[0].error)


def test_a_worker_is_killed(pictures: Path, cluster: Callable[..., Processes], tmp_path: Path) -> None:
    processes = cluster()
    told = run_on(
        processes.address, jobs_of(pictures, tmp_path / "out"), tmp_path / "l.sqlite",
        once(processes.workers[0].kill, 0.2),
    )  # fmt: skip
    assert [outcome.state for outcome in told] == ["done"] * COUNT
    assert_right(pictures, tmp_path / "out")


def test_the_scheduler_is_killed(pictures: Path, cluster: Callable[..., Processes], tmp_path: Path) -> None:
    processes, jobs = cluster(), jobs_of(pictures, tmp_path / "out")
    with pytest.raises(ClusterError, match=r"The scheduler at tcp://.* is gone: start one, and give the same command"):
        run_on(processes.address, jobs, tmp_path / "l.sqlite", once(processes.scheduler.kill, 0.2))
    told = run_on(cluster().address, jobs, tmp_path / "l.sqlite")
    assert {outcome.state for outcome in told} == {"done", "known"}
    assert_right(pictures, tmp_path / "out")


def killed_client(pictures: Path, folder: Path, address: str, seconds: float) -> None:
    """Run the command line and kill it in the middle; then run it again, and look."""
    command = [sys.executable, "-m", "restauro", "restore", str(pictures / "scans"), "--cluster", address, "-q"]
    command += ["--mask", str(pictures / "mask.png"), "-o", str(folder / "out"), "--ledger", str(folder / "l.sqlite")]
    process = subprocess.Popen(command)
    for _ in range(600):  # until the work has begun
        if (folder / "out").exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    time.sleep(seconds)
    process.kill()
    process.wait()
    assert subprocess.run(command, check=False, timeout=120).returncode == 0
    assert_right(pictures, folder / "out")


def test_the_client_is_killed(pictures: Path, shared_cluster: Processes, tmp_path: Path) -> None:
    killed_client(pictures, tmp_path, shared_cluster.address, 0.2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(30))
def test_all_is_right_after_a_kill_at_any_moment(
    pictures: Path, cluster: Callable[..., Processes], tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    processes, jobs, at = cluster(), jobs_of(pictures, tmp_path / "out"), rng.random() * 0.9
    if seed % 3 == 0:
        killed_client(pictures, tmp_path, processes.address, at)
        return
    victim = processes.scheduler if seed % 3 == 1 else rng.choice(processes.workers)
    try:
        run_on(processes.address, jobs, tmp_path / "l.sqlite", once(victim.kill, at))
    except ClusterError:
        assert seed % 3 == 1
        run_on(cluster().address, jobs, tmp_path / "l.sqlite")
    assert_right(pictures, tmp_path / "out")


def test_a_run_on_threads_goes_on_after_a_kill(pictures: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "restauro", "restore", str(pictures / "scans"), "-q", "--workers", "1"]
    command += ["--mask", str(pictures / "mask.png"), "-o", str(tmp_path / "out"), "--ledger", str(tmp_path / "l")]
    process = subprocess.Popen(command)
    while process.poll() is None and not list(tmp_path.glob("out/*.png")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 0 < len(list(tmp_path.glob("out/*.png"))) < COUNT
    assert subprocess.run(command, check=False, timeout=120).returncode == 0
    assert_right(pictures, tmp_path / "out")


def test_jobs_ask_for_what_workers_declare(pictures: Path, cluster: Callable[..., Processes], tmp_path: Path) -> None:
    processes = cluster(workers=1, resources="memory=100e6 cores=1")
    said: list[str] = []
    crew = Cluster(processes.address, say=said.append)
    job = jobs_of(pictures, tmp_path / "out")[0]
    asked, problem = crew._resources(job)
    assert (asked["cores"], problem, said) == (1, None, [])
    assert 32e6 < asked["memory"] < 40e6
    large = save(tmp_path / "large.png", np.zeros((4000, 4000), np.uint8))
    told: list[Outcome] = []
    run([job, Job("restore", str(large), str(tmp_path / "x.png"), job.reads)], crew, told=told.append)
    assert [outcome.state for outcome in told] == ["done", "failed"]
    assert isinstance(told[1].error, MemoryShortError)
    assert "It takes at least 130 MB of memory, and there is 100 MB for it: take a machine" in str(told[1].error)


def test_a_cluster_without_workers_is_not_waited_for(
    cluster: Callable[..., Processes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_ANSWER", 1.0)
    with pytest.raises(ClusterError, match=r"The cluster at tcp://.* has no worker: start some \(dask worker\)"):
        Cluster(cluster(workers=0).address, say=quiet)


def test_workers_that_all_end_are_not_waited_for(
    pictures: Path, cluster: Callable[..., Processes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_ALONE", 1.5)
    processes = cluster(workers=1)
    with pytest.raises(ClusterError, match=r"has had no worker for a minute: start some, and give the same command"):
        run_on(
            processes.address, jobs_of(pictures, tmp_path / "out"), tmp_path / "l.sqlite",
            once(processes.workers[0].kill, 0.1),
        )  # fmt: skip


def test_no_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_ANSWER", 0.5)
    with pytest.raises(ClusterError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9 \(\w+\): start one"):
        Cluster("tcp://127.0.0.1:9", say=quiet)


def test_workers_of_another_version_are_refused(shared_cluster: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restauro, "__version__", "9.9")
    with pytest.raises(ClusterError, match=r"The worker tcp://.* has restauro \S+, and here is 9\.9: install the same"):
        Cluster(shared_cluster.address, say=quiet)


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ParameterError, match=r"A cluster needs Dask: pip install 'restauro\[cluster\]'"):
        Cluster("local", say=quiet)


def test_a_cluster_of_processes_here(pictures: Path, tmp_path: Path) -> None:
    said: list[str] = []
    jobs = jobs_of(pictures, tmp_path / "out")
    run(jobs, Cluster("local", 2, said.append))
    assert_right(pictures, tmp_path / "out")
    assert said == [
        "2 workers: they declare no resources, so as many pictures are on their way as they have threads, and each "
        "keeps to its memory limit."
    ]


def test_threads_give_the_same(pictures: Path, tmp_path: Path) -> None:
    run(jobs_of(pictures, tmp_path / "out"), Threads(COUNT))
    assert_right(pictures, tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"]
