"""`train`: a whole training run, from the pictures to the best checkpoint; meant to be read in one sitting.

What a step computes is a function of the settings, the seed and the step's number: the examples, crops and masks of a
step too. So a run that was killed goes on from its last checkpoint as if nothing had been.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from threading import Event
from typing import Any

import torch

from restauro.datasets import open_pictures
from restauro.errors import TrainingError
from restauro.interrupts import interruptible
from restauro.training import checkpoints, folders, losses
from restauro.training.data import batches, validation_batches
from restauro.training.logs import Logs
from restauro.training.machine import Machine, machine
from restauro.training.preset import Preset
from restauro.training.state import State, begin, move_mean
from restauro.training.tasks import TASKS

_PROGRESS_INTERVAL = 0.2  # seconds


@dataclass(frozen=True)
class Outcome:
    """How a run ended: the step that it reached, of how many; the best metrics so far; whether it was interrupted."""

    folder: Path
    step: int
    steps: int
    best: dict[str, float] | None
    interrupted: bool


def train(
    preset: Preset,
    data: Path,
    out: Path,
    *,
    seed: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    workers: int | None = None,
    vgg: Path | None = None,
    masks: Path | None = None,
    init: Path | None = None,
    overwrite: bool = False,
    say: Callable[[str], object] = print,
    progress: Callable[[int, int, str], object] | None = None,
) -> Outcome:
    """Train a network, or go on with a run that was interrupted.

    Parameters
    ----------
    preset
        What to train and how; one of `presets.PRESETS`, changed or not.
    data
        A folder of pictures, of tar shards, or of CIFAR-10.
    out
        The run's folder: new, empty, or that of the same run, which goes on from its last checkpoint.
    seed
        Decides weights, examples and masks: two runs with the same seed, settings, machine and number of threads end
        with the same weights, interrupted or not. By default the preset's.
    device
        "auto" (a GPU where there is one), "cpu" or "cuda".
    precision
        "auto": bf16 where the processor multiplies in it, else fp16 on GPUs, else float32; or "bf16", "float32".
    workers
        Threads that compute (on a CPU), and that make examples; by default every core that this process may use.
    vgg
        File of VGG-16's weights, for presets whose loss needs them; without it they are downloaded.
    masks
        A folder of mask files, white in the hole, to use instead of the preset's.
    init
        A checkpoint or an exported model whose weights the run begins with, instead of random ones; or the name of a
        model that comes with restauro.
    overwrite
        Remove the run that is in `out`, and begin anew.
    say
        Takes a sentence or a line of figures now and then.
    progress
        Takes (steps done, steps in all, what to show beside), at most five times a second.

    Returns
    -------
    Outcome: the step it reached, the best metrics. After Ctrl-C, or a signal to end, a checkpoint has been written and
    `interrupted` is true.

    Raises
    ------
    TrainingError
        No such pictures or device; a folder that holds something else, or a run with other settings; a loss that isn't
        a finite number any more.
    """
    preset = preset if seed is None else replace(preset, seed=seed)
    with machine(device, precision, workers) as here, torch.random.fork_rng(devices=[]):
        pictures, tests = open_pictures(data, split="train"), open_pictures(data, split="test")
        steps_an_epoch = len(pictures) // preset.batch
        if not steps_an_epoch:
            raise TrainingError(
                f"{data} holds {len(pictures)} training pictures, and a batch takes {preset.batch}: add pictures, or "
                f"choose a smaller batch."
            )
        if preset.batch % here.processes:
            raise TrainingError(f"A batch of {preset.batch} can't be shared evenly by {here.processes} processes.")
        settings = {
            "preset": preset.plain(),
            "precision": here.precision,
            "pictures": len(pictures),
            "test_pictures": len(tests),
            "masks": str(masks) if masks else preset.masks,
            "init": init.name if init else None,
        }
        state = begin(preset, here, TASKS[preset.task].best_by)
        goes_on = not overwrite and out.is_dir() and checkpoints.newest(out)
        if init and not goes_on:  # before anything is written
            checkpoints.take_weights(state.network, state.mean, init)
        if here.writes:
            folders.prepare(out, settings, overwrite=overwrite)
        here.wait()
        if newest := checkpoints.newest(out):
            state.restore(checkpoints.load(newest))
            say(f"Going on with {out} from step {state.step:,}.")
        examples, tested = TASKS[preset.task].examples(preset, pictures, tests, masks, init)
        settings |= {"data": pictures.description}  # which may be elsewhere when the run goes on
        run = _Run(preset, settings, out, here, say, progress, steps_an_epoch, state)
        return run.go(examples, tested, vgg)


@dataclass
class _Run:
    """A run at work."""

    preset: Preset
    settings: dict[str, Any]
    out: Path
    here: Machine
    say: Callable[[str], object]
    progress: Callable[[int, int, str], object] | None
    steps_an_epoch: int
    state: State

    def go(self, examples: Any, tests: Any, vgg: Path | None) -> Outcome:
        """Take all steps that are left."""
        preset, state, here = self.preset, self.state, self.here
        self.steps = preset.ends(self.steps_an_epoch)[-1]
        self.task = TASKS[preset.task]
        self.loss = preset.make_loss(vgg, (examples.pictures.read(index) for index in range(len(examples.pictures))))
        vgg_16 = getattr(self.loss, "vgg", None)
        if isinstance(vgg_16, torch.nn.Module):
            vgg_16.to(here.device)
            divisors = ", ".join(f"{scale:.4g}" for scale in vgg_16.scales)
            self.say(f"The features of VGG-16 are divided by their means, {divisors}.")
        self._say_what_is_begun(examples, tests)
        self.forward = torch.compile(state.network) if preset.compile and here.device.type == "cuda" else state.network
        self.logs = Logs(self.out, state.step) if here.writes else None
        self.validation_began = self.row_began = time.perf_counter()
        self.row_step, self.shown = state.step, 0.0
        share = preset.batch // here.processes
        source = batches(examples, share, state.step, here.rank, here.processes, threads=here.threads)
        try:
            with interruptible(patient=True) as interrupted:
                goes_on = not self._is_due() or self._validate(tests, interrupted)  # where a run was stopped in it
                while goes_on and not self._is_end() and not here.any(interrupted.is_set()):  # all leave at one step
                    self._step(next(source))
                    if state.step % preset.log_every == 0:
                        self._log()
                    if self._is_due():
                        goes_on = self._validate(tests, interrupted)
                    elif state.step % preset.checkpoint_every == 0:
                        self._save(checkpoints.path_of(self.out, state.step))
                    self._show()
            is_done = self._is_end() and goes_on
            if not is_done:
                self._save(checkpoints.path_of(self.out, state.step))
        finally:
            source.close()
            if self.logs:
                self.logs.close()
        return Outcome(self.out, state.step, self.steps, state.best, not is_done)

    def _say_what_is_begun(self, examples: Any, tests: Any) -> None:
        preset, state, here = self.preset, self.state, self.here
        self.say(
            f"Training {preset.name} from step {state.step:,} to {self.steps:,} in {self.out}: batches of "
            f"{preset.batch} of {len(examples.pictures):,} pictures, on {here.device.type} in {here.precision}; "
            f"{len(tests):,} test pictures are looked at every {self._validate_every:,} steps."
        )

    @property
    def _validate_every(self) -> int:
        return self.preset.validate_every or self.steps_an_epoch

    def _is_end(self) -> bool:
        return self.state.step >= self.steps

    def _is_due(self) -> bool:
        """Whether the network is to be validated at this step, and hasn't been."""
        step, done = self.state.step, self.state.validations[-1]["step"] if self.state.validations else 0
        return step > done and (self._is_end() or step % self._validate_every == 0)

    def _step(self, batch: Any) -> None:
        """Take one step of the optimiser."""
        preset, state, here = self.preset, self.state, self.here
        phase, rate = preset.phase_at(state.step, self.steps_an_epoch)
        state.network.train()
        if phase.freeze_batch_norm:  # it lasts; said again after every resumption
            state.network.freeze_batch_norm()
        torch.manual_seed(preset.seed + (state.step + 1) * 1_000_003 + here.rank)  # for layers that draw
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        tensors = self.task.tensors(batch, here.device)
        with here.autocast():
            terms = self.loss(self.task.output(self.forward, tensors).float(), *tensors[:2])
        total = losses.total(terms, self.loss.weights)
        state.optimiser.zero_grad(set_to_none=True)
        state.scaler.scale(total).backward()
        parameters = list(state.network.parameters())
        here.average_gradients(parameters)
        if preset.clip_norm:
            state.scaler.unscale_(state.optimiser)
            torch.nn.utils.clip_grad_norm_(parameters, preset.clip_norm)
        state.scaler.step(state.optimiser)
        state.scaler.update()
        state.step += 1
        if state.mean is not None:
            move_mean(state.mean, state.network, min(preset.ema, state.step / (state.step + 9)))
        terms = {"loss": total, **(terms if len(terms) > 1 else {})}
        state.row.add(terms)
        state.epoch.add({"training_loss": total})

    def _log(self) -> None:
        """Write a row of the training table: means since the last one."""
        state, now = self.state, time.perf_counter()
        means = state.row.take(self.here)
        self._check(means["loss"])
        speed = (state.step - self.row_step) * self.preset.batch / (now - self.row_began)
        self.row_step, self.row_began = state.step, now
        self.text = f"loss {means['loss']:.4g}, {speed:.0f} examples/s"
        if self.logs:
            _, rate = self.preset.phase_at(state.step - 1, self.steps_an_epoch)
            self.logs.training({"step": state.step, "rate": rate, **means, "examples_per_second": speed})

    def _validate(self, tests: Any, interrupted: Event) -> bool:
        """Measure the network on the test pictures; keep it if it is the best so far; write a checkpoint.

        Returns whether it came to its end: else the run begins with it when it goes on.
        """
        state, here, preset = self.state, self.here, self.preset
        seconds = time.perf_counter() - self.validation_began
        network = state.network if state.mean is None else state.mean
        network.eval()

        def output(tensors: Any) -> Any:
            with here.autocast():
                return self.task.output(network, tensors)

        count = math.ceil((preset.validation_pictures or len(tests)) / preset.batch)  # batches of each process
        share = preset.batch // here.processes
        with closing(validation_batches(tests, share, here.rank, here.processes, here.threads)) as found:
            heeding = takewhile(lambda _: not interrupted.is_set(), islice(found, count))
            sums, grid = self.task.judge(output, heeding, here.device)
        if here.any(interrupted.is_set()):
            return False
        means = state.epoch.take(here)
        metrics = {
            "step": state.step,
            "epoch": state.step / self.steps_an_epoch,
            **means,
            **self.task.metrics(here.add(sums)),
        }
        state.validations.append(metrics)
        if self.logs:
            self.logs.validation({**metrics, "seconds": seconds}, grid)
        self.say(
            f"Step {state.step:,} of {self.steps:,} (epoch {metrics['epoch']:.4g}): test pictures "
            f"{self.task.described(metrics)}; {seconds:.0f} s of training"
        )
        if state.best is metrics:
            self._save(self.out / checkpoints.BEST)
        self._save(checkpoints.path_of(self.out, state.step))
        self.validation_began = self.row_began = time.perf_counter()
        self.row_step = state.step
        return True

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise TrainingError(
                f"The loss is {loss} at step {self.state.step:,}: begin another run with a lower rate or with "
                "precision float32."
            )

    def _save(self, path: Path) -> None:
        self._check(float(self.state.row.sums.get("loss", 0.0)))  # no checkpoint may hold weights that are lost
        if self.here.writes:
            self.state.save(path, self.preset, self.settings)
            checkpoints.remove_old(self.out)

    def _show(self) -> None:
        now = time.perf_counter()
        if self.progress and (now - self.shown > _PROGRESS_INTERVAL or self._is_end()):
            self.shown = now
            self.progress(self.state.step, self.steps, getattr(self, "text", ""))
