"""Layers against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from restauro.numerics import layers
from tests.numerics.test_march import arrival_times
from tests.promises.pictures import holes

PAD = 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("reaches", [(0.7, 0.0, 1.0), (0.5, 0.5, 1.0), (0.0, 0.0, 0.0)])
def test_pixels_that_the_core_depends_on_in_the_order_of_their_layers(
    seed: int, reaches: tuple[float, float, float]
) -> None:
    hole = holes(np.random.default_rng(seed), (21, 24))
    hole[7:15, 8:19] = True
    core = (8, 13, 9, 17)
    units = np.round(np.pad(arrival_times(hole, 5), PAD) * 1024).astype(np.int32)
    indices = np.flatnonzero(np.pad(hole, PAD)).astype(np.int32)
    layer = units.ravel()[indices] >> layers.LAYER_SHIFT
    y, x = np.argwhere(hole).T
    off = np.maximum(np.maximum(core[0] - y, y - core[1] + 1), np.maximum(core[2] - x, x - core[3] + 1)).clip(0)
    inwards, outwards, around = reaches
    count = layer[(off == 0) | (outwards > 0)].max() + 1
    kept = (layer < count) & (off <= inwards * (count - 1 - layer) + outwards * count + around)
    order = np.argsort(layer[kept], kind="stable")
    slot = np.where(off == 0, np.cumsum(off == 0) - 1, -1)

    ordered, slots = np.empty_like(indices), np.empty(len(indices), np.int64)
    first = layers.order_by_layer(units, indices, PAD, np.array(core), np.array(reaches), ordered, slots)
    assert 0 < kept.sum() < len(indices)
    np.testing.assert_array_equal(ordered[: first[-1]], indices[kept][order])
    np.testing.assert_array_equal(slots[: first[-1]], slot[kept][order])
    np.testing.assert_array_equal(first, np.searchsorted(layer[kept][order], np.arange(count + 1)))
