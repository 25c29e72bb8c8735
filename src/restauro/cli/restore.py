"""`restauro restore`: fills what masks mark in picture files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from restauro.cli import batch, report, targets
from restauro.cli.wording import worded
from restauro.errors import RestauroError
from restauro.method import DEFAULT_METHOD, make_method, method_class, method_names

if TYPE_CHECKING:
    from restauro.restoring import Restored

Function = TypeVar("Function", bound=Callable[..., Any])


def _number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | float | None:
    """Read a whole number where it is written as one, else a real one; the method says which it takes."""
    for kind in (int, float):
        try:
            return None if value is None else kind(value)
        except ValueError:
            continue
    raise click.BadParameter(f"{value!r} is not a number.", ctx, param)


def _parameter_options(function: Function) -> Function:
    """Add an option for every parameter of every method."""
    meanings: dict[str, list[str]] = {}
    forms: dict[str, dict[str, Any]] = {}
    for method in method_names():
        for parameter in method_class(method).parameters():
            about = parameter.about
            text = f"{method}: {about.meaning}; {about.range_text}, default {parameter.default_text}."
            meanings.setdefault(parameter.name, []).append(text)
            forms[parameter.name] = {"metavar": about.metavar, "callback": None if parameter.kind is str else _number}
    for name, texts in reversed(meanings.items()):
        flag = f"--{name.replace('_', '-')}"
        function = click.option(flag, name, help=" ".join(texts), **forms[name])(function)
    return function


_HELP = """Fill what a mask marks in each of INPUTS, and change nothing else.

Masks fit the picture as it is seen. Soft or JPEG-compressed masks are cut at half and grown by 1 pixel. JPEG to JPEG,
only the blocks that the holes touch are encoded anew.

\b
restauro restore panel.tif --mask losses.png -o panel-restored.tif
restauro restore photo.jpg --mask marks.png --mask-polarity black --radius 7 -o out.png
restauro restore scans/*.tif --mask-dir masks/ -o restored/

Exit status: 0; 2 for wrong usage or one bad input; 1 where some of several files failed.
"""


@dataclass(frozen=True)
class _Job:
    """One picture's way: from where to where; the mask is found later where it stands in a folder."""

    source: Path
    target: Path
    saved_mask: Path | None


@click.command("restore", help=_HELP, short_help="Fill what masks mark in picture files.")
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--mask",
    metavar="FILE|alpha|nan|color:#rrggbb",
    help="What to fill: where a mask file is white, where the picture is transparent, NaN, or of a colour.",
)
@click.option(
    "--mask-dir",
    type=click.Path(path_type=Path),
    help="A folder of masks: for panel.tif it is panel.*, else panel_mask.*.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER",
    help="Where to write. A folder, made if it is missing, gets files of the inputs' names.",
)
@click.option("--method", default=DEFAULT_METHOD, show_default=True, metavar="NAME", help="See `restauro methods`.")
@_parameter_options
@click.option(
    "--mask-polarity",
    "polarity",
    type=click.Choice(["white", "black"]),
    default="white",
    show_default=True,
    help="What marks the damage in a mask file.",
)
@click.option(
    "--grow", type=click.IntRange(0, 1000), default=0, metavar="N", help="Grow the mask by N pixels.", show_default=True
)
@click.option(
    "--tolerance",
    type=click.IntRange(0, 255),
    metavar="N",
    help="With color:#rrggbb, how far red, green and blue may each be off.  [default: 0; in a JPEG 60 or 40]",
)
@click.option("--save-mask", metavar="FILE|FOLDER", help="Write the mask that was used, as a PNG.")
@click.option("--accept-large-holes", is_flag=True, help="Take a mask of more than 60 % hole as it is.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there, the input too if it is the output.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, say what would be done, write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line for each file; a bad one's has `error`."
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Threads to use.  [default: all cores]")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="For methods that use random numbers.  [default: 0]",
)
def command(
    inputs: tuple[Path, ...],
    mask: str | None,
    mask_dir: Path | None,
    output: str | None,
    save_mask: str | None,
    quiet: bool,
    as_json: bool,
    polarity: str,
    **options: Any,
) -> int:
    """Restore files one after the other; return the exit status."""
    jobs = _plan(inputs, output, save_mask)
    _check_mask(mask, mask_dir, polarity, options["tolerance"])
    parameters = {name: options.pop(name) for name in _parameter_names()}
    parameters = {name: value for name, value in parameters.items() if value is not None}
    _check_method(options["method"], parameters)
    options |= {"polarity": polarity, "parameters": parameters}
    works = [(job.source, partial(_restore, job, mask, mask_dir, options, shown=not quiet)) for job in jobs]
    return batch.run(works, report.as_line, quiet=quiet, as_json=as_json)


def _restore(job: _Job, mask: str | None, mask_dir: Path | None, options: dict[str, Any], *, shown: bool) -> Restored:
    """Restore one file, with a bar where it is to be shown."""
    from restauro.mask_files import find_mask
    from restauro.restoring import restore_file

    mask_of_job = find_mask(mask_dir, job.source) if mask_dir else str(mask)
    with report.progress_bar(job.source.name, shown=shown) as progress:
        return restore_file(
            job.source, job.target, mask=mask_of_job, save_mask=job.saved_mask, progress=progress, **options
        )


def _plan(inputs: tuple[Path, ...], output: str | None, save_mask: str | None) -> list[_Job]:
    """Say for each input where it goes, before anything is done."""
    found = targets.of_pictures(inputs, output, "restored")
    masks = targets.of_masks(inputs, save_mask, "--save-mask", "restored")
    return [_Job(*job) for job in zip(inputs, found, masks, strict=True)]


def _check_mask(mask: str | None, mask_dir: Path | None, polarity: str, tolerance: int | None) -> None:
    from restauro.picture_mask import check_options, is_file

    if not mask and not mask_dir:
        raise click.UsageError(
            "Say what to fill: --mask FILE, --mask alpha (transparent pixels), --mask nan, --mask color:#rrggbb, "
            "or --mask-dir FOLDER."
        )
    if mask and mask_dir:
        raise click.UsageError("Give --mask or --mask-dir, not both.")
    if mask and is_file(mask) and not Path(mask).exists():
        raise click.UsageError(f"There is no mask {mask}: give a file, alpha, nan or color:#rrggbb.")
    if mask_dir and not mask_dir.is_dir():
        raise click.UsageError(f"There is no folder {mask_dir} of masks.")
    try:
        check_options(mask or str(mask_dir), polarity=polarity, tolerance=tolerance)
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None


def _check_method(method: str, parameters: dict[str, Any]) -> None:
    try:
        make_method(method, parameters)
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None


def _parameter_names() -> list[str]:
    named = [parameter.name for method in method_names() for parameter in method_class(method).parameters()]
    return list(dict.fromkeys(named))
