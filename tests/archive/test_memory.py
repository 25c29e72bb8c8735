from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from restauro import scratch
from restauro.archive import memory
from restauro.archive.memory import Gate, Need, foretold
from restauro.errors import MemoryShortError, ReadError


def most_at_once(gate: Gate, sizes: list[int]) -> int:
    """Return how many bytes were inside at most, each waiting until all that fit are in."""
    inside, most, lock = [0], [0], threading.Lock()

    def enter(size: int) -> None:
        with gate.entered(Need(size, 1)):
            with lock:
                inside[0] += size
                most[0] = max(most[0], inside[0])
            threading.Event().wait(0.01)
            with lock:
                inside[0] -= size

    with ThreadPoolExecutor(len(sizes)) as pool:
        list(pool.map(enter, sizes))
    return most[0]


def test_as_many_go_in_as_fit() -> None:
    assert 30 < most_at_once(Gate(memory=100, cores=8), [30] * 12) <= 90


def test_one_that_is_as_large_as_all_goes_in_alone() -> None:
    assert most_at_once(Gate(memory=100, cores=8), [10, 120, 10, 120]) == 120


def test_nobody_overtakes_a_large_one() -> None:
    gate, order = Gate(memory=100, cores=8), []

    def enter(size: int) -> None:
        with gate.entered(Need(size, 1)):
            order.append(size)

    with ThreadPoolExecutor(3) as pool, gate.entered(Need(60, 1)):
        pool.submit(enter, 90)
        while not gate._waiting:
            pass
        pool.submit(enter, 10)  # which would fit
        while len(gate._waiting) < 2:
            pass
        assert order == []
    assert order == [90, 10]


def test_threads_follow_the_share_of_memory() -> None:
    gate = Gate(memory=100, cores=8)
    for needed, threads in ((1, 1), (25, 2), (99, 7), (120, 8)):
        with gate.entered(Need(needed, 1)) as given:
            assert given == threads
    gate.least_threads = 4  # two pictures are left
    with gate.entered(Need(1, 1)) as given:
        assert given == 4


def test_what_can_never_fit_is_refused_and_not_waited_for() -> None:
    with (
        pytest.raises(MemoryShortError, match=r"It takes at least 2 GB of memory, and there is 1 GB for it: take a"),
        Gate(memory=10**9, cores=1).entered(Need(3 * 10**9, 2 * 10**9)),
    ):
        pass


def test_a_picture_that_is_worked_on_in_files_needs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = 10**9
    monkeypatch.setenv(scratch.VARIABLE, str(10**12))
    assert memory.of_pixels(pixels, 3 * pixels).least > 9e9
    monkeypatch.setenv(scratch.VARIABLE, str(8 * 10**9))
    need = memory.of_pixels(pixels, 3 * pixels)
    assert need.least < 1e9
    assert need.likely > 8e9  # so that it is at work alone
    with Gate(8 * 10**9, 4).entered(need) as threads:
        assert threads == 4


def test_memory_is_foretold_by_size_without_decoding(scans: Path) -> None:
    pixels = 56 * 40
    least = memory._ONE + pixels * (2 * 3 + 4)
    assert foretold(Path("scans/p0.tif")) == Need(least + pixels * 28, least)
    assert 120e6 < foretold(Path("scans/p0.tif"), looks=True).least < 200e6
    with pytest.raises(ReadError, match=r"none\.tif"):
        foretold(Path("none.tif"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux does")
@pytest.mark.parametrize(("side", "kind"), [(200, "cracks"), (600, "cracks"), (1200, "dust")])
def test_looking_for_damage_takes_no_more_than_was_foretold(side: int, kind: str) -> None:
    """Cracks are looked for at double size, too, in pictures of up to 2 megapixels."""
    code = (
        "import resource, numpy as np, onnxruntime\n"
        "from restauro.detection.detecting import detect\n"
        f"image = np.random.default_rng(0).integers(0, 256, ({side}, {side}, 3), dtype=np.uint8)\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = used()\n"
        f"detect(image, {kind!r}, workers=1)\n"
        "print(1024 * (used() - before))"
    )
    peak = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    pixels = side * side
    assert peak < memory.of_pixels(pixels, 3 * pixels, looks=True).least


def test_there_is_some_memory() -> None:
    assert 10**7 < scratch.usable_memory() < 10**14
