"""`do`: one job done, in whatever process: files brought in, the work, files brought out; errors are values."""

from __future__ import annotations

import contextlib
import importlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pyvips

from restauro.archive import memory, places
from restauro.archive.jobs import Job, Outcome, named_file
from restauro.archive.places import Stamp
from restauro.errors import MaskError, ReadError, RestauroError
from restauro.files.replacing import private_folder
from restauro.provenance import digest_of_file
from restauro.record import Record
from restauro.viewing import in_srgb


@dataclass(frozen=True)
class _Act:
    """What does it, imported when it is needed; whether it takes threads and tells of its progress."""

    function: str
    takes_threads: bool = True

    def load(self) -> Callable[..., Record]:
        module, _, name = self.function.partition(":")
        function: Callable[..., Record] = getattr(importlib.import_module(module), name)
        return function


ACTS = {
    "restore": _Act("restauro.restoring_files:restore_file"),
    "propose": _Act("restauro.archive.proposing:propose_file"),
    "detect": _Act("restauro.detection.detecting_files:detect_file"),
    "damage": _Act("restauro.damage.damaging:damage_file", takes_threads=False),
}
_SIDE, _QUALITY = 240, 70  # of small pictures for the report, in pixels, and as JPEGs
# What of a record the report says.
_FACTS = ("width", "height", "method", "regions", "marks", "hole_pixels", "pixels", "largest", "widest", "too_much",
          "near_lettering",
          "changed_outside", "seconds")  # fmt: skip


def do(
    job: Job,
    progress: Callable[[float], object] | None = None,
    *,
    thumbnails: bool = False,
    digests: bool = True,
    gate: memory.Gate | None = None,
) -> Outcome:
    """Do a job; whatever goes wrong, but an interruption, is the outcome's error.

    Parameters
    ----------
    job
        What is to be done.
    progress
        Called with the fraction done; what it raises stops the work, and reaches the caller.
    thumbnails
        Make small pictures of before and after.
    digests
        Read the files' digests, for a ledger.
    gate
        Waited at until there is memory; by default this process's.
    """
    if job.problem is not None:
        return Outcome(job, "failed", error=job.problem)
    local: dict[str, Path] = {}
    before: dict[str, Stamp | None] = {}
    try:
        before |= {place: places.stamp(place) for place in job.products} if digests else {}
        with _copies_of(job) as folder:
            return _done(job, folder, local, progress, thumbnails, digests, gate or memory.gate())
    except Exception as error:  # whatever it is, the other jobs are done
        return Outcome(job, "failed", error=_of_places(error, local), products=_left_behind(before))


def _of_places(error: Exception, local: dict[str, Path]) -> Exception:
    """Return an error that names remote files as they are called, and not the copies."""
    if not isinstance(error, RestauroError):
        return error
    fact = error.fact
    for place, path in local.items():
        if places.is_remote(place):
            fact = fact.replace(str(path), place)
    said = type(error)(fact, *error.remedies)
    said.subject = error.subject if fact == error.fact else ""
    return said


def _left_behind(before: dict[str, Stamp | None]) -> dict[str, Stamp]:
    """Return what was written all the same of a job that failed: a picture, say, whose mask couldn't be."""
    left = {}
    with contextlib.suppress(RestauroError):  # a store that fails
        for place, was in before.items():
            stamp = places.stamp(place)
            if stamp and stamp != was:
                left[place] = replace(stamp, digest=places.digest_at(place))
    return left


@contextlib.contextmanager
def _copies_of(job: Job) -> Iterator[Path]:
    """Give a folder for copies of remote files; one that a killed process has left is cleared away by a later one."""
    if any(map(places.is_remote, (*job.inputs, *job.products))):
        with private_folder(Path(tempfile.gettempdir())) as folder:
            yield folder
    else:
        yield Path()


