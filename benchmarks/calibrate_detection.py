"""Thresholds of the network that finds damage, by what it marks on undamaged paintings; written beside the model.

    python3 dev.py bench calibrate_detection

Every painting of the tuning set (tuning-set.txt) counts as undamaged: what is marked on it is false. For each kind the
log odds are sought at which there are so many marks a megapixel, at the kind's usual smallest mark.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
from restauro import filters
from restauro.detection import network
from restauro.detection.detecting import seen
from restauro.detection.detectors import KINDS
from restauro.detection.marks import LEAST, LIKELY, MOST, THRESHOLDS

RATES = (LEAST, 1.0, 3.0, 10.0, MOST)  # false marks a megapixel
ODDS = np.arange(LIKELY, 12.6, 0.5)  # log odds that are tried
LEARNED = tuple(name for name, detector in KINDS.items() if detector.learned)


def tuning_set() -> list[str]:
    """Return the paintings of the tuning set, by folder and file."""
    lines = (_tables.CLONE / "benchmarks" / "tuning-set.txt").read_text(encoding="ascii").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def graded(names: list[str]) -> Iterator[dict[str, dict[int, network.Grades]]]:
    """Yield what the network says of every painting, whole, for each kind; see `detecting.seen`."""
    for k, name in enumerate(names):
        print(f"{k + 1} of {len(names)}", end="\r", file=sys.stderr)
        yield seen(_pictures.read(_pictures.shared() / "data" / name), LEARNED)


def counts(planes: dict[int, network.Grades], kind: str) -> NDArray[np.int64]:
    """Return how many marks there are at each of the odds: fewer, the higher these are."""
    learned = KINDS[kind].learned
    assert learned is not None
    found = np.zeros(len(ODDS), np.int64)
    for k, odds in enumerate(ODDS):
        found[k] = len(filters.pieces(learned.marks(planes, odds)).pixels)
        if not found[k]:
            break
    return found


def steps(marks: NDArray[np.float64], megapixels: float) -> list[tuple[float, float]]:
    """Return false marks a megapixel and the log odds for each, of sums over pictures at each of the odds.

    Where even the least odds give fewer than are asked for, the last line says how many these are.
    """
    rates = marks / megapixels
    logs = np.log(np.maximum(rates, 0.1 / megapixels))
    reached = [rate for rate in RATES if rate < rates[0]]
    found = [(rate, float(np.interp(-np.log(rate), -logs, ODDS))) for rate in reached]
    return found if len(reached) == len(RATES) else [*found, (float(rates[0]), float(ODDS[0]))]


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--every", type=int, default=1, metavar="N", help="every Nth painting only (for trials)")
    arguments = options.parse_args()
    sums = {kind: np.zeros(len(ODDS)) for kind in LEARNED}
    megapixels = 0.0
    for grades in graded(tuning_set()[:: arguments.every]):
        megapixels += grades["dust"][0].size / 1e6
        for kind in LEARNED:
            sums[kind] += counts(grades[kind], kind)
    rows = [[kind, f"{rate:.3g}", f"{odds:.2f}"] for kind in LEARNED for rate, odds in steps(sums[kind], megapixels)]
    head = ["kind", "false_marks", "log_odds"]
    print(f"{megapixels:.1f} megapixels\n\n{_tables.table(head, rows)}")
    if not arguments.print_only:
        with THRESHOLDS.open("w", encoding="ascii", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])


if __name__ == "__main__":
    main()
