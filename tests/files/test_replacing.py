from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
import pyvips

from restauro.errors import WriteError
from restauro.files import replacing as module
from restauro.files.reading import read_picture
from restauro.files.replacing import check_free, check_place, remove_temporary, replacing
from restauro.files.writing import write_picture

# Modes, owners, locks and links are POSIX's.
resource = pytest.importorskip("resource", reason="not on Windows")


@pytest.fixture(autouse=True)
def first_look() -> None:
    module._clear_once.cache_clear()


def write(path: Path, text: str = "new", **options: object) -> None:
    with replacing(path, "The picture", **options) as temporary:  # type: ignore[arg-type]
        temporary.write_text(text)


def fail(path: Path, error: Exception) -> None:
    with replacing(path, "The picture") as temporary:
        temporary.write_text("half")
        raise error


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write(path, "old")
    with pytest.raises(KeyError, match="of the body"):
        fail(path, KeyError("of the body"))
    assert path.read_text() == "old"
    write(path)
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("old", [0o444, 0o400, 0o555])
@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_that_is_read_only_is_not_replaced(tmp_path: Path, old: int, is_link: bool) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")
    path.chmod(old)
    if is_link:
        path = tmp_path / "link.png"
        path.symlink_to("a.png")
    words = "can't be written to .*: the file is there and read-only: choose another name, or change its mode"
    with pytest.raises(WriteError, match=words):
        check_place(path, "The picture")
    with pytest.raises(WriteError, match=words):
        check_free(path, "The picture", overwrite=True)
    with pytest.raises(WriteError, match=words):
        write(path)
    assert path.read_text() == "old"
    assert mode(path) == old


@pytest.mark.parametrize("ending", ["png", "tif", "jpg", "webp", "avif"])
def test_no_format_replaces_what_is_read_only(tmp_path: Path, ending: str) -> None:
    source, target = tmp_path / "a.png", tmp_path / f"b.{ending}"
    pyvips.Image.black(9, 9, bands=3).copy(interpretation="srgb").pngsave(str(source))
    source.chmod(0o444)  # as masters are kept: that says nothing of what is made from them
    write_picture(read_picture(source), target)
    assert mode(target) & stat.S_IWUSR
    target.chmod(0o444)
    old = target.read_bytes()
    with pytest.raises(WriteError, match="read-only"):
        write_picture(read_picture(source), target, overwrite=True)
    assert target.read_bytes() == old


@pytest.mark.parametrize("old", [0o600, 0o640, 0o460, 0o666])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, old: int) -> None:
    path = tmp_path / "a.png"
    path.touch()
    path.chmod(old)
    write(path)
    assert mode(path) == old


def test_nobody_else_can_read_what_is_being_written(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.png", "The picture") as temporary:
        temporary.touch()
        assert mode(temporary.parent) == 0o700
        assert temporary.parent.parent == tmp_path  # of the same disk


@pytest.mark.parametrize(("source", "copy"), [(0o600, 0o600), (0o400, 0o600), (0o640, 0o640), (0o644, 0o644)])
def test_a_copy_is_no_more_public_than_its_source(tmp_path: Path, source: int, copy: int) -> None:
    scan = tmp_path / "scan.tif"
    scan.touch()
    scan.chmod(source)
    write(tmp_path / "copy.tif", sources=[scan])
    assert mode(tmp_path / "copy.tif") == copy


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize(("owner", "group"), [(1234, 2345), (1234, -1), (-1, 2345)])
def test_owner_and_group_are_kept(tmp_path: Path, owner: int, group: int) -> None:
    path = tmp_path / "a.png"
    path.touch()
    os.chown(path, owner, group)
    path.chmod(0o640)
    before = path.stat()
    write(path)
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (before.st_uid, before.st_gid, 0o640)


def test_another_group_may_do_what_all_others_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.touch()
    path.chmod(0o664)
    if os.getuid() != 0:
        pytest.skip("only root may give files to any group")
    os.chown(path, -1, 2345)

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "chown", refused)
    write(path)
    assert (path.stat().st_gid, mode(path)) == (os.getgid(), 0o644)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="Python knows extended attributes on Linux only")
def test_extended_attributes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    try:
        os.setxattr(path, "user.inventory", b"12")
    except OSError:
        pytest.skip("the disk has no extended attributes")
    write(path)
    assert os.getxattr(path, "user.inventory") == b"12"


def test_the_file_behind_a_link_is_replaced(tmp_path: Path) -> None:
    link, file = tmp_path / "link.png", tmp_path / "folder" / "file.png"
    file.parent.mkdir()
    link.symlink_to(file)
    for text in ("new", "newer"):  # the file isn't there at first
        write(link, text)
        assert link.is_symlink()
        assert file.read_text() == text


def loop(folder: Path) -> Path:
    (folder / "a.png").symlink_to("b.png")
    (folder / "b.png").symlink_to("a.png")
    return folder / "a.png"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "p.png")
    return folder / "p.png"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (loop, "it is a loop of symbolic links: choose another name"),
        (pipe, "it is there and no plain file: choose another name"),
        (lambda folder: folder, "it is a folder: name a file in it"),
        (lambda folder: folder / f"{'a' * 300}.png", "its name is too long: choose a shorter one"),
        (lambda folder: folder / "missing" / "a.png", r"there is no folder .*missing: make it first"),
    ],
)
def test_a_place_where_no_file_can_be(tmp_path: Path, place: object, words: str) -> None:
    path = place(tmp_path)  # type: ignore[operator]
    before = sorted(tmp_path.iterdir())
    for act in (write, lambda path: check_place(path, "The picture")):
        with pytest.raises(WriteError, match=rf"^The picture can't be written to {path}: {words}\.$"):
            act(path)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "statvfs"), reason="Windows doesn't tell")
