"""Windows: every hole pixel belongs to one core, whole holes stay whole, cost follows the damage."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import restauro
from restauro.holes import find_holes, joined
from restauro.method import Method, Task
from restauro.methods.telea import Telea
from restauro.windows import Part, Sizes, Window, plan_windows
from tests.fills import filled
from tests.networks import ready
from tests.promises.pictures import DTYPES, holes, net, seeds


@dataclass(frozen=True)
class MeanOfWindow(Method):
    """Fills a window's holes with the mean of its known pixels; may not be cut."""

    name: ClassVar[str] = "mean"
    title: ClassVar[str] = "Mean"
    reference: ClassVar[str] = "none"
    summary: ClassVar[str] = "for this test"
    nature: ClassVar[str] = "interpolates"
    whole_hole: ClassVar[bool] = True

    def reach(self, depth: float) -> int:
        return 2 + math.ceil(depth)

    def fill(self, image: Any, hole: Any, task: Task) -> Any:
        mean = image[~hole].mean(axis=0)
        return np.tile(mean, (int(task.wanted.sum()), 1))


@dataclass(frozen=True)
class ReachOfDepth(MeanOfWindow):
    """A method that may be cut and reads as far as a hole is deep."""

    whole_hole: ClassVar[bool] = False

    def reach(self, depth: float) -> int:
        return max(2, math.ceil(depth))


class ReachOfDepthFromDeeper(ReachOfDepth):
    """The same of which values go on from deeper pixels to shallower ones."""

    from_deeper: ClassVar[bool] = True


def check_cover(plan: list[Window], mask: np.ndarray) -> None:
    """Every hole pixel is of one core, no deeper than its window says, and the largest windows come first."""
    covered = np.zeros(mask.shape, int)
    depths = ndimage.distance_transform_cdt(mask, "taxicab")
    for window in plan:
        top, bottom, left, right = window.core
        _, _, wanted = window.masks()
        inside = wanted[window.core_slices]
        assert wanted.sum() == inside.sum()
        assert inside.sum() == window.pixels
        covered[top:bottom, left:right] += inside
        assert depths[top:bottom, left:right][inside].max() <= window.depth
        assert window.box[0] <= top < bottom <= window.box[1]
        assert window.box[2] <= left < right <= window.box[3]
    np.testing.assert_array_equal(covered, mask)
    assert sorted(plan, key=lambda window: -window.pixels) == plan


