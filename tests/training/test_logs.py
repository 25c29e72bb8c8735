from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs PyTorch: pip install 'restauro[train]'")

from restauro.training.logs import Table


def write(path: Path, steps: range, at: int = 0) -> None:
    table = Table(path, at)
    for step in steps:
        table.add({"step": step, "loss": 1 / (1 + step)})
    table.close()


def test_a_table_has_its_names_once(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    write(path, range(2))
    write(path, range(2, 3), at=1)
    assert path.read_bytes() == b"step,loss\n0,1\n1,0.5\n2,0.333333\n"


@pytest.mark.parametrize("at", [0, 1, 5])
def test_rows_after_the_checkpoint_are_dropped(tmp_path: Path, at: int) -> None:
    path = tmp_path / "x.csv"
    write(path, range(8))
    write(path, range(at + 1, 8), at=at)
    write(tmp_path / "y.csv", range(8))
    assert path.read_bytes() == (tmp_path / "y.csv").read_bytes()


@pytest.mark.parametrize("torn", ["1", "12,0.07", "1,0.5"])
def test_a_row_that_was_torn_off_is_dropped(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"step,loss\n0,1\n{torn}", encoding="ascii")
    write(path, range(1, 2), at=100)
    assert path.read_text(encoding="ascii") == "step,loss\n0,1\n1,0.5\n"


def test_a_torn_header_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("step,lo", encoding="ascii")
    write(path, range(1))
    assert path.read_text(encoding="ascii") == "step,loss\n0,1\n"
