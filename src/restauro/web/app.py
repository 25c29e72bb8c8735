"""The local page's application: its routes, which let nobody in without the token."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pyvips
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

import restauro
from restauro.errors import RestauroError
from restauro.inpainting import load_kernels
from restauro.method import DEFAULT_METHOD, make_method
from restauro.web import asked, finding, opening, working
from restauro.web.guarding import Guard
from restauro.web.jobs import BusyError, Jobs
from restauro.web.sessions import GoneError, Sessions
from restauro.web.shared import Server

STATIC = Path(__file__).parent / "static"


def make_app(
    *,
    token: str,
    port: int,
    folder: Path,
    picture: Path | None = None,
    started_in: Path = Path(),
    end: Callable[[], object] | None = None,
) -> Guard:
    """Return the application, which lets nobody in without the token.

    Parameters
    ----------
    token, port
        See `Guard`.
    folder
        Where sessions lie.
    picture
        A picture of this machine to begin with.
    started_in
        The folder whose policy binds what is sent to the page, by default the current one.
    end
        Ends the server; None: the page can't.
    """
    pyvips.cache_set_max(0)  # libvips keeps pictures that may be asked for again, and these are ours to keep
    app = FastAPI(title="restauro", version=restauro.__version__, docs_url=None, redoc_url=None, lifespan=_lifespan)
    app.state.server = Server(Sessions(folder, started_in.absolute()), Jobs(), picture, _examples(), end)
    for routes in (opening, working, finding):
        app.include_router(routes.router, prefix="/api", responses=asked.REFUSALS)
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
    if server.picture:
        server.sessions.read_ahead(server.picture)
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


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """Answer with the sentence that an error says, without this machine's paths and Python's words."""
    if isinstance(error, MemoryError):
        return JSONResponse({"detail": "There isn't memory enough for it: close other pictures."}, 507)
    status = 404 if isinstance(error, GoneError) else 429 if isinstance(error, BusyError) else 400
    return JSONResponse({"detail": asked.sentence(error)}, status)
