"""The local page's routes: everything it does, over HTTP, for it and for programs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import pyvips
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

import restauro
from restauro.errors import MaskError, ReadError, RestauroError
from restauro.files.formats import ENDINGS
from restauro.files.reading import stamp_of
from restauro.inpainting import load_kernels
from restauro.method import DEFAULT_METHOD, make_method
from restauro.web import asked, projects, zoom
from restauro.web.guarding import Guard
from restauro.web.jobs import BusyError, Job, Jobs
from restauro.web.sessions import GoneError, Session, Sessions

MOST_BYTES = 4_000_000_000  # of a picture that is sent
STATIC = Path(__file__).parent / "static"
_ENDINGS = [ending for endings in ENDINGS.values() for ending in endings]
_TICK = 0.1  # seconds between reports of a job
_FOREVER = {"cache-control": "private, max-age=86400, immutable"}  # a tile's address names the state that it shows
_NOW = {"cache-control": "no-store"}

router = APIRouter(prefix="/api")


@dataclass(frozen=True)
class Server:
    """What all routes share."""

    sessions: Sessions
    jobs: Jobs
    picture: Path | None
    examples: dict[str, Path]


def make_app(*, token: str, port: int, folder: Path, picture: Path | None = None) -> Guard:
    """Return the application, which lets nobody in without the token.

    Parameters
    ----------
    token, port
        See `Guard`.
    folder
        Where sessions lie.
    picture
        A picture of this machine to begin with.
    """
    pyvips.cache_set_max(0)  # libvips keeps pictures that may be asked for again, and these are ours to keep
    app = FastAPI(title="restauro", version=restauro.__version__, docs_url=None, redoc_url=None, lifespan=_lifespan)
    app.state.server = Server(Sessions(folder), Jobs(), picture, _examples())
    app.include_router(router)
    app.add_exception_handler(RestauroError, _refused)
    app.add_exception_handler(MemoryError, _refused)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return Guard(app, token=token, port=port)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    server: Server = app.state.server
    threading.Thread(target=load_kernels, args=[make_method(DEFAULT_METHOD, {})], daemon=True).start()
    threading.Thread(target=server.sessions.prune, daemon=True).start()
    yield
    await run_in_threadpool(server.jobs.stop)


def _docs() -> FileResponse:
    return FileResponse(STATIC / "docs.html")


def _examples() -> dict[str, Path]:
    """Return pictures to try it on; a wheel has them beside the page, a clone in its own folder."""
    folders = [Path(__file__).parent / "examples", Path(__file__).parents[3] / "examples"]
    names = {"Canaletto, Piazza San Marco": "canaletto-damaged.jpg", "Goya, The Milkmaid": "goya-damaged.tif"}
    places = [(title, folder / name) for title, name in names.items() for folder in folders]
    return {title: path for title, path in places if path.exists()}


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


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """Answer with the sentence that an error says, without this machine's paths and Python's words."""
    if isinstance(error, MemoryError):
        return JSONResponse({"detail": "There isn't memory enough for it: close other pictures."}, 507)
    status = 404 if isinstance(error, GoneError) else 429 if isinstance(error, BusyError) else 400
    return JSONResponse({"detail": asked.sentence(error)}, status)


@router.get("/start")
def start(server: Shared, owner: Owner) -> dict[str, Any]:
    """Return what there is to begin with: methods, examples, what was worked on before."""
    about = server.sessions.of(owner)
    return {
        "version": restauro.__version__,
        "given": server.picture.name if server.picture else None,
        "examples": list(server.examples),
        "sessions": [{"session": one.number, "name": one.name} for one in about],
        "methods": asked.methods(),
        "endings": [*_ENDINGS, projects.ENDING],
    }


@router.post("/sessions")
async def upload(request: Request, server: Shared, owner: Owner, name: str = Query(max_length=255)) -> dict[str, Any]:
    """Open a picture: the request's body is its file, `name` what it is called."""
    with server.sessions.new() as folder:
        path = folder / f"picture{_ending(name)}"
        await _receive(request, path)
        session = await run_in_threadpool(server.sessions.begin, owner, _called(name), path, folder)
        return asked.described(session)


