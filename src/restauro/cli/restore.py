"""`restauro restore`: fills what masks mark in picture files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from restauro.cli import archives, batch, flags, paths, pipes, report, restore_plans
from restauro.cli.wording import worded
from restauro.detection.detectors import REPAIRED
from restauro.errors import RestauroError
from restauro.guiding import check_takes
from restauro.mask import PARTIAL
from restauro.method import DEFAULT_METHOD, make_method, method_class, method_names

if TYPE_CHECKING:
    from restauro.record import Restored

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


_HELP = """Fill what a mask marks, or what --detect proposes, in each of INPUTS, and change nothing else.

INPUTS are picture files, folders of them, or - for the standard input. Masks fit the picture as it is seen. Soft or
JPEG-compressed masks are cut at half and grown by 1 pixel. JPEG to JPEG, only the blocks that the holes touch are
encoded anew.

\b
restauro restore panel.tif --mask losses.png -o panel-restored.tif
restauro restore photo.jpg --mask marks.png --mask-polarity black --radius 7 -o out.png
restauro restore scans/ --mask-dir masks/ -o restored/ --skip-existing
restauro restore photo.jpg --detect -o out.jpg --save-mask mask.png

Exit status: 0; 2 for wrong usage or one bad input; 1 where some of several files failed.
"""
_ENDINGS = {"png": ".png", "tiff": ".tif", "jpeg": ".jpg", "webp": ".webp", "avif": ".avif"}


@dataclass(frozen=True)
class _Job:
    """One picture's way: from where to where; the mask is found later where it stands in a folder."""

    source: Path
    target: Path
    saved_mask: Path | None


@dataclass(frozen=True)
class _Masks:
    """Where masks come from: one for all, or one each from a folder, or from beside the picture."""

    one: str | None
    folder: Path | None
    pattern: str | None

    def of(self, picture: Path) -> str | Path:
        """Return the mask of a picture file."""
        from restauro.mask_files import find_mask

        return self.one if self.one is not None else find_mask(self.folder, picture, self.pattern)

    def is_one(self, file: Path) -> bool:
        """Whether a file of a folder is a mask of a picture beside it."""
        if self.one is not None or (self.folder and not (self.folder.exists() and self.folder.samefile(file.parent))):
            return False
        before, _, after = (self.pattern or f"{{stem}}_mask{file.suffix}").partition("{stem}")
        return len(file.name) > len(before + after) and file.name.startswith(before) and file.name.endswith(after)


