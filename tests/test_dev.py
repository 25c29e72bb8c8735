"""dev.py: what it says where it can't work."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

DEV = Path(__file__).resolve().parents[1] / "dev.py"


@pytest.fixture
def dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev", DEV)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_dev(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, DEV, *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_command(dev: ModuleType) -> None:
    result = run_dev("--help")
    assert result.returncode == 0
    assert [name for name in dev.COMMANDS if f"  {name} " not in result.stdout] == []


def test_an_unknown_command_is_wrong_usage() -> None:
    result = run_dev("tests")
    assert result.returncode == 2
    assert "invalid choice: 'tests'" in result.stderr


def test_a_benchmark_needs_a_name() -> None:
    result = run_dev("bench", "no such benchmark")
    assert result.returncode == 1
    assert result.stderr.startswith("dev.py bench: Say which benchmark: ")


def test_without_ensurepip_it_says_what_to_install(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(dev.StepError, match="sudo apt install python3-venv"):
        dev.Environment(tmp_path / "venv").make()
    assert not (tmp_path / "venv").exists()


def test_nothing_is_installed_twice_until_the_project_file_changes(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []
    project = tmp_path / "pyproject.toml"
    project.write_text("one", encoding="ascii")
    monkeypatch.setattr(dev, "CLONE", tmp_path)
    monkeypatch.setattr(dev.Environment, "make", lambda environment: None)
    monkeypatch.setattr(dev.Environment, "install", lambda environment, *what: installed.append(what[-1]))
    monkeypatch.setattr(dev.Environment, "imports_clone", lambda environment: True)
    environment = dev.Environment(tmp_path)
    for text in ("one", "one", "two"):
        project.write_text(text, encoding="ascii")
        environment.install_clone("[dev]")
    assert installed == [f"{tmp_path}[dev]"] * 2
    environment.install_clone()
    assert installed[2:] == [f"{tmp_path}"]
    monkeypatch.setattr(dev.Environment, "imports_clone", lambda environment: False)
    environment.install_clone()
    assert installed[3:] == [f"{tmp_path}"]


def made_by(folder: Path, origin: Path) -> Path:
    """Write a program that stands for an environment's Python, in which restauro lies somewhere."""
    program = folder / "python"
    program.write_text(f"#!{sys.executable}\nprint({str(origin)!r})\n", encoding="utf-8")
    program.chmod(0o700)
    return program


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_a_copy_in_place_of_the_clone_is_noticed(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = dev.Environment(tmp_path)
    for origin, is_clone in (
        (dev.CLONE / "src" / "restauro" / "__init__.py", True),
        (tmp_path / "site-packages" / "restauro" / "__init__.py", False),
        ("", False),
    ):
        program = made_by(tmp_path, origin)
        monkeypatch.setattr(dev.Environment, "program", lambda environment, name, program=program: program)
        assert environment.imports_clone() == is_clone


def test_this_environment_imports_the_clone(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec("restauro")
    assert spec is not None
    assert spec.origin is not None
    clone = Path(spec.origin).resolve().parents[2]
    monkeypatch.setattr(dev, "CLONE", clone)
    monkeypatch.setattr(dev.Environment, "program", lambda environment, name: Path(sys.executable))
    assert dev.Environment(tmp_path).imports_clone()
    monkeypatch.setattr(dev, "CLONE", tmp_path)
    assert not dev.Environment(tmp_path).imports_clone()


def test_extras_are_installed_with_the_clone_and_not_in_its_place(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[tuple[object, ...]] = []
    monkeypatch.setattr(dev.Environment, "make", lambda environment: None)
    monkeypatch.setattr(dev.Environment, "install", lambda environment, *what: installed.append(what))
    environment = dev.Environment(tmp_path)
    dev.extras(environment, ["eval"])
    dev.extras(environment, ["eval", "train"])
    clone = ("--editable", f"{dev.CLONE}[eval]"), (dev.TORCH,), ("--editable", f"{dev.CLONE}[eval,train]")
    assert installed == [*clone]


@pytest.mark.parametrize("names", [[], ["evaluation"], ["eval", "evaluation"]])
def test_unknown_extras_are_refused(names: list[str]) -> None:
    result = run_dev("extras", *names)
    assert result.returncode == 1
    assert result.stderr.startswith("dev.py extras: Say which extras: python3 dev.py extras NAME ..., of ")
    assert "eval, layers, train" in result.stderr


def test_a_wheel_is_kept_in_one_folder_at_most() -> None:
    result = run_dev("wheel", "dist", "other")
    assert result.returncode == 1
    assert result.stderr == "dev.py wheel: Say where to keep the wheel, if at all: python3 dev.py wheel [FOLDER].\n"


def test_a_program_that_fails_stops_the_work(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev.Environment, "program", lambda environment, name: Path(sys.executable))
    environment = dev.Environment(tmp_path)
    environment.run("python", "-c", "import os; assert os.environ['WORD'] == 'given'", WORD="given")
    with pytest.raises(dev.StepError, match=r"^python ended with status 3\.$"):
        environment.run("python", "-c", "raise SystemExit(3)")


@pytest.mark.parametrize(("compiled", "numba"), [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("first", [False, True])
def test_kernels_are_compiled_unless_they_are(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, compiled: bool, numba: bool, first: bool
) -> None:
    installed: list[str] = []
    ran: list[tuple[object, ...]] = []
    asked: list[str] = []
    own = dev.Environment(tmp_path / "venv")
    monkeypatch.setattr(dev.Environment, "make", lambda environment: None)
    monkeypatch.setattr(dev.Environment, "ends_well", lambda environment, code: asked.append(code) or compiled)
    monkeypatch.setattr(dev.Environment, "has", lambda environment, module: numba)
    monkeypatch.setattr(dev.Environment, "install", lambda environment, *what: installed.extend(what))
    monkeypatch.setattr(
        dev.Environment, "run", lambda environment, *what, **variables: ran.append((environment.folder, *what[2:]))
    )
    dev.compile_kernels(own, first=first)
    folder = tmp_path / ("venv" if numba else "venv-kernels")
    parts = "first" if first else "all"
    assert ran == ([] if compiled else [(folder, "restauro.numerics.compiled.build", parts)])
    assert any(what.startswith("numba==") for what in installed) == (not numba)
    assert ("build.FIRST" in asked[0]) == first


def test_kernels_of_a_wheel_are_the_clones_too_unless_it_has_them(dev: ModuleType, tmp_path: Path) -> None:
    kept, libraries = tmp_path / "kept", tmp_path / "libraries"
    dev.take_kernels(kept, libraries)  # on a platform that has none
    kept.mkdir()
    for name in ("fills.so", "edges.so"):
        (kept / name).write_bytes(b"a wheel's")
    (libraries / "edges.so").write_bytes(b"the clone's")
    dev.take_kernels(kept, libraries)
    assert {path.name: path.read_bytes() for path in libraries.iterdir()} == {
        "fills.so": b"a wheel's",
        "edges.so": b"the clone's",
    }


def test_the_demo_compiles_what_it_needs_and_says_that_there_is_more(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(dev.Environment, "install_clone", lambda environment: None)
    monkeypatch.setattr(dev, "compile_kernels", lambda environment, *, first: ran.append(first))
    monkeypatch.setattr(dev.Environment, "run", lambda environment, *what, **variables: ran.append(what[1]))
    for all_compiled in (False, True):
        monkeypatch.setattr(dev.Environment, "ends_well", lambda environment, code, found=all_compiled: found)
        dev.demo(dev.Environment(tmp_path), [])
        said = capsys.readouterr().out
        assert said.endswith("python3 dev.py kernels.\n") != all_compiled
        assert str(dev.RESTORED) in said
    assert ran == [True, "restore"] * 2


@pytest.mark.parametrize("missing", [[], ["fills"]])
def test_whether_kernels_are_compiled_is_asked_of_the_builder(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    from restauro.numerics.compiled import build

    asked: list[object] = []
    monkeypatch.setattr(build, "missing", lambda level, *, parts: asked.append(parts) or missing)
    with pytest.raises(SystemExit) as end:
        exec(dev.COMPILED.format(parts="FIRST"), {})
    assert bool(end.value.code) == bool(missing)
    assert asked == [build.FIRST]


def test_an_environment_without_pip_is_filled_by_another(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[object]] = []
    done = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(dev.subprocess, "run", lambda command, **_: commands.append(command) or done)
    other = dev.Environment(tmp_path / "venv")
    made = dev.Environment(tmp_path / "venv-kernels", installer=other)
    made.make()
    made.install("numba")
    assert made.program("python").exists()
    assert not made.program("pip").exists()
    assert commands[-1][0] == other.program("python")
    assert commands[-1][3:5] == ["--python", made.program("python")]
    assert commands[-1][-1] == "numba"
