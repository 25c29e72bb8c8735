"""Telea's constants on the tuning set: mean PSNR for each setting of the slope's ridge and the direction's floor.

    python benchmarks/tune_telea.py            # the table in docs/methods/telea.md
    python benchmarks/tune_telea.py --ridge 4 --free 0.02 --direction 0.5

Constants are compiled into the kernels, so every setting is measured in a process of its own, without the cache.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

import restauro
from restauro.numerics import telea_fill

SHARED = Path(os.environ.get("RESTAURO_SHARED", Path(__file__).parents[2] / "shared"))
# What it stands for, ridge, share of the variance that is free, smallest ridge, floor of the direction.
SETTINGS = [
    ("as released", 4, 0.02, 1e-4, 0.5),
    ("no slope: a weighted mean", 4, 0.02, 1e9, 0.5),
    ("a slope, never held back", 0, 0.02, 1e-4, 0.5),
    ("ridge 1", 1, 0.02, 1e-4, 0.5),
    ("ridge 16", 16, 0.02, 1e-4, 0.5),
    ("no share free", 4, 0, 1e-4, 0.5),
    ("a tenth free", 4, 0.1, 1e-4, 0.5),
    ("direction's floor nearly 0", 4, 0.02, 1e-4, 1e-6),
    ("direction's floor 0.2", 4, 0.02, 1e-4, 0.2),
    ("no direction", 4, 0.02, 1e-4, 1.0),
]


def pairs(bin_: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tuning paintings, centre at most 512 square, each with one of the bin's masks."""
    listed = (Path(__file__).parent / "tuning-set.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in listed if not line.startswith("#")]
    folder = SHARED / "data/masks/irregular"
    with (folder / "index.csv").open(encoding="utf-8") as rows:
        masks = [row["file"] for row in csv.DictReader(rows) if row["file"].startswith(f"nv-b{bin_}")]
    result = []
    for i, name in enumerate(names):
        image = cv2.imread(str(SHARED / "data" / name))
        side = min(512, *image.shape[:2])
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        mask = cv2.imread(str(folder / masks[i % len(masks)]), cv2.IMREAD_GRAYSCALE)
        off = (512 - side) // 2
        cut = mask[off : off + side, off : off + side] > 127
        if cut.any():
            result.append((np.ascontiguousarray(image[top : top + side, left : left + side]), cut))
    return result


def psnr(restored: np.ndarray, image: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((restored.astype(float) - image) ** 2)))


def ramp_error() -> float:
    """Largest error, in per cent of the range, of a ramp of 100 pixels with a hole of 60 x 60."""
    ramp = np.tile(np.arange(100.0), (100, 1))
    hole = np.zeros(ramp.shape, bool)
    hole[20:80, 30:90] = True
    return float(np.abs(restauro.inpaint(ramp, hole, "telea", radius=5) - ramp).max() / 99 * 100)


def measure() -> str:
    cells = []
    for bin_ in (1, 2):
        of_bin = pairs(bin_)
        for radius in (3, 5):
            mean = np.mean([psnr(restauro.inpaint(i, m, "telea", radius=radius), i) for i, m in of_bin])
            cells.append(f"{mean:.2f}")
    return " | ".join([*cells, f"{ramp_error():.2f}"])


def opencv() -> str:
    cells = []
    for bin_ in (1, 2):
        of_bin = [(image, mask.astype(np.uint8)) for image, mask in pairs(bin_)]
        for radius in (3, 5):
            mean = np.mean([psnr(cv2.inpaint(i, m, radius, cv2.INPAINT_TELEA), i) for i, m in of_bin])
            cells.append(f"{mean:.2f}")
    return " | ".join([*cells, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ridge", "free", "smallest", "direction"):
        parser.add_argument(f"--{name}", type=float)
    chosen = parser.parse_args()
    if chosen.ridge is not None:
        telea_fill._RIDGE, telea_fill._UNEXPLAINED_FREE = chosen.ridge, chosen.free
        telea_fill._SMALLEST_RIDGE, telea_fill._SMALLEST_DIRECTION = chosen.smallest, chosen.direction
        print(measure())
        return
    print("| setting | 1-10 %, r 3 | 1-10 %, r 5 | 10-20 %, r 3 | 10-20 %, r 5 | ramp, error % |")
    print("| --- | --- | --- | --- | --- | --- |")
    for label, *values in SETTINGS:
        options = [
            f"--{name}={value}" for name, value in zip(("ridge", "free", "smallest", "direction"), values, strict=True)
        ]
        with tempfile.TemporaryDirectory() as cache:
            run = subprocess.run(
                [sys.executable, __file__, *options],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, "NUMBA_CACHE_DIR": cache},
            )
        print(f"| {label} | {run.stdout.strip()} |", flush=True)
    print(f"| OpenCV {cv2.__version__}, Telea | {opencv()} |")


if __name__ == "__main__":
    main()
