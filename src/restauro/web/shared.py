"""What the page's routes share: who asks, for which session, and how it is answered."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from restauro.errors import ReadError
from restauro.files.formats import ENDINGS
from restauro.files.layers import read_layers
from restauro.files.masks import write_mask
from restauro.web import asked, layered
from restauro.web.fill_steps import part_of
from restauro.web.jobs import Jobs
from restauro.web.retouch import Patch
from restauro.web.session import MOST_PIXELS, Session
from restauro.web.sessions import Sessions
from restauro.web.step import Changed

MOST_BYTES = 4_000_000_000  # of a picture that is sent
PICTURES = [ending for endings in ENDINGS.values() for ending in endings]
NOW = {"cache-control": "no-store"}


@dataclass(frozen=True)
class Server:
    """What all routes share; `end` ends the server, where a page may."""

    sessions: Sessions
    jobs: Jobs
    picture: Path | None
    examples: dict[str, Path]
    end: Callable[[], object] | None = None


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


def _owner(request: Request) -> str:
    return str(request.state.owner)


Shared = Annotated[Server, Depends(_server)]
Owner = Annotated[str, Depends(_owner)]


def _session(number: str, server: Shared, owner: Owner) -> Session:
    return server.sessions.get(number, owner)


Opened = Annotated[Session, Depends(_session)]


def done(session: Session, kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Have a session do a step, and answer."""
    with session.lock:
        return asked.answered(session, session.do(kind, values))


def edited(session: Session, path: Path) -> dict[str, Any]:
    """Have a session take what was changed by hand in a layered file, and answer."""
    found = read_layers(path, max_pixels=MOST_PIXELS)
    with session.lock:
        edits, marks = layered.changed_by_hand(session, found), layered.marks_by_hand(session, found)
        changed = Changed()
        if edits is not None:
            changed.picture += session.edit(Patch(*edits, ())).picture
        if marks is not None:
            file = f"mask-{session.revision}-{len(session.steps)}.png"
            write_mask(np.divide(marks, 255, dtype=np.float32), session.folder / file)
            changed.marks += session.do("marks", {"action": "load", "mask": file}).marks
        return asked.answered(session, changed)


def started(server: Server, owner: str, session: Session, kind: str, *steps: dict[str, Any]) -> dict[str, Any]:
    """Have a session do a step as a job, or several of a kind; answer with the job's number.

    steps: the values of each. Where one fails, those before it are taken back.
    """

    def work(progress: Callable[[float], object]) -> dict[str, Any]:
        with session.lock:
            changed, before = Changed(), session.position
            try:
                for number, values in enumerate(steps):
                    changed = session.do(kind, values, part_of(progress, number, len(steps)))
            except BaseException:
                while session.position > before:
                    session.undo()
                raise
            return asked.answered(session, changed)

    return {"job": server.jobs.start(owner, work).number}


def sent(name: str, write: Callable[[Path], object]) -> FileResponse:
    """Return a file that is written for it and removed when it has been sent."""
    folder = tempfile.mkdtemp(prefix="restauro-")
    try:
        write(Path(folder, name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    after = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(Path(folder, name), filename=name, headers=NOW, background=after)


async def receive(request: Request, path: Path) -> None:
    """Write a request's body to a file."""
    size = 0
    with path.open("wb") as file:
        async for part in request.stream():
            size += len(part)
            if size > MOST_BYTES:
                raise ReadError(f"The file has over {MOST_BYTES // 1_000_000_000} GB: name it on the command line.")
            await run_in_threadpool(file.write, part)


def called(name: str) -> str:
    """Return a file's name without what stands before it and what a name can't hold."""
    return re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|]", "_", re.split(r"[/\\]", name)[-1]).strip(". ") or "picture"


def ending_of(name: str, *, of_mask: bool = False) -> str:
    """Return a file name's ending, if it is one of pictures (or of masks), else nothing."""
    ending = Path(called(name)).suffix.lower()
    endings = (*PICTURES, ".bmp", ".gif", ".pbm", ".pgm", ".npy") if of_mask else PICTURES
    return ending if ending in endings else ""
