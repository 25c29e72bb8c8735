from __future__ import annotations

import pytest

training_paintings = pytest.importorskip("training_paintings", reason="needs the extra eval")


def row(file: str, died: str = "1900", note: str = "") -> dict[str, str]:
    return {"file": file, "died": died, "note": note}


def test_only_paintings_of_those_who_died_early_and_share_nothing_with_the_tuning_set_are_chosen() -> None:
    rows = [
        row("a.jpg"),
        row("b.jpg", "1925"),
        row("late.jpg", "1926"),
        row("unknown.jpg", ""),
        row("tuned.jpg"),
        row("tuned-late.jpg", "1950"),
        row("detail-of-a.jpg", note="detail of a.jpg"),
        row("detail-of-tuned.jpg", note="detail of tuned.jpg"),
        row("detail-of-late.jpg", note="detail of late.jpg"),
        row("other.jpg", note="images/cover.jpg"),
    ]
    sets = training_paintings.chosen(rows, {"tuned.jpg", "tuned-late.jpg"})
    names = {name: [each["file"] for each in of_set] for name, of_set in sets.items()}
    assert names == {"train": ["a.jpg", "b.jpg", "detail-of-a.jpg", "other.jpg"], "test": ["tuned.jpg"]}
