"""A folder of results: rows as they come in, so that a run that was cut off can go on."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from restauro.errors import EvaluationError, Remedy
from restauro.files.replacing import replacing

Row = dict[str, Any]

FORMAT = 3  # of settings; 1 had no digests of files, and to 2 pictures with a profile looked otherwise

_ROWS, _SETTINGS = "rows.jsonl", "settings.json"
_TOKENS = (_ROWS, _SETTINGS, "results.json")  # a folder that holds one of them is one of results
_ANEW = Remedy("overwrite", True, "to begin anew")
_FAR = 1 << 40  # the byte that is locked on Windows, where nobody can read a byte that is


class Results:
    """A folder in which rows are collected, a line of JSON each, beside the settings that they were made with.

    Parameters
    ----------
    folder
        Made if it is missing. Only one run at a time can work in it.
    settings
        Plain values; rows in the folder must come from the same. Of values that are dicts only the keys that both have
        are compared, so that pictures and ways can be added to a run. `format` is `FORMAT`. Settings of a run that has
        no rows yet are replaced.
    key
        The columns that tell rows apart; of two with the same key the later counts.
    outputs
        Patterns of what is made of the rows later: files that `overwrite` takes away too.
    overwrite
        Throw away the rows that are there.

    Raises
    ------
    EvaluationError
        The folder holds results of other settings, or something else, or can't be written to; or another run is at
        work in it.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        key: Sequence[str],
        *,
        outputs: Iterable[str] = (),
        overwrite: bool = False,
    ) -> None:
        self.folder, self._key = folder, tuple(key)
        plain = json.loads(json.dumps(settings))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._check_folder()
            self._file = (folder / _ROWS).open("a", encoding="utf-8")
        except OSError as error:
            raise EvaluationError(
                f"The folder {folder} can't be written to ({error.strerror}): choose another."
            ) from None
        try:
            self._lock()
            if overwrite:
                self._file.truncate(0)
                for pattern in (_SETTINGS, *outputs):
                    for file in folder.glob(pattern):
                        file.unlink()
            begun = (folder / _ROWS).stat().st_size > 0
            self.settings = _merged(self._settings_before(), plain, folder) if begun else plain
            found = self._read()
            write_text(folder / _SETTINGS, json.dumps(self.settings, indent=1))
        except OSError as error:
            self.close()
            raise EvaluationError(f"{error.filename} can't be replaced ({error.strerror}).") from None
        except BaseException:
            self.close()
            raise
        self.rows = {self.key_of(row): row for row in found}

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
        """Close the file of rows, so that another run can go on."""
        self._file.close()

    def _check_folder(self) -> None:
        """Raise where the folder holds what no evaluation wrote."""
        if any(self.folder.iterdir()) and not any((self.folder / name).exists() for name in _TOKENS):
            raise EvaluationError(
                f"The folder {self.folder} holds other files: choose an empty one for results, or a new name."
            )

    def _lock(self) -> None:
        """Keep other runs out until the file of rows is closed, or this process ends."""
        try:
            if sys.platform == "win32":
                import msvcrt

                self._file.seek(_FAR)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise EvaluationError(
                f"Another run is at work in {self.folder}: wait until it has ended, or choose another folder."
            ) from None

    def _settings_before(self) -> dict[str, Any]:
        """Return the settings of the rows that are there."""
        file = self.folder / _SETTINGS
        if not file.exists():
            raise EvaluationError(
                f"{self.folder} holds {_ROWS} without {_SETTINGS}, so nothing says what the rows were made with",
                "put it back",
                "choose another folder",
                _ANEW,
            )
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise EvaluationError(f"{file} isn't what restauro wrote", _ANEW)
        return found

    def _read(self) -> list[Row]:
        """Return the rows that are there; a last line that was cut off or spoilt is taken away."""
        file, whole = self.folder / _ROWS, 0
        rows: list[Row] = []
        lines = file.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError
                row = json.loads(line)
                self.key_of(row)
            except (ValueError, KeyError, TypeError):
                if number == len(lines):
                    os.truncate(file, whole)
                    break
                raise EvaluationError(
                    f"Line {number} of {file} isn't what restauro wrote", "take it away to go on", _ANEW
                ) from None
            rows.append(row)
            whole += len(line)
        return rows


def _merged(before: dict[str, Any], now: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the settings of both, which agree where both say something."""
    if before.get("format") != now.get("format"):
        raise EvaluationError(
            f"The folder {folder} holds results of an earlier version of restauro, which read pictures or masks in "
            "another way",
            "choose another folder",
            _ANEW,
        )
    merged = {**before, **now}
    for name in before.keys() & now.keys():
        old, new = before[name], now[name]
        if isinstance(old, dict) and isinstance(new, dict):
            merged[name] = {**old, **new}
            old, new = ({key: side[key] for key in old.keys() & new.keys()} for side in (old, new))
        if old != new:
            old, new = (_short(old, new), _short(new, old))
            raise EvaluationError(
                f"The folder {folder} holds results of other settings ({name}: {old}, now {new})",
                "choose another folder",
                "give the same settings to go on",
                _ANEW,
            )
    return merged


def _short(value: Any, other: Any) -> str:
    """Write a setting in short: of dicts what differs, of digests how they begin."""
    if isinstance(value, dict):
        other = other if isinstance(other, dict) else {}
        return ", ".join(f"{key} {_short(value[key], other.get(key))}" for key in value if other.get(key) != value[key])
    return "none" if value is None else re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1...", str(value))


def write_csv(file: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Write rows as CSV: None is empty, true and false are yes and no."""
    with replacing(file, "The table") as temporary, temporary.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(columns)
        writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.7g}" if isinstance(value, float) else value


def write_text(file: Path, text: str) -> None:
    """Write a text; see `replacing`."""
    with replacing(file, "The text") as temporary:
        temporary.write_text(text, encoding="utf-8")
