"""The order in which methods fill from the rim inwards: layers of arrival times; and loading of what is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from restauro.numerics.kernel import inner, kernel

LAYER_SHIFT = 9  # layers are half a pixel of arrival time thick


@kernel("i4[:, ::1], i4[::1], i8, i8[::1], f8[::1], i4[::1], i4[::1]")
def order_by_layer(T: Any, holes: Any, pad: int, core: Any, reaches: Any, ordered: Any, slots: Any) -> Any:
    """Sort hole pixels by layer, within a layer row by row, and leave out those that the core can't depend on.

    Parameters
    ----------
    core
        int64 [4], rows and columns of the window from, to.
    reaches
        float64 [3], pixels: how far a value that goes inwards comes from for each layer it passes; the same for one
        that goes outwards again, from as many layers as the window has; and what is read around all of that. Where
        nothing goes outwards (0), layers later than the core's last don't matter.
    slots
        The place of every ordered pixel among those of the core row by row is written here, -1 for pixels outside.

    Returns the first place of every layer in `ordered`, int64 [layers + 1].
    """
    flat = T.reshape(-1)
    stride = T.shape[1]
    off_core = np.empty(holes.shape[0], np.int32)
    y = 0
    layers = 0
    for k in range(holes.shape[0]):
        i = holes[k]
        if k == 0 or i >= (y + 1) * stride:
            y = i // stride
        off_core[k] = _off_core(y - pad, i - y * stride - pad, core)
        if off_core[k] == 0 or reaches[1] > 0:
            layers = max(layers, (flat[i] >> LAYER_SHIFT) + 1)
    around = reaches[1] * layers + reaches[2]
    first = np.zeros(layers + 1, np.int64)
    for k in range(holes.shape[0]):
        layer = flat[holes[k]] >> LAYER_SHIFT
        if layer < layers and off_core[k] <= reaches[0] * (layers - 1 - layer) + around:
            first[layer + 1] += 1
    for layer in range(layers):
        first[layer + 1] += first[layer]
    place = first[:layers].copy()
    n = 0
    for k in range(holes.shape[0]):
        layer = flat[holes[k]] >> LAYER_SHIFT
        if layer < layers and off_core[k] <= reaches[0] * (layers - 1 - layer) + around:
            ordered[place[layer]] = holes[k]
            slots[place[layer]] = n if off_core[k] == 0 else -1
            place[layer] += 1
        if off_core[k] == 0:
            n += 1
    return first


@inner
def _off_core(y: int, x: int, core: Any) -> Any:
    """Chebyshev distance of a pixel from the core, 0 inside."""
    return max(max(core[0] - y, y - core[1] + 1), max(max(core[2] - x, x - core[3] + 1), 0))


@kernel("T[:, :, :], i8, i8, i4[::1], f4[:, :]", "D[:, :, :], i8, i8, i4[::1], f8[:, :]", T="u1 u2", D="f4 f8")
def load(image: Any, pad: int, stride: int, visited: Any, planes: Any) -> None:
    """Copy known pixels near the holes into planes [C or more, pixels], where T's flat indices hold."""
    for k in range(visited.shape[0]):
        i = visited[k]
        y = i // stride - pad
        x = i % stride - pad
        for c in range(image.shape[2]):
            planes[c, i] = image[y, x, c]


@inner
def earliest_neighbour(flat: Any, i: int, stride: int) -> int:
    """Return the neighbour that the front came from. Its time is at least 0.7 pixels earlier, so it is known."""
    earliest = i - 1
    for j in (i + 1, i - stride, i + stride):
        if flat[j] < flat[earliest]:
            earliest = j
    return earliest
