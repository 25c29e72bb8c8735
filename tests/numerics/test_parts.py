"""A library is built in parts: those of the default method first, the others at the latest when they are needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from restauro.numerics import kernel
from restauro.numerics.compiled import build, library

in_library = pytest.mark.skipif(kernel.MODE != "compiled", reason="kernels aren't in a library here")

DEFAULT = """
import sys, numpy as np, restauro
hole = np.zeros((60, 80), bool)
hole[20:40, 30:33] = hole[10:12] = True
for dtype in (np.uint8, np.uint16, np.float32, np.int16):
    restauro.inpaint(np.arange(hole.size).reshape(hole.shape).astype(dtype), hole)
from restauro.numerics.kernel import SIGNATURES
print(*{name.partition(".")[0] for name, signatures in SIGNATURES.items() if signatures})
"""


def run_python(code: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


@in_library
def test_the_default_method_needs_the_first_parts_alone() -> None:
    done = run_python(DEFAULT)
    first = set().union(*(build.PARTS[part] for part in build.FIRST))
    assert set(done.stdout.split()) == first, done.stderr


def test_parts_name_every_module_once() -> None:
    named = [module for modules in build.PARTS.values() for module in modules]
    assert len(named) == len(set(named))
    files = {path.stem for path in Path(kernel.__file__).parent.glob("*.py")}
    assert set(named) < files
    *_, rest = build.PARTS.values()
    assert rest == set()


def test_only_what_is_missing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    monkeypatch.setattr(build, "version", lambda package: "0.1")
    monkeypatch.setattr(build, "_start", lambda level, path, target, part: built.append((path, target)))
    there = tmp_path / build._name("x86-64-v2", "0.1", "edges")
    there.write_bytes(b"")
    assert build.missing("x86-64-v2", tmp_path) == ["solver", "fills", "others"]
    assert build.missing("x86-64-v2", tmp_path, build.FIRST) == ["solver"]
    paths = build.build("x86-64-v2", tmp_path, target="x86_64-linux-gnu.2.17", parts=build.FIRST)
    assert paths == [tmp_path / build._name("x86-64-v2", "0.1", part) for part in build.FIRST]
    assert built == [(paths[0], "x86_64-linux-gnu.2.17")]
    monkeypatch.setattr(build, "version", lambda package: "0.2")  # another Numba's are no substitute for a wheel
    assert len(build.build("x86-64-v2", tmp_path, parts=build.FIRST)) == len(built) - 1 == 2


SOME_PARTS = """
import importlib.util, sys, time
from pathlib import Path
from restauro.numerics.compiled import library
folder = Path(sys.argv[1])
there = library.find
library.find = lambda own=folder: there(own)
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "numba" else found(name)
sys.prefix = str(folder / "venv")
"""

IN_PYTHON = (
    SOME_PARTS
    + """
import numpy as np, restauro
hole = np.zeros((60, 80), bool)
hole[20:40, 30:33] = True
image = np.arange(hole.size).reshape(hole.shape).astype(np.uint8)
restauro.inpaint(image, hole)
print("the default method", flush=True)
for method in ("telea", "harmonic", "telea"):
    restauro.inpaint(image, hole, method)
"""
)

ON_THE_COMMAND_LINE = (
    SOME_PARTS
    + """
import pyvips
from restauro.cli import main
panel, mask = folder / "panel.png", folder / "mask.png"
pyvips.Image.black(80, 60).linear(1, 90).cast("uchar").pngsave(str(panel))
pyvips.Image.black(80, 60).draw_rect(255, 20, 20, 5, 20, fill=True).pngsave(str(mask))
start = time.perf_counter()
command = ["restore", str(panel), "--mask", str(mask), "--method", "telea", "-o", str(folder / "out.png"), "--json"]
print(main(command), time.perf_counter() - start)
"""
)

COMPILER = """#!{python}
import shutil, sys, time
from pathlib import Path
time.sleep(2)
assert sys.argv[1:5] == ["-m", "restauro.numerics.compiled.build", "all", {level!r}]
for path in Path({libraries!r}).iterdir():
    if not Path(sys.argv[5], path.name).exists():  # those that are loaded stay as they are
        shutil.copy(path, sys.argv[5])
