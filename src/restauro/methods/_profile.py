"""The profile of damage: what it does to the logarithm of light, by how deep a pixel lies and where along the rim."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from restauro.method import Task
from restauro.methods._rim import Pairs, Rim

_NARROW = 0.55  # of the median distance from the median: how wide a peak of differences is
_ROUGH = 0.01  # natural logarithm, that peaks are wide at least, for rounding
_ROUNDS = 8
_DRIFT = 0.045  # likely size of a profile's steps from layer to layer
_TOLERANCE = 1e-5  # largest residual of the gain's system, in natural logarithms


def profiles(pairs: list[Pairs], rim: Rim, channels: int, excess: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log gains, [n, C], by how deep a pixel lies and where along the rim, from medians of differences.

    Nodes stand along the rim on a grid; each has a profile, drawn to that of the whole rim where it has few pixels.
    excess: by how much medians' squares exceed what their spread tells, [C]; see `excess_of`.
    """
    count, layer = rim.rows.size, rim.layers
    layers = int(layer.max(initial=1))
    pitch = max(24.0, np.sqrt(count) / 3)
    flat = np.zeros((1, layers + 1, channels))
    whole = _fitted(pairs, np.zeros(count, np.intp), 1, layer, flat, excess, 0.15, _DRIFT)
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
            fitted = _fitted(pairs, node.ravel(), len(places), layer, whole, excess, 0.005)
            upper = np.minimum(below + 1, layers)
            value = (1 - part) * fitted[node.ravel(), below] + part * fitted[node.ravel(), upper]
            result += share[:, np.newaxis] * value
    return result


def excess_of(pairs: list[Pairs], layer: NDArray[np.intp], channels: int) -> NDArray[np.float64]:
    """Return by how much medians outside, where nothing is damaged, exceed what their spread tells: squares, [C].

    A picture that grows lighter or darker along all of the rim, or has an edge beside it, isn't noise, and inside it
    can't be told from damage; so as much is not to be trusted there.
    """
    total, count = np.zeros(channels), 0
    for some in pairs:
        modes = _Modes.of(some, layer[some.at], channels)
        total += (modes.value**2 * modes.weight).sum(axis=0)
        count += len(modes.key)
    return np.maximum(total / max(count, 1), 1)


class _Modes(NamedTuple):
    """What pairs of each key differ by most often, [k, C], and the weights that their spread gives it.

    A picture is flat in most places, so what most often lies between two layers is what damage did; edges that run
    along the rim, and areas that grow lighter inwards, are in the minority, but move means and even medians.
    """

    key: NDArray[np.intp]
    value: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, pairs: Pairs, key: NDArray[np.intp], channels: int) -> _Modes:
        """Begin with the median; then pairs count the less, the further they are from it: a Cauchy weight, squared."""
        keys, number, counts = np.unique(key, return_inverse=True, return_counts=True)
        starts = np.cumsum(counts) - counts
        value, weight = np.zeros((2, len(keys), channels))
        for channel in range(channels if keys.size else 0):
            difference = pairs.difference[:, channel]
            ordered = difference[np.lexsort((difference, number))]
            mode = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
            away = np.abs(difference - mode[number])
            width = _NARROW * away[np.lexsort((away, number))][starts + counts // 2] + _ROUGH
            for _ in range(_ROUNDS):
                near = 1 / (1 + ((difference - mode[number]) / width[number]) ** 2) ** 2
                mode = np.bincount(number, near * difference) / np.bincount(number, near)
            value[:, channel] = mode
            spread = (ordered[starts + 3 * counts // 4] - ordered[starts + counts // 4]) / 1.35 + 2 * _ROUGH
            weight[:, channel] = np.maximum(counts / (pairs.step + 2), 0.2) / (1.6 * spread**2)
        return cls(keys, value, weight)


def _fitted(
    pairs: list[Pairs],
    node: NDArray[np.intp],
    nodes: int,
    layer: NDArray[np.intp],
    prior: NDArray[np.float64],
    excess: NDArray[np.float64],
    freedom: float,
    drift: float = 0,
) -> NDArray[np.float64]:
    """Return profiles [nodes, layers + 1, C], 0 in layer 0, that agree with the medians of differences.

    freedom: by how much a profile's steps may differ from the prior's at the rim; less and less inwards. drift: where
    it isn't 0 few large steps are likelier than many small ones, which are the picture's own.
    """
    layers, channels = prior.shape[1] - 1, prior.shape[2]
    k = np.arange(1, layers + 1)
    precision_of_prior = 1 / (freedom / (1 + (k / 16) ** 2) + freedom / 80) ** 2
    A = np.zeros((nodes, channels, layers + 1, layers + 1))
    b = np.zeros((nodes, channels, layers + 1))
    change = np.diff(np.broadcast_to(prior, (nodes, *prior.shape[1:])), axis=1).transpose(0, 2, 1)
    _add(A, b, np.s_[:, :], k, k - 1, precision_of_prior, change)
    for some in pairs:
        modes = _Modes.of(some, node[some.at] * (layers + 1) + layer[some.at], channels)
        of_node, at = np.divmod(modes.key, layers + 1)
        outer = np.maximum(at - some.step, 0)
        for channel in range(channels):
            weight, value = modes.weight[:, channel] / excess[channel], modes.value[:, channel]
            _add_at(A, (of_node, channel, at, at), weight)
            _add_at(A, (of_node, channel, outer, outer), weight)
            _add_at(A, (of_node, channel, at, outer), -weight)
            _add_at(A, (of_node, channel, outer, at), -weight)
            _add_at(b, (of_node, channel, at), weight * value)
            _add_at(b, (of_node, channel, outer), -weight * value)
    profile = np.zeros((nodes, channels, layers + 1))
    for more in range(6 if drift else 1):
        if more:  # the sum of the steps' magnitudes, by weights of their squares
            steps = np.diff(profile, axis=2)
            size = np.sqrt((steps**2).mean(axis=1, keepdims=True) + 0.003**2)
            weights = np.broadcast_to((1 + (k / 24) ** 2) / (drift * size), steps.shape)
            sparse = A.copy()
            _add(sparse, b.copy(), np.s_[:, :], k, k - 1, weights, 0)
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


def smoothed(
    profile: NDArray[np.float64], rim: Rim, domain: NDArray[np.bool_], hole: NDArray[np.bool_], task: Task
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
