"""Windows: every hole pixel belongs to one core, whole holes stay whole, cost follows the damage."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import restauro
from restauro.holes import find_holes
from restauro.method import Method, Task
from restauro.methods.telea import Telea
from restauro.windows import Part, Sizes, plan_windows
from tests.fills import filled
from tests.networks import ready
from tests.promises.pictures import holes, net, seeds


@dataclass(frozen=True)
class MeanOfWindow(Method):
    """Fills a window's holes with the mean of its known pixels; may not be cut."""

    name: ClassVar[str] = "mean"
    title: ClassVar[str] = "Mean"
    reference: ClassVar[str] = "none"
    summary: ClassVar[str] = "for this test"
    whole_hole: ClassVar[bool] = True

    def reach(self, depth: float) -> int:
        return 2

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        mean = image[~hole].mean(axis=0)
        return np.tile(mean, (int(task.wanted.sum()), 1))


@given(seed=seeds, height=st.integers(1, 200), width=st.integers(1, 200), whole=st.booleans())
@settings(max_examples=40)
def test_cores_cover_every_hole_pixel_once(seed: int, height: int, width: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    mask = holes(rng, (height, width)) | net(rng, (height, width))
    mask[rng.integers(height), rng.integers(width)] = False
    found = find_holes(mask)
    method = MeanOfWindow() if whole else Telea(2)
    plan = plan_windows(Part(found, method), sizes=Sizes(tile=32, small_picture=0, halo=60))
    covered = np.zeros(mask.shape, int)
    for window in plan:
        top, bottom, left, right = window.core
        _, _, wanted = window.masks()
        inside = wanted[window.core_slices]
        assert wanted.sum() == inside.sum()
        assert inside.sum() == window.pixels
        covered[top:bottom, left:right] += inside
        assert window.box[0] <= top < bottom <= window.box[1]
        assert window.box[2] <= left < right <= window.box[3]
    np.testing.assert_array_equal(covered, mask)


def test_whole_holes_are_not_cut_and_far_ones_are_apart() -> None:
    mask = np.zeros((700, 900), bool)
    mask[350, 5:895] = True
    mask[10:690, 400] = True
    mask[600:603, 100:103] = True
    plan = plan_windows(Part(find_holes(mask), MeanOfWindow()))
    assert [window.core for window in plan] == [(10, 690, 5, 895), (600, 603, 100, 103)]
    assert [window.pixels for window in plan] == [890 + 680 - 1, 9]
    image = np.zeros((700, 900), np.float32)
    image[590:610, 90:110] = 7
    restored = restauro.inpaint(image, mask, MeanOfWindow())
    np.testing.assert_array_equal(restored[600:603, 100:103], 7)


def test_a_deep_loss_does_not_keep_a_net_from_being_cut() -> None:
    mask = np.zeros((2600, 2600), bool)
    mask[::90] = True
    mask[:, ::90] = True
    mask[1200:1300, 1200:1300] = True
    plan = plan_windows(Part(find_holes(mask), Telea()))
    assert len(plan) > 25
    assert max((w.box[1] - w.box[0]) * (w.box[3] - w.box[2]) for w in plan) < 1100 * 1100


def peak_memory(image: np.ndarray, mask: np.ndarray, name: str) -> int:
    """Bytes that NumPy had asked for at most while the picture was filled in place, on two threads."""
    method = ready(name)
    restauro.inpaint(image[:300, :300], np.eye(300, dtype=bool), method)  # compiled before memory is counted
    tracemalloc.start()
    restauro.inpaint(image, mask, method, out=image, workers=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_follows_the_damage_and_not_the_picture() -> None:
    image = np.zeros((4000, 4000, 3), np.uint8)
    mask = np.zeros((4000, 4000), bool)
    mask[2000, 2000:2020] = True
    for method in restauro.method_names():
        assert peak_memory(image, mask, method) < 4_000_000, method  # the picture has 48 million bytes, the mask 16


# Bytes a hole pixel in a net of lines one pixel wide, where surroundings outweigh holes; PatchMatch takes its box.
NET_BYTES = {"telea": 400, "biharmonic": 1200, "coherence": 800, "navier-stokes": 8000}  # kernels' own in a library


@pytest.mark.parametrize("method", [name for name in restauro.method_names() if name != "patchmatch"])
def test_memory_of_a_net_that_spans_the_picture(method: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (3000, 3000, 3), np.uint8)
    mask = np.zeros((3000, 3000), bool)
    mask[::150] = True
    mask[:, ::150] = True
    assert peak_memory(image, mask, method) < NET_BYTES.get(method, 800) * mask.sum()


def test_tiles_are_small_in_small_pictures() -> None:
    mask = np.zeros((600, 600), bool)
    mask[10:590:30, 10:590] = True
    assert len(plan_windows(Part(find_holes(mask), Telea()))) == 9


def test_clusters_of_deep_tiles_whose_boxes_overlap() -> None:
    """An L-shaped scratch and a loss that sticks out of its box: cut or not, and whatever comes last, one result."""
    rng = np.random.default_rng(4)
    image = rng.normal(size=(475, 475)).astype(np.float32)
    mask = np.zeros(image.shape, bool)
    mask[5:470, 15:21] = True
    mask[463:469, 15:350] = True
    mask[140:325, 140:380] = True
    whole = filled(image, mask, Telea(2), Sizes(tile=10_000, small_picture=0))
    cut = Sizes(tile=64, small_picture=0, halo=24)
    plan = plan_windows(Part(find_holes(mask), Telea(2)), sizes=cut)
    for workers in (1, 2):
        np.testing.assert_array_equal(filled(image, mask, Telea(2), cut, workers), whole)
    assert sum(window.pixels for window in plan) == mask.sum()


def test_memory_of_a_wide_diagonal_scratch() -> None:
    image = np.zeros((3000, 3000), np.uint8)
    y, x = np.mgrid[:3000, :3000]
    mask = np.abs(y - x) < 12
    assert peak_memory(image, mask, "telea") < 400 * mask.sum()


@dataclass(frozen=True)
class ConstantReach(MeanOfWindow):
    """A method that reads as far in a deep hole as in a shallow one."""

    whole_hole: ClassVar[bool] = False

    def reach(self, depth: float) -> int:
        return 5


def test_a_reach_that_does_not_grow_with_depth() -> None:
    mask = np.zeros((700, 700), bool)
    mask[10:690, 10:690] = True
    assert sum(window.pixels for window in plan_windows(Part(find_holes(mask), ConstantReach()))) == mask.sum()


def test_small_whole_holes_of_a_tile_share_a_window() -> None:
    mask = np.zeros((1100, 1100), bool)
    mask[10:13, 20::40] = True
    mask[600:602, 30] = True
    mask[100:104, 300:900] = True
    plan = plan_windows(Part(find_holes(mask), MeanOfWindow()))
    assert sorted(window.core for window in plan) == [
        (10, 13, 20, 501),
        (10, 13, 540, 1021),
        (10, 13, 1060, 1061),
        (100, 104, 300, 900),
        (600, 602, 30, 31),
    ]
    assert sum(window.pixels for window in plan) == mask.sum()
