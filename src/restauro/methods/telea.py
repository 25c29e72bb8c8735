"""Telea's method: holes are filled from the rim inwards, each pixel from the known pixels around it."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method, Parameter, Task


@dataclass(frozen=True)
class Telea(Method):
    """Fast marching inpainting.

    Source: A. Telea, "An image inpainting technique based on the fast marching method", Journal of Graphics Tools 9
    (1), 2004, doi:10.1080/10867651.2004.10487596. Time and memory are in proportion to the hole pixels; time grows
    with the square of `radius`. The wrong choice for holes wider than about 15 pixels across texture: it blurs.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (16, 1))
    >>> mask = np.zeros((16, 16), bool)
    >>> mask[6:9, 4:12] = True
    >>> restored = restauro.inpaint(image, mask, restauro.method_class("telea")(radius=3))
    >>> int(np.abs(restored.astype(int) - image).max()) <= 1
    True
    """

    name: ClassVar[str] = "telea"
    title: ClassVar[str] = "Fast marching (Telea)"
    reference: ClassVar[str] = (
        "A. Telea, An image inpainting technique based on the fast marching method, Journal of Graphics Tools 9(1), 2004"
    )
    summary: ClassVar[str] = (
        "Good for cracks, scratches and small losses up to about 15 pixels wide; smooth inside, so wide holes look "
        "blurred. The fastest method."
    )

    radius: Annotated[
        int,
        Parameter(
            "how far around a hole pixel known pixels are weighed: small keeps fine lines, large is smoother",
            minimum=1,
            maximum=64,
            unit="pixels",
        ),
    ] = 5

    def reach(self, depth: float) -> int:
        """Radius times the layers that `depth` pixels hold, and the surroundings that their arrival times depend on."""
        layers = max(1, math.floor(2 * depth))  # of half a pixel: numerics.telea_fill.LAYERS_PER_PIXEL
        return self.radius * layers + self._margin_of_times(depth)

    def _margin_of_times(self, depth: float) -> int:
        """Distance over which a picture cut off there could still change an arrival time.

        A time of t depends on pixels up to t / 0.71 upwind steps away, and on sideways neighbours with a weight that
        halves at least with each step: 13 more steps are below the unit of T.
        """
        return math.ceil(max(self._limit(), depth) / math.sqrt(0.5)) + 13

    def _limit(self) -> float:
        """Time (pixels) up to which the front runs outside the holes: that of known pixels within radius of a hole pixel.

        The latest of them, around a hole of one pixel, have 0.75 to 1.002 times the radius. Normals need 2.5.
        """
        return max(2.5, 1.01 * self.radius)

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: arrival times first, then layer after layer."""
        from restauro.numerics import march, telea_fill

        pad = max(self.radius, 2)
        T, holes, visited = self._arrival_times(hole, pad, task)
        core = np.array([task.core[0].start, task.core[0].stop, task.core[1].start, task.core[1].stop])
        ordered = task.scratch("ordered", holes.size, np.int32)
        first = telea_fill.order_by_layer(T, holes, pad, core, self.radius, ordered)
        ordered = ordered[: first[-1]]

        dtype = np.float64 if image.dtype.itemsize > 4 or image.dtype in (np.int32, np.uint32) else np.float32
        channels = image.shape[2]
        planes = task.scratch("planes", channels * T.size, dtype).reshape(channels, T.size)
        telea_fill.load(image, pad, T.shape[1], visited, planes)

        wanted = int(np.count_nonzero(hole[task.core]))
        self._fill_layers(T, planes, ordered, first, wanted, task)
        values = np.empty((wanted, channels), dtype)
        telea_fill.collect(holes, T.shape[1], pad, core, planes, values)
        return values

    def _arrival_times(
        self, hole: NDArray[np.bool_], pad: int, task: Task
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Arrival times T (padded), hole pixels and known pixels near holes, both as flat indices into T."""
        from restauro.numerics import march

        height, width = hole.shape
        shape = (height + 2 * pad, width + 2 * pad)
        T = task.scratch("T", shape[0] * shape[1], np.int32).reshape(shape)
        limit = round(self._limit() * march.UNIT)
        hole_pixels = int(np.count_nonzero(hole))
        holes = task.scratch("holes", hole_pixels, np.int32)
        rims = task.scratch("rims", 4 * hole_pixels, np.int32)
        nothing = np.empty(0, np.int32)
        room = 1024 + hole_pixels
        while True:
            _, n_rims = march.begin(hole, pad, limit, T, holes, rims)
            buckets = task.scratch("buckets", 2 * (room + n_rims), np.int32).reshape(2, -1)
            visited = task.scratch("visited", room + 2 * math.ceil(self._limit()) * n_rims, np.int32)
            inside = march.march(T, rims[:n_rims], 1, march.UNREACHED, buckets, nothing, task.control)
            outside = march.march(T, rims[:n_rims], -1, limit, buckets, visited, task.control)
            if inside >= 0 and outside >= 0:
                return T, holes, visited[:outside]
            room *= 2  # how often a pixel is visited again depends on the shapes

    def _fill_layers(
        self,
        T: NDArray[np.int32],
        planes: NDArray[Any],
        ordered: NDArray[np.int32],
        first: NDArray[np.int64],
        wanted: int,
        task: Task,
    ) -> None:
        """Run the kernel, on several threads where the layers are long enough to share."""
        from restauro.numerics import march, telea_fill

        into_corner = self.radius * T.shape[1] + self.radius
        rows, columns, geometry = _neighbourhood(self.radius, planes.dtype)
        neighbours = (rows * T.shape[1] + columns).astype(np.uint64)
        limit = round(self._limit() * march.UNIT)
        parts = min(task.workers, 1 + ordered.size // (_PIXELS_WORTH_A_THREAD * len(first)))
        arrivals = np.zeros(1, np.int64)

        def run(part: int) -> None:
            telea_fill.fill_layers(
                T, planes, ordered, first, limit, into_corner, neighbours, geometry, part, parts, arrivals,
                task.control, wanted,
            )

        others = [threading.Thread(target=run, args=(part,)) for part in range(1, parts)]
        for thread in others:
            thread.start()
        run(0)
        for thread in others:
            thread.join()


# Pixels a layer from which a further thread pays for the wait at the layer's end.
_PIXELS_WORTH_A_THREAD = 32


@lru_cache(maxsize=8)
def _neighbourhood(radius: int, dtype: np.dtype[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Rows and columns, from the window's corner, of the pixels q within `radius` of p, and what Eq. 2 needs of each.

    That is the unit vector to p, 1 / d^2 and p - q. A whole number of vector registers: the rest is p, with no weight.
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    squared = x**2 + y**2
    within = (squared > 0) & (squared <= radius**2)
    x, y, squared = x[within], y[within], squared[within]
    padding = (0, -len(x) % 8)
    distance = np.sqrt(squared)
    geometry = np.array([np.pad(row, padding) for row in (-x / distance, -y / distance, 1 / squared, -x, -y)], dtype)
    return np.pad(y, padding) + radius, np.pad(x, padding) + radius, geometry
