"""`restauro evaluate`: compares methods on pictures and masks; judges the detection of damage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from restauro.cli import archives, flags, paths, report
from restauro.cli.wording import printable, say
from restauro.method import method_class, method_names

if TYPE_CHECKING:
    from restauro.evaluation.protocol import MaskReading, PictureSet

_INTERRUPTED = 130
_HELP = """Compare methods: fill made or given holes of undamaged PICTURES (files, folders, patterns, a manifest), and
measure what comes out.

\b
restauro evaluate paintings/ --out results/
restauro evaluate paintings/ --methods telea,opencv-telea:radius=3 --masks strokes,cracks --size 512 --out results/
restauro evaluate --dataset cifar10 --data cifar10/ --masks marks --methods telea,mean-colour --out results/
restauro evaluate --detection museum/ --kind cracks --out results/
restauro evaluate --judged answers-anna.json --judged answers-ben.json --out results/

Writes rows.jsonl as it goes, then results.csv, results.json, table.md, plots and a contact sheet. The same command goes
on where a run was cut off. Time is that of one thread, one process a core. Needs: pip install 'restauro[eval]'.
"""


@click.command("evaluate", help=_HELP, short_help="Compare methods on pictures and masks.")
@click.argument("pictures", nargs=-1, type=paths.PLACE)
@click.option("--out", required=True, type=paths.NAME, metavar="FOLDER", help="Where results are collected.")
@click.option(
    "--methods",
    multiple=True,
    metavar="LIST",
    help="Methods, other libraries' methods, onnx:FILE; with parameters: telea:radius=3,opencv-ns. May be repeated.  "
    "[default: all methods but network]",
)
@click.option(
    "--masks",
    multiple=True,
    metavar="LIST|FILE|FOLDER",
    help="Kinds of damage (see `restauro damage`), or all; a mask file, or a folder of them (./cracks, if it has a "
    "kind's name). May be repeated.  "
    "[default: strokes]",
)
@click.option("--bins", metavar="LIST", help="Of strokes: bins of hole ratio, 1 (1 to 10 %) to 6 (50 to 60 %).  [all]")
@click.option(
    "--border",
    type=click.Choice(["both", "border", "no-border"]),
    default="both",
    show_default=True,
    help="Of strokes: with or without holes near the border, or both.",
)
@flags.MASK_POLARITY
@flags.ACCEPT_LARGE_HOLES
@click.option("--seed", type=click.IntRange(min=0), default=0, metavar="N", help="Of all masks.  [default: 0]")
@click.option("--pictures", "count", type=click.IntRange(min=1), metavar="N", help="Take the first N pictures only.")
@click.option("--size", type=click.IntRange(min=31), metavar="N", help="Take the middle N x N pixels only.")
@click.option(
    "--lpips-weights",
    multiple=True,
    type=paths.NAME,
    metavar="FILE",
    help="LPIPS 0.1 of SqueezeNet 1.1, and a second time of AlexNet, which is also taken from beside it.",
)
@click.option("--dataset", type=click.Choice(["cifar10"]), help="Take the test pictures of a data set.")
@click.option("--data", type=paths.NAME, metavar="DIR", help="The folder of the data set.")
@click.option("--download", is_flag=True, help="Fetch the data set (170 MB, checked) and keep it.")
@click.option(
    "--detection",
    type=paths.NAME,
    metavar="DIR",
    help="Judge `restauro detect` instead, on damaged pictures with masks of the same stem.",
)
@click.option("--kind", default="cracks", show_default=True, metavar="NAME", help="With --detection: what to detect.")
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write N blind pairs too, pairs.html: a page on which people say which of two fills looks better.",
)
@click.option(
    "--judged",
    multiple=True,
    type=paths.NAME,
    metavar="FILE",
    help="Read answers that the page of pairs in --out saved, and say which way is preferred. May be repeated.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes.  [default: one for each core]")
@click.option("--overwrite", is_flag=True, help="Throw away what is in the folder of results, and begin anew.")
@flags.QUIET
def command(
    pictures: tuple[Path | str, ...],
    out: Path,
    methods: tuple[str, ...],
    masks: tuple[str, ...],
    bins: str | None,
    border: str,
    polarity: str,
    accept_large_holes: bool,
    seed: int,
    count: int | None,
    size: int | None,
    lpips_weights: tuple[Path, ...],
    dataset: str | None,
    data: Path | None,
    download: bool,
    detection: Path | None,
    kind: str,
    pairs: int | None,
    judged: tuple[Path, ...],
    workers: int | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Evaluate; return the exit status."""
    if judged:
        return _read_answers(out, judged, alone=not (pictures or dataset or detection or pairs), quiet=quiet)
    _check_sources(pictures, dataset, data, download, detection)
    if detection is not None and pairs:
        raise click.UsageError("--pairs shows fills; it doesn't go with --detection.")
    from restauro.evaluation import protocol

    reading = protocol.MaskReading(polarity, accept_large_holes)
    if detection is not None:
        return _detect(detection, kind, out, reading, workers=workers, overwrite=overwrite, quiet=quiet)
    from restauro.evaluation import pairs as blind
    from restauro.evaluation import reporting, running
    from restauro.evaluation.references import split_ways

    ways = [way for listed in methods for way in split_ways(listed)] or [
        name for name in method_names() if method_class(name).nature not in ("learned", "corrects")
    ]
    found, listed_masks = (protocol.PictureSet(()), ()) if dataset else _planned(pictures, count)
    if listed_masks and not masks:
        chosen: tuple[protocol.MaskChoice, ...] = (
            protocol.MaskChoice("listed", "listed", reading=reading, listed=listed_masks),
        )
    else:
        chosen = protocol.choose_masks(_split(masks) or ["strokes"], _bins(bins), border, reading)
    _check_out(out, [*map(Path, pictures), *(mask.file for mask in chosen if mask.file)])
    plan = running.Plan(
        pictures=_open_dataset(data, download, count) if dataset else found,
        masks=chosen,
        ways=tuple(dict.fromkeys(ways)),
        seed=seed,
        size=size,
        lpips=lpips_weights,
    )
    if pairs and len(plan.ways) < 2:
        raise click.UsageError("--pairs shows two ways side by side: give --methods two or more.")
    try:
        with _bar("Filling", shown=not quiet) as progress:
            finished = running.run(plan, out, workers=workers, progress=progress, overwrite=overwrite)
        with _bar("Drawing the sheet", shown=not quiet) as progress:
            written = reporting.write(plan, finished, out, progress=progress)
        if pairs:
            with _bar("Drawing pairs", shown=not quiet) as progress:
                written += blind.write(plan, finished.rows, out, pairs, progress=progress, overwrite=overwrite)
    except KeyboardInterrupt:
        say(f"Stopped; what is done is in {printable(out)}, and the same command goes on.", err=True)
        return _INTERRUPTED
    for row in finished.failures[:5]:
        say(f"{row['way']} failed on {row['picture']}, {row['mask']}: {row['error']}", err=True)
    failed = len(finished.failures)
    if failed > 5:
        say(f"... and {failed - 5} more: see {printable(out / 'results.csv')}", err=True)
    if not quiet:
        names = dict.fromkeys(file.relative_to(out).parts[0] for file in written)
        say(f"{report.count(len(finished.rows), 'fill')}. Written to {printable(out)}: {', '.join(names)}")
    return 1 if failed else 0


