"""Biharmonic inpainting: a thin plate bent over the hole, which goes on with slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Method, Task

# Error that may remain, as a share of the range of the pixels around the holes.
_TOLERANCE = 3e-5


@dataclass(frozen=True)
class Biharmonic(Method):
    """Biharmonic inpainting: the plate of least bending through the known pixels.

    Source: S. B. Damelin and N. S. Hoang, "On surface completion and image inpainting by biharmonic functions:
    numerical aspects", International Journal of Mathematics and Mathematical Sciences 2018, 3950312,
    doi:10.1155/2018/3950312. scikit-image has it as `inpaint_biharmonic`. Time and memory are in proportion to the hole
    pixels. Values may go beyond those around the hole.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.add.outer(np.linspace(0, 1, 9) ** 2, np.linspace(0, 1, 9))
    >>> mask = np.zeros((9, 9), bool)
    >>> mask[3:6, 3:6] = True
    >>> restored = restauro.inpaint(np.where(mask, 0, image), mask, "biharmonic")
    >>> bool(np.abs(restored - image).max() < 1e-4)
    True
    """

    name: ClassVar[str] = "biharmonic"
    title: ClassVar[str] = "Biharmonic (thin plate)"
    reference: ClassVar[str] = (
        "S. B. Damelin, N. S. Hoang, On surface completion and image inpainting by biharmonic functions: numerical "
        "aspects, Int. J. Math. Math. Sci. 2018"
    )
    summary: ClassVar[str] = (
        "Good for smooth shading and thin cracks, whose slopes it continues; exaggerates noise around wider holes."
    )
    whole_hole: ClassVar[bool] = True

    def reach(self, depth: float) -> int:
        """Read two pixels around the hole, which isn't cut."""
        return 2

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: one multigrid hierarchy, then a solve for each channel."""
        from restauro.numerics.dirichlet import known_range
        from restauro.numerics.plate import MARGIN, Plate
        from restauro.numerics.sparse_grid import SparseGrid

        grid = SparseGrid.of(hole, MARGIN)
        system = Plate(grid, task)
        dtype = np.float32 if image.dtype.kind in "bui" and image.dtype.itemsize <= 2 else np.float64
        values = np.empty((grid.pixels, image.shape[2]), dtype)
        for channel in range(image.shape[2]):
            if task.stopped:
                break
            known = grid.load(image[:, :, channel], np.nan)
            low, high = known_range(known)
            middle = low / 2 + high / 2  # halved first: the sum of large numbers might overflow
            u = grid.empty()
            system.solve(system.right_side(known, middle, high - low), u, task, residual=1e-14, change=_TOLERANCE)
            u *= high - low
            u += middle
            grid.hole_values(u, values[:, channel])
            task.control[1] += grid.pixels // image.shape[2]
        return values