@router.post("/projects")
async def open_project(request: Request, server: Shared, owner: Owner) -> dict[str, Any]:
    """Open a project file, the request's body: the picture with all that was done to it."""
    with server.sessions.new() as folder:
        await _receive(request, folder / "project")
        name, picture = await run_in_threadpool(projects.read_project, folder / "project", folder, MOST_BYTES)
        (folder / "project").unlink()
        session = await run_in_threadpool(server.sessions.begin, owner, _called(name), picture, folder)
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


@router.get("/sessions/{number}/tiles/{layer}/{level}/{column}/{row}")
def tile(
    session: Opened,
    layer: Literal["picture", "untouched", "difference", "marks"],
    level: int,
    column: int,
    row: int,
    exposure: float = Query(0.0, ge=-8, le=8),
    gamma: float = Query(1.0, ge=0.2, le=5),
    band: int | None = Query(None, ge=0, le=1000),
    inverted: bool = False,
    colour: str = Query("ff00c8", pattern="^[0-9a-f]{6}$"),
) -> Response:
    """Return a tile as a PNG; `levels` - 1 is the level at which a pixel is a pixel."""
    if layer == "marks":
        red, green, blue = bytes.fromhex(colour)
        found = zoom.marks_png(session.marks_zoom.tile(level, column, row), (red, green, blue))
    else:
        look = zoom.Look(exposure, gamma, band, inverted, layer == "difference")
        found = session.zoom.tile(level, column, row, look, untouched=layer == "untouched")
    return Response(found, media_type="image/png", headers=_FOREVER)


@router.post("/sessions/{number}/heal")
def heal(session: Opened, body: asked.AskedHeal) -> dict[str, Any]:
    """Restore what a stroke covers, at once."""
    stroke = body.stroke.stroke().as_dict()
    return _done(session, "heal", {"stroke": stroke, "method": body.method, "parameters": body.parameters})


@router.post("/sessions/{number}/marks")
def mark(session: Opened, body: asked.AskedMark) -> dict[str, Any]:
    """Mark what a stroke covers as damage, or not."""
    return _done(session, "mark", {"stroke": body.stroke.stroke().as_dict(), "mode": body.mode})


@router.post("/sessions/{number}/marks/all")
def change_marks(session: Opened, body: asked.AskedAction) -> dict[str, Any]:
    """Change all marks."""
    return _done(session, "marks", body.model_dump())


@router.put("/sessions/{number}/marks")
async def load_marks(request: Request, session: Opened, name: str = Query(max_length=255)) -> dict[str, Any]:
    """Take the marks of a mask file, the request's body, as large as the picture is seen: white is damage."""
    file = f"mask-{session.revision}-{len(session.steps)}{_ending(name, of_mask=True)}"
    await _receive(request, session.folder / file)
    return await run_in_threadpool(lambda: _done(session, "marks", {"action": "load", "mask": file}))


@router.get("/sessions/{number}/marks")
def save_marks(session: Opened) -> FileResponse:
    """Return the marks as a PNG: white is damage, grey damaged in part."""
    return _sent(f"{Path(session.about.name).stem}-mask.png", session.write_marks)


@router.get("/sessions/{number}/picture")
def save(session: Opened, ending: str | None = None) -> FileResponse:
    """Return the picture as it is, in its own depth and format, or in that of another ending."""
    name = Path(session.about.name)
    if ending not in _ENDINGS:
        own = ENDINGS[session.picture.format]
        ending = name.suffix if name.suffix.lower() in own else own[0]
    return _sent(f"{name.stem}-restored{ending}", session.write)


@router.get("/sessions/{number}/project")
def save_project(session: Opened) -> FileResponse:
    """Return the session as a project file: the picture with all that was done to it, to be opened again."""
    return _sent(f"{Path(session.about.name).stem}{projects.ENDING}", partial(projects.write_project, session))


@router.post("/sessions/{number}/undo")
def undo(session: Opened) -> dict[str, Any]:
    """Take back the last step."""
    return asked.answered(session, session.undo())


