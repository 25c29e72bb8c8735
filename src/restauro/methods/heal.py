"""Healing: a hole gets the detail of another place, and the tone of what is around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from restauro.donor import MIRRORS
from restauro.errors import ParameterError
from restauro.method import Method, Task
from restauro.methods._precision import precision
from restauro.parameters import ChoiceParameter, Parameter

_FARTHEST = 1_000_000  # pixels
_TOLERANCE = 3e-7  # largest residual that may remain, as a share of the largest difference beside the holes
_HARDLY = 1e-6  # weight of a neighbour of which nothing is known: a hole without any other is copied as it is


@dataclass(frozen=True)
class Heal(Method):
    """Poisson's equation: the gradients of a donor, the values of the rim.

    Source: P. Pérez, M. Gangnet, A. Blake, "Poisson image editing", ACM Trans. Graphics 22 (3), 2003,
    doi:10.1145/882262.882269, eq. 2 to 5. Where a neighbour isn't known, or has nothing to be compared with in the
    donor, the boundary is free. Time and memory are in proportion to the hole pixels. `restauro.heal` tells the
    rest. It stands in no table of methods: where a hole is healed from has no default.

    Examples
    --------
    >>> import numpy as np, restauro
    >>> image = np.tile([[10, 30], [30, 10]], (20, 20)).astype(np.uint8)
    >>> mask = np.zeros(image.shape, bool)
    >>> mask[10:20, 10:20] = True
    >>> bool((restauro.inpaint(np.where(mask, 0, image), mask, restauro.Heal(right=12)) == image).all())
    True
    """

    name: ClassVar[str] = "heal"
    title: ClassVar[str] = "Healing from a source (Poisson)"
    reference: ClassVar[str] = "P. Pérez, M. Gangnet, A. Blake, Poisson image editing, ACM Trans. Graphics 22(3), 2003"
    summary: ClassVar[str] = "Good for spots and losses where a like place is at hand: its detail, the rim's tone."
    nature: ClassVar[str] = "copies"
    takes: ClassVar[frozenset[str]] = frozenset({"donor"})
    whole_hole: ClassVar[bool] = True

    down: Annotated[int, Parameter("how far below a hole it is healed from", -_FARTHEST, _FARTHEST, "pixels")] = 0
    right: Annotated[int, Parameter("how far to the right of it", -_FARTHEST, _FARTHEST, "pixels")] = 0
    mirror: Annotated[str, ChoiceParameter("how what is there is mirrored", tuple(MIRRORS))] = "none"
    turn: Annotated[
        int, Parameter("how far it is turned anticlockwise after that, in quarter turns", 0, 270, "degrees")
    ] = 0

    def __post_init__(self) -> None:
        """Check that it is turned by quarter turns, too."""
        super().__post_init__()
        if self.turn % 90:
            raise ParameterError(f"turn={self.turn} isn't a quarter turn: it must be 0, 90, 180 or 270 degrees.")

    def reach(self, depth: float) -> int:
        """Read the four neighbours; the hole itself isn't cut."""
        return 1

    def fill(self, image: NDArray[Any], hole: NDArray[np.bool_], task: Task) -> NDArray[np.floating[Any]]:
        """See `Method.fill`: what is copied, and on it the membrane through its differences to the rim."""
        from restauro.numerics.dirichlet import laplacian_right_side
        from restauro.numerics.multigrid import Multigrid
        from restauro.numerics.sparse_grid import SparseGrid

        copied = task.guidance.donor
        assert copied is not None  # checked before the work
        here, beside = image[copied.place], copied.image
        wanted = task.wanted[copied.place]
        grid = SparseGrid.of(np.ascontiguousarray(wanted))
        (comparable,) = grid.load((copied.usable & ~hole[copied.place]).astype(np.uint8)[:, :, np.newaxis], np.nan)
        weights = np.where(comparable == 0, _HARDLY, comparable)
        first = grid.around[:, grid.margin]
        weights[np.repeat(first - np.cumsum(grid.lengths) + grid.lengths, grid.lengths) + np.arange(grid.pixels)] = 1
        links = np.zeros((5, grid.size), np.float32)
        zero = np.zeros(1)
        links[0] = np.maximum(laplacian_right_side(grid, weights[np.newaxis], zero, np.ones(1)), _HARDLY)
        links[1:3] = 1
        system = Multigrid(grid).set_links(links, task)
        values = np.empty((grid.pixels, image.shape[2]), precision(image))
        for channel in range(image.shape[2]):
            if task.stopped:
                break
            some = slice(channel, channel + 1)
            difference = grid.load(here[:, :, some], np.nan) - grid.load(beside[:, :, some], np.nan)  # [1, size]
            difference[:, comparable != 1] = np.nan
            unit = np.fmax.reduce(np.abs(difference), axis=1, initial=0.0)
            u = np.zeros_like(difference)
            if unit > 0:
                system.solve(laplacian_right_side(grid, difference, zero, unit), u, task, residual=_TOLERANCE)
            grid.hole_values(u, values[:, some], zero, unit)
            values[:, channel] += beside[:, :, channel][wanted]
            task.control[1] += grid.pixels // image.shape[2]
        return values
