"""Kernels of edge-enhancing diffusion against the formulas, and the systems they make."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.method import Task
from restauro.numerics import edge_diffusion_kernels as kernels
from restauro.numerics import hole_tiles
from restauro.numerics.edge_diffusion import EdgeDiffusion
from restauro.numerics.guide_lines import NO_LINES, directions
from restauro.numerics.kernel import MODE, kernel
from restauro.numerics.sparse_grid import SparseGrid
from restauro.numerics.structure_tensor import GRADIENT_REACH, half_gaussian, set_gradients, smooth
from tests.numerics import naive_edge_diffusion as naive
from tests.numerics.systems import gathered
from tests.promises.pictures import holes, picture, seeds

SCALE, RATIO = 1.0, 0.1


def task() -> Task:
    return Task((slice(0, 1), slice(0, 1)), 1, 1, (0,), np.zeros(2, np.int64))


def diffusion_of(image: np.ndarray, hole: np.ndarray) -> EdgeDiffusion:
    return EdgeDiffusion(image, hole, SCALE, RATIO, 1e-8, task())


def filled(diffusion: EdgeDiffusion, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    result = image.astype(float)
    for c in range(image.shape[2]):
        result[:, :, c][hole] = gathered(diffusion.grid, diffusion.v[c]) * diffusion.unit[c] + diffusion.zero[c]
    return result


def test_the_tensor_is_the_formula() -> None:
    image = np.random.default_rng(1).normal(size=(13, 15, 2))
    half = half_gaussian(SCALE)
    u = np.ascontiguousarray(np.moveaxis(image, 2, 0), np.float32)
    J, lines = np.empty((3, 10, 12), np.float32), np.empty((2, 2, 4, 15), np.float32)
    set_gradients(u, np.full(2, 0.5), lines, np.full((3, 15), np.nan), J)
    for part in J:
        smooth(part, 10, 12, half, np.ones((4, 6), bool), lines[0, 0, 0])
    first = GRADIENT_REACH + half.size - 1
    expected = naive.structure_tensor(0.5 * image, SCALE)[first:-first, first:-first]
    for part, (i, j) in zip(J, ((0, 0), (0, 1), (1, 1)), strict=True):
        np.testing.assert_allclose(part[:4, :6], expected[:, :, i, j], rtol=0, atol=1e-6)


@given(seed=seeds, height=st.integers(1, 20), width=st.integers(1, 20), side=st.integers(2, 8))
@settings(max_examples=15)
def test_boxes_are_tight_around_the_holes_of_each_tile(seed: int, height: int, width: int, side: int) -> None:
    hole = holes(np.random.default_rng(seed), (height, width))
    grid = SparseGrid.of(hole)
    expected = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            y, x = np.nonzero(hole[top : top + side, left : left + side])
            if len(y):
                expected.append([top + y.min(), top + y.max() + 1, left + x.min(), left + x.max() + 1])
    found = hole_tiles.tile_boxes(grid.row_start, grid.start, grid.stop, width, side)
    np.testing.assert_array_equal(found, np.array(expected, np.int64).reshape(-1, 4))


@given(
    seed=seeds, height=st.integers(1, 6), width=st.integers(1, 6), tile=st.sampled_from([3, 64]), drawn=st.booleans()
)
@settings(max_examples=8)
def test_links_are_those_of_the_energy(seed: int, height: int, width: int, tile: int, drawn: bool) -> None:
    """What is out of balance is A v, also at the picture's edge and where tiles meet."""
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width, 2)), holes(rng, (height, width))
    if not hole.any():
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("restauro.numerics.edge_diffusion._TILE", tile)
        diffusion = diffusion_of(image, hole)
        diffusion.start(lambda: None, 0)
        if diffusion.flat:
            return
        lines = rng.uniform(0, 6, (2, 4)) if drawn else NO_LINES
        diffusion._each_tile(kernels.set_links, diffusion._squared_contrast, diffusion._links, lines=lines)
    whole = filled(diffusion, image, hole)
    unit = diffusion.unit.max()
    squared = naive.squared_contrast(whole / unit, hole, SCALE, RATIO)
    found = diffusion._squared_contrast[0]
    assert found == kernels._NO_CONTRAST if np.isinf(squared) else found == pytest.approx(squared, rel=1e-4)
    J = naive.structure_tensor(whole / unit, SCALE)
    if drawn and (field := directions(lines, -0.5, -0.5, (height + 1, width + 1))).size:
        x, y = field[:2].astype(float)
        on = (x != 0) | (y != 0)
        J[on] = 1e18 * np.array([[y * y, -x * y], [-x * y, x * x]]).transpose(2, 3, 0, 1)[on]
    A = naive.matrix(hole.shape, J, min(squared, kernels._NO_CONTRAST))  # lines are strong against no contrast too
    r = diffusion.grid.empty(np.float32)
    for c in range(2):
        kernels.imbalance(
            diffusion.grid.around, diffusion.grid.start, diffusion.grid.stop, diffusion._links, diffusion.v[c], r
        )
        expected = -(A @ whole[:, :, c].ravel())[hole.ravel()] / diffusion.unit[c]
        np.testing.assert_allclose(gathered(diffusion.grid, r), expected, rtol=0, atol=2e-4)
    at_holes = gathered(diffusion.grid, diffusion._links[0])
    np.testing.assert_allclose(at_holes, np.diag(A)[hole.ravel()], rtol=0, atol=2e-4)