@given(seed=seeds, height=st.integers(1, 200), width=st.integers(1, 200), whole=st.booleans())
@settings(max_examples=40)
def test_cores_cover_every_hole_pixel_once(seed: int, height: int, width: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    mask = holes(rng, (height, width)) | net(rng, (height, width))
    mask[rng.integers(height), rng.integers(width)] = False
    found = find_holes(mask)
    method = MeanOfWindow() if whole else Telea(2)
    check_cover(plan_windows(Part(found, method), sizes=Sizes(tile=32, small_picture=0, halo=60)), mask)


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


# Bytes a hole pixel in a net of lines one pixel wide, where surroundings outweigh holes; two methods take a box.
NET_BYTES = {"telea": 650, "coherence": 1700, "navier-stokes": 7200}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", sorted({*restauro.method_names()} - {"patchmatch", "tone"}))
def test_memory_of_a_net_that_spans_the_picture(method: str, dtype: str) -> None:
    """Of no dtype is the picture, or a window as wide as it, converted as a whole."""
    y, x = np.ogrid[:2100, :2100]
    image = np.repeat(((x * y) % 101 % 2).astype(dtype)[:, :, np.newaxis], 3, axis=2)
    mask = np.zeros((2100, 2100), bool)
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
    check_cover(plan, mask)


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
    check_cover(plan_windows(Part(find_holes(mask), ConstantReach())), mask)


@pytest.mark.parametrize(("width", "windows"), [(20, 5), (21, 1)])
def test_holes_as_deep_as_the_halo_allows_are_cut(width: int, windows: int) -> None:
    mask = np.zeros((64, 320), bool)
    mask[30 : 30 + width, 10:310] = True
    sizes = Sizes(tile=64, small_picture=0, halo=10, sparsest=0)
    plan = plan_windows(Part(find_holes(mask), ReachOfDepth()), sizes=sizes)
    assert len(plan) == windows
    check_cover(plan, mask)


def test_deep_holes_that_stand_by_themselves_are_filled_whole() -> None:
    """Not what is thin or sparse, nor what lies around them: a frame of the whole picture here."""
    mask = np.zeros((400, 400), bool)
    mask[20:60, 20:60] = True  # deep and by itself
    mask[200:300, 300:305] = True  # dense, but thin
    sparse = np.zeros_like(mask)
    sparse[90:370, 90] = sparse[369, 90:280] = True
    sparse[90:112, 90:112] = True  # deep, but most of the box is known
    frame = np.ones_like(mask)
    frame[1:-1, 1:-1] = False
    mask |= sparse | frame
    for tile in (64, 1000):
        sizes = Sizes(tile=tile, small_picture=0, halo=10)
        plan = plan_windows(Part(find_holes(mask), ReachOfDepth()), sizes=sizes)
        assert [window.box for window in plan if window.own is not None] == [(18, 62, 18, 62)]
        check_cover(plan, mask)


def test_a_cluster_of_deep_tiles_takes_every_pixel_of_its_rectangle() -> None:
    """What isn't deep in the corners between two deep holes too; filled for itself, it is cut as elsewhere."""
    deep, others = np.zeros((2, 256, 256), bool)
    deep[70:120, 70:120] = deep[134:184, 134:184] = True
    others[66, 190] = others[140:160, 80:100] = True  # just as deep as the halo allows
    others[5:45, 205:245] = True  # deep, elsewhere
    elsewhere = (5, 45, 205, 245), (0, 55, 195, 255)
    sizes = Sizes(tile=64, small_picture=0, halo=10, sparsest=0)

    def plan(part: np.ndarray, beside: np.ndarray | None = None) -> list[Any]:
        holes = find_holes(part)
        unknown = None if beside is None else joined([holes, find_holes(beside)])
        planned = plan_windows(Part(holes, ReachOfDepth()), unknown, sizes)
        check_cover(planned, part)
        return [(window.core, window.box) for window in planned]

    assert plan(deep | others) == [((66, 184, 70, 191), (56, 194, 60, 201)), elsewhere]
    assert plan(deep, others) == [((70, 184, 70, 184), (56, 194, 60, 201))]
    assert plan(others, deep) == [
        elsewhere,
        ((140, 160, 80, 100), (130, 170, 70, 110)),
        ((66, 67, 190, 191), (64, 69, 188, 193)),
    ]


def test_rectangles_around_clusters_are_joined_where_they_overlap_and_only_there() -> None:
    """Two deep scratches of an L each: apart, side by side, one tile deep in the other."""
    for shift, windows in ((4, 2), (3, 2), (2, 1)):
        deep = np.zeros((9, 9), bool)
        deep[:4, 0] = deep[3, :3] = True
        deep[1, shift : shift + 2] = deep[1:5, shift + 2] = True
        for turned in (deep, deep.T, deep[::-1], deep[:, ::-1], deep.T[::-1]):
            mask = np.kron(turned, np.ones((16, 16), bool))
            sizes = Sizes(tile=16, small_picture=0, halo=4, sparsest=0)
            plan = plan_windows(Part(find_holes(mask), ReachOfDepth()), sizes=sizes)
            assert len(plan) == windows, shift
            check_cover(plan, mask)


def test_depth_is_that_of_all_within_reach_where_values_go_on_from_deeper_pixels() -> None:
    mask = np.zeros((56, 56), bool)
    mask[4::8, 4::8] = True
    mask[26:31, 26:31] = True  # three deep, in the middle one of 7 x 7 tiles
    sizes = Sizes(tile=8, small_picture=0, halo=10)
    for method, near in ((ReachOfDepth(), 0), (ReachOfDepthFromDeeper(), 2)):  # ten pixels are more than one tile
        plan = plan_windows(Part(find_holes(mask), method), sizes=sizes)
        depths = np.zeros((7, 7), int)
        for window in plan:
            depths[window.core[0] // 8, window.core[2] // 8] = window.depth
        expected = np.ones((7, 7), int)
        expected[3 - near : 4 + near, 3 - near : 4 + near] = 3
        np.testing.assert_array_equal(depths, expected)


def test_holes_of_others_make_no_window_deeper() -> None:
    """A crack's surroundings are those of its own depth, also in the tile of a loss that others fill."""
    crack, loss = np.zeros((2, 100, 100), bool)
    crack[10, 10:50] = True
    loss[40:80, 40:80] = True
    parts = find_holes(crack), find_holes(loss)
    sizes = Sizes(tile=100, small_picture=0, halo=30)
    (window,) = plan_windows(Part(parts[0], ReachOfDepth()), joined(parts), sizes)
    assert (window.core, window.box, window.depth) == ((10, 11, 10, 50), (8, 13, 8, 52), 1)


@pytest.mark.parametrize(("gap", "together"), [(4, True), (5, False)])
@pytest.mark.parametrize("turned", [False, True])
def test_whole_holes_whose_surroundings_overlap_are_filled_together(gap: int, together: bool, turned: bool) -> None:
    """What others fill and is as close to one of them, or hangs together with what is, belongs to the domain."""
    one, near, far = np.zeros((3, 40, 150), bool)
    one[10:12, 20:24] = True
    near[10:12, 25] = True
    far[10:12, 26 + gap : 28 + gap] = True
    if turned:
        one, near, far = one.T, near.T, far.T
    plan = plan_windows(Part(find_holes(near | far), MeanOfWindow()), sizes=Sizes(tile=1))
    assert len(plan) == 2 - together
    check_cover(plan, near | far)
    parts = find_holes(one), find_holes(near | far)
    (window,) = plan_windows(Part(parts[0], MeanOfWindow()), joined(parts))
    _, domain, wanted = window.masks()
    assert wanted.sum() == one.sum()
    assert domain.sum() == one.sum() + near.sum() + together * far.sum()
    assert window.box == ((0, 88, 0, 40) if turned else (0, 40, 0, 88))  # known pixels are sought 64 pixels away


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
    check_cover(plan, mask)


@pytest.mark.parametrize(("side", "windows"), [(64, 1), (65, 2)])
def test_whole_holes_share_a_window_if_they_begin_in_a_tile_and_are_no_larger(side: int, windows: int) -> None:
    mask = np.zeros((200, 200), bool)
    mask[10:12, 50:52] = True
    mask[30 : 30 + side, 20:23] = True  # ends in the tile below
    plan = plan_windows(Part(find_holes(mask), MeanOfWindow()), sizes=Sizes(tile=64))
    assert len(plan) == windows
    check_cover(plan, mask)
