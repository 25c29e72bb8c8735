"""`restauro heal`: fills holes of a picture file with another place of it, or of another picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from restauro.cli import batch, flags, paths, report
from restauro.cli.restore import check_mask
from restauro.cli.wording import worded
from restauro.donor import MIRRORS
from restauro.errors import RestauroError

_HELP = """Heal what a mask marks in PICTURE: with the detail of another place, and the tone of what is around.

All holes of the mask are healed from the same offset. The rest of the file stays as `restauro restore` leaves it.

\b
restauro heal scan.tif --mask spot.png --offset 40,-12 -o scan-healed.tif
restauro heal scan.tif --mask eye.png --offset 3,120 --mirror left-right -o scan-healed.tif
restauro heal scan.tif --mask spot.png --donor other-scan.tif -o scan-healed.tif

Exit status: 0; 2 for wrong usage or bad input.
"""


def _pair(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    try:
        down, right = (int(number) for number in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} isn't two whole numbers, down and right: 40,-12.", ctx, param) from None
    return down, right


@click.command("heal", help=_HELP, short_help="Heal holes from another place.")
@click.argument("picture", type=paths.NAME)
@flags.MASK
@click.option(
    "--offset",
    metavar="DOWN,RIGHT",
    callback=_pair,
    default="0,0",
    help="Pixels from a hole to where it is healed from: 40,-12 is 40 further down and 12 to the left.",
)
@click.option(
    "--donor",
    type=paths.NAME,
    metavar="FILE",
    help="Another picture to copy from, registered to this one: of its size, bands and depth.",
)
@click.option(
    "--mirror",
    type=click.Choice(list(MIRRORS)),
    default="none",
    show_default=True,
    help="Mirror what is copied, about the middle of the box around all holes.",
)
@click.option(
    "--turn",
    type=click.Choice(["0", "90", "180", "270"]),
    default="0",
    show_default=True,
    metavar="DEGREES",
    help="Turn it anticlockwise after that, by quarter turns.",
)
@click.option("-o", "--output", metavar="FILE", help="Where to write.")
@flags.MASK_POLARITY
@flags.GROW
@flags.SAVE_MASK
@flags.ACCEPT_LARGE_HOLES
@flags.ALLOW
@flags.POLICY
@flags.PAGE
@flags.LARGEST
@flags.OVERWRITE_INPUT_TOO
@flags.DRY_RUN
@flags.QUIET
@flags.JSON
@flags.WORKERS
def command(
    picture: Path,
    mask: str | None,
    offset: tuple[int, int],
    mirror: str,
    turn: str,
    output: str | None,
    save_mask: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Heal a file; return the exit status."""
    from restauro.healing import healing

    if not output:
        raise click.UsageError(f"Say where to write: -o {picture.stem}-healed{picture.suffix}")
    if not mask:
        raise click.UsageError("Say what to heal: --mask FILE, or another of the masks that `restauro restore` takes.")
    check_mask(mask)
    if not any(offset) and options["donor"] is None and mirror == "none" and turn == "0":
        raise click.UsageError("Say where to heal from: --offset 40,-12 (down and right), or --donor FILE.")
    try:
        method = healing(offset, mirror, int(turn))
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None
    (target,) = paths.picture_targets([picture], output, "healed")
    (saved,) = paths.mask_targets([picture], save_mask, "--save-mask", "healed")
    options |= {"mask": mask, "method": method, "save_mask": saved}

    def work() -> Any:
        from restauro.restoring_files import restore_file

        with report.progress_bar(picture.name, shown=not quiet) as progress:
            return restore_file(picture, target, progress=progress, **options)

    return batch.run([(picture, work)], report.as_line, quiet=quiet, as_json=as_json)