def _done(
    job: Job,
    folder: Path,
    local: dict[str, Path],
    progress: Callable[[float], object] | None,
    thumbnails: bool,
    digests: bool,
    gate: memory.Gate,
) -> Outcome:
    inputs: dict[str, Stamp] = {}
    for number, place in enumerate(job.inputs):
        local[place], stamp = places.fetched(place, _subfolder(folder, number, place))
        if stamp:
            inputs[place] = stamp
    _check_mask(job, local)
    act = ACTS[job.act]
    looks = job.act == "detect" or job.options.get("detect") is not None
    overwrite = bool(job.options.get("overwrite"))
    with ExitStack() as files:
        targets = {
            place: files.enter_context(places.to_be(place, _subfolder(folder, -number - 1, place), overwrite=overwrite))
            for number, place in enumerate(job.products)
        }
        local |= {place: path for place, path in targets.items() if place not in local}
        arguments: dict[str, Any] = {name: _read_here(named, local) for name, named in job.reads.items()}
        arguments |= job.options
        for name, place in job.writes.items():
            argument, _, member = name.partition(":")
            if member:
                arguments[argument] = {**_mapping(arguments.get(argument)), member: targets[place]}
            else:
                arguments[argument] = targets[place]
        replaced = set(job.inputs) & set(job.products)
        if digests:  # of what is replaced, while it is there
            inputs |= {place: places.digested(inputs[place], local[place]) for place in replaced & inputs.keys()}
        before = thumbnail(local[job.picture]) if thumbnails else b""
        needed = memory.foretold(local[job.picture], job.options.get("page"), looks=looks)
        with gate.entered(needed) as threads:
            if act.takes_threads:
                arguments |= {"workers": threads, "progress": progress}
            record = act.load()(local[job.picture], targets[job.output], **arguments)
            shown = targets.get(job.writes.get("preview", ""), targets[job.output])
            after = thumbnail(shown) if thumbnails else b""
        if digests:
            kept = {place: stamp for place, stamp in inputs.items() if place not in replaced}
            inputs |= {place: places.digested(stamp, local[place]) for place, stamp in kept.items()}
            _check_same(kept)
        written = {place: path for place, path in targets.items() if path.exists()} if digests else {}
        made = {place: places.digested(Stamp(0, 0), path) for place, path in written.items()}
    products = {}
    for place, known in made.items():
        if there := places.stamp(place):
            products[place] = replace(there, digest=known.digest)
    record = replace(record, source=_shown(job.picture), target=_shown(job.output))
    facts = {name: value for name in _FACTS if (value := getattr(record, name, None)) is not None}
    facts["notes"] = [str(note) for note in record.notes]
    return Outcome(job, "done", record, facts=facts, inputs=inputs, products=products, before=before, after=after)


def _mapping(value: object) -> dict[str, Path]:
    return value if isinstance(value, dict) else {}


def _subfolder(folder: Path, number: int, place: str) -> Path:
    """Return a folder for a copy of a remote file: names of several may be alike."""
    if not places.is_remote(place):
        return folder
    here = folder / str(number)
    here.mkdir()
    return here


def _read_here(named: str, local: dict[str, Path]) -> str | Path:
    """Return a file that is named, where it can be read."""
    file = named_file(named)
    return local[file] if file == named else named.removesuffix(file) + str(local[file])


def _shown(place: str) -> Path:
    """Return a place as a record has it; a URL stays a text, since a path would lose one of its slashes."""
    return cast(Path, place) if places.is_remote(place) else Path(place)


def _check_mask(job: Job, local: dict[str, Path]) -> None:
    """Raise MaskError where a mask isn't the one that was decided about."""
    if not job.proposed or "mask" not in job.reads:
        return
    is_as_proposed = digest_of_file(local[named_file(job.reads["mask"])]) == job.proposed
    if job.decision == "accept" and not is_as_proposed:
        raise MaskError(
            f"{job.reviewer} accepted the mask that was proposed, and {job.reads['mask']} has been changed since: look "
            "at it, and say edited in its place."
        )
    if job.decision == "edited" and is_as_proposed:
        raise MaskError(
            f"{job.reviewer} edited the mask, but {job.reads['mask']} is still the one that was proposed: save it "
            "there, or say accept."
        )


def _check_same(inputs: dict[str, Stamp]) -> None:
    """Raise ReadError where a file was changed while it was being read."""
    for place, was in inputs.items():
        now = places.stamp(place)
        if now is None or not now.is_same(was):
            raise ReadError(f"{place} was changed while it was worked on: run it again.")


def thumbnail(path: Path) -> bytes:
    """Return a small JPEG of a picture file as people see it; nothing of one that can't be shown."""
    try:
        image = pyvips.Image.thumbnail(str(path), _SIDE, size="down")
        if image.hasalpha():
            image = image.flatten(background=255)
        data: bytes = in_srgb(image).jpegsave_buffer(Q=_QUALITY, keep="none")
    except (pyvips.Error, RestauroError):  # floats without a white, say
        return b""
    return data
