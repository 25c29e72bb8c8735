from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import restauro
from restauro.numerics import multigrid
from tests.numerics.systems import known_sum, laplacian
from tests.promises.pictures import holes, net, picture, seeds


@given(seed=seeds, height=st.integers(2, 40), width=st.integers(2, 40))
def test_the_fill_is_that_of_a_dense_solve(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    image, hole = picture(rng, (height, width)), holes(rng, (height, width))
    restored = restauro.inpaint(np.where(hole, np.nan, image), hole, "harmonic")
    expected = np.linalg.solve(laplacian(hole), known_sum(hole, image))
    np.testing.assert_allclose(restored[hole], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(300, 300), (301, 299)])
def test_the_residual_is_small_in_holes_of_every_kind(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    image = picture(rng, shape)
    square, border = np.zeros(shape, bool), np.ones(shape, bool)
    square[20:-20, 20:-20] = True
    border[150:160, 100:130] = False
    for hole in (square, border, net(rng, shape), rng.random(shape) < 0.7):
        u = np.pad(restauro.inpaint(image, hole, "harmonic"), 1, "edge")  # no flux through the picture's edge
        neighbours = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        assert np.abs(neighbours - 4 * u[1:-1, 1:-1])[hole].max() < 1e-6


def test_no_value_lies_beyond_those_around_the_hole() -> None:
    rng = np.random.default_rng(6)
    image, hole = picture(rng, (80, 80)), net(rng, (80, 80))
    restored = restauro.inpaint(image, hole, "harmonic")
    assert image[~hole].min() - 1e-6 <= restored.min()
    assert restored.max() <= image[~hole].max() + 1e-6


def test_threads_that_share_a_hole_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multigrid, "_PIXELS_WORTH_A_THREAD", 100)
    rng = np.random.default_rng(4)
    hole = net(rng, (200, 240)) | (rng.random((200, 240)) < 0.55)
    image = picture(rng, (200, 240, 2))
    alone = restauro.inpaint(image, hole, "harmonic", workers=1)
    for workers in (2, 3):
        np.testing.assert_array_equal(restauro.inpaint(image, hole, "harmonic", workers=workers), alone)


def test_steps_do_not_grow_with_wide_holes() -> None:
    from restauro.method import Task
    from restauro.numerics.sparse_grid import SparseGrid

    rng = np.random.default_rng(8)
    hole = np.zeros((600, 610), bool)
    hole[4:-4, 4:] = True
    grid = SparseGrid.of(hole)
    b = grid.empty()
    for begin, length in zip(grid.around[:, 1], grid.lengths, strict=True):
        b[begin : begin + length] = rng.uniform(-1, 1, length)
    task = Task((slice(0, 1), slice(0, 1)), 1, 1, (0,), np.zeros(2, np.int64))
    assert multigrid.Multigrid(grid).laplacian(task).solve(b, grid.empty(), task, residual=1e-7) <= 9
