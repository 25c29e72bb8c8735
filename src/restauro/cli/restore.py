"""`restauro restore`: fills what masks mark in picture files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from restauro.cli import archives, batch, paths, pipes, report, restore_options, restore_plans
from restauro.cli.restore_options import ENDINGS
from restauro.cli.wording import worded
from restauro.errors import RestauroError
from restauro.grain import check_grain, check_varies
from restauro.guiding import check_takes
from restauro.method import make_method

if TYPE_CHECKING:
    from restauro.record import Restored

_HELP = """Fill what a mask marks, or what --detect proposes, in each of INPUTS, and change nothing else.

INPUTS are picture files, folders of them, or - for the standard input. Masks fit the picture as it is seen. Soft or
JPEG-compressed masks are cut at half and grown by 1 pixel. JPEG to JPEG, only the blocks that the holes touch are
encoded anew.

\b
restauro restore panel.tif --mask losses.png -o panel-restored.tif
restauro restore photo.jpg --mask marks.png --mask-polarity black --radius 7 -o out.png
restauro restore scans/ --mask-dir masks/ -o restored/ --skip-existing
restauro restore photo.jpg --detect -o out.jpg --save-mask mask.png
restauro restore film.tif --mask dust.png --grain match --variants 4 -o out.tif

Exit status: 0; 2 for wrong usage or one bad input; 1 where some of several files failed.
"""


@dataclass(frozen=True)
class _Job:
    """One picture's way: from where to where; the mask is found later where it stands in a folder."""

    source: Path
    target: Path
    saved_mask: Path | None
    seed: int = 0

    def variants(self, count: int, seed: int) -> list[_Job]:
        """Return as many of it, out-1.tif, out-2.tif and so on, with a seed each; the mask is written once."""
        return [
            _Job(self.source, self.target.with_stem(f"{self.target.stem}-{number}"), saved_mask, seed + number - 1)
            for number, saved_mask in enumerate([self.saved_mask] + [None] * (count - 1), start=1)
        ]


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


@click.command("restore", help=_HELP, short_help="Fill what masks mark in picture files.")
@click.argument("inputs", nargs=-1, required=True, type=paths.PLACE)
@restore_options.of_restore
def command(
    inputs: tuple[Path, ...],
    mask: str | None,
    mask_dir: Path | None,
    mask_name: str | None,
    infrared: str | None,
    output: str | None,
    format_: str | None,
    save_mask: str | None,
    variants: int | None,
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
    parameters = {name: options.pop(name) for name in restore_options.parameter_names()}
    options["parameters"] = {name: value for name, value in parameters.items() if value is not None}
    way = restore_plans.Way(mask, mask_dir, mask_name, masks.is_one, output, save_mask, skip_existing, options)
    is_plan = archives.is_plan(inputs, mask, mask_dir, output, save_mask)
    if variants is not None and (is_plan or asked.propose):
        raise click.UsageError("--variants is for pictures named here, restored at once: leave it out.")
    if is_plan:
        return restore_plans.restore(inputs, way, asked, quiet=quiet, as_json=as_json)
    jobs = _plan(paths.expand(inputs, masks.is_one), output, save_mask)
    if options["detect"] is None:
        _check_masks(masks, options, several=len(jobs) > 1)
    else:
        _check_detect(masks, options)
    _check_pipes(jobs, masks, format_, needs_mask=options["detect"] is None)
    if skip_existing and options["overwrite"]:
        raise click.UsageError("Give --skip-existing or --overwrite, not both.")
    _check_method(options, variants=variants is not None)
    seed = options.pop("seed")
    if variants is None:
        jobs = [dataclasses.replace(job, seed=seed) for job in jobs]
    elif output == str(pipes.STANDARD):
        raise click.UsageError("Variants are files, one each, and the standard output (-o -) takes one alone.")
    else:
        jobs = [variant for job in jobs for variant in job.variants(variants, seed)]
    there = [job for job in jobs if skip_existing and job.target.exists()]
    for job in there if as_json or not quiet else ():
        archives.say_skipped(job.source, job.target, as_json=as_json)
    jobs_left = [job for job in jobs if job not in there]
    if asked.is_more or (len(jobs) > 1 and not any(pipes.is_pipe(job.source) for job in jobs)):
        files = [restore_plans.File(job.source, job.target, job.saved_mask, {"seed": job.seed}) for job in jobs_left]
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
        target = files.enter_context(pipes.writable(job.target, ENDINGS.get(format_ or "")))
        with report.progress_bar(job.source.name, shown=shown) as progress:
            restored = restore_file(
                source, target, mask=mask, save_mask=job.saved_mask, seed=job.seed, progress=progress, **options
            )
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
            f"Say with --format what goes to the standard output: {', '.join(ENDINGS)}."
            if to_stdout
            else "--format is for the standard output (-o -): a file's ending says its format."
        )
    for job in jobs:
        if pipes.is_pipe(job.source) and needs_mask and not masks.one:
            raise click.UsageError("A picture from a pipe has no name to find its mask by: give --mask FILE.")
        if pipes.is_pipe(job.source) and job.target.name == job.source.name and not to_stdout:
            raise click.UsageError("A picture from a pipe has no name for a folder: name the file, -o restored.png.")
    pipes.check_terminals(reads=pipes.STANDARD in read, writes=to_stdout)


def _check_method(options: dict[str, Any], *, variants: bool) -> None:
    try:
        chosen = make_method(options["method"], options["parameters"])
        check_takes(chosen, {name: options[name] for name in ("sources", "avoid", "guides")})
        check_grain(options["grain"], chosen)
        if variants:
            check_varies(chosen, options["grain"])
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None
