"""Navier-Stokes inpainting: vorticity is transported into the holes, the intensity follows from Poisson's equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restauro.numerics import vorticity
from restauro.numerics.multigrid import Multigrid
from restauro.numerics.surroundings import INNER, KNOWN, NEAR, SOUND, Surroundings
from restauro.numerics.threads import Threads

REACH = 8  # pixels around a hole that are read

# Passes of smoothing, of variance 1.5 pixels^2 each.
_OF_KNOWN, _OF_FILLED = 1, 3  # the picture, for the isophotes of known pixels and of the fill
_OF_TENSOR = 3  # products of gradients
_OF_VORTICITY = 2  # where there are no isophotes
_OF_BALANCE = 10  # positive and negative vorticity, which should be as strong as one another

_WEIGHT_OF_FILL = 2.0  # of the fill's structure tensor, beside that of the known pixels
_EXCESS = 1.1  # by which one sign of the vorticity may outweigh the other

_MOST_STEPS = 8
_STEADY = 0.15  # of the whole change: when a step changes less, the flow is steady
_RESIDUAL = 1e-7  # of linear systems, as a share of the known pixels' range
_TENSOR_RESIDUAL = 1e-8


@dataclass(frozen=True)
class Report:
    """How a fill came about, over all hole pixels and channels, in units of the picture.

    Attributes
    ----------
    steps
        Steps taken, each a transport of vorticity and a Poisson equation.
    residual
        Change of the fill in the last step, root of the mean square.
    change
        How far the fill is from the harmonic one that it started from, root of the mean square.
    vorticity
        The Laplacian that remains in the holes, root of the mean square; 0 in a harmonic fill.
    """

    steps: int
    residual: float
    change: float
    vorticity: float


def navier_stokes(
    image: NDArray[Any], hole: NDArray[np.bool_], friction: float, task: Threads
) -> tuple[NDArray[np.float64], Report]:
    """Fill holes and tell how it went.

    Parameters
    ----------
    image
        [H, W, C], anything under the holes.
    hole
        bool [H, W].
    friction
        Rate per pixel at which vorticity fades where there are no isophotes.
    task
        Threads, and whether to stop.

    Returns
    -------
    The hole pixels in row-major order, [n, C], and the report.
    """
    near = Surroundings.of(hole, REACH, task)
    channels = image.shape[2]
    values = near.load(image)
    middle, unit = _measure(near, values)
    filled = np.empty((near.holes.pixels, channels))
    filled[:] = middle
    if not unit > 0:
        return filled, Report(0, 0.0, 0.0, 0.0)
    flow = _Flow(near, values, friction)
    steps, residual = 0, np.inf
    while steps < _MOST_STEPS and residual > max(_STEADY * flow.change, _RESIDUAL) and not task.control[0]:
        residual = flow.step()
        steps += 1
        # Nobody knows how many are to come: each counts for half of what is left.
        task.control[1] += near.holes.pixels >> steps
    if task.control[0]:
        return filled, Report(steps, 0.0, 0.0, 0.0)
    near.holes.hole_values(flow.u, filled, middle, np.full(channels, unit))
    return filled, Report(steps, unit * residual, unit * flow.change, unit * flow.root_mean_square(flow.w))


def _measure(near: Surroundings, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Measure known values from the middle of their channel in units of the largest range, in place; return both."""
    known = (near.kind & KNOWN) > 0
    low, high = np.zeros((2, len(values)))
    for c, plane in enumerate(values):
        if near.task.control[0]:
            return low, 0.0
        of_channel = plane[known]
        low[c], high[c] = of_channel.min(), of_channel.max()
    middle = low / 2 + high / 2  # halved first: sums of large numbers might overflow
    unit = float((high - low).max())
    if unit > 0:
        values -= middle[:, np.newaxis]
        values /= unit
        values[:, ~known] = 0
    return middle, unit


