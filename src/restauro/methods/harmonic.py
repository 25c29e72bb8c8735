"""Harmonic inpainting: the smoothest surface through the hole's rim in the sense of the membrane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Memory, Method, Task
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
    memory: ClassVar[Memory] = Memory(a_pixel=105, a_run=620)

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
        if task.stopped:
            break
        some = slice(first, first + system.at_once)
        known = grid.load(image[:, :, some], np.nan)
        zero, unit = known_range(known)
        u = np.zeros_like(known)
        system.solve(laplacian_right_side(grid, known, zero, unit), u, task, residual=_TOLERANCE)
        grid.hole_values(u, values[:, some], zero, unit)
        task.control[1] += len(u) * (progress // channels)
    return values
