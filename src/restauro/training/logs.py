"""What a run writes for people: two tables (CSV), curves and pictures (TensorBoard), a grid of samples (PNG)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.files.replacing import replacing


class Table:
    """A CSV file that grows by rows; the first column is the step.

    Opened again at a step, rows after it are dropped: the run goes on from a checkpoint and will write them anew.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._file: IO[str] | None = None
        if path.exists():
            _drop_after(path, step)

    def add(self, row: Mapping[str, float]) -> None:
        """Write a row; the first one's names are the columns."""
        if self._file is None:
            is_new = not self._path.exists() or self._path.stat().st_size == 0
            self._file = self._path.open("a", encoding="ascii", newline="")
            if is_new:
                csv.writer(self._file, lineterminator="\n").writerow(row)
        csv.writer(self._file, lineterminator="\n").writerow(_short(value) for value in row.values())
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _drop_after(path: Path, step: int) -> None:
    """Keep whole rows up to a step, written beside and renamed."""
    header, *rows = path.read_text(encoding="ascii").splitlines(keepends=True) or [""]
    kept = [row for row in rows if row.endswith("\n") and int(row.split(",")[0]) <= step]
    with replacing(path, "The table") as temporary:
        temporary.write_text("".join([header, *kept]) if header.endswith("\n") else "", encoding="ascii", newline="")


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


class Logs:
    """The tables, TensorBoard's events and the sample grids of one run's folder."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._folder = folder
        self._training = Table(folder / "training.csv", step)
        self._validation = Table(folder / "validation.csv", step)
        # What a killed run logged after its checkpoint is hidden.
        self._events: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def training(self, row: Mapping[str, float]) -> None:
        """Log a row of the training table."""
        self._training.add(row)
        self._add_events("training", row)

    def validation(self, row: Mapping[str, float], grid: NDArray[np.uint8]) -> None:
        """Log a row of the validation table and a picture of samples [H, W, 3]."""
        self._validation.add(row)
        self._add_events("validation", row)
        step = int(row["step"])
        self._events.add_image("validation/samples", grid, step, dataformats="HWC")
        self._events.flush()
        (self._folder / "samples").mkdir(exist_ok=True)
        path = self._folder / "samples" / f"step-{step:08d}.png"
        with replacing(path, "The samples") as temporary:
            pyvips.Image.new_from_array(grid).copy(interpretation="srgb").pngsave(str(temporary))

    def _add_events(self, group: str, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            if name != "step":
                self._events.add_scalar(f"{group}/{name}", value, int(row["step"]))

    def close(self) -> None:
        """Close all files."""
        self._training.close()
        self._validation.close()
        self._events.close()