class _Flow:
    """The fill on its way to the steady state.

    Attributes
    ----------
    u, w
        [C, holes' size]: intensity and vorticity of hole pixels.
    """

    def __init__(self, near: Surroundings, values: NDArray[np.float64], friction: float) -> None:
        self._near, self._values, self._friction = near, values, friction
        self._poisson = Multigrid(near.holes).laplacian(near.task)
        self._products = near.planes(3)
        self._known_tensor = self._structure(near.mean(values, KNOWN, _OF_KNOWN), SOUND).copy()
        self._tensor = near.planes(3)
        self._fields = np.zeros((near.grid.size, 3 + len(values)))
        self._signs = np.zeros((2, near.grid.size), np.float32)
        self._source = self._known_vorticity()
        self._continue(self._known_tensor)
        self._right = self._from_known(values)
        self.u, self.w = np.zeros_like(self._right), np.zeros_like(self._right)
        self._solve()
        self._start = self.u.copy()

    def step(self) -> float:
        """Transport vorticity along the isophotes, solve Poisson's equation; return the change (RMS)."""
        near, before = self._near, self.u.copy()
        self._find_isophotes()
        near.each_hole(
            vorticity.transport, self._fields, near.kind, near.column, self._friction, near.task.control, self.w
        )
        self._balance()
        self._solve()
        if near.task.control[0]:
            return 0.0
        near.each_hole(vorticity.put, self.u, self._values)
        tensor = self._structure(near.mean(self._values, NEAR, _OF_FILLED), INNER)
        if self._tensor.any():
            self._tensor /= 2
            tensor *= _WEIGHT_OF_FILL / 2
            self._tensor += tensor
        else:
            np.multiply(tensor, _WEIGHT_OF_FILL, out=self._tensor)
        before -= self.u
        return self.root_mean_square(before)

    @property
    def change(self) -> float:
        """How far the fill is from its start (RMS)."""
        return self.root_mean_square(self.u - self._start)

    def root_mean_square(self, planes: NDArray[np.float64]) -> float:
        """Return the RMS over hole pixels and channels."""
        return float(np.sqrt(np.square(planes).sum() / (len(planes) * self._near.holes.pixels)))

    def _known_vorticity(self) -> NDArray[np.float64]:
        """Return the vorticity of known pixels, less its noise.

        It is smoothed where there are no isophotes, and is a mean along them where there are.
        """
        near, w = self._near, self._near.planes(len(self._values))
        near.each(vorticity.laplacian, self._values, near.kind, w)
        near.each(vorticity.diffuse, self._known_tensor, near.kind, near.mean(w, SOUND, _OF_VORTICITY), w)
        near.each(vorticity.set_sources, w, near.kind, self._fields)
        self._find_isophotes()
        means = np.zeros_like(w)
        near.each(vorticity.means_along_isophotes, self._fields, near.kind, near.column, near.task.control, means)
        near.each(vorticity.set_sources, means, near.kind, self._fields)
        return means

    def _find_isophotes(self) -> None:
        """Set the directions along which transport goes from both structure tensors."""
        self._near.each(vorticity.isophotes, self._tensor, self._known_tensor, self._fields)

    def _structure(self, smoothed: NDArray[np.float64], kind: int) -> NDArray[np.float64]:
        """Return the structure tensor of all channels together, its gradients taken at pixels of a kind.

        It is overwritten when something else is smoothed.
        """
        self._near.each(vorticity.gradient_products, smoothed, self._near.kind, kind, self._products)
        return self._near.mean(self._products, kind, _OF_TENSOR)

    def _balance(self) -> None:
        """Reduce vorticity in the holes that nothing of the other sign balances nearby."""
        near = self._near
        for of_known, of_holes in zip(self._source, self.w, strict=True):
            if near.task.control[0]:
                return
            near.each(vorticity.parts, of_known, self._signs)
            near.each_hole(vorticity.parts_of_holes, of_holes, self._signs)
            near.each_hole(vorticity.balance, near.smooth(self._signs, _OF_BALANCE), _EXCESS, of_holes)

    def _solve(self) -> None:
        """Solve lap u = w from what u is."""
        self._poisson.solve(self._right - self.w, self.u, self._near.task, residual=_RESIDUAL)

    def _from_known(self, planes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what known pixels give to Laplace's equation in the holes, [planes, holes' size]."""
        near, right = self._near, np.zeros((len(planes), self._near.holes.size))
        near.each_hole(vorticity.known_neighbours, planes, near.kind, near.column, right)
        return right

    def _continue(self, planes: NDArray[np.float64]) -> None:
        """Continue planes into the holes harmonically."""
        if self._near.task.control[0]:
            return
        largest = float(max(planes.max(), -planes.min()))
        if largest > 0:
            right = self._from_known(planes)
            right /= largest
            inside = np.zeros_like(right)
            self._poisson.solve(right, inside, self._near.task, residual=_TENSOR_RESIDUAL)
            inside *= largest
            self._near.each_hole(vorticity.put, inside, planes)
