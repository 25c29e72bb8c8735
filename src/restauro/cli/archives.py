"""Many pictures: what `restore`, `detect` and `damage` share where there are several, a ledger or a report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from restauro.cli import batch, paths, report
from restauro.cli.wording import printable, say, worded
from restauro.errors import RestauroError

if TYPE_CHECKING:
    from restauro.archive.jobs import Job, Outcome
    from restauro.archive.plans import Row
    from restauro.archive.reporting import Report
    from restauro.archive.running import Crew
    from restauro.record import Record

Function = TypeVar("Function", bound=Callable[..., Any])

_WORDS = {
    "known": "done before, and nothing has changed",
    "rejected": "rejected",
    "undecided": "not decided yet: say accept, edited or reject",
}


@dataclass(frozen=True)
class Asked:
    """What is asked for beside what is done to each picture."""

    ledger: Path | None = None
    verify: bool = False
    report: Path | None = None
    cluster: str | None = None
    propose: str | None = None

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Asked:
        """Take the options that `OPTIONS` and `PROPOSE` have added out of all."""
        names = ("ledger", "verify", "report", "cluster", "propose")
        asked = cls(**{name: options.pop(name) for name in names if name in options})
        if asked.verify and not asked.ledger:
            raise click.UsageError("--verify compares files with what a ledger says of them: give --ledger FILE too.")
        if asked.ledger and options.get("dry_run"):
            raise click.UsageError("--dry-run does nothing that a ledger could note: leave --ledger out.")
        return asked

    @property
    def is_more(self) -> bool:
        """Whether anything is asked for."""
        return any((self.ledger, self.report, self.cluster, self.propose))


def options(function: Function) -> Function:
    """Add the options of archives to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS = (
    click.option(
        "--ledger",
        type=paths.NAME,
        metavar="FILE",
        help="Note there what is done (SQLite): a second run does what isn't done yet, or has changed since.",
    ),
    click.option("--verify", is_flag=True, help="With --ledger: read all files that were done, and compare digests."),
    click.option(
        "--report",
        type=paths.NAME,
        metavar="FILE.html",
        help="Write a page of before and after, what needs an eye first, and a table (.csv) beside it.",
    ),
    click.option(
        "--cluster",
        metavar="local|tcp://HOST:PORT",
        help="Work on a Dask cluster: processes here, or workers that see the same files. "
        "Needs: pip install 'restauro[cluster]'.",
    ),
)
PROPOSE = click.option(
    "--propose",
    metavar="FOLDER",
    help="Fill nothing: write masks, previews and plan.csv, in which a person decides; then restore plan.csv.",
)


def run(
    jobs: Sequence[Job],
    asked: Asked,
    as_line: Callable[[Any], str],
    *,
    quiet: bool,
    as_json: bool,
    workers: int | None = None,
) -> int:
    """Do jobs, and say what came of each; return the exit status as `batch.run` does."""
    from restauro.archive.ledger import Ledger
    from restauro.archive.reporting import Report
    from restauro.archive.running import run as run_jobs

    if asked.ledger or asked.cluster:  # other runs, and workers, may be in other folders
        jobs = [_absolute(job) for job in jobs]
    states: list[str] = []
    with report.announce_compiling(quiet=quiet), ExitStack() as opened:
        page = Report(asked.report) if asked.report else None
        ledger = opened.enter_context(Ledger(asked.ledger)) if asked.ledger else None
        crew = _crew(asked.cluster, len(jobs), workers, quiet=quiet)
        told = _Teller(as_line, page, states, quiet=quiet, as_json=as_json)
        label = report.count(len(jobs), "picture")
        try:
            with report.progress_bar(label, shown=not quiet) as progress:
                run_jobs(
                    jobs, crew, ledger=ledger, verify=asked.verify, thumbnails=page is not None,
                    digests=asked.propose is not None, told=told, progress=progress,
                )  # fmt: skip
        finally:
            if page:
                page.write()
    if not quiet and not as_json and (asked.is_more or "known" in states):
        _say_total(states, page)
    failed = states.count("failed")
    return 0 if not failed else 2 if len(jobs) == 1 else 1


def _crew(cluster: str | None, jobs: int, workers: int | None, *, quiet: bool) -> Crew:
    """Return who does the jobs."""
    from restauro.archive.cluster import Cluster
    from restauro.archive.running import Threads

    if cluster is None:
        return Threads(jobs, workers)
    if cluster != "local" and "://" not in cluster:
        raise click.UsageError(
            f"--cluster is local, or a scheduler's address such as tcp://10.0.0.5:8786, not {cluster}."
        )
    if cluster != "local" and workers is not None:
        raise click.UsageError("--workers is for work on this computer: those of a cluster are as they are.")
    return Cluster(cluster, workers, (lambda text: None) if quiet else partial(say, err=True))


