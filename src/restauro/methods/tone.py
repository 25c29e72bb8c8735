"""Tone: what a stain, fading or tape has done to the paint beneath is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method, Task
from restauro.methods._light import Light
from restauro.methods._precision import precision
from restauro.methods.harmonic import membrane
from restauro.parameters import Parameter

_DEEPEST = 96  # pixels from the rim up to which a stain's profile is looked for; it is flat beyond
_AROUND = 24  # pixels outside of the rim that are read
_STEPS = (1, 3)  # pixels along the normal over which levels are compared
_DARKEST = 1 / 2048  # of full scale, added to light before its logarithm is taken
_DRIFT = 0.06  # likely size of a profile's steps from layer to layer
_MOST_OF_WEIGHT = 3  # the largest gain that a weight allows, as a power of the one that it names
_FLATTER = 0.8  # texture that has less than this of its contrast outside lies beneath a veil
_TOLERANCE = 1e-5  # largest residual of the gain's system, in natural logarithms

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
        return _AROUND + 1

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


class _Rim(NamedTuple):
    """Where the pixels of a domain lie from its rim: [n] in row-major order.

    rows, columns; depth: pixels to the nearest known one; foot: that one's row and column, [2, n]. Where none is within
    `_DEEPEST`, depth is that and the foot the pixel itself.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    depth: NDArray[np.float64]
    foot: NDArray[np.intp]

    @classmethod
    def of(cls, domain: NDArray[np.bool_], known: NDArray[np.bool_]) -> _Rim:
        """Exact distances: along columns by running maxima, then along rows by looking at each column in turn."""
        height, width = known.shape
        rows, columns = np.nonzero(domain)
        y = np.arange(height)[:, np.newaxis]
        far = 4 * _DEEPEST
        above = np.maximum.accumulate(np.where(known, y, -far), axis=0)
        below = np.minimum.accumulate(np.where(known, y, height + far)[::-1], axis=0)[::-1]
        nearest = np.where(y - above <= below - y, above, below)  # row of the nearest known pixel in the column
        best = np.full(rows.size, float(_DEEPEST**2))
        foot = np.stack([rows, columns])
        for distance in range(_DEEPEST):
            if distance * distance >= best.max(initial=0):
                break
            for column in (-distance, distance):
                x = columns + column
                inside = (x >= 0) & (x < width)
                to = nearest[rows, np.clip(x, 0, width - 1)]
                squared = (to - rows) ** 2 + distance**2
                better: NDArray[np.bool_] = inside & (squared < best)
                best[better] = squared[better]
                foot[0, better], foot[1, better] = to[better], x[better]
        return cls(rows, columns, np.sqrt(best), foot)

    def towards(self, step: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the pixels so many pixels along the way to the foot, and beyond it; they may lie outside."""
        share = step / np.maximum(self.depth, 1)
        down, across = self.foot[0] - self.rows, self.foot[1] - self.columns
        return np.rint(self.rows + share * down).astype(np.intp), np.rint(self.columns + share * across).astype(np.intp)


def _found(
    damaged: NDArray[np.float64], hole: NDArray[np.bool_], task: Task, largest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the logarithm of the gain and the offset, [n, C] of the domain's pixels, and which of them are lost."""
    domain = task.wanted
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(damaged).all(axis=2))
    rim = _Rim.of(domain, ~hole & finite)
    level = np.log(np.maximum(np.where(finite[..., np.newaxis], damaged, 0), 0) + _DARKEST)
    readable = (~hole | domain) & finite
    shape = _Shape.of(rim)

    def gains() -> NDArray[np.float64]:
        if task.weights is not None:
            return _by_weights(_pairs(level, hole, readable, rim, (1, 3, 9)), rim, task.weights)
        return _profiles(_pairs(level, hole, readable, rim, _STEPS), rim, shape, level.shape[2])

    first = gains()
    veil = _veil(damaged, level, hole, readable, rim)
    offset = np.zeros_like(first)
    if veil.any():
        strength = np.abs(first).mean(axis=1, keepdims=True)
        strength /= max(float(np.quantile(strength, 0.9)), 1e-6)
        offset = np.minimum(veil * np.minimum(strength, 1), np.maximum(damaged[domain], 0))
        level[domain] = np.log(np.maximum(damaged[domain] - offset, 0) + _DARKEST)
        first = gains()
    log_gain = _smooth(first, rim, domain, hole, task) if task.weights is None else first
    lost = np.zeros(domain.shape, np.bool_)
    lost[domain] = ~finite[domain] | (np.abs(log_gain) > largest).any(axis=1)
    return np.clip(log_gain, -largest, largest), offset, lost


