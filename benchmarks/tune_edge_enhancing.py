"""Constants of edge-enhancing diffusion on the tuning set: PSNR above the harmonic fill's, and step edges.

    python benchmarks/tune_edge_enhancing.py            # the table in docs/methods/edge-enhancing.md

Every fifth painting of the set, under the masks of bins 1 to 3 in turn.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import restauro
import step_edges
from restauro.methods import edge_enhancing
from restauro.methods.edge_enhancing import EdgeEnhancing
from tune_telea import SHARED, psnr

BINS = (1, 2, 3)
# What it stands for, steps, standard deviation of the Gaussian, contrast parameter.
SETTINGS = [
    ("as released", 4, 5.0, 0.01),
    ("1 step", 1, 5.0, 0.01),
    ("2 steps", 2, 5.0, 0.01),
    ("8 steps", 8, 5.0, 0.01),
    ("Gaussian of 1 pixel", 4, 1.0, 0.01),
    ("Gaussian of 3 pixels", 4, 3.0, 0.01),
    ("Gaussian of 8 pixels", 4, 8.0, 0.01),
    ("contrast 0.003", 4, 5.0, 0.003),
    ("contrast 0.03", 4, 5.0, 0.03),
    ("contrast 0.1", 4, 5.0, 0.1),
]


def pairs(bin_: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield every fifth tuning painting, its centre at most 512 square, with one of the bin's masks."""
    listed = (Path(__file__).parent / "tuning-set.txt").read_text(encoding="utf-8").splitlines()
    folder = SHARED / "data/masks/irregular"
    with (folder / "index.csv").open(encoding="utf-8") as rows:
        masks = [row["file"] for row in csv.DictReader(rows) if row["file"].startswith(f"nv-b{bin_}")]
    for i, name in enumerate([line for line in listed if not line.startswith("#")][::5]):
        image = cv2.imread(str(SHARED / "data" / name))
        side = min(512, *image.shape[:2])
        top, left, off = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2, (512 - side) // 2
        mask = cv2.imread(str(folder / masks[i % len(masks)]), cv2.IMREAD_GRAYSCALE)
        yield image[top : top + side, left : left + side].copy(), mask[off : off + side, off : off + side] > 127


def gains(method: EdgeEnhancing, bin_: int) -> list[float]:
    """PSNR less that of the harmonic fill, in dB, of each painting that neither restores exactly."""
    both = [[psnr(restauro.inpaint(image, mask, way), image) for way in (method, "harmonic")]
            for image, mask in pairs(bin_) if mask.any()]  # fmt: skip
    return [ours - harmonic for ours, harmonic in both if math.isfinite(ours - harmonic)]


def least_contrast(method: EdgeEnhancing) -> float:
    """Return the smallest contrast that a sharp step keeps at any angle, in per cent."""
    kept = []
    for angle in step_edges.ANGLES:
        step = step_edges.step(angle, smooth=False)
        hole = np.zeros(step.shape, bool)
        hole[:, (step_edges.SIDE - step_edges.BAND) // 2 : (step_edges.SIDE + step_edges.BAND) // 2] = True
        restored = restauro.inpaint(np.where(hole, 0, step), hole, method).astype(float)
        middle = slice(step_edges.SIDE // 2 - 1, step_edges.SIDE // 2 + 1)
        place = np.arange(float(step_edges.SIDE))
        away = step_edges.distance(angle, place, place[:, np.newaxis])[:, middle]
        beyond, before = (away > 0) & (away <= step_edges.ACROSS), (away >= -step_edges.ACROSS) & (away < 0)
        kept.append(restored[:, middle][beyond].mean() - restored[:, middle][before].mean())
    return 100 * min(kept) / (step_edges.BRIGHT - step_edges.DARK)


def main() -> None:
    print("| setting | 1-10 % | worst | 10-20 % | worst | 20-30 % | worst | step edges, % |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for label, steps, scale, contrast in SETTINGS:
        edge_enhancing._SCALE, edge_enhancing._CONTRAST = scale, contrast
        edge_enhancing._REACH = math.ceil(2.5 * scale) + 2
        method = EdgeEnhancing(steps)
        cells = []
        for bin_ in BINS:
            found = gains(method, bin_)
            cells += [f"{np.mean(found):+.2f}", f"{min(found):+.2f}"]
        print(f"| {label} | {' | '.join(cells)} | {least_contrast(method):.0f} |", flush=True)


if __name__ == "__main__":
    main()
