"""Runs an evaluation: every way to fill on every mask of every picture, on all cores; goes on where it was cut off."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import DataError, EvaluationError, RestauroError
from restauro.evaluation import lpips, metrics, plots, protocol, references
from restauro.evaluation.protocol import MaskChoice, PictureSet
from restauro.evaluation.references import Way
from restauro.evaluation.sheets import Case
from restauro.evaluation.timing import timed_fill
from restauro.ledger import FORMAT, Results, Row
from restauro.numerics.threads import checked_workers
from restauro.provenance import machine, where

KEY = ("picture", "mask", "way")
COLUMNS = (*KEY[:2], "kind", "bin", "border", "ratio", "way", *metrics.METRICS, "seconds", "hole_pixels", "width",
           "height", "workers", "machine", "error")  # fmt: skip
OUTPUTS = ("results.csv", "results.json", "table.md", "sheet.png", *(f"plots/{pattern}" for pattern in plots.PATTERNS))
_LPIPS_COLUMNS = {metric.network: column for column, metric in metrics.METRICS.items() if metric.network}
_PAINTED = 255  # what ways see under the hole: white, never what was there
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VIPS_CONCURRENCY")
_SMALL = 200_000  # pixels that a piece of work has at least, where pictures are small

# A picture's number, the number of its mask, the ways that are still to be tried.
Work = tuple[int, int, tuple[str, ...]]


@dataclass(frozen=True)
class Plan:
    """Everything that decides what an evaluation finds.

    Attributes
    ----------
    pictures, masks
        See `protocol`.
    ways
        Texts that `references.make_way` takes.
    seed
        Of all masks.
    size
        Side of the middle square that is taken of each picture; None is the whole picture.
    lpips
        Files of LPIPS' weights, SqueezeNet 1.1 or AlexNet.
    """

    pictures: PictureSet
    masks: tuple[MaskChoice, ...]
    ways: tuple[str, ...]
    seed: int = 0
    size: int | None = None
    lpips: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Finished:
    """What an evaluation found: its rows in the order of the plan, those of ways that failed too; what it ran on."""

    rows: list[Row]
    settings: dict[str, Any]

    @property
    def failures(self) -> list[Row]:
        """Rows of ways that failed."""
        return [row for row in self.rows if row["error"]]


def run(
    plan: Plan,
    folder: Path,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    overwrite: bool = False,
) -> Finished:
    """Fill every mask of every picture every way, and keep what each comes to.

    Each process works on one picture after the other with one thread. `seconds` is the processor time it took, which
    other work on the machine changes little; what a way loads and compiles on first use isn't counted. All results are
    composited: only hole pixels can differ from the picture. What was under the hole is white for the ways.

    Parameters
    ----------
    plan
        What to do.
    folder
        Where rows are collected, as soon as each is there. The same plan goes on where a run was cut off; pictures,
        masks and ways may be added. Ways that failed are tried again.
    workers
        Processes; None is one for each core.
    progress
        Called with how many fills of how many are done.
    overwrite
        Begin anew.

    Returns
    -------
    Finished
        A row has the columns `COLUMNS`: `l1` and `l1_hole` in percent, `psnr` in dB, `rmse_hole` in levels of 255,
        `workers` and `machine` what `seconds` were measured on, `error` what a way that failed said, or what is wrong
        with the picture or its mask.

    Raises
    ------
    EvaluationError
        Nothing to do, a way that isn't known, results of other settings in the folder, another run at work in it; a
        process that died.
    DataError, MaskError
        A picture is too small, or it or a mask can't be read; what is found before the work, and before anything is
        thrown away.
    """
    workers = checked_workers(workers)
    settings = settings_of(plan)
    _check_sizes(plan, bool(settings["lpips_weights"]))
    results = Results(folder, settings, KEY, outputs=OUTPUTS, overwrite=overwrite)
    measured = {"workers": workers, "machine": where(machine())}
    try:
        work = list(_missing(plan, results))
        total = len(plan.pictures.names) * len(plan.masks) * len(plan.ways)
        done = total - sum(len(ways) for _, _, ways in work)
        if progress:
            progress(done, total)
        for rows in _all(plan, work, workers):
            results.add([row | measured for row in rows])
            done += len(rows)
            if progress:
                progress(done, total)
        keys = [
            (picture, mask.name, way) for picture in plan.pictures.names for mask in plan.masks for way in plan.ways
        ]
        return Finished([results.rows[key] for key in keys], results.settings)
    finally:
        results.close()


def settings_of(plan: Plan) -> dict[str, Any]:
    """Return what rows depend on, as plain values; what can't work is found here, before the work."""
    if not (plan.pictures.names and plan.masks and plan.ways):
        raise EvaluationError("There is nothing to evaluate: name pictures, masks and methods.")
    ways = {text: references.make_way(text) for text in plan.ways}
    networks = lpips.open_all(plan.lpips)
    return {
        "format": FORMAT,
        "detection": None,
        "seed": plan.seed,
        "size": plan.size,
        "dataset": "CIFAR-10" if plan.pictures.dataset else None,
        "lpips_weights": sorted(f"{name} {network.sha256}" for name, network in networks.items()),
        "restauro": machine()["restauro"],
        "pictures": plan.pictures.digests(),
        "masks": {mask.name: mask.digest() for mask in plan.masks},
        "ways": {text: way.versions | ({"model": way.model} if way.model else {}) for text, way in ways.items()},
    }


def _check_sizes(plan: Plan, with_lpips: bool) -> None:
    """Raise where a picture is too small to be taken or judged."""
    least, why = max(
        (plan.size or 0, "the size that is taken of each: leave it out, or take a smaller size"),
        (metrics.LEAST_SIDE, "what SSIM needs: leave it out"),
        (lpips.LEAST_SIDE if with_lpips else 0, "what LPIPS needs: leave it out, or LPIPS"),
    )
    for name, height, width in plan.pictures.sizes():
        if min(height, width) < least:
            raise DataError(
                f"The picture {name} is {width} x {height} pixels, less than the {least} x {least} of {why}."
            )


