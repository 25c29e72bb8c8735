"""Pictures on real servers: HTTP to read from, SFTP to read from and write to."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.cli.panels import run

fsspec = pytest.importorskip("fsspec", reason="needs the extra `cluster`: pip install 'restauro[cluster]'")
pytest.importorskip("paramiko", reason="needs the extra `cluster`: pip install 'restauro[cluster]'")

from tests.archive import servers  # noqa: E402


@pytest.fixture
def right(scans: Path) -> dict[str, bytes]:
    """What the pictures become when they are restored here."""
    assert run("restore scans/ --mask-dir masks/ -o right/ --method telea -q") == 0
    return {path.name: path.read_bytes() for path in Path("right").iterdir()}


def test_pictures_are_read_by_http(right: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    names = sorted(right)
    with servers.http(Path.cwd()) as address:
        lines = [f"scans/{name},masks/{Path(name).stem}.png,{Path.cwd() / 'out' / name}" for name in names]
        Path("plan.csv").write_text("\n".join(["picture,mask,output", *lines]), encoding="utf-8")
        line = f"restore {address}/plan.csv --method telea --ledger l.sqlite"
        assert run(line) == 0
        assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == right
        capsys.readouterr()
        assert run(line) == 0  # known by size and time
        assert "5 pictures: nothing is to be done" in capsys.readouterr().out
        time.sleep(1.1)  # HTTP tells seconds
        changed = bytearray(Path("scans", names[0]).read_bytes())
        changed[8:12] = b"ZZZZ"  # its first pixels
        Path("scans", names[0]).write_bytes(changed)
        assert run(line) == 0
        assert (Path("out") / names[0]).read_bytes() != right[names[0]]
        assert run(f"restore {address}/scans/none.tif --mask masks/p0.png -o out/") == 2
        assert f"There is no file {address}/scans/none.tif." in capsys.readouterr().err


def test_pictures_are_read_and_written_by_sftp(
    right: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    for name in ("scans", "masks"):
        shutil.copytree(name, store / "album" / name)
    monkeypatch.setitem(fsspec.config.conf, "sftp", {"password": servers.PASSWORD, "look_for_keys": False})
    with servers.sftp(store) as address:
        album = f"{address}/album"
        line = f"restore {album}/scans/ --mask-dir {album}/masks -o {album}/out/ --method telea --ledger l.sqlite -q"
        assert run(line) == 0
        assert {path.name: path.read_bytes() for path in (store / "album/out").iterdir()} == right
        first = sorted(right)[0]
        (store / "album/out" / first).unlink()
        (store / "album/out" / sorted(right)[1]).write_bytes(b"changed")
        assert run(line) == 1  # what somebody changed is left alone, and said
        assert (store / "album/out" / first).read_bytes() == right[first]
        assert run(f"{line} --overwrite") == 0
        assert {path.name: path.read_bytes() for path in (store / "album/out").iterdir()} == right
