"""Pictures that are worked on in files give the same files as in memory, byte for byte, and leave nothing behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from restauro import filling, scratch
from restauro.detection.detecting_files import detect_file
from restauro.errors import MemoryShortError, ParameterError, WriteError
from restauro.files.reading import read_picture
from restauro.holes import Holes, find_holes
from restauro.inpainting import inpaint
from restauro.method import make_method
from restauro.restoring_files import restore_file
from restauro.windows import Part, plan_windows

WHOLE = ("telea", "harmonic")


def picture(path: Path, dtype: str, bands: int, size: tuple[int, int], seed: int, **options: Any) -> None:
    """Write a TIFF in tiles of smooth noise."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    waves = [100 + 60 * np.sin((rows + seed) / 9 + band) + 60 * np.cos(columns / (7 + band)) for band in range(bands)]
    values = np.stack(waves, axis=-1) + np.random.default_rng(seed).integers(0, 9, (*size, bands))
    values = values * 200 if dtype == "u2" else values
    tifffile.imwrite(path, values[..., 0].astype(dtype) if bands == 1 else values.astype(dtype), tile=(32, 48),
                     photometric="minisblack" if bands < 3 else "rgb", metadata=None, **options)  # fmt: skip


def mask(path: Path, size: tuple[int, int], boxes: list[tuple[int, int, int, int]]) -> int:
    """Write a TIFF of 1 bit, run by run; return how many pixels are hole."""
    hole = np.zeros(size, np.uint8)
    for top, left, height, width in boxes:
        hole[top : top + height, left : left + width] = 255
    image = pyvips.Image.new_from_array(hole).copy(interpretation="b-w")
    image.tiffsave(str(path), tile=True, tile_width=32, tile_height=32, bitdepth=1, compression="ccittfax4")
    return int(np.count_nonzero(hole))


def nothing_is_left() -> bool:
    """Whether all arrays in files are gone: soon, for the thread that lets parts of them go holds them for moments."""
    for _ in range(500):
        gc.collect()
        if not scratch._maps:
            return True
        time.sleep(0.01)
    return False


def restored_both_ways(folder: Path, method: str, **options: Any) -> tuple[bytes, bytes]:
    """Return what is written when all is done in memory, and when all arrays lie in files."""
    source, marks = folder / "a.tif", folder / "m.tif"
    in_memory = restore_file(source, folder / "memory.tif", mask=marks, method=method, overwrite=True, **options)
    with scratch.on_disk(folder, least=0):
        on_disk = restore_file(source, folder / "disk.tif", mask=marks, method=method, overwrite=True, **options)
    assert in_memory.hole_pixels == on_disk.hole_pixels
    assert on_disk.changed_outside == 0
    assert nothing_is_left()
    return (folder / "memory.tif").read_bytes(), (folder / "disk.tif").read_bytes()


holes = st.tuples(st.integers(0, 90), st.integers(0, 110), st.integers(1, 25), st.integers(1, 40))


@settings(max_examples=12, deadline=None)
@given(
    dtype=st.sampled_from(["u1", "u2", "i2", "u4", "f4"]),
    bands=st.sampled_from([1, 3]),
    boxes=st.lists(holes, min_size=1, max_size=6),
    method=st.sampled_from(WHOLE),
    seed=st.integers(0, 99),
)
def test_files_are_the_same_byte_for_byte(
    dtype: str, bands: int, boxes: list[tuple[int, int, int, int]], method: str, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture(folder / "a.tif", dtype, bands, (100, 130), seed)
        mask(folder / "m.tif", (100, 130), boxes)
        in_memory, on_disk = restored_both_ways(folder, method)
        assert in_memory == on_disk
        assert sorted(path.name for path in folder.iterdir()) == ["a.tif", "disk.tif", "m.tif", "memory.tif"]


@pytest.mark.parametrize("method", ["coherence", "edge-enhancing", "biharmonic", "patchmatch"])
@pytest.mark.parametrize("options", [{"grow": 2}, {"grain": "match"}], ids=["grown", "grain"])
def test_whatever_is_done(tmp_path: Path, method: str, options: dict[str, Any]) -> None:
    if method == "patchmatch":
        options = {"grow": 1}
    picture(tmp_path / "a.tif", "u1", 3, (100, 130), 3, byteorder=">", predictor=True, compression="deflate")
    mask(tmp_path / "m.tif", (100, 130), [(20, 30, 8, 60), (60, 10, 20, 6)])
    in_memory, on_disk = restored_both_ways(tmp_path, method, **options)
    assert in_memory == on_disk


@pytest.mark.parametrize("orientation", [3, 6])
def test_turned_pictures(tmp_path: Path, orientation: int) -> None:
    picture(tmp_path / "a.tif", "u1", 3, (100, 130), 3, extratags=[(274, 3, 1, orientation, True)])
    size = (130, 100) if orientation > 4 else (100, 130)
    mask(tmp_path / "m.tif", size, [(20, 30, 8, 60)])
    in_memory, on_disk = restored_both_ways(tmp_path, "telea")
    assert in_memory == on_disk


@pytest.mark.parametrize("which", ["nan", "value:7"])
def test_masks_that_the_picture_says(tmp_path: Path, which: str) -> None:
    values: NDArray[np.float32] = np.random.default_rng(0).random((100, 130), np.float32)
    values[40:50, 20:60] = np.nan if which == "nan" else 7
    tifffile.imwrite(tmp_path / "a.tif", values)
    restore_file(tmp_path / "a.tif", tmp_path / "b.tif", mask=which, method="telea")
    with scratch.on_disk(tmp_path, least=0):
        restore_file(tmp_path / "a.tif", tmp_path / "c.tif", mask=which, method="telea")
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "c.tif").read_bytes()


