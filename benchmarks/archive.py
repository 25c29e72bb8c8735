"""Measures what many pictures cost beside their restoration: plan, ledger and report; a second run; two workers.

Pictures of 1 megapixel with 2 % cracks are parts of the README's painting. The second run is over tiny pictures, of
which only the number matters. Two workers need the extra `cluster`: --no-cluster leaves them out.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pyvips

import _masks
import _processes
import _tables
from restauro.archive.jobs import Job, Outcome
from restauro.archive.ledger import Ledger
from restauro.archive.places import Stamp
from restauro.archive.plans import read_manifest
from restauro.archive.reporting import Report
from restauro.archive.running import run

SIDE = 1000
SECOND_RUN, A_PICTURE, WARM, TWO = 10.0, 5.0, 15.0, 1.6  # seconds, ms, ms, times as fast


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Write damaged pictures and their masks."""
    painting = pyvips.Image.new_from_file(str(_tables.PAINTING))
    mask = pyvips.Image.new_from_array(_masks.cracks(side, 0.02))
    for name in ("scans", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        x, y = number * 7 % (painting.width - side), number * 3 % (painting.height - side)
        picture = mask.ifthenelse(255, painting.crop(x, y, side, side))
        picture.cast("uchar").copy(interpretation="srgb").write_to_file(str(folder / f"scans/{number:05}.tif"))
        mask.write_to_file(str(folder / f"masks/{number:05}.png"))


def restore(folder: Path, *more: str | Path) -> _processes.Finished:
    """Restore a folder's pictures in a process of its own."""
    there = ["--mask-dir", folder / "masks", "-o", folder / "out"]
    return _processes.run([_processes.RESTAURO, "restore", folder / "scans", *there, *more])


def second_run(folder: Path, count: int) -> tuple[float, float]:
    """Return the seconds of a run over tiny pictures, and of another when all are finished."""
    make_pictures(folder, count, 16)
    command = ("--method", "telea", "--ledger", folder / "ledger.sqlite", "-q")
    seconds = [restore(folder, *command).seconds for _ in range(2)]
    return seconds[0], seconds[1]


class _Nobody:
    """A crew that does no work: what is left is the plan, the ledger and the report."""

    redoes = False

    def room(self) -> int:
        return 4

    def submit(self, job: Job, **how: Any) -> Future[Outcome]:
        facts = {"width": 100, "height": 100, "regions": 3, "largest": 50, "widest": 3, "hole_pixels": 70, "notes": []}
        stamp = Stamp(1, 1, digest="sha256 0")
        done: Future[Outcome] = Future()
        done.set_result(Outcome(job, "done", facts=facts, inputs={job.picture: stamp}, products={job.output: stamp}))
        return done

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


def beside_work(folder: Path, count: int) -> float:
    """Return the milliseconds a picture of plan, ledger and report."""
    lines = (f"scans/{number:05}.tif,masks/{number:05}.png,new/{number:05}.tif" for number in range(count))
    (folder / "plan.csv").write_text("picture,mask,output\n" + "\n".join(lines), encoding="utf-8")
    start = time.perf_counter()
    rows = read_manifest(str(folder / "plan.csv"))
    jobs = [Job("restore", row.picture, row.output, {"mask": row.mask}) for row in rows]
    report = Report(folder / "report.html")
    with Ledger(folder / "none.sqlite") as ledger:
        run(jobs, _Nobody(), ledger=ledger, told=report.add)
    report.write()
    return (time.perf_counter() - start) / count * 1000


def warm(folder: Path, count: int) -> tuple[float, float]:
    """Return the milliseconds a picture beyond restoring it, on one thread, and the seconds of all."""
    alone = restore(folder, "--workers", "1", "--json", "--ledger", folder / "one.sqlite")
    work = sum(json.loads(line)["seconds"] for line in alone.output.splitlines() if line.startswith("{"))
    return (alone.seconds - work) / count * 1000, alone.seconds


def on_workers(folder: Path, workers: int) -> float:
    """Return the seconds on a cluster of processes of one thread."""
    shutil.rmtree(folder / "out")
    return restore(folder, "--cluster", "local", "--workers", str(workers), "-q").seconds


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--pictures", type=int, default=1000, help="of 1 megapixel")
    options.add_argument("--finished", type=int, default=10_000, help="tiny ones, for the second run")
    options.add_argument("--no-cluster", action="store_true")
    arguments = options.parse_args()
    load = _tables.load_before()
    rows = []

    def add(what: str, value: float, form: str, target: float, *, at_most: bool = True) -> None:
        rows.append([what, form.format(value), form.format(target), _tables.met(value, target, at_most=at_most)])

    with tempfile.TemporaryDirectory(prefix="restauro-archive-") as name:
        folder = Path(name)
        first, second = second_run(folder / "tiny", arguments.finished)
        add(f"a second run over {arguments.finished} finished pictures", second, "{:.1f} s", SECOND_RUN)
        add(
            "plan, ledger and report, a picture",
            beside_work(folder / "tiny", arguments.finished),
            "{:.2f} ms",
            A_PICTURE,
        )
        make_pictures(folder / "large", arguments.pictures, SIDE)
        beyond, seconds = warm(folder / "large", arguments.pictures)
        add("a warm process beyond the restoration, a picture", beyond, "{:.1f} ms", WARM)
        if not arguments.no_cluster:
            times = on_workers(folder / "large", 1) / on_workers(folder / "large", 2)
            add("two workers of one thread, times one", times, "{:.2f}", TWO, at_most=False)
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numpy', 'pyvips')}\n\n"
        f"{arguments.pictures} pictures of {SIDE} x {SIDE} pixels with 2 % cracks took one thread {seconds:.0f} s "
        f"({seconds / arguments.pictures * 1000:.0f} ms each); {arguments.finished} of 16 x 16 with a ledger "
        f"{first:.0f} s. Small pictures for the report's page are left out."
    )
    parts = [introduction, _tables.table(["what", "measured", "target", "met"], rows)]
    _tables.publish("archive", "Many pictures", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
