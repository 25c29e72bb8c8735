"""Measures how near restored pictures of CIFAR-10 come to the undamaged ones: all methods, the shipped network, peers.

The founding course project's experiment: the test pictures, each with random marks of its own, the same for every way
to fill. Needs CIFAR-10 (the official python or binary files, or sheets) in the folder that --data names, or in
data/cifar10 of the folder that RESTAURO_SHARED names, or of ../shared. Ways may be given with parameters:
telea:radius=3, network:model=runs/course/model.onnx.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage.metrics import structural_similarity

import _peers
import _pictures
import _tables
from restauro.damage.synthesis import marks
from restauro.datasets import open_pictures
from restauro.training.data import ValidationExamples

SIDE = 32
MASK_SEED = 0  # as in the validation of training
NETWORK = "network:model=cifar10"
PEERS = (f"{_peers.OPENCV_TELEA}:radius=3", f"{_peers.OPENCV_NAVIER_STOKES}:radius=1", _peers.SKIMAGE)
TARGETS = (0.0065, 0.044)
AIMS = (0.0058, 0.039)


@dataclass(frozen=True)
class Judged:
    """What one way to fill comes to: sums over the pictures of errors in 0..1, PSNR, SSIM; seconds."""

    error: float
    holes: int
    psnr: float
    ssim: float
    seconds: float
    pictures: int

    def row(self, way: str) -> list[str]:
        """Return the table's row."""
        whole, hole = self.maes
        return [
            _peers.label(way),
            f"{whole:.5f}",
            f"{hole:.4f}",
            f"{self.psnr / self.pictures:.2f}",
            f"{self.ssim / self.pictures:.4f}",
            f"{1000 * self.seconds / self.pictures:.2f}",
        ]

    @property
    def maes(self) -> tuple[float, float]:
        """Mean absolute error of whole pictures, and of all hole pixels together, in 0..1."""
        return self.error / (self.pictures * SIDE * SIDE * 3), self.error / (self.holes * 3)


def examples(data: Path) -> ValidationExamples:
    """Return the test pictures with their holes."""
    return ValidationExamples(open_pictures(data, split="test"), SIDE, marks, MASK_SEED)


def judge(way: str, data: Path, count: int) -> Judged:
    """Fill the holes of the first so many pictures one way, one picture after the other."""
    cv2.setNumThreads(1)
    fill = _peers.fill_of(way, workers=1)
    tests = examples(data)
    error, holes, psnr, ssim, seconds = 0.0, 0, 0.0, 0.0, 0.0
    for number in range(-1, count):  # the first one once before, to load and compile
        picture, hole = tests.example(max(number, 0))
        damaged, mask = np.where(hole[:, :, None], np.uint8(255), picture), hole.astype(np.uint8) * 255
        began = time.perf_counter()
        restored = fill(damaged, mask)
        took = time.perf_counter() - began
        if number < 0:
            continue
        composited = np.where(hole[:, :, None], restored, picture)
        difference = np.abs(composited.astype(float) - picture) / 255
        error += difference.sum()
        holes += int(hole.sum())
        psnr += -10 * np.log10(max(np.square(difference).mean(), 1e-10))  # 100 dB for an exact restoration
        ssim += structural_similarity(
            picture, composited, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        seconds += took
    return Judged(error, holes, psnr, ssim, seconds, count)


def measure(ways: Sequence[str], data: Path, count: int) -> dict[str, Judged]:
    """Judge all ways, each in a process of its own, as many at a time as there are cores."""
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_tables.cores(), context, max_tasks_per_child=1) as pool:
        futures = {way: pool.submit(judge, way, data, count) for way in ways}
        return {way: future.result() for way, future in futures.items()}


def verdict(way: str, found: Judged) -> str:
    """Say how far the network is from its targets."""
    parts = []
    for name, value, target, aim in zip(("whole picture", "in holes"), found.maes, TARGETS, AIMS, strict=True):
        parts.append(f"{name} {value:.5f}: target {target} {_met(value, target)}, aim {aim} {_met(value, aim)}")
    return f"{_peers.label(way)}, mean absolute error: {'; '.join(parts)}."


def _met(value: float, target: float) -> str:
    return "met" if value <= target else f"missed by {value - target:.5f}"


def main() -> None:
    """Measure and publish."""
    options = _tables.parser(__doc__)
    options.add_argument("--data", type=Path, help="folder of CIFAR-10")
    options.add_argument("--pictures", type=int, help="only the first so many")
    options.add_argument("--ways", nargs="*", default=[], metavar="WAY", help="only these ways to fill")
    options.add_argument("--also", nargs="*", default=[], metavar="WAY", help="further ways")
    chosen = options.parse_args()
    load = _tables.load_before()
    data = chosen.data or _pictures.shared() / "data" / "cifar10"
    ways = chosen.ways or [NETWORK, *chosen.also, *_tables.classical_methods(), *PEERS, _peers.MEAN]
    count = min(chosen.pictures or len(examples(data)), len(examples(data)))
    found = measure(ways, data, count)
    head = ["way", "MAE, whole", "MAE, holes", "PSNR (dB)", "SSIM", "ms a picture"]
    rows = [found[way].row(way) for way in sorted(ways, key=lambda way: found[way].error)]
    parts = [
        f"The first {count:,} test pictures of CIFAR-10 (A. Krizhevsky, Learning multiple layers of features from tiny "
        "images, 2009), 32 x 32, each with random marks of its own (one to nine lines, 1 or 2 pixels thick; mean hole "
        "ratio 0.149), the same for all ways. Mean absolute errors are in 0..1, of 8-bit results with all known pixels "
        "pasted back: over whole pictures, and over all hole pixels together. PSNR and SSIM (Gaussian, sigma 1.5) are "
        "means over pictures; an exact restoration counts as 100 dB. Time is that of one picture after the other on "
        "one core.",
        _tables.table(head, rows),
        *(verdict(way, found[way]) for way in ways if way == NETWORK),
        _tables.conditions(load, "restauro", "onnxruntime", "opencv-contrib-python-headless", "scikit-image"),
    ]
    _tables.publish("cifar10", "CIFAR-10 with random marks", parts, print_only=chosen.print_only)


if __name__ == "__main__":
    main()
