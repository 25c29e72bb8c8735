from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from restauro.evaluation.statistics import difference, mean


def test_the_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(1).gamma(2, 3, 60)
    found = mean(values)
    expected = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.03 * (found.high - found.low))


def test_95_of_100_intervals_hold_the_mean() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        found = mean(rng.normal(5, 2, 50))
        held += found.low <= 5 <= found.high
    assert 0.89 < held / 200 < 0.99


def test_a_paired_difference_is_told_where_pictures_differ_more_than_ways() -> None:
    rng = np.random.default_rng(4)
    hard = rng.normal(30, 5, 40)  # what is hard about each picture
    one, other = hard + 0.5 + rng.normal(0, 0.3, 40), hard + rng.normal(0, 0.3, 40)
    found = difference(one, other)
    assert found.is_other_than_zero
    assert found.low < 0.5 < found.high
    both = mean(one), mean(other)
    assert both[0].low < both[1].high  # unpaired, nothing could be told
    assert not difference(one, one[::-1]).is_other_than_zero


def test_a_weighted_mean_is_that_of_all_pixels_together() -> None:
    rng = np.random.default_rng(5)
    pixels = [rng.random(rng.integers(1, 50)) for _ in range(30)]
    found = mean([own.mean() for own in pixels], [len(own) for own in pixels])
    assert found.mean == pytest.approx(np.concatenate(pixels).mean())
    assert found.low < found.mean < found.high


def test_the_same_numbers_give_the_same_interval_and_few_give_none() -> None:
    values = np.arange(20.0)
    assert mean(values) == mean(values)
    one = mean([3.0])
    assert one.mean == 3
    assert np.isnan(one.low)
    assert one.text(1) == "3.0"
    assert mean([]).text(1) == "-"


def test_many_pictures_are_resampled_in_pieces() -> None:
    values = np.random.default_rng(6).normal(size=30_000)
    found = mean(values)
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(30_000), rel=0.1)
