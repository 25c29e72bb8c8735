from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restauro.damage.kinds import KINDS
from restauro.damage.ratios import RATIO_BINS
from restauro.damage.synthesis import marks
from restauro.errors import DataError, EvaluationError, MaskError
from restauro.evaluation.protocol import (
    MaskReading,
    PictureSet,
    choose_masks,
    find_pictures,
    make_hole,
    middle,
    open_dataset,
)
from tests.evaluation.pictures import make_pictures, write_picture

SHAPE = (96, 128, 3)


def holes(masks: list[str], names: tuple[str, ...] = ("one", "two"), seed: int = 0, **options: object) -> dict:
    pictures = PictureSet(names)
    return {
        (names[number], choice.name): make_hole(choice, pictures, number, SHAPE, seed)
        for choice in choose_masks(masks, **options)
        for number in range(len(names))
    }


def test_strokes_are_in_their_bins_and_keep_clear_of_the_border_where_asked() -> None:
    choices = choose_masks(["strokes"])
    assert len(choices) == 12
    assert {(choice.bin, choice.border) for choice in choices} == {
        (b, edge) for b in range(6) for edge in (True, False)
    }
    pictures = PictureSet(tuple(f"p{number}" for number in range(4)))
    for choice in choices:
        low, high = RATIO_BINS[choice.bin]
        for number in range(4):
            hole = make_hole(choice, pictures, number, (256, 256), 0)
            assert low < hole.mean() <= high
            if not choice.border:
                inside = hole[25:-25, 25:-25]
                assert inside.sum() == hole.sum()


def test_a_mask_depends_on_seed_picture_and_choice_only() -> None:
    some = holes(["strokes", "cracks"], bins=[1, 2])
    more = holes(["losses", "cracks", "strokes"], names=("zero", "two", "one"))
    for key, hole in some.items():
        np.testing.assert_array_equal(hole, more[key])
    other_seed = holes(["cracks"], seed=1)
    assert (other_seed["one", "cracks"] != some["one", "cracks"]).any()
    assert len({hole.tobytes() for hole in some.values()}) == len(some)


def test_all_kinds_of_damage_can_be_asked_for() -> None:
    choices = choose_masks(["all"], bins=[6], border="border")
    assert {choice.kind for choice in choices} == set(KINDS)
    found = holes(["all"], bins=[6], border="border")
    assert len(found) == 2 * len(KINDS)
    assert all(hole.shape == SHAPE[:2] and hole.any() and not hole.all() for hole in found.values())


def test_marks_of_a_data_set_are_those_of_training_s_validation() -> None:
    from restauro.datasets import ArrayPictures
    from restauro.training.data import ValidationExamples

    pictures = ArrayPictures(np.zeros((5, 32, 32, 3), np.uint8), "black")
    examples = ValidationExamples(pictures, 32, marks, seed=3)
    (choice,) = choose_masks(["marks"])
    for number in range(5):
        hole = make_hole(choice, PictureSet(tuple("abcde"), dataset=Path("cifar")), number, (32, 32, 3), 3)
        np.testing.assert_array_equal(hole, examples.example(number)[1])


