"""What a network that finds damage has reached, at a probability: for looking at a run.

    python3 dev.py bench damage_network runs/damage.onnx --every 4

Paintings damaged as for `bench detection`. Cracks and scratches count together, whichever a pixel was taken for, and so
do losses and dust. It prints a table and publishes nothing.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import _damaged
import _pictures
import _tables
from restauro.detection import network
from restauro.evaluation.detection import score

TOGETHER = {"cracks": (0, 1), "scratches": (0, 1), "losses": (2, 3), "dust": (2, 3), "stains": (4,)}


def marked(likely: NDArray[np.float32], kinds: tuple[int, ...], threshold: float) -> NDArray[np.bool_]:
    """Return where it is rather damage of one of the kinds, whichever, than not."""
    found: NDArray[np.bool_] = 1 - np.prod(1 - likely[list(kinds)], axis=0) >= threshold
    return found


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("model", type=Path, help="the network's .onnx file")
    options.add_argument("--stains", action="store_true", help="it is one that finds stains; else one that doesn't")
    options.add_argument("--every", type=int, default=1, metavar="N", help="every Nth painting only")
    options.add_argument("--threshold", type=float, default=0.5, metavar="P", help="marked from this probability on")
    options.add_argument("--threads", type=int, default=1, metavar="N")
    arguments = options.parse_args()
    threshold = arguments.threshold
    if arguments.stains:
        network.STAINS = arguments.model
    else:
        network.MODEL = arguments.model

    def likely(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return network.probabilities_of(network.grades(image, range(len(network.CLASSES)), arguments.threads))

    paths = sorted((_pictures.shared() / "data" / "paintings-val").glob("*.jpg"))[:: arguments.every]
    scores: dict[tuple[str, str], list[tuple[float, float]]] = {}
    clean: dict[tuple[int, ...], list[float]] = {}
    for i, path in enumerate(paths):
        print(path.name, end="    \r", file=sys.stderr)
        image = _pictures.middle(_pictures.read(path))
        for kind, drawn, damaged, truth in _damaged.cases(image, i):
            if (kind == "stains") != arguments.stains:
                continue
            found = score(marked(likely(damaged), TOGETHER[kind], threshold), truth)
            scores.setdefault((kind, drawn), []).append((found.f1, found.iou))
        undamaged = likely(image)
        for kinds in set(TOGETHER.values()):
            if (network.STAIN in kinds) == arguments.stains:
                clean.setdefault(kinds, []).append(100 * float(marked(undamaged, kinds, threshold).mean()))
    rows = [
        [*line, str(len(of_line)), *(f"{statistics.fmean(column):.3f}" for column in zip(*of_line, strict=True))]
        for line, of_line in scores.items()
    ]
    print(_tables.table(["kind", "drawn", "paintings", "F1", "IoU"], rows, texts=2))
    marks = [
        [" and ".join(kind for kind, of_kind in TOGETHER.items() if of_kind == kinds), *_summary(shares)]
        for kinds, shares in sorted(clean.items())
    ]
    print(_tables.table(["undamaged", "median, % marked", "worst"], marks))


def _summary(shares: list[float]) -> tuple[str, str]:
    return f"{statistics.median(shares):.2f}", f"{max(shares):.2f}"


if __name__ == "__main__":
    main()
