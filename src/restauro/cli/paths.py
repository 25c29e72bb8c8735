"""Which files are read, and where each of several is written to, said before anything is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from restauro.cli.wording import printable
from restauro.files.formats import ENDINGS

_ENDINGS = {ending for endings in ENDINGS.values() for ending in endings}


class _Name(click.Path):
    """A file's or folder's name: empty is none; whether it may be read, whoever reads it says, for that one alone."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not os.fspath(value):
            if isinstance(param, click.Option):
                raise click.UsageError(f"The name that {max(param.opts, key=len)} gives is empty.", ctx)
            raise click.UsageError(
                f"The name of a {'picture' if not param or param.nargs < 0 else param.name} is empty.", ctx
            )
        return super().convert(value, param, ctx)


class _Place(_Name):
    """A name as `NAME`, or a URL, which stays a text: a path would lose one of its slashes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or the URL."""
        return value if isinstance(value, str) and "://" in value else super().convert(value, param, ctx)


NAME, PLACE = _Name(), _Place()


def expand(inputs: Sequence[Path], is_mask: Callable[[Path], bool] = lambda path: False) -> list[Path]:
    """Return the inputs, folders replaced by the picture files in them, in the order of their names, masks left out."""
    found = []
    for path in inputs:
        if not path.is_dir():
            found.append(path)
            continue
        try:
            files = sorted(path.iterdir())
        except PermissionError:
            raise click.UsageError(f"{printable(path)}: The folder may not be read: change its permissions.") from None
        pictures = [file for file in files if file.suffix.lower() in _ENDINGS and file.is_file()]
        pictures = [file for file in pictures if not file.name.startswith(".") and not is_mask(file)]
        if not pictures:
            raise click.UsageError(f"There is no picture file in the folder {printable(path)}.")
        found += pictures
    return found


def picture_targets(inputs: Sequence[Path], output: str | None, word: str) -> list[Path]:
    """Return where each input's picture goes; `word` is what is done to it, as in "restored"."""
    first = inputs[0]
    if not output:
        example = f"{word}/" if len(inputs) > 1 else f"{first.stem}-{word}{first.suffix}"
        raise click.UsageError(f"Say where to write: -o {printable(example)}")
    return _distinct(inputs, _targets(inputs, output, "-o", word))


def mask_targets(
    inputs: Sequence[Path], output: str | None, flag: str, word: str, ending: str = ".png"
) -> Sequence[Path | None]:
    """Return where each input's mask goes, a PNG of its name in a folder, or the file that `output` names."""
    if not output:
        return [None] * len(inputs)
    return _distinct(inputs, _targets([Path(f"{path.stem}{ending}") for path in inputs], output, flag, word))


def _targets(names: Sequence[Path], output: str, flag: str, word: str) -> list[Path]:
    """Paths under a folder; or of one input the file that `output` names."""
    path = Path(output)
    has_ending = path.suffix.lower() in _ENDINGS
    is_folder = path.is_dir() or output.endswith((os.sep, "/")) or not path.suffix
    if len(names) > 1 and not path.is_dir() and (has_ending or path.exists()):
        raise click.UsageError(f"Several pictures need a folder to write to, and {output} is a file: {flag} {word}/")
    if is_folder and path.exists() and not path.is_dir():
        raise click.UsageError(f"{output} is a file, not a folder: choose another name for {flag}.")
    return [path / name.name for name in names] if is_folder or len(names) > 1 else [path]


def _distinct(inputs: Sequence[Path], targets: list[Path]) -> list[Path]:
    """Return the targets, or refuse them where two inputs would be written to one."""
    seen: dict[str, Path] = {}
    for source, target in zip(inputs, targets, strict=True):
        other = seen.setdefault(os.path.normcase(os.path.abspath(target)), source)
        if other is not source and os.path.abspath(other) == os.path.abspath(source):
            raise click.UsageError(f"{printable(source)} is named twice: name each picture once.")
        if other is not source:
            raise click.UsageError(
                f"{printable(other)} and {printable(source)} would both be written to "
                f"{printable(target)}: write them into different folders, one command each."
            )
    return targets
