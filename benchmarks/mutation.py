"""Measures which share of single-line changes of the code the tests notice, and names those that they don't.

A process imports what is heavy once and forks for every change; there the changed module is imported in place of the
file's, and the tests that reach the changed statement run, quick ones first, until one fails. What was found is kept in
a folder, so that a run goes on where it was stopped. Needs Linux.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import math
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from _mutants import Mutant, mutants

CLONE = Path(__file__).resolve().parents[1]
SOURCE = CLONE / "src"
_HEAVY = ("numpy", "numba", "scipy.fft", "pytest", "hypothesis", "click", "PIL.Image", "tifffile", "pyvips", "jpeglib")
_LONGEST = 10.0  # processor seconds of a test that still takes part
_WATCHED = 20_000  # lines of a function that are watched one by one in a test
_STILL = 90.0  # seconds without any work after which a process is taken to wait for ever


@dataclass(frozen=True)
class Group:
    """Sources that are changed, the tests that are to notice, environment variables of both."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    only: str = ""  # which tests of those: what pytest takes after -k

    def files(self) -> list[Path]:
        """Return the source files."""
        return sorted({file for pattern in self.sources for file in (SOURCE / "restauro").glob(pattern)})

    def test_files(self) -> list[Path]:
        """Return the test files."""
        return sorted({file for pattern in self.tests for file in (CLONE / "tests").glob(pattern)})


GROUPS = {
    "inpainting": Group(
        ("inpainting.py", "windows.py", "filling.py"),
        (
            "test_inpainting.py",
            "test_windows.py",
            "test_filling.py",
            "test_stack.py",
            "test_unknown.py",
            "promises/test_*.py",
        ),
        # Of the promises, those of a method that may be cut and of one that may not stand for all.
        only="not memory and not (promises and (biharmonic or coherence or edge or navier or patchmatch or network))",
    ),
    "files": Group(
        ("picture.py", "files/*.py"),
        ("files/test_*.py", "test_picture*.py", "test_mask_files.py", "test_restoring.py", "test_cases.py"),
    ),
    "numerics": Group(("numerics/*.py",), ("numerics/test_*.py",), {"RESTAURO_KERNELS": "python"}),
}


@dataclass
class Test:
    """A test that passes: its processor seconds and the lines of the group's functions that it runs."""

    seconds: float
    lines: set[tuple[str, int]]


class Watch:
    """A pytest plugin: puts tests in order, leaves out others, says what it sees."""

    def __init__(self, seconds: dict[str, float] | None, tell: Callable[[str], object], files: set[str]) -> None:
        self.seconds, self.tell, self.files = seconds, tell, files
        self.lines: set[tuple[str, int]] = set()
        self.left: dict[CodeType, int] = {}  # how many lines of a function may still be watched in this test
        self.ran: dict[str, Test] = {}

    def pytest_collection(self, session: Any) -> None:
        """Have Hypothesis stop at the first failure, without making it smaller."""
        from hypothesis import Phase, settings

        settings.register_profile("mutation", derandomize=True, database=None, deadline=None, phases=[Phase.generate])
        settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the tests that are wanted, in their order."""
        if self.seconds is not None:
            ranks = {name: rank for rank, name in enumerate(self.seconds)}
            items[:] = sorted((item for item in items if item.nodeid in ranks), key=lambda item: ranks[item.nodeid])

    def pytest_runtest_protocol(self, item: Any) -> None:
        """Before a test: note its beginning, bound its time, watch what it runs."""
        self.began = time.process_time()
        if self.seconds is not None:
            signal.setitimer(signal.ITIMER_PROF, 5 + 10 * self.seconds[item.nodeid])
            return
        self.lines, self.left = set(), {}
        threading.settrace(self.trace)
        sys.settrace(self.trace)

    def trace(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        """Watch the group's functions; a long loop only for a while, after which it is taken to run all its lines."""
        code = frame.f_code
        if code.co_filename not in self.files or code.co_name == "<module>":
            return None
        self.lines.add((code.co_filename, code.co_firstlineno))
        return self._trace_line if self.left.setdefault(code, _WATCHED) else None

    def _trace_line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if event == "line":
            self.lines.add((code.co_filename, frame.f_lineno))
            self.left[code] = max(self.left.get(code, _WATCHED) - 1, 0)
        if not self.left.get(code, _WATCHED):
            self.lines.update((code.co_filename, line) for _, _, line in code.co_lines() if line)
            frame.f_trace, frame.f_trace_lines = None, False
            return None
        return self._trace_line

    def pytest_runtest_logreport(self, report: Any) -> None:
        """After a step of a test: tell a failure, after which nothing is left to do; keep what was seen."""
        if report.failed:
            self.tell(report.nodeid)
            if self.seconds is not None:
                os._exit(0)
        elif report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            self.ran[report.nodeid] = Test(time.process_time() - self.began, self.lines)

    def pytest_collectreport(self, report: Any) -> None:
        """Tell a module of tests that can't be imported."""
        if report.failed:
            self.tell(f"import of {report.nodeid}")


