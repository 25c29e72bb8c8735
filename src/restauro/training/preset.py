"""What a training run is made of, as plain values; nothing here needs PyTorch until it is built.

A preset is changed with `changed` (the command line's `--set name=value`) and stored whole in every checkpoint.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from restauro.errors import TrainingError

Value = bool | int | float | str
MaskMaker = Callable[[int, int, np.random.Generator], NDArray[np.bool_]]


@dataclass(frozen=True)
class Phase:
    """A part of a run with a learning rate of its own: so many steps or epochs."""

    rate: float  # highest learning rate
    steps: int = 0  # either steps ...
    epochs: float = 0.0  # ... or epochs
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: falls to 0 at the phase's end
    warm_up: int = 0  # steps over which the rate rises from 0
    freeze_batch_norm: bool = False  # it keeps its statistics; the paper's encoder its weights too


@dataclass(frozen=True)
class Preset:
    """Everything that decides what a run computes, beside seed, pictures and precision.

    Examples
    --------
    >>> from restauro.training.presets import PRESETS
    >>> preset = PRESETS["cifar10-course"].changed({"leaky": "true", "batch": "64"})
    >>> preset.network_options["leaky"], preset.batch
    (True, 64)
    """

    name: str
    title: str
    network: str  # a key of `_NETWORKS`
    loss: str  # a key of `_LOSSES`
    side: int  # pixels; examples are side x side
    masks: Literal["marks", "strokes", "pieces", "none"]
    batch: int  # examples a step, of all processes together
    phases: tuple[Phase, ...]
    task: Literal["fill", "find"] = "fill"  # see tasks.py
    fill: str = ""  # a method that fills the holes of what the network is given; none: it fills them itself
    network_options: Mapping[str, Value] = field(default_factory=dict)
    seed: int = 0  # of weights, examples and masks
    hard_negatives: bool = False  # pictures that the weights a run begins with mark falsely come more often
    flip: bool = True  # half of the examples are mirrored left to right
    least_scale: float = 0.0  # to which share of their size pictures are made smaller at most; 0: to a piece's
    optimiser: Literal["adam", "adamw", "muon"] = "adam"
    weight_decay: float = 0.0
    clip_norm: float = 0.0  # gradients longer than this are shortened to it; 0: never
    ema: float = 0.0  # decay a step of the running mean of weights that is validated and exported; 0: none
    validate_every: int = 0  # steps; 0: at each epoch's end
    validation_pictures: int = 0  # the first so many test pictures, in whole batches; 0: all
    checkpoint_every: int = 250  # steps
    log_every: int = 50  # steps
    compile: bool = False  # torch.compile, on GPUs only
    fetches: Literal["", "cifar10"] = ""  # the pictures that are downloaded where none are named

    def changed(self, settings: Mapping[str, str]) -> Preset:
        """Return the preset with values of fields, network options or (with one phase) phase fields replaced.

        Parameters
        ----------
        settings
            Values as text by name; read as the type that the field has.

        Raises
        ------
        TrainingError
            No field of that name, or its value isn't of its type.

        Examples
        --------
        >>> from restauro.training.presets import PRESETS
        >>> PRESETS["cifar10-course"].changed({"rate": "0.002"}).phases[0].rate
        0.002
        """
        preset = self
        for name, text in settings.items():
            preset = preset._with(name, text)
        return preset._checked()

    def lasting(self, *, epochs: float | None = None, steps: int | None = None) -> Preset:
        """Return the preset with its whole length changed; several phases keep their shares.

        Examples
        --------
        >>> from restauro.training.presets import PRESETS
        >>> [phase.steps for phase in PRESETS["paper"].lasting(steps=11).phases]
        [10, 1]
        """
        if epochs is not None and steps is not None:
            raise TrainingError("Give epochs or steps, not both.")
        if steps is None and epochs is None:
            return self
        wanted = steps if epochs is None else epochs
        assert wanted is not None
        lengths = [phase.steps or phase.epochs for phase in self.phases]
        ends = np.cumsum(lengths) / sum(lengths) * wanted
        if epochs is not None:
            parts = np.diff(ends, prepend=0).tolist()
            phases = (replace(phase, steps=0, epochs=part) for phase, part in zip(self.phases, parts, strict=True))
        else:
            ends = np.minimum(
                np.round(ends), wanted - np.arange(len(ends))[::-1]
            )  # a step at least for each that follows
            parts = np.diff(ends.astype(int), prepend=0).tolist()
            phases = (replace(phase, steps=part, epochs=0.0) for phase, part in zip(self.phases, parts, strict=True))
        return replace(self, phases=tuple(phase for phase in phases if phase.steps or phase.epochs))._checked()

    def ends(self, steps_an_epoch: int) -> list[int]:
        """Return the step at which each phase ends; the last is the run's length."""
        lengths = [phase.steps or max(1, round(phase.epochs * steps_an_epoch)) for phase in self.phases]
        return [sum(lengths[: index + 1]) for index in range(len(lengths))]

    def phase_at(self, step: int, steps_an_epoch: int) -> tuple[Phase, float]:
        """Return the phase that a step (from 0) belongs to, and its learning rate.

        Examples
        --------
        >>> from restauro.training.presets import PRESETS
        >>> preset = PRESETS["paper"]
        >>> [preset.phase_at(step, 1)[1] for step in (0, 499_999, 500_000)]
        [0.0002, 0.0002, 5e-05]
        """
        ends = self.ends(steps_an_epoch)
        index = next((index for index, end in enumerate(ends) if step < end), len(ends) - 1)
        phase, start = self.phases[index], ends[index - 1] if index else 0
        done, length = step - start, ends[index] - start
        rate = phase.rate
        if done < phase.warm_up:
            rate *= (done + 1) / (phase.warm_up + 1)
        elif phase.schedule == "cosine":
            share = (done - phase.warm_up) / max(1, length - phase.warm_up)
            rate *= float(0.5 + 0.5 * np.cos(np.pi * share))
        return phase, rate

    def plain(self) -> dict[str, Any]:
        """Return all fields as plain values (numbers, text, lists, dicts), for checkpoints and JSON."""
        values = asdict(self)
        return {**values, "phases": list(values["phases"]), "network_options": dict(self.network_options)}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Preset:
        """Return the preset that `plain` was made of."""
        return cls(**{**values, "phases": tuple(Phase(**phase) for phase in values["phases"])})

    def make_network(self) -> Any:
        """Return the network, with weights that PyTorch's global generator decides."""
        try:
            return _NETWORKS[self.network](**self.network_options)
        except TypeError:  # `--set network=` of a preset whose network has other options
            options = ", ".join(self.network_options)
            raise TrainingError(
                f"The network {self.network!r} has other options than {options}: choose a preset that has it."
            ) from None

    def make_loss(self, vgg: Path | None, pictures: Iterable[NDArray[np.uint8]]) -> Any:
        """Return the loss; one that needs VGG-16 takes the file of its weights, or downloads it, and pictures."""
        return _LOSSES[self.loss](vgg, pictures)

    def mask_maker(self) -> MaskMaker:
        """Return what draws the holes: (height, width, generator) -> bool [height, width], True in the hole."""
        from restauro.damage.synthesis import any_strokes, marks, pieces

        return {"marks": marks, "pieces": pieces}.get(self.masks, any_strokes)

    def _with(self, name: str, text: str) -> Preset:
        if name in self.network_options:
            options = {**self.network_options, name: _read(name, text, self.network_options[name])}
            return replace(self, network_options=options)
        if name in _PLAIN_FIELDS:
            return replace(self, **{name: _read(name, text, getattr(self, name))})
        if name in _PHASE_FIELDS and len(self.phases) == 1:
            changes: dict[str, Any] = {name: _read(name, text, getattr(self.phases[0], name))}
            if name in ("steps", "epochs"):  # one replaces the other
                changes = {"steps": 0, "epochs": 0.0} | changes
            return replace(self, phases=(replace(self.phases[0], **changes),))
        names = [*self.network_options, *_PLAIN_FIELDS, *(_PHASE_FIELDS if len(self.phases) == 1 else ())]
        close = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}."
        raise TrainingError(f"The preset {self.name!r} has no setting {name!r}: {hint}")

    def _checked(self) -> Preset:
        for name, known in (("network", _NETWORKS), ("loss", _LOSSES), *_CHOICES.items()):
            if getattr(self, name) not in known:
                raise TrainingError(f"{name} is {getattr(self, name)!r}; it can be {', '.join(known)}.")
        for name in ("side", "batch", "checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be 1 or more.")
        for name in ("seed", "weight_decay", "clip_norm", "validate_every", "validation_pictures"):
            if not getattr(self, name) >= 0:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be 0 or more.")
        for phase in self.phases:
            if phase.schedule not in ("constant", "cosine"):
                raise TrainingError(f"schedule is {phase.schedule!r}; it can be constant, cosine.")
            if not (phase.rate > 0 and phase.steps + phase.epochs > 0):
                raise TrainingError(f"A phase needs a rate and a length above 0, and this has {phase}.")
            if phase.freeze_batch_norm and self.network not in _NORMALISED:
                raise TrainingError(
                    f"freeze_batch_norm needs the network {' or '.join(_NORMALISED)}, and this is {self.network}."
                )
        if not 0 <= self.least_scale <= 1:
            raise TrainingError(f"least_scale is {self.least_scale}; it must be 0 (any) to 1 (none is made smaller).")
        if self.network == "refining" and not self.fill:
            raise TrainingError("The network refining corrects a fill: name the method with fill, such as harmonic.")
        if not 0 <= self.ema < 1:
            raise TrainingError(f"ema is {self.ema}; it must be 0 (none) or a decay below 1, such as 0.999.")
        return self


