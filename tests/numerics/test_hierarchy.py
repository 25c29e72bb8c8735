from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.numerics.hierarchy import CHUNKS, every_second
from restauro.numerics.multigrid_kernels import (
    ABOVE,
    BELOW,
    CHILD,
    CHILD_ABOVE,
    CHILD_BELOW,
    EDGES,
    ENDS_BETWEEN,
    FIRST,
    LENGTH,
    ODD,
    PARENT_ABOVE,
    PARENT_BELOW,
    STANDS_FOR_BELOW,
    STANDS_FOR_RIGHT,
)
from restauro.numerics.sparse_grid import SparseGrid
from restauro.numerics.vectors import LANES
from tests.promises.pictures import holes, seeds


def places(hole: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Where each pixel of a level is kept, -1 where it isn't hole: runs are in row-major order."""
    found = np.full(hole.shape, -1)
    found[hole] = np.concatenate([first + np.arange(n) for first, n in runs[:, [FIRST, LENGTH]]])
    return found


def first_pixels(where: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Row and column of the first pixel of each run; on coarser levels runs may touch."""
    return np.argwhere(where >= 0)[np.cumsum(runs[:, LENGTH]) - runs[:, LENGTH]]


@given(seed=seeds, height=st.integers(1, 25), width=st.integers(1, 25))
@settings(max_examples=25)
def test_levels_hold_every_second_hole_pixel_and_know_their_neighbours(seed: int, height: int, width: int) -> None:
    hole = holes(np.random.default_rng(seed), (height, width))
    if not hole.any():
        return
    layout = every_second(SparseGrid.of(hole))
    kept = []
    for level, (bounds, size) in enumerate(zip(layout.bounds, layout.sizes, strict=True)):
        runs = layout.table[bounds[0] : bounds[CHUNKS]]
        where = places(hole[:: 2**level, :: 2**level], runs)
        assert (where >= 0).sum() == size
        assert (np.diff(bounds) >= 0).all()
        inside = where[where >= 0]
        assert inside.size == np.unique(inside).size
        assert inside.min() > layout.offsets[level]
        assert inside.max() < layout.offsets[level + 1] - 1
        kept.append((runs, where))
    coarsest = hole[:: 2 ** len(kept), :: 2 ** len(kept)]
    assert coarsest.sum() in (0, layout.sizes[-1])
    for level, (runs, where) in enumerate(kept):
        rows, columns = where.shape
        everywhere = np.pad(where, 1, constant_values=-1)
        for run, (y, x) in zip(runs, first_pixels(where, runs), strict=True):
            for column, row in ((ABOVE, y - 1), (BELOW, y + 1)):
                for j in range(run[LENGTH]):
                    assert everywhere[row + 1, x + j + 1] in (-1, run[column] + j)
            if level > 0:
                fine_rows, fine_columns = kept[level - 1][1].shape
                fine = np.pad(kept[level - 1][1], 1, constant_values=-1)
                for column, row in ((CHILD_ABOVE, -1), (CHILD, 0), (CHILD_BELOW, 1)):
                    for j in range(2 * run[LENGTH] - 1):
                        assert fine[2 * y + row + 1, 2 * x + j + 1] in (-1, run[column] + j)
                ends = x + run[LENGTH] == columns
                assert bool(run[EDGES] & STANDS_FOR_RIGHT) == (ends and fine_columns % 2 == 0)
                assert bool(run[EDGES] & STANDS_FOR_BELOW) == (y == rows - 1 and fine_rows % 2 == 0)
            if level + 1 < len(kept):
                coarse = kept[level + 1][1]
                assert bool(run[EDGES] & ODD) == (x % 2 == 1)
                for column, row in ((PARENT_ABOVE, y // 2), (PARENT_BELOW, min((y + 1) // 2, len(coarse) - 1))):
                    for node in range(x // 2, min((x + run[LENGTH]) // 2, coarse.shape[1] - 1) + 1):
                        assert coarse[row, node] in (-1, run[column] + node - x // 2)
                assert bool(run[EDGES] & ENDS_BETWEEN) == (x + run[LENGTH] == columns and columns % 2 == 0)


@given(seed=seeds, height=st.integers(1, 60), width=st.integers(1, 60))
@settings(max_examples=25)
def test_no_chunk_begins_among_pixels_that_are_rewritten_with_the_one_before(
    seed: int, height: int, width: int
) -> None:
    """Two threads would write them at once."""
    hole = holes(np.random.default_rng(seed), (height, width))
    if not hole.any():
        return
    layout = every_second(SparseGrid.of(hole))
    for bounds in layout.bounds:
        for border in bounds[1:CHUNKS]:
            before, after = layout.table[bounds[0] : border], layout.table[border : bounds[CHUNKS]]
            if len(before) and len(after):
                assert after[0, FIRST] >= (before[:, FIRST] + before[:, LENGTH] + LANES - 1).max()


def test_chunks_of_a_large_hole_have_about_as_many_pixels() -> None:
    hole = np.random.default_rng(1).random((400, 300)) < 0.3
    for masked in (np.ones((400, 300), bool), hole):
        layout = every_second(SparseGrid.of(masked))
        bounds = layout.bounds[0]
        pixels = [layout.table[low:high, LENGTH].sum() for low, high in pairwise(bounds)]
        assert sum(pixels) == masked.sum()
        assert max(pixels) < 1.5 * masked.sum() / CHUNKS
