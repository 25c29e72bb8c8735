"""Thresholds of the network that finds damage, by what it marks on undamaged paintings; written beside the model.

    python3 dev.py bench calibrate_detection

Every painting of the tuning set (tuning-set.txt) counts as undamaged: what is marked on it is false. For each kind the
rating is sought from which on there are so many marks a megapixel, at the kind's usual smallest mark.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
from restauro.detection import network
from restauro.detection.detecting import seen
from restauro.detection.detectors import KINDS
from restauro.detection.marks import LEAST, MOST, THRESHOLDS

RATES = (LEAST, 1.0, 3.0, 10.0, MOST)  # false marks a megapixel
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


def steps(ratings: NDArray[np.float64], megapixels: float) -> list[tuple[float, float]]:
    """Return false marks a megapixel and the rating from which on there are so many, of the ratings of all marks.

    Where all marks are fewer than are asked for, the last line says how many these are.
    """
    falling, every = np.sort(ratings)[::-1], len(ratings) / megapixels
    reached = [rate for rate in RATES if rate < every]
    found = [(rate, float(falling[round(rate * megapixels)])) for rate in reached]
    return found if len(reached) == len(RATES) else [*found, (every, 0.0)]


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--every", type=int, default=1, metavar="N", help="every Nth painting only (for trials)")
    arguments = options.parse_args()
    of_kind: dict[str, list[NDArray[np.float64]]] = {kind: [] for kind in LEARNED}
    megapixels = 0.0
    for grades in graded(tuning_set()[:: arguments.every]):
        megapixels += grades["dust"][0].size / 1e6
        for kind in LEARNED:
            learned = KINDS[kind].learned
            assert learned is not None
            _, marks, ratings = learned.rated(grades[kind])
            of_kind[kind].append(ratings[marks])
    rows = [
        [kind, f"{rate:.3g}", f"{rating:.2f}"]
        for kind, ratings in of_kind.items()
        for rate, rating in steps(np.concatenate(ratings), megapixels)
    ]
    head = ["kind", "false_marks", "rating"]
    print(f"{megapixels:.1f} megapixels\n\n{_tables.table(head, rows)}")
    if not arguments.print_only:
        with THRESHOLDS.open("w", encoding="ascii", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *rows])


if __name__ == "__main__":
    main()
