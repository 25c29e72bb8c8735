"""Trains the founding course project's network on CIFAR-10 as it was, and without its quirks, and tells of each epoch.

Needs the extra `train` (PyTorch) and CIFAR-10 (the official python or binary files, or sheets) in the folder that
--data names, or in data/cifar10 of the folder that RESTAURO_SHARED names, or of ../shared. The runs stay in --out:
called again, what was cut off goes on, and what is done is only read.
"""

from __future__ import annotations

import csv
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import _pictures
import _tables

# Its report: seconds, mean absolute error in training and on the test pictures, as its notebook printed them.
REPORTED = [
    (1583, 0.0933, 0.0744),
    (1557, 0.0567, 0.0470),
    (1559, 0.0424, 0.0399),
    (1560, 0.0386, 0.0374),
]
TARGET = 0.0374
PICTURES = 50_000
SECONDS = {"bf16": 120, "float32": 200}
VARIANTS = {
    "as its code has it: ReLU, with its quirks": ("quirks=true", "leaky=false"),
    "as its README says: leaky ReLU, with its quirks": ("quirks=true", "leaky=true"),
    "ReLU, without its quirks": ("quirks=false", "leaky=false"),
    "leaky ReLU, without its quirks": ("quirks=false", "leaky=true"),
}


def train(data: Path, out: Path, precision: str, epochs: float, settings: tuple[str, ...]) -> list[dict[str, str]]:
    """Train one variant, unless that is done; return the rows of its validation table, one an epoch."""
    command = [sys.executable, "-m", "restauro", "train", "--preset", "cifar10-course", "--data", str(data)]
    command += ["--out", str(out), "--precision", precision, "--epochs", str(epochs)]
    for setting in settings:
        command += ["--set", setting]
    subprocess.run(command, check=True)
    with (out / "validation.csv").open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def seconds_an_epoch(data: Path, precision: str) -> float:
    """Train a little on all cores; return the seconds that an epoch would take at the median speed."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        command = [sys.executable, "-m", "restauro", "train", "--preset", "cifar10-course", "--data", str(data)]
        command += ["--out", str(out), "--precision", precision, "--steps", "400", "--set", "validation_pictures=320"]
        subprocess.run(command, check=True)
        with (out / "training.csv").open(encoding="ascii", newline="") as file:
            speeds = [float(row["examples_per_second"]) for row in csv.DictReader(file)]
    return PICTURES / statistics.median(speeds)


def rows(found: dict[str, list[dict[str, str]]]) -> list[list[str]]:
    """Return the table: the report's epochs, then each variant's."""
    listed = [
        ["the course project's report", str(epoch), f"{training:.4f}", f"{test:.4f}", "", "", f"{seconds:,}"]
        for epoch, (seconds, training, test) in enumerate(REPORTED, 1)
    ]
    for variant, epochs in found.items():
        for epoch, row in enumerate(epochs, 1):
            figures = [
                f"{float(row[name]):.4f}" for name in ("training_loss", "output_mae", "composited_mae", "hole_mae")
            ]
            listed.append([variant, str(epoch), *figures, f"{float(row['seconds']):.0f}"])
    return listed


def main() -> None:
    """Train, and publish."""
    options = _tables.parser(__doc__)
    options.add_argument("--data", type=Path, help="folder of CIFAR-10")
    options.add_argument("--out", type=Path, default=Path("runs"), help="folder of the runs")
    options.add_argument("--precision", choices=[*SECONDS], default="bf16")
    options.add_argument("--epochs", type=float, default=4)
    options.add_argument("--variants", type=int, default=len(VARIANTS), help="only the first so many")
    chosen = options.parse_args()
    load = _tables.load_before()
    data = chosen.data or _pictures.shared() / "data" / "cifar10"
    times = {precision: seconds_an_epoch(data, precision) for precision in SECONDS}
    found = {}
    for variant, settings in list(VARIANTS.items())[: chosen.variants]:
        name = "-".join(["course", chosen.precision, *(setting.replace("=", "-") for setting in settings)])
        found[variant] = train(data, chosen.out / name, chosen.precision, chosen.epochs, settings)
    head = ["network", "epoch", "MAE, training", "MAE, test", "pasted back", "in holes", "seconds"]
    first = found[next(iter(VARIANTS))]
    error = float(first[-1]["output_mae"])
    parts = [
        "Four epochs of CIFAR-10 (A. Krizhevsky, Learning multiple layers of features from tiny images, 2009), "
        "32 x 32, with the course project's random marks, batches of 32, Adam at 0.001, mean absolute error over the "
        "whole picture. MAE is in 0..1. As in the report, the errors in training and on the test pictures are those of "
        "the network's whole output, known pixels too; beside them those with known pixels pasted back, and over hole "
        "pixels only. Its quirks: the ratio of a partial convolution leaves out the number of channels, and the "
        "bias is added in holes too. Seconds are those of "
        "training, without the test, of runs that may have had company.",
        _tables.table(head, rows(found)),
        f"As its code has it, MAE on the test pictures after the last epoch: {error:.4f}, target {TARGET}: "
        f"{'met' if error <= TARGET else f'missed by {error - TARGET:.4f}'}.",
        "Seconds an epoch, as its code has it, on all cores, from the median speed of 400 steps: "
        + "; ".join(
            f"{precision} {times[precision]:.0f}, target {limit}: {_tables.met(times[precision], limit, at_most=True)}"
            for precision, limit in SECONDS.items()
        )
        + ".",
        _tables.conditions(load, "restauro", "torch"),
    ]
    _tables.publish(
        "cifar10-course", "The course project's network, trained again", parts, print_only=chosen.print_only
    )


if __name__ == "__main__":
    main()