def _values(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Read whole numbers with commas between."""
    try:
        return tuple(int(number) for number in value.split(",")) if value else ()
    except ValueError:
        raise click.BadParameter(f"{value!r} isn't whole numbers with commas between.", ctx, param) from None


@click.command("restore", help=_HELP, short_help="Fill what masks mark in picture files.")
@click.argument("inputs", nargs=-1, required=True, type=paths.PLACE)
@archives.options
@archives.PROPOSE
@flags.MASK
@click.option(
    "--mask-dir",
    type=paths.PLACE,
    help="A folder of masks: for panel.tif it is panel.*, else panel_mask.*.",
)
@click.option(
    "--mask-name",
    metavar="PATTERN",
    help="What masks are called, with {stem} for the picture's name without its ending: '{stem}_mask001.png'. They are "
    "in the folder of masks, or beside the pictures.",
)
@click.option(
    "--infrared",
    is_flag=False,
    flag_value="",
    metavar="[band|page:N|FILE]",
    help="Find dust, hairs, scratches and smears of scanned film by the scan's infrared plane: the last band, another "
    "picture of the file, or a file; named only where there are several. As --mask infrared, with --partial tone.",
)
@click.option(
    "--detect",
    is_flag=False,
    flag_value=",".join(REPAIRED),
    metavar="[KIND,KIND]",
    help="Without a mask: look for damage and fill what is found, unless it is much of the picture. Kinds are cracks, "
    f"scratches, losses, dust.  [without a KIND: {','.join(REPAIRED)}]",
)
@flags.SENSITIVITY
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER",
    help="Where to write. A folder, made if it is missing, gets files of the inputs' names; - is the standard output.",
)
@click.option("--format", "format_", type=click.Choice(list(_ENDINGS)), help="With -o -: what to write there.")
@click.option("--method", default=DEFAULT_METHOD, show_default=True, metavar="NAME", help="See `restauro methods`.")
@_parameter_options
@flags.MASK_POLARITY
@click.option(
    "--mask-value",
    "values",
    metavar="N,N",
    callback=_values,
    help="Values of a mask file that are hole, for masks of labels; of a palette, the numbers of its colours.",
)
@click.option(
    "--resize-mask", "resize", is_flag=True, help="Take mask files 2, 3, ... times as small or large as the picture."
)
@click.option(
    "--grow",
    type=click.IntRange(0, 1000),
    metavar="N",
    help="Grow the mask by N pixels.  [default: 0, with --detect 1]",
)
@click.option(
    "--tolerance",
    type=click.IntRange(0, 255),
    metavar="N",
    help="With color:#rrggbb, how far red, green and blue may each be off.  [default: 0; in a JPEG 60 or 40]",
)
@click.option(
    "--sources",
    metavar="FILE",
    help="A mask, white where texture may come from, near or far, and from nowhere else. For patchmatch.",
)
@click.option("--avoid", metavar="FILE", help="A mask, white where texture mustn't come from. For patchmatch.")
@click.option(
    "--guides",
    type=paths.NAME,
    metavar="FILE",
    help="An SVG drawing on the picture: its lines go on across holes. For edge-enhancing, coherence and patchmatch.",
)
@click.option(
    "--partial",
    type=click.Choice(PARTIAL),
    help="Keep the values of a soft mask, which say how much of a pixel is damage. cover: a layer with soft edges lies "
    "over the picture, and is mixed with the fill. tone: light still comes through, and its tone is corrected; where "
    "it is nearly opaque, the method fills.  [default: cut it]",
)
@flags.ALLOW
@flags.POLICY
@flags.SAVE_MASK
@flags.ACCEPT_LARGE_HOLES
@flags.PAGE
@flags.LARGEST
@flags.OVERWRITE_INPUT_TOO
@click.option("--skip-existing", is_flag=True, help="Leave out pictures whose output is there.")
@flags.DRY_RUN
@flags.QUIET
@flags.JSON
@flags.WORKERS
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
    mask_name: str | None,
    infrared: str | None,
    output: str | None,
    format_: str | None,
    save_mask: str | None,
    skip_existing: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Restore files one after the other; return the exit status."""
    if infrared is not None and (mask or mask_dir or mask_name):
        raise click.UsageError("Give --infrared or a mask, not both.")
    mask = mask if infrared is None else ":".join(["infrared", *([infrared] if infrared else [])])
    masks, asked = _Masks(mask, mask_dir, mask_name), archives.Asked.taken_from(options)
    parameters = {name: options.pop(name) for name in _parameter_names()}
    options["parameters"] = {name: value for name, value in parameters.items() if value is not None}
    way = restore_plans.Way(mask, mask_dir, mask_name, masks.is_one, output, save_mask, skip_existing, options)
    if archives.is_plan(inputs, mask, mask_dir, output, save_mask):
        return restore_plans.restore(inputs, way, asked, quiet=quiet, as_json=as_json)
    jobs = _plan(paths.expand(inputs, masks.is_one), output, save_mask)
    if options["detect"] is None:
        _check_masks(masks, options, several=len(jobs) > 1)
    else:
        _check_detect(masks, options)
    _check_pipes(jobs, masks, format_, needs_mask=options["detect"] is None)
    if skip_existing and options["overwrite"]:
        raise click.UsageError("Give --skip-existing or --overwrite, not both.")
    _check_method(options)
    there = [job for job in jobs if skip_existing and job.target.exists()]
    for job in there if as_json or not quiet else ():
        archives.say_skipped(job.source, job.target, as_json=as_json)
    jobs_left = [job for job in jobs if job not in there]
    if asked.is_more or (len(jobs) > 1 and not any(pipes.is_pipe(job.source) for job in jobs)):
        files = [restore_plans.File(job.source, job.target, job.saved_mask) for job in jobs_left]
        return restore_plans.restore_files(files, way, asked, quiet=quiet, as_json=as_json)
    works = [(job.source, partial(_restore, job, masks, format_, options, shown=not quiet)) for job in jobs_left]
    to_stderr = jobs[0].target == pipes.STANDARD
    return batch.run(works, report.as_line, quiet=quiet, as_json=as_json, to_stderr=to_stderr)


def _restore(job: _Job, masks: _Masks, format_: str | None, options: dict[str, Any], *, shown: bool) -> Restored:
    """Restore one file, with a bar where it is to be shown."""
    from restauro.policy import find_policy
    from restauro.restoring_files import restore_file

    mask = masks.of(job.source) if options["detect"] is None else None
    if pipes.is_pipe(job.source) and options["policy"] is None:  # whose copy lies elsewhere
        options |= {"policy": find_policy(Path())}
    with ExitStack() as files:
        source = files.enter_context(pipes.readable(job.source))
        if isinstance(mask, str) and pipes.is_pipe(Path(mask)):
            mask = files.enter_context(pipes.readable(Path(mask)))
        target = files.enter_context(pipes.writable(job.target, _ENDINGS.get(format_ or "")))
        with report.progress_bar(job.source.name, shown=shown) as progress:
            restored = restore_file(source, target, mask=mask, save_mask=job.saved_mask, progress=progress, **options)
    return dataclasses.replace(restored, source=job.source, target=job.target)


def _plan(inputs: Sequence[Path], output: str | None, save_mask: str | None) -> list[_Job]:
    """Say for each input where it goes, before anything is done."""
    if output == str(pipes.STANDARD) and len(inputs) > 1:
        raise click.UsageError("One picture at a time goes to the standard output (-o -).")
    if not output and pipes.is_pipe(inputs[0]):
        raise click.UsageError("Say where to write: -o restored.png, or -o - --format png")
    found = [pipes.STANDARD] if output == str(pipes.STANDARD) else paths.picture_targets(inputs, output, "restored")
    masks = paths.mask_targets(inputs, save_mask, "--save-mask", "restored")
    return [_Job(*job) for job in zip(inputs, found, masks, strict=True)]


def check_mask(mask: str) -> None:
    """Refuse a mask that is no word and no file that is there."""
    from restauro.picture_mask import is_file

    if is_file(mask) and not Path(mask).exists() and not pipes.is_pipe(Path(mask)):
        raise click.UsageError(
            f"There is no mask {mask}: give a file, alpha, nan, nodata, value:-9999 or color:#rrggbb."
        )


def _check_masks(masks: _Masks, options: dict[str, Any], *, several: bool) -> None:
    from restauro.picture_mask import check_options, file_of, is_file, is_infrared

    if not masks.one and not masks.folder and not masks.pattern:
        raise click.UsageError(
            "Say what to fill: --mask FILE, --mask alpha (transparent pixels), --mask nan, --mask nodata, "
            "--mask value:-9999, --mask color:#rrggbb, --mask-dir FOLDER, --mask-name PATTERN, or --infrared; or have "
            "damage looked for: --detect."
        )
    if options["sensitivity"] is not None:
        raise click.UsageError("--sensitivity is for --detect: leave it out with a mask.")
    if masks.one and (masks.folder or masks.pattern):
        raise click.UsageError(f"Give --mask or {'--mask-dir' if masks.folder else '--mask-name'}, not both.")
    if masks.one:
        check_mask(masks.one)
    if masks.one and is_file(masks.one) and Path(masks.one).is_dir():
        raise click.UsageError(f"The mask {masks.one} is a folder: name one file, or use --mask-dir.")
    if is_infrared(masks.one) and (plane := file_of(masks.one)):
        if not plane.is_file():
            raise click.UsageError(
                f"There is no infrared {plane}: give a file, band, page:N or nothing; pictures stand before it."
            )
        if several:
            raise click.UsageError(f"The infrared {plane} is of one picture: give that one alone.")
    if masks.folder and not masks.folder.is_dir():
        raise click.UsageError(f"There is no folder {masks.folder} of masks.")
    if masks.pattern and "{stem}" not in masks.pattern:
        raise click.UsageError("A pattern of mask names holds {stem}, for the picture's: '{stem}_mask001.png'.")
    try:
        about = {name: options[name] for name in ("polarity", "values", "resize", "tolerance")}
        check_options(masks.one or str(masks.folder or masks.pattern), **about)
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None


def _check_detect(masks: _Masks, options: dict[str, Any]) -> None:
    from restauro.detection.detectors import checked_repaired
    from restauro.detection.marks import checked_sensitivity

    if masks.one or masks.folder or masks.pattern:
        raise click.UsageError("Give a mask or --detect, not both.")
    given = [
        flag
        for flag, is_given in (
            ("--mask-polarity", options["polarity"] != "white"),
            ("--mask-value", options["values"]),
            ("--resize-mask", options["resize"]),
            ("--tolerance", options["tolerance"] is not None),
            ("--partial", options["partial"]),
        )
        if is_given
    ]
    if given:
        raise click.UsageError(f"{given[0]} is for masks: leave it out with --detect.")
    try:
        checked_repaired(options["detect"])
        if options["sensitivity"] is not None:
            checked_sensitivity(options["sensitivity"])
    except RestauroError as error:
        said = worded(error)
        if Path(options["detect"]).exists():
            said += " Put pictures before --detect."
        raise click.UsageError(said) from None


def _check_pipes(jobs: Sequence[_Job], masks: _Masks, format_: str | None, *, needs_mask: bool) -> None:
    """Refuse what can't be done with the standard input and output, and with pipes."""
    read = [job.source for job in jobs] + ([Path(masks.one)] if masks.one else [])
    to_stdout = jobs[0].target == pipes.STANDARD
    if read.count(pipes.STANDARD) > 1:
        raise click.UsageError("The standard input (-) can be read once only: name a file for the other.")
    if masks.one and len(jobs) > 1 and pipes.is_pipe(Path(masks.one)):
        raise click.UsageError("A mask from a pipe can be read once only, for one picture: name a file.")
    if to_stdout != (format_ is not None):
        raise click.UsageError(
            f"Say with --format what goes to the standard output: {', '.join(_ENDINGS)}."
            if to_stdout
            else "--format is for the standard output (-o -): a file's ending says its format."
        )
    for job in jobs:
        if pipes.is_pipe(job.source) and needs_mask and not masks.one:
            raise click.UsageError("A picture from a pipe has no name to find its mask by: give --mask FILE.")
        if pipes.is_pipe(job.source) and job.target.name == job.source.name and not to_stdout:
            raise click.UsageError("A picture from a pipe has no name for a folder: name the file, -o restored.png.")
    pipes.check_terminals(reads=pipes.STANDARD in read, writes=to_stdout)


def _check_method(options: dict[str, Any]) -> None:
    try:
        chosen = make_method(options["method"], options["parameters"])
        check_takes(chosen, {name: options[name] for name in ("sources", "avoid", "guides")})
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None


def _parameter_names() -> list[str]:
    named = [parameter.name for method in method_names() for parameter in method_class(method).parameters()]
    return list(dict.fromkeys(named))
