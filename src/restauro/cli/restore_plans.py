"""`restauro restore` of many pictures: jobs of manifests, URLs, patterns and folders, and of what was decided."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from restauro.cli import archives, report
from restauro.errors import RestauroError
from restauro.method import make_method

if TYPE_CHECKING:
    from restauro.archive.jobs import Job
    from restauro.archive.plans import MaskFolder, Row

_FILES = ("sources", "avoid", "guides")  # options that name a file
_OF_MARKING = ("polarity", "values", "resize", "tolerance", "partial", "grow", "page", "max_pixels", "overwrite",
               "sensitivity")  # fmt: skip


@dataclass(frozen=True)
class Way:
    """How all pictures are restored where a manifest says nothing of it: what the command line says.

    Attributes
    ----------
    mask, mask_folder, mask_pattern
        One mask for all, or where each one's is.
    is_mask
        Whether a file of a folder is a mask of a picture beside it.
    output, save_mask
        Folders to write to; of one picture the file.
    skip_existing
        Leave out pictures whose output is there.
    options
        All arguments of `restauro.restore_file`, method and parameters among them.
    """

    mask: str | None
    mask_folder: Path | str | None
    mask_pattern: str | None
    is_mask: Callable[[Path], bool]
    output: str | None
    save_mask: str | None
    skip_existing: bool
    options: dict[str, Any]


def restore(inputs: Sequence[Path | str], way: Way, asked: archives.Asked, *, quiet: bool, as_json: bool) -> int:
    """Restore all pictures of a plan, or propose what is to be filled; return the exit status."""
    from restauro.archive.places import Stamps

    if way.skip_existing and way.options["overwrite"]:
        raise click.UsageError("Give --skip-existing or --overwrite, not both.")
    with archives.refusing():
        make_method(way.options["method"], way.options["parameters"])
        jobs = _jobs(archives.rows_of(inputs, None if way.mask_folder else way.is_mask), way)
        if way.skip_existing:
            stamps = Stamps()
            left = []
            for job in jobs:
                if not stamps.of(job.output):
                    left.append(job)
                elif as_json or not quiet:
                    archives.say_skipped(job.picture, job.output, as_json=as_json)
            jobs = left
    return _run(jobs, way, asked, quiet=quiet, as_json=as_json)


@dataclass(frozen=True)
class File:
    """A local picture, where it goes, where its mask is saved, and options of its own."""

    source: Path
    target: Path
    saved_mask: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)


def restore_files(files: Sequence[File], way: Way, asked: archives.Asked, *, quiet: bool, as_json: bool) -> int:
    """Restore local files that were planned; return the exit status."""
    from restauro.archive.plans import Row

    folders: dict[str, MaskFolder] = {}
    jobs = []
    for file in files:
        job = _job(Row(0, str(file.source), output=str(file.target)), way, folders)
        writes = {"save_mask": str(file.saved_mask)} if file.saved_mask else {}
        jobs.append(replace(job, writes=writes, options=job.options | file.options))
    return _run(jobs, way, asked, quiet=quiet, as_json=as_json)


def _run(jobs: list[Job], way: Way, asked: archives.Asked, *, quiet: bool, as_json: bool) -> int:
    as_line: Callable[[Any], str] = report.as_line
    if asked.propose:
        if asked.report:
            raise click.UsageError("--propose writes a report of its own: leave --report out.")
        jobs = proposals(jobs, asked.propose)
        asked, as_line = replace(asked, report=Path(asked.propose, "plan.html")), archives.as_record
    workers = way.options.get("workers")
    return archives.run(jobs, asked, as_line, quiet=quiet, as_json=as_json, workers=workers)


def _jobs(rows: Sequence[Row], way: Way) -> list[Job]:
    """Return a job a picture; what is wrong with one of them is that job's problem."""
    from restauro.archive import places

    if way.output is None and (row := next((row for row in rows if not row.output), None)):
        what = f"line {row.number} names no output" if row.number else "say where to write"
        raise click.UsageError(f"{what[0].upper()}{what[1:]}: give a folder, -o restored/.")
    if not any((way.mask, way.mask_folder, way.mask_pattern, way.options.get("detect"))) and (
        row := next((row for row in rows if not row.mask and row.problem is None), None)
    ):
        raise click.UsageError(
            f"Nothing says what to fill of {row.picture}: give a column mask, --mask-dir FOLDER, --mask, or --detect."
        )
    for place in (way.output, way.save_mask):
        if place and places.is_remote(place):
            places.check_written(place)
    if len(rows) == 1 and way.output and not rows[0].output and _names_picture(way.output):
        rows = [replace(rows[0], output=places.absolute(way.output))]
    folders: dict[str, MaskFolder] = {}
    return [_job(row, way, folders) for row in rows]


