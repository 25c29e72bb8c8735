"""Where each of several inputs is written to, said before anything is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from restauro.files.formats import ENDINGS


def of_pictures(inputs: Sequence[Path], output: str | None, word: str) -> list[Path]:
    """Return where each input's picture goes; `word` is what is done to it, as in "restored"."""
    first = inputs[0]
    if not output:
        example = f"{word}/" if len(inputs) > 1 else f"{first.stem}-{word}{first.suffix}"
        raise click.UsageError(f"Say where to write: -o {click.format_filename(example)}")
    return _distinct(inputs, _targets(inputs, output, "-o", word))


def of_masks(inputs: Sequence[Path], output: str | None, flag: str, word: str) -> Sequence[Path | None]:
    """Return where each input's mask goes, a PNG of its name in a folder, or the file that `output` names."""
    if not output:
        return [None] * len(inputs)
    return _distinct(inputs, _targets([Path(f"{path.stem}.png") for path in inputs], output, flag, word))


def _targets(names: Sequence[Path], output: str, flag: str, word: str) -> list[Path]:
    """Paths under a folder; or of one input the file that `output` names."""
    path = Path(output)
    has_ending = path.suffix.lower() in {ending for endings in ENDINGS.values() for ending in endings}
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
        if other is not source:
            raise click.UsageError(
                f"{click.format_filename(other)} and {click.format_filename(source)} would both be written to "
                f"{click.format_filename(target)}: write them into different folders, one command each."
            )
    return targets
