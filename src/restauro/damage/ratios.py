"""How much is to be hole: what each kind of damage can cover, the bins of hole ratio, and when a ratio is met."""

from __future__ import annotations

import numpy as np

from restauro.errors import ParameterError

# Hole ratios by which Liu et al. 2018 train and report: above the first, up to the second.
RATIO_BINS = ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))

# The share of a picture that each kind can cover: beyond, there is no net of cracks and no text any more, or drawing
# would go on for ever.
MOST = {"strokes": 0.97, "cracks": 0.5, "scratches": 0.5, "losses": 0.9, "blobs": 0.9, "text": 0.5}

ENOUGH, TOO_MUCH = 0.97, 1.03  # of the hole that is asked for


def check(ratio: float, what: str, most: float | None = None) -> None:
    """Raise ParameterError unless a hole ratio is above 0 and at most what a kind of damage can cover.

    >>> check(0.95, "cracks")
    Traceback (most recent call last):
    ...
    restauro.errors.ParameterError: The hole ratio 0.95 is out of range: of cracks it is above 0, at most 0.5.
    """
    most = MOST[what] if most is None else most
    if not 0 < ratio <= most:
        raise ParameterError(f"The hole ratio {ratio:g} is out of range: of {what} it is above 0, at most {most:.3g}.")


def pixels(ratio: float, size: int) -> int:
    """Return how many of `size` pixels are to be hole, at least 1.

    >>> pixels(0.1, 512)
    51
    """
    return max(1, round(ratio * size))


def ratio_in(ratios: tuple[float, float], rng: np.random.Generator) -> float:
    """Return a ratio between two, so that masks which meet it within `ENOUGH` and `TOO_MUCH` lie between them too.

    >>> 0.1 < ratio_in(RATIO_BINS[1], np.random.default_rng(7)) < 0.2
    True
    """
    return float(rng.uniform(ratios[0] / ENOUGH, ratios[1] / TOO_MUCH))
