"""How wheels come to have the kernels: what compiles them is pinned, and the loader finds what is put there."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from restauro.numerics.compiled import library

CLONE = Path(__file__).resolve().parents[1]


def test_what_compiles_kernels_is_pinned() -> None:
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["restauro"]
    pinned = {line.partition("==")[0] for line in (*project["compilers"], project["linker"]) if "==" in line}
    assert pinned == {"numba", "llvmlite", "ziglang"}


def test_wheels_have_the_kinds_of_processor_that_the_loader_looks_for() -> None:
    hook = ast.parse((CLONE / "packaging" / "hook.py").read_text(encoding="utf-8"))
    assigned = {
        target.id: node.value
        for node in hook.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    built = ast.literal_eval(assigned["LEVELS"])
    looked_for = re.findall(r'"(x86-64-v\d)"', Path(library.__file__).read_text(encoding="utf-8"))
    assert sorted(built) == sorted(looked_for)
    assert list(built) == sorted(built)
