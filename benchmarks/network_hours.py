"""Measures what the hours brought that the network `paintings` was trained: all of its states that were committed.

Needs the tuning set's paintings and the weights of LPIPS, outside the repository, and the repository's whole history,
from which it takes the models. Hours are of one core of a processor with AMX.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

mpl.use("Agg")
from matplotlib import pyplot

import _tables
import paintings_network

MODEL = "src/restauro/models/paintings.onnx"


@dataclass(frozen=True)
class State:
    """A model that was committed, after how many hours of training, and what it is."""

    commit: str
    hours: float
    what: str


STATES = [
    State("58df78e", 1.75, "one block a level, AdamW"),
    State("a9736e0", 4.9, "two blocks a level, Muon, at the pictures' own scale"),
    State("b2c8750", 6.5, "the same, further"),
]


def committed(state: State, folder: Path) -> Path:
    """Take a state's model out of the history."""
    path = folder / f"{state.commit}.onnx"
    command = ["git", "-C", str(_tables.CLONE), "show", f"{state.commit}:{MODEL}"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    return path


def save_curves(gains: NDArray[np.float64], shares: NDArray[np.float64]) -> None:
    """Draw dB over the fill and LPIPS as a share of its, over the hours, a curve a bin; the fill is at 0 hours."""
    hours = [0, *(state.hours for state in STATES)]
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.8))
    for b, number in enumerate(paintings_network.BINS):
        axes[0].plot(hours, gains[b], "o-")
        axes[1].plot(hours, shares[b], "o-", label=f"{max(1, 10 * (number - 1))} to {10 * number} %")
    axes[0].set(xlabel="hours of one core", ylabel="PSNR, dB over edge-enhancing")
    axes[1].set(xlabel="hours of one core", ylabel="LPIPS, share of edge-enhancing's")
    axes[1].legend(title="hole", loc="upper right")
    for one in axes:
        one.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(_tables.CLONE / "docs" / "figures" / "network-hours.png", dpi=100)


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--every", type=int, default=4, help="take one of so many of the 100 paintings")
    options.add_argument("--workers", type=int, default=1)
    arguments = options.parse_args()
    load = _tables.load_before()
    chosen, bins = paintings_network.paintings(arguments.every), paintings_network.BINS
    with tempfile.TemporaryDirectory() as name:
        models = [committed(state, Path(name)) for state in STATES]
        gains, shares, _ = paintings_network.measure(models, chosen, bins, arguments.workers)
    gains, shares = gains[:, 1:] - gains[:, 1:2], shares[:, 1:] / shares[:, 1:2]
    if not arguments.print_only:
        save_curves(gains, shares)
    rows = [
        [
            state.what,
            f"{state.hours:g}",
            *(f"{g:+.2f}, {s:.2f}" for g, s in zip(gains[:, k], shares[:, k], strict=True)),
        ]
        for k, state in enumerate(STATES, 1)
    ]
    head = ["state", "hours", *(f"{max(1, 10 * (number - 1))} to {10 * number} %" for number in bins)]
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numpy')}\n\n"
        f"The states of the model `paintings` that were committed, on the middle 512 x 512 pixels of {len(chosen)} "
        "paintings of the tuning set, on which nothing was trained, with strokes drawn on them: for each share of hole "
        "pixels PSNR in dB over `edge-enhancing`, whose fill they correct, and LPIPS (SqueezeNet) as a share of its. "
        "Hours are of one core of a processor with AMX."
    )
    parts = [introduction, "![PSNR and LPIPS over the hours of training](../figures/network-hours.png)"]
    _tables.publish(
        "network-hours",
        "What hours of training brought",
        [*parts, _tables.table(head, rows)],
        print_only=arguments.print_only,
    )


if __name__ == "__main__":
    main()