class _Shape(NamedTuple):
    """What the damage's profile is a function of: a layer for each pixel of the domain.

    layer: 1 to `layers`, from the rim inwards.
    """

    layer: NDArray[np.intp]
    layers: int

    @classmethod
    def of(cls, rim: _Rim) -> _Shape:
        layer = np.maximum(np.rint(rim.depth).astype(np.intp), 1)
        return cls(layer, int(layer.max(initial=1)))


class _Pairs(NamedTuple):
    """Pixels of the domain, by number, and pixels some way nearer to the rim or beyond it; how much levels differ."""

    step: int
    at: NDArray[np.intp]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    difference: NDArray[np.float64]


def _pairs(
    level: NDArray[np.float64], hole: NDArray[np.bool_], readable: NDArray[np.bool_], rim: _Rim, steps: tuple[int, ...]
) -> list[_Pairs]:
    height, width = hole.shape
    pairs = []
    for step in steps:
        y, x = rim.towards(step)
        inside: NDArray[np.bool_] = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
        is_out = rim.depth - step < 0.5
        usable = inside & readable[y, x] & readable[rim.rows, rim.columns] & (hole[y, x] != is_out)
        usable &= (rim.depth < _DEEPEST) & (step - rim.depth < _AROUND)
        at = np.flatnonzero(usable)
        difference = level[rim.rows[at], rim.columns[at]] - level[y[at], x[at]]
        pairs.append(_Pairs(step, at, y[at], x[at], difference))
    return pairs


def _by_weights(pairs: list[_Pairs], rim: _Rim, weights: NDArray[np.float32]) -> NDArray[np.float64]:
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


def _profiles(pairs: list[_Pairs], rim: _Rim, shape: _Shape, channels: int) -> NDArray[np.float64]:
    """Return log gains, [n, C], by how deep a pixel lies and where along the rim, from medians of differences.

    Nodes stand along the rim on a grid; each has a profile, drawn to that of the whole rim where it has few pixels.
    """
    count, layers = rim.rows.size, shape.layers
    pitch = max(24.0, np.sqrt(count) / 3)
    whole = _fitted(pairs, np.zeros(count, np.intp), 1, shape, np.zeros((1, layers + 1, channels)), 0.15, _DRIFT)
    result = np.zeros((count, channels))
    depth = np.minimum(rim.depth, layers)
    below = depth.astype(np.intp)
    part = (depth - below)[:, np.newaxis]
    node_y, node_x = rim.foot[0] / pitch, rim.foot[1] / pitch
    first_y, first_x = node_y.astype(np.intp), node_x.astype(np.intp)
    across = int(first_x.max(initial=0)) + 2
    for dy in (0, 1):
        for dx in (0, 1):
            places, node = np.unique((first_y + dy) * across + first_x + dx, return_inverse=True)
            share = (1 - np.abs(node_y - first_y - dy)) * (1 - np.abs(node_x - first_x - dx))
            profiles = _fitted(pairs, node.ravel(), len(places), shape, whole, 0.005)
            upper = np.minimum(below + 1, layers)
            value = (1 - part) * profiles[node.ravel(), below] + part * profiles[node.ravel(), upper]
            result += share[:, np.newaxis] * value
    return result


