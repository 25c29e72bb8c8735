from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.errors import TrainingError, WriteError
from restauro.training import checkpoints
from restauro.training.presets import PRESETS

PRESET = PRESETS["cifar10-course"]


def parts(**changes: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    return {
        "preset": PRESET.plain(),
        "settings": {"seed": 0},
        "step": 7,
        "network": PRESET.make_network().state_dict(),
        "ema": None,
        "optimiser": {"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": []},
        "scaler": {},
        "validations": [{"step": 5, "composited_mae": 0.1}],
        "progress": {"row": {"sums": {}, "count": 0}},
        **changes,
    }


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    path = checkpoints.path_of(tmp_path, 7)
    saved = parts()
    checkpoints.save(path, **saved)
    found = checkpoints.load(path)
    assert found["format"] == 1
    assert set(found["versions"]) == {"restauro", "python", "torch", "numpy"}
    for name in ("preset", "settings", "step", "ema", "scaler", "validations", "progress"):
        assert found[name] == saved[name], name
    for name, values in saved["network"].items():
        assert torch.equal(found["network"][name], values)
    assert [file.name for file in tmp_path.iterdir()] == ["step-00000007.ckpt"]


def test_the_network_has_the_weights_and_the_mean_is_preferred(tmp_path: Path) -> None:
    saved = parts()
    mean = {name: values + 1 for name, values in saved["network"].items()}
    for ema, wanted in ((None, saved["network"]), (mean, mean)):
        checkpoints.save(tmp_path / "x.ckpt", **{**saved, "ema": ema})
        network, checkpoint = checkpoints.load_network(tmp_path / "x.ckpt")
        assert not network.training
        assert checkpoint["step"] == 7
        assert all(torch.equal(values, wanted[name]) for name, values in network.state_dict().items())


def test_a_crash_while_writing_leaves_the_file_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "best.ckpt"
    checkpoints.save(path, **parts())

    def broken(content: object, file: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(WriteError, match=r"The checkpoint can't be written to .*best\.ckpt: disk full"):
        checkpoints.save(path, **parts(step=8))
    monkeypatch.undo()
    assert checkpoints.load(path)["step"] == 7


def test_the_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[str] = []
    for name in ("fsync", "replace"):
        whole = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, whole=whole: (acts.append(name), whole(*args))[1])
    checkpoints.save(tmp_path / "best.ckpt", **parts())
    assert acts == ["fsync", "replace", "fsync"]  # the file, its name, the folder


def test_the_newest_two_and_the_best_are_kept(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    for name in ("step-00000002.ckpt", "step-00000010.ckpt", "step-100000000.ckpt", "best.ckpt", "step-7.ckpt.part"):
        (tmp_path / name).touch()
    assert checkpoints.newest(tmp_path) == tmp_path / "step-100000000.ckpt"
    checkpoints.remove_old(tmp_path)
    assert {path.name for path in tmp_path.glob("*.ckpt")} == {"step-00000010.ckpt", "step-100000000.ckpt", "best.ckpt"}


def damaged(path: Path) -> None:
    checkpoints.save(path, **parts())
    path.write_bytes(path.read_bytes()[:5000])


def evil(path: Path) -> None:
    torch.save({"format": 1, "step": os.system}, path)


@pytest.mark.parametrize("spoil", [damaged, evil, Path.touch, lambda path: path.write_text("a picture, say")])
def test_other_files_are_not_read(tmp_path: Path, spoil: Any) -> None:
    spoil(tmp_path / "x.ckpt")
    with pytest.raises(TrainingError, match=r"x\.ckpt can't be read as a checkpoint: it is damaged or another kind"):
        checkpoints.load(tmp_path / "x.ckpt")


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"There is no checkpoint .*none\.ckpt\.$"):
        checkpoints.load(tmp_path / "none.ckpt")
    with pytest.raises(TrainingError, match=r"is a folder: name a checkpoint in it, such as .*best\.ckpt\.$"):
        checkpoints.load(tmp_path)


def test_other_contents_are_said(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(TrainingError, match="is not a checkpoint of restauro"):
        checkpoints.load(path)
    torch.save({"format": 2}, path)
    with pytest.raises(
        TrainingError, match="of format 2, and this restauro reads format 1: use the version that wrote"
    ):
        checkpoints.load(path)
    checkpoints.save(path, **parts(validations=None))
    with pytest.raises(TrainingError, match="is not a whole checkpoint: its validations is missing"):
        checkpoints.load(path)


def test_a_network_that_is_not_known_is_said(tmp_path: Path) -> None:
    for changes in ({"network": "other"}, {"network_options": {"depth": 3}}):
        checkpoints.save(tmp_path / "x.ckpt", **parts(preset={**PRESET.plain(), **changes}))
        with pytest.raises(TrainingError, match="holds a network that this version of restauro doesn't have"):
            checkpoints.load_network(tmp_path / "x.ckpt")
    checkpoints.save(tmp_path / "x.ckpt", **parts(network={"weight": torch.zeros(1)}))
    with pytest.raises(TrainingError, match="holds a network that this version of restauro doesn't have"):
        checkpoints.load_network(tmp_path / "x.ckpt")


@pytest.mark.parametrize("name", ["cifar10", "damage", "paintings", "paintings-pconv", "stains"])
def test_training_goes_on_from_models_that_come_with_restauro(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install 'restauro[train]'")
    from restauro.training.onnx_files import read_weights

    network = PRESETS[name].make_network()
    begun = {key: values.clone() for key, values in network.state_dict().items()}
    checkpoints.take_weights(network, None, Path(name))
    kernels = [key for key, values in begun.items() if values.dim() == 4]
    assert not any(torch.equal(network.state_dict()[key], begun[key]) for key in kernels)
    assert all(key in read_weights(checkpoints._named(Path(name))) for key, _ in network.named_parameters())
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    checkpoints.take_weights(network, None, Path(name))
    Path(name).rmdir()
    Path(name).write_text("the user's own file of that name")
    with pytest.raises(TrainingError, match="can't be read as a checkpoint"):
        checkpoints.take_weights(network, None, Path(name))


def test_a_name_of_nothing_is_said_with_those_there_are() -> None:
    said = "There is no checkpoint painting, and no such model comes with restauro: cifar10, damage, paintings, "
    with pytest.raises(TrainingError, match=said):
        checkpoints.take_weights(torch.nn.Conv2d(1, 1, 1), None, Path("painting"))
