"""One entry for all that is done with a clone of restauro: python3 dev.py demo, test, check ... (--help lists them).

Needs Python 3.11 or newer and nothing else: everything is installed into a virtual environment, .venv.
"""

import argparse
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit(f"restauro needs Python 3.11 or newer, and this is {sys.version.split()[0]}: install a newer one.")

CLONE = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
DAMAGED = Path("examples", "canaletto-damaged.jpg")
MASK = Path("examples", "canaletto-mask.png")
RESTORED = Path("restored", "canaletto-restored.jpg")
LIBRARIES = CLONE / "src" / "restauro" / "numerics" / "compiled" / "libraries"
# Tests that are run by themselves, the longest first, beside the others.
APART = [
    ["tests/promises", "tests/methods"],
    ["tests/web"],
    ["tests/cli"],
    ["tests/archive", "tests/detection", "tests/evaluation"],
]
TORCH = "torch==2.13.0"  # before the extra: left to itself, pip may choose a build with gigabytes of CUDA
BUNDLER = "pyinstaller>=6.11"
COMPILED = """
import sys
from restauro.numerics.compiled import build, library
sys.exit(any(build.missing(level, parts=build.{parts}) for level in library.levels()[:1]))
"""
QUIET_PIP = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}


class StepError(Exception):
    """Something ended with an error; the message says what."""


