"""Tone: what a stain, fading or tape has done to the paint beneath is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method, Task
from restauro.methods._light import Light
from restauro.methods._precision import precision
from restauro.methods._profile import excess_of, profiles, smoothed
from restauro.methods._rim import AROUND, Pairs, Rim, pairs_of
from restauro.methods._veil import deep_veil_of, veil_of
from restauro.methods.harmonic import membrane
from restauro.parameters import Parameter

_STEPS = (1, 3)  # pixels along the normal over which levels are compared
_DARKEST = 1 / 2048  # of full scale, added to light before its logarithm is taken
_MOST_OF_WEIGHT = 3  # the largest gain that a weight allows, as a power of the one that it names

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Tone(Method):
    """Correct the tone: one gain a channel, smooth but at the damage's own edges, and an offset where there is a veil.

    The method is this package's own. Logarithms of light are compared across the rim and from layer to layer inwards,
    by medians along the rim, which texture and edges of the picture don't move; see docs/methods/tone.md. The picture's
    detail under the damage is kept. Integers are taken to be coded as sRGB, floats to be linear light.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> panel = np.random.default_rng(1).uniform(0.4, 0.6, (60, 60))
    >>> stain = np.zeros((60, 60), bool)
    >>> stain[20:40, 20:40] = True
    >>> restored = restauro.inpaint(np.where(stain, 0.5 * panel, panel), stain, "tone")
    >>> bool(np.abs(restored - panel).max() < 0.05)
    True
    """

    name: ClassVar[str] = "tone"
    title: ClassVar[str] = "Tone correction"
    reference: ClassVar[str] = (
        "This package's own: a gain from medians of log light along the rim, and Poisson's equation"
    )
    summary: ClassVar[str] = (
        "Good for stains, foxing, fading and tape through which paint shows: takes them back, keeps detail, invents "
        "none."
    )
    nature: ClassVar[str] = "corrects"
    whole_hole: ClassVar[bool] = True

    largest: Annotated[
        float, Parameter("largest gain, either way; what would need more is filled", minimum=1, maximum=100)
    ] = 20

    def reach(self, depth: float) -> int:
        """Read some pixels around the rim; the hole itself isn't cut."""
        return AROUND + 1

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> Floats:
        """See `Method.fill`: profiles of the damage from its rim, a smooth gain from these, lost pixels filled."""
        light = Light.of(image, hole)
        damaged = light.of_stored(image)
        log_gain, offset, lost = _found(damaged, hole, task, float(np.log(self.largest)))
        if task.stopped:
            return np.empty((0, image.shape[2]))
        domain = task.wanted  # what of the hole is others' isn't damaged in this way, whatever it is
        values = image.astype(np.float64)
        values[domain] = light.to_stored((damaged[domain] - offset + _DARKEST) * np.exp(-log_gain) - _DARKEST)
        task.interpolated = int(np.count_nonzero(lost))
        if lost.any():
            others = hole & ~domain
            grounded = task.of(task.core, lost, lost | others)  # the rest of the domain is known by now
            values[lost] = grounded.wanted_of(membrane(values, grounded, 0))
        task.control[1] += int(np.count_nonzero(domain))
        return values[domain].astype(precision(image))


def _found(
    damaged: NDArray[np.float64], hole: NDArray[np.bool_], task: Task, largest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the logarithm of the gain and the offset, [n, C] of the domain's pixels, and which of them are lost."""
    domain = task.wanted
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(damaged).all(axis=2))
    rim = Rim.of(domain, ~hole & finite)
    level = np.log(np.maximum(np.where(finite[..., np.newaxis], damaged, 0), 0) + _DARKEST)
    readable = (~hole | domain) & finite
    excess = np.ones(level.shape[2])
    around = Rim.outside(domain, ~hole & finite)
    if task.weights is None:
        excess = excess_of(pairs_of(level, readable, around, _STEPS, within=True), around.layers, level.shape[2])

    def gains() -> NDArray[np.float64]:
        if task.weights is not None:
            return _by_weights(pairs_of(level, readable, rim, (1, 3, 9)), rim, task.weights)
        return profiles(pairs_of(level, readable, rim, _STEPS), rim, level.shape[2], excess)

    first = gains()
    strength = np.abs(first).mean(axis=1, keepdims=True)
    offset = veil_of(damaged, level, hole, readable, rim) * np.minimum(strength / _most(strength), 1)
    offset = np.maximum(offset, deep_veil_of(damaged, level, readable, rim, around, strength))
    if offset.any():
        offset = np.minimum(offset, np.maximum(damaged[domain], 0))
        level[domain] = np.log(np.maximum(damaged[domain] - offset, 0) + _DARKEST)
        first = gains()
    log_gain = smoothed(first, rim, domain, hole, task) if task.weights is None else first
    lost = np.zeros(domain.shape, np.bool_)
    lost[domain] = ~finite[domain] | (np.abs(log_gain) > largest).any(axis=1)
    return np.clip(log_gain, -largest, largest), offset, lost


def _most(strength: NDArray[np.float64]) -> float:
    return max(float(np.quantile(strength, 0.9)), 1e-6)


def _by_weights(pairs: list[Pairs], rim: Rim, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return log gains, [n, C], in proportion to the logarithm of what the weights let pass: a factor a channel.

    It is the median of the quotients of differences, each with the weight of its denominator: what makes the sum of
    all deviations least.
    """
    passing = np.log1p(-np.minimum(weights.astype(np.float64), 0.99))
    change = [passing[rim.rows[some.at], rim.columns[some.at]] - passing[some.rows, some.columns] for some in pairs]
    denominator = np.concatenate(change)
    difference = np.concatenate([some.difference for some in pairs])
    use = np.abs(denominator) > 1e-3
    denominator, difference = denominator[use, np.newaxis], difference[use]
    factors = np.zeros(difference.shape[1])
    for channel in range(len(factors) if len(denominator) else 0):
        quotient = difference[:, channel] / denominator[:, 0]
        order = np.argsort(quotient, kind="stable")
        share = np.cumsum(np.abs(denominator[order, 0]))
        factors[channel] = quotient[order[np.searchsorted(share, share[-1] / 2)]]
    gains: NDArray[np.float64] = passing[rim.rows, rim.columns, np.newaxis] * np.clip(
        factors, -_MOST_OF_WEIGHT, _MOST_OF_WEIGHT
    )
    return gains
