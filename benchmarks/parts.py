"""Measures in which order two methods fill one picture: thin holes first, wide ones first, or neither knows the other.

Cracks are filled by edge-enhancing diffusion, losses that they touch by PatchMatch, on paintings of tuning-set.txt.
Needs the folder of shared pictures (RESTAURO_SHARED, or ../shared).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
from restauro.damage.kinds import make_damage
from restauro.filling import Holed, fill
from restauro.holes import find_holes
from restauro.method import make_method
from restauro.windows import Part

NEAR = 8  # pixels
THIN, WIDE = make_method("edge-enhancing", {}), make_method("patchmatch", {})

Mask = NDArray[np.bool_]
Order = Callable[[NDArray[np.uint8], Mask, Mask], None]


def thin_first(picture: NDArray[np.uint8], thin: Mask, wide: Mask) -> None:
    fill([Holed(picture, [Part(find_holes(thin), THIN), Part(find_holes(wide), WIDE)])], workers=1, seed=0)


def wide_first(picture: NDArray[np.uint8], thin: Mask, wide: Mask) -> None:
    fill([Holed(picture, [Part(find_holes(wide), WIDE), Part(find_holes(thin), THIN)])], workers=1, seed=0)


def at_once(picture: NDArray[np.uint8], thin: Mask, wide: Mask) -> None:
    other = picture.copy()
    fill([Holed(picture, [Part(find_holes(thin), THIN)], find_holes(wide))], workers=1, seed=0)
    fill([Holed(other, [Part(find_holes(wide), WIDE)], find_holes(thin))], workers=1, seed=0)
    picture[wide] = other[wide]


ORDERS: dict[str, Order] = {"thin first": thin_first, "wide first": wide_first, "at once": at_once}


def rmse(truth: NDArray[np.uint8], restored: NDArray[np.uint8], hole: Mask) -> float:
    return float(np.sqrt(np.mean((truth[hole].astype(float) - restored[hole]) ** 2)))


def measure(count: int) -> dict[str, list[list[float]]]:
    """Return, by order, of every painting the errors in thin holes, in those near wide ones, in wide ones; seconds."""
    from scipy import ndimage

    lines = (_tables.CLONE / "benchmarks" / "tuning-set.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    found: dict[str, list[list[float]]] = {order: [] for order in ORDERS}
    for number, name in enumerate(names[:: max(1, len(names) // count)][:count]):
        truth = _pictures.middle(_pictures.read(_pictures.shared() / "data" / name))
        wide = make_damage("losses", *truth.shape[:2], 0.06, number)
        thin = make_damage("cracks", *truth.shape[:2], 0.06, number) & ~wide
        near = thin & ndimage.binary_dilation(wide, iterations=NEAR)
        for order, work in ORDERS.items():
            picture = np.where((thin | wide)[:, :, np.newaxis], np.uint8(0), truth)
            start = time.process_time()
            work(picture, thin, wide)
            seconds = time.process_time() - start
            found[order].append([*(rmse(truth, picture, hole) for hole in (thin, near, wide)), seconds])
    return found


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--pictures", type=int, default=20)
    arguments = options.parse_args()
    load = _tables.load_before()
    found = measure(arguments.pictures)
    rows = [[order, *(f"{value:.2f}" for value in np.mean(values, axis=0))] for order, values in found.items()]
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numba', 'numpy')}\n\n"
        f"Means over {arguments.pictures} paintings of the tuning set, 512 pixels square or less, 6 % cracks (edge-"
        "enhancing) and 6 % losses (patchmatch). Root mean square errors in levels of 255: in cracks, in cracks within "
        f"{NEAR} pixels of a loss, in losses; processor seconds of one thread."
    )
    head = ["order", "cracks", "cracks near losses", "losses", "seconds"]
    parts = [introduction, _tables.table(head, rows)]
    _tables.publish("parts", "Which holes are filled first", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
