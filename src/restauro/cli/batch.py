"""Files one after the other: one bad one doesn't stop the rest; what is said of each; the exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from restauro.cli import report
from restauro.cli.wording import printable, say, worded
from restauro.errors import RestauroError
from restauro.record import Record

Done = TypeVar("Done", bound=Record)


def run(
    jobs: Sequence[tuple[Path, Callable[[], Done]]],
    as_line: Callable[[Done], str],
    *,
    quiet: bool,
    as_json: bool,
    to_stderr: bool = False,
) -> int:
    """Do the jobs, each of a file; return the exit status: 0; 2 if the only one failed; 1 if some of several did.

    `as_line` says what was done to a file; its notes follow, a line each. What went wrong goes to stderr, and with
    `to_stderr` all of it.
    """
    with report.announce_compiling(quiet=quiet):
        tell = partial(say, err=to_stderr)
        failed = sum(not _run(source, job, as_line, tell, quiet=quiet, as_json=as_json) for source, job in jobs)
    return 0 if not failed else 2 if len(jobs) == 1 else 1


def _run(
    source: Path,
    job: Callable[[], Done],
    as_line: Callable[[Done], str],
    tell: Callable[[str], None],
    *,
    quiet: bool,
    as_json: bool,
) -> bool:
    """Do one file's job and say so; return whether it went well."""
    try:
        done = job()
    except BrokenPipeError:  # nobody reads on
        raise
    except Exception as error:  # whatever it is, the other files are done
        say_error(source, error, tell, as_json=as_json)
        return False
    say_done(done, as_line, tell, quiet=quiet, as_json=as_json)
    return True


def say_error(source: Path, error: Exception, tell: Callable[[str], None], *, as_json: bool) -> None:
    """Say what went wrong with a file."""
    if isinstance(error, RestauroError):
        say(printable(worded(error.of(str(source)))), err=True)
    else:
        say(printable(f"{source}: {worded(error)}"), err=True)
    if as_json:
        tell(report.error_as_json(source, error))


def say_done(
    done: Done, as_line: Callable[[Done], str], tell: Callable[[str], None], *, quiet: bool, as_json: bool
) -> None:
    """Say what was done to a file."""
    if as_json:
        tell(done.as_json())
    elif not quiet:
        for line in (as_line(done), *(f"  {printable(str(note))}" for note in done.notes)):
            tell(line)
