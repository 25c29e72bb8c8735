"""Where files are: here, by their paths, or elsewhere, by fsspec's URLs (s3://, sftp://, https://)."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from restauro.errors import ParameterError, ReadError, Remedy, RestauroError, WriteError
from restauro.provenance import digest_of_file

Value = TypeVar("Value")

_TRIES, _WAIT = 6, 0.1  # seconds before the second try, twice as many before each further one
_WHOLE = ("s3", "s3a", "gs", "gcs", "abfs", "az", "memory")  # stores in which a file is there whole or not at all
_READ_ONLY = ("http", "https")
_FOR_GOOD = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError, ValueError)


@dataclass(frozen=True)
class Stamp:
    """What a file is known again by: bytes, time of change (ns; 0 where a store tells none), ETag, digest if taken."""

    size: int
    changed: int
    etag: str = ""
    digest: str = ""

    def is_same(self, other: Stamp) -> bool:
        """Whether, by size, time and ETag, the file wasn't changed."""
        return (self.size, self.changed, self.etag) == (other.size, other.changed, other.etag)


def is_remote(place: str) -> bool:
    """Whether a place is a URL.

    >>> is_remote("s3://scans/a.tif"), is_remote("/scans/a.tif")
    (True, False)
    """
    return "://" in place


def name_of(place: str) -> str:
    """Return the last part of a path or URL."""
    return place.partition("?")[0].rstrip("/").rpartition("/")[2] if is_remote(place) else os.path.basename(place)


def beside(place: str, name: str) -> str:
    """Return a name as it is meant in a file at a place: absolute, a URL, or relative to the file's folder.

    >>> beside("s3://scans/plan.csv", "a.tif"), beside("/scans/plan.csv", "/masks/a.png")
    ('s3://scans/a.tif', '/masks/a.png')
    """
    if is_remote(name) or os.path.isabs(name):
        return name
    if is_remote(place):
        return f"{place.rpartition('/')[0]}/{name}"
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(place)), name))


def absolute(place: str) -> str:
    """Return a path from the root; a URL is one as it is."""
    return place if is_remote(place) else os.path.abspath(place)


def within(folder: str, name: str) -> str:
    """Return a file's place in a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_remote(folder) else os.path.join(os.path.abspath(folder), name)


class Stamps:
    """Size, time and ETag of many files: of remote folders all at once, in one listing."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, Stamp]] = {}

    def of(self, place: str) -> Stamp | None:
        """Return a file's stamp; None where there is none."""
        if not is_remote(place):
            try:
                about = os.stat(place)
            except OSError:
                return None
            return Stamp(about.st_size, about.st_mtime_ns)
        if place.startswith(_READ_ONLY):  # no listings
            return stamp(place)
        folder = place.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = _listing(folder)
        return self._folders[folder].get(name_of(place))


def stamp(place: str) -> Stamp | None:
    """Return a file's stamp as it is now; None where there is none."""
    if not is_remote(place):
        return Stamps().of(place)
    system, path = _opened(place)

    def look() -> Stamp | None:
        system.invalidate_cache()
        try:
            return _stamp_of(system.info(path))
        except FileNotFoundError:
            return None

    return persistent(look, place)


def listed(pattern: str) -> list[str]:
    """Return the URLs of the files in a remote folder, or of those that match a pattern with *."""
    system, path = _opened(pattern)
    # File systems leave out what of a URL they were opened with.
    prefix = pattern.rstrip("/").removesuffix(path.rstrip("/"))
    if "*" in path or "?" in path:
        found = persistent(lambda: system.glob(path), pattern)
    else:
        found = persistent(
            lambda: [about["name"] for about in system.ls(path, detail=True) if about["type"] == "file"], pattern
        )
    return [name if is_remote(name) else prefix + name for name in sorted(found)]