class _ChangedLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from a text in place of its file's."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> Any:
        return compile(self.text, self.path, "exec", dont_inherit=True)


class _ChangedFinder:
    def __init__(self, file: Path, text: str) -> None:
        self.name = ".".join(file.relative_to(SOURCE).with_suffix("").parts)
        self.loader = _ChangedLoader(self.name, str(file), text)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.util.spec_from_loader(name, self.loader) if name == self.name else None


def _run_tests(watch: Watch, files: list[str], folder: Path, only: str = "") -> None:
    import pytest

    options = ["-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    options += ["-m", "not slow", "-k", only, f"--basetemp={folder / 'pytest'}", "--tb=native"]
    options += ["-x"] if watch.seconds is not None else []
    pytest.main([*options, *files], plugins=[watch])


@contextlib.contextmanager
def _forked(work: Callable[[Callable[[str], object], Path], None]) -> Iterator[tuple[str, str]]:
    """Do work in a process of its own; yield what it told and how it ended: "", or "time" or "crash"."""
    with tempfile.TemporaryDirectory(prefix="restauro-mutation-") as name:
        told = Path(name, "told")
        told.touch()
        process = os.fork()
        if not process:
            try:
                os.setpgid(0, 0)  # no session: to a new one Linux gives a share of the processor of its own
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                said = os.open(Path(name, "said"), os.O_WRONLY | os.O_CREAT)
                os.dup2(said, 1)
                os.dup2(said, 2)
                resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
                resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                with told.open("a") as file:

                    def tell(text: str) -> None:
                        file.write(text)
                        file.flush()

                    work(tell, Path(name))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        ended = _wait(process)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # what the tests may have started
        yield told.read_text(), ended


def _wait(process: int) -> str:
    """Wait for a child; end it where it does nothing for long."""
    worked, since = "", time.monotonic()
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            return "" if not status else "time" if killed in {signal.SIGPROF, signal.SIGKILL} else "crash"
        now = " ".join(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15])
        if now != worked:
            worked, since = now, time.monotonic()
        elif time.monotonic() - since > _STILL:
            os.killpg(process, signal.SIGKILL)
        time.sleep(0.05)


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def reach_of_tests(group: Group, folder: Path) -> dict[str, Test]:
    """Return the tests that pass and what they run; kept in the folder until the code or the tests change."""
    kept = folder / f"lines-{_digest([*group.files(), *group.test_files()])}.json"
    if not kept.exists():

        def work(tell: Callable[[str], object], scratch: Path) -> None:
            watch = Watch(None, lambda text: None, {str(file) for file in group.files()})
            _run_tests(watch, [str(file) for file in group.test_files()], scratch, group.only)
            reached = {
                name: (test.seconds, sorted((str(Path(file).relative_to(CLONE)), line) for file, line in test.lines))
                for name, test in watch.ran.items()
            }
            tell(json.dumps(reached))

        with _forked(work) as (told, ended):
            if ended:
                sys.exit(f"The tests don't run without any change ({ended}): {told}")
            kept.write_text(told)
    read = json.loads(kept.read_text())
    return {name: Test(seconds, {(file, line) for file, line in lines}) for name, (seconds, lines) in read.items()}


def chosen_tests(tests: dict[str, Test], file: Path, mutant: Mutant) -> dict[str, float]:
    """Return the tests that run the changed statement (outside functions: anything of the file), and their seconds.

    Quick ones come first, and among those tests of different functions take turns.
    """
    found: dict[str, float] = {}
    for name, test in tests.items():
        lines = {line for reached, line in test.lines if reached == str(file.relative_to(CLONE))}
        if test.seconds <= _LONGEST and (not lines.isdisjoint(mutant.statement) if mutant.statement else lines):
            found[name] = test.seconds
    turns: dict[str, int] = {}
    keys = {}
    for name in sorted(found, key=lambda name: found[name]):
        function = name.partition("[")[0]
        turns[function] = turns.get(function, -1) + 1
        keys[name] = (turns[function], found[name])
    return {name: found[name] for name in sorted(found, key=lambda name: keys[name])}


