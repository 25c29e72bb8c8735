"""Harmonic inpainting: the smoothest surface through the hole's rim in the sense of the membrane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method, Task
from restauro.methods._precision import precision

# Largest residual of the linear system that may remain, as a share of the range of the pixels around the holes.
_TOLERANCE = 3e-7


@dataclass(frozen=True)
class Harmonic(Method):
    """Harmonic inpainting: Laplace's equation in the hole, known pixels around it.

    Source: the equation is classical; as inpainting T. F. Chan and J. Shen, "Mathematical models for local nontexture
    inpaintings", SIAM Journal on Applied Mathematics 62 (3), 2002, doi:10.1137/S0036139900368844. MATLAB calls it
    `regionfill`. Time and memory are in proportion to the hole pixels, whatever their shape.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.tile(np.linspace(0, 1, 9), (9, 1))
    >>> mask = np.zeros((9, 9), bool)
    >>> mask[2:7, 2:7] = True
    >>> restored = restauro.inpaint(np.where(mask, 0, image), mask, "harmonic")
    >>> bool(np.abs(restored - image).max() < 1e-6)
    True
    """

    name: ClassVar[str] = "harmonic"
    title: ClassVar[str] = "Harmonic (Laplace)"
    reference: ClassVar[str] = (
        "T. F. Chan, J. Shen, Mathematical models for local nontexture inpaintings, SIAM J. Appl. Math. 62(3), 2002"
    )
    summary: ClassVar[str] = (
        "Good for thin cracks and specks, and as a plain ground to retouch on; smooth inside, edges fade within a few "
        "pixels."
    )
    nature: ClassVar[str] = "interpolates"
    whole_hole: ClassVar[bool] = True

    def reach(self, depth: float) -> int:
        """Read the four neighbours; the hole itself isn't cut."""
        return 1

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: one multigrid hierarchy, then a solve for each channel."""
        return task.wanted_of(membrane(image, task, int(np.count_nonzero(task.domain))))


def membrane(image: NDArray[Any], task: Task, progress: int) -> NDArray[np.floating[Any]]:
    """Return the harmonic fill of the domain, for this method or one that starts from it, [pixels, C].

    Arguments are those of `Method.fill`; `progress` is how many hole pixels are reported as done.
    """
    from restauro.numerics.dirichlet import known_range, laplacian_right_side
    from restauro.numerics.multigrid import Multigrid
    from restauro.numerics.sparse_grid import SparseGrid

    grid = SparseGrid.of(task.domain)
    system = Multigrid(grid).laplacian(task)
    channels = image.shape[2]
    values = np.empty((grid.pixels, channels), precision(image))
    for first in range(0, channels, system.at_once):
        some = range(first, min(first + system.at_once, channels))
        b, u = np.zeros((2, len(some), grid.size))
        middles, ranges = np.zeros((2, len(some)))
        for k, channel in enumerate(some):
            if task.stopped:
                return values
            known = grid.load(image[:, :, channel], np.nan)
            low, high = known_range(known)
            # From the middle of the range, halved first: sums of large numbers might overflow.
            middles[k], ranges[k] = low / 2 + high / 2, high - low
            b[k] = laplacian_right_side(grid, known, middles[k], ranges[k])
        system.solve(b, u, task, residual=_TOLERANCE)
        for k, channel in enumerate(some):
            u[k] *= ranges[k]
            u[k] += middles[k]
            grid.hole_values(u[k], values[:, channel])
            task.control[1] += progress // channels
    return values
