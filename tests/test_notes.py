from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable

import pytest

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