def _fitted(
    pairs: list[_Pairs],
    node: NDArray[np.intp],
    nodes: int,
    shape: _Shape,
    prior: NDArray[np.float64],
    freedom: float,
    drift: float = 0,
) -> NDArray[np.float64]:
    """Return profiles [nodes, layers + 1, C], 0 in layer 0, that agree with the medians of differences.

    freedom: by how much a profile's steps may differ from the prior's at the rim; less and less inwards. drift: where
    it isn't 0 few large steps are likelier than many small ones, which are the picture's own.
    """
    layers, channels = shape.layers, prior.shape[2]
    k = np.arange(1, layers + 1)
    precision_of_prior = 1 / (freedom / (1 + (k / 16) ** 2) + freedom / 80) ** 2
    A = np.zeros((nodes, channels, layers + 1, layers + 1))
    b = np.zeros((nodes, channels, layers + 1))
    change = np.diff(np.broadcast_to(prior, (nodes, *prior.shape[1:])), axis=1).transpose(0, 2, 1)
    _add(A, b, np.s_[:, :], k, k - 1, precision_of_prior, change)
    for step, at, _, _, difference in pairs:
        key = node[at] * (layers + 1) + shape.layer[at]
        keys, starts, counts = np.unique(np.sort(key), return_index=True, return_counts=True)
        if not keys.size:
            continue
        of_node, layer = np.divmod(keys, layers + 1)
        for channel in range(channels):
            ordered = difference[np.lexsort((difference[:, channel], key)), channel]
            median = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
            spread = (ordered[starts + 3 * counts // 4] - ordered[starts + counts // 4]) / 1.35 + 0.02
            weight = np.maximum(counts / (step + 2), 0.2) / (1.6 * spread**2)
            outer = np.maximum(layer - step, 0)
            _add_at(A, (of_node, channel, layer, layer), weight)
            _add_at(A, (of_node, channel, outer, outer), weight)
            _add_at(A, (of_node, channel, layer, outer), -weight)
            _add_at(A, (of_node, channel, outer, layer), -weight)
            _add_at(b, (of_node, channel, layer), weight * median)
            _add_at(b, (of_node, channel, outer), -weight * median)
    profile = np.zeros((nodes, channels, layers + 1))
    for more in range(6 if drift else 1):
        if more:  # the sum of the steps' magnitudes, by weights of their squares
            steps = np.diff(profile, axis=2)
            size = np.sqrt((steps**2).mean(axis=1, keepdims=True) + 0.003**2)
            weight = np.broadcast_to((1 + (k / 24) ** 2) / (drift * size), steps.shape)
            sparse = A.copy()
            _add(sparse, b.copy(), np.s_[:, :], k, k - 1, weight, 0)
        system = sparse if more else A
        profile[:, :, 1:] = np.linalg.solve(system[:, :, 1:, 1:], b[:, :, 1:, np.newaxis])[..., 0]
    by_layer: NDArray[np.float64] = profile.transpose(0, 2, 1)
    return by_layer


def _add_at(array: NDArray[np.float64], places: Any, values: NDArray[np.float64]) -> None:
    """Add values, those for one place one after the other."""
    np.add.at(array, places, values)


def _add(A: Any, b: Any, which: Any, layer: Any, outer: Any, weight: Any, change: Any) -> None:
    """Add a term weight (P[layer] - P[outer] - change)^2 for each layer."""
    A[(*which, layer, layer)] += weight
    A[(*which, outer, outer)] += weight
    A[(*which, layer, outer)] -= weight
    A[(*which, outer, layer)] -= weight
    b[(*which, layer)] += weight * change
    b[(*which, outer)] -= weight * change


def _veil(
    damaged: NDArray[np.float64],
    level: NDArray[np.float64],
    hole: NDArray[np.bool_],
    readable: NDArray[np.bool_],
    rim: _Rim,
) -> NDArray[np.float64]:
    """Return the offset of each channel, [C], by how much flatter texture is inside than across the rim from there."""
    height, width = hole.shape
    channels = level.shape[2]
    down, across = np.abs(rim.foot[0] - rim.rows), np.abs(rim.foot[1] - rim.columns)
    dy, dx = (down < across).astype(np.intp), (down >= across).astype(np.intp)  # along the rim, more or less
    y, x = rim.towards(0)
    mirrored_y, mirrored_x = 2 * rim.foot[0] - rim.rows, 2 * rim.foot[1] - rim.columns
    use = (rim.depth >= 3) & (rim.depth < _AROUND - 1)
    for some_y, some_x, is_hole in ((y, x, True), (mirrored_y, mirrored_x, False)):
        use &= (some_y >= 0) & (some_x >= 0) & (some_y + dy < height) & (some_x + dx < width)
        at_y, at_x = np.where(use, some_y, 0), np.where(use, some_x, 0)
        for add in (0, 1):
            there = at_y + add * dy * use, at_x + add * dx * use
            use &= readable[there] & (hole[there] == is_hole)
    at = np.flatnonzero(use)
    if at.size < 200:
        return np.zeros(channels)
    y, x, dy, dx = y[at], x[at], dy[at], dx[at]
    mirrored_y, mirrored_x = mirrored_y[at], mirrored_x[at]
    inner = np.abs(level[y + dy, x + dx] - level[y, x])
    outer = np.abs(level[mirrored_y + dy, mirrored_x + dx] - level[mirrored_y, mirrored_x])
    ratio = np.exp(np.median(np.log(inner + 0.004) - np.log(outer + 0.004), axis=0))
    inside = np.maximum(damaged[y, x], 0)
    veil = np.where(ratio < _FLATTER, (1 - ratio) * np.median(inside, axis=0), 0)
    offset: NDArray[np.float64] = np.minimum(veil, np.quantile(inside, 0.02, axis=0))
    return offset


def _smooth(
    profile: NDArray[np.float64], rim: _Rim, domain: NDArray[np.bool_], hole: NDArray[np.bool_], task: Task
) -> NDArray[np.float64]:
    """Return the gain, [n, C], whose gradients are the profile's where that is one function; 0 beyond the rim."""
    from restauro.numerics.multigrid import Multigrid
    from restauro.numerics.sparse_grid import SparseGrid

    height, width = domain.shape
    count, channels = profile.shape
    grid = SparseGrid.of(domain)
    at = grid.kept_at(rim.rows, rim.columns)
    number = np.full((height + 1, width + 1), -1)  # of each pixel in the domain; -1 of others, row and column -1 too
    number[rim.rows, rim.columns] = np.arange(count)
    links = np.zeros((5, grid.size))
    trust = 0.05 / (1 + (rim.depth / 8) ** 2) ** 2 + 1e-6
    diagonal = trust.copy()
    right = trust[:, np.newaxis] * profile
    for dy, dx, link in ((0, 1, 1), (1, 0, 2), (0, -1, 0), (-1, 0, 0)):
        y, x = rim.rows + dy, rim.columns + dx
        inside = (y >= 0) & (x >= 0) & (y < height) & (x < width)
        other = np.where(inside, number[y, x], -1)
        within = other >= 0
        known = inside & ~within & ~hole[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
        apart = np.hypot(*(rim.foot - rim.foot[:, other])) > 6 + rim.depth / 2
        difference = np.where(within[:, np.newaxis], profile - profile[other], profile)
        difference[within & apart] = 0
        there = within | known
        diagonal += there
        right += there[:, np.newaxis] * difference
        if link:
            links[link, at] = within
    links[0, at] = diagonal
    b, u = np.zeros((2, channels, grid.size))
    b[:, at] = right.T
    u[:, at] = profile.T
    Multigrid(grid).set_links(links.astype(np.float32), task).solve(b, u, task, residual=_TOLERANCE)
    return np.ascontiguousarray(u[:, at].T)
