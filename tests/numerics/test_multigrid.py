from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.method import Task
from restauro.numerics import galerkin
from restauro.numerics.kernel import MODE
from restauro.numerics.multigrid import Multigrid
from restauro.numerics.multigrid_kernels import ABOVE, BELOW, FIRST, LENGTH
from restauro.numerics.sparse_grid import SparseGrid
from tests.numerics.systems import gathered, laplacian, scattered
from tests.promises.pictures import holes, net, seeds


def task() -> Task:
    return Task((slice(0, 1), slice(0, 1)), 1, 1, (0,), np.zeros(2, np.int64))


def solved(system: Multigrid, b: np.ndarray, tolerance: float = 1e-9) -> np.ndarray:
    u = system.grid.empty()
    system.solve(scattered(system.grid, b), u, task(), residual=tolerance)
    return gathered(system.grid, u)


@given(seed=seeds, height=st.integers(1, 22), width=st.integers(1, 22))
@settings(max_examples=15)
def test_the_laplacian_is_solved_as_by_a_dense_solver(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    hole = holes(rng, (height, width))
    if not hole.any():
        return
    b = rng.uniform(-1, 1, int(hole.sum()))
    expected = np.linalg.solve(laplacian(hole), b)
    np.testing.assert_allclose(solved(Multigrid(SparseGrid.of(hole)).laplacian(task()), b), expected, rtol=0, atol=1e-5)


def random_links(rng: np.random.Generator, grid: SparseGrid) -> np.ndarray:
    """Positive links to all sides, some a thousand times as strong as others; a diagonal larger than all of them."""
    links = np.zeros((5, grid.size), np.float32)
    links[1:] = 10 ** rng.uniform(-3, 0, (4, grid.size))
    for run, around in enumerate(grid.around):
        above, i, _ = around
        for j in range(grid.lengths[run]):
            k, up = i + j, above + j
            links[0, k] = links[1:, k].sum() + links[1, k - 1] + links[2, up] + links[3, up - 1] + links[4, up + 1]
    return links


def dense(grid: SparseGrid | Level, links: np.ndarray) -> np.ndarray:
    """The matrix of a system."""
    number = np.full(grid.size, -1)
    number[scattered(grid, np.ones(grid.pixels)) > 0] = np.arange(grid.pixels)
    matrix = np.zeros((grid.pixels, grid.pixels))
    for run, (_, i, below) in enumerate(grid.around):
        for j in range(grid.lengths[run]):
            k, down = i + j, below + j
            matrix[number[k], number[k]] = links[0, k]
            for link, other in zip(links[1:, k], (k + 1, down, down + 1, down - 1), strict=True):
                if number[other] >= 0:
                    matrix[number[k], number[other]] = matrix[number[other], number[k]] = -link
    return matrix


@given(seed=seeds, height=st.integers(1, 20), width=st.integers(1, 20))
@settings(max_examples=15)
def test_any_nine_point_system_is_solved_as_by_a_dense_solver(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    hole = holes(rng, (height, width))
    if not hole.any():
        return
    grid = SparseGrid.of(hole)
    links = random_links(rng, grid)
    b = rng.uniform(-1, 1, grid.pixels)
    expected = np.linalg.solve(dense(grid, links), b)
    found = solved(Multigrid(grid).set_links(links, task()), b)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@given(seed=seeds, height=st.integers(1, 22), width=st.integers(1, 22))
@settings(max_examples=15)
def test_links_written_where_they_are_kept_make_the_same_system(seed: int, height: int, width: int) -> None:
    """Twice, one after the other: what is left of the first must not matter."""
    rng = np.random.default_rng(seed)
    hole = holes(rng, (height, width))
    if not hole.any():
        return
    grid = SparseGrid.of(hole)
    system = Multigrid(grid)
    for _ in range(2):
        links = random_links(rng, grid)
        expected = Multigrid(grid).set_links(links, task())
        for (above, i, _), length in zip(grid.around, grid.lengths, strict=True):
            k, up = i + np.arange(length), above + np.arange(length)
            system.links[:, k] = links[:, k]
            for link, at in ((1, k[:1] - 1), (2, up), (3, up - 1), (4, up + 1)):
                inside = system.links[0, at] > 0  # set, or to be set, with its own
                system.links[link, at[~inside]] = links[link, at[~inside]]
        system.keep_links(task())
        for found, wanted in (
            (system._links, expected._links),
            (system._inverse, expected._inverse),
            (system._spectrum, expected._spectrum),
        ):
            np.testing.assert_allclose(found, wanted, rtol=1e-6)


class Level:
    """A coarser level, as `dense` wants it."""

    margin = 1

    def __init__(self, system: Multigrid, level: int) -> None:
        runs = system._table[slice(*system._runs(level))]
        self.begin, self.size = int(system._offsets[level]), int(np.diff(system._offsets)[level])
        self.around = np.ascontiguousarray(runs[:, [ABOVE, FIRST, BELOW]]) - self.begin
        self.lengths, self.pixels = runs[:, LENGTH], int(system._sizes[level])

    def empty(self) -> np.ndarray:
        return np.zeros(self.size)


def interpolation(fine: np.ndarray) -> np.ndarray:
    """Bilinear interpolation from every second hole pixel of every second row to all hole pixels, dense."""

    def along(size: int) -> np.ndarray:
        nodes = (size + 1) // 2
        matrix = np.zeros((size, nodes))
        for i in range(size):
            matrix[i, i // 2] += 0.5
            matrix[i, min((i + 1) // 2, nodes - 1)] += 0.5
        return matrix

    whole = np.kron(along(fine.shape[0]), along(fine.shape[1]))
    return whole[fine.ravel()][:, fine[::2, ::2].ravel()]


@given(seed=seeds, height=st.integers(2, 18), width=st.integers(2, 18))
@settings(max_examples=15)
def test_coarse_systems_are_galerkin_products(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    hole = holes(rng, (height, width))
    hole[0, 0], hole[1, 1] = True, False
    grid = SparseGrid.of(hole)
    links = random_links(rng, grid)
    system = Multigrid(grid).set_links(links, task())
    if system.levels < 2:
        return
    coarse = Level(system, 1)
    kept = system._links[:, grid.size : grid.size + coarse.size]
    for around in coarse.around[coarse.lengths == 1]:
        k, below = around[1], around[2]
        for link, other in zip(kept[1:, k], (k + 1, below, below + 1, below - 1), strict=True):
            assert link == 0 or kept[0, other] > 0  # to nodes in the hole alone
    expected = dense(grid, links)
    for level in range(1, system.levels):
        coarse = Level(system, level)
        found = dense(coarse, system._links[:, coarse.begin : coarse.begin + coarse.size])
        P = interpolation(hole[:: 2 ** (level - 1), :: 2 ** (level - 1)])
        expected = P.T @ expected @ P
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(52, 52), (51, 53)])
def test_steps_do_not_grow_with_the_hole(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    deep = np.zeros(shape, bool)
    deep[4:-4, 4:-4] = True
    to_the_edge = np.ones(shape, bool)
    to_the_edge[20, 30] = False
    for hole in (deep, to_the_edge, net(rng, shape)):
        grid = SparseGrid.of(hole)
        b = scattered(grid, rng.uniform(-1, 1, grid.pixels))
        assert Multigrid(grid).laplacian(task()).solve(b, grid.empty(), task(), residual=1e-7) <= 9


def test_the_bound_of_the_spectrum_is_gershgorins() -> None:
    rng = np.random.default_rng(4)
    grid = SparseGrid.of(holes(rng, (14, 15)))
    links = random_links(rng, grid)
    links[0] *= 1.3
    system = Multigrid(grid).set_links(links, task())
    matrix = dense(grid, links)
    expected = np.abs(matrix / np.diag(matrix)[:, np.newaxis]).sum(axis=1).max()
    assert galerkin.bound(system._table, *system._runs(0), system._links) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("change", [0.0, 1e-3])
def test_systems_that_are_solved_together_are_solved_as_each_alone(dtype: type, change: float) -> None:
    rng = np.random.default_rng(5)
    shape = (32, 36) if MODE == "python" else (60, 70)  # the larger takes a minute as Python
    grid = SparseGrid.of(net(rng, shape) | (rng.random(shape) < 0.3))
    system = Multigrid(grid).set_links(random_links(rng, grid), task())
    b = np.zeros((6, grid.size), dtype)
    for right_side, size in zip(b, (1, 1e-6, 0, 30, 1e-3, 1), strict=True):  # some are done long before others
        right_side[:] = size * scattered(grid, rng.uniform(-1, 1, grid.pixels))
    together, alone = np.zeros_like(b), np.zeros_like(b)
    most = system.solve(b, together, task(), residual=1e-5, change=change)
    steps = [system.solve(*one, task(), residual=1e-5, change=change) for one in zip(b, alone, strict=True)]
    np.testing.assert_array_equal(together, alone)
    assert most == max(steps)
    assert len(set(steps)) > 2


def test_a_solve_that_is_stopped_returns() -> None:
    grid = SparseGrid.of(np.pad(np.ones((20, 20), bool), 1))
    stopped = task()
    stopped.control[0] = 1
    u = grid.empty()
    assert Multigrid(grid).laplacian(task()).solve(grid.empty() + 1, u, stopped, residual=1e-7) == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_the_history_holds_the_residuals_of_each_system(workers: int) -> None:
    rng = np.random.default_rng(5)
    hole = np.pad(np.ones((78, 118), bool), 1)
    system = Multigrid(SparseGrid.of(hole)).laplacian(task())
    b = np.stack([scattered(system.grid, scale * rng.uniform(-1, 1, hole.sum())) for scale in (1.0, 1e-4)])
    u = np.zeros_like(b)
    with ThreadPoolExecutor(workers) as others:
        of_threads = Task((slice(0, 1), slice(0, 1)), 1, workers, (0,), np.zeros(2, np.int64), others=others)
        steps = system.solve(b, u, of_threads, residual=1e-7)
    assert system.history.shape == (steps + 1, 2)
    assert system.history[0].tolist() == np.abs(b).max(axis=1).tolist()
    assert (np.diff(system.history[:, 0]) < 0).all()
    assert system.history[-1, 0] <= 1e-7 < system.history[-2, 0]
    found = system.history[:, 1][~np.isnan(system.history[:, 1])]  # it begins nearer to the end
    assert len(found) < steps + 1
    assert found[-1] <= 1e-7
