"""What the tables of speed and of large holes say, on times made up."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV isn't installed: pip install .[eval]")
import _large
import _peers
import _pictures
import _processes
import _timing
import classical


def test_ways_take_turns_there_and_back() -> None:
    order: list[str] = []
    ways = {name: (lambda name=name: order.append(name)) for name in "abc"}
    seconds = _timing.interleaved(ways, 3, {"b": 2})
    assert "".join(order) == "abc" + "cba" + "ac"
    assert {name: len(one) for name, one in seconds.items()} == {"a": 3, "b": 2, "c": 3}


def test_limits_are_judged_by_medians() -> None:
    seconds = {"biharmonic": [0.1, 0.2, 0.4], _peers.SKIMAGE: [1.2, 1.0], "harmonic": [0.02, 0.03, 0.06]}
    table = classical.targets_table({(512, "cracks 2 %"): (100_000, seconds)})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert rows == [
        ["harmonic", "512, cracks 2 %", "0.30 (0.20–0.60) us", "-", "0.5 us", "met"],
        ["biharmonic", "512, cracks 2 %", f"8.50 (5.00–12.00) × {_peers.SKIMAGE}", "5 ×", "-", "met"],
    ]
    seconds[_peers.SKIMAGE] = [0.4, 0.5]
    assert "missed by 1.75" in classical.targets_table({(512, "cracks 2 %"): (100_000, seconds)})


def test_memory_counts_beyond_a_process_that_fills_nothing() -> None:
    without = _processes.Finished(1, 700_000_000, "0.1\n")
    filled = [_processes.Finished(9, peak, f"{seconds}\n") for peak, seconds in ((9e8, 2.5), (11e8, 3.5), (8e8, 2.9))]
    row = _large.row("harmonic", _large.NET, 2_000_000, without, filled)
    assert row[2:] == ["2 000 000", "2.90 (2.50–3.50)", "1.10", "200", "met (400 bytes)"]
    row = _large.row("harmonic", _large.SQUARE, 2_000_000, without, filled)
    assert row[-1] == "met (3 s), missed by 0.10 (1 GB)"


def test_every_case_and_limit_can_be_measured() -> None:
    assert {damage for _, damage in classical.CASES} == set(classical.DAMAGES)
    assert all(set(limit.cases) <= set(classical.CASES) for limit in classical.LIMITS)
    for limit in classical.LIMITS:
        assert limit.peer is None or set(limit.cases) <= set(classical.FILLED_BY[limit.peer])


def test_the_example_goes_on_mirrored() -> None:
    small, large = _pictures.example(64), _pictures.example(2500)
    assert large.shape == (2500, 2500, 3)
    assert np.array_equal(large[:64, :64], small)
