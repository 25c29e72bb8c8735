"""What choosing a method hole by hole could win: the best of several for each group of holes, known by the original.

    python3 dev.py bench choosing --every 4

The middle 512 x 512 pixels of tuning paintings under damage of each kind. An oracle fills every group of holes by the
method that errs least on it; its gain is over the one method that is best on a kind's pictures altogether, mean PSNR of
the whole picture. No choice without the original can win as much.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
import restauro
from restauro.damage.kinds import make_damage
from restauro.holes import find_holes, groups

KINDS = ("cracks", "scratches", "strokes", "losses", "blobs")
INTERPOLATING = ("telea", "harmonic", "biharmonic", "coherence", "navier-stokes", "edge-enhancing")
SETS = {
    "interpolating": INTERPOLATING,
    "and the network": (*INTERPOLATING, "network"),
    "and patchmatch": (*INTERPOLATING, "network", "patchmatch"),
}
NEAR = 8  # pixels within which holes are filled together


def squared_errors(
    painting: NDArray[np.uint8], hole: NDArray[np.bool_], methods: Sequence[str], workers: int
) -> NDArray[np.float64]:
    """Return for each group of holes and each method the sum of squared errors, [groups, methods]."""
    holes = find_holes(hole)
    found = groups(holes, NEAR)
    labels = np.zeros(hole.shape, np.int64)
    for number, ((top, bottom, left, right), runs, _) in enumerate(found):
        labels[top:bottom, left:right][holes.within((top, bottom, left, right), runs)] = number
    errors = np.zeros((len(found), len(methods)))
    for k, method in enumerate(methods):
        restored = restauro.inpaint(painting, hole, method, workers=workers)
        squares = np.square(restored[hole].astype(np.float64) - painting[hole]).sum(axis=1)
        errors[:, k] = np.bincount(labels[hole], squares, len(found))
    return errors


def psnr(errors: NDArray[np.float64], values: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 10 * np.log10(255**2 * values / np.maximum(errors, 1e-9))
    return found


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--every", type=int, default=4, help="of the 100 tuning paintings each so-manieth")
    options.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--save", type=Path, metavar="FILE.npz", help="the errors of all groups, for trials")
    arguments = options.parse_args()
    methods = SETS["and patchmatch"]
    lines = Path(__file__).with_name("tuning-set.txt").read_text(encoding="utf-8").splitlines()
    files = [line.strip() for line in lines if line.strip() and line[0] != "#"][:: arguments.every]
    rows, kept = [], {}
    for kind in arguments.kinds:
        singles, oracles, counts = [], {name: [] for name in SETS}, 0
        for i, file in enumerate(files):
            painting = _pictures.middle(_pictures.read(_pictures.shared() / "data" / file))
            hole = make_damage(kind, *painting.shape[:2], rng=i)
            errors = squared_errors(painting, hole, methods, arguments.workers)
            kept[f"{kind}-{i}"] = errors
            counts += len(errors)
            singles.append(psnr(errors.sum(axis=0), painting.size))
            for name, chosen in SETS.items():
                columns = [methods.index(method) for method in chosen]
                oracles[name].append(psnr(errors[:, columns].min(axis=1).sum(), painting.size))
        means = np.mean(singles, axis=0)
        row = [kind, f"{counts / len(files):.0f}"]
        for name, chosen in SETS.items():
            best = max(chosen, key=lambda method: means[methods.index(method)])
            row.append(f"{np.mean(oracles[name]) - means[methods.index(best)]:.2f} over {best}")
        row += [f"{mean:.2f}" for mean in means]
        rows.append(row)
        print(*row, sep="  ", file=sys.stderr, flush=True)
    if arguments.save:
        np.savez(arguments.save, methods=methods, **kept)
    print(_tables.table(["kind", "groups a picture", *(f"oracle, {name}, dB" for name in SETS), *methods], rows))


if __name__ == "__main__":
    main()
