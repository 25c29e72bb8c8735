"""Measures how near restored pictures of CIFAR-10 come to the undamaged ones: all methods, the shipped network, peers.

The founding course project's experiment: the test pictures, each with random marks of its own, the same for every way
to fill. Needs CIFAR-10 (the official python or binary files, or sheets) in the folder that --data names, or in
data/cifar10 of the folder that RESTAURO_SHARED names, or of ../shared. Ways may be given with parameters:
telea:radius=3, network:model=runs/course/model.onnx. It is `restauro evaluate --dataset cifar10 --masks marks` with a
table of its own; a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import _pictures
import _tables
from restauro.evaluation import protocol, running, tables
from restauro.evaluation.references import label_of
from restauro.ledger import Row

NETWORK = "network:model=cifar10"
PEERS = ("opencv-telea:radius=3", "opencv-ns:radius=1", "skimage-biharmonic", "mean-colour")
TARGETS = (0.0065, 0.044)
AIMS = (0.0058, 0.039)


@dataclass(frozen=True)
class Judged:
    """What one way to fill comes to: mean absolute errors in 0..1, PSNR (dB), SSIM, ms a picture."""

    whole: float
    holes: float
    psnr: float
    ssim: float
    ms: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Judged:
        """Return the means of a way's rows; the error in holes is of all hole pixels together."""
        l1, psnr, ssim, seconds = (np.mean([row[name] for row in rows]) for name in ("l1", "psnr", "ssim", "seconds"))
        return cls(l1 / 100, tables.pooled(rows)[0] / 100, psnr, ssim, 1000 * seconds)

    def row(self, way: str) -> list[str]:
        """Return the table's row."""
        figures = f"{self.whole:.5f} {self.holes:.4f} {self.psnr:.2f} {self.ssim:.4f} {self.ms:.2f}".split()
        return [label_of(way), *figures]


def verdict(way: str, found: Judged) -> str:
    """Say how far the network is from its targets."""
    parts = []
    values = ("whole picture", found.whole), ("in holes", found.holes)
    for (name, value), target, aim in zip(values, TARGETS, AIMS, strict=True):
        parts.append(f"{name} {value:.5f}: target {target} {_met(value, target)}, aim {aim} {_met(value, aim)}")
    return f"{label_of(way)}, mean absolute error: {'; '.join(parts)}."


def _met(value: float, target: float) -> str:
    return "met" if value <= target else f"missed by {value - target:.5f}"


def show(done: int, total: int) -> None:
    """Say how far it is, now and then."""
    if done % 10_000 < 2000:
        print(f"{time.strftime('%H:%M:%S')} {done} of {total} fills", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and publish."""
    options = _tables.parser(__doc__)
    options.add_argument("--data", type=Path, help="folder of CIFAR-10")
    options.add_argument("--pictures", type=int, help="only the first so many")
    options.add_argument("--ways", nargs="*", default=[], metavar="WAY", help="only these ways to fill")
    options.add_argument("--also", nargs="*", default=[], metavar="WAY", help="further ways")
    options.add_argument("--results", type=Path, default=Path("runs", "cifar10-methods"), help="folder for results")
    options.add_argument("--overwrite", action="store_true", help="begin anew, after a change of the code")
    chosen = options.parse_args()
    load = _tables.load_before()
    data = chosen.data or _pictures.shared() / "data" / "cifar10"
    ways = chosen.ways or [NETWORK, *chosen.also, *_tables.classical_methods(), *PEERS]
    plan = running.Plan(protocol.open_dataset(data, chosen.pictures), protocol.choose_masks(["marks"]), tuple(ways))
    rows = running.run(plan, chosen.results, progress=show, overwrite=chosen.overwrite).rows
    found = {way: Judged.of([row for row in rows if row["way"] == way]) for way in ways}
    head = ["way", "MAE, whole", "MAE, holes", "PSNR (dB)", "SSIM", "ms a picture"]
    lines = [found[way].row(way) for way in sorted(ways, key=lambda way: found[way].whole)]
    parts = [
        f"The first {len(plan.pictures.names):,} test pictures of CIFAR-10 (A. Krizhevsky, Learning multiple layers of "
        "features from tiny images, 2009), 32 x 32, each with random marks of its own (one to nine lines, 1 or 2 "
        "pixels thick; mean hole ratio 0.149), the same for all ways. Mean absolute errors are in 0..1, of 8-bit "
        "results with all known pixels pasted back: over whole pictures, and over all hole pixels together. PSNR and "
        "SSIM (Gaussian, sigma 1.5) are means over pictures; an exact restoration counts as 100 dB. Time is processor "
        "time.",
        _tables.table(head, lines),
        *(verdict(way, found[way]) for way in ways if way == NETWORK),
        _tables.conditions(load, "restauro", "onnxruntime", "opencv-contrib-python-headless", "scikit-image"),
    ]
    _tables.publish("cifar10", "CIFAR-10 with random marks", parts, print_only=chosen.print_only)


if __name__ == "__main__":
    main()
