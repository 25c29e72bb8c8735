"""Biharmonic inpainting: a thin plate bent over the hole, which goes on with slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.method import Memory, Method, Task
from restauro.methods._precision import precision

if TYPE_CHECKING:
    from restauro.numerics.sparse_grid import SparseGrid

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
    nature: ClassVar[str] = "interpolates"
    whole_hole: ClassVar[bool] = True
    memory: ClassVar[Memory] = Memory(a_pixel=168, a_run=1030)

    def reach(self, depth: float) -> int:
        """Read two pixels around the hole, which isn't cut."""
        return 2

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: one multigrid hierarchy, then a solve for each channel."""
        from restauro.numerics.dirichlet import known_range
        from restauro.numerics.plate import MARGIN, Plate
        from restauro.numerics.sparse_grid import SparseGrid

        grid = SparseGrid.of(task.domain, MARGIN)
        system = Plate(grid, task)
        dtype = precision(image)
        values = np.empty((grid.pixels, image.shape[2]), dtype)
        open_slopes = _open_slopes(grid)
        for channel in range(image.shape[2]):
            if task.stopped:
                break
            known = grid.load(image[:, :, channel : channel + 1], np.nan)
            zero, unit = known_range(known)
            u = np.zeros_like(known)
            right = system.right_side(known[0], zero[0], unit[0])
            system.solve(right, u[0], task, residual=1e-14, change=_TOLERANCE)
            grid.hole_values(u, values[:, channel : channel + 1], zero, unit)
            if len(open_slopes):
                _level(values[:, channel], image[:, :, channel], task.domain, *open_slopes)
            task.control[1] += grid.pixels // image.shape[2]
        return task.wanted_of(values)


def _open_slopes(grid: SparseGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[()]:
    """Return the middle (row, column) of the known pixels and the directions whose slope they leave open, if any.

    A plate that is held at one point, or along a line, can tilt freely.
    """
    height, width = grid.shape
    rows, columns = (
        grid.load(np.broadcast_to(places, grid.shape)[..., np.newaxis], np.nan)[0]
        for places in (np.arange(height, dtype=np.float64)[:, np.newaxis], np.arange(width, dtype=np.float64))
    )
    known = np.isfinite(rows)
    if np.count_nonzero(known) > max(height, width):  # more than a line holds
        return ()
    places = np.stack([rows[known], columns[known]], axis=1)
    middle = places.mean(axis=0)
    apart = places - middle
    spread, directions = np.linalg.eigh(apart.T @ apart)  # the smaller first
    is_open = spread <= 1e-12 * max(height, width) ** 2
    if is_open.all():
        directions = np.eye(2)
    return (middle, directions.T[is_open]) if is_open.any() else ()


def _level(
    values: NDArray[Any], plane: NDArray[Any], hole: NDArray[np.bool_], middle: Any, directions: NDArray[np.float64]
) -> None:
    """Give the plate the slope 0, on average, in directions in which it is open."""
    full = plane.astype(np.float64)
    full[hole] = values
    rows, columns = np.nonzero(hole)
    for down, right in directions:
        pairs = down**2 * (hole.shape[0] - 1) * hole.shape[1] + right**2 * hole.shape[0] * (hole.shape[1] - 1)
        if pairs > 0:
            slope = (down * np.diff(full, axis=0).sum() + right * np.diff(full, axis=1).sum()) / pairs
            values -= slope * (down * (rows - middle[0]) + right * (columns - middle[1]))
