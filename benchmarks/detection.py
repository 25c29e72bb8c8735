"""Damage found on paintings; false marks, width of cracks, speed, memory.

    python3 dev.py bench detection              # twenty minutes on two cores
    python3 dev.py bench detection --set tuning --every 3 --paintings 6
    python3 dev.py bench detection --kind stains

Damage is drawn on the middle 512 x 512 pixels of paintings that nothing was tuned on, in many ways; F1 within 2 pixels.
Of the tuning set, and of one kind alone, the tables are printed only.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

import _damaged
import _pictures
import _processes
import _tables
from calibrate_detection import LEARNED, tuning_set
from restauro.detection.detecting import detect, seen
from restauro.detection.detectors import KINDS
from restauro.detection.marks import threshold_of
from restauro.evaluation.detection import DetectionScores, score

Hole = NDArray[np.bool_]

ALL = "all contrasts and widths"  # of cracks
# F1 that is aimed at, of what is used by default.
TARGETS = {
    ("cracks", ALL): 0.85, ("cracks", "contrast 15"): 0.65, ("cracks", "contrast 30"): 0.87,
    ("cracks", "contrast 60"): 0.92, ("cracks", "another renderer"): 0.75, ("cracks", "eight real patterns"): 0.72,
    ("scratches", "white"): 0.92, ("scratches", "60 levels brighter"): 0.85, ("scratches", "30 levels darker"): 0.75,
    ("losses", "white"): 0.97, ("losses", "black"): 0.92, ("losses", "pale"): 0.92,
    ("losses", "small ones alone, pale"): 0.85, ("dust", "faint specks of 2 to 8 px"): 0.85,
}  # fmt: skip
TRACED = ("adam-creation", "boy-folded-small", "family-street", "fresco-lusuria-detail", "lincoln", "portrait-cracked",
          "schoolboy-torn")  # fmt: skip
SCAN = """
import sys, time
import numpy as np
import restauro
tile = np.load(sys.argv[1])
image = np.tile(tile, (7000 // 512 + 1, 7200 // 512 + 1, 1))[:7000, :7200].copy()
restauro.detect(tile, "dust,scratches,losses")
start = time.perf_counter()
restauro.detect(image, "dust,scratches,losses")
print(time.perf_counter() - start)
"""


def marked(image: NDArray[np.uint8], kinds: Sequence[str]) -> dict[str, Hole]:
    """Return what is found of each kind, as by default, on one thread."""
    graded, found = seen(image, kinds, 1), {}
    for kind in kinds:
        detector = KINDS[kind]
        assert detector.learned is not None
        found[kind] = detector.learned.marks(graded[kind], threshold_of(kind, detector.usual))
    return found


def cells(scores: list[DetectionScores], target: float | None) -> list[str]:
    """Return the cells of a row of the table, of the scores of every painting."""
    mean = statistics.fmean(one.f1 for one in scores)
    return [
        str(len(scores)),
        interval([one.f1 for one in scores]),
        f"{statistics.fmean(one.iou for one in scores):.2f}",
        "" if target is None else f"{target:g}: {_tables.met(mean, target)}",
    ]


def interval(values: list[float]) -> str:
    """Return the mean and its 95 % interval, by bootstrap over paintings."""
    rng = np.random.default_rng(0)
    means = np.asarray(values)[rng.integers(len(values), size=(10_000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return f"{np.mean(values):.2f} ({low:.2f} to {high:.2f})"


def paintings(options: Any) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the middles of the paintings that are asked for, by file."""
    data = _pictures.shared() / "data"
    names = [f"paintings-val/{path.name}" for path in sorted((data / "paintings-val").glob("*.jpg"))]
    if options.set == "tuning":
        names = [name for name in tuning_set() if name.startswith("paintings-fine")]
    for name in islice(names[:: options.every], options.paintings):
        yield name, _pictures.middle(_pictures.read(data / name))


def width_of(marks: Hole) -> tuple[float, Hole]:
    """Return the mean width of lines in pixels, and their middles."""
    middles: Hole = skeletonize(marks)
    return (float(marks.sum() / middles.sum()) if middles.any() else 0.0), middles


@dataclass
class Widths:
    """How wide and how long cracks are that were found, beside the true ones."""

    bias: list[float] = field(default_factory=list)
    length: list[float] = field(default_factory=list)  # clDice (S. Shit et al., CVPR 2021)

    def add(self, found: Hole, truth: Hole) -> None:
        (wide, middles), (true, true_middles) = width_of(found), width_of(truth)
        if not middles.any():
            self.length.append(0.0)
            return
        self.bias.append(wide - true)
        right, reached = float(truth[middles].mean()), float(found[true_middles].mean())
        self.length.append(2 * right * reached / max(right + reached, 1e-9))


@dataclass
class Painting:
    """What one painting says: scores by kind and how it is drawn; shares marked undamaged, by kind."""

    name: str
    scores: dict[tuple[str, str], DetectionScores] = field(default_factory=dict)
    clean: dict[str, float] = field(default_factory=dict)  # percent
    found: Hole | None = None  # cracks of all contrasts and widths
    truth: Hole | None = None

    @classmethod
    def of(cls, kinds: Sequence[str], i: int, name: str, image: NDArray[np.uint8]) -> Painting:
        """Measure the ith painting, on one thread."""
        painting = cls(name)
        painting.clean = {kind: 100 * float(found.mean()) for kind, found in marked(image, kinds).items()}
        for kind, drawn, damaged, truth in _damaged.cases(image, i):
            if kind in kinds:
                found = marked(damaged, (kind,))[kind]
                painting.scores[kind, drawn] = score(found, truth)
                if drawn == ALL:
                    painting.found, painting.truth = found, truth
        return painting


def measured(options: Any) -> tuple[list[Painting], Widths]:
    """Return what all paintings say, and the widths of their cracks; a process a core."""
    widths, found = Widths(), []
    kinds = (options.kind,) if options.kind else LEARNED
    with ProcessPoolExecutor(_tables.cores(), multiprocessing.get_context("spawn")) as pool:
        numbered = [(i, *one) for i, one in enumerate(paintings(options))]
        for one in pool.map(partial(Painting.of, kinds), *zip(*numbered, strict=True)):
            print(one.name, end="        \r", file=sys.stderr)
            if one.found is not None and one.truth is not None:
                widths.add(one.found, one.truth)
            found.append(one)
    return found, widths


def undamaged(found: list[Painting]) -> list[list[str]]:
    """Return what is marked on undamaged paintings, a line a kind."""
    rows = []
    for kind in found[0].clean:
        shares = [one.clean[kind] for one in found]
        without = sum(share == 0 for share in shares)
        target = ""
        if kind == "cracks":
            median, worst = (
                _tables.met(f(shares), at, at_most=True) for f, at in ((statistics.median, 0.05), (max, 0.7))
            )
            target = f"median 0.05: {median}; worst 0.7: {worst}"
        parts = [f"{f(shares):.2f}" for f in (statistics.median, statistics.fmean, max)]
        rows.append([kind, *parts, f"{without} of {len(shares)}", target])
    return rows


def most_marked(found: list[Painting]) -> list[list[str]]:
    """Return the ten paintings on which most is marked, with what of each kind."""
    ten = sorted(found, key=lambda one: -sum(one.clean.values()))[:10]
    return [[one.name.split("/")[-1], *(f"{share:.2f}" for share in one.clean.values())] for one in ten]


def traced() -> list[list[str]]:
    """Return F1 on damaged pictures whose damage was traced by hand, not completely."""
    rows = []
    data = _pictures.shared() / "data"
    for name in TRACED:
        truth = _pictures.read(data / "masks" / "real" / f"{name}.png")[..., 0] > 127
        (path,) = (data / "damaged").glob(f"{name}.*")
        picture = _pictures.read(path)
        asked = ("cracks", "dust,scratches,losses", "cracks,dust,scratches,losses")
        rows.append([name, *(f"{score(detect(picture, kinds), truth).f1:.2f}" for kinds in asked)])
    return rows


def speed(image: NDArray[np.uint8]) -> list[list[str]]:
    """Return seconds for 512 square, and seconds and memory for 50 megapixels."""
    taken = []
    for _ in range(9):
        start = time.perf_counter()
        detect(image, "dust,scratches,losses")
        taken.append(time.perf_counter() - start)
    met = _tables.met(statistics.median(taken), 0.15, at_most=True)
    rows = [["512 x 512", _tables.median_and_range(taken), "", f"0.15 s: {met}"]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "painting.npy")
        np.save(path, image)
        found = _processes.run([_processes.PYTHON, "-c", SCAN, path])
        seconds, peak = float(found.last_line), found.peak / 1e9
        met = f"{_tables.met(seconds, 25, at_most=True)}; {_tables.met(peak, 1.5, at_most=True)}"
        rows.append(["7000 x 7200", f"{seconds:.1f}", f"{peak:.2f}", f"25 s; 1.5 GB: {met}"])
    return rows


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--set", choices=("val", "tuning"), default="val", help="of which paintings")
    options.add_argument("--kind", choices=LEARNED, help="of one kind alone")
    options.add_argument("--every", type=int, default=1, metavar="N", help="every Nth painting only")
    options.add_argument("--paintings", type=int, metavar="N", help="no more than so many")
    arguments = options.parse_args()
    load = _tables.load_before()
    found, widths = measured(arguments)
    scores = {what: [one.scores[what] for one in found] for what in found[0].scores}
    rows = [[*what, *cells(of_all, TARGETS.get(what))] for what, of_all in scores.items()]
    if arguments.kind:
        print(_tables.table(["kind", "drawn", "paintings", "F1", "IoU", "target"], rows, texts=2))
        print(_tables.table(["kind", "median", "mean", "worst", "without a mark", "target"], undamaged(found)))
        print(_tables.table(["painting", *found[0].clean], most_marked(found)))
        return
    iou = statistics.fmean(one.iou for one in scores["cracks", ALL])
    tuned = "of the tuning set" if arguments.set == "tuning" else "that nothing was tuned on"
    parts = [
        f"On the middle 512 x 512 pixels of {len(found)} paintings {tuned}, with the default settings; the interval "
        "is of the mean, by bootstrap over the paintings. F1 of precision (marked pixels at most 2 pixels from a true "
        "one) and recall (true pixels at most 2 pixels from a mark); IoU without a tolerance. Cracks have a contrast "
        "of 15 to 60 of 255, and are 1 to 6 pixels wide, on 1 to 4 % of the area; another renderer draws soft strokes "
        "of a gaussian profile. Scratches cover 1.5 %, losses 4 %. A hole in black on a black painting can't be seen "
        "by anyone, but counts too.",
        _tables.table(["kind", "drawn", "paintings", "F1", "IoU", "target"], rows, texts=2),
        f"Of cracks of all contrasts and widths: IoU {iou:.2f} (target 0.6: {_tables.met(iou, 0.6)}), clDice, of their "
        f"length, {statistics.fmean(widths.length):.2f} (target 0.85: "
        f"{_tables.met(statistics.fmean(widths.length), 0.85)}); they are marked {statistics.median(widths.bias):+.1f} "
        f"pixels wider than they are (median of the paintings' means; target within 0.5).",
        "## Undamaged paintings",
        "What is marked of the same paintings without damage, in percent of their pixels.",
        _tables.table(["kind", "median", "mean", "worst", "without a mark", "target"], undamaged(found)),
        "The ten with most marked, in percent:",
        _tables.table(["painting", *found[0].clean], most_marked(found)),
    ]
    if arguments.set == "tuning":
        print("\n\n".join(parts))
        return
    image = next(paintings(arguments))[1]
    parts += [
        "## Damaged pictures with a traced mask",
        "F1 within 2 pixels, at the default settings. The masks were traced by hand and aren't complete: what is "
        "found beside them counts as false.",
        _tables.table(["picture", "cracks", "dust, scratches, losses", "all four"], traced()),
        "## Time and memory",
        "Dust, scratches and losses.",
        _tables.table(["picture", "seconds", "peak, GB", "target"], speed(image)),
        _tables.conditions(load, "restauro", "numpy", "onnxruntime", "numba"),
    ]
    _tables.publish("detection", "Damage found", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