def stencil(J: Any, n: int, contrast: Any, weights: Any) -> None:
    kernels._stencil(J, 0, 0, n, contrast, 5, 5, (1000, 1000), weights)


if MODE == "jit":  # within a kernel, as vector registers have it
    stencil = kernel("f4[:, :, ::1], i8, f4, f4[:, ::1]")(stencil)


@pytest.mark.parametrize("magnitude", [1e-3, 3e-9, 1e-9, 3e-10, 1e-10, 1e-20])  # fourth powers: down to nothing
@pytest.mark.parametrize("contrast", [1e-2, 1e-12, 1e-30, 1e-44])
@pytest.mark.parametrize("mixed", [0, 1])
def test_gradients_of_any_size_make_finite_weights(magnitude: float, contrast: float, mixed: int) -> None:
    n = 500  # enough for the widest vector registers
    across, along = np.random.default_rng(3).normal(size=(2, 1, n + 1)) * magnitude
    J = np.stack([across**2, mixed * across * along, along**2]).astype(np.float32)
    weights = np.full((4, n + 1), np.nan, np.float32)
    stencil(J, n, np.float32(contrast), weights)
    assert np.isfinite(weights).all()
    assert (weights[0] + weights[1] <= 2 + 1e-5).all()
    if magnitude**2 < 1e-6 * contrast:  # flat, against the contrast: the usual five points
        np.testing.assert_allclose(weights, np.outer([1, 1, 0, 0], np.ones(n + 1)), atol=1e-5)


def test_smoothing_leaves_out_what_is_not_wanted() -> None:
    rng = np.random.default_rng(4)
    values, half = rng.normal(size=(40, 50)).astype(np.float32), half_gaussian(SCALE)
    shape = 41 - 2 * half.size + 1, 51 - 2 * half.size + 1
    wanted = rng.random(shape) < 0.03
    wanted[5] = False
    whole, part, line = values.copy(), values.copy(), np.empty(50, np.float32)
    smooth(whole, 40, 50, half, np.ones(shape, bool), line)
    smooth(part, 40, 50, half, wanted, line)
    np.testing.assert_array_equal(part[: shape[0], : shape[1]][wanted], whole[: shape[0], : shape[1]][wanted])


def test_a_step_is_a_dense_solve() -> None:
    rng = np.random.default_rng(3)
    image = picture(rng, (14, 15, 2))
    hole = np.zeros((14, 15), bool)
    hole[2:7, 3:8] = hole[9:, 5] = True
    diffusion = diffusion_of(image, hole)
    diffusion.start(lambda: None, 0)
    before = filled(diffusion, image, hole)
    diffusion.step(lambda: None, 0)
    unit = diffusion.unit.max()
    squared = naive.squared_contrast(before, hole, SCALE, RATIO)
    expected = naive.step(before, hole, SCALE, squared)
    found = filled(diffusion, image, hole)
    assert np.abs(expected - before).max() > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * unit)


def test_contrast_is_that_of_each_group_of_holes() -> None:
    image = np.zeros((8, 40, 1))
    image[:, :20] = np.arange(20)[:, np.newaxis] // 3 % 2
    image[:, 30:] += 0.1 * np.arange(10)[:, np.newaxis]
    hole = np.zeros((8, 40), bool)
    hole[3:5, 8] = hole[4, 11] = hole[3, 35] = True
    diffusion = diffusion_of(image, hole)
    diffusion.start(lambda: None, 0)
    left, joined, right = diffusion._squared_contrast[[0, 3, 1]]
    assert left == joined
    assert right == pytest.approx((RATIO * 0.1) ** 2, rel=1e-3)  # all steps are 0.1, and the range is 1
    assert left > 5 * right


def test_a_fill_that_is_stopped_returns_at_once() -> None:
    image = picture(np.random.default_rng(2), (10, 10, 1))
    hole = np.zeros((10, 10), bool)
    hole[3:6, 3:6] = True
    diffusion = diffusion_of(image, hole)
    diffusion._task.control[0] = 1
    called: list[int] = []
    diffusion.start(lambda: called.append(1), 6)
    diffusion.step(lambda: called.append(2), 5)
    assert not called