@router.post("/sessions/{number}/redo")
def redo(session: Opened) -> dict[str, Any]:
    """Do again the step that was taken back last."""
    return asked.answered(session, session.again())


@router.post("/sessions/{number}/switch")
def switch(session: Opened, body: asked.AskedSwitch) -> dict[str, Any]:
    """Show or hide a result, wherever it is in the order."""
    return _done(session, "switch", {"of": body.number, "shown": body.shown})


@router.post("/sessions/{number}/restore")
def restore(session: Opened, server: Shared, owner: Owner, body: asked.AskedRestore) -> dict[str, Any]:
    """Restore what is marked, as a job."""
    make_method(body.method, dict(body.parameters))
    if not session.marks.any():
        raise MaskError("Nothing is marked: paint over the damage first, or load a mask.")
    area = body.area and body.area.stroke().as_dict()
    values = {"method": body.method, "parameters": body.parameters, "area": area}
    return _started(server, owner, session, "restore", values)


@router.post("/sessions/{number}/redo-from")
def redo_from(session: Opened, server: Shared, owner: Owner, body: asked.AskedRedo) -> dict[str, Any]:
    """Restore all from one result on anew, as a job: what was stale isn't any more."""
    return _started(server, owner, session, "redo", {"of": body.number})


@router.get("/jobs/{number}")
async def follow(number: str, server: Shared, owner: Owner) -> StreamingResponse:
    """Follow a job by server-sent events: `state`, `fraction`, at the end `result` as of other routes, or `detail`."""
    job = _job(number, server, owner)

    async def events() -> AsyncIterator[str]:
        while True:
            ended = job.ended
            told: dict[str, Any] = {"state": job.state, "fraction": job.fraction}
            if ended:
                told |= {"result": job.result, "detail": asked.sentence(job.error) if job.error else None}
            yield f"data: {json.dumps(told)}\n\n"
            if ended:
                return
            await asyncio.sleep(_TICK)

    return StreamingResponse(events(), media_type="text/event-stream", headers=_NOW)


@router.delete("/jobs/{number}")
def cancel(number: str, server: Shared, owner: Owner) -> dict[str, Any]:
    """Cancel a job; what it did is taken back."""
    _job(number, server, owner).cancel()
    return {}


def _job(number: str, server: Server, owner: str) -> Job:
    job = server.jobs.get(number, owner)
    if job is None:
        raise GoneError("There is no such job.")
    return job


def _done(session: Session, kind: str, values: dict[str, Any]) -> dict[str, Any]:
    with session.lock:
        return asked.answered(session, session.do(kind, values))


def _started(server: Server, owner: str, session: Session, kind: str, values: dict[str, Any]) -> dict[str, Any]:
    def work(progress: Callable[[float], object]) -> dict[str, Any]:
        with session.lock:
            return asked.answered(session, session.do(kind, values, progress))

    return {"job": server.jobs.start(owner, work).number}


def _sent(name: str, write: Callable[[Path], object]) -> FileResponse:
    """Return a file that is written for it and removed when it has been sent."""
    folder = tempfile.mkdtemp(prefix="restauro-")
    try:
        write(Path(folder, name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    after = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(Path(folder, name), filename=name, headers=_NOW, background=after)


async def _receive(request: Request, path: Path) -> None:
    """Write a request's body to a file."""
    size = 0
    with path.open("wb") as file:
        async for part in request.stream():
            size += len(part)
            if size > MOST_BYTES:
                raise ReadError(f"The file has over {MOST_BYTES // 1_000_000_000} GB: name it on the command line.")
            await run_in_threadpool(file.write, part)


def _called(name: str) -> str:
    """Return a file's name without what stands before it and what a name can't hold."""
    return re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|]", "_", re.split(r"[/\\]", name)[-1]).strip(". ") or "picture"


def _ending(name: str, *, of_mask: bool = False) -> str:
    ending = Path(_called(name)).suffix.lower()
    endings = (*_ENDINGS, ".bmp", ".gif", ".pbm", ".pgm", ".npy") if of_mask else _ENDINGS
    return ending if ending in endings else ""
