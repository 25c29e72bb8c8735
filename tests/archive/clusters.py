"""A Dask cluster of processes that tests can kill: a scheduler, and workers of one thread without a nanny."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


class Processes:
    """A scheduler and some workers."""

    def __init__(self, folder: Path, workers: int = 2, resources: str = "") -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.file.unlink(missing_ok=True)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.workers = [self.worker(resources) for _ in range(workers)]
        self.address = self._address()

    def worker(self, resources: str = "") -> subprocess.Popen[bytes]:
        """Start a worker."""
        more = ("--resources", resources) if resources else ()
        return self._start("worker", "--nthreads", "1", "--no-nanny", "--memory-limit", "2GB", *more)

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(self.file), "--no-dashboard"]
        return subprocess.Popen(
            [*command, *arguments],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DASK_LOGGING__DISTRIBUTED": "critical"},
        )

    def _address(self) -> str:
        for _ in range(600):
            try:
                return str(json.loads(self.file.read_text())["address"])
            except (OSError, ValueError):
                time.sleep(0.1)
        raise AssertionError("no scheduler has started within a minute")

    def kill(self) -> None:
        """Kill all that is left."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
