from __future__ import annotations

import ast
import copy
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import restauro
from restauro.notes import Note

NOTE = Note("mask-empty", "The mask is empty.")


def test_a_note_is_its_text() -> None:
    assert NOTE == "The mask is empty."
    assert f"{NOTE}" == "The mask is empty."
    assert json.dumps([NOTE]) == '["The mask is empty."]'


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda note: pickle.loads(pickle.dumps(note))])
def test_a_copy_keeps_the_code(copied: Callable[[Note], Note]) -> None:
    note = copied(NOTE)
    assert note == NOTE
    assert note.code == "mask-empty"
    assert repr(note) == "Note('mask-empty', 'The mask is empty.')"


def test_every_code_is_in_the_documentation_and_none_else() -> None:
    calls = [
        node
        for path in Path(restauro.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note"
    ]
    assert all(isinstance(call.args[0], ast.Constant) for call in calls)
    used = {str(call.args[0].value) for call in calls if isinstance(call.args[0], ast.Constant)}
    page = Path(__file__).resolve().parents[1] / "docs" / "files.md"
    table = page.read_text(encoding="utf-8").partition("## Notes")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = [code for row in rows for code in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(listed) == sorted(used)
