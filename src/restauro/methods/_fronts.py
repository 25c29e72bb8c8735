"""What methods that fill from the rim inwards begin with: arrival times, known pixels loaded, hole pixels in layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError
from restauro.method import Task


class Fronts:
    """The fronts of a window: made with the holes marked, then `run`. All flat indices hold for T and for every plane.

    Attributes
    ----------
    T
        int32 [H + 2 pad, W + 2 pad], arrival times.
    limit
        Known pixels whose time is -limit or less aren't loaded.
    known
        Flat indices of the known pixels that were loaded.
    ordered, slots, first
        Hole pixels in layers: see `numerics.layers.order_by_layer`.
    """

    T: NDArray[np.int32]
    limit: int
    known: NDArray[np.int32]
    ordered: NDArray[np.int32]
    slots: NDArray[np.int32]
    first: NDArray[np.int64]

    def __init__(self, task: Task, *, pad: int, limit: float) -> None:
        """Mark the domain's pixels and its rim; `limit`: how far (pixels) a front is to run out of the holes."""
        from restauro.numerics import march

        hole = task.domain
        shape = (hole.shape[0] + 2 * pad, hole.shape[1] + 2 * pad)
        if shape[0] * shape[1] > np.iinfo(np.int32).max:
            raise ImageError(
                f"Holes deeper than tiles can be cut for span {hole.shape[0]} x {hole.shape[1]} pixels, more than one "
                "window holds; restore the picture in parts."
            )
        self.T = task.scratch("T", shape[0] * shape[1], np.int32).reshape(shape)
        self.limit = round(limit * march.UNIT)
        self._pad = pad
        self._task = task
        hole_pixels = int(np.count_nonzero(hole))
        self._holes = task.scratch("holes", hole_pixels, np.int32)
        rims = task.scratch("rims", 4 * hole_pixels, np.int32)
        self._rims = rims[: march.begin(hole, pad, self.limit, self.T, self._holes, rims)]

    def run(self, image: NDArray[Any], planes: NDArray[Any], reaches: tuple[float, float, float]) -> bool:
        """Let the fronts run, load known pixels, order those of the holes; return whether that wasn't stopped.

        planes: [C, pixels of T], finite. reaches: see `numerics.layers.order_by_layer`.
        """
        from restauro.numerics import layers, march

        if self._task.stopped:
            return False
        T, task, pad, rims = self.T, self._task, self._pad, self._rims
        self.ordered = task.scratch("ordered", len(self._holes), np.int32)
        self.slots = task.scratch("slots", len(self._holes), np.int32)
        rows, columns = task.core
        core = np.array([rows.start, rows.stop, columns.start, columns.stop])

        def inside() -> None:
            _march(T, rims, 1, int(march.UNREACHED), len(self._holes), task)
            if not task.stopped:  # the times would be unfinished
                as_floats = np.array(reaches, float)
                self.first = layers.order_by_layer(T, self._holes, pad, core, as_floats, self.ordered, self.slots)

        def outside() -> None:
            room = min(2 * math.ceil(self.limit / march.UNIT) * len(rims), T.size)
            self.known = _march(T, rims, -1, self.limit, room, task)
            if not task.stopped:
                _load(image, pad, T.shape[1], self.known, planes)

        # The front that runs into the holes and the one that runs out of them don't read each other's times.
        task.together([inside, outside])
        if task.stopped:
            return False
        self.ordered, self.slots = self.ordered[: self.first[-1]], self.slots[: self.first[-1]]
        return True

    def parts(self, workers: int) -> int:
        """Return how many threads pay for the waits at the layers' ends."""
        return min(workers, 1 + self.ordered.size // (_PIXELS_WORTH_A_THREAD * len(self.first)))


# Pixels a layer from which a further thread pays for the wait at the layer's end.
_PIXELS_WORTH_A_THREAD = 32


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


def _load(image: NDArray[Any], pad: int, stride: int, known: NDArray[np.int32], planes: NDArray[Any]) -> None:
    """Copy known pixels into planes [C, pixels]; of a dtype that kernels don't know, no others are converted."""
    from restauro.numerics import layers
    from restauro.numerics.pixels import is_readable, readable

    if is_readable(image):
        layers.load(readable(image), pad, stride, known, planes)
        return
    for first in range(0, len(known), _AT_ONCE):
        some = known[first : first + _AT_ONCE]
        planes[: image.shape[2], some] = image[some // stride - pad, some % stride - pad].T


_AT_ONCE = 1 << 14  # pixels


def margin_of_times(latest: float) -> int:
    """Distance (pixels) over which a picture cut off there could still change an arrival time up to `latest` (pixels).

    A time of t depends on pixels up to t / 0.71 upwind steps away, and on sideways neighbours with a weight that
    halves at least with each step: 13 more steps are below the unit of T.
    """
    return math.ceil(latest / math.sqrt(0.5)) + 13
