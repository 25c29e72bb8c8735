"""`restauro damage`: writes damaged copies of picture files, and the masks of what was damaged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from restauro.cli import archives, batch, flags, paths, report
from restauro.cli.wording import worded
from restauro.damage.kinds import KINDS
from restauro.errors import RestauroError

if TYPE_CHECKING:
    from restauro.archive.jobs import Job

_KINDS = "\n".join(f"{kind.name:<10} {kind.summary}" for kind in KINDS.values())
_DEFAULTS = ", ".join(f"{kind.name} {kind.default_ratio:g}" for kind in KINDS.values() if kind.default_ratio)
_HELP = f"""Write a damaged copy of each of INPUTS, files or folders, for training, testing and demonstrations.

\b
{_KINDS}

Nothing outside the holes changes; JPEG to JPEG, the blocks that the holes touch are encoded anew.

\b
restauro damage painting.jpg --kind cracks --ratio 0.08 --seed 7 -o damaged.png --mask-out mask.png
restauro damage painting.jpg --kind cracks --render -o cracked.png --mask-out mask.png
restauro damage paintings/*.tif --kind losses -o damaged/ --mask-out masks/

Exit status: 0; 2 for wrong usage or one bad input; 1 where some of several files failed.
"""


@click.command("damage", help=_HELP, short_help="Write damaged copies of picture files, and their masks.")
@click.argument("inputs", nargs=-1, required=True, type=paths.PLACE)
@archives.options
@click.option("--kind", required=True, type=click.Choice(list(KINDS)), help="What the damage looks like.")
@click.option(
    "--ratio",
    type=float,
    metavar="R",
    help=f"Share of the picture that is to be hole; all kinds but marks take it.  [default: {_DEFAULTS}]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="The same seed draws the same damage; of several pictures each has one more than the one before.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER",
    help="Where to write. A folder, made if it is missing, gets files of the inputs' names.",
)
@click.option("--mask-out", metavar="FILE|FOLDER", help="Write the mask, a PNG in which white is hole.")
@click.option(
    "--fill", metavar="white|black|mean|noise|#rrggbb", help="What is painted into the holes.  [default: white]"
)
@click.option(
    "--render",
    is_flag=True,
    help="Make cracks and scratches look like such, with soft edges, varying depth and, at times, a bright rim.",
)
@click.option("--contrast", type=float, metavar="C", help="With --render, of 255.  [default: drawn, 15 to 60]")
@click.option("--no-border", is_flag=True, help="Strokes: leave a margin free, 50 pixels in 512.")
@click.option("--pattern", type=click.Choice(["age", "drying"]), help="Cracks: thin and sharp, or short and wide.")
@click.option("--course", type=click.Choice(["rectilinear", "rounded"]), help="Cracks: along two directions, or arcs.")
@click.option("--crack-width", type=float, metavar="W", help="Cracks: mean width of the first, in pixels.")
@flags.LARGEST
@flags.OVERWRITE_INPUT_TOO
@flags.QUIET
@flags.JSON
def command(
    inputs: Sequence[Path],
    output: str | None,
    mask_out: str | None,
    seed: int,
    no_border: bool,
    pattern: str | None,
    course: str | None,
    crack_width: float | None,
    overwrite: bool,
    max_pixels: int,
    quiet: bool,
    as_json: bool,
    **asked: Any,
) -> int:
    """Damage files one after the other; return the exit status."""
    from restauro.damage.damaging import check_options, damage_file

    archive = archives.Asked.taken_from(asked)
    is_plan = archives.is_plan(inputs, output, mask_out)
    with archives.refusing():
        files = (_planned if is_plan else _listed)(inputs, output, mask_out)
    options = {"pattern": pattern, "course": course, "crack_width": crack_width, "border": False if no_border else None}
    asked["options"] = {name: value for name, value in options.items() if value is not None}
    for name in asked["options"]:
        if name not in KINDS[asked["kind"]].options:
            flag = "no-border" if name == "border" else name.replace("_", "-")
            of = next(kind.name for kind in KINDS.values() if name in kind.options)
            raise click.UsageError(f"--{flag} is for {of} only: leave it out, or use --kind {of}.")
    try:
        check_options(seed=seed, **asked)
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None
    common = asked | {"overwrite": overwrite, "max_pixels": max_pixels}
    if is_plan or len(files) > 1 or archive.is_more:
        jobs = [_job(*file, common | {"seed": seed + number}) for number, file in enumerate(files)]
        return archives.run(jobs, archive, report.damaged_as_line, quiet=quiet, as_json=as_json)
    works = [
        (Path(source), partial(damage_file, Path(source), Path(target), **common, seed=seed, mask_out=mask or None))
        for source, target, mask, _ in files
    ]
    return batch.run(works, report.damaged_as_line, quiet=quiet, as_json=as_json)


_File = tuple[str, str, str, Exception | None]  # picture, copy, mask or "", what is wrong with its row


def _listed(inputs: Sequence[Path], output: str | None, mask_out: str | None) -> list[_File]:
    """Return where each of some files and folders goes."""
    inputs = paths.expand(inputs)
    copies = paths.picture_targets(inputs, output, "damaged")
    masks = paths.mask_targets(inputs, mask_out, "--mask-out", "masks")
    return [(str(a), str(b), str(c or ""), None) for a, b, c in zip(inputs, copies, masks, strict=True)]


def _planned(inputs: Sequence[Path], output: str | None, mask_out: str | None) -> list[_File]:
    """Return where each picture of a plan goes, and its mask."""
    rows = archives.rows_of(inputs)
    if output is None and (bare := next((row for row in rows if not row.output), None)):
        raise click.UsageError(f"Line {bare.number} names no output: give a folder, -o damaged/.")
    return [
        (
            row.picture,
            row.output or archives.place_in(str(output), row.picture),
            row.mask or (archives.place_in(mask_out, row.picture, ".png") if mask_out else ""),
            row.problem,
        )
        for row in rows
    ]


def _job(source: str, target: str, mask: str, problem: Exception | None, options: dict[str, Any]) -> Job:
    from restauro.archive.jobs import Job

    writes = {"mask_out": mask} if mask else {}
    return Job("damage", source, target, writes=writes, options=options, problem=problem)
