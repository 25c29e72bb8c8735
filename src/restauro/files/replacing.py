"""One way to write a file: under another name beside its place, and moved there when it is whole."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

import pyvips

from restauro.errors import Remedy, WriteError

_FOLDER, _MARKER = ".restauro-", ".restauro-lock"
_DAY = 24 * 3600
_ALL_MAY = 0o777
_ANY_MAY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_HARDLY_ANY = 1 << 20  # bytes free on a disk that is full
_live: set[Path] = set()  # folders that this process writes into now

_CAUSES = {
    errno.EROFS: "{folder} is on a disk that is read-only: choose another place",
    errno.ENAMETOOLONG: "its name is too long: choose a shorter one",
    errno.ELOOP: "it is a loop of symbolic links: choose another name",
    errno.EFBIG: "the file would be larger than a file may be there: choose another place",
    errno.EISDIR: "it is a folder: name a file in it",
    errno.ENOENT: "there is no folder {folder}: make it first",
    errno.ENOTDIR: "{folder} is no folder: choose another place",
    errno.EACCES: "the folder {folder} may not be written to: change its permissions, or choose another",
    errno.EPERM: "the folder {folder} may not be written to: change its permissions, or choose another",
}
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def replacing(path: Path, what: str, *, sources: Iterable[Path] = ()) -> Iterator[Path]:
    """Give the name of a file to write, which takes the place of `path` at the end, or is removed if the body fails.

    The name is in a folder beside `path` that nobody else may enter; other files that the body writes there are removed
    with it. Where `path` is a symbolic link, the file that it stands for is replaced.

    A file that is there keeps its mode, owner, group and extended attributes, ACLs included, as far as the system lets
    one: where it doesn't let one keep the group, the new group may do what all others may. A new file gets what the
    umask gives, less what group and others may not do with every one of `sources`.

    Parameters
    ----------
    path
        The file to be; its folder must be there.
    what
        What it is, for messages: "The picture", or "The picture was written, but the mask".
    sources
        Files that are seen in it.

    Raises
    ------
    WriteError
        The file is there and read-only, or what the system or libvips had against it, in one sentence. All other errors
        of the body pass.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "a.txt"), "The text") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     os.listdir(folder)
    ['a.txt']
    """
    try:
        place = _place(path)
        with private_folder(place.parent) as folder:
            temporary = folder / place.name
            yield temporary
            _give_access(temporary, place, sources)
            os.replace(temporary, place)
    except (OSError, pyvips.Error) as error:
        raise write_error(error, path, what) from None


def check_free(path: Path, what: str, *, overwrite: bool) -> None:
    """Raise WriteError where no file can be, or one is that isn't to be replaced; its folder needn't be there yet."""
    try:
        _place(path)
    except NotADirectoryError:
        return  # whoever makes the folder says so
    except OSError as error:
        raise write_error(error, path, what) from None
    if path.exists() and not overwrite:
        fact = f"{what} {path} is there already"
        raise WriteError(fact, "choose another name", Remedy("overwrite", True, "to replace it"))


def check_place(path: Path, what: str) -> None:
    """Raise WriteError for what can be known before the work to be wrong with the place of a file.

    Its folder is there and may be written to, and where something of that name is there it is a plain file that isn't
    read-only.
    """
    try:
        place = _place(path)
    except OSError as error:
        raise write_error(error, path, what) from None
    if not place.parent.is_dir():
        raise write_error(FileNotFoundError(errno.ENOENT, ""), path, what)
    if not os.access(place.parent, os.W_OK):
        number = errno.EROFS if _is_read_only(place.parent) else errno.EACCES
        raise write_error(OSError(number, ""), path, what)


def write_error(error: OSError | pyvips.Error, path: Path, what: str) -> WriteError:
    """Return the error for people of what the system or libvips had against writing a file; see `replacing`."""
    return WriteError(f"{what} can't be written to {path}: {_cause(error, path)}.")


def remove_temporary() -> None:
    """Remove what is being written by this process, which is about to end at once."""
    for folder in list(_live):
        shutil.rmtree(folder, ignore_errors=True)


def _place(path: Path) -> Path:
    """Return where the file lies or will lie, symbolic links followed; OSError where that can't be."""
    with suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "", os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(None, "it is there and no plain file: choose another name")
        # To move a file in its place needs no right to write to it, and root may do all: so the mode is asked.
        if not mode & _ANY_MAY_WRITE:
            raise OSError(None, "the file is there and read-only: choose another name, or change its mode")
    return Path(os.path.realpath(path))


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """Give a folder that nobody else may enter, and remove it at the end: at the latest by a later run."""
    _clear_once(parent)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=parent))  # for the owner only
    _live.add(folder)
    try:
        with _marked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _live.discard(folder)


@contextmanager
def _marked(folder: Path) -> Iterator[None]:
    """Have a locked file say that a folder is ours and at work."""
    if sys.platform == "win32":  # what is open can't be removed or renamed there, and so nothing is cleared away
        yield
        return
    with open(folder / f"{_MARKER}.new", "w", encoding="utf-8") as marker:
        marker.write(_machine())
        marker.flush()
        _lock(marker)  # before it has its name: a marker that can be locked is nobody's
        os.rename(marker.name, folder / _MARKER)
        yield


