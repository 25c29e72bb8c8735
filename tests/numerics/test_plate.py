"""The biharmonic system against the energy of a plate written down in full, its coarser versions against products."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.method import Task
from restauro.numerics import plate_kernels
from restauro.numerics.plate import MARGIN, Plate
from restauro.numerics.sparse_grid import SparseGrid
from tests.numerics.systems import gathered, plate, plate_energy, scattered
from tests.promises.pictures import holes, picture, seeds


def task() -> Task:
    return Task((slice(0, 1), slice(0, 1)), 1, 1, (0,), np.zeros(2, np.int64))


def interpolation(size: int) -> np.ndarray:
    """Quadratic splines of nodes two pixels apart, (1/4, 3/4, 3/4, 1/4), straight on at both ends: [size, nodes]."""
    nodes = (size + 1) // 2
    if nodes == 1:
        return np.ones((size, 1))
    matrix = np.zeros((size, nodes))
    for pixel in range(size):
        own = pixel // 2
        other = own + (1 if pixel % 2 else -1)
        if 0 <= other < nodes:
            matrix[pixel, own], matrix[pixel, other] = 0.75, 0.25
        else:  # beyond the end: from the two nodes on this side of it
            matrix[pixel, own], matrix[pixel, 2 * own - other] = 1.25, -0.25
    return matrix


def deep(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Holes that have cells in them."""
    hole = holes(rng, shape)
    hole[shape[0] // 3 :, : shape[1] // 2 + 2] = True
    hole[0, 0] = False
    return hole


@given(seed=seeds, height=st.integers(2, 12), width=st.integers(2, 12))
@settings(max_examples=15)
def test_the_system_is_the_derivative_of_the_energy(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width)), deep(rng, (height, width))
    inside, matrix = hole.ravel(), plate_energy(hole.shape)
    grid = SparseGrid.of(hole, MARGIN)
    system = Plate(grid, task())
    values, product = rng.normal(size=grid.pixels), grid.empty()
    plate_kernels.multiply(
        system._table, *system._runs(0), True, system._links, system._wide, scattered(grid, values), product
    )
    found = gathered(grid, product)
    np.testing.assert_allclose(found, matrix[np.ix_(inside, inside)] @ values, rtol=0, atol=1e-11)
    right_side = gathered(grid, system.right_side(grid.load(image[..., np.newaxis], np.nan)[0], 0.25, 2.0))
    expected = -matrix[np.ix_(inside, ~inside)] @ ((image.ravel()[~inside] - 0.25) / 2)
    np.testing.assert_allclose(right_side, expected, rtol=0, atol=1e-11)


@given(seed=seeds, height=st.integers(4, 13), width=st.integers(4, 13))
@settings(max_examples=10)
def test_coarse_systems_are_galerkin_products(seed: int, height: int, width: int) -> None:
    hole = deep(np.random.default_rng(seed), (height, width))
    system = Plate(SparseGrid.of(hole, MARGIN), task())
    inside = hole.ravel()
    fine = plate_energy(hole.shape)[np.ix_(inside, inside)]
    numbers = system._wide[5]
    for level in range(1, system.levels):
        grid, sizes = system._grids[level], system._grids[level - 1].shape
        node = np.full((grid.shape[0] + 4, grid.shape[1] + 4), -1)
        for run, row in enumerate(grid.rows):
            begin = node.max() + 1
            columns = slice(grid.start[run] + 2, grid.stop[run] + 2)
            node[row + 2, columns] = np.arange(begin, begin + grid.lengths[run])
        kept = node[2:-2, 2:-2].ravel() >= 0
        P = np.kron(interpolation(sizes[0]), interpolation(sizes[1]))[np.ix_(inside, kept)]
        expected = P.T @ fine @ P
        found = np.zeros_like(expected)
        for run, row in enumerate(grid.rows):
            for j in range(grid.lengths[run]):
                column = grid.start[run] + j
                around = node[row : row + 5, column : column + 5]
                at = system._offsets[level] + grid.around[run, MARGIN] + j
                links = system._links[:, numbers[at]].reshape(5, 5)
                assert (links[around < 0] == 0).all()
                found[node[row + 2, column + 2], around[around >= 0]] = links[around >= 0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
        fine, inside = expected, kept


@given(seed=seeds, height=st.integers(3, 14), width=st.integers(3, 14))
@settings(max_examples=10)
def test_it_is_solved_as_by_a_dense_solver(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width)), deep(rng, (height, width))
    hole[:2, :2] = hole[-1, -1] = False  # corners hold a plane
    grid = SparseGrid.of(hole, MARGIN)
    system = Plate(grid, task())
    u = grid.empty()
    system.solve(system.right_side(grid.load(image[..., np.newaxis], np.nan)[0], 0, 1), u, task(), residual=1e-11)
    np.testing.assert_allclose(gathered(grid, u), plate(image, hole), rtol=0, atol=1e-6)