def _planned(pictures: tuple[Path | str, ...], count: int | None) -> tuple[PictureSet, tuple[tuple[Path, Path], ...]]:
    """Return the pictures that are named, and the mask files that a manifest names for them, if it does for each."""
    from restauro.archive.places import is_remote
    from restauro.evaluation import protocol
    from restauro.picture_mask import is_file

    if not archives.is_plan(pictures):
        return protocol.find_pictures(pictures, count), ()
    with archives.refusing():
        rows = archives.rows_of(pictures)[:count]
        for row in rows:
            if row.problem is not None:
                raise row.problem
            if is_remote(row.picture) or is_remote(row.mask):
                raise click.UsageError(f"{row.picture} lies elsewhere, and evaluations read files here: copy it first.")
            if row.mask and not is_file(row.mask):
                raise click.UsageError(
                    f"Line {row.number} names the mask {row.mask}: holes of undamaged pictures are mask files."
                )
        found = protocol.find_pictures([row.picture for row in rows])
    masks = tuple((Path(row.picture), Path(row.mask)) for row in rows if row.mask)
    if masks and len(masks) < len(rows):
        without = next(row for row in rows if not row.mask)
        raise click.UsageError(f"{without.picture} has no mask in the manifest, and others have: name all, or none.")
    return found, masks


def _detect(
    folder: Path,
    kind: str,
    out: Path,
    reading: MaskReading,
    *,
    workers: int | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    from restauro.evaluation import detection_sets

    with _bar("Detecting", shown=not quiet) as progress:
        file = detection_sets.run(folder, kind, out, reading, workers=workers, progress=progress, overwrite=overwrite)
    if not quiet:
        say(file.read_text(encoding="utf-8"))
    return 0


def _read_answers(folder: Path, files: Sequence[Path], *, alone: bool, quiet: bool) -> int:
    if not alone:
        raise click.UsageError("--judged reads answers and fills nothing: give it --out FOLDER alone.")
    from restauro.evaluation import judged

    file = judged.write(folder, files)
    if not quiet:
        say(file.read_text(encoding="utf-8"))
    return 0


def _check_sources(
    pictures: tuple[Path | str, ...], dataset: str | None, data: Path | None, download: bool, detection: Path | None
) -> None:
    sources = [bool(pictures), dataset is not None, detection is not None]
    if sum(sources) != 1:
        raise click.UsageError("Name PICTURES, or --dataset cifar10 with --data DIR, or --detection DIR: one of them.")
    if dataset is None and (data is not None or download):
        raise click.UsageError("--data and --download go with --dataset cifar10.")
    if dataset is not None and (data is None) == (not download):
        raise click.UsageError("Say where the data set is, --data DIR, or have it fetched, --download.")


def _check_out(out: Path, sources: Sequence[Path]) -> None:
    """Refuse to write below a folder that pictures or masks come from: the results would be taken for some of them."""
    for source in sources:
        if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
            raise click.UsageError(
                f"--out {out} lies in {source}, and its pictures would be taken for pictures or masks of that folder: "
                "choose one outside."
            )


def _open_dataset(data: Path | None, download: bool, count: int | None) -> PictureSet:
    from restauro.downloads import CIFAR10
    from restauro.evaluation import protocol

    folder = CIFAR10.path().parent if download else data
    assert folder is not None
    return protocol.open_dataset(folder, count)


def _split(masks: Sequence[str]) -> list[str]:
    """Cut lists of masks at commas, but for files that have one in their name."""
    return [mask for listed in masks for mask in ([listed] if Path(listed).exists() else listed.split(","))]


def _bins(listed: str | None) -> list[int] | None:
    if listed is None:
        return None
    try:
        return [int(number) for number in listed.split(",")]
    except ValueError:
        raise click.UsageError(f"--bins takes numbers from 1 to 6, such as 1,2,3, and this is {listed!r}.") from None


@contextmanager
def _bar(label: str, *, shown: bool) -> Iterator[Callable[[int, int], object] | None]:
    """Show a bar with counts and the time left while the body runs; yields what takes how many of how many are done."""
    if not (shown and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, speed_estimate_period=300) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
