"""`restauro compare`: one figure of a damaged picture, its mask, what every method makes of it, and the original."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from restauro.cli import flags, paths, report
from restauro.cli.wording import printable, say
from restauro.errors import MaskError
from restauro.method import DEFAULT_METHOD, method_class, method_names

if TYPE_CHECKING:
    from restauro.evaluation.references import Way
    from restauro.evaluation.sheets import Case

_HELP = """Show what methods make of damaged PICTURES, side by side in one figure.

A column each for the damaged picture, its mask, every method, and the original where there is one: the whole picture,
and below it the same places enlarged, those where the methods err most (without an original: where most is hole). With
an original, each method's PSNR (dB), the error in the holes (root mean square, of 255) and SSIM stand under it; the
seconds always.

\b
restauro compare damaged.png --mask mask.png -o sheet.png
restauro compare damaged.png --mask mask.png --truth original.png --methods telea:radius=3,opencv-telea -o sheet.png
restauro compare damaged/*.png --mask-dir masks/ --truth-dir originals/ --layout rows -o sheet.png
"""


@click.command("compare", help=_HELP, short_help="Show what methods make of a picture, side by side.")
@click.argument("pictures", nargs=-1, required=True, type=paths.NAME)
@flags.MASK
@click.option("--mask-dir", type=paths.NAME, help="A folder of masks of the pictures' names.")
@click.option("--truth", type=paths.NAME, help="The undamaged picture.")
@click.option("--truth-dir", type=paths.NAME, help="A folder of undamaged pictures of the same names.")
@click.option("-o", "--output", required=True, type=paths.NAME, help="The figure, .png or .jpg.")
@click.option(
    "--methods",
    metavar="LIST",
    help="Methods with commas between, with parameters if wanted (telea:radius=3), other libraries' methods "
    "(opencv-telea) and networks (onnx:FILE).  [default: all but network; in rows the default method]",
)
@click.option(
    "--layout",
    type=click.Choice(["crops", "rows"]),
    default="crops",
    show_default=True,
    help="Whole pictures with enlarged crops; or a row a picture, without crops.",
)
@click.option("--crops", type=click.IntRange(0, 20), default=3, show_default=True, metavar="N", help="Places to show.")
@click.option(
    "--zoom",
    type=click.IntRange(1, 16),
    metavar="N",
    help="How often they are enlarged.  [default: 2; in pictures of more than 2000 pixels a side 1]",
)
@flags.MASK_POLARITY
@flags.ACCEPT_LARGE_HOLES
@click.option("--overwrite", is_flag=True, help="Replace the figure if it is there.")
@flags.QUIET
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line for each picture, with the figures."
)
@flags.WORKERS
def command(
    pictures: tuple[Path, ...],
    mask: str | None,
    mask_dir: Path | None,
    truth: Path | None,
    truth_dir: Path | None,
    output: Path,
    methods: str | None,
    layout: str,
    crops: int,
    zoom: int | None,
    polarity: str,
    accept_large_holes: bool,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    workers: int | None,
) -> None:
    """Make the figure."""
    from restauro.evaluation import sheets
    from restauro.evaluation.comparing import compare_file
    from restauro.evaluation.references import make_way, split_ways
    from restauro.files.masks import make_folder

    _check_usage(pictures, mask, mask_dir, truth, truth_dir)
    sheets.check_target(output, overwrite=overwrite)
    masks = [_mask_in(mask_dir, picture) if mask_dir else str(mask) for picture in pictures]
    truths = [_original_in(truth_dir, picture) if truth_dir else truth for picture in pictures]
    sources = [Path(name) for name in (*pictures, *masks, *truths) if name]
    _check_kept(output, sources)
    make_folder(output.parent)
    rows = layout == "rows"
    named = split_ways(methods) if methods else [DEFAULT_METHOD] if rows else _classical()
    ways: list[Way] = [make_way(text) for text in dict.fromkeys(named)]
    cases: list[Case] = []
    with report.announce_compiling(quiet=quiet):
        for picture, its_mask, its_truth in zip(pictures, masks, truths, strict=True):
            with report.progress_bar(picture.name, shown=not quiet) as progress:
                cases.append(
                    compare_file(
                        picture,
                        ways,
                        mask=its_mask,
                        polarity=polarity,
                        accept_large_holes=accept_large_holes,
                        truth=its_truth,
                        workers=workers,
                        progress=progress,
                    )
                )
    sheets.save(sheets.draw(cases, crops=0 if rows else crops, zoom=zoom), output, overwrite=overwrite, sources=sources)
    if as_json:
        for picture, case in zip(pictures, cases, strict=True):
            click.echo(_as_json(picture, output, case))
    elif not quiet:
        for case in cases:
            pixels = report.count(int(case.hole.sum()), "hole pixel")
            say(f"{case.title}: {pixels}, filled by {', '.join(case.filled)}")
        say(f"Written to {printable(output)}")


def _as_json(picture: Path, output: Path, case: Case) -> str:
    """Say what came of a picture: what is measured without an original is the time alone."""
    height, width = case.hole.shape
    said = {"source": str(picture), "target": str(output), "width": width, "height": height}
    said |= {"hole_pixels": int(case.hole.sum()), "damaged": case.figures.get("damaged")}
    return json.dumps(said | {"methods": {label: case.figures[label] for label in case.filled}})


def _check_kept(output: Path, inputs: Sequence[Path]) -> None:
    """Refuse to replace what is compared, whatever --overwrite says."""
    if any(path.exists() and output.exists() and output.samefile(path) for path in inputs):
        raise click.UsageError(f"{printable(output)} is one of the pictures: choose another name.")


def _mask_in(folder: Path, picture: Path) -> Path:
    from restauro.mask_files import find_mask

    try:
        return find_mask(folder, picture)
    except MaskError as error:
        raise error.of(str(picture)) from None


def _original_in(folder: Path, picture: Path) -> Path:
    from restauro.evaluation.comparing import find_original

    return find_original(folder, picture)


def _classical() -> list[str]:
    """Return methods that fill and haven't learned; those that have are asked for."""
    return [name for name in method_names() if method_class(name).nature not in ("learned", "corrects")]


def _check_usage(
    pictures: tuple[Path, ...], mask: str | None, mask_dir: Path | None, truth: Path | None, truth_dir: Path | None
) -> None:
    if bool(mask) == bool(mask_dir):
        raise click.UsageError("Say what to fill: --mask FILE, or --mask-dir FOLDER, one of them.")
    if truth and truth_dir:
        raise click.UsageError("Give --truth or --truth-dir, not both.")
    if truth and len(pictures) > 1:
        raise click.UsageError("Several pictures need their originals in a folder: --truth-dir FOLDER.")
    for folder, what in ((mask_dir, "masks"), (truth_dir, "originals")):
        if folder and not folder.is_dir():
            raise click.UsageError(f"There is no folder {folder} of {what}.")