def test_mask_files_are_cut_and_scaled_to_the_picture(tmp_path: Path) -> None:
    mask = np.zeros((20, 40), np.uint8)
    mask[5:15, 10:20] = 255
    file = write_picture(tmp_path / "mask.png", mask)
    (choice,) = choose_masks([str(file)])
    pictures = PictureSet(("one",), (tmp_path / "one.png",))
    np.testing.assert_array_equal(make_hole(choice, pictures, 0, (20, 40, 3), 0), mask == 255)
    np.testing.assert_array_equal(make_hole(choice, pictures, 0, (20, 20, 3), 0), mask[:, 10:30] == 255)
    double = np.repeat(np.repeat(mask == 255, 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(make_hole(choice, pictures, 0, (40, 80, 3), 0), double)


def test_a_folder_gives_the_mask_of_the_picture_s_name_else_any(tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for number in range(3):
        mask = np.zeros((30, 30), np.uint8)
        mask[number, :] = 255
        write_picture(folder / f"m{number}.png", mask)
    (choice,) = choose_masks([str(folder)])
    pictures = PictureSet(("m1", "other"), (tmp_path / "m1.jpg", tmp_path / "other.jpg"))
    assert make_hole(choice, pictures, 0, (30, 30, 3), 0)[1].all()
    drawn = {make_hole(choice, pictures, 1, (30, 30, 3), seed).tobytes() for seed in range(20)}
    assert len(drawn) == 3


def test_masks_without_a_hole_or_without_anything_else_are_refused(tmp_path: Path) -> None:
    pictures = PictureSet(("one",), (tmp_path / "one.png",))
    for value, word in ((0, "no"), (255, "all")):
        file = write_picture(tmp_path / f"{word}.png", np.full((30, 30), value, np.uint8))
        message = {"no": "The mask no.png of the picture one is no hole", "all": r"all.png: All of the picture is hole"}
        with pytest.raises(MaskError, match=message[word]):
            make_hole(choose_masks([str(file)])[0], pictures, 0, (30, 30, 3), 0)


def test_mask_files_that_look_inverted_are_refused_unless_that_is_meant(tmp_path: Path) -> None:
    """As `restore` refuses them, with its remedies."""
    pictures = PictureSet(("one",), (tmp_path / "one.png",))
    mask = np.full((30, 30), 255, np.uint8)
    mask[3:5] = 0
    folder = tmp_path / "masks"
    folder.mkdir()
    for place in (write_picture(folder / "inverted.png", mask), folder):
        (choice,) = choose_masks([str(place)])
        with pytest.raises(MaskError, match=r"inverted\.png: 93\.3% .* looks inverted: use polarity=.black. where"):
            make_hole(choice, pictures, 0, (30, 30, 3), 0)
    with pytest.raises(MaskError, match="looks inverted"):
        choose_masks([str(folder / "inverted.png")])[0].digest()  # before the work
    for reading, hole in ((MaskReading("black"), mask == 0), (MaskReading("white", accept_large_holes=True), mask > 0)):
        (choice,) = choose_masks([str(folder)], reading=reading)
        np.testing.assert_array_equal(make_hole(choice, pictures, 0, (30, 30, 3), 0), hole)
    black, white = (choose_masks([str(folder)], reading=MaskReading(one))[0].digest() for one in ("black", "white"))
    assert black != white


def test_pictures_are_found_and_named(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "pictures", 3)
    make_pictures(folder / "more", 1)
    found = find_pictures([folder])
    assert found.names == ("more/p0", "p0", "p1", "p2")
    assert found.open().read(1).shape == (40, 44, 3)
    assert find_pictures([folder / "p1.png", folder / "p0.png"], 1).names == ("p1",)
    with pytest.raises(DataError, match=r"are both called p0"):
        find_pictures([folder / "p0.png", folder / "more"])
    write_picture(folder / "p2.tif", np.zeros((20, 20), np.uint8))
    with pytest.raises(DataError, match=r"p2.png and .*p2.tif are both called p2"):
        find_pictures([folder])
    with pytest.raises(DataError, match=r"There is no picture or folder .*nothing"):
        find_pictures([folder / "nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"There are no pictures in .*empty"):
        find_pictures([tmp_path / "empty"])


def test_what_is_asked_for_wrongly_is_said() -> None:
    with pytest.raises(EvaluationError, match=r"There is no kind of damage, mask file or folder 'craks': kinds are"):
        choose_masks(["craks"])
    with pytest.raises(EvaluationError, match=r"Bins are 1 \(1 to 10 % hole\) to 6 \(50 to 60 %\), not \[0, 7\]"):
        choose_masks(["strokes"], bins=[0, 7])
    with pytest.raises(DataError, match=r"The picture p is 40 x 30 pixels, smaller than the size 32"):
        middle(np.zeros((30, 40, 3), np.uint8), 32, "p")


def test_a_folder_of_other_pictures_is_no_cifar(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no CIFAR-10 in .*pictures: name the folder of its official files"):
        open_dataset(make_pictures(tmp_path / "pictures", 2))


def test_a_folder_called_as_a_kind_is_asked_for_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cracks").mkdir()
    (kind,), (folder,) = choose_masks(["cracks"]), choose_masks(["./cracks"])
    assert (kind.name, kind.file) == ("cracks", None)
    assert (folder.name, folder.kind, folder.file) == ("cracks/", "cracks/", tmp_path / "cracks")
    with pytest.raises(DataError, match=r"There are no mask files in .*cracks"):
        folder.digest()


def test_two_masks_of_a_picture_are_refused_not_another_taken(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for ending in ("png", "tif"):
        write_picture(tmp_path / "masks" / f"one.{ending}", np.zeros((30, 30), np.uint8))
    (choice,) = choose_masks([str(tmp_path / "masks")])
    with pytest.raises(MaskError, match=r"There are two masks for it in .*: one.png and one.tif"):
        make_hole(choice, PictureSet(("one",), (tmp_path / "one.jpg",)), 0, (30, 30, 3), 0)
