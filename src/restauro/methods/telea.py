"""Telea's method: holes are filled from the rim inwards, each pixel from the known pixels around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method, Task
from restauro.methods._fronts import Fronts, margin_of_times
from restauro.methods._precision import precision
from restauro.parameters import Parameter


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
    nature: ClassVar[str] = "interpolates"

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
        layers = max(1, math.floor(2 * depth))  # of half a pixel: LAYER_SHIFT in numerics.layers
        return self.radius * layers + margin_of_times(max(self._limit(), depth))

    def _limit(self) -> float:
        """Time (pixels) up to which the front runs outside the holes: known pixels within the radius of a hole pixel.

        The latest of them, around a hole of one pixel, have up to 1.002 times the radius. Normals need 2.5.
        """
        return max(2.5, 1.01 * self.radius)

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: arrival times first, then layer after layer."""
        from restauro.numerics import telea_fill

        channels = image.shape[2]
        fronts = Fronts(task, pad=max(self.radius, 2), limit=self._limit())
        T = fronts.T
        planes = task.scratch("planes", channels * T.size, precision(image), finite=True).reshape(channels, T.size)
        if not fronts.run(image, planes, (self.radius, 0, 0)):
            return np.empty((0, channels), planes.dtype)
        values = np.empty((int(np.count_nonzero(task.domain[task.core])), channels), planes.dtype)
        neighbours, geometry = _neighbourhood(self.radius, T.shape[1], planes.dtype)
        into_corner = self.radius * T.shape[1] + self.radius
        parts = fronts.parts(task.workers)
        arrivals = np.zeros(1, np.int64)

        def layers(part: int) -> None:
            telea_fill.fill_layers(
                T, planes, fronts.ordered, fronts.slots, fronts.first, fronts.limit, into_corner, neighbours, geometry,
                part, parts, arrivals, task.control, values,
            )  # fmt: skip

        task.together([partial(layers, part) for part in range(parts)])
        return task.wanted_of(values, task.core)


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
