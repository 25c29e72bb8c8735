"""Examples with fills: the same again, each laid several ways, filled as `inpaint` does; networks that take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips

from restauro import inpaint
from restauro.damage.synthesis import pieces
from restauro.datasets import ArrayPictures
from restauro.errors import TrainingError
from restauro.training import data, filled
from restauro.training.filled import Filled

PICTURES = ArrayPictures(np.random.default_rng(0).integers(0, 256, (5, 40, 60, 3), np.uint8), "noise")


def examples() -> data.Examples:
    return data.Examples(PICTURES, 32, pieces, seed=3)


def test_an_example_has_the_fill_of_its_picture_and_hole() -> None:
    picture, hole, fill = Filled(examples(), "harmonic").example(11)
    expected = examples().example(11)
    np.testing.assert_array_equal(picture, expected[0])
    np.testing.assert_array_equal(hole, expected[1])
    np.testing.assert_array_equal(fill, inpaint(picture, hole, "harmonic"))


def test_each_comes_again_laid_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of kept examples, the same ones in other ways, and then new ones."""
    monkeypatch.setattr(filled, "_KEPT", 8)
    found = Filled(examples(), "harmonic", times=3)
    made = [found.example(number) for number in range(32)]
    for index in range(8):
        turns = [made[index + 8 * turn] for turn in range(3)]
        ways = [[filled._laid(turns[0][0], way), filled._laid(turns[0][1], way)] for way in range(8)]
        laid = [
            next(w for w in range(8) if all(map(np.array_equal, ways[w], turn[:2]))) for turn in turns
        ]  # of noise: one way alone fits
        assert len(set(laid)) == 3
        for picture, hole, fill in turns:
            np.testing.assert_array_equal(fill[~hole], picture[~hole])
    kept, new = ([np.sort(example[0], axis=None).tobytes() for example in part] for part in (made[:8], made[24:]))
    assert not set(kept) & set(new)
    again = Filled(examples(), "harmonic", times=3)
    for number in (29, 3, 17):  # in any order
        for one, other in zip(again.example(number), made[number], strict=True):
            np.testing.assert_array_equal(one, other)


def test_all_eight_ways_differ() -> None:
    square = np.arange(9).reshape(3, 3)
    assert len({filled._laid(square, way).tobytes() for way in range(8)}) == 8


def test_a_run_learns_to_correct_fills(tmp_path: Path) -> None:
    """It begins at the fill, gets better, and its checkpoint can be gone on from."""
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")
    from restauro.training.presets import PRESETS
    from restauro.training.run import train

    pixels = np.full((32, 32, 3), 40, np.uint8)  # always the same edge, which a harmonic fill blurs
    pixels[:, 13:] = 210
    for part in ("train", "test"):
        folder = tmp_path / "data" / part
        folder.mkdir(parents=True)
        for number in range(12):
            pyvips.Image.new_from_array(pixels).copy(interpretation="srgb").write_to_file(str(folder / f"{number}.png"))
    preset = PRESETS["paintings"].changed(
        {"side": "32", "batch": "4", "width": "8", "depth": "2", "rate": "0.003", "warm_up": "0", "fill": "harmonic"}
        | {"validate_every": "40"}
    )
    said: list[str] = []
    outcome = train(
        preset.lasting(steps=160), tmp_path / "data", tmp_path / "run", device="cpu", workers=1, say=said.append
    )
    assert outcome.best is not None
    sums, _ = _judged(preset, tmp_path / "data")
    assert outcome.best["composited_mae"] < sums["composited_mae"]
    assert any("dB" in line for line in said)
    assert torch.load(tmp_path / "run" / "best.ckpt", weights_only=True)["preset"]["fill"] == "harmonic"
    _exports(tmp_path / "run" / "best.ckpt", tmp_path / "data")


def _exports(checkpoint: Path, data: Path) -> None:
    """Whether the file that comes of a run, in use, does what the network does in training."""
    pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'restauro[train]'")
    import torch

    from restauro.training import checkpoints
    from restauro.training.export import export_checkpoint
    from restauro.training.validating import to_tensors

    with pytest.raises(TrainingError, match="Eight bits need the pictures that the network was trained on: use data="):
        export_checkpoint(checkpoint, checkpoint.with_name("small.onnx"), eight_bits=True)
    small = export_checkpoint(checkpoint, checkpoint.with_name("small.onnx"), data=data, eight_bits=True)
    exported = export_checkpoint(checkpoint, checkpoint.with_name("model.onnx"), data=data)
    assert small.loss is not None
    assert abs(small.loss) < 0.2
    network, _ = checkpoints.load_network(checkpoint)
    picture = pyvips.Image.new_from_file(str(data / "test" / "0.png")).numpy()
    hole = np.zeros((32, 32), bool)
    hole[5:20, 10:17] = True
    _, known, filled = to_tensors(
        (picture[None], hole[None], inpaint(picture, hole, "harmonic")[None]), torch.device("cpu")
    )
    with torch.no_grad():
        expected = network(filled, known)[0].permute(1, 2, 0).numpy() * 255
    for path, most in ((exported.path, 2), (small.path, 6)):  # fills are rounded in training
        found = inpaint(picture, hole, "network", model=str(path))
        assert np.abs(found - expected.clip(40, 210))[hole].max() < most


def _judged(preset: object, folder: Path) -> tuple[dict[str, float], object]:
    """Return the metrics of the fills themselves."""
    import torch

    from restauro.datasets import open_pictures
    from restauro.training.data import batch
    from restauro.training.tasks import TASKS

    pictures, tests = (open_pictures(folder, split=split) for split in ("train", "test"))
    task = TASKS["fill"]
    _, tested = task.examples(preset, pictures, tests, None, None)  # type: ignore[arg-type]
    sums, grid = task.judge(lambda tensors: tensors[2], [batch(tested, range(len(tested)))], torch.device("cpu"))
    return task.metrics(sums), grid
