"""The folder of an evaluation's results: rows as they come in, so that a run that was cut off can go on."""

from __future__ import annotations

import csv
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import restauro
from restauro.errors import EvaluationError

Row = dict[str, Any]

_ROWS, _SETTINGS = "rows.jsonl", "settings.json"
_PACKAGES = ("numpy", "numba", "scipy", "onnxruntime", "scikit-image", "pyvips")


class Results:
    """A folder in which rows are collected, a line of JSON each, beside the settings that they were made with.

    Parameters
    ----------
    folder
        Made if it is missing.
    settings
        Plain values; rows in the folder must come from the same. Of values that are dicts only the keys that both have
        are compared, so that pictures and ways can be added to a run.
    key
        The columns that tell rows apart; of two with the same key the later counts.
    overwrite
        Throw away the rows that are there.

    Raises
    ------
    EvaluationError
        The folder holds results of other settings, or something else, or can't be written to.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], key: Sequence[str], *, overwrite: bool = False
    ) -> None:
        self.folder, self._key = folder, tuple(key)
        plain = json.loads(json.dumps(settings))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if overwrite:
                for name in (_ROWS, _SETTINGS):
                    (folder / name).unlink(missing_ok=True)
            before = self._settings_before()
            self.settings = _merged(before, plain, folder) if before is not None else plain
            write_text(folder / _SETTINGS, json.dumps(self.settings, indent=1))
            self.rows = {self.key_of(row): row for row in self._read()}
            self._file = (folder / _ROWS).open("a", encoding="utf-8")
        except OSError as error:
            raise EvaluationError(
                f"The folder {folder} can't be written to ({error.strerror}): choose another."
            ) from None

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what tells a row apart from others."""
        return tuple(row[name] for name in self._key)

    def add(self, rows: Iterable[Row]) -> None:
        """Keep rows; they are on the disk when this returns."""
        for row in rows:
            self.rows[self.key_of(row)] = row
            self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file of rows."""
        self._file.close()

    def _settings_before(self) -> dict[str, Any] | None:
        file = self.folder / _SETTINGS
        if file.exists():
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
            except ValueError:
                found = None
            if not isinstance(found, dict):
                raise EvaluationError(f"{file} isn't what restauro wrote: begin anew with --overwrite.")
            return found
        if any(self.folder.iterdir()) and not (self.folder / "results.json").exists():
            raise EvaluationError(
                f"The folder {self.folder} holds other files: choose an empty one for results, or a new name."
            )
        return None

    def _read(self) -> list[Row]:
        """Return the rows that are there; a last line that was cut off is taken away."""
        file = self.folder / _ROWS
        if not file.exists():
            return []
        data = file.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(file, len(whole))
        try:
            return [json.loads(line) for line in whole.splitlines()]
        except ValueError:
            raise EvaluationError(f"{file} isn't what restauro wrote: begin anew with --overwrite.") from None


def _merged(before: dict[str, Any], now: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings of both, which agree where both say something."""
    merged = {**before, **now}
    for name in before.keys() & now.keys():
        old, new = before[name], now[name]
        if isinstance(old, dict) and isinstance(new, dict):
            merged[name] = {**old, **new}
            old, new = ({key: side[key] for key in old.keys() & new.keys()} for side in (old, new))
        if old != new:
            old, new = (_short(old, new), _short(new, old))
            raise EvaluationError(
                f"The folder {folder} holds results of other settings ({name}: {old}, now {new}): choose another "
                "--out, give the same settings to go on, or begin anew with --overwrite."
            )
    return merged


def _short(value: Any, other: Any) -> str:
    """Write a setting in short: of dicts what differs."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {value[key]}" for key in value if other.get(key) != value[key])
    return "none" if value is None else str(value)


def machine() -> dict[str, str]:
    """Return what results depend on beside settings: versions, processor, system; and the time."""
    found = {"restauro": restauro.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def write_csv(file: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Write rows as CSV: None is empty, true and false are yes and no."""
    temporary = file.with_name(f".{file.name}.part")
    with temporary.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(columns)
        writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    os.replace(temporary, file)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.7g}" if isinstance(value, float) else value


def write_text(file: Path, text: str) -> None:
    """Write a text beside a file and rename it, so that the file is there whole or as it was."""
    temporary = file.with_name(f".{file.name}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, file)