@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool) -> None:
    about = namedtuple("about", ["f_flag"])
    nosuid = 2
    monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK)
    monkeypatch.setattr(os, "statvfs", lambda path: about(nosuid | (os.ST_RDONLY if read_only else 0)))
    words = r"is on a disk that is read-only: choose" if read_only else "may not be written to: change its permissions"
    with pytest.raises(WriteError, match=words):
        check_place(tmp_path / "a.png", "The picture")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, r"the folder .* may not be written to: change its permissions, or choose another"),
        (errno.EROFS, r".* is on a disk that is read-only: choose another place"),
        (errno.ENOSPC, r"disk full: there is no room in .*; make some, or choose another place"),
        (errno.EDQUOT, r"disk full: there is no room in .*; make some, or choose another place"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
@pytest.mark.parametrize("by_libvips", [False, True])
def test_what_the_system_has_against_it_is_said(tmp_path: Path, number: int, words: str, by_libvips: bool) -> None:
    text = os.strerror(number)
    detail = f"{tmp_path}/a.png: write error\nsystem error: {text}\nvips2png: unable to write to target\n"
    error = pyvips.Error("failed", detail) if by_libvips else OSError(number, text)
    if by_libvips and number == errno.EIO:
        words = "libvips: vips2png: unable to write to target"
    with pytest.raises(WriteError, match=rf"^The picture can't be written to {tmp_path}/a\.png: {words}\.$"):
        fail(tmp_path / "a.png", error)
    assert not any(tmp_path.iterdir())


def test_a_full_disk_of_temporary_files_does_not_blame_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", ["free"])
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0 if Path(path).name == "tmp" else 1 << 40))
    words = r"disk full: there is no room for temporary files in .*tmp; make some, or set TMPDIR"
    with pytest.raises(WriteError, match=words):
        fail(tmp_path / "a.png", OSError(errno.ENOSPC, "No space left on device"))


def test_a_file_that_could_not_be_read_is_named(tmp_path: Path) -> None:
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", "elsewhere/scan.tif")
    with pytest.raises(WriteError, match=r"a\.png: elsewhere/scan\.tif: No such file or directory\.$"):
        fail(tmp_path / "a.png", missing)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp", "a.avif"])
def test_a_limit_on_the_size_of_files_is_said(tmp_path: Path, name: str) -> None:
    image = pyvips.Image.gaussnoise(300, 300).cast("uchar")
    image = image.bandjoin([image, image]).copy(interpretation="srgb")
    handler, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    words = "the file would be larger than a file may be there: choose"
    try:
        with pytest.raises(WriteError, match=words), replacing(tmp_path / name, "The picture") as temporary:
            image.write_to_file(str(temporary))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not any(tmp_path.iterdir())


KILLED = """
import sys, time
from pathlib import Path
from restauro.files.replacing import replacing
with replacing(Path(sys.argv[1]), "The picture") as temporary:
    temporary.write_text("half")
    print("begun", flush=True)
    time.sleep(600)
"""


def at_work(path: Path) -> subprocess.Popen[str]:
    """Start a process that is writing a file."""
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "begun\n"
    return child


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".restauro-")]


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    assert child.stdout
    child.stdout.close()


def test_what_a_killed_process_left_is_cleared_away_once_it_is_dead(tmp_path: Path) -> None:
    child = at_work(tmp_path / "a.png")
    try:
        write(tmp_path / "b.png")
        assert len(left_in(tmp_path)) == 1  # it is at work
    finally:
        end(child)
    assert len(left_in(tmp_path)) == 1
    module._clear_once.cache_clear()
    write(tmp_path / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


def test_what_another_machine_left_is_cleared_away_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end(at_work(tmp_path / "a.png"))
    monkeypatch.setattr(module, "_machine", lambda: "another")
    write(tmp_path / "b.png")
    (left,) = left_in(tmp_path)
    day = 24 * 60 * 60
    for age, is_left in ((day - 1000, True), (day + 10, False)):
        os.utime(left / ".restauro-lock", (time.time() - age,) * 2)
        module._clear_once.cache_clear()
        write(tmp_path / "b.png")
        assert left.exists() == is_left


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is cleared away there")
def test_a_folder_at_work_says_whose_it_is(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.png", "The picture") as temporary:
        temporary.touch()
        (folder,) = left_in(tmp_path)
        assert (folder / ".restauro-lock").read_text() == module._machine()


def test_nothing_else_is_ever_cleared_away(tmp_path: Path) -> None:
    other, file, link = (tmp_path / f".restauro-{name}" for name in ("other", "file", "link"))
    (other / "folder").mkdir(parents=True)
    file.write_text("dear")
    end(at_work(other / "folder" / "a.png"))
    (left,) = left_in(other / "folder")
    link.symlink_to(left)
    write(tmp_path / "b.png")
    assert file.read_text() == "dear"
    assert (link / "a.png").read_text() == "half"


def test_a_disk_without_locks_is_written_to_and_not_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end(at_work(tmp_path / "a.png"))
    monkeypatch.setattr(module, "_lock", lambda file: False)
    write(tmp_path / "b.png")
    assert len(left_in(tmp_path)) == 1
    assert (tmp_path / "b.png").read_text() == "new"


def test_a_process_that_ends_at_once_takes_its_temporary_files_along(tmp_path: Path) -> None:
    writing = replacing(tmp_path / "a.png", "The picture")
    writing.__enter__().write_text("half")
    remove_temporary()
    assert not any(tmp_path.iterdir())
