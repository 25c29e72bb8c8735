"""`restauro detect`: finds damage in picture files, and writes masks to correct and to restore with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from restauro.cli import archives, batch, flags, paths, report
from restauro.cli.wording import printable, worded
from restauro.errors import RestauroError

if TYPE_CHECKING:
    from restauro.archive.jobs import Job
    from restauro.detection.detecting_files import Detected

_KINDS = ("cracks", "scratches", "losses", "dust", "stains", "color")
_HELP = """Look for damage in each of INPUTS, files or folders, and write a mask: white is damage.

It is a proposal. Look at it with --preview, correct it in any paint program, then restore with it. Where nothing is
found the mask is empty.

\b
restauro detect panel.tif --kind cracks -o mask.png --preview preview.png
restauro detect photo.jpg --kind scratches,losses,dust --each -o mask.png
restauro detect photo.jpg --kind color --color '#ff0000' -o mask.png
restauro detect panel.tif --hints strokes.png -o mask.png
restauro detect scans/*.tif --kind scratches -o masks/

Exit status: 0, also where nothing was found; 2 for wrong usage or one bad input; 1 where some of several files failed.
"""


@click.command("detect", help=_HELP, short_help="Find damage in picture files.")
@click.argument("inputs", nargs=-1, required=True, type=paths.PLACE)
@archives.options
@click.option(
    "--kind",
    metavar="KIND,KIND",
    help=f"What to look for, of {', '.join(_KINDS)}; with --hints it may be left out.",
)
@flags.SENSITIVITY
@click.option(
    "--smallest",
    type=click.IntRange(min=1),
    metavar="N",
    help="Leave out marks of fewer than N pixels.  [default: by kind]",
)
@click.option("-o", "--output", metavar="FILE|FOLDER", help="Where to write the mask, a PNG.")
@click.option("--each", is_flag=True, help="Also write a mask of each kind beside it: mask-dust.png.")
@click.option(
    "--probability",
    metavar="FILE|FOLDER",
    help="Also write the network's probabilities, a TIFF of floats: bands crack, scratch, loss, dust, stain.",
)
@click.option("--preview", metavar="FILE|FOLDER", help="Also write the picture with the marks in magenta, PNG or JPEG.")
@click.option(
    "--hints",
    type=paths.NAME,
    help="Strokes over the picture, on a transparent layer or a copy: red is damage, green or blue is not.",
)
@click.option("--color", "colour", metavar="#rrggbb", help="With --kind color: the colour of the marks.")
@click.option(
    "--tolerance",
    type=click.IntRange(0, 85),
    metavar="N",
    help="With --kind color: how far red, green and blue may each be off.  [default: 24]",
)
@flags.GROW
@flags.LARGEST
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@flags.QUIET
@flags.JSON
@flags.WORKERS
def command(
    inputs: Sequence[Path],
    output: str | None,
    preview: str | None,
    probability: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Detect in files one after the other; return the exit status."""
    asked = archives.Asked.taken_from(options)
    if archives.is_plan(inputs, output, preview, probability):
        with archives.refusing():
            jobs = _planned(inputs, output, {"preview": preview, "probability": probability}, options)
        return archives.run(jobs, asked, _as_line, quiet=quiet, as_json=as_json, workers=options["workers"])
    inputs = paths.expand(inputs)
    _check(inputs, output, options)
    masks = paths.mask_targets(inputs, output, "-o", "masks")
    previews = paths.mask_targets(inputs, preview, "--preview", "previews")
    likely = paths.mask_targets(inputs, probability, "--probability", "probabilities", ".tif")
    files = [
        (source, target or Path(), {"preview": shown, "probability": file})
        for source, target, shown, file in zip(inputs, masks, previews, likely, strict=True)
    ]
    if len(files) > 1 or asked.is_more:
        jobs = [_job(str(source), str(target), also, options) for source, target, also in files]
        return archives.run(jobs, asked, _as_line, quiet=quiet, as_json=as_json, workers=options["workers"])
    works = [
        (source, partial(_detect, source, target, options | also, with_bar=not quiet)) for source, target, also in files
    ]
    return batch.run(works, _as_line, quiet=quiet, as_json=as_json)


def _planned(
    inputs: Sequence[Path | str], output: str | None, folders: dict[str, str | None], options: dict[str, Any]
) -> list[Job]:
    """Return a job for every picture of a plan: its mask is written where the plan has it."""
    from restauro.detection.detectors import checked_kinds

    rows = archives.rows_of(inputs)
    _check([Path(row.picture) for row in rows], output or rows[0].mask, options)
    if bare := next((row for row in rows if not (row.mask or output)), None):
        raise click.UsageError(f"Line {bare.number} names no mask to write: give a folder, -o masks/.")
    endings = {"preview": ".jpg", "probability": ".tif"}
    jobs = []
    for row in rows:
        also = {name: archives.place_in(to, row.picture, endings[name]) for name, to in folders.items() if to}
        target = row.mask or archives.place_in(str(output), row.picture, ".png")
        stem, ending = os.path.splitext(target)
        also |= {f"each:{kind}": f"{stem}-{kind}{ending}" for kind in checked_kinds(options["kind"]) if options["each"]}
        jobs.append(replace(_job(row.picture, target, also, options), problem=row.problem))
    return jobs


def _job(source: str, target: str, also: Mapping[str, Path | str | None], options: dict[str, Any]) -> Job:
    from restauro.archive.jobs import Job

    hints = options["hints"]
    return Job(
        "detect",
        source,
        target,
        {"hints": str(hints)} if hints else {},
        {name: str(place) for name, place in also.items() if place},
        {name: value for name, value in options.items() if name not in ("workers", "hints")},
        later={"method": ""},
    )


def _check(inputs: Sequence[Path], output: str | None, options: dict[str, Any]) -> None:
    from restauro.detection.detecting import check_options

    if not output:
        raise click.UsageError(f"Say where to write: -o {'masks/' if len(inputs) > 1 else 'mask.png'}")
    hints = options["hints"]
    if hints and len(inputs) > 1:
        raise click.UsageError("Hints are for one picture: give one at a time.")
    if hints and not hints.is_file():
        raise click.UsageError(f"There is no file of hints {printable(hints)}.")
    try:
        names = ("kind", "colour", "tolerance", "sensitivity", "smallest")
        check_options(*(options[name] for name in names), has_hints=hints is not None)
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None


def _detect(source: Path, target: Path, options: dict[str, Any], *, with_bar: bool) -> Detected:
    """Look for damage in one file, with a bar where it is to be shown."""
    from restauro.detection.detecting_files import detect_file

    with report.progress_bar(source.name, shown=with_bar) as progress:
        return detect_file(source, target, progress=progress, **options)


def _as_line(found: Detected) -> str:
    target = printable(found.target)
    if not found.pixels:
        names = found.kind.split(",") if found.kind else ["damage"]
        what = " or ".join("marks of that colour" if name == "color" else name for name in names)
        return f"{target}: no {what} found: the mask is empty"
    share = report.percent(found.pixels / (found.width * found.height))
    each = ", ".join(f"{kind} {marks}" for kind, marks in found.kinds.items()) if len(found.kinds) > 1 else ""
    marks = report.count(found.marks, "mark")
    return f"{target}: {marks} proposed{each and f' ({each})'}, {report.count(found.pixels, 'pixel')} ({share})"
