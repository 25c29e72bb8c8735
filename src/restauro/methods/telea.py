"""Telea's method: holes are filled from the rim inwards, each pixel from the known pixels around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ImageError
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
        "A. Telea, An image inpainting technique based on the fast marching method, J. Graphics Tools 9(1), 2004"
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
        """Radius times the layers that `depth` pixels hold, and the surroundings that their arrival times depend on.

        Around a whole hole the front out of it passes all that is read, a pixel within the radius, before any other
        front that starts more than twice as far away; the times of normals and the scheme's stencil are 4 pixels more.
        """
        if depth == 0:
            return self.radius + 4
        layers = max(1, math.floor(2 * depth))  # of half a pixel: LAYER_SHIFT in numerics.telea_fill
        return self.radius * layers + self._margin_of_times(depth)

    def _margin_of_times(self, depth: float) -> int:
        """Distance over which a picture cut off there could still change an arrival time.

        A time of t depends on pixels up to t / 0.71 upwind steps away, and on sideways neighbours with a weight that
        halves at least with each step: 13 more steps are below the unit of T.
        """
        return math.ceil(max(self._limit(), depth) / math.sqrt(0.5)) + 13

    def _limit(self) -> float:
        """Time (pixels) up to which the front runs outside the holes: known pixels within the radius of a hole pixel.

        The latest of them, around a hole of one pixel, have up to 1.002 times the radius. Normals need 2.5.
        """
        return max(2.5, 1.01 * self.radius)

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: arrival times first, then layer after layer."""
        from restauro.numerics import march, telea_fill

        pad = max(self.radius, 2)
        shape = (hole.shape[0] + 2 * pad, hole.shape[1] + 2 * pad)
        if shape[0] * shape[1] > np.iinfo(np.int32).max:
            raise ImageError(
                f"Holes deeper than tiles can be cut for span {hole.shape[0]} x {hole.shape[1]} pixels, more than one "
                "window holds; restore the picture in parts."
            )
        T = task.scratch("T", shape[0] * shape[1], np.int32).reshape(shape)
        limit = round(self._limit() * march.UNIT)
        hole_pixels = int(np.count_nonzero(hole))
        holes = task.scratch("holes", hole_pixels, np.int32)
        rims = task.scratch("rims", 4 * hole_pixels, np.int32)
        rims = rims[: march.begin(hole, pad, limit, T, holes, rims)]

        # Single precision holds 16-bit whole numbers; squares of real numbers may leave its range.
        dtype = np.float32 if image.dtype.kind in "bui" and image.dtype.itemsize <= 2 else np.float64
        channels = image.shape[2]
        planes = task.scratch("planes", channels * T.size, dtype, finite=True).reshape(channels, T.size)
        ordered = task.scratch("ordered", hole_pixels, np.int32)
        slots = task.scratch("slots", hole_pixels, np.int32)
        rows, columns = task.core
        core = np.array([rows.start, rows.stop, columns.start, columns.stop])

        def inside() -> NDArray[np.int64]:
            _march(T, rims, 1, int(march.UNREACHED), hole_pixels, task)
            if task.stopped:  # the times are unfinished
                return np.zeros(1, np.int64)
            first: NDArray[np.int64] = telea_fill.order_by_layer(T, holes, pad, core, self.radius, ordered, slots)
            return first

        def outside() -> None:
            visited = _march(T, rims, -1, limit, min(2 * math.ceil(self._limit()) * len(rims), T.size), task)
            if not task.stopped:
                telea_fill.load(image, pad, shape[1], visited, planes)

        # The front that runs into the holes and the one that runs out of them don't read each other's times.
        first, _ = task.together([inside, outside])
        if task.stopped:
            return np.empty((0, channels), dtype)
        ordered = ordered[: first[-1]]
        values = np.empty((int(np.count_nonzero(hole[task.core])), channels), dtype)
        neighbours, geometry = _neighbourhood(self.radius, T.shape[1], planes.dtype)
        into_corner = self.radius * T.shape[1] + self.radius
        parts = min(task.workers, 1 + ordered.size // (_PIXELS_WORTH_A_THREAD * len(first)))
        arrivals = np.zeros(1, np.int64)

        def layers(part: int) -> None:
            telea_fill.fill_layers(
                T, planes, ordered, slots, first, limit, into_corner, neighbours, geometry, part, parts, arrivals,
                task.control, values,
            )  # fmt: skip

        task.together([partial(layers, part) for part in range(parts)])
        return values


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


# Pixels a layer from which a further thread pays for the wait at the layer's end.
_PIXELS_WORTH_A_THREAD = 32


@lru_cache(maxsize=8)
def _neighbourhood(radius: int, stride: int, dtype: np.dtype[Any]) -> tuple[NDArray[np.uint64], NDArray[Any]]:
    """Offsets of the pixels q within `radius` of p from the corner of p's window, and what Eq. 2 needs of each.

    That is the unit vector from q to p, 1 / |p - q|^2, and p - q.
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    squared = x**2 + y**2
    within = (squared > 0) & (squared <= radius**2)
    x, y, squared = x[within], y[within], squared[within]
    distance = np.sqrt(squared)
    offsets = (y + radius) * stride + x + radius
    return offsets.astype(np.uint64), np.array([-x / distance, -y / distance, 1 / squared, -x, -y], dtype)