"""
NOTE = "Compiling the kernels that were left for when they are needed, once: half a minute, or three times that.\n"


def first_parts(folder: Path) -> None:
    """Copy the first parts of the library into a folder."""
    assert kernel.LIBRARY is not None
    for part in build.FIRST:
        (file,) = library.LIBRARIES.glob(f"{kernel.LIBRARY.level}-{library.digest()}-*-{part}{library.SUFFIX}")
        shutil.copy(file, folder)


def stand_in(folder: Path) -> None:
    """Make a program that takes the place of the environment that has compiled them: it copies the others."""
    assert kernel.LIBRARY is not None
    program = folder / "venv-kernels" / "bin" / "python"
    program.parent.mkdir(parents=True)
    settings = {"python": sys.executable, "level": kernel.LIBRARY.level, "libraries": str(library.LIBRARIES)}
    program.write_text(COMPILER.format(**settings), encoding="utf-8")
    program.chmod(0o700)


@in_library
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_a_part_is_built_when_it_is_needed_and_that_is_said_once(tmp_path: Path) -> None:
    first_parts(tmp_path)
    stand_in(tmp_path)
    done = run_python(IN_PYTHON, tmp_path)
    assert done.stdout == "the default method\n", done.stderr
    assert done.stderr == NOTE
    assert run_python(IN_PYTHON, tmp_path).stderr == ""


@in_library
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_the_command_line_says_so_and_counts_no_waiting(tmp_path: Path) -> None:
    first_parts(tmp_path)
    stand_in(tmp_path)
    done = run_python(ON_THE_COMMAND_LINE, tmp_path)
    assert done.stderr == NOTE
    line, last = done.stdout.splitlines()
    status, elapsed = last.split()
    assert status == "0"
    assert float(elapsed) - json.loads(line)["seconds"] >= 2


@in_library
def test_without_a_compiler_there_is_a_sentence(tmp_path: Path) -> None:
    first_parts(tmp_path)
    done = run_python(IN_PYTHON, tmp_path)
    assert done.stdout == "the default method\n"
    assert done.stderr.endswith(
        "KernelsError: Of the compiled kernels those that this needs are missing: in a clone, python3 dev.py kernels "
        "builds them.\n"
    )


@in_library
@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_a_compiler_that_fails_is_told_of(tmp_path: Path) -> None:
    first_parts(tmp_path)
    stand_in(tmp_path)
    (tmp_path / "venv-kernels" / "bin" / "python").write_text("#!/bin/sh\necho no room >&2\nexit 1\n", encoding="ascii")
    done = run_python(IN_PYTHON, tmp_path)
    assert done.stderr.endswith("KernelsError: Kernels could not be compiled: no room\n")


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "aarch64", ["armv8-a"]),
        ("darwin", "arm64", ["apple-m1"]),
        ("linux", "riscv64", []),
    ],
)
def test_kinds_of_processor(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, expected: list[str]) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(library.platform, "machine", lambda: machine)
    assert library.levels() == expected


def test_what_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: object())
    zig = [sys.executable, "-m", "ziglang", "cc"]
    for system, target, compiler, expected in (
        ("linux", "", "/usr/bin/cc", ["cc"]),
        ("linux", "", None, zig),
        ("linux", "x86_64-linux-gnu.2.17", "/usr/bin/cc", [*zig, "-target", "x86_64-linux-gnu.2.17"]),
        ("darwin", "", "/usr/bin/cc", [*zig, "-target", "aarch64-macos.11.0"]),
        ("win32", "", "cc.exe", [*zig, "-target", "x86_64-windows-gnu"]),
    ):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(build.shutil, "which", lambda name, compiler=compiler: compiler)
        assert build._linker(target) == expected
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pip install ziglang"):
        build._linker("")
