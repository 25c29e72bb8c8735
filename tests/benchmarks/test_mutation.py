"""Single-line changes of source, and what they are counted for."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

import _mutants

SOURCE = Path(__file__).parents[2] / "src" / "restauro"


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("found = a < b", {"found = a <= b"}),
        ("found = (a + b) * 2", {"found = (a - b) * 2", "found = (a + b) / 2", "found = (a + b) * 3"}),
        ("found = a and not b", {"found = (a or not b)", "found = a and (b)"}),
        ("table[a] = True", {"table[a] = False", "pass"}),
        ("a -= 0.5", {"a += 0.5", "a -= 1.0", "pass"}),
        ("found = min(a, -b)", {"found = max(a, -b)", "found = min(a, (b))"}),
        ("raise ValueError(f'{a} of 2')", {"pass"}),
        ("x: Literal[1] = a", set()),
        ('"a text of 3 words"', set()),
        ("import a", set()),
        ("found = (a is None) == (not b)", {
            "found = (a is not None) == (not b)", "found = (a is None) != (not b)", "found = (a is None) == ((b))"}),
    ],
)  # fmt: skip
def test_changes_of_a_line(line: str, changes: set[str]) -> None:
    assert {mutant.after for mutant in _mutants.mutants(line)} == changes


def test_every_change_of_a_file_is_another_program_of_which_one_line_differs() -> None:
    source = (SOURCE / "windows.py").read_text(encoding="utf-8")
    lines, tree = source.splitlines(), ast.dump(ast.parse(source))
    found = _mutants.mutants(source)
    assert len(found) > 200
    for mutant in found:
        changed = mutant.apply(source)
        differing = [pair for pair in zip(lines, changed.splitlines(), strict=True) if pair[0] != pair[1]]
        assert differing == [(mutant.before, mutant.after)]
        assert ast.dump(ast.parse(changed)) != tree


SOURCE_OF_STATEMENTS = """\
a = 1
@kernel
def outer(a=2):
    def inner(b=3):
        return 4
    if (a and
            5 < a):
        return (6 +
            a)
    try:
        return inner(7)
    except errors[8]:
        while a: a -= 9
"""


def test_a_change_belongs_to_its_statement() -> None:
    found = {
        digit: mutant.statement
        for digit in "123456789"
        for mutant in _mutants.mutants(SOURCE_OF_STATEMENTS)
        if digit in mutant.before and digit not in mutant.after
    }
    assert found == {
        "1": (), "2": (2,), "3": (4,), "4": (5,), "5": (6, 7), "6": (8, 9), "7": (11,), "8": (12,), "9": (13,)
    }  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_which_lines_a_test_runs() -> None:
    import mutation

    names: dict[str, Any] = {}
    source = "def loop(n):\n    while n:\n        n -= 1\n    if n:\n        return 1\n    return 0\n"
    exec(compile(source, "loops.py", "exec"), names)
    for times, lines in [(0, {1, 2, 4, 6}), (5, {1, 2, 3, 4, 6}), (100_000, {1, 2, 3, 4, 5, 6})]:
        watch = mutation.Watch(None, print, {"loops.py"})
        before = sys.gettrace()
        sys.settrace(watch.trace)
        try:
            names["loop"](times)
        finally:
            sys.settrace(before)
        assert watch.lines == {("loops.py", line) for line in lines}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_the_interval_is_wilson_s() -> None:
    import mutation

    # Brown, Cai and DasGupta (2001) give these of 95 % for 0 and 10 of 10.
    assert mutation.wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert mutation.wilson(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
