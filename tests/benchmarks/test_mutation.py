"""Single-line changes of source, and what they are counted for."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

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
    found = _mutants.mutants(source)
    assert len(found) > 200
    for mutant in found:
        changed = mutant.apply(source)
        differing = [pair for pair in zip(source.splitlines(), changed.splitlines(), strict=True) if pair[0] != pair[1]]
        assert differing == [(mutant.before, mutant.after)]
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))


def test_a_change_belongs_to_the_outermost_function_with_its_decorators() -> None:
    source = "a = 1\n@kernel\ndef outer():\n    def inner():\n        return 3\n    return inner() + 1\n"
    assert [(mutant.line, mutant.function) for mutant in _mutants.mutants(source) if "return 4" in mutant.after] == [
        (5, 2)
    ]
    assert _mutants.mutants(source)[0].function is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_the_interval_is_wilson_s() -> None:
    import mutation

    # Brown, Cai and DasGupta (2001) give these of 95 % for 0 and 10 of 10.
    assert mutation.wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert mutation.wilson(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
