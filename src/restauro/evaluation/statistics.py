"""How sure a mean over pictures is, and a difference between two: bootstrap intervals of 95 %."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_RESAMPLES = 5000
_AT_ONCE = 2_000_000  # numbers drawn at a time
FEW = 10  # pictures below which intervals of a bootstrap are too narrow to be trusted


@dataclass(frozen=True)
class Estimate:
    """A mean, and the interval that holds it in 95 of 100 draws of pictures; NaN where it can't be said."""

    mean: float
    low: float
    high: float
    count: int

    @property
    def is_other_than_zero(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    def root(self) -> Estimate:
        """Return the square root, of a mean of squares."""
        mean, low, high = (float(np.sqrt(value)) for value in (self.mean, self.low, self.high))
        return Estimate(mean, low, high, self.count)

    def text(self, digits: int, *, sign: bool = False) -> str:
        """Write mean and interval.

        >>> Estimate(0.5, 0.25, 0.75, 60).text(2, sign=True)
        '+0.50 (+0.25 to +0.75)'
        """
        form = f"{'+' if sign else ''}.{digits}f"
        if np.isnan(self.mean):
            return "-"
        if np.isnan(self.low):
            return f"{self.mean:{form}}"
        return f"{self.mean:{form}} ({self.low:{form}} to {self.high:{form}})"


def mean(values: ArrayLike, weights: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Return the mean over pictures with its 95 % interval, by the percentiles of resampled means.

    Parameters
    ----------
    values
        [N], one number a picture.
    weights
        [N], above 0: what each counts for. With the number of hole pixels, a mean of means over each picture's holes
        becomes the mean over all hole pixels; pictures are drawn with their weights.
    seed
        Of the resampling; the same numbers give the same interval.

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979.

    Examples
    --------
    >>> mean([1.0, 2.0, 3.0]).mean, mean([1.0, 3.0], weights=[3, 1]).mean, mean([5.0]).count
    (2.0, 1.5, 1)
    """
    numbers = np.asarray(values, np.float64)
    counts = np.ones_like(numbers) if weights is None else np.asarray(weights, np.float64)
    if not numbers.size:
        return Estimate(np.nan, np.nan, np.nan, 0)
    if numbers.size == 1:
        return Estimate(float(numbers[0]), np.nan, np.nan, 1)
    low, high = np.percentile(_resampled_means(numbers * counts, counts, seed), (2.5, 97.5))
    return Estimate(float((numbers * counts).sum() / counts.sum()), float(low), float(high), numbers.size)


def difference(values: ArrayLike, others: ArrayLike, seed: int = 0) -> Estimate:
    """Return the mean of `values` - `others`, both [N] of the same pictures, with its 95 % interval.

    It is a paired bootstrap: pictures are drawn with both their numbers, so that what is hard about a picture for both
    doesn't widen the interval. One is better than the other only where the interval leaves out 0.

    >>> found = difference([1.5, 2.5, 9.5], [1.0, 2.0, 9.0])
    >>> found.mean, found.low, found.high, found.is_other_than_zero
    (0.5, 0.5, 0.5, True)
    """
    return mean(np.subtract(values, others), seed=seed)


def _resampled_means(numbers: NDArray[np.float64], counts: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    at_once = max(1, _AT_ONCE // numbers.size)
    parts = []
    for first in range(0, _RESAMPLES, at_once):
        drawn = rng.integers(numbers.size, size=(min(at_once, _RESAMPLES - first), numbers.size))
        parts.append(numbers[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(parts)
