"""The task of finding damage: examples, loss, judging, a tiny run, and going on from weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.damage.wear.canvas import KINDS, STAIN
from restauro.datasets import ArrayPictures
from restauro.errors import TrainingError
from restauro.training import checkpoints, finding
from restauro.training.damage_unet import DamageUNet
from restauro.training.data import validation_batches
from restauro.training.finding import FindingTests, MarksLoss, WornExamples, metrics_of, score_sums, to_tensors
from restauro.training.preset import Preset
from restauro.training.presets import PRESETS
from restauro.training.run import train
from tests.training.runs import make_pictures

CPU = torch.device("cpu")
TINY = {"side": "32", "batch": "2", "width": "8", "depth": "3", "validate_every": "2", "validation_pictures": "4"}


def noise(count: int = 3, height: int = 280, width: int = 300) -> ArrayPictures:
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    return ArrayPictures(pixels, "noise")


def tiny(**changes: str) -> Preset:
    return PRESETS["damage"].changed(TINY | changes).lasting(steps=3)


def test_examples_are_a_function_of_seed_and_number() -> None:
    numbers = (0, 7, 8, 31, 40)
    first = [WornExamples(noise(), 128, seed=1).example(number) for number in numbers]
    examples = WornExamples(noise(), 128, seed=1)
    again = [examples.example(number) for number in reversed(numbers)][::-1]
    other = WornExamples(noise(), 128, seed=2).example(7)
    for (picture, marks), (picture_again, marks_again) in zip(first, again, strict=True):
        assert picture.shape == (128, 128, 3)
        assert np.array_equal(picture, picture_again)
        assert np.array_equal(marks, marks_again)
    assert not np.array_equal(first[1][0], other[0])


def test_small_examples_are_the_parts_of_what_is_rendered() -> None:
    examples = WornExamples(noise(), 128, seed=0)
    whole, marks = examples.rendered(3)
    parts = [examples.example(8 * part + 3) for part in range(4)]  # eight pieces in turn, a part of each
    rows = [[np.concatenate([parts[2 * row + column][k] for column in (0, 1)], 1) for row in (0, 1)] for k in (0, 1)]
    assert np.array_equal(np.concatenate(rows[0]), whole)
    assert np.array_equal(np.concatenate(rows[1]), marks)


def test_pictures_smaller_than_what_is_rendered_are_enlarged() -> None:
    picture, marks = WornExamples(noise(2, 40, 60), 256, seed=0).example(5)
    assert picture.shape == (256, 256, 3)
    assert marks.shape == (256, 256)


def test_tests_are_cracks_strokes_worn_and_undamaged() -> None:
    tests = FindingTests(noise(2), 0)
    assert len(tests) == 8
    found = [tests.example(number) for number in range(4)]
    assert all(picture.shape == (512, 512, 3) and marks.shape == (512, 512) for picture, marks, _ in found)
    assert [case for _, _, case in found] == [0, 1, 2, 3]
    assert set(np.unique(found[0][1])) == set(np.unique(found[1][1])) == {0, 1}
    assert 0.005 < (found[0][1] > 0).mean() < 0.15
    assert found[2][1].any()
    assert not found[3][1].any()
    assert np.array_equal(tests.example(1)[0], found[1][0])


def test_where_stains_alone_are_to_be_found_they_are_often_there_and_nothing_else_is_marked() -> None:
    grey = ArrayPictures(np.random.default_rng(0).integers(110, 140, (3, 280, 300, 3), np.uint8), "grey")
    marks = [WornExamples(grey, 256, seed=0, only="stain").example(number)[1] for number in range(24)]
    every = [WornExamples(grey, 256, seed=0).example(number)[1] for number in range(24)]
    assert {int(bits) for each in marks for bits in np.unique(each)} == {0, 1 << STAIN}
    assert sum(bool(each.any()) for each in marks) >= 8
    assert sum(bool((each >> STAIN & 1).any()) for each in every) <= 7
    tests = FindingTests(noise(3), 0, only="stain")
    found = [tests.example(number) for number in range(len(tests))]
    assert [int(case) for _, _, case in found] == 3 * [2, 3]
    assert {int(bits) for _, each, _ in found for bits in np.unique(each)} <= {0, 1 << STAIN}


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("only", "stains", "only is 'stains'; it can be crack, scratch, loss, dust, stain, or nothing for all"),
        ("looks", "0", "looks is 0; it must be 1 or more"),
    ],
)
def test_settings_of_the_network_that_mean_nothing(name: str, value: str, match: str) -> None:
    with pytest.raises(TrainingError, match=match):
        PRESETS["damage"].changed({name: value}).make_network()


def test_a_network_for_another_kind_is_taught_that_kind_alone() -> None:
    marks = [WornExamples(noise(), 256, seed=0, only="scratch").example(number)[1] for number in range(12)]
    assert {int(bits) for each in marks for bits in np.unique(each)} == {0, 2}


@pytest.mark.parametrize("only", KINDS)
def test_a_network_for_one_kind_says_of_the_others_that_they_are_nowhere(only: str) -> None:
    network = DamageUNet(width=8, depth=3, looks=2, only=only)
    with torch.no_grad():
        network.last.weight.normal_()
    place = KINDS.index(only)
    for seen, told, odds in network.looks(torch.rand(1, 3, 20, 24)):
        assert odds.shape == told.shape == (1, 5, *seen.shape[2:])
        assert odds[:, place].std() > 0.01
        assert odds[:, [k for k in range(5) if k != place]].max() < -12
    assert seen.shape == (1, 3, 20, 24)


def test_tensors_have_a_plane_for_every_bit() -> None:
    marks = np.array([[[0, 1], [2, 31]]], np.uint8)
    image, truth = to_tensors((np.full((1, 2, 2, 3), 51, np.uint8), marks), CPU)
    assert image.shape == (1, 3, 2, 2)
    assert image.unique().tolist() == pytest.approx([0.2])
    for kind in range(len(KINDS)):
        assert truth[0, kind].tolist() == [[0, float(kind == 0)], [float(kind == 1), 1]]


def test_the_loss_is_least_for_the_truth_and_counts_lines_of_the_wrong_kind_less() -> None:
    truth = torch.zeros(1, 5, 8, 8)
    truth[:, 0, 3] = 1
    image, loss = torch.zeros(1, 3, 8, 8), MarksLoss()
    right = 20 * truth - 10
    swapped = right[:, [1, 0, 2, 3, 4]]
    nothing = torch.full_like(right, -10.0)
    terms = [loss(logits, image, truth) for logits in (right, swapped, nothing)]
    dice = [float(term["dice"]) for term in terms]
    assert float(terms[0]["cross_entropy"]) < 0.01
    assert dice[0] < 0.01 < dice[1] < dice[2]
    assert float(loss(right, image, torch.zeros_like(truth))["dice"]) == 0  # no kind is there


def test_judging_tells_a_perfect_finder_from_one_that_finds_nothing_and_one_that_marks_all() -> None:
    tests = FindingTests(noise(1), 0)
    pieces = [tests.example(number) for number in range(4)]
    batch = tuple(np.stack(parts) for parts in zip(*pieces, strict=True))
    _, truth = to_tensors(batch[:2], CPU)  # type: ignore[arg-type]
    found = {}
    for name, logits in {"right": 20 * truth - 10, "nothing": 0 * truth - 10, "all": 0 * truth + 10}.items():
        sums, grid = score_sums(lambda image, logits=logits: logits, [batch], CPU)
        assert grid is not None
        assert grid.shape == (4 * 512, 3 * 512, 3)
        found[name] = metrics_of(sums)
    assert found["right"]["missed"] == pytest.approx(0)
    assert found["right"]["cracks_iou"] == found["right"]["worn_f1"] == 1
    assert found["nothing"]["missed"] == 1
    assert found["nothing"]["undamaged_marked"] == 0
    assert found["all"]["undamaged_marked"] == 100


def test_what_processes_judge_together_is_what_one_does() -> None:
    """Each takes batches in turn; with batches of two a process of two sees no first case beside a fourth."""
    tests = FindingTests(noise(2), 0)

    def find(image: torch.Tensor) -> torch.Tensor:
        return torch.where(image.mean(1, keepdim=True) > 0.5, 4.0, -4.0).expand(-1, 5, -1, -1)

    def sums(world: int) -> torch.Tensor:
        each = [score_sums(find, validation_batches(tests, 2, rank, world), CPU)[0] for rank in range(world)]
        return torch.stack(each).sum(0)

    torch.testing.assert_close(sums(2), sums(1))
    assert sums(2)[:, 2].tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (2, 3, 33, 50), (1, 3, 5, 70)])
def test_the_network_takes_any_size(shape: tuple[int, ...]) -> None:
    network = DamageUNet(width=8, depth=4).eval()
    assert network(torch.rand(shape)).shape == (shape[0], 5, *shape[2:])
    assert network.multiple == 8


def test_the_network_sees_the_same_wherever_a_place_is() -> None:
    torch.manual_seed(0)
    network = DamageUNet(width=8, depth=3).eval()
    torch.nn.init.normal_(network.last.weight)
    image = torch.rand(1, 3, 960, 960)
    with torch.no_grad():
        whole, window = network(image), network(image[:, :, 64:896, 64:896])
    middle = slice(412, 420)
    torch.testing.assert_close(whole[:, :, 476:484, 476:484], window[:, :, middle, middle], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("preset", ["damage", "stains"])
def test_the_shipped_networks_size_is_what_the_preset_says(preset: str) -> None:
    network = PRESETS[preset].make_network()
    assert 0.8e6 < sum(parameter.numel() for parameter in network.parameters()) < 0.95e6


class Marks(torch.nn.Module):
    """Marks what is brighter than half, wholly."""

    def __init__(self) -> None:
        super().__init__()
        self.sure = torch.nn.Parameter(torch.tensor(100.0))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.sure * (image.mean(1, keepdim=True) - 0.5).expand(-1, 5, -1, -1)


def test_pictures_that_are_marked_falsely_come_more_often() -> None:
    pixels = np.zeros((5, 64, 64, 3), np.uint8)
    pixels[1, :32] = pixels[2, :16] = 255
    pictures = ArrayPictures(pixels, "half, a quarter, nothing")
    weights = finding.hardness(Marks(), pictures)
    assert weights == pytest.approx([1, 4, 1 + 5 / 3, 1, 1], rel=0.05)
    assert finding.hardness(Marks(), ArrayPictures(pixels[:1], "nothing")).tolist() == [1]
    seen: list[int] = []

    class Seen(ArrayPictures):
        def read(self, index: int) -> np.ndarray:
            seen.append(index)
            return super().read(index)

    examples = WornExamples(Seen(pixels, "seen"), 256, seed=0, weights=np.array([0.0, 3, 1, 0, 0]))
    for number in range(60):
        examples.example(number)
    assert set(seen) == {1, 2}
    assert 32 < seen.count(1) < 56


def test_hard_negatives_need_weights_to_begin_with(pictures: Path, tmp_path: Path) -> None:
    options = {"device": "cpu", "precision": "float32", "workers": 1, "say": lambda line: None}
    with pytest.raises(TrainingError, match="hard_negatives needs weights that mark something: use init="):
        train(tiny(hard_negatives="true"), pictures, tmp_path / "none", **options)  # type: ignore[arg-type]
    first = train(tiny().lasting(steps=1), pictures, tmp_path / "run", **options)  # type: ignore[arg-type]
    init = first.folder / "step-00000001.ckpt"
    again = train(tiny(hard_negatives="true"), pictures, tmp_path / "more", init=init, **options)  # type: ignore[arg-type]
    assert again.step == 3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("data") / "pictures", count=12, side=40)


def test_a_run_trains_validates_and_goes_on_from_weights(pictures: Path, tmp_path: Path) -> None:
    told: list[str] = []
    options = {"device": "cpu", "precision": "float32", "workers": 1, "say": told.append}
    outcome = train(tiny(), pictures, tmp_path / "run", **options)  # type: ignore[arg-type]
    assert outcome.best is not None
    assert {"cracks_f1", "strokes_iou", "worn_f1", "undamaged_marked", "missed"} < outcome.best.keys()
    assert any("of undamaged ones marked" in line for line in told)
    assert (tmp_path / "run" / checkpoints.BEST).exists()
    begun = train(tiny().lasting(steps=1), pictures, tmp_path / "more", init=outcome.folder / "best.ckpt", **options)  # type: ignore[arg-type]
    before, after = (checkpoints.load(folder / name)["ema"] for folder, name in (
        (outcome.folder, "best.ckpt"), (begun.folder, "step-00000001.ckpt")))  # fmt: skip
    fresh = tiny().make_network().state_dict()
    apart = [float(sum((after[k] - other[k]).abs().sum() for k in after)) for other in (before, fresh)]
    assert apart[0] < 0.1 * apart[1]


def test_a_network_for_stains_is_trained_and_judged_by_stains(pictures: Path, tmp_path: Path) -> None:
    told: list[str] = []
    preset = PRESETS["stains"].changed(TINY).lasting(steps=2)
    outcome = train(preset, pictures, tmp_path / "run", device="cpu", precision="float32", workers=1, say=told.append)
    assert outcome.best is not None
    assert outcome.best["missed"] == pytest.approx(1 - outcome.best["worn_f1"])
    assert "cracks_f1" not in outcome.best
    assert any("of damage as in training; " in line for line in told)


def test_weights_of_another_network_are_refused(pictures: Path, tmp_path: Path) -> None:
    options = {"device": "cpu", "precision": "float32", "workers": 1, "say": lambda line: None}
    train(tiny().lasting(steps=1), pictures, tmp_path / "run", **options)  # type: ignore[arg-type]
    checkpoint = tmp_path / "run" / "step-00000001.ckpt"
    with pytest.raises(TrainingError, match=r"step-00000001\.ckpt don't fit the network that is to be trained: give"):
        train(tiny(width="16"), pictures, tmp_path / "other", init=checkpoint, **options)  # type: ignore[arg-type]
    assert not (tmp_path / "other").exists()


def test_masks_are_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="The preset 'damage' renders its damage and takes no masks"):
        train(tiny(), pictures, tmp_path / "run", masks=pictures, device="cpu", say=lambda line: None)


@pytest.mark.parametrize(("large", "fine"), [(1.0, 0.0), (0.0, 1.0)])
def test_marks_of_resized_pieces_lie_on_the_damage(large: float, fine: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A white square on black, worn small and enlarged, or large and made smaller: its marks have the same middle."""

    def square(piece: np.ndarray, rng: np.random.Generator, **ignored: Any) -> tuple[np.ndarray, np.ndarray]:
        side = len(piece)
        marks = np.zeros((side, side), np.uint8)
        marks[side // 4 : side // 2, side // 3 : side // 2] = 1
        return np.repeat(255 * marks[..., None], 3, axis=2), marks

    monkeypatch.setattr(finding, "wear", square)
    monkeypatch.setattr(finding, "scanned", lambda picture, rng: picture)
    monkeypatch.setattr(finding, "_LARGE", large)
    monkeypatch.setattr(finding, "_FINE", fine)
    examples = WornExamples(ArrayPictures(np.zeros((3, 300, 300, 3), np.uint8), "black"), 256, seed=0)
    off = []
    for number in range(12):
        worn, marks = examples.example(number)
        for axis in (0, 1):
            seen, marked = (plane.sum(axis=axis) / plane.sum() for plane in (worn[..., 0].astype(float), marks))
            off.append(float(np.arange(256) @ (seen - marked)))
    assert np.abs(off).max() < 0.6  # marks are whole pixels
    assert abs(np.mean(off)) < 0.2


def test_a_smaller_piece_is_marked_where_enough_of_a_pixel_was() -> None:
    marks = np.zeros((8, 8), np.uint8)
    marks[0, :2] = 0b00001  # half of the first pixel
    marks[2, 2] |= 0b01000  # a quarter of another
    marks[4:6, 6:] |= 0b10010  # all of a third, of two kinds
    small = finding._resized(marks, 4)
    expected = np.zeros((4, 4), np.uint8)
    expected[0, 0], expected[2, 3] = 0b00001, 0b10010
    np.testing.assert_array_equal(small, expected)
