"""Makes cifar10.png, test pictures restored by the network that comes with restauro.

python docs/figures/make_cifar10_figure.py. Needs CIFAR-10: data/cifar10 of the folder that RESTAURO_SHARED names, or of
../shared.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

import restauro
from restauro.damage.synthesis import marks
from restauro.datasets import open_pictures
from restauro.training.data import ValidationExamples

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("RESTAURO_SHARED", HERE.parents[2] / "shared"))
HEADS = ["damaged", "mask", "network", "edge-enhancing", "OpenCV Telea", "original"]
ZOOM = 5
GAP = 6
COUNT = 8
LEAST, MOST = 0.12, 0.35  # hole ratios of the rows: enough to see something

Pixels = NDArray[np.uint8]


def row(picture: Pixels, hole: NDArray[np.bool_]) -> list[Pixels]:
    """Return what stands side by side, each [32, 32, 3]."""
    import cv2

    damaged = np.where(hole[:, :, np.newaxis], np.uint8(255), picture)
    mask = np.repeat(hole[:, :, np.newaxis], 3, axis=2).astype(np.uint8) * 255
    network = restauro.inpaint(damaged, hole, "network", model="cifar10")
    classic = restauro.inpaint(damaged, hole, "edge-enhancing")
    peer = cv2.inpaint(damaged, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return [damaged, mask, network, classic, peer.astype(np.uint8), picture]


def text(words: str) -> pyvips.Image:
    """Return a column's head."""
    written = pyvips.Image.text(words, font="sans 11", dpi=96)
    return written.invert().embed(2, 4, 32 * ZOOM, 26, extend="white").colourspace("srgb")


def panel(pixels: Pixels) -> pyvips.Image:
    """Return a picture enlarged, every pixel a square."""
    return pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation="srgb").zoom(ZOOM, ZOOM)


def main() -> None:
    """Make the figure of the first test pictures whose holes are neither tiny nor huge."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=SHARED / "data" / "cifar10", help="folder of CIFAR-10")
    options.add_argument("-o", "--output", type=Path, default=HERE / "cifar10.png")
    arguments = options.parse_args()
    tests = ValidationExamples(open_pictures(arguments.data, split="test"), 32, marks, 0)
    shown = (tests.example(number) for number in range(len(tests)))
    pairs = [
        pair for pair, _ in zip((pair for pair in shown if LEAST < pair[1].mean() < MOST), range(COUNT), strict=False)
    ]
    panels = [text(head) for head in HEADS]
    panels += [panel(pixels) for pair in pairs for pixels in row(*pair)]
    sheet = pyvips.Image.arrayjoin(panels[: len(HEADS)], across=len(HEADS), shim=GAP, background=255)
    body = pyvips.Image.arrayjoin(panels[len(HEADS) :], across=len(HEADS), shim=GAP, background=255)
    sheet.join(body, "vertical", background=255).pngsave(str(arguments.output), keep="none")


if __name__ == "__main__":
    main()
