"""Examples and batches: the same again, resumed, split between processes; masks stay masks."""

from __future__ import annotations

import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from restauro.damage.synthesis import marks
from restauro.datasets import ArrayPictures
from restauro.errors import TrainingError
from restauro.training import data

Batch = tuple[np.ndarray, np.ndarray]


def numbered(count: int, side: int = 8) -> ArrayPictures:
    """Pictures of one value each: their number."""
    return ArrayPictures(
        np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(side, 1).repeat(side, 2).repeat(3, 3), "numbers"
    )


def noisy(count: int, height: int, width: int) -> ArrayPictures:
    return ArrayPictures(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8), "noise")


def take(count: int, batches: object) -> list[Batch]:
    taken = list(islice(batches, count))  # type: ignore[call-overload]
    batches.close()  # type: ignore[attr-defined]
    return taken


def assert_same(ours: list[Batch], theirs: list[Batch]) -> None:
    for (pictures, holes), (other_pictures, other_holes) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(pictures, other_pictures)
        np.testing.assert_array_equal(holes, other_holes)


def test_every_picture_comes_once_an_epoch_in_another_order() -> None:
    examples = data.Examples(numbered(23), 8, marks, seed=3)
    orders = [[int(examples.example(number)[0][0, 0, 0]) for number in range(23 * e, 23 * e + 23)] for e in range(3)]
    assert all(sorted(order) == list(range(23)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(23)]}) == 4


@given(seed=st.integers(0, 2**63), number=st.integers(0, 2**40))
def test_an_example_is_a_function_of_seed_and_number(seed: int, number: int) -> None:
    pictures = noisy(5, 24, 20)
    once, before, again = data.Examples(pictures, 16, marks, seed), 7, data.Examples(pictures, 16, marks, seed)
    once.example(before)
    assert_same([once.example(number)], [again.example(number)])


def test_seeds_and_numbers_differ() -> None:
    first, second = (data.Examples(noisy(4, 16, 16), 16, marks, seed=seed) for seed in (0, 1))
    holes = [examples.example(number)[1] for examples in (first, second) for number in range(8)]
    assert len({hole.tobytes() for hole in holes}) == 16


def test_half_of_the_pieces_are_mirrored() -> None:
    picture = noisy(1, 16, 16)
    pieces = [data.Examples(picture, 16, marks, seed=0).example(number)[0] for number in range(400)]
    straight = sum(np.array_equal(piece, picture.read(0)) for piece in pieces)
    mirrored = sum(np.array_equal(piece, picture.read(0)[:, ::-1]) for piece in pieces)
    assert straight + mirrored == 400
    assert abs(straight - 200) < 50
    unmirrored = data.Examples(picture, 16, marks, seed=0, flip=False)
    assert all(np.array_equal(unmirrored.example(number)[0], picture.read(0)) for number in range(20))


@pytest.mark.parametrize(("height", "width"), [(16, 40), (70, 17), (5, 9), (1, 1), (64, 64)])
def test_pieces_have_the_side_that_was_asked_for(height: int, width: int) -> None:
    examples = data.Examples(noisy(3, height, width), 16, marks, seed=0)
    for number in range(30):
        picture, hole = examples.example(number)
        assert picture.shape == (16, 16, 3)
        assert picture.dtype == np.uint8
        assert hole.shape == (16, 16)
        assert hole.dtype == bool


def test_pieces_come_from_everywhere_and_at_every_scale() -> None:
    """Each pixel says where it is: down in red, across in green."""
    down, across = np.indices((64, 128), np.uint8)
    pictures = ArrayPictures(np.dstack([4 * down, 2 * across, down])[np.newaxis], "places")
    examples = data.Examples(pictures, 16, marks, seed=0, flip=False)
    pieces = np.stack([examples.example(number)[0] for number in range(500)]).astype(int)
    spans = pieces[:, -2, 0, 0] - pieces[:, 1, 0, 0]  # 13 of the piece's pixels, 4 times as many values
    scales = spans / (4 * 13)
    assert 0.95 < scales.min() < 1.2
    assert 3.5 < scales.max() < 4.2
    assert pieces[:, 1:-1, 1:-1, 0].min() < 10
    assert pieces[:, 1:-1, 1:-1, 0].max() > 242
    assert pieces[:, 1:-1, 1:-1, 1].min() < 10
    assert pieces[:, 1:-1, 1:-1, 1].max() > 242


def test_pieces_are_of_a_least_scale_where_one_is_set() -> None:
    down, across = np.indices((64, 128), np.uint8)
    pictures = ArrayPictures(np.dstack([4 * down, 2 * across, down])[np.newaxis], "places")
    examples = data.Examples(pictures, 16, marks, seed=0, flip=False, least_scale=0.5)
    pieces = np.stack([examples.example(number)[0] for number in range(500)]).astype(int)
    scales = (pieces[:, -2, 0, 0] - pieces[:, 1, 0, 0]) / (4 * 13)
    assert 0.95 < scales.min() < 1.1
    assert 1.8 < scales.max() < 2.1


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_are_the_examples_in_order(threads: int) -> None:
    examples = data.Examples(noisy(7, 12, 20), 8, marks, seed=5)
    expected = [data.batch(examples, range(4 * step, 4 * step + 4)) for step in range(6)]
    assert_same(take(6, data.batches(examples, 4, threads=threads)), expected)


