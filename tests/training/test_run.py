from __future__ import annotations

import json
import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.errors import TrainingError
from restauro.training import checkpoints, folders
from restauro.training.machine import Machine
from restauro.training.preset import Preset
from restauro.training.presets import PRESETS
from tests.training.rich_runs import COURSE, rich, rows, run


def weights(out: Path, name: str = "network") -> dict[str, Any]:
    found: dict[str, Any] = checkpoints.load(checkpoints.newest(out) or out)[name]
    return found


def test_a_run_leaves_what_it_promises(pictures: Path, tmp_path: Path) -> None:
    said: list[str] = []
    shown: list[tuple[int, int, str]] = []
    outcome = run(COURSE, pictures, tmp_path / "x", say=said.append, progress=lambda *args: shown.append(args))
    assert (outcome.step, outcome.steps, outcome.interrupted) == (16, 16, False)  # 32 of 33 pictures are for training
    names = {path.name for path in (tmp_path / "x").iterdir()}
    assert names == {
        *("run.json", "training.csv", "validation.csv", "tensorboard", "samples"),
        *("best.ckpt", "step-00000014.ckpt", "step-00000016.ckpt"),
    }
    assert {path.name for path in (tmp_path / "x/samples").iterdir()} == {"step-00000008.png", "step-00000016.png"}
    training, validation = rows(tmp_path / "x/training.csv"), rows(tmp_path / "x/validation.csv")
    assert [row["step"] for row in training] == list(range(2, 17, 2))
    assert {row["rate"] for row in training} == {1e-3}
    assert [(row["step"], row["epoch"]) for row in validation] == [(8, 1), (16, 2)]
    for number in (0, 1):  # the mean of an epoch's rows
        mean = np.mean([row["loss"] for row in training[4 * number : 4 * number + 4]])
        assert validation[number]["training_loss"] == pytest.approx(mean, rel=1e-4)
    assert len(said) == 3
    assert said[1].startswith("Step 8 of 16 (epoch 1): test pictures ")
    assert shown[-1][:2] == (16, 16)
    assert outcome.best is not None
    assert outcome.best["composited_mae"] == pytest.approx(min(row["composited_mae"] for row in validation), rel=1e-4)