def read_text(place: str) -> str:
    """Return a text file; ReadError where it can't be read."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            return fetched(place, Path(folder))[0].read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it isn't text in UTF-8"
        raise ReadError(f"{place} can't be read ({reason}).") from None


def fetched(place: str, folder: Path) -> tuple[Path, Stamp | None]:
    """Return where a file can be read here, and its stamp: of a remote one, a copy in a folder.

    Raises
    ------
    ReadError
        It isn't there, or the store fails again and again.
    """
    if not is_remote(place):
        return Path(place), Stamps().of(place)
    local = folder / name_of(place)
    system, path = _opened(place)
    about = stamp(place)
    if about is None:
        raise ReadError(f"There is no file {place}.")
    persistent(lambda: system.get_file(path, str(local)), place)
    if about.size and local.stat().st_size != about.size:
        raise ReadError(f"{place} came with {local.stat().st_size} bytes of {about.size}: try again.")
    return local, about


@contextmanager
def to_be(place: str, folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give where a file is to be written, and bring it to its place when the body is done.

    A file here is written where it belongs, by whoever writes it. A remote one appears whole: in stores whose files do
    by themselves at once, elsewhere under another name first.
    """
    if not is_remote(place):
        yield Path(place)
        return
    check_written(place)
    if not overwrite and stamp(place) is not None:
        raise WriteError(
            f"The target {place} is there already", "choose another name", Remedy("overwrite", True, "to replace it")
        )
    local = folder / name_of(place)
    yield local
    if local.exists():
        deliver(local, place)


def deliver(local: Path, place: str) -> None:
    """Bring a file to a remote place; it is there whole or not at all."""
    system, path = _opened(place)
    parent, _, name = path.rpartition("/")
    first = path if place.startswith(_WHOLE) else f"{parent}/.restauro-{name}.part"

    def put() -> None:
        if not place.startswith(_WHOLE):
            system.makedirs(parent, exist_ok=True)
        system.put_file(str(local), first)
        if first != path:
            system.mv(first, path)

    persistent(put, place)
    there = stamp(place)
    if there is None or there.size != local.stat().st_size:
        raise WriteError(f"{place} isn't there as it was written: try again.")


def check_written(place: str) -> None:
    """Raise WriteError for a URL to which nothing can be written."""
    if place.startswith(_READ_ONLY):
        raise WriteError(f"Nothing can be written to {place}: choose a folder, or a store such as s3://.")


def digested(stamp_: Stamp, local: Path) -> Stamp:
    """Return a stamp with the digest of a file's content."""
    return replace(stamp_, digest=digest_of_file(local))


def digest_at(place: str) -> str:
    """Return the digest of the content of a file, wherever it is."""
    with tempfile.TemporaryDirectory() as folder:
        return digest_of_file(fetched(place, Path(folder))[0])


def persistent(step: Callable[[], Value], place: str) -> Value:
    """Do a step of a remote store, again where it fails; its last error is said in one sentence.

    What trying again can't help is not tried again: no such file, no right to it.
    """
    for attempt in range(_TRIES):
        try:
            return step()
        except _FOR_GOOD as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise _failure(place, error) from None
        except RestauroError:
            raise
        except Exception as error:  # stores have errors of their own, of all kinds
            if attempt == _TRIES - 1:
                raise _failure(place, error) from None
            time.sleep(_WAIT * 2**attempt * (0.5 + random.random()))
    raise AssertionError  # the last attempt returns or raises


def _failure(place: str, error: Exception) -> ReadError:
    return ReadError(f"The store of {place} fails ({type(error).__name__}: {error}).")


def _opened(place: str) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the path in it."""
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(place)
    except ImportError as error:
        missing = f" ({error.name} is missing)" if error.name else ""
        raise ParameterError(
            f"Files at {place.partition('://')[0]}:// need more than is installed{missing}: "
            "pip install 'restauro[cluster]'"
        ) from None
    except ValueError as error:
        raise ParameterError(f"{place}: {error}.") from None
    return system, path


def _listing(folder: str) -> dict[str, Stamp]:
    """Return the stamps of a remote folder's files, by name."""
    system, path = _opened(folder)

    def look() -> Iterable[dict[str, Any]]:
        system.invalidate_cache()
        try:
            found: list[dict[str, Any]] = system.ls(path, detail=True)
        except FileNotFoundError:
            return []
        return found

    return {name_of(about["name"]): _stamp_of(about) for about in persistent(look, folder) if about["type"] == "file"}


def _stamp_of(about: dict[str, Any]) -> Stamp:
    """Return what a store says of a file, whose file systems all have names of their own for it."""
    said = (about.get(name) for name in ("mtime", "LastModified", "last_modified", "created"))
    moment: Any = next((value for value in said if value is not None), 0)
    seconds = moment.timestamp() if hasattr(moment, "timestamp") else float(moment)
    tells = ("ETag", "etag", "Content-MD5", "Digest", "Last-Modified")  # the last ones of servers of HTTP
    etag = next((str(about[name]) for name in tells if about.get(name)), "")
    return Stamp(int(about.get("size") or 0), round(seconds * 1e9), etag.strip('"'))