class Environment:
    """A virtual environment and what is installed in it, by its own pip or by another environment's."""

    def __init__(self, folder: Path, installer: "Environment | None" = None) -> None:
        self.folder = folder
        self.installer = installer

    def program(self, name: str) -> Path:
        """Return the path of a program that is installed here."""
        return self.folder / ("Scripts" if WINDOWS else "bin") / (f"{name}.exe" if WINDOWS else name)

    def run(self, *command: str | Path, folder: Path = CLONE, **variables: str) -> None:
        """Run one of the environment's programs in a folder; StepError unless it ends well."""
        arguments = [str(part) for part in command]
        print("$", shlex.join(arguments), flush=True)
        arguments[0] = str(self.program(arguments[0]))
        status = subprocess.run(arguments, cwd=folder, env={**os.environ, **QUIET_PIP, **variables}).returncode
        if status:
            raise StepError(f"{command[0]} ended with status {status}.")

    def make(self) -> None:
        """Make the environment unless it is there."""
        if (self.installer or self.program("pip").exists()) and self.program("python").exists():
            return
        if self.installer is None and importlib.util.find_spec("ensurepip") is None:
            raise StepError(
                f"{sys.executable} has no ensurepip, so it can't make a virtual environment: install it (Debian and "
                "Ubuntu: sudo apt install python3-venv) and call this again."
            )
        print(f"Making a virtual environment in {self.folder}", flush=True)
        venv.create(self.folder, with_pip=self.installer is None, symlinks=not WINDOWS)

    def install(self, *what: str | Path) -> None:
        """Have pip install something."""
        print(f"Installing {' '.join(map(str, what))} into {self.folder} (a minute or two)", flush=True)
        pip: list[str | Path] = [(self.installer or self).program("python"), "-m", "pip"]
        pip += ["--python", self.program("python")] if self.installer else []
        command = [*pip, "install", "--quiet", "--no-compile", *what]  # Python compiles what it imports: a part of it
        if subprocess.run(command, cwd=CLONE, env={**os.environ, **QUIET_PIP}).returncode:
            raise StepError("pip could not install it; what it wrote is above. It needs the network.")

    def install_clone(self, extras: str = "", first: str = "") -> None:
        """Install the clone, so that changes of its code take effect.

        Not again until pyproject.toml changes, or a copy was installed in its place, as `pip install .` does.
        """
        self.make()
        stamp = self.folder / f"restauro-installed{extras}.txt"
        wanted = hashlib.sha256(f"{CLONE}\n".encode() + (CLONE / "pyproject.toml").read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text(encoding="ascii") == wanted and self.imports_clone():
            return
        if first:
            self.install(first)
        self.install("--editable", f"{CLONE}{extras}")
        stamp.write_text(wanted, encoding="ascii")

    def has(self, module: str) -> bool:
        """Whether a module is installed here."""
        code = f"from importlib.util import find_spec; import sys; sys.exit(find_spec({module!r}) is None)"
        return self.ends_well(code)

    def ends_well(self, code: str) -> bool:
        """Run some Python here, without a word of it, and return whether its exit status is 0."""
        command = [str(self.program("python")), "-c", code]
        return subprocess.run(command, cwd=CLONE, capture_output=True, check=False).returncode == 0

    def imports_clone(self) -> bool:
        """Whether it is the clone's own code that `import restauro` finds here."""
        code = (
            "from importlib.util import find_spec; found = find_spec('restauro'); print(found.origin if found else '')"
        )
        command = [str(self.program("python")), "-I", "-c", code]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        return bool(found) and Path(found).resolve() == CLONE / "src" / "restauro" / "__init__.py"


def extras(environment: Environment, names: list[str]) -> None:
    """Install what further parts need, such as eval and train, beside the clone's own code."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))
    known = project["project"]["optional-dependencies"]
    if not names or not set(names) <= set(known):
        raise StepError(f"Say which extras: python3 dev.py extras NAME ..., of {', '.join(known)}.")
    environment.install_clone(f"[{','.join(dict.fromkeys(names))}]", first=TORCH if "train" in names else "")


def compile_kernels(environment: Environment, *, first: bool = False) -> None:
    """Compile the kernels for this computer's processor, or those of the default method first, unless they are."""
    if environment.ends_well(COMPILED.format(parts="FIRST" if first else "PARTS")):
        print("The kernels are compiled.", flush=True)
        return
    builder = environment
    if not environment.has("numba"):
        folder = environment.folder.with_name(f"{environment.folder.name}-kernels")  # where `library` looks for it too
        builder = Environment(folder, installer=environment)
        builder.make()
        project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["restauro"]
        has_linker = sys.platform == "linux" and shutil.which("cc")
        builder.install(*project["compilers"], *([] if has_linker else [project["linker"]]))
    what, long = ("the default method's kernels", "half a minute") if first else ("the kernels", "a minute")
    print(
        f"Compiling {what} for this processor, once: {long}, or three times that where it is slow or busy", flush=True
    )
    start = time.monotonic()
    parts = "first" if first else "all"
    builder.run("python", "-m", "restauro.numerics.compiled.build", parts, PYTHONPATH=str(CLONE / "src"))
    print(f"Compiled in {time.monotonic() - start:.0f} s", flush=True)


def kernels(environment: Environment, _: list[str]) -> None:
    """Compile the kernels for this computer's processor, unless they are."""
    environment.install_clone()
    compile_kernels(environment)


def demo(environment: Environment, _: list[str]) -> None:
    """Install restauro, compile the default method's kernels and restore a painting of examples/."""
    environment.install_clone()
    compile_kernels(environment, first=True)
    environment.run("restauro", "restore", DAMAGED, "--mask", MASK, "-o", RESTORED, "--overwrite")
    print(f"\nThe damaged painting:  {CLONE / DAMAGED}\nThe restored painting: {CLONE / RESTORED}")
    if not environment.ends_well(COMPILED.format(parts="PARTS")):
        print("The other methods' kernels are compiled when they are first needed, or now by python3 dev.py kernels.")


def test(environment: Environment, arguments: list[str]) -> None:
    """Install all that tests need and run them; further arguments go to pytest."""
    environment.install_clone("[dev,eval,cluster]")
    if arguments:
        environment.run("pytest", *arguments)
        return
    kernels(environment, [])
    pytest = partial(environment.run, "pytest", "-q")
    but_slow = ["-m", "not slow"]
    chosen = but_slow if os.environ.get("CI") else []
    others = [f"--ignore={folder}" for folders in APART for folder in folders]
    numerics = ["tests/numerics", *but_slow]
    with ThreadPoolExecutor(2) as side_by_side:
        runs = [side_by_side.submit(pytest, *others, *chosen)]
        runs += [side_by_side.submit(pytest, *folders, *chosen) for folders in APART]
        for mode in ("jit", "python"):
            runs.append(side_by_side.submit(pytest, *numerics, RESTAURO_KERNELS=mode))
    for done in runs:
        done.result()


def test_training(environment: Environment, arguments: list[str]) -> None:
    """Install PyTorch too and run the tests of training; further arguments go to pytest."""
    environment.install_clone("[dev,eval,train]", first=TORCH)
    if arguments:
        environment.run("pytest", *arguments)
        return
    files = sorted(map(str, (CLONE / "tests" / "training").glob("test_*.py")))
    halves = [[*files[::2], "src/restauro/training"], [*files[1::2], "tests/cli/test_train.py"]]
    chosen = ["-m", "not slow"] if os.environ.get("CI") else []
    with ThreadPoolExecutor(2) as side_by_side:
        runs = [side_by_side.submit(environment.run, "pytest", "-q", *half, *chosen) for half in halves]
    for done in runs:
        done.result()


def format_code(environment: Environment, _: list[str]) -> None:
    """Put the code into its standard form."""
    environment.install_clone("[dev,eval]")
    environment.run("ruff", "check", "--fix")
    environment.run("ruff", "format")


def lint(environment: Environment, _: list[str]) -> None:
    """Check the code's form, and who imports whom."""
    environment.install_clone("[dev,eval]")
    environment.run("ruff", "check")
    environment.run("ruff", "format", "--check")
    environment.run("lint-imports")


def types(environment: Environment, _: list[str]) -> None:
    """Check the types."""
    environment.install_clone("[dev,eval]")
    environment.run("mypy")


def bench(environment: Environment, arguments: list[str]) -> None:
    """Run a benchmark of benchmarks/ by name, with its arguments; without a name, list them."""
    scripts = {script.stem: script for script in sorted((CLONE / "benchmarks").glob("[!_]*.py"))}
    if not arguments or arguments[0] not in scripts:
        raise StepError(f"Say which benchmark: python3 dev.py bench NAME, of {', '.join(scripts)}.")
    environment.install_clone("[dev,eval]")
    environment.run("python", scripts[arguments[0]], *arguments[1:])


def docs(environment: Environment, _: list[str]) -> None:
    """Make the documentation's site in build/site, where a warning is an error."""
    environment.install_clone("[docs]")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "--doctree-dir", "build/doctrees"]
    environment.run("sphinx-build", *options, "--conf-dir", "docs/site", ".", "build/site")
    print(f"It begins at {CLONE / 'build' / 'site' / 'index.html'}")