def test_losses_are_in_tensorboard(pictures: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(COURSE.lasting(steps=8), pictures, tmp_path / "x")
    run(COURSE.lasting(steps=8), pictures, tmp_path / "x")
    events = EventAccumulator(str(tmp_path / "x/tensorboard"))
    events.Reload()
    logged = [(event.step, event.value) for event in events.Scalars("training/loss")]
    assert [step for step, _ in logged] == [2, 4, 6, 8]
    assert [value for _, value in logged] == pytest.approx(
        [row["loss"] for row in rows(tmp_path / "x/training.csv")], 1e-4
    )
    assert events.Tags()["images"] == ["validation/samples"]


def test_the_loss_gets_smaller(pictures: Path, tmp_path: Path) -> None:
    run(rich(steps="60", rate="0.01", validate_every="20", log_every="10"), pictures, tmp_path / "x")
    losses = [row["loss"] for row in rows(tmp_path / "x/training.csv")]
    assert losses[-1] < 0.7 * losses[0]


def test_a_seed_makes_a_run_and_another_another(pictures: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(COURSE.lasting(steps=3), pictures, tmp_path / name, seed=seed)
    one, two, other = (weights(tmp_path / name) for name in "abc")
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["last.weight"], other["last.weight"])


def test_the_callers_chance_and_threads_stay(pictures: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    run(COURSE.lasting(steps=1), pictures, tmp_path / "x", workers=threads + 1)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(1), wanted)


def test_what_is_begun_is_said(pictures: Path, tmp_path: Path) -> None:
    for begun, steps in ((0, 2), (2, 2)):
        said: list[str] = []
        run(COURSE.lasting(steps=steps), pictures, tmp_path / "x", say=said.append)
        begins = [line for line in said if line.startswith(f"Training {COURSE.name} from step {begun} to {steps} in ")]
        assert len(begins) == 1
        assert "on cpu in float32" in begins[0]
        assert len(said) == 2  # and a validation, or that it goes on


def test_the_best_network_is_kept_and_can_be_loaded(pictures: Path, tmp_path: Path) -> None:
    outcome = run(rich(validate_every="2", rate="0.05"), pictures, tmp_path / "x")
    network, checkpoint = checkpoints.load_network(tmp_path / "x/best.ckpt")
    assert outcome.best is not None
    assert checkpoint["step"] == outcome.best["step"]
    assert checkpoint["validations"][-1] == outcome.best
    assert checkpoint["settings"]["data"].startswith("32 pictures")
    mean = checkpoint["ema"]
    assert all(torch.equal(values, mean[name]) for name, values in network.state_dict().items())
    assert not torch.equal(mean["encoder.0.convolution.weight"], checkpoint["network"]["encoder.0.convolution.weight"])


def test_the_running_mean_is_one(pictures: Path, tmp_path: Path) -> None:
    """Against the plain formula over the weights of every step."""
    preset = rich(ema="0.5", checkpoint_every="1")
    seen: list[Any] = []
    outs = [tmp_path / str(steps) for steps in range(1, 5)]
    for steps, out in enumerate(outs, 1):
        run(preset.changed({"schedule": "constant"}).lasting(steps=steps), pictures, out)
        seen.append(weights(out)["decoder.0.convolution.weight"])
    torch.manual_seed(0)
    mean = preset.make_network().state_dict()["decoder.0.convolution.weight"]
    for step, values in enumerate(seen, 1):
        decay = min(0.5, step / (step + 9))
        mean = decay * mean + (1 - decay) * values
    torch.testing.assert_close(weights(outs[-1], "ema")["decoder.0.convolution.weight"], mean)


def test_the_papers_second_phase_leaves_the_encoders_norms(pictures: Path, tmp_path: Path) -> None:
    phases = tuple(
        {"rate": 1e-3, "steps": steps, "freeze_batch_norm": frozen} for steps, frozen in ((3, False), (4, True))
    )
    preset = Preset.from_plain({**rich(checkpoint_every="1").plain(), "phases": phases})
    run(preset.lasting(steps=7), pictures, tmp_path / "x")
    assert {row["rate"] for row in rows(tmp_path / "x/training.csv")} == {1e-3}
    found = [checkpoints.load(checkpoints.path_of(tmp_path / "x", step))["network"] for step in (6, 7)]
    norms = [name for name in found[0] if "norm" in name and "encoder" in name]
    assert norms
    for name in found[0]:
        assert torch.equal(found[0][name], found[1][name]) == (name in norms), name


def test_a_batch_must_be_shared_evenly(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three = Machine(torch.device("cpu"), "float32", 1, rank=0, processes=3)
    monkeypatch.setattr("restauro.training.run.machine", lambda *_: nullcontext(three))
    with pytest.raises(TrainingError, match=r"^A batch of 4 can't be shared evenly by 3 processes\.$"):
        run(COURSE, pictures, tmp_path / "x")


def test_other_settings_are_named(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "x"
    run(COURSE.lasting(steps=2), pictures, out)
    message = r"was begun with batch 4 \(now 8\), leaky False \(now True\), seed 0 \(now 3\): give the same settings"
    with pytest.raises(TrainingError, match=message):
        run(COURSE.lasting(steps=2).changed({"batch": "8", "leaky": "true"}), pictures, out, seed=3)
    with pytest.raises(TrainingError, match=r"precision float32 \(now bf16\): give"):
        run(COURSE.lasting(steps=2), pictures, out, precision="bf16")
    with pytest.raises(TrainingError, match=r"and \d+ more: give the same settings, or choose another folder"):
        run(rich(), pictures, out)


def test_a_folder_of_something_else_is_left_alone(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/thesis.tex").touch()
    for overwrite in (False, True):
        with pytest.raises(TrainingError, match="x holds something else than a run: name a new folder"):
            run(COURSE, pictures, tmp_path / "x", overwrite=overwrite)
    with pytest.raises(TrainingError, match=r"thesis\.tex is a file: name a folder for the run"):
        run(COURSE, pictures, tmp_path / "x/thesis.tex")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["thesis.tex"]


def test_overwriting_begins_anew(pictures: Path, tmp_path: Path) -> None:
    run(COURSE.lasting(steps=4), pictures, tmp_path / "x")
    outcome = run(COURSE.lasting(steps=2), pictures, tmp_path / "x", overwrite=True, seed=1)
    assert outcome.step == 2
    assert [row["step"] for row in rows(tmp_path / "x/training.csv")] == [2]
    assert not (tmp_path / "x/step-00000004.ckpt").exists()


def test_overwriting_leaves_what_the_run_did_not_write(tmp_path: Path) -> None:
    written = ["run.json", "training.csv", "step-00000004.ckpt", "step-00000006.ckpt.part", "samples/step-00000004.png"]
    others = ["model.onnx", "notes.txt", "photographs/a.png"]
    for name in (*written, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    folders.prepare(tmp_path, {"seed": 1}, overwrite=True)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {*others, "run.json"}
    assert json.loads((tmp_path / "run.json").read_text()) == {"seed": 1}


def test_too_few_pictures_are_said(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match="holds 32 training pictures, and a batch takes 64: add pictures, or choose"
    ):
        run(COURSE.changed({"batch": "64"}), pictures, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_loss_that_explodes_is_said(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "restauro.training.losses.L1.__call__", lambda self, output, image, known: {"l1": output.sum() * math.nan}
    )
    with pytest.raises(TrainingError, match=r"^The loss is nan at step 2: begin another run with a lower rate"):
        run(COURSE, pictures, tmp_path / "x")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_is_said(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match='PyTorch finds no GPU here: use device="cpu"'):
        run(COURSE, pictures, tmp_path / "x", device="cuda")


def test_no_checkpoint_holds_weights_that_are_lost(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "restauro.training.losses.L1.__call__", lambda self, output, image, known: {"l1": output.sum() * math.nan}
    )
    with pytest.raises(TrainingError, match=r"^The loss is nan at step 1: begin another run"):
        run(COURSE.changed({"log_every": "100", "checkpoint_every": "1"}), pictures, tmp_path / "x")
    assert checkpoints.newest(tmp_path / "x") is None


@pytest.mark.shared
def test_the_papers_preset_runs_through_both_phases_with_all_terms(
    pictures: Path, tmp_path: Path, shared: Path
) -> None:
    small = {"width": "8", "depth": "5", "side": "64", "batch": "2", "log_every": "1"}
    preset = PRESETS["paper"].changed(small).lasting(steps=11)
    said: list[str] = []
    vgg = shared / "weights" / "vgg16_caffe_conv1_1-conv3_3_rgb.safetensors"
    run(preset, pictures, tmp_path / "x", vgg=vgg, say=said.append)
    assert said[0] == "The features of VGG-16 are divided by their means, 146.3, 350.3, 325.4."
    table = rows(tmp_path / "x/training.csv")
    assert [row["rate"] for row in table] == [2e-4] * 10 + [5e-5]
    weights_of = {"valid": 1, "hole": 6, "perceptual": 0.05, "style_out": 120, "style_comp": 120, "tv": 0.1}
    for row in table:
        assert row["loss"] == pytest.approx(sum(weight * row[name] for name, weight in weights_of.items()), rel=1e-4)
