"""How wheels come to have the kernels: what compiles them is pinned, and the loader finds what is put there."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from restauro.numerics.compiled import build, library

CLONE = Path(__file__).resolve().parents[1]


def test_what_compiles_kernels_is_pinned() -> None:
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["restauro"]
    pinned = {line.partition("==")[0] for line in (*project["compilers"], project["linker"]) if "==" in line}
    assert pinned == {"numba", "llvmlite", "ziglang"}


def platforms() -> dict[tuple[str, str], tuple[tuple[str, ...], str, str]]:
    """Return the table of the hook, which only hatchling can import."""
    hook = ast.parse((CLONE / "packaging" / "hook.py").read_text(encoding="utf-8"))
    (table,) = [node.value for node in hook.body if isinstance(node, ast.Assign)]
    found: dict[tuple[str, str], tuple[tuple[str, ...], str, str]] = ast.literal_eval(table)
    return found


def test_every_platform_has_a_machine_that_builds_and_tries_its_wheel() -> None:
    machines = {
        "ubuntu-latest": ("Linux", "x86_64"), "ubuntu-24.04-arm": ("Linux", "aarch64"),
        "macos-latest": ("Darwin", "arm64"), "windows-latest": ("Windows", "AMD64"),
    }  # fmt: skip
    workflow = (CLONE / ".github" / "workflows" / "wheels.yml").read_text(encoding="utf-8")
    listed = re.findall(r"os: \[(.*)\]", workflow)
    assert len(listed) == 2
    for names in listed:
        assert {machines[name] for name in names.split(", ")} == set(platforms())


@pytest.mark.parametrize("here", platforms(), ids="-".join)
def test_wheels_have_the_kinds_of_processor_that_the_loader_looks_for(
    monkeypatch: pytest.MonkeyPatch, here: tuple[str, str]
) -> None:
    system, machine = here
    levels, target, tag = platforms()[here]
    monkeypatch.setattr(sys, "platform", {"Windows": "win32"}.get(system, system.lower()))
    monkeypatch.setattr(library.platform, "machine", lambda: machine)
    has = dict.fromkeys(("AVX2", "FMA3", "F16C", "SSE42", "POPCNT"), True)
    monkeypatch.setattr(library, "import_module", lambda name: SimpleNamespace(__cpu_features__=has))
    assert sorted(levels) == sorted(library.levels())
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: object())
    assert build._linker(target)[-1] == target
    assert tag.endswith(machine.lower())


def test_wheels_say_which_systems_they_are_for() -> None:
    tags = {tag: target for _, target, tag in platforms().values()}
    assert tags["manylinux_2_17_x86_64"].endswith(".2.17")
    assert tags["manylinux_2_17_aarch64"].endswith(".2.17")
    assert tags["macosx_11_0_arm64"].endswith("macos.11.0")
