"""All sessions of a server: those in memory, those on disk, and which of them are whose."""

from __future__ import annotations

import gc
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from restauro.errors import RestauroError
from restauro.files.reading import stamp_of
from restauro.picture import Picture
from restauro.web.session import LOG, About, Session, read_whole

_MOST_OPEN = 4  # in memory; others are opened again when they are asked for
_OLDEST = 30 * 24 * 3600.0  # seconds since something was done
_MOST_BYTES = 20_000_000_000  # of all sessions together, the newest first


class GoneError(RestauroError, LookupError):
    """There is no such session, or it is another browser's."""


class Sessions:
    """All sessions: those in memory, and those whose folders lie in `folder`; `started_in`: see `Session`."""

    def __init__(self, folder: Path, started_in: Path = Path()) -> None:
        self.folder = folder
        self._started_in = started_in
        self._open: dict[str, Session] = {}  # the one used last is the last one
        self._lock = threading.RLock()
        self._ahead: tuple[Path, Future[tuple[tuple[int, int], Picture]]] | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def new(self) -> Iterator[Path]:
        """Give a new session's folder, to put its picture there and `begin`; it is removed if the body fails."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def read_ahead(self, path: Path) -> None:
        """Begin to read a picture that is likely to be opened, while a browser starts."""
        future: Future[tuple[tuple[int, int], Picture]] = Future()

        def read() -> None:
            try:
                future.set_result((stamp_of(path), read_whole(path)))
            except Exception as error:
                future.set_exception(error)

        self._ahead = path, future
        threading.Thread(target=read, daemon=True).start()

    def _read(self, path: Path) -> Picture:
        """Read a picture, or take what was read ahead of it, once: sessions change its pixels."""
        with self._lock:
            ahead = self._ahead if self._ahead and self._ahead[0] == path else None
            self._ahead = None if ahead else self._ahead
        if ahead and ahead[1].exception() is None:
            stamp, picture = ahead[1].result()
            if stamp == stamp_of(path):
                return picture
        return read_whole(path)

    def begin(self, owner: str, name: str, picture: Path, folder: Path) -> Session:
        """Open a picture in a new session's folder."""
        about = About(folder.name, owner, name, picture, folder, stamp_of(picture))
        session = Session(about, self._started_in, self._read)
        about.write()
        self._keep(session)
        return session

    def get(self, number: str, owner: str) -> Session:
        """Return a session of an owner, opened again if need be; GoneError where there is none."""
        with self._lock:
            session = self._open.pop(number, None)
            if session is None:
                about = next((about for about in self.of(owner) if about.number == number), None)
                if about is None:
                    raise GoneError("There is no such session: open the picture again.")
                session = Session(about, self._started_in, self._read)
            elif session.about.owner != owner:
                self._open[number] = session
                raise GoneError("There is no such session: open the picture again.")
            self._keep(session)
            return session

    def of(self, owner: str) -> list[About]:
        """Return the sessions of an owner, the one that was worked on last first."""
        return [about for about in self._all() if about.owner == owner]

    def put_away(self, number: str, owner: str) -> None:
        """Give a session's memory back; it stays on disk."""
        with self._lock:
            if number in self._open and self._open[number].about.owner == owner:
                del self._open[number]
                gc.collect()  # a session and its tiles know each other

    def forget(self, number: str, owner: str) -> None:
        """Remove a session with all that was done."""
        with self._lock:
            about = next((about for about in self.of(owner) if about.number == number), None)
            if about is None:
                raise GoneError("There is no such session.")
            self.put_away(number, owner)
            shutil.rmtree(about.folder, ignore_errors=True)

    def prune(self) -> None:
        """Remove what is too old, and the oldest while all together are too large."""
        left = _MOST_BYTES
        for about in self._all():
            left -= sum(file.stat().st_size for file in about.folder.iterdir() if file.is_file())
            if (left < 0 or time.time() - last_used(about.folder) > _OLDEST) and about.number not in self._open:
                shutil.rmtree(about.folder, ignore_errors=True)

    def _all(self) -> list[About]:
        found = []
        for folder in self.folder.iterdir():
            try:
                found.append(About.read(folder))
            except (OSError, ValueError, KeyError):  # no session, or one that is only just being made
                continue
        return sorted(found, key=lambda about: last_used(about.folder), reverse=True)

    def _keep(self, session: Session) -> None:
        with self._lock:
            self._open[session.about.number] = session
            idle = [number for number, other in self._open.items() if other is not session]
            for number in idle[: max(len(self._open) - _MOST_OPEN, 0)]:
                self.put_away(number, self._open[number].about.owner)


def last_used(folder: Path) -> float:
    """Return when something was done in a session's folder, as seconds since 1970; 0 where it is gone."""
    log = folder / LOG
    try:
        return (log if log.exists() else folder).stat().st_mtime
    except OSError:
        return 0.0
