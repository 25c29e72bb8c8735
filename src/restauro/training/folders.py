"""A run's folder: whose it is, and that a run goes on with the settings that it was begun with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from restauro.errors import Remedy, TrainingError
from restauro.files.replacing import replacing

_SETTINGS = "run.json"
_WRITTEN = ("samples", "tensorboard", "training.csv", "validation.csv", "best.ckpt", "step-*.ckpt", _SETTINGS)
_SHOWN = 3  # differences in a message


def prepare(out: Path, settings: Mapping[str, Any], *, overwrite: bool) -> None:
    """Make a run's folder, or see that the run in it has the same settings.

    Parameters
    ----------
    out
        New, empty, or a run's folder.
    settings
        Plain values, nested; they are written to `run.json`.
    overwrite
        Remove the run that is there; files that it didn't write stay.

    Raises
    ------
    TrainingError
        The folder holds something else, or a run with other settings, which are named.
    """
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out} is a file: name a folder for the run.")
    path = out / _SETTINGS
    if out.exists() and any(out.iterdir()) and not path.exists():
        raise TrainingError(f"{out} holds something else than a run: name a new folder.")
    if overwrite and path.exists():
        _remove_run(out)
    if path.exists():
        _compare(out, json.loads(path.read_text(encoding="utf-8")), json.loads(json.dumps(settings)))
        return
    out.mkdir(parents=True, exist_ok=True)
    with replacing(path, "The run's settings") as temporary:
        temporary.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _remove_run(out: Path) -> None:
    """Remove what a run writes, its settings last: until then the folder is known as a run's."""
    for pattern in _WRITTEN:
        for path in [*out.glob(pattern), *out.glob(f"{pattern}.part")]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _compare(out: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    old, new = dict(_flat(before)), dict(_flat(now))
    names = [name for name in [*old, *(name for name in new if name not in old)] if old.get(name) != new.get(name)]
    if not names:
        return
    other = ", ".join(f"{_shown(name)} {old.get(name)} (now {new.get(name)})" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise TrainingError(
        f"The run in {out} was begun with {other}{more}",
        "give the same settings",
        "choose another folder",
        Remedy("overwrite", True, "to begin anew"),
    )


def _shown(name: str) -> str:
    """Name a setting as `--set` does."""
    return name.removeprefix("preset.").removeprefix("network_options.")


def _flat(values: Any, name: str = "") -> list[tuple[str, Any]]:
    """List nested values with their names.

    >>> _flat({"preset": {"batch": 32, "phases": [{"rate": 0.1}]}})
    [('preset.batch', 32), ('preset.phases.0.rate', 0.1)]
    """
    if not isinstance(values, dict | list):
        return [(name, values)]
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    return [leaf for key, value in pairs for leaf in _flat(value, f"{name}.{key}" if name else str(key))]
