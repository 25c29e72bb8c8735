"""What methods that fill from the rim inwards begin with: arrival times, known pixels loaded, hole pixels in layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError
from restauro.method import Task


@dataclass(frozen=True)
class Fronts:
    """A window whose fronts have run; all flat indices hold for T and for every plane.

    Attributes
    ----------
    T
        int32 [H + 2 pad, W + 2 pad], arrival times.
    limit
        Known pixels whose time is -limit or less weren't loaded.
    planes
        float [planes, pixels], known pixels near the holes in the first C, anything finite elsewhere.
    known
        Flat indices of the known pixels that were loaded.
    ordered, slots, first
        Hole pixels in layers: see `numerics.layers.order_by_layer`.
    """

    T: NDArray[np.int32]
    limit: int
    planes: NDArray[Any]
    known: NDArray[np.int32]
    ordered: NDArray[np.int32]
    slots: NDArray[np.int32]
    first: NDArray[np.int64]

    def parts(self, workers: int) -> int:
        """Return how many threads pay for the waits at the layers' ends."""
        return min(workers, 1 + self.ordered.size // (_PIXELS_WORTH_A_THREAD * len(self.first)))


# Pixels a layer from which a further thread pays for the wait at the layer's end.
_PIXELS_WORTH_A_THREAD = 32


def run_fronts(
    image: NDArray[Any],
    hole: NDArray[np.bool_],
    task: Task,
    *,
    pad: int,
    limit: float,
    planes: int,
    reaches: tuple[float, float, float],
) -> Fronts | None:
    """Let the fronts run into the holes and, `limit` pixels far, out of them. Returns None where the task was stopped.

    planes: how many there are to be, the image's channels first. reaches: see `numerics.layers.order_by_layer`.
    """
    from restauro.numerics import layers, march

    shape = (hole.shape[0] + 2 * pad, hole.shape[1] + 2 * pad)
    if shape[0] * shape[1] > np.iinfo(np.int32).max:
        raise ImageError(
            f"Holes deeper than tiles can be cut for span {hole.shape[0]} x {hole.shape[1]} pixels, more than one "
            "window holds; restore the picture in parts."
        )
    T = task.scratch("T", shape[0] * shape[1], np.int32).reshape(shape)
    units = round(limit * march.UNIT)
    hole_pixels = int(np.count_nonzero(hole))
    holes = task.scratch("holes", hole_pixels, np.int32)
    rims = task.scratch("rims", 4 * hole_pixels, np.int32)
    rims = rims[: march.begin(hole, pad, units, T, holes, rims)]

    # Single precision holds 16-bit whole numbers; squares of real numbers may leave its range.
    dtype = np.float32 if image.dtype.kind in "bui" and image.dtype.itemsize <= 2 else np.float64
    pixels = task.scratch("planes", planes * T.size, dtype, finite=True).reshape(planes, T.size)
    ordered = task.scratch("ordered", hole_pixels, np.int32)
    slots = task.scratch("slots", hole_pixels, np.int32)
    rows, columns = task.core
    core = np.array([rows.start, rows.stop, columns.start, columns.stop])

    def inside() -> NDArray[np.int64]:
        _march(T, rims, 1, int(march.UNREACHED), hole_pixels, task)
        if task.stopped:  # the times are unfinished
            return np.zeros(1, np.int64)
        first: NDArray[np.int64] = layers.order_by_layer(T, holes, pad, core, np.array(reaches), ordered, slots)
        return first

    def outside() -> NDArray[np.int32]:
        visited: NDArray[np.int32] = _march(T, rims, -1, units, min(2 * math.ceil(limit) * len(rims), T.size), task)
        if not task.stopped:
            layers.load(image, pad, shape[1], visited, pixels)
        return visited

    # The front that runs into the holes and the one that runs out of them don't read each other's times.
    first, known = task.together([inside, outside])
    if task.stopped:
        return None
    return Fronts(T, units, pixels, known, ordered[: first[-1]], slots[: first[-1]], first)


def _march(T: NDArray[np.int32], rims: NDArray[np.int32], sign: int, unreached: int, room: int, task: Task) -> Any:
    """March to one side of the rims; return the flat indices of the known pixels passed (none for the inside)."""
    from restauro.numerics import march

    room = 1024 + len(rims) + room
    while True:
        buckets = task.scratch(f"buckets{sign}", 2 * room, np.int32).reshape(2, -1)
        visited = task.scratch("visited", room, np.int32) if sign < 0 else np.empty(0, np.int32)
        count = march.march(T, rims, sign, unreached, buckets, visited, task.control)
        if count >= 0:
            return visited[:count]
        room *= 2  # how often the front comes back to a pixel depends on the shapes
        march.reset(T, sign, unreached)


def margin_of_times(latest: float) -> int:
    """Distance (pixels) over which a picture cut off there could still change an arrival time up to `latest` (pixels).

    A time of t depends on pixels up to t / 0.71 upwind steps away, and on sideways neighbours with a weight that
    halves at least with each step: 13 more steps are below the unit of T.
    """
    return math.ceil(latest / math.sqrt(0.5)) + 13
