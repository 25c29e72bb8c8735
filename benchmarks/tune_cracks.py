"""The weights of the crack detector, fitted on paintings with rendered cracks, and on the same without.

    python benchmarks/tune_cracks.py            # writes src/restauro/damage/crack_weights.py; some 10 minutes

Paintings: those of paintings-fine but each tenth, and each third of paintings-train; never paintings-val. Of every one
a part of 352 square is looked at, for the second look again another; there cracks are rendered, and on each third once
more, denser, wider and of higher contrast: learned without these it takes the strong cracks of real damage for
something else. A sixth of the paintings are turned to grey. Cracks that can't be seen, dark on dark, aren't learned.
"""

from __future__ import annotations

import itertools
import textwrap
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import _pictures
import _tables
from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks
from restauro.detection import crack_detection, crack_responses

Field = NDArray[np.float32]
Weights = tuple[Field, Field, Field, float]


@dataclass(frozen=True)
class Kind:
    """What cracks are drawn: pixels, shares of the area, 255ths of the full scale."""

    widths: tuple[float, float]
    ratios: tuple[float, float]
    contrasts: tuple[float, float]
    skew: float  # above 1: more of the low contrasts
    bright: float  # share of paintings
    with_undamaged: bool  # whether the painting is shown without cracks as well


COMMON = Kind((1, 6), (0.01, 0.04), (15, 60), 1, 1 / 3, with_undamaged=True)
STRONG = Kind((1, 7), (0.01, 0.1), (40, 120), 1.5, 1 / 2, with_undamaged=False)
KINDS = (COMMON, STRONG)
SIDE = 352  # pixels, of the part of a painting
CRACK, OTHER = 250, 300  # pixels of a part, and of either polarity, that are learned from
BESIDE = ((1, 3, 120), (3, 9, 80))  # pixels that are learned from beside cracks, so many this far away
SEEN = 3  # levels of 255 by which a crack must differ
STRONG_EACH, FIRST_EACH = 3, 2  # of the paintings, one in so many has strong cracks; is used for the first look
UNITS = (24, 32)
EPOCHS = (15, 25)  # of the looks
TARGET = _tables.CLONE / "src" / "restauro" / "damage" / "crack_weights.py"
HEAD = '''"""What the crack detector has learned: the weights of its two looks, written by benchmarks/tune_cracks.py.

A look is a layer of rectified units and their weighted sum, which is the log odds that a pixel is crack. Of every
unit: what each plane counts for, its threshold, and what the unit counts for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Weights = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], float]


def _look(units: int, last: float, text: str) -> Weights:
    numbers = np.array(text.split(), np.float32).reshape(units, -1)
    return np.ascontiguousarray(numbers[:, :-2]), numbers[:, -2].copy(), numbers[:, -1].copy(), last

'''


def paintings() -> list[Path]:
    """Return the paintings to learn from."""
    fine = sorted((_pictures.shared() / "data" / "paintings-fine").glob("*.jpg"))
    train = sorted((_pictures.shared() / "data" / "paintings-train").glob("*.jpg"))
    return [path for i, path in enumerate(fine) if i % 10 != 3] + [train[i] for i in range(1, len(train), 3)]


def examples(first: Weights | None) -> tuple[Field, NDArray[np.bool_]]:
    """Return planes [n, F] and whether they are crack's [n], of pixels of all paintings; of a look, by its weights."""
    places = list(enumerate(paintings()))
    if first is None:
        places = places[::FIRST_EACH]
    told, truths = [], []
    with ProcessPoolExecutor() as processes:
        for i, (planes, truth) in enumerate(processes.map(of_painting, places, itertools.repeat(first))):
            told.append(planes)
            truths.append(truth)
            print(f"{'first' if first is None else 'second'} look: {i + 1} of {len(places)}", end="\r", flush=True)
    return np.concatenate(told), np.concatenate(truths)