def _names_picture(place: str) -> bool:
    from restauro.files.formats import ENDINGS

    return place.lower().endswith(tuple(ending for endings in ENDINGS.values() for ending in endings))


def _job(row: Row, way: Way, folders: dict[str, MaskFolder]) -> Job:
    """Return the job of a row."""
    from restauro.archive import places
    from restauro.archive.jobs import Job
    from restauro.archive.plans import parameters_as_text

    options, problem = dict(way.options), row.problem
    name = places.name_of(row.picture)
    if row.method and row.method != options["method"]:
        options |= {"method": row.method, "parameters": dict(row.parameters or {})}
    else:
        options["parameters"] = options["parameters"] | (row.parameters or {})
    reads = {name: str(options.pop(name)) for name in _FILES if options.get(name) is not None}
    mask: str | None = row.mask or None
    try:
        make_method(options["method"], options["parameters"])
        if not mask and not options["detect"]:
            mask = way.mask or _mask_in_folder(row.picture, way, folders)
    except RestauroError as error:
        problem = problem or error
    if mask:
        options |= {"detect": None, "sensitivity": None}
        _add_mask(mask, reads, options)
    if any(map(places.is_remote, (row.picture, *reads.values()))) and options["policy"] is None:
        from restauro.policy import find_policy  # the copies lie elsewhere

        options["policy"] = find_policy(Path())
    stem = os.path.splitext(name)[0]
    return Job(
        "restore",
        row.picture,
        row.output or places.within(str(way.output), name),
        reads,
        {"save_mask": places.within(way.save_mask, f"{stem}.png")} if way.save_mask else {},
        {name: value for name, value in options.items() if name != "workers"},
        decision=row.decision,
        reviewer=row.reviewer,
        proposed=row.mask_sha256,
        later={"method": options["method"], "parameters": parameters_as_text(options["parameters"])},
        problem=problem,
    )


def _mask_in_folder(picture: str, way: Way, folders: dict[str, MaskFolder]) -> str:
    """Return a picture's mask, in the folder of masks or beside the picture."""
    from restauro.archive.plans import MaskFolder

    beside = picture.rpartition("/")[0] if "://" in picture else os.path.dirname(picture) or "."
    folder = str(way.mask_folder or beside)
    if folder not in folders:
        folders[folder] = MaskFolder(folder, way.mask_pattern)
    return folders[folder].of(picture)


def _add_mask(mask: str, reads: dict[str, str], options: dict[str, Any]) -> None:
    """Add a mask: one of a file to the files that are read, a word to the options."""
    from restauro.picture_mask import file_of

    if file_of(mask) is not None or "://" in mask:
        reads["mask"] = mask
    else:
        options["mask"] = mask


def proposals(jobs: Sequence[Job], folder: str) -> list[Job]:
    """Return jobs that propose what others would fill: a mask and a preview each, in a folder."""
    from restauro.archive.places import absolute, within

    found, names = [], dict[str, int]()
    for job in jobs:
        stem = Path(job.output).stem
        names[stem] = count = names.get(stem, 0) + 1
        name = stem if count == 1 else f"{stem}-{count}"
        options = {name: job.options[name] for name in _OF_MARKING if name in job.options}
        if job.options["detect"]:
            of_masks = ("polarity", "values", "resize", "tolerance", "partial")
            options = {name: value for name, value in options.items() if name not in of_masks}
            options["detect"] = job.options["detect"]
        else:
            options |= {"mask": job.options["mask"]} if "mask" in job.options else {}
        later = job.later | {"picture": absolute(job.picture), "output": absolute(job.output)}
        found.append(
            replace(
                job,
                act="propose",
                output=within(folder, f"masks/{name}.png"),
                reads={"mask": job.reads["mask"]} if "mask" in job.reads else {},
                writes={"preview": within(folder, f"previews/{name}.jpg")},
                options=options,
                decision="",
                reviewer="",
                proposed="",
                later=later,
            )
        )
    return found
