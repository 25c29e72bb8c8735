"""Damage found by rules, by the network and by both joined, on paintings of the tuning set: which is a kind's detector.

    python3 dev.py bench joined --every 3

F1 within 2 pixels, on the middle of every Nth of the larger paintings of the tuning set, damaged in many ways. Minutes
of processor time a painting, nearly all of it for the rules. It publishes nothing.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
import detection
import detection_kinds
from calibrate_detection import PLACES, tuning_set
from restauro.damage.wear import patches
from restauro.damage.wear.canvas import Canvas, rough
from restauro.detection import network
from restauro.detection.detectors import KINDS
from restauro.detection.marks import threshold_of
from restauro.evaluation.detection import score
from restauro.training.finding import with_strokes

Case = tuple[str, str, NDArray[np.uint8], NDArray[np.bool_]]  # kind, how it is drawn, picture, truth


def cases(image: NDArray[np.uint8], i: int) -> Iterator[Case]:
    """Yield a painting damaged in all ways."""
    yield "cracks", "drawn", *detection.damaged(image, i)
    for contrast in detection.CONTRASTS:
        yield "cracks", f"contrast {contrast}", *detection.damaged(image, i, contrast=contrast)
    folder = _pictures.shared() / "data" / "masks" / "cracks"
    patterns = sorted(path for pattern in detection.PATTERNS for path in folder.glob(pattern))
    yield "cracks", "real patterns", *detection.patterned(image, patterns[i % len(patterns)], i)
    yield "cracks", "soft strokes", *with_strokes(image, np.random.default_rng([2028, i]))
    for kind, ways in detection_kinds.WAYS.items():
        hole = detection_kinds.MASKS[kind](*image.shape[:2], detection_kinds.RATIOS[kind], np.random.default_rng(i))
        for way, damage in ways.items():
            yield kind, way, damage(image, hole), hole
    hole = small_losses(image.shape, np.random.default_rng([11, i]))
    yield "losses", "small ones alone, pale", detection_kinds.bare(image, hole), hole
    yield "losses", "as in training", *worn(image, patches.losses, np.random.default_rng([7, 2, i]))
    yield "dust", "faint specks of 2 to 8 px", *specks(image, np.random.default_rng([5, i]))
    yield "dust", "as in training", *worn(image, patches.dust, np.random.default_rng([7, 0, i]))


def small_losses(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return ragged spots of fewer than 120 pixels."""
    hole = np.zeros(shape[:2], np.bool_)
    for _ in range(25):
        side = int(rng.integers(8, 14))
        y, x = np.mgrid[:side, :side] - side / 2
        top, left = (int(rng.integers(length - side)) for length in shape[:2])
        ragged = 0.3 * rough((side, side), 8, rng) + 1 - 3.2 * np.hypot(y, x) / side > 0
        hole[top : top + side, left : left + side] |= ragged
    return hole


def specks(image: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a picture with antialiased discs, 30 or 60 levels brighter or darker, and where they are."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    alpha = np.zeros(image.shape[:2])
    for _ in range(60):
        radius, (row, column) = rng.uniform(1, 4), rng.random(2) * image.shape[:2]
        alpha = np.maximum(alpha, np.clip(radius + 0.5 - np.hypot(y - row, x - column), 0, 1))
    changed = image + rng.choice([60, -60, 30, -30]) * alpha[..., None]
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8), alpha >= 0.5


def worn(
    image: NDArray[np.uint8], draw: object, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a picture with damage as training has it."""
    canvas = Canvas.of(image)
    draw(canvas, rng)  # type: ignore[operator]
    return np.rint(np.clip(canvas.picture, 0, 255)).astype(np.uint8), canvas.marks > 0


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--every", type=int, default=1, metavar="N", help="every Nth painting only")
    options.add_argument("--paintings", type=int, metavar="N", help="no more than so many")
    arguments = options.parse_args()
    names = [name for name in tuning_set() if name.startswith("paintings-fine")][:: arguments.every]
    results: dict[tuple[str, str], list[list[float]]] = {}
    for i, name in enumerate(islice(names, arguments.paintings)):
        image = _pictures.middle(_pictures.read(_pictures.shared() / "data" / name))
        for kind, way, damaged, truth in cases(image, i):
            print(name, kind, way, end="        \r", file=sys.stderr)
            detector = KINDS[kind]
            assert detector.learned is not None
            planes = dict(zip(PLACES, network.grades(damaged, PLACES), strict=True))
            learned = detector.learned.marks(planes, threshold_of(kind, detector.usual))
            ruled = detector.rule(damaged, None, None) if detector.rule else np.zeros_like(learned)
            scores = [score(found, truth).f1 for found in (ruled, learned, learned | ruled)]
            results.setdefault((kind, way), []).append(scores)
    rows = [
        [*what, str(len(scores)), *(f"{statistics.fmean(column):.2f}" for column in zip(*scores, strict=True))]
        for what, scores in results.items()
    ]
    print(_tables.table(["kind", "drawn", "paintings", "rules", "network", "joined"], rows, texts=2))


if __name__ == "__main__":
    main()
