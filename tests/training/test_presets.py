from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.errors import TrainingError
from restauro.training.preset import Phase, Preset
from restauro.training.presets import PRESETS

COURSE = PRESETS["cifar10-course"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_survive_json(preset: Preset) -> None:
    assert Preset.from_plain(json.loads(json.dumps(preset.plain()))) == preset


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_can_be_built(preset: Preset) -> None:
    network = preset.make_network()
    assert preset.side % network.multiple == 0
    assert PRESETS[preset.name] is preset
    hole = preset.mask_maker()(preset.side, preset.side, np.random.default_rng(1))
    assert hole.shape == (preset.side, preset.side)
    assert hole.dtype == bool


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_number_that_need_not_be_whole_is_not_given_as_a_whole_one(preset: Preset) -> None:
    """A setting is read as the type that the value in the preset has."""
    for values in (preset, *preset.phases):
        for name, annotation in type(values).__annotations__.items():
            if annotation == "float":
                assert type(getattr(values, name)) is float, name


def test_the_course_is_as_it_was() -> None:
    assert COURSE.ends(50_000 // COURSE.batch) == [4 * 1562]
    assert COURSE.network_options == {"leaky": False, "quirks": True}
    assert {COURSE.phase_at(step, 1562)[1] for step in (0, 1, 3000, 6247)} == {1e-3}
    assert (COURSE.loss, COURSE.optimiser, COURSE.flip, COURSE.ema, COURSE.clip_norm) == ("l1", "adam", False, 0, 0)


def test_the_paper_has_two_phases() -> None:
    preset = PRESETS["paper"]
    assert [phase.rate for phase in preset.phases] == [2e-4, 5e-5]
    assert [phase.freeze_batch_norm for phase in preset.phases] == [False, True]
    ends = preset.ends(1000)
    assert preset.phase_at(ends[0] - 1, 1000) == (preset.phases[0], 2e-4)
    assert preset.phase_at(ends[0], 1000) == (preset.phases[1], 5e-5)


def test_a_cosine_rises_then_falls_to_nothing() -> None:
    preset = COURSE.changed({"schedule": "cosine", "warm_up": "9", "rate": "1", "steps": "109"})
    rates = [preset.phase_at(step, 50)[1] for step in range(109)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[9:], [0.5 + 0.5 * math.cos(math.pi * step / 100) for step in range(100)])
    assert rates[-1] < 0.001


def test_values_are_read_as_the_field_has_them() -> None:
    preset = COURSE.changed({"batch": "64", "leaky": "yes", "ema": "0.9", "masks": "strokes", "epochs": "0.5"})
    assert (preset.batch, preset.network_options["leaky"], preset.ema, preset.masks) == (64, True, 0.9, "strokes")
    assert preset.phases == (Phase(rate=1e-3, epochs=0.5),)
    assert preset.ends(100) == [50]
    assert COURSE.batch == 32


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("bach", "4", "The preset 'cifar10-course' has no setting 'bach': did you mean 'batch'?"),
        ("name", "x", "The preset 'cifar10-course' has no setting 'name': "),
        ("batch", "4.5", "batch is '4.5'; it must be a whole number, such as 32."),
        ("leaky", "2", "leaky is '2'; it must be true or false, such as false."),
        ("rate", "fast", "rate is 'fast'; it must be a number, such as 0.001."),
        ("batch", "0", "batch is 0; it must be 1 or more."),
        ("masks", "dots", "masks is 'dots'; it can be marks, strokes, pieces, none."),
        ("network", "vit", "network is 'vit'; it can be correcting, course, damage, refining, unet"),
        ("schedule", "linear", "schedule is 'linear'; it can be constant, cosine."),
        ("rate", "-1", "A phase needs a rate and a length above 0"),
        ("seed", "-1", "seed is -1; it must be 0 or more."),
        ("clip_norm", "nan", "clip_norm is nan; it must be 0 or more."),
        ("freeze_batch_norm", "yes", "freeze_batch_norm needs the network damage or unet, and this is course."),
        ("least_scale", "2", "least_scale is 2.0; it must be 0 (any) to 1 (none is made smaller)."),
        ("ema", "1", "ema is 1.0; it must be 0 (none) or a decay below 1"),
    ],
)
def test_wrong_values_are_said(name: str, text: str, message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        COURSE.changed({name: text})
    assert str(caught.value).startswith(message)


def test_a_network_that_corrects_a_fill_needs_one() -> None:
    with pytest.raises(TrainingError, match="The network refining corrects a fill: name the method with fill"):
        PRESETS["paintings"].changed({"fill": ""})


def test_a_rate_of_two_phases_is_not_one_setting() -> None:
    with pytest.raises(TrainingError, match="The preset 'paper' has no setting 'rate'"):
        PRESETS["paper"].changed({"rate": "1"})


def test_a_length_is_shared_by_the_phases() -> None:
    paper = PRESETS["paper"]
    assert [phase.steps for phase in paper.lasting(steps=110).phases] == [100, 10]
    assert paper.lasting(epochs=11).ends(7) == [70, 77]
    assert [phase.steps for phase in paper.lasting(steps=4).phases] == [3, 1]  # both, if there is room
    assert paper.lasting(steps=1).ends(7) == [1]
    assert COURSE.lasting() is COURSE
    assert COURSE.lasting(epochs=2).ends(1562) == [3124]
    with pytest.raises(TrainingError, match="Give epochs or steps, not both"):
        COURSE.lasting(epochs=1, steps=1)


def test_presets_need_no_pytorch() -> None:
    code = "import sys; import restauro.training.presets; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_network_that_has_other_options_is_said() -> None:
    preset = PRESETS["cifar10"].changed({"network": "unet"})
    with pytest.raises(TrainingError, match=r"The network 'unet' has other options than width, blocks: choose"):
        preset.make_network()
