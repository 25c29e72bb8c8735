"""Edge-enhancing diffusion in holes: the steps to its steady state, each a linear system on the hole pixels.

The diffusion tensor is computed tile by tile, on the few dense rows and columns around the hole pixels of each; only
links between pixels are kept. Tiles don't depend on one another, so threads take them as they come.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro import scratch
from restauro.numerics import edge_diffusion_kernels as kernels
from restauro.numerics import hole_tiles, runs
from restauro.numerics.dirichlet import known_range, laplacian_right_side
from restauro.numerics.guide_lines import NO_LINES, directions
from restauro.numerics.multigrid import Multigrid
from restauro.numerics.pixels import readable
from restauro.numerics.sparse_grid import SparseGrid
from restauro.numerics.structure_tensor import GRADIENT_REACH, half_gaussian
from restauro.numerics.threads import Threads

_TILE = 96  # pixels
# How far a step goes towards its system's solution, and beyond it: over-relaxation of the fixed point (Young 1971 for
# linear ones). The first ones less, as they begin far off; the last step ends at its solution. Four such steps are as
# good as six that stop there.
_RELAXATION = (1.4, 1.8, 2.4)
_RELAXATION_LATER = 2.0
# Error that is left before the last step, as a share of the range: the next system is another, and begins where this
# one ends. A step takes away more than half of what is wrong before it, so twice as much may be left before each. What
# remains of it at the end is some hundredths of a level of 8 bits at most, thousandths in nearly all pixels.
_ERROR_BETWEEN = 3e-4
_FORGOTTEN = 2.0
_MUCH_MEMORY = 1_000_000  # pixels kept, from which on setting up leaves much behind
_ROOM = 5  # planes of a tile that kernels compute in


class EdgeDiffusion:
    """A picture whose holes are filled, from the harmonic fill on, step by step.

    Parameters
    ----------
    image, hole
        [H, W, C] and bool [H, W].
    scale
        Standard deviation, in pixels, of the Gaussian of the structure tensor.
    contrast
        The contrast parameter, of the root mean square of the gradients around each group of holes.
    tolerance
        Error of every system's solution that may remain, as a share of the range of the pixels beside the holes.
    task
        Threads, and whether to stop.
    segments
        float64 [n, 4], lines that edges are to follow: see `guide_lines.directions`.

    Attributes
    ----------
    v
        float64 [C, grid.size]: hole pixels and known pixels beside them, less `zero`, in units of `unit`, both [C].
    """

    def __init__(
        self,
        image: NDArray[Any],
        hole: NDArray[np.bool_],
        scale: float,
        contrast: float,
        tolerance: float,
        task: Threads,
        segments: NDArray[np.float64] = NO_LINES,
    ) -> None:
        self.grid = SparseGrid.of(hole)
        self._image, self._hole, self._tolerance, self._task = image, hole, tolerance, task
        self._half, self._segments = half_gaussian(scale), segments
        self._contrast, self._steps = contrast, 0
        self._around = self._half.size - 1 + GRADIENT_REACH
        self._boxes = hole_tiles.tile_boxes(self.grid.row_start, self.grid.start, self.grid.stop, hole.shape[1], _TILE)
        self._system = Multigrid(self.grid)
        self._links = self._system.links
        channels, at_once = image.shape[2], self._system.at_once
        self._some = [slice(first, first + at_once) for first in range(0, channels, at_once)]  # solved side by side
        self.v: NDArray[np.float64] = scratch.zeros((channels, self.grid.size), np.float64)
        self.zero, self.unit = np.zeros(channels), np.ones(channels)
        self._ranges = np.zeros(channels)
        # What a step changes, in float32: its last bits are far below what is left of the error.
        self._change = np.zeros((min(channels, at_once), self.grid.size), np.float32)
        self._give_back()

    @property
    def flat(self) -> bool:
        """Whether all pixels beside the holes are alike, in every channel."""
        return not self._ranges.any()

    def start(self, done: Callable[[], None], to_come: int) -> None:
        """Fill the holes harmonically, the more nearly the fewer steps are to come.

        `done` is called after every channel.
        """
        self._system.laplacian(self._task)
        for some in self._some:
            if self._task.control[0]:
                return
            known = self.grid.load(self._image[:, :, some], np.nan, self.v[some])
            self.zero[some], ranges = known_range(known)
            self._ranges[some], self.unit[some] = ranges, np.where(ranges > 0, ranges, 1)
            right_sides = laplacian_right_side(self.grid, known, self.zero[some], ranges, np.float32)
            known -= self.zero[some, np.newaxis]
            known /= self.unit[some, np.newaxis]
            known[np.isnan(known)] = 0
            self._add_solutions(right_sides, self.v[some], done, to_come, 1.0)
        if not self._task.control[0]:
            self._squared_contrast = self._measured_contrast()
        self._give_back()

    def step(self, done: Callable[[], None], to_come: int) -> None:
        """Look for edges in v, and make it the steady state of diffusion along them; see `start`."""
        if self._task.control[0]:
            return
        self._each_tile(kernels.set_links, self._squared_contrast, self._links, lines=self._segments)
        if self._task.control[0]:  # the links would be unfinished
            return
        right_sides: NDArray[np.float32] = scratch.zeros(self.v.shape, np.float32)
        for v, r in zip(self.v, right_sides, strict=True):
            kernels.imbalance(self.grid.around, self.grid.start, self.grid.stop, self._links, v, r)
        self._system.keep_links(self._task)
        further = _RELAXATION[self._steps] if self._steps < len(_RELAXATION) else _RELAXATION_LATER
        self._steps += 1
        for some in self._some:
            self._add_solutions(right_sides[some], self.v[some], done, to_come, further if to_come else 1.0)

    def filled(self, dtype: type[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the hole pixels of v as values, [pixels, C]; the end: what steps need is given back before."""
        del self._system, self._links, self._change
        values = np.empty((self.grid.pixels, len(self.v)), dtype)
        self.grid.hole_values(self.v, values, self.zero, self.unit)
        return values

    def _give_back(self) -> None:
        """Give back what was used to set up, where that is worth it."""
        if self.grid.size > _MUCH_MEMORY:
            scratch.give_back()

    def _add_solutions(
        self,
        right_sides: NDArray[np.float32],
        some: NDArray[np.float64],
        done: Callable[[], None],
        to_come: int,
        relaxation: float,
    ) -> None:
        """Solve the system, and add the solutions to v of some channels."""
        change = max(self._tolerance, _ERROR_BETWEEN * _FORGOTTEN ** (to_come - 1)) if to_come else self._tolerance
        changes = self._change[: len(some)]
        self._system.solve(right_sides, changes, self._task, residual=0.0, change=change)
        for of_channel, v in zip(changes, some, strict=True):
            if self._task.control[0]:
                return
            kernels.add_holes(self.grid.around, self.grid.start, self.grid.stop, of_channel, relaxation, v)
            done()

    def _measured_contrast(self) -> NDArray[np.float32]:
        """Return the squared contrast parameter of every run of hole pixels, float32 [runs].

        Holes closer than the tensor reaches have one contrast, so it doesn't matter which others share their window.
        """
        grid = self.grid
        energy = self._links[:2]  # free until the first step
        self._each_tile(kernels.known_energy, energy)
        group = runs.label(grid.row_start, grid.start, grid.stop, self._around)
        contrast: NDArray[np.float32] = kernels.contrast_of_groups(
            group, grid.around, grid.start, grid.stop, energy, self._contrast
        )
        return contrast

    def _each_tile(
        self, kernel: Callable[..., None], *arguments: NDArray[Any], lines: NDArray[np.float64] | None = None
    ) -> None:
        """Call a kernel for every tile's box, side by side; where there are lines, with which way they run there."""
        grid, shares = self.grid, self._ranges / (self._ranges.max() or 1)
        numbers = iter(range(len(self._boxes)))  # shared: every thread takes the next one

        def some() -> None:
            side, channels = _TILE + 2 * self._around, len(self.v)
            # Once a thread: memory that is new costs as much as what is done in it.
            values, sums = np.empty(channels * side**2, np.float32), np.empty(3 * side)
            room = np.empty(_ROOM * side**2 + 8 * channels * side, np.float32)
            for number in numbers:
                if self._task.control[0]:
                    return
                box = self._boxes[number]
                top, left = box[0] - self._around, box[2] - self._around
                shape = channels, box[1] - top + self._around, box[3] - left + self._around
                tile = values[: math.prod(shape)].reshape(shape)
                y, x = max(top, 0), max(left, 0)
                seen = readable(self._image[y : top + shape[1], x : left + shape[2]])
                hole_tiles.load_known(seen, top - y, left - x, self.zero, self.unit, tile)
                more: list[NDArray[Any]] = []
                if lines is not None:
                    corners = int(box[1] - box[0]) + 1, int(box[3] - box[2]) + 1
                    more = [directions(lines, box[0] - 0.5, box[2] - 0.5, corners)]
                kernel(
                    tile, self._hole, grid.row_start, grid.start, grid.stop, grid.around, self.v, shares, self._half,
                    box, sums, room, *more, *arguments,
                )  # fmt: skip

        self._task.together([some] * max(1, min(self._task.workers, len(self._boxes))))