def _missing(plan: Plan, results: Results) -> Iterator[Work]:
    for number, picture in enumerate(plan.pictures.names):
        for mask_number, mask in enumerate(plan.masks):
            rows = {way: results.rows.get((picture, mask.name, way)) for way in plan.ways}
            ways = tuple(way for way, row in rows.items() if row is None or row["error"])
            if ways:
                yield number, mask_number, ways


def _all(plan: Plan, work: Sequence[Work], workers: int) -> Iterator[list[Row]]:
    """Yield rows as they come from the processes, whatever their order."""
    if not work:
        return
    size = (plan.size or (32 if plan.pictures.dataset else 512)) ** 2
    several = max(1, _SMALL // size)
    pieces = iter([work[first : first + several] for first in range(0, len(work), several)])
    context = multiprocessing.get_context("spawn")
    with _one_thread(), ProcessPoolExecutor(min(workers, len(work)), context, _begin, (plan,)) as pool:
        waiting: set[Future[list[Row]]] = set()
        try:
            while True:
                waiting |= {pool.submit(_judge_all, piece) for piece in islice(pieces, 2 * workers - len(waiting))}
                if not waiting:
                    return
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield future.result()
        except BrokenProcessPool:
            raise EvaluationError(
                "A process died while it filled, by lack of memory or a fault in a library: the same command goes on "
                "from there; where it dies again, leave out a way, or take fewer workers."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have the processes that start meanwhile use one thread each, in libraries that look at the environment."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ |= dict.fromkeys(_ONE_THREAD, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_judge: Judge  # of a process of the pool


def _begin(plan: Plan) -> None:
    global _judge
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a long fill at once, and says nothing
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _judge = Judge(plan)


def _end_with_parent() -> None:
    """End this process when the one that started it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _judge_all(work: Sequence[Work]) -> list[Row]:
    return [row for number, mask_number, ways in work for row in _judge.rows(number, mask_number, ways)]


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


class Judge:
    """What one process measures with: pictures, ways, networks. See `run`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pictures = plan.pictures.open()
        self._ways = {text: references.make_way(text) for text in plan.ways}
        self._networks = lpips.open_all(plan.lpips)
        self._warm: set[str] = set()

    def rows(self, number: int, mask_number: int, ways: Sequence[str]) -> list[Row]:
        """Return the rows of a picture's mask: all ways fill it, one after the other."""
        name, mask = self._plan.pictures.names[number], self._plan.masks[mask_number]
        about: Row = dict.fromkeys(COLUMNS) | {
            "picture": name,
            "mask": mask.name,
            "kind": mask.kind,
            "bin": mask.bin_text,
            "border": mask.border,
            "error": "",
        }
        try:
            truth, hole, damaged = self._prepared(number, mask_number)
        except RestauroError as error:  # the other pictures and masks go on
            return [about | {"way": way, "error": _first_line(error)} for way in ways]
        about |= {
            "ratio": float(hole.mean()),
            "hole_pixels": int(hole.sum()),
            "width": truth.shape[1],
            "height": truth.shape[0],
        }
        rows, restored = [], {}
        for way in ways:
            row = about | {"way": way}
            try:
                filled, row["seconds"] = self._fill(self._ways[way], damaged, hole)
            except Exception as error:  # whatever another's code raises: the others go on
                row["error"] = _first_line(error)
            else:
                restored[way] = np.where(hole[:, :, np.newaxis], filled, truth)
                row |= dataclasses.asdict(metrics.measure(truth, restored[way], hole))
            rows.append(row)
        for network, judge in self._networks.items():
            found = dict(zip(restored, judge.distances(truth, list(restored.values())), strict=True))
            for row in rows:
                row[_LPIPS_COLUMNS[network]] = found.get(row["way"])
        return rows

    def case(self, number: int, mask_number: int, ways: Sequence[str]) -> Case:
        """Return a picture's mask, filled by ways that didn't fail on it, for a sheet."""
        truth, hole, damaged = self._prepared(number, mask_number)
        labels = references.labels_of(self._plan.ways)
        filled = {}
        for way in ways:
            try:
                filled[labels[way]] = self._ways[way].fill(damaged.copy(), hole.copy(), 1)[hole]
            except Exception as error:  # whatever another's code raises
                raise EvaluationError(f"The sheet can't be drawn: {way} failed on it ({_first_line(error)}).") from None
        title = f"{self._plan.pictures.names[number]}, {self._plan.masks[mask_number].name}"
        return Case(title, damaged, hole, filled, truth)

    def _prepared(
        self, number: int, mask_number: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.uint8]]:
        """Return the undamaged picture, its hole, and what ways see."""
        pictures = self._plan.pictures
        truth = protocol.middle(self._pictures.read(number), self._plan.size, pictures.names[number])
        hole = protocol.make_hole(self._plan.masks[mask_number], pictures, number, truth.shape, self._plan.seed)
        return truth, hole, np.where(hole[:, :, np.newaxis], np.uint8(_PAINTED), truth)

    def _fill(self, way: Way, damaged: NDArray[np.uint8], hole: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], float]:
        """Return what a way makes of a picture, and its seconds."""
        filled, seconds = timed_fill(way, damaged, hole, 1, self._warm)
        if filled.shape != damaged.shape or filled.dtype != np.uint8:
            raise EvaluationError(f"{way.name} returned {filled.dtype} {filled.shape}, not uint8 {damaged.shape}.")
        return filled, seconds
