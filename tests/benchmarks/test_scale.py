"""The simulation of an archive on many machines: what must be so whatever the rates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scale import Outcome, Rates, Simulation

# Nothing differs, nothing fails, and the client takes no time.
EVEN = Rates(
    read=100, written=100, work=10, channel=100, channels=10**6, client=0, at_once=4, spread=0, slow_machines=0,
    between_failures=1e18,
)  # fmt: skip


def simulated(pictures: int, machines: int, seed: int = 0, **rates: float) -> Outcome:
    return Simulation(pictures, machines, replace(EVEN, **rates), seed).run()  # type: ignore[arg-type]


@pytest.mark.parametrize("machines", [1, 3, 10])
def test_without_a_hitch_it_is_the_sum_shared(machines: int) -> None:
    found = simulated(120, machines)
    assert found.finished == [1] * 120
    assert found.seconds == pytest.approx(120 * (1 + 10 + 1) / (4 * machines))
    assert found.machines == pytest.approx(10 / 12)


def test_a_store_that_is_too_slow_decides() -> None:
    found = simulated(1000, 50, channels=4)
    assert found.seconds == pytest.approx(1000 * 2 / 4, rel=0.05)
    assert found.store == pytest.approx(1, abs=0.05)


def test_a_client_that_is_too_slow_decides() -> None:
    found = simulated(1000, 50, client=0.5)
    assert found.seconds == pytest.approx(1000 * 0.5, rel=0.05)
    assert found.client == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_what_failing_machines_lose_is_done_once_by_others(seed: int) -> None:
    found = simulated(2000, 20, seed, between_failures=200.0, repair=50.0, spread=0.5)
    assert found.lost > 20
    assert found.finished == [1] * 2000
    assert found.seconds > simulated(2000, 20, seed, spread=0.5).seconds


def test_slow_machines_cost_what_they_do_not_do() -> None:
    """Work is given to whoever is free, so that one slow machine of ten costs its own share and a last picture."""
    found, even = simulated(2000, 10, 1, slow_machines=0.3, slowness=10), simulated(2000, 10)
    slow = sum(factor > 1 for factor in Simulation(1, 10, replace(EVEN, slow_machines=0.3), 1).factors)
    assert 0 < slow < 10
    assert even.seconds * 10 / (10 - slow + slow * 12 / 102) < found.seconds < even.seconds * 10 / (10 - slow) + 102


def test_the_same_seed_gives_the_same() -> None:
    options = {"between_failures": 500.0, "spread": 0.3, "slow_machines": 0.2}
    assert simulated(500, 7, 3, **options) == simulated(500, 7, 3, **options)
    assert simulated(500, 7, 3, **options) != simulated(500, 7, 4, **options)


def test_a_thousand_machines() -> None:
    found = simulated(20_000, 1000, between_failures=2000.0, spread=0.5, slow_machines=0.02)
    assert found.finished == [1] * 20_000
    assert found.lost > 0
