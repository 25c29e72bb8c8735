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

from restauro.numerics import edge_diffusion_kernels as kernels
from restauro.numerics import runs
from restauro.numerics.dirichlet import known_range, laplacian_right_side
from restauro.numerics.guide_lines import NO_LINES, directions
from restauro.numerics.multigrid import Multigrid
from restauro.numerics.pixels import readable
from restauro.numerics.sparse_grid import SparseGrid
from restauro.numerics.structure_tensor import GRADIENT_REACH, half_gaussian
from restauro.numerics.threads import Threads

_TILE = 96  # pixels
# Error that is left before the last step, as a share of the range: the next system is another, and begins where this
# one ends. A step takes away more than half of what is wrong before it, so twice as much may be left before each. What
# remains of it at the end is some hundredths of a level of 8 bits at most, thousandths in nearly all pixels.
_ERROR_BETWEEN = 1.5e-4
_FORGOTTEN = 2.0
_ROOM = 7  # planes of a tile that kernels compute in


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
        self._image, self._hole, self._tolerance, self._task = readable(image), hole, tolerance, task
        self._half, self._segments = half_gaussian(scale), segments
        self._contrast = contrast
        self._around = self._half.size - 1 + GRADIENT_REACH
        self._boxes = kernels.tile_boxes(self.grid.row_start, self.grid.start, self.grid.stop, hole.shape[1], _TILE)
        self._system = Multigrid(self.grid)
        channels = image.shape[2]
        self.v = np.zeros((channels, self.grid.size))
        self.zero, self.unit = np.zeros(channels), np.ones(channels)
        self._ranges = np.zeros(channels)
        # What a step changes, in float32: its last bits are far below what is left of the error.
        self._change = np.zeros((channels, self.grid.size), np.float32)
        self._links = np.zeros((5, self.grid.size), np.float32)

    @property
    def flat(self) -> bool:
        """Whether all pixels beside the holes are alike, in every channel."""
        return not self._ranges.any()

    def start(self, done: Callable[[], None], to_come: int) -> None:
        """Fill the holes harmonically, the more nearly the fewer steps are to come.

        `done` is called after every channel.
        """
        self._system.laplacian(self._task)
        right_sides = np.zeros_like(self._change)
        for c in range(len(self.v)):
            if self._task.control[0]:
                return
            known = self.grid.load(self._image[:, :, c], np.nan)
            low, high = known_range(known)
            # From the middle of the range, halved first: sums of large numbers might overflow.
            self.zero[c] = low / 2 + high / 2
            self._ranges[c] = high - low
            if high > low:
                self.unit[c] = high - low
            right_sides[c] = laplacian_right_side(self.grid, known, self.zero[c], high - low)
            self.v[c] = np.where(np.isnan(known), 0.0, (known - self.zero[c]) / self.unit[c])
        self._add_solutions(right_sides, done, to_come)
        if not self._task.control[0]:
            self._squared_contrast = self._measured_contrast()

    def step(self, done: Callable[[], None], to_come: int) -> None:
        """Look for edges in v, and make it the steady state of diffusion along them; see `start`."""
        if self._task.control[0]:
            return
        self._each_tile(kernels.set_links, self._squared_contrast, self._links, lines=self._segments)
        if self._task.control[0]:  # the links would be unfinished
            return
        self._system.set_links(self._links, self._task)
        right_sides = np.zeros_like(self._change)
        for v, r in zip(self.v, right_sides, strict=True):
            kernels.imbalance(self.grid.around, self.grid.lengths, self._links, v, r)
        self._add_solutions(right_sides, done, to_come)

    def _add_solutions(self, right_sides: NDArray[np.float32], done: Callable[[], None], to_come: int) -> None:
        change = max(self._tolerance, _ERROR_BETWEEN * _FORGOTTEN ** (to_come - 1)) if to_come else self._tolerance
        self._system.solve(right_sides, self._change, self._task, residual=0.0, change=change)
        for of_channel, v in zip(self._change, self.v, strict=True):
            if self._task.control[0]:
                return
            kernels.add_holes(self.grid.around, self.grid.lengths, of_channel, v)
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
            group, grid.around, grid.lengths, energy, self._contrast
        )
        return contrast

    def _each_tile(
        self, kernel: Callable[..., None], *arguments: NDArray[Any], lines: NDArray[np.float64] | None = None
    ) -> None:
        """Call a kernel for every tile's box, side by side; where there are lines, with which way they run there."""
        grid, shares = self.grid, self._ranges / (self._ranges.max() or 1)
        numbers = iter(range(len(self._boxes)))  # shared: every thread takes the next one

        def some() -> None:
            largest = (_TILE + 2 * self._around) ** 2
            values, room = (np.empty(planes * largest, np.float32) for planes in (len(self.v), _ROOM))
            sums = np.empty(3 * largest)  # once a thread: memory that is new costs as much as what is done in it
            for number in numbers:
                if self._task.control[0]:
                    return
                box = self._boxes[number]
                top, left = box[0] - self._around, box[2] - self._around
                shape = len(self.v), box[1] - top + self._around, box[3] - left + self._around
                tile = values[: math.prod(shape)].reshape(shape)
                kernels.load_known(self._image, top, left, self.zero, self.unit, tile)
                more: list[NDArray[Any]] = []
                if lines is not None:
                    corners = int(box[1] - box[0]) + 1, int(box[3] - box[2]) + 1
                    more = [directions(lines, box[0] - 0.5, box[2] - 0.5, corners)]
                kernel(
                    tile, self._hole, grid.row_start, grid.start, grid.stop, grid.around, self.v, shares, self._half,
                    box, sums, room, *more, *arguments,
                )  # fmt: skip

        self._task.together([some] * max(1, min(self._task.workers, len(self._boxes))))