def of_painting(place: tuple[int, Path], first: Weights | None) -> tuple[Field, NDArray[np.bool_]]:
    """Return what `examples` does, of one painting."""
    i, path = place
    told, truths = [], []
    kinds = KINDS if first is not None and i % STRONG_EACH == 0 else KINDS[:1]
    with ThreadPoolExecutor(1) as pool:
        for k, kind in enumerate(kinds):
            rng = np.random.default_rng([i, k, int(first is not None)])
            is_bright = bool(rng.random() < kind.bright)
            pictures = _pictures_of(path, kind, is_bright, i % 6 == 5, rng)
            for picture, true, ignored in pictures[: 1 + kind.with_undamaged]:
                look = _told(picture, pool) if first is None else crack_detection.second_planes(picture, first, pool)
                for bright, planes in enumerate(look):
                    for pixels, is_crack in _drawn(true, ignored, bool(bright) == is_bright, rng):
                        told.append(planes.reshape(len(planes), -1)[:, pixels].T)
                        truths.append(np.full(len(pixels), is_crack))
    return np.concatenate(told), np.concatenate(truths)


def _pictures_of(
    path: Path, kind: Kind, is_bright: bool, as_grey: bool, rng: np.random.Generator
) -> list[tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return a part of a painting with cracks, where they are, and where they can't be seen; and without cracks."""
    whole = _pictures.read(path)
    top, left = (int(rng.integers(max(1, side - SIDE + 1))) for side in whole.shape[:2])
    image = whole[top : top + SIDE, left : left + SIDE].copy()
    hole = cracks(*image.shape[:2], rng.uniform(*kind.ratios), rng, crack_width=rng.uniform(*kind.widths))
    low, high = kind.contrasts
    contrast = low + (high - low) * rng.random() ** kind.skew
    rendered, truth = render_cracks(image, hole, rng, bright=is_bright, contrast=contrast)
    if as_grey:
        image, rendered = (one.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, 2) for one in (image, rendered))
    unseen = np.abs(rendered.astype(np.float32) - image).mean(axis=2) < SEEN
    none = np.zeros_like(truth)
    return [(rendered, truth, truth & unseen), (image, none, none)]


def _drawn(
    truth: NDArray[np.bool_], ignored: NDArray[np.bool_], own_polarity: bool, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], bool]]:
    """Yield pixels of cracks, where these planes are to show them, and pixels beside and away from cracks."""
    from restauro.mask import grow_mask

    if own_polarity and truth.any():
        yield _some(truth & ~ignored, CRACK, rng), True
        for nearest, farthest, count in BESIDE:
            yield _some(grow_mask(truth, farthest) & ~grow_mask(truth, nearest), count, rng), False
    yield _some(~grow_mask(truth, 3), OTHER, rng), False


def _some(mask: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    pixels = np.flatnonzero(mask)
    return rng.choice(pixels, min(count, len(pixels)), replace=False)


def fitted(planes: Field, truth: NDArray[np.bool_], units: int, epochs: int) -> Weights:
    """Return a look's weights, for planes as they are."""
    middle, spread = planes.mean(axis=0), planes.std(axis=0) + 1e-6
    model = MLPClassifier(
        (units,), max_iter=epochs, batch_size=1024, learning_rate_init=2e-3, alpha=1e-5, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((planes - middle) / spread, truth)
    weights = (model.coefs_[0] / spread[:, None]).T
    thresholds, counts = model.intercepts_[0] - weights @ middle, model.coefs_[1][:, 0]
    return (
        weights.astype(np.float32),
        thresholds.astype(np.float32),
        counts.astype(np.float32),
        float(model.intercepts_[1][0]),
    )


def written(look: Weights) -> str:
    """Return a look as text."""
    numbers = [f"{value:.4g}" for weights, *rest in zip(*look[:3], strict=True) for value in (*weights, *rest)]
    lines = textwrap.indent(textwrap.fill(" ".join(numbers), 116, break_on_hyphens=False), "    ")
    return f'_look(\n    {len(look[1])},\n    {look[3]:.4g},\n    """\n{lines}\n    """,\n)\n'


def main() -> None:
    """Learn both looks, one after the other."""
    first = fitted(*examples(None), UNITS[0], EPOCHS[0])
    second = fitted(*examples(first), UNITS[1], EPOCHS[1])
    TARGET.write_text(f"{HEAD}\nFIRST = {written(first)}SECOND = {written(second)}", encoding="utf-8")


def _told(image: NDArray[np.uint8], pool: ThreadPoolExecutor) -> Field:
    return crack_responses.responses(*crack_responses.planes(image), pool)


if __name__ == "__main__":
    main()
