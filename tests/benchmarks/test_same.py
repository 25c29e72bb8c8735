"""Two checkouts compared: the pictures are the same again, and a difference is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import same


def test_pictures_are_the_same_again_and_have_holes() -> None:
    for number in range(30):
        image, hole = same.example(number)
        again, hole_again = same.example(number)
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(hole, hole_again)
        assert not hole.all()
    assert len({same.example(number)[0].dtype for number in range(30)}) == 9


def test_a_difference_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tmp_path / "before.json"
    before.write_text(json.dumps({"telea 0": "a", "telea 1": "b"}), encoding="ascii")
    found = {"telea 0": "a", "telea 1": "b"}
    monkeypatch.setattr(same, "digests_of", lambda checkout, count: found)
    monkeypatch.setattr("sys.argv", ["same.py", str(before)])
    assert same.main() == 0
    found["telea 1"] = "c"
    assert same.main() == 1
    assert capsys.readouterr().out == "telea: 2 of 2 equal\ntelea: 1 of 2 equal 1\n"