def clear_left(parent: Path) -> None:
    """Remove the folders that killed processes left in one: whose marker can be locked; other machines' after a day."""
    with suppress(OSError):
        for entry in os.scandir(parent):
            if entry.name.startswith(_FOLDER) and entry.is_dir(follow_symlinks=False) and Path(entry.path) not in _live:
                with suppress(OSError):
                    _clear(Path(entry.path))


_clear_once = cache(clear_left)  # a process: a folder of many pictures is not searched for each of them


def _clear(folder: Path) -> None:
    with open(folder / _MARKER, encoding="utf-8") as marker:
        about = os.fstat(marker.fileno())
        is_of_here = marker.read(100) == _machine()
        if (is_of_here or time.time() - about.st_mtime > _DAY) and _lock(marker):
            shutil.rmtree(folder, ignore_errors=True)


def _lock(file: IO[str]) -> bool:
    """Take a file's lock; return whether that could be done: not where another has it, or the disk knows no locks."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@cache
def _machine() -> str:
    """Return what tells running machines apart: locks of others, on shared disks, can't be relied on."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()


def _give_access(temporary: Path, place: Path, sources: Iterable[Path]) -> None:
    """Let those read and write the new file who could the old one, or all sources."""
    new = temporary.stat()
    if place.exists():
        old = place.stat()
        mode = _kept_mode(temporary, old, new)
        _copy_attributes(place, temporary)
    else:
        mode = stat.S_IMODE(new.st_mode)
        for source in sources:
            with suppress(OSError):  # it is gone
                about = source.stat()
                mode &= _for_group(about, about.st_gid == new.st_gid) | stat.S_IRWXU
    if mode != stat.S_IMODE(temporary.stat().st_mode):
        os.chmod(temporary, mode)


def _kept_mode(temporary: Path, old: os.stat_result, new: os.stat_result) -> int:
    """Give a file another's owner and group where the system lets one; return the mode that goes with them."""
    if os.name != "posix":
        return stat.S_IMODE(old.st_mode)
    group = old.st_gid == new.st_gid
    if old.st_uid != new.st_uid:
        with suppress(PermissionError):
            os.chown(temporary, old.st_uid, -1)
    if not group:
        with suppress(PermissionError):
            os.chown(temporary, -1, old.st_gid)
            group = True
    return _for_group(old, group)


def _for_group(about: os.stat_result, same_group: bool) -> int:
    """Return a file's mode for another file: another group may do what all others may."""
    mode = about.st_mode & _ALL_MAY
    return mode if same_group else mode & ~stat.S_IRWXG | (mode & stat.S_IRWXG & (mode << 3))


def _copy_attributes(old: Path, new: Path) -> None:
    if not hasattr(os, "listxattr"):  # Linux has it
        return
    with suppress(OSError):  # the disk has none
        for name in os.listxattr(old):
            with suppress(OSError):  # the system's own
                os.setxattr(new, name, os.getxattr(old, name))


def _is_read_only(folder: Path) -> bool:
    return bool(hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY)


def _cause(error: OSError | pyvips.Error, path: Path) -> str:
    """Return what was wrong, and what to do."""
    folder = Path(os.path.realpath(path)).parent
    number = error.errno if isinstance(error, OSError) else _number(error)
    if number in _FULL:
        return _full(folder)
    about = os.fsdecode(getattr(error, "filename", None) or folder)
    if not _is_under(Path(about), folder):
        return f"{about}: {getattr(error, 'strerror', None) or error}"
    if number == errno.ENOENT and folder.is_dir():  # such as /proc
        return f"no file can be made in {folder}: choose another place"
    if number in _CAUSES:
        return _CAUSES[number].format(folder=folder)
    if isinstance(error, OSError):
        return (error.strerror or str(error) or type(error).__name__).rstrip(".")
    return f"libvips: {reason(error)}"


def _number(error: pyvips.Error) -> int | None:
    """Return the number of the system's error that libvips tells of in words."""
    words = re.findall(r"(?:system|unix) error: (.*)", error.detail or "")
    return next((number for number in (*_FULL, *_CAUSES) if os.strerror(number) in words), None)


def reason(error: pyvips.Error) -> str:
    """Return libvips' reason: the last line that it left, without its dots and breaks."""
    lines = [line.strip() for line in (error.detail or str(error)).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no reason given"


def _full(folder: Path) -> str:
    """Say which disk is full: the target's, or the one of temporary files, where libraries may write too."""
    temporary = Path(tempfile.gettempdir())
    if shutil.disk_usage(temporary).free < _HARDLY_ANY <= shutil.disk_usage(folder).free:
        return f"disk full: there is no room for temporary files in {temporary}; make some, or set TMPDIR"
    return f"disk full: there is no room in {folder}; make some, or choose another place"


def _is_under(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