def test_a_resumed_run_sees_what_an_unbroken_one_does() -> None:
    examples = data.Examples(noisy(7, 8, 8), 8, marks, seed=5)
    unbroken = take(8, data.batches(examples, 3, threads=2))
    fresh = data.Examples(noisy(7, 8, 8), 8, marks, seed=5)
    assert_same(take(3, data.batches(fresh, 3, first_step=5)), unbroken[5:])


def test_processes_together_see_what_one_does() -> None:
    examples = data.Examples(noisy(7, 8, 8), 8, marks, seed=5)
    whole = take(5, data.batches(examples, 6))
    halves = [take(5, data.batches(examples, 3, rank=rank, world=2)) for rank in range(2)]
    together = [
        tuple(np.concatenate(parts) for parts in zip(*ranks, strict=True)) for ranks in zip(*halves, strict=True)
    ]
    assert_same(together, whole)  # type: ignore[arg-type]


def test_validation_is_every_picture_in_order_and_always_the_same() -> None:
    examples = data.ValidationExamples(numbered(10), 8, marks, seed=1)
    first, second = list(data.validation_batches(examples, 4)), list(data.validation_batches(examples, 4, threads=3))
    assert [len(pictures) for pictures, _ in first] == [4, 4, 2]
    assert np.concatenate([pictures[:, 0, 0, 0] for pictures, _ in first]).tolist() == list(range(10))
    assert_same(first, second)
    halves = [list(data.validation_batches(examples, 4, rank=rank, world=2)) for rank in range(2)]
    assert_same([halves[0][0], halves[1][0], halves[0][1]], first)
    batch_of_one = list(data.validation_batches(examples, 1))
    np.testing.assert_array_equal(
        np.concatenate([holes for _, holes in batch_of_one]), np.concatenate([h for _, h in first])
    )


def test_validation_takes_the_middle_square() -> None:
    pictures = noisy(1, 9, 15)
    picture, _ = data.ValidationExamples(pictures, 9, marks, seed=0).example(0)
    np.testing.assert_array_equal(picture, pictures.read(0)[:, 3:12])
    assert data.ValidationExamples(pictures, 4, marks, seed=0).example(0)[0].shape == (4, 4, 3)


def data_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("restauro-data")]


def test_threads_end_with_the_iterator() -> None:
    endless = data.batches(data.Examples(noisy(2, 8, 8), 8, marks, seed=0), 2, threads=2)
    next(endless)
    assert data_threads()
    endless.close()
    assert not data_threads()


def test_only_a_few_batches_are_ahead() -> None:
    read: list[int] = []

    class Counting(ArrayPictures):
        def read(self, index: int) -> np.ndarray:
            read.append(index)
            return super().read(index)

    endless = data.batches(data.Examples(Counting(noisy(4, 8, 8).array, ""), 8, marks, seed=0), 1, threads=2)
    for _ in range(10):
        next(endless)
    endless.close()
    assert 10 <= len(read) <= 15


def test_exceptions_of_the_threads_arrive() -> None:
    class Broken(ArrayPictures):
        def read(self, index: int) -> np.ndarray:
            raise TrainingError("The picture x.jpg can't be read.")

    with pytest.raises(TrainingError, match=r"The picture x\.jpg can't be read\."):
        next(data.batches(data.Examples(Broken(noisy(2, 8, 8).array, ""), 8, marks, seed=0), 2))
    assert not data_threads()


def save_mask(path: Path, hole: np.ndarray, **options: object) -> None:
    pyvips.Image.new_from_array(hole.astype(np.uint8) * 255).write_to_file(str(path), **options)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (40, 24), (200, 300)])
def test_masks_of_files_are_pieces_of_them(tmp_path: Path, height: int, width: int) -> None:
    hole = np.zeros((96, 64), bool)
    hole[20:70, 10:30] = True
    save_mask(tmp_path / "one.png", hole)
    masks = data.MaskFolder(tmp_path)
    made = [masks(height, width, np.random.default_rng(seed)) for seed in range(60)]
    for mask in made:
        assert mask.shape == (height, width)
        assert mask.dtype == bool
        assert mask.any()
        assert not mask.all()
        rows = mask[mask.any(axis=1)]
        assert (rows == rows[0]).all()  # a rectangle stays one, whatever is done to it
    assert len({mask.tobytes() for mask in made}) > 20
    np.testing.assert_array_equal(masks(height, width, np.random.default_rng(0)), made[0])


def test_a_mask_as_large_as_the_picture_is_only_turned(tmp_path: Path) -> None:
    hole = np.random.default_rng(0).random((32, 32)) < 0.3
    save_mask(tmp_path / "one.png", ~hole)
    masks = data.MaskFolder(tmp_path, polarity="black")
    ways = {np.rot90(turned, k).tobytes() for turned in (hole, hole[::-1]) for k in range(4)}
    assert {masks(32, 32, np.random.default_rng(seed)).tobytes() for seed in range(80)} == ways


def test_soft_masks_are_cut_and_grown(tmp_path: Path) -> None:
    hole = np.zeros((32, 32), np.uint8)
    hole[10:20, 10:20] = 255
    hole[20, 10:20] = 90
    pyvips.Image.new_from_array(hole).write_to_file(str(tmp_path / "soft.png"))
    assert data.MaskFolder(tmp_path)(32, 32, np.random.default_rng(0)).sum() == 10 * 10 + 4 * 10


def test_errors_of_mask_folders(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"There are no mask files in .*: name the folder that holds them\."):
        data.MaskFolder(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"words")
    with pytest.raises(TrainingError, match=r"The mask .*broken\.png: .* Or take it out of the folder\."):
        data.MaskFolder(tmp_path)(8, 8, np.random.default_rng(0))