class _Teller:
    """Says what came of jobs, one after the other."""

    def __init__(
        self, as_line: Callable[[Any], str], page: Report | None, states: list[str], *, quiet: bool, as_json: bool
    ) -> None:
        self.as_line, self.page, self.states, self.quiet, self.as_json = as_line, page, states, quiet, as_json

    def __call__(self, outcome: Outcome) -> None:
        """Say it."""
        self.states.append(outcome.state)
        if self.page:
            self.page.add(outcome)
        if outcome.error:
            batch.say_error(cast(Path, outcome.job.picture), outcome.error, say, as_json=self.as_json)
        elif outcome.record:
            batch.say_done(outcome.record, self.as_line, say, quiet=self.quiet, as_json=self.as_json)
        elif self.as_json:
            about = {"source": outcome.job.picture, "target": outcome.job.output, "state": outcome.state}
            say(json.dumps(about | ({"reviewer": outcome.job.reviewer} if outcome.job.reviewer else {})))
        elif not self.quiet and outcome.state != "known":
            by = f" by {outcome.job.reviewer}" if outcome.state == "rejected" else ""
            say(f"{printable(outcome.job.picture)}: {_WORDS[outcome.state]}{printable(by)}")


def say_skipped(source: Path | str, target: Path | str, *, as_json: bool) -> None:
    """Say that a picture is left out because its output is there."""
    if as_json:
        say(json.dumps({"source": str(source), "target": str(target), "skipped": True}))
    else:
        say(f"{printable(target)}: is there already, and {os.path.basename(source)} is skipped")


def _say_total(states: list[str], page: Report | None) -> None:
    counted = {state: states.count(state) for state in dict.fromkeys(states)}
    said = ", ".join(f"{number} {_WORDS.get(state, state).partition(':')[0]}" for state, number in counted.items())
    if counted.keys() == {"known"}:
        said = f"nothing is to be done: all were {_WORDS['known']}"
    say(f"{report.count(len(states), 'picture')}: {said}" + (f"; see {printable(page.page)}" if page else ""))


def _absolute(job: Job) -> Job:
    """Return a job with absolute paths."""
    from restauro.archive.jobs import named_file
    from restauro.archive.places import absolute

    def whole(place: str) -> str:
        file = named_file(place)
        return place.removesuffix(file) + absolute(file)

    reads, writes = ({name: whole(place) for name, place in some.items()} for some in (job.reads, job.writes))
    options = {
        name: os.path.abspath(value) if isinstance(value, Path) else value for name, value in job.options.items()
    }
    return replace(
        job, picture=whole(job.picture), output=whole(job.output), reads=reads, writes=writes, options=options
    )


def is_plan(inputs: Sequence[Path | str], *others: Path | str | None) -> bool:
    """Whether it is about more than files and folders: a manifest, URLs, a pattern that the shell has left."""
    from restauro.archive.places import is_remote

    if any(is_remote(str(place)) for place in (*inputs, *others) if place):
        return True
    return any(_is_manifest(place) or _is_pattern(place) for place in inputs)


def _is_manifest(place: Path | str) -> bool:
    return str(place).lower().endswith(".csv")


def _is_pattern(place: Path | str) -> bool:
    from restauro.archive.plans import is_pattern

    return is_pattern(str(place))


def rows_of(inputs: Sequence[Path | str], is_mask: Callable[[Path], bool] | None = None) -> list[Row]:
    """Return what is said of every picture: much by manifests, by others where it is."""
    from restauro.archive.plans import Row, pictures_in, read_manifest

    rows: list[Row] = []
    for place in inputs:
        if _is_manifest(place):
            rows += read_manifest(str(place))
        elif isinstance(place, str) or _is_pattern(place):
            found = pictures_in(str(place))
            if len(found) > 1 and is_mask:
                found = [picture for picture in found if not is_mask(Path(picture))]
            rows += [Row(0, picture) for picture in found]
        else:
            rows += [Row(0, str(path)) for path in paths.expand([place], is_mask or (lambda path: False))]
    return rows


def place_in(folder: str, picture: str, ending: str = "") -> str:
    """Return where in a folder goes what is made of a picture: a file of its name, or of another ending."""
    from restauro.archive.places import name_of, within

    name = name_of(picture)
    return within(folder, f"{os.path.splitext(name)[0]}{ending}" if ending else name)


@contextmanager
def refusing() -> Iterator[None]:
    """Have what is wrong with a plan refused as wrong usage."""
    try:
        yield
    except RestauroError as error:
        raise click.UsageError(worded(error)) from None


def as_record(done: Record) -> str:
    """Say in one line what was proposed for a picture."""
    from restauro.archive.proposing import Proposed

    assert isinstance(done, Proposed)
    share = report.percent(done.hole_pixels / (done.width * done.height))
    doubt = f"; {done.too_much}" if done.too_much else ""
    return (
        f"{printable(done.target)}: {report.count(done.regions, 'region')}, "
        f"{report.count(done.hole_pixels, 'pixel')} ({share}) proposed{printable(doubt)}"
    )
