"""What a network that finds damage has reached: the lines of `detection` and `detection_kinds`, native and two-scale.

    python3 dev.py bench damage_network runs/damage.onnx --every 4

Two-scale: the same weights at native and at double size, the larger of both log odds. Cracks and scratches count
together, whichever a pixel was taken for. It prints a table and publishes nothing: it is for looking at a run.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

import _pictures
import _tables
import detection
import detection_kinds
from restauro.evaluation.detection import score
from restauro.training.finding import with_strokes

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]
Case = tuple[Pixels, Hole]
Odds = NDArray[np.float32]  # [kinds, H, W]

LINES, LOSSES = (0, 1), (2, 3)  # crack and scratch; loss and dust, which a small loss may be taken for


class Finder:
    """A network's file at work."""

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.multiple = int(self.session.get_modelmeta().custom_metadata_map["multiple"])

    def odds(self, image: Pixels) -> Odds:
        """Return log odds at native size."""
        height, width = image.shape[:2]
        beyond = [(0, -side % self.multiple) for side in (height, width)]
        padded = np.pad(image, [*beyond, (0, 0)], "edge").astype(np.float32).transpose(2, 0, 1)[None] / 255
        (found,) = self.session.run(["probability"], {"image": padded})
        found = np.clip(found[0, :, :height, :width], 1e-6, 1 - 1e-6)
        return np.log(found / (1 - found)).astype(np.float32)

    def both(self, image: Pixels) -> Odds:
        """Return the larger of the log odds at native and at double size."""
        height, width = image.shape[:2]
        doubled = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
        found = self.odds(doubled.astype(np.uint8))
        halved = found.reshape(len(found), height, 2, width, 2).mean(axis=(2, 4))
        return np.maximum(self.odds(image), halved)


def marked(odds: Odds, kinds: tuple[int, ...], threshold: float) -> Hole:
    """Return where it is rather damage of one of the kinds, whichever, than not."""
    none = np.prod([1 / (1 + np.exp(odds[kind])) for kind in kinds], axis=0)
    found: Hole = 1 - none >= threshold
    return found


def cases(pictures: list[Pixels]) -> Iterator[tuple[str, tuple[int, ...], list[Case]]]:
    """Yield the name of a line, the kinds that count for it, and its cases."""
    every = list(enumerate(pictures))
    yield "cracks as drawn", LINES, [detection.damaged(image, i) for i, image in every]
    for contrast in detection.CONTRASTS:
        yield f"contrast {contrast}", LINES, [detection.damaged(image, i, contrast=contrast) for i, image in every]
    for width in (1, 3, 6):
        yield f"{width} px wide", LINES, [detection.damaged(image, i, width=width) for i, image in every]
    yield "another renderer", LINES, [with_strokes(image, np.random.default_rng([2028, i])) for i, image in every]
    folder = _pictures.shared() / "data" / "masks" / "cracks"
    patterns = sorted(path for pattern in detection.PATTERNS for path in folder.glob(pattern))
    yield (
        "eight real patterns",
        LINES,
        [detection.patterned(image, patterns[i % len(patterns)], i) for i, image in every],
    )
    for kind, ways in detection_kinds.WAYS.items():
        for way, damage in ways.items():
            holes = [
                detection_kinds.MASKS[kind](*image.shape[:2], detection_kinds.RATIOS[kind], np.random.default_rng(i))
                for i, image in every
            ]
            pairs = zip(pictures, holes, strict=True)
            yield (
                f"{kind}: {way}",
                LINES if kind == "scratches" else LOSSES,
                [(damage(image, hole), hole) for image, hole in pairs],
            )


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("model", type=Path, help="the network's .onnx file")
    options.add_argument("--every", type=int, default=1, metavar="N", help="every Nth painting only")
    options.add_argument("--threshold", type=float, default=0.5, metavar="P", help="marked from this probability on")
    options.add_argument("--threads", type=int, default=1, metavar="N")
    arguments = options.parse_args()
    finder = Finder(arguments.model, arguments.threads)
    pictures = list(detection.paintings(60).values())[:: arguments.every]
    scales: dict[str, Callable[[Pixels], Odds]] = {"native": finder.odds, "two-scale": finder.both}
    rows = []
    for name, kinds, of_line in cases(pictures):
        figures = []
        for find in scales.values():
            results = [score(marked(find(image), kinds, arguments.threshold), truth) for image, truth in of_line]
            figures += [statistics.fmean(getattr(one, what) for one in results) for what in ("f1", "iou")]
        rows.append([name, str(len(of_line)), *(f"{figure:.3f}" for figure in figures)])
        print(*rows[-1], file=sys.stderr)
    clean = {scale: [find(image) for image in pictures] for scale, find in scales.items()}
    for name, kinds in {"lines": LINES, "losses and dust": LOSSES, "stains": (4,)}.items():
        cells = []
        for found in clean.values():
            shares = [100 * marked(odds, kinds, arguments.threshold).mean() for odds in found]
            cells += [f"{statistics.median(shares):.2f}", f"{max(shares):.2f}"]
        rows.append([f"undamaged, {name}: median, worst, % marked", str(len(pictures)), *cells])
    head = ["", "paintings", *(f"{scale}, {what}" for scale in scales for what in ("F1", "IoU"))]
    print(_tables.table(head, rows))


if __name__ == "__main__":
    main()
