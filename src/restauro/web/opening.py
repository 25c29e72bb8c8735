"""Routes by which pictures are opened, and given up again."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

import restauro
from restauro.files.layers import ENDING, extract_lowest
from restauro.files.reading import stamp_of
from restauro.web import asked, projects, shared
from restauro.web.session import MOST_PIXELS
from restauro.web.sessions import GoneError, last_used
from restauro.web.shared import Opened, Owner, Shared

CalledName = Annotated[str, Query(max_length=255)]

router = APIRouter()


@router.get("/start")
def start(server: Shared, owner: Owner) -> dict[str, Any]:
    """Return what there is to begin with: methods, examples, what was worked on before."""
    about = server.sessions.of(owner)
    return {
        "version": restauro.__version__,
        "given": server.picture.name if server.picture else None,
        "examples": list(server.examples),
        "sessions": [{"session": one.number, "name": one.name, "used": last_used(one.folder)} for one in about],
        "methods": asked.methods(),
        "layers": [ENDING, *([".tif"] if find_spec("psdtags") else [])],
        "ends": server.end is not None,
        "endings": [*shared.PICTURES, projects.ENDING, ENDING],
    }


@router.post("/sessions")
async def upload(request: Request, server: Shared, owner: Owner, name: CalledName) -> dict[str, Any]:
    """Open a picture: the request's body is its file, `name` what it is called."""
    with server.sessions.new() as folder:
        path = folder / f"picture{shared.ending_of(name)}"
        await shared.receive(request, path)
        session = await run_in_threadpool(server.sessions.begin, owner, shared.called(name), path, folder)
        return asked.described(session)


@router.post("/layers")
async def open_layers(
    request: Request, server: Shared, owner: Owner, name: str = Query(max_length=255)
) -> dict[str, Any]:
    """Open a layered file, the request's body: its lowest layer is the picture, the others what was done to it."""
    with server.sessions.new() as folder:
        file, path = folder / "layers.ora", folder / "picture.png"
        await shared.receive(request, file)
        await run_in_threadpool(extract_lowest, file, path, MOST_PIXELS)
        called = f"{Path(shared.called(name)).stem}.png"
        session = await run_in_threadpool(server.sessions.begin, owner, called, path, folder)
        await run_in_threadpool(shared.edited, session, file)
        file.unlink()
        return asked.described(session)


@router.post("/projects")
async def open_project(request: Request, server: Shared, owner: Owner) -> dict[str, Any]:
    """Open a project file, the request's body: the picture with all that was done to it."""
    with server.sessions.new() as folder:
        await shared.receive(request, folder / "project")
        name, picture = await run_in_threadpool(projects.read_project, folder / "project", folder, shared.MOST_BYTES)
        (folder / "project").unlink()
        session = await run_in_threadpool(server.sessions.begin, owner, shared.called(name), picture, folder)
        return asked.described(session)


@router.post("/examples/{number}")
def open_example(number: int, server: Shared, owner: Owner) -> dict[str, Any]:
    """Open an example, by its place in the list."""
    paths = list(server.examples.values())
    if not 0 <= number < len(paths):
        raise GoneError("There is no such example.")
    with server.sessions.new() as folder:
        path = Path(shutil.copy(paths[number], folder / f"picture{paths[number].suffix}"))
        return asked.described(server.sessions.begin(owner, paths[number].name, path, folder))


@router.post("/given")
def open_given(server: Shared, owner: Owner) -> dict[str, Any]:
    """Open the picture that the command line named, where it was left."""
    if server.picture is None:
        raise GoneError("The command line named no picture.")
    stamp = stamp_of(server.picture)
    for about in server.sessions.of(owner):
        if (about.picture, about.stamp) == (server.picture, stamp):
            return asked.described(server.sessions.get(about.number, owner))
    with server.sessions.new() as folder:
        return asked.described(server.sessions.begin(owner, server.picture.name, server.picture, folder))


@router.get("/sessions/{number}")
def describe(session: Opened) -> dict[str, Any]:
    """Return what a session is about, and what was done."""
    return asked.described(session)


@router.delete("/sessions/{number}")
def forget(number: str, server: Shared, owner: Owner) -> dict[str, Any]:
    """Remove a session with all that was done."""
    server.sessions.forget(number, owner)
    return {}


@router.post("/sessions/{number}/close")
def close(number: str, server: Shared, owner: Owner) -> dict[str, Any]:
    """Give a session's memory back; it can be opened again."""
    server.sessions.put_away(number, owner)
    return {}


@router.post("/end")
def end(server: Shared) -> dict[str, Any]:
    """End the server, as Ctrl-C does: what was done is kept."""
    if server.end is None:
        raise GoneError("This server isn't ended from a page: end it where it was started.")
    server.end()
    return {}
