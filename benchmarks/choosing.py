"""What choosing a method hole by hole could win: an oracle that knows the original, over the best single method.

The middle 512 x 512 pixels of paintings that nothing was tuned on, under damage of each kind. The oracle fills every
group of holes by the method that errs least on it: no choice without the original can win as much.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
import restauro
from restauro.damage.kinds import make_damage
from restauro.holes import find_holes, groups

DAMAGES = {
    "cracks, 5 %": ("cracks", 0.05),
    "cracks, 1 %": ("cracks", 0.01),
    "scratches, 2 %": ("scratches", 0.02),
    "strokes, 10 %": ("strokes", 0.1),
    "losses, 5 %": ("losses", 0.05),
    "stains, 5 %": ("blobs", 0.05),
}
INTERPOLATING = ("telea", "harmonic", "biharmonic", "coherence", "navier-stokes", "edge-enhancing")
SETS = {"interpolating": INTERPOLATING, "and the network": (*INTERPOLATING, "network")}
NEAR = 8  # pixels within which holes are filled together


def squared_errors(painting: NDArray[np.uint8], hole: NDArray[np.bool_], methods: Sequence[str]) -> NDArray[np.float64]:
    """Return for each group of holes and each method the sum of squared errors, [groups, methods]."""
    holes = find_holes(hole)
    found = groups(holes, NEAR)
    labels = np.zeros(hole.shape, np.int64)
    for number, ((top, bottom, left, right), runs, _) in enumerate(found):
        labels[top:bottom, left:right][holes.within((top, bottom, left, right), runs)] = number
    errors = np.zeros((len(found), len(methods)))
    for k, method in enumerate(methods):
        restored = restauro.inpaint(painting, hole, method, workers=1)
        squares = np.square(restored[hole].astype(np.float64) - painting[hole]).sum(axis=1)
        errors[:, k] = np.bincount(labels[hole], squares, len(found))
    return errors


def psnr(errors: NDArray[np.float64], values: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 10 * np.log10(255**2 * values / np.maximum(errors, 1e-9))
    return found


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--paintings", type=int, default=60, help="how many, from the first")
    options.add_argument("--damages", nargs="+", default=list(DAMAGES), choices=DAMAGES, metavar="DAMAGE")
    arguments = options.parse_args()
    load = _tables.load_before()
    methods = SETS["and the network"]
    means, oracles = [], []
    for damage in arguments.damages:
        kind, ratio = DAMAGES[damage]
        singles, best = [], []
        for i in range(arguments.paintings):
            painting = _pictures.painting(i)
            hole = make_damage(kind, *painting.shape[:2], ratio, rng=i)
            errors = squared_errors(painting, hole, methods)
            singles.append(psnr(errors.sum(axis=0), painting.size))
            columns = [[methods.index(method) for method in chosen] for chosen in SETS.values()]
            best.append([psnr(errors[:, some].min(axis=1).sum(), painting.size) for some in columns])
        mean, oracle = dict(zip(methods, np.mean(singles, axis=0), strict=True)), np.mean(best, axis=0)
        single = max(INTERPOLATING, key=mean.__getitem__)
        gained = oracle - [mean[single], mean["network"]]
        oracles.append(
            [damage, single, f"{gained[0]:+.2f}", f"{mean['network'] - mean[single]:+.2f}", f"{gained[1]:+.2f}"]
        )
        means.append([damage, *(f"{mean[method]:.2f}" for method in methods)])
        print(*oracles[-1], sep="  ", file=sys.stderr, flush=True)
    gains = [
        "damage", "best single that interpolates", "oracle of those over it, dB", "network over it, dB",
        "oracle of all over the network, dB",
    ]  # fmt: skip
    parts = [
        f"{_tables.conditions(load, 'restauro', 'numpy')}\n\n"
        f"{arguments.paintings} paintings. PSNR of the whole picture, means over the paintings.",
        _tables.table(gains, oracles),
        "PSNR, dB:",
        _tables.table(["damage", *methods], means),
    ]
    _tables.publish("choosing", "Choosing a method for each hole", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