_PLAIN_FIELDS = [name for name in Preset.__annotations__ if name not in ("name", "title", "phases", "network_options")]
_PHASE_FIELDS = list(Phase.__annotations__)
_CHOICES = {
    "fetches": ("", "cifar10"),
    "masks": ("marks", "strokes", "pieces", "none"),
    "optimiser": ("adam", "adamw", "muon"),
    "task": ("fill", "find"),
}


def _read(name: str, text: str, present: Value) -> Any:
    """Read a value as the type that the present one has."""
    kind = type(present)
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise TrainingError(f"{name} is {text!r}; it must be {wanted}, such as {str(present).lower()}.") from None


def _course_network(**options: Any) -> Any:
    from restauro.training.founding.course import CourseUNet

    return CourseUNet(**options)


def _correcting(**options: Any) -> Any:
    from restauro.training.correcting import CorrectingUNet

    return CorrectingUNet(**options)


def _damage(**options: Any) -> Any:
    from restauro.training.damage_unet import DamageUNet

    return DamageUNet(**options)


def _refining(**options: Any) -> Any:
    from restauro.training.refining import RefiningUNet

    return RefiningUNet(**options)


def _unet(**options: Any) -> Any:
    from restauro.training.unet import PConvUNet

    return PConvUNet(**options)


def _simple_loss(name: str, *_: Any) -> Any:
    from restauro.training import losses

    return getattr(losses, name)()


def _marks_loss(*_: Any) -> Any:
    from restauro.training.finding import MarksLoss

    return MarksLoss()


def _paper_loss(vgg: Path | None, pictures: Iterable[NDArray[np.uint8]]) -> Any:
    from restauro.downloads import VGG16
    from restauro.training.losses import PartialConvLoss
    from restauro.training.vgg import load_vgg

    return PartialConvLoss(load_vgg(vgg or VGG16.path(), pictures))


_NETWORKS: dict[str, Callable[..., Any]] = {
    "correcting": _correcting,
    "course": _course_network,
    "damage": _damage,
    "refining": _refining,
    "unet": _unet,
}
_NORMALISED = ("damage", "unet")  # what can keep its statistics
_LOSSES: dict[str, Callable[..., Any]] = {
    "l1": partial(_simple_loss, "L1"),
    "hole-l1": partial(_simple_loss, "HoleL1"),
    "hole-psnr": partial(_simple_loss, "HolePsnr"),
    "marks": _marks_loss,
    "partial-conv": _paper_loss,
}
