from __future__ import annotations

import os
from pathlib import Path

import pytest

from restauro.archive import places
from restauro.archive.places import Stamps, beside, deliver, digest_at, fetched, listed, persistent, stamp, to_be
from restauro.errors import ParameterError, ReadError, WriteError
from restauro.files.reading import read_picture
from tests.archive.conftest import NAMES
from tests.cli.panels import run

fsspec = pytest.importorskip("fsspec", reason="needs the extra `cluster`: pip install 'restauro[cluster]'")

from tests.archive import stores  # noqa: E402


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less between tries, and begin with empty stores."""
    monkeypatch.setattr(places, "_WAIT", 0.001)
    for system in (fsspec.filesystem("memory"), fsspec.filesystem("flaky")):
        system.store.clear()
        system.pseudo_dirs[:] = [""]


def put(folder: str) -> None:
    """Copy scans/ and masks/ to a remote folder."""
    system, path = fsspec.core.url_to_fs(folder)
    for name in ("scans", "masks"):
        for file in Path(name).iterdir():
            for _ in range(3):  # a store may fail
                try:
                    system.pipe_file(f"{path}/{name}/{file.name}", file.read_bytes())
                    break
                except OSError:
                    continue


def files_at(folder: str) -> dict[str, bytes]:
    system, path = fsspec.core.url_to_fs(folder)
    system.invalidate_cache()
    return {name.rpartition("/")[2]: system.cat_file(name) for name in persistent(lambda: system.find(path), folder)}


@pytest.fixture
def right(scans: Path) -> dict[str, bytes]:
    """What the pictures become when they are restored here."""
    assert run("restore scans/ --mask-dir masks/ -o right/ --method telea -q") == 0
    return {path.name: path.read_bytes() for path in Path("right").iterdir()}


def restore(folder: str, *more: str) -> int:
    return run(
        f"restore {folder}/scans/*.tif --mask-dir {folder}/masks -o {folder}/out/ --method telea "
        f"--ledger l.sqlite {' '.join(more)}"
    )


@pytest.mark.parametrize("store", ["memory://archive", "file://{here}/far", "flaky://archive"])
def test_pictures_are_brought_in_and_out(
    store: str, scans: Path, right: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store.format(here=scans)
    if store.startswith("file"):
        (scans / "far/scans").mkdir(parents=True)
        (scans / "far/masks").mkdir()
    put(folder)
    before = stores.Flaky.failures
    assert restore(folder, "--report r.html") == 0
    assert f"{folder}/out/p0.tif: 2 regions" in capsys.readouterr().out
    assert files_at(f"{folder}/out") == right
    assert restore(folder) == 0
    assert "nothing is to be done" in capsys.readouterr().out
    assert restore(folder, "--verify") == 0
    assert "nothing is to be done" in capsys.readouterr().out
    assert (stores.Flaky.failures > before) == store.startswith("flaky")
    assert (
        sorted(os.listdir())
        == ["far", "l.sqlite", "masks", "r.csv", "r.html", "right", "scans"][not store.startswith("file") :]
    )


def test_s3(scans: Path, right: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("moto", reason="needs moto[s3] and flask")
    with stores.s3(monkeypatch):
        fsspec.filesystem("s3").mkdir("archive")
        put("s3://archive")
        assert restore("s3://archive") == 0
        assert files_at("s3://archive/out") == right
        first = stamp("s3://archive/out/p0.tif")
        assert first is not None
        assert len(first.etag) == 32
        fsspec.filesystem("s3").pipe_file("archive/scans/p1.tif", Path("scans/p2.tif").read_bytes())
        fsspec.filesystem("s3").pipe_file("archive/scans/p3.tif", Path("scans/p3.tif").read_bytes())  # as it was
        assert restore("s3://archive") == 0
        assert files_at("s3://archive/out") == right | {"p1.tif": right["p2.tif"]}
        assert stamp("s3://archive/out/p0.tif") == first


def test_a_remote_manifest_and_what_is_proposed_there(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("memory://a")
    text = "picture,mask,output\nscans/p0.tif,masks/p0.png,out/p0.tif\nscans/none.tif,masks/p1.png,out/p1.tif\n"
    fsspec.filesystem("memory").pipe_file("/a/plan.csv", text.encode())
    assert run("restore memory://a/plan.csv --method telea") == 1
    error = capsys.readouterr().err
    assert error == "memory://a/scans/none.tif: There is no file memory://a/scans/none.tif.\n"
    assert list(files_at("memory://a/out")) == ["p0.tif"]


def test_files_of_others_in_a_store_are_left_alone(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("memory://a")
    fsspec.filesystem("memory").pipe_file("/a/out/p0.tif", b"somebody's")
    assert run("restore memory://a/scans/ --mask-dir memory://a/masks -o memory://a/out/ --method telea") == 1
    assert "The target memory://a/out/p0.tif is there already: choose another name, or use --overwrite to replace" in (
        capsys.readouterr().err
    )
    assert files_at("memory://a/out")["p0.tif"] == b"somebody's"
    assert run("restore memory://a/scans/ --mask-dir memory://a/masks -o memory://a/out/ --skip-existing -q") == 0
    assert files_at("memory://a/out")["p0.tif"] == b"somebody's"
    assert run("restore memory://a/scans/ --mask-dir memory://a/masks -o memory://a/out/ --overwrite -q") == 0
    assert files_at("memory://a/out")["p0.tif"] != b"somebody's"


def test_here_and_there_are_mixed(scans: Path) -> None:
    put("memory://a")
    assert run("restore memory://a/scans/p1.tif --mask masks/p1.png -o here.tif --method telea -q") == 0
    assert run("restore scans/p1.tif --mask memory://a/masks/p1.png -o memory://a/there.tif --method telea -q") == 0
    assert files_at("memory://a")["there.tif"] == Path("here.tif").read_bytes()
    assert read_picture("here.tif").pixels.shape == (40, 56, 3)


def test_nothing_is_written_to_the_web(scans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("restore scans/ --mask-dir masks/ -o https://example.org/out/") == 2
    assert "Nothing can be written to https://example.org/out/: choose a folder, or a store such as s3://." in (
        capsys.readouterr().err
    )


def test_a_folder_is_listed(scans: Path) -> None:
    put("memory://a")
    assert listed("memory://a/scans/") == [f"memory://a/scans/{name}" for name in NAMES]
    assert listed("memory://a/scans/p[01]*") == [f"memory://a/scans/{name}" for name in NAMES[:2]]
    assert listed(f"file://{scans}/masks/")[0] == f"file://{scans}/masks/p0.png"


def test_stamps_of_a_folder_are_of_one_listing(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("memory://a")
    calls: list[str] = []
    ls = type(fsspec.filesystem("memory")).ls
    monkeypatch.setattr(
        "fsspec.implementations.memory.MemoryFileSystem.ls",
        lambda self, path, **options: calls.append(path) or ls(self, path, **options),
    )
    stamps = Stamps()
    found = [stamps.of(f"memory://a/scans/{name}") for name in NAMES]
    assert all(found)
    assert stamps.of("memory://a/scans/none.tif") is None
    assert calls == ["/a/scans"]
    assert stamps.of("memory://b/none.tif") is None
    assert found[0] == stamp("memory://a/scans/p0.tif")


def test_what_fails_is_tried_again_and_then_said() -> None:
    tries = []

    def fails(times: int) -> str:
        tries.append(times)
        if len(tries) <= times:
            raise TimeoutError("no answer")
        return "here"

    assert persistent(lambda: fails(5), "s3://a/b") == "here"
    tries.clear()
    with pytest.raises(ReadError, match=r"The store of s3://a/b fails \(TimeoutError: no answer\)"):
        persistent(lambda: fails(6), "s3://a/b")
    tries.clear()

    def forbidden() -> None:
        tries.append(0)
        raise PermissionError("no right")

    with pytest.raises(ReadError, match=r"fails \(PermissionError: no right\)"):
        persistent(forbidden, "s3://a/b")
    assert len(tries) == 1


def test_a_file_that_came_cut_short_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.filesystem("memory").pipe_file("/a.bin", b"0123456789")
    monkeypatch.setattr(
        "fsspec.implementations.memory.MemoryFileSystem.get_file",
        lambda self, path, local, **options: Path(local).write_bytes(b"01234"),
    )
    with pytest.raises(ReadError, match=r"memory://a\.bin came with 5 bytes of 10: try again"):
        fetched("memory://a.bin", tmp_path)


def test_a_remote_file_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.bin").write_bytes(os.urandom(1000))
    place = f"file://{tmp_path}/out/a.bin"
    moved = []
    system = fsspec.filesystem("file")
    mv = type(system).mv
    monkeypatch.setattr(
        "fsspec.implementations.local.LocalFileSystem.mv",
        lambda self, first, last, **options: moved.append(os.listdir(tmp_path / "out")) or mv(self, first, last),
    )
    deliver(tmp_path / "a.bin", place)
    assert moved == [[".restauro-a.bin.part"]]
    assert os.listdir(tmp_path / "out") == ["a.bin"]
    assert digest_at(place) == digest_at(str(tmp_path / "a.bin"))


def test_nothing_is_delivered_of_what_failed(tmp_path: Path) -> None:
    def fails() -> None:
        with to_be("memory://a/b.bin", tmp_path, overwrite=False) as local:
            local.write_bytes(b"half")
            raise KeyError("of a library")

    with pytest.raises(KeyError, match="of a library"):
        fails()
    assert stamp("memory://a/b.bin") is None


def test_what_is_not_as_it_was_delivered_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"whole")
    monkeypatch.setattr(
        "fsspec.implementations.memory.MemoryFileSystem.put_file",
        lambda self, local, path, **options: self.pipe_file(path, b"who"),
    )
    with pytest.raises(WriteError, match="memory://a isn't there as it was written: try again"):
        deliver(tmp_path / "a", "memory://a")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nothing://a/b.tif", r"Protocol not known: nothing"),
        ("gs://a/b.tif", r"Files at gs:// need more than is installed.*pip install 'restauro\[cluster\]'"),
    ],
)
def test_stores_that_are_not_known(place: str, message: str) -> None:
    if place.startswith("gs") and pytest.importorskip("importlib.util").find_spec("gcsfs"):
        pytest.skip("gcsfs is installed")
    with pytest.raises(ParameterError, match=message):
        stamp(place)


def test_names_beside_others() -> None:
    assert beside("sftp://host/plans/p.csv", "../a.tif") == "sftp://host/plans/../a.tif"
    assert beside("/plans/p.csv", "../a.tif") == "/a.tif"
    assert beside("/plans/p.csv", "s3://b/a.tif") == "s3://b/a.tif"


def test_the_copies_of_remote_pictures_are_cleared_away_and_never_named(
    scans: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put("memory://a")
    monkeypatch.setenv("TMPDIR", str(scans / "temporary"))
    (scans / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    fsspec.filesystem("memory").pipe_file("/a/scans/p9.tif", b"no picture")
    fsspec.filesystem("memory").pipe_file("/a/masks/p9.png", b"no picture")
    assert restore("memory://a", "-q") == 1
    error = capsys.readouterr().err
    assert error.startswith("memory://a/scans/p9.tif: ")
    assert "restauro-" not in error
    assert os.listdir(scans / "temporary") == []


def test_masks_of_each_kind_are_written_elsewhere_too(scans: Path) -> None:
    put("memory://bucket")
    found = "--kind losses,color --color #ff0000 --each -q"
    assert run(f"detect memory://bucket/scans/*.tif {found} -o memory://bucket/found/ --ledger l.sqlite") == 0
    assert run(f"detect scans/ {found} -o here/") == 0
    here = {path.name: path.read_bytes() for path in Path("here").iterdir()}
    assert f"{Path(NAMES[0]).stem}-losses.png" in here
    assert files_at("memory://bucket/found") == here