def test_damage_is_found_the_same(tmp_path: Path) -> None:
    picture(tmp_path / "a.tif", "u1", 3, (100, 130), 3, extratags=[(274, 3, 1, 6, True)])
    how: dict[str, Any] = {"kind": "losses,scratches,color", "colour": "#ffa0a0", "grow": 1, "workers": 1}
    detect_file(tmp_path / "a.tif", tmp_path / "memory.png", **how)
    with scratch.on_disk(tmp_path, least=0):
        detect_file(tmp_path / "a.tif", tmp_path / "disk.png", **how)
    assert (tmp_path / "memory.png").read_bytes() == (tmp_path / "disk.png").read_bytes()


def test_pixels_lie_in_a_file_without_a_name(tmp_path: Path) -> None:
    picture(tmp_path / "a.tif", "u2", 3, (100, 130), 0)
    in_memory = read_picture(tmp_path / "a.tif").pixels
    with scratch.on_disk(tmp_path, least=0):
        pixels = read_picture(tmp_path / "a.tif").pixels
    assert scratch.is_on_disk(pixels)
    assert not scratch.is_on_disk(in_memory)
    np.testing.assert_array_equal(pixels, in_memory)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    del pixels
    assert nothing_is_left()


def test_what_is_let_go_is_still_there(tmp_path: Path) -> None:
    with scratch.on_disk(tmp_path):
        array = scratch.zeros((3000, 100_000), np.uint8)
    for row in range(0, 3000, 3):
        array[row] = row % 251
    assert all((array[row] == row % 251).all() for row in range(0, 3000, 3))
    assert not array[1::3].any()


def test_pieces_of_work_beside_one_another_lie_in_their_own_folders(tmp_path: Path) -> None:
    """Whatever begins and ends between; what they give to other threads lies where theirs does."""
    folders = [tmp_path / "a", tmp_path / "b"]
    begun = threading.Barrier(2)

    def place() -> Path | None:
        return scratch.place_for((3,), np.uint8)

    def work(folder: Path) -> list[Path | None]:
        with scratch.on_disk(folder, least=0), ThreadPoolExecutor(1) as others:
            begun.wait()
            found = [place(), others.submit(scratch.carried(place)).result()]
            begun.wait()
        return found

    with ThreadPoolExecutor(2) as pool:
        for folder, found in zip(folders, pool.map(work, folders), strict=True):
            assert found == [folder, folder]
    assert place() is None


def test_fills_on_several_threads_lay_their_windows_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, hole = np.zeros((2, 700, 900), np.uint8)
    hole[10::60, 10:890] = hole[12::60, 10:890] = 1
    seen = []
    within = Holes.within

    def noted(self: Holes, *arguments: Any) -> NDArray[np.bool_]:
        seen.append((threading.get_ident(), scratch.place_for((9,), np.uint8)))
        return within(self, *arguments)

    monkeypatch.setattr(Holes, "within", noted)
    with scratch.on_disk(tmp_path, least=0):
        inpaint(image, hole, "telea", workers=2, progress=lambda _: None)
    assert {place for _, place in seen} == {tmp_path}
    assert threading.get_ident() not in {thread for thread, _ in seen}