def try_mutant(file: Path, mutant: Mutant, tests: dict[str, float]) -> str:
    """Run tests against a change; return what noticed it, "" if nothing did."""

    def work(tell: Callable[[str], object], scratch: Path) -> None:
        sys.meta_path.insert(0, _ChangedFinder(file, mutant.apply(file.read_text())))  # type: ignore[arg-type]
        files = list(dict.fromkeys(name.partition("::")[0] for name in tests))
        _run_tests(Watch(tests, tell, set()), [str(CLONE / name) for name in files], scratch)

    with _forked(work) as (told, ended):
        return told or ended


def wilson(killed: int, tried: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, after Wilson (1927).

    >>> [round(bound, 3) for bound in wilson(180, 200)]
    [0.851, 0.934]
    """
    z = 1.959964
    middle, width = killed + z * z / 2, z * math.sqrt(killed * (tried - killed) / tried + z * z / 4)
    return (middle - width) / (tried + z * z), (middle + width) / (tried + z * z)


def measure(name: str, number: int, seed: int, folder: Path) -> list[dict[str, Any]]:
    """Try changes of a group; return what became of each."""
    group = GROUPS[name]
    folder.mkdir(parents=True, exist_ok=True)
    tests = reach_of_tests(group, folder)
    here = _digest(group.test_files())
    every = [(file, mutant) for file in group.files() for mutant in mutants(file.read_text())]
    print(f"{len(every)} changes of {name}; {len(tests)} tests", flush=True)
    results = folder / "results.jsonl"
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in results.read_text().splitlines() if results.exists() else []:
        entry = json.loads(line)
        if entry["noticed"] or entry["tests"] == here:
            known[entry["file"], entry["line"], entry["before"], entry["after"]] = entry
    found = []
    for file, mutant in random.Random(seed).sample(every, min(number, len(every))):
        path = str(file.relative_to(CLONE))
        entry = known.get((path, mutant.line, mutant.before, mutant.after))
        if not entry:
            chosen = chosen_tests(tests, file, mutant)
            noticed = try_mutant(file, mutant, chosen) if chosen else ""
            entry = {"file": path, **asdict(mutant), "noticed": noticed, "among": len(chosen), "tests": here}
            with results.open("a") as log:
                log.write(json.dumps(entry) + "\n")
            print("." if noticed else "!", end="", flush=True)
        found.append(entry)
    return found


def report(found: list[dict[str, Any]]) -> str:
    """Say which share was noticed, and every change that wasn't."""
    killed = sum(bool(entry["noticed"]) for entry in found)
    low, high = wilson(killed, len(found))
    lines = [f"{killed} of {len(found)} noticed: {killed / len(found):.1%} (95 % interval {low:.1%} to {high:.1%})"]
    for entry in sorted(found, key=lambda entry: (entry["file"], entry["line"])):
        if not entry["noticed"]:
            lines += [f"{entry['file']}:{entry['line']} (by none of {entry['among']} tests)"]
            lines += [f"  - {entry['before'].strip()}", f"  + {entry['after'].strip()}"]
    return "\n".join(lines)


def main() -> None:
    """Run a group, and print the report."""
    import argparse

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("group", choices=GROUPS)
    options.add_argument("--number", type=int, default=200, help="changes to try")
    options.add_argument("--seed", type=int, default=1, help="which changes")
    options.add_argument("--folder", type=Path, default=Path("build", "mutation"), help="where results are kept")
    options.add_argument("--nice", type=int, default=19, help="how far other programs go before")
    asked = options.parse_args()
    if sys.platform != "linux":
        sys.exit("It needs Linux, which says what a process is doing.")
    os.nice(asked.nice)
    os.chdir(CLONE)
    variables = {"CI": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    os.environ.update(variables | GROUPS[asked.group].variables)
    sys.path[:0] = [str(SOURCE), str(CLONE)]
    for module in _HEAVY:
        importlib.import_module(module)
    print("\n" + report(measure(asked.group, asked.number, asked.seed, asked.folder / asked.group)))


if __name__ == "__main__":
    main()
