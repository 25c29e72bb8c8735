"""The weights of the crack detector, fitted on paintings with rendered cracks, and on the same without.

    python benchmarks/tune_cracks.py            # writes src/restauro/damage/crack_weights.py; some 20 minutes

Paintings: those of paintings-fine but each tenth, and each sixth of paintings-train; never paintings-val. On every one
cracks are rendered once for each look, and once more for the second look, denser, wider and of higher contrast: learned
without these it takes the strong cracks of real damage for something else. A sixth of the paintings are turned to grey.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import _pictures
import _tables
from restauro.damage import crack_detection, crack_responses
from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks

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
CRACK, OTHER = 400, 500  # pixels of a painting, and of either polarity, that are learned from
BESIDE = 200  # pixels that are learned from beside cracks
UNITS = (24, 16)
EPOCHS = 15
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
    return [path for i, path in enumerate(fine) if i % 10 != 3] + train[5::6]


def examples(draw: int, tell: Callable[[Field], Field], kind: Kind = COMMON) -> tuple[Field, NDArray[np.bool_]]:
    """Return planes [n, F] and whether they are crack's [n], of pixels drawn from all paintings."""
    rng = np.random.default_rng(draw)
    told, truths = [], []
    for i, path in enumerate(paintings()):
        image = _pictures.middle(_pictures.read(path))
        if i % 6 == 5:
            image = image.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2)
        is_bright = bool(rng.random() < kind.bright)
        hole = cracks(*image.shape[:2], rng.uniform(*kind.ratios), rng, crack_width=rng.uniform(*kind.widths))
        low, high = kind.contrasts
        contrast = low + (high - low) * rng.random() ** kind.skew
        rendered, truth = render_cracks(image, hole, rng, bright=is_bright, contrast=contrast)
        pictures = [(rendered, truth), (image, np.zeros_like(truth))]
        for picture, true in pictures[: 1 + kind.with_undamaged]:
            for bright, planes in enumerate(tell(picture)):
                for pixels, is_crack in _drawn(true, bool(bright) == is_bright, rng):
                    told.append(planes.reshape(len(planes), -1)[:, pixels].T)
                    truths.append(np.full(len(pixels), is_crack))
        print(f"draw {draw}: {i + 1} paintings", end="\r", flush=True)
    return np.concatenate(told), np.concatenate(truths)


def _drawn(
    truth: NDArray[np.bool_], own_polarity: bool, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], bool]]:
    """Yield pixels of cracks, where these planes are to show them, and pixels away from cracks."""
    from restauro.mask import grow_mask

    crack, other = np.flatnonzero(truth), np.flatnonzero(~grow_mask(truth, 2))
    beside = np.flatnonzero(grow_mask(truth, 9) & ~grow_mask(truth, 2))
    if own_polarity and len(crack):
        yield rng.choice(crack, min(CRACK, len(crack)), replace=False), True
        yield rng.choice(beside, min(BESIDE, len(beside)), replace=False), False
    yield rng.choice(other, OTHER, replace=False), False


def fitted(planes: Field, truth: NDArray[np.bool_], units: int) -> Weights:
    """Return a look's weights, for planes as they are."""
    middle, spread = planes.mean(axis=0), planes.std(axis=0) + 1e-6
    model = MLPClassifier(
        (units,), max_iter=EPOCHS, batch_size=1024, learning_rate_init=2e-3, alpha=1e-5, random_state=0
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
    with ThreadPoolExecutor() as pool:
        first = fitted(*examples(1, lambda image: _told(image, pool)), UNITS[0])
        draws = [examples(2 + k, lambda image: _told_again(image, first, pool), kind) for k, kind in enumerate(KINDS)]
    second = fitted(*(np.concatenate(parts) for parts in zip(*draws, strict=True)), UNITS[1])
    TARGET.write_text(f"{HEAD}\nFIRST = {written(first)}SECOND = {written(second)}", encoding="utf-8")


def _told(image: NDArray[np.uint8], pool: ThreadPoolExecutor) -> Field:
    return crack_responses.responses(*crack_responses.planes(image), pool)


def _told_again(image: NDArray[np.uint8], first: Weights, pool: ThreadPoolExecutor) -> Field:
    return crack_detection.second_planes(image, first, pool)


if __name__ == "__main__":
    main()