def test_a_full_disk_is_said_before_the_work(tmp_path: Path) -> None:
    with scratch.on_disk(tmp_path), pytest.raises(WriteError, match=r"in a file, of 10000000\.0 GB .* make room, or"):
        scratch.zeros((10**8, 10**8), np.uint8)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    with scratch.on_disk(tmp_path / "none", least=0), pytest.raises(WriteError, match="No such file"):
        scratch.zeros((3, 3), np.uint8)


def test_fills_that_take_more_than_there_is_are_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "a.tif", "u1", 3, (800, 900), 0)
    pixels = mask(tmp_path / "m.tif", (800, 900), [(20, 30, 740, 850)])
    monkeypatch.setenv(scratch.VARIABLE, str(32 << 20))
    heard: list[float] = []
    with scratch.on_disk(tmp_path, least=0), pytest.raises(MemoryShortError) as refused:
        restore_file(
            tmp_path / "a.tif",
            tmp_path / "b.tif",
            mask=tmp_path / "m.tif",
            accept_large_holes=True,
            progress=heard.append,
        )
    assert (
        f"edge-enhancing would take some 0.037 GB of memory for {pixels} hole pixels that hang together, and there "
        in (said := str(refused.value))
    )
    assert 'use method="telea" or coherence, which cut holes, or take a machine with more' in said
    assert not any(heard)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "m.tif"]


@pytest.mark.parametrize("method", ["harmonic", "biharmonic", "edge-enhancing"])
def test_a_fill_takes_what_is_foretold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Of a large hole, whose channels are solved one after the other; a net of cracks, and a loss with few runs."""
    monkeypatch.setattr("restauro.numerics.multigrid._MUCH_MEMORY", 0)
    net, loss = np.zeros((2, 900, 900), bool)
    net[:, 20::37] = net[:, 21::37] = net[:, 22::37] = net[30::45] = True
    loss[100:500, 100:700] = True
    image = np.random.default_rng(1).integers(0, 255, (900, 900, 3)).astype(np.uint8)
    fill_in = make_method(method, {"steps": 1} if method == "edge-enhancing" else {})
    inpaint(image[:300, :300], np.eye(300, dtype=bool), fill_in)  # what is loaded once
    for hole in (net, loss):
        (window,) = plan_windows(Part(find_holes(hole), fill_in))
        with scratch.on_disk(tmp_path, least=0):
            tracemalloc.start()
            inpaint(image, hole, fill_in, out=image, workers=1)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        of_tiles = 3_000_000  # and as much for all sizes
        assert 0.75 * window.memory < peak < window.memory + of_tiles


def test_fewer_fills_go_on_beside_each_other_where_memory_is_short() -> None:
    part = Part(find_holes(np.pad(np.ones((3, 90), bool), 5)), make_method("harmonic", {}))
    window = plan_windows(part)[0]
    assert window.memory > 270 * 100
    planned: list[Any] = [(None, window)] * 5
    assert filling._beside_one_another(planned, 10 * window.memory) == 5
    assert filling._beside_one_another(planned, 2 * window.memory) == 2


def test_what_is_large_is_beside_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(scratch.VARIABLE, str(6 * 10**9))
    assert scratch.is_large(32768**2, 3 * 32768**2)
    assert not scratch.is_large(10**8, 3 * 10**8)
    monkeypatch.setenv(scratch.VARIABLE, str(10**12))
    assert not scratch.is_large(32768**2, 3 * 32768**2)
    monkeypatch.setenv(scratch.VARIABLE, "4 GB")
    with pytest.raises(ParameterError, match="RESTAURO_MEMORY is '4 GB', and it must be a number of bytes, such as"):
        scratch.is_large(10**8, 3 * 10**8)
    monkeypatch.setenv(scratch.VARIABLE, "1")
    assert not scratch.is_large(10**6, 3 * 10**6)  # small ones are small on any machine


def test_the_command_line_says_the_same(tmp_path: Path) -> None:
    size = (2000, 2100)
    picture(tmp_path / "a.tif", "u1", 3, size, 5)
    mask(tmp_path / "m.tif", size, [(20, 30, 8, 1600), (60, 10, 1900, 6), (700, 800, 30, 30)])
    for name, memory in (("memory.tif", "1000000000"), ("disk.tif", "32000000")):
        command = [
            sys.executable,
            "-m",
            "restauro",
            "restore",
            "a.tif",
            "--mask",
            "m.tif",
            "-o",
            name,
            "--method",
            "telea",
            "-q",
        ]
        done = subprocess.run(
            command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=600,
            env=os.environ | {scratch.VARIABLE: memory},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "memory.tif").read_bytes() == (tmp_path / "disk.tif").read_bytes()
