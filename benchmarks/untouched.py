"""What detection marks of things that must not be touched: signatures, inscriptions, eyes, jewellery, fine lines.

    python3 dev.py bench untouched

The 40 places are in `untouched-crops.csv`, by file and box; whole paintings are looked at, as `restauro` would. By
default: the kinds that `restauro restore --detect` looks for; by name: cracks. As many false marks as there. And where
`restauro.detection.lettering` sees lettering, which marks are shown first for.
"""

from __future__ import annotations

import csv
import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
from restauro.detection.detecting import detect
from restauro.detection.detectors import REPAIRED, UNSEEN
from restauro.detection.lettering import lettering

CROPS = _tables.CLONE / "benchmarks" / "untouched-crops.csv"
ASKED = ("by default", "cracks by name")
LETTERED = ("signature", "inscription")
SEEN = 0.02  # of a crop, from which on its lettering is seen


@cache
def found(file: str) -> dict[str, NDArray[np.bool_]]:
    """Return the marks on a painting, by what was asked."""
    print(file, end="\r", file=sys.stderr)
    painting = _pictures.read(_pictures.shared() / "data" / "paintings-val" / file)
    return {
        "by default": detect(painting, REPAIRED, sensitivity=UNSEEN),
        "cracks by name": detect(painting, "cracks", sensitivity=UNSEEN),
    }


def rows_of_crops() -> list[tuple[str, str, tuple[slice, slice]]]:
    """Return for every crop what it is, of which file, and where."""
    rows = []
    with CROPS.open(encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            left, top, width, height = (int(row[name]) for name in ("left", "top", "width", "height"))
            rows.append((row["what"], row["file"], (slice(top, top + height), slice(left, left + width))))
    return rows


def shares() -> list[tuple[str, str, list[float]]]:
    """Return for every crop what it is, where, and the share marked in percent, for each way of asking."""
    rows = []
    for what, file, box in rows_of_crops():
        place = f"{file} at {box[1].start}, {box[0].start}"
        rows.append((what, place, [100 * float(mask[box].mean()) for mask in found(file).values()]))
    return rows


def letters() -> str:
    """Say how many crops with lettering are seen to have some, and of how much of all paintings it is said wrongly."""
    crops = [(file, box) for what, file, box in rows_of_crops() if what in LETTERED]
    seen, wrong = 0, []
    folder = _pictures.shared() / "data" / "paintings-val"
    names = _pictures._listed(folder)
    for name in names:
        near = lettering(_pictures.read(folder / name))
        for _, box in (crop for crop in crops if crop[0] == name):
            seen += int(near[box].mean() > SEEN)
            near[box] = False
        wrong.append(100 * float(near.mean()))
    return (
        f"Where lettering is looked for (`restauro.detection.lettering`, to have marks on it looked at first; its "
        f"numbers were chosen with these paintings): seen in {seen} of {len(crops)} signatures and inscriptions; of "
        f"all {len(names)} paintings {np.mean(wrong):.1f} % is taken for it besides (mean; median "
        f"{np.median(wrong):.1f} %, worst {max(wrong):.1f} %), in {wrong.count(0)} nothing."
    )


def main() -> None:
    arguments = _tables.parser(__doc__).parse_args()
    load = _tables.load_before()
    rows = shares()
    summary = []
    for what in dict.fromkeys(row[0] for row in rows):
        of_what = np.array([row[2] for row in rows if row[0] == what])
        cells = [
            f"{(of_what[:, k] > 0).sum()} of {len(of_what)}, {of_what[:, k].mean():.2f}" for k in range(len(ASKED))
        ]
        summary.append([what, *cells])
    marked = [[what, place, *(f"{share:.2f}" for share in of_crop)] for what, place, of_crop in rows if any(of_crop)]
    _tables.publish(
        "untouched",
        "What must not be touched",
        [
            "Forty places of `paintings-val`, named in `benchmarks/untouched-crops.csv`. How many of them have a mark, "
            "and the mean share of their pixels that is marked, in percent: with what `restore --detect` looks for by "
            f"default ({', '.join(REPAIRED)}, {UNSEEN:g} false marks a megapixel of each), and with cracks, by name.",
            _tables.table(["what", *ASKED], summary),
            "Those with a mark, % of their pixels:",
            _tables.table(["what", "where", *ASKED], marked, texts=2),
            letters(),
            _tables.conditions(load, "restauro", "numpy", "onnxruntime"),
        ],
        print_only=arguments.print_only,
    )


if __name__ == "__main__":
    main()
