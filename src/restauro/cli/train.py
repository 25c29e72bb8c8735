"""`restauro train`: trains a network, or goes on with a run."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from restauro.cli import flags, paths
from restauro.cli.wording import printable, worded
from restauro.errors import RestauroError, TrainingError

_INTERRUPTED = 130
_HELP = """Train a network that fills holes or finds damage, or go on with the run that is in its folder.

\b
restauro train --preset cifar10
restauro train --preset cifar10-course --data DIR --out runs/leaky --set leaky=true --epochs 2

Presets: cifar10, cifar10-course, damage, paintings, paintings-pconv, paper, stains. DIR holds pictures, tar files of
pictures, or CIFAR-10.
Ctrl-C writes a checkpoint; the same command goes on from it, and from the last one after a crash. Several processes:
start it with torchrun. Needs PyTorch: pip install 'restauro[train]'.
"""


@click.command("train", help=_HELP, short_help="Train a network, or go on with a run.")
@click.option("--preset", required=True, metavar="NAME", help="What to train: one of the names above.")
@click.option(
    "--data",
    type=paths.NAME,
    metavar="DIR",
    help="The pictures.  [default: CIFAR-10, downloaded, for its presets]",
)
@click.option("--out", type=paths.NAME, metavar="DIR", help="The run's folder.  [default: runs/PRESET]")
@click.option("--epochs", type=click.FloatRange(0, min_open=True), metavar="N", help="Length of the whole run.")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Length of the whole run, in steps.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Decides all chance.  [default: the preset's]")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto is a GPU where there is one.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "bf16", "float32"]),
    default="auto",
    show_default=True,
    help="Of convolutions; auto is bf16 where the processor has it.",
)
@flags.WORKERS
@click.option("--vgg", type=paths.NAME, metavar="FILE", help="VGG-16's weights, for paper; else downloaded.")
@click.option(
    "--masks",
    type=paths.NAME,
    metavar="DIR",
    help="Mask files, white in the hole, instead of the preset's masks.",
)
@click.option(
    "--init",
    type=paths.NAME,
    metavar="FILE|NAME",
    help="Begin with the weights of a checkpoint or an exported model, or with a model that comes with restauro, such "
    "as paintings.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change a value of the preset; may be repeated."
)
@click.option("--overwrite", is_flag=True, help="Remove the run that is in the folder, and begin anew.")
@flags.QUIET
def command(
    preset: str,
    data: Path | None,
    out: Path | None,
    epochs: float | None,
    steps: int | None,
    seed: int | None,
    device: str,
    precision: str,
    workers: int | None,
    vgg: Path | None,
    masks: Path | None,
    init: Path | None,
    settings: tuple[str, ...],
    overwrite: bool,
    quiet: bool,
) -> int:
    """Train; return the exit status."""
    from restauro.training.presets import PRESETS

    if preset not in PRESETS:
        raise click.UsageError(f"There is no preset {preset!r}: choose {', '.join(PRESETS)}.")
    try:
        chosen = PRESETS[preset].changed(_pairs(settings)).lasting(epochs=epochs, steps=steps)
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None
    if data is None and not chosen.fetches:
        raise click.UsageError(f"The preset {preset!r} needs pictures: name their folder with --data DIR.")
    if importlib.util.find_spec("torch") is None:
        raise TrainingError("Training needs PyTorch: pip install 'restauro[train]'")
    from restauro.downloads import CIFAR10
    from restauro.training.run import train

    quiet = quiet or os.environ.get("RANK", "0") != "0"  # of several processes one speaks
    data = data or CIFAR10.path().parent
    out = out or Path("runs", preset)
    with _reports(quiet) as (say, progress):
        outcome = train(
            chosen,
            data,
            out,
            seed=seed,
            device=device,
            precision=precision,
            workers=workers,
            vgg=vgg,
            masks=masks,
            init=init,
            overwrite=overwrite,
            say=say,
            progress=progress,
        )
    if outcome.interrupted:
        click.echo(
            f"Stopped at step {outcome.step:,} of {outcome.steps:,}, which is saved: the same command goes on.",
            err=True,
        )
        return _INTERRUPTED
    if not quiet and outcome.best:
        click.echo(f"Done: {outcome.steps:,} steps. The best network is {printable(out / 'best.ckpt')}.")
    return 0


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    for setting in settings:
        if "=" not in setting:
            raise click.UsageError(f"--set takes NAME=VALUE, such as --set batch=64, and this is {setting!r}.")
    return dict(setting.split("=", 1) for setting in settings)


@contextmanager
def _reports(quiet: bool) -> Iterator[tuple[Callable[[str], object], Callable[[int, int, str], object] | None]]:
    """Yield what prints a line, and what moves a bar; there is a bar on terminals only."""
    if quiet:
        yield lambda line: None, None
        return
    if not sys.stderr.isatty():
        yield click.echo, None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=300) as bar:
        task = bar.add_task("", total=None)

        def move(step: int, steps: int, text: str) -> None:
            bar.update(task, total=steps, completed=step, description=text)

        yield lambda line: bar.console.print(line, markup=False, highlight=False), move
