"""Coherence transport: values are carried into the hole along the direction in which edges go on."""

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
class Coherence(Method):
    """Coherence transport along guides, inwards and out again.

    Source: F. Bornemann and T. März, "Fast image inpainting based on coherence transport", Journal of Mathematical
    Imaging and Vision 28, 2007, doi:10.1007/s10851-007-0017-6; with the ghost pixels of L. R. Hocking, R. MacKenzie
    and C.-B. Schönlieb, "Guidefill", SIAM Journal on Imaging Sciences 11 (4), 2018, arXiv:1611.05319. Time and memory
    are in proportion to the hole pixels; time grows with the square of `radius`. The wrong choice where texture is to
    be carried on: it blurs, if less than methods without a direction.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.tile(np.repeat(np.uint8([40, 200]), 20), (40, 1))  # a step edge, upright
    >>> mask = np.zeros((40, 40), bool)
    >>> mask[15:25] = True
    >>> restored = restauro.inpaint(image, mask, "coherence")
    >>> int(np.abs(restored.astype(int) - image).max()) <= 3
    True
    """

    name: ClassVar[str] = "coherence"
    title: ClassVar[str] = "Coherence transport (Bornemann, März)"
    reference: ClassVar[str] = (
        "F. Bornemann, T. März, Fast image inpainting based on coherence transport, J. Math. Imaging Vision 28, 2007"
    )
    summary: ClassVar[str] = (
        "Good for cracks, scratches and losses up to about 30 pixels wide: carries edges and lines straight across. "
        "No canvas or brush strokes in wider ones. Fast."
    )
    nature: ClassVar[str] = "interpolates"
    takes: ClassVar[frozenset[str]] = frozenset({"guides"})
    from_deeper: ClassVar[bool] = True

    radius: Annotated[
        int,
        Parameter(
            "how far around a hole pixel others are weighed, and how long its pieces of a line are: small follows "
            "bends, large is straighter and smoother",
            minimum=2,
            maximum=32,
            unit="pixels",
        ),
    ] = 5

    def reach(self, depth: float) -> int:
        """Ways in and out of a hole `depth` pixels deep, and the surroundings that arrival times there depend on."""
        if depth == 0:
            return self.radius + 4
        inwards, outwards, around = self._reaches()
        layers = max(1, math.floor(2 * depth)) + 1  # of half a pixel: LAYER_SHIFT in numerics.layers
        return math.ceil((inwards + outwards) * layers + around) + margin_of_times(max(self._limit(), depth))

    def _reaches(self) -> tuple[float, float, float]:
        """Pixels that a value can go to the side for each layer inwards and outwards, and what is read around."""
        return _SIDEWAYS_IN / 2, _SIDEWAYS_OUT / 2, 2 * (self.radius + 1)

    def _limit(self) -> float:
        """Time (pixels) up to which the front runs outside: corners of ghosts, and the tensors' neighbours."""
        return self._nearest() + 1.5

    def _nearest(self) -> float:
        return 1.01 * (self.radius + 1.5)

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: arrival times and tensors, then layer after layer inwards, and outwards again."""
        from restauro.numerics import coherence_fill
        from restauro.numerics.march import UNIT

        channels = image.shape[2]
        fronts = Fronts(task, pad=self.radius + 2, limit=self._limit())
        T = fronts.T
        cell = 8 * -(-(coherence_fill.CHANNELS + channels) // 8)
        cells = task.scratch("cells", cell * T.size, precision(image), finite=True).reshape(T.size, cell)
        if not fronts.run(image, cells[:, coherence_fill.CHANNELS :].T, self._reaches()):
            return np.empty((0, channels), cells.dtype)
        ordered, first = fronts.ordered, fronts.first
        nearest = round(self._nearest() * UNIT)
        values = np.empty((int(np.count_nonzero(task.domain[task.core])), channels), cells.dtype)
        guides = task.scratch("guides", 3 * ordered.size, cells.dtype).reshape(-1, 3)
        final = task.scratch("final", channels * ordered.size, cells.dtype).reshape(-1, channels)
        neighbours, disc, squared = _neighbourhood(self.radius, T.shape[1], cells.dtype)
        into_corner = self.radius * (T.shape[1] + 1)
        inwards, outwards = (cells.dtype.type(aside / UNIT) for aside in (_SIDEWAYS_IN, _SIDEWAYS_OUT))
        drawn = _drawn(task, ordered, T.shape[1], self.radius + 2)
        parts = fronts.parts(task.workers)
        arrivals = np.zeros((2, 1), np.int64)

        def tensors(part: int) -> None:
            coherence_fill.tensors(T, cells, channels, fronts.known, nearest, part, parts, task.control)

        def sweeps(part: int) -> None:
            coherence_fill.sweep_inwards(
                T, cells, ordered, first, -nearest, into_corner, neighbours, disc, squared, inwards, drawn, guides,
                part, parts, arrivals[0], task.control, len(values),
            )  # fmt: skip
            coherence_fill.sweep_outwards(
                T, cells, ordered, fronts.slots, first, -nearest, into_corner, neighbours, disc, squared, outwards,
                guides, final, part, parts, arrivals[1], task.control, values,
            )  # fmt: skip

        task.together([partial(tensors, part) for part in range(parts)])
        if task.stopped:
            return values
        task.together([partial(sweeps, part) for part in range(parts)])
        return task.wanted_of(values, task.core)


def _drawn(task: Task, ordered: NDArray[np.int32], stride: int, pad: int) -> NDArray[np.float32]:
    """Return which way drawn lines run at hole pixels, [2, n] for flat indices in a frame of `pad`; [2, 0]: none."""
    from restauro.numerics.guide_lines import directions

    height, width = task.domain.shape
    field = directions(task.guidance.segments, 0.0, 0.0, (height, width))
    if not field.size:
        return np.zeros((2, 0), np.float32)
    rows, columns = ordered // stride - pad, ordered % stride - pad
    return np.ascontiguousarray(field[:2, rows, columns])


# How far to the side a neighbour may lie for each pixel that it is earlier, on the way in, or later, on the way out.
_SIDEWAYS_IN = 6
_SIDEWAYS_OUT = 3


@lru_cache(maxsize=8)
def _neighbourhood(
    radius: int, stride: int, dtype: np.dtype[Any]
) -> tuple[NDArray[np.uint64], NDArray[Any], NDArray[Any]]:
    """Return the disc's offsets, weights and squared distances.

    Weights are 1 / |p - q|^2 and, for the tensors, a Gaussian of 0.4 radii.
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    squared = x**2 + y**2
    within = (squared > 0) & (squared <= radius**2)
    offsets = ((y + radius) * stride + x + radius)[within]
    squared = squared[within]
    disc = np.array([1 / squared, np.exp(-squared / (2 * (0.4 * radius) ** 2))], dtype)
    return offsets.astype(np.uint64), disc, squared.astype(dtype)