def build_wheel(environment: Environment, folder: Path) -> Path:
    """Build the wheel in a folder and return it; its kernels are kept from one build to the next."""
    environment.make()
    environment.install("build>=1.2")
    kept = CLONE / "build" / "kernels"
    environment.run("python", "-m", "build", "--outdir", folder, RESTAURO_LIBRARIES=str(kept))
    take_kernels(kept)
    return newest_wheel(folder)


def take_kernels(folder: Path, libraries: Path = LIBRARIES) -> None:
    """Give the clone the kernels that a wheel was built with, unless it has them: they needn't be compiled again."""
    libraries.mkdir(exist_ok=True)
    for path in folder.glob("*"):
        if not (libraries / path.name).exists():
            shutil.copy(path, libraries)


def newest_wheel(folder: Path) -> Path:
    """Return the wheel in a folder that was built last."""
    wheels = sorted(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        raise StepError(f"There is no wheel in {folder}: python3 dev.py wheel FOLDER builds one.")
    return wheels[-1]


def wheel(environment: Environment, arguments: list[str]) -> None:
    """Build the wheel, install it into an empty environment, and try it away from the clone; FOLDER keeps it."""
    if len(arguments) > 1:
        raise StepError("Say where to keep the wheel, if at all: python3 dev.py wheel [FOLDER].")
    with tempfile.TemporaryDirectory(prefix="restauro-wheel-") as name:
        folder = Path(name)
        built = build_wheel(environment, (CLONE / arguments[0]) if arguments else folder / "dist")
        empty = Environment(folder / "environment")
        empty.make()
        empty.install(built)
        shutil.copy(CLONE / DAMAGED, folder)
        shutil.copy(CLONE / MASK, folder)
        if empty.has("numba"):
            raise StepError("A wheel should bring its kernels compiled, and this one brings Numba.")
        empty.run("restauro", "--version", folder=folder)
        empty.run("restauro", "restore", DAMAGED.name, "--mask", MASK.name, "-o", RESTORED.name, folder=folder)


def bundle(environment: Environment, arguments: list[str]) -> None:
    """Make build/bundle/restauro, a folder with a program that needs no Python, and try it; FOLDER has the wheel."""
    if len(arguments) > 1:
        raise StepError("Say in which folder a wheel is, if it needn't be built: python3 dev.py bundle [FOLDER].")
    environment.install_clone("[dev,eval]")
    made = CLONE / "build" / "bundle"
    with tempfile.TemporaryDirectory(prefix="restauro-bundle-") as name:
        folder = Path(name)
        built = newest_wheel(CLONE / arguments[0]) if arguments else build_wheel(environment, folder / "dist")
        maker = Environment(folder / "environment", installer=environment)
        maker.make()
        maker.install(f"{built}[web,layers]", BUNDLER)
        folders: list[str | Path] = ["--distpath", made, "--workpath", folder / "work"]
        maker.run("pyinstaller", "--noconfirm", "--log-level", "ERROR", *folders, "packaging/restauro.spec")
    program = made / "restauro" / ("restauro.exe" if WINDOWS else "restauro")
    environment.run("pytest", "-q", "tests/test_bundle.py", RESTAURO_BUNDLE=str(program))
    size = sum(path.stat().st_size for path in program.parent.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"The program is {program}: {size / 1e6:.0f} MB with all in its folder, which can be moved as a whole.")


def check(environment: Environment, _: list[str]) -> None:
    """Lint, types, docs, tests, wheel: what continuous integration calls."""
    for step in (lint, types, docs, test, wheel):
        step(environment, [])


COMMANDS: dict[str, Callable[[Environment, list[str]], None]] = {
    "demo": demo,
    "kernels": kernels,
    "extras": extras,
    "test": test,
    "test-training": test_training,
    "format": format_code,
    "lint": lint,
    "types": types,
    "bench": bench,
    "docs": docs,
    "wheel": wheel,
    "bundle": bundle,
    "check": check,
}


def main() -> int:
    """Run the command that is asked for; return the exit status."""
    listed = "\n".join(f"  {name:15}{(function.__doc__ or '').rstrip('.')}" for name, function in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="dev.py", epilog=f"commands:\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--venv", metavar="DIR", type=Path, default=CLONE / ".venv", help="the environment to use")
    parser.add_argument("command", metavar="COMMAND", choices=COMMANDS)
    parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER)
    wanted = parser.parse_args()
    try:
        COMMANDS[wanted.command](Environment(wanted.venv.absolute()), wanted.arguments)
    except StepError as failure:
        print(f"dev.py {wanted.command}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
