"""The perceptron's kernel against matrix products."""

from __future__ import annotations

import numpy as np

from restauro.numerics import perceptron


def test_it_is_that_of_matrix_products() -> None:
    rng = np.random.default_rng(5)
    planes = rng.standard_normal((6, 7, 9)).astype(np.float32)
    weights, thresholds, sums = (rng.standard_normal(shape).astype(np.float32) for shape in ((4, 6), 4, 4))
    out = np.full((7, 9), np.nan, np.float32)
    for first, end in ((0, 3), (3, 7)):
        perceptron.apply(first, end, planes, weights, thresholds, sums, 0.25, out)
    hidden = np.maximum(np.einsum("hk,kyx->hyx", weights, planes) + thresholds[:, None, None], 0)
    np.testing.assert_allclose(out, np.einsum("h,hyx->yx", sums, hidden) + 0.25, atol=1e-5)
