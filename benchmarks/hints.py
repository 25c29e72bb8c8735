"""Hints: how much better faint cracks are found with some pixels that say what is damage and what isn't.

On paintings with real patterns of cracks (data/masks/cracks, of paintings), rendered at a contrast of 20 of 255, and
on a damaged picture with a traced mask. Hints are drawn from the truth, as many of damage as of sound picture, in the
left half; F1 is that of the right half, with a tolerance of 2 pixels.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
from restauro.damage.rendering import render_cracks
from restauro.detection.detecting import detect
from restauro.evaluation.detection import score

COUNTS = (100, 300, 1000)
CONTRAST = 20
SIDE = 512
PATTERNS = ("craquelure-", "ghent-altarpiece-")
TRACED = "portrait-cracked"

Hole = NDArray[np.bool_]


def hints(truth: Hole, count: int, seed: int) -> NDArray[np.int8]:
    """Return as many hints, half of them damage, in the left half."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(truth.shape, np.int8)
    left = np.arange(truth.shape[1]) < truth.shape[1] // 2
    for kind, pixels in ((1, truth & left), (-1, ~truth & left)):
        places = np.flatnonzero(pixels)
        labels.flat[rng.choice(places, min(count // 2, len(places)), replace=False)] = kind
    return labels


def scores(picture: NDArray[np.uint8], truth: Hole, seed: int) -> list[float]:
    """Return F1 on the right half: without hints, with 100, 300, 1000 of them, with the kind and 300."""
    right = np.s_[:, truth.shape[1] // 2 :]
    founds = [detect(picture, "cracks")]
    founds += [detect(picture, hints=hints(truth, count, seed)) for count in COUNTS]
    founds.append(detect(picture, "cracks", hints=hints(truth, COUNTS[1], seed)))
    return [score(found[right], truth[right]).f1 for found in founds]


def _mask(path: Path) -> Hole:
    return np.asarray(_pictures.read(path)[..., 0] > 127)


def _middle(array: NDArray[np.generic]) -> NDArray[np.generic]:
    top, left = (max(0, (side - SIDE) // 2) for side in array.shape[:2])
    return array[top : top + SIDE, left : left + SIDE]


def rendered(count: int) -> list[list[float]]:
    """Return the scores of paintings with patterns rendered on them."""
    data = _pictures.shared() / "data"
    patterns = [path for path in sorted((data / "masks" / "cracks").glob("*.png")) if path.name.startswith(PATTERNS)]
    found = []
    for k, name in enumerate(_pictures._listed(data / "paintings-val")[::4][:count]):
        painting = np.ascontiguousarray(_middle(_pictures.read(data / "paintings-val" / name)))
        hole = np.zeros(painting.shape[:2], bool)
        pattern = _middle(_mask(patterns[k % len(patterns)]))
        hole[: pattern.shape[0], : pattern.shape[1]] = pattern[: hole.shape[0], : hole.shape[1]]
        rng = np.random.default_rng(k)
        picture, truth = render_cracks(painting, hole, rng, contrast=CONTRAST)
        found.append(scores(picture, truth, k))
    return found


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--paintings", type=int, default=12, metavar="N")
    arguments = options.parse_args()
    load = _tables.load_before()
    painted = rendered(arguments.paintings)
    data = _pictures.shared() / "data"
    traced = scores(
        _pictures.read(data / "damaged" / f"{TRACED}.jpg"), _mask(data / "masks" / "real" / f"{TRACED}.png"), 0
    )
    means = [statistics.mean(of_way) for of_way in zip(*painted, strict=True)]
    better = sum(one[2] > one[0] for one in painted)
    ways = ["no hints, --kind cracks", *(f"{count} hint pixels" for count in COUNTS)]
    ways.append(f"{COUNTS[1]} hint pixels and --kind cracks")
    rows = [[way, f"{mean:.2f}", f"{one:.2f}"] for way, mean, one in zip(ways, means, traced, strict=True)]
    _tables.publish(
        "hints",
        "Damage found with hints",
        [
            f"F1 in the right half of a picture, with hints in its left half: on {len(painted)} paintings with real "
            f"patterns of cracks rendered at a contrast of {CONTRAST} of 255 (mean), and on a photograph, a portrait "
            "with a net of fold cracks, against a mask traced by hand. Hints are random pixels of the truth, half of "
            "damage, half of sound picture.",
            _tables.table(["", f"{len(painted)} paintings", "photograph"], rows),
            f"With {COUNTS[1]} hint pixels {better} of {len(painted)} paintings are better than without.",
            _tables.conditions(load, "numpy", "onnxruntime"),
        ],
        print_only=arguments.print_only,
    )


if __name__ == "__main__":
    main()
