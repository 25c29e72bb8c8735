"""Routes by which a picture is worked on: healed, marked, restored, undone, saved; and jobs followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from restauro.errors import MaskError
from restauro.files.formats import ENDINGS
from restauro.grain import check_grain, check_varies
from restauro.method import make_method
from restauro.methods.heal import Heal
from restauro.web import asked, layered, projects, shared, zoom
from restauro.web.finder import LEFT, TAKEN
from restauro.web.jobs import Job
from restauro.web.planes import COLOURS
from restauro.web.sessions import GoneError
from restauro.web.shared import Opened, Owner, Server, Shared

_TICK = 0.1  # seconds between reports of a job
_FOREVER = {"cache-control": "private, max-age=86400, immutable"}  # a tile's address names the state that it shows

router = APIRouter()


@router.get("/sessions/{number}/tiles/{layer}/{level}/{column}/{row}")
def tile(
    session: Opened,
    layer: Literal["picture", "untouched", "difference", "marks", "found", "guides", "hints"],
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
    red, green, blue = bytes.fromhex(colour)
    if layer == "marks":
        found = zoom.marks_png(session.marks_zoom.tile(level, column, row), (red, green, blue))
    elif layer == "found":
        shown = {TAKEN: (red, green, blue, 255), LEFT: (128, 128, 128, 150)}
        found = zoom.painted_png(session.finder.zoom.tile(level, column, row), shown)
    elif layer in COLOURS:
        found = zoom.painted_png(session.planes[layer].zoom.tile(level, column, row), COLOURS[layer])
    else:
        look = zoom.Look(exposure, gamma, band, inverted, layer == "difference")
        found = session.zoom.tile(level, column, row, look, untouched=layer == "untouched")
    return Response(found, media_type="image/png", headers=_FOREVER)


@router.post("/sessions/{number}/heal")
def heal(session: Opened, body: asked.AskedHeal) -> dict[str, Any]:
    """Restore what a stroke covers, at once."""
    stroke = body.stroke.stroke().as_dict()
    method, parameters = body.method, dict(body.parameters)
    if body.source is not None:
        method, parameters = Heal.name, body.source.model_dump()
    return shared.done(session, "heal", {"stroke": stroke, "method": method, "parameters": parameters})


@router.post("/sessions/{number}/marks")
def mark(session: Opened, body: asked.AskedMark) -> dict[str, Any]:
    """Mark what a stroke covers as damage, or not."""
    return shared.done(session, "mark", {"stroke": body.stroke.stroke().as_dict(), "mode": body.mode})


@router.post("/sessions/{number}/marks/all")
def change_marks(session: Opened, body: asked.AskedAction) -> dict[str, Any]:
    """Change all marks."""
    return shared.done(session, "marks", body.model_dump())


@router.post("/sessions/{number}/paint")
def paint(session: Opened, body: asked.AskedPaint) -> dict[str, Any]:
    """Paint what guides methods, or hints."""
    return shared.done(session, "paint", {**body.model_dump(), "stroke": body.stroke.stroke().as_dict()})


@router.post("/sessions/{number}/paint/clear")
def clear_painted(session: Opened, body: asked.AskedClear) -> dict[str, Any]:
    """Take away all that is painted on a plane; of guides the lines too."""
    return shared.done(session, "clear", body.model_dump())


@router.post("/sessions/{number}/lines")
def draw_line(session: Opened, body: asked.AskedLine) -> dict[str, Any]:
    """Draw a line that goes on across holes, for methods that take guides."""
    return shared.done(session, "line", {"points": [list(point) for point in body.points]})


@router.put("/sessions/{number}/marks")
async def load_marks(request: Request, session: Opened, name: str = Query(max_length=255)) -> dict[str, Any]:
    """Take the marks of a mask file, the request's body, as large as the picture is seen: white is damage."""
    file = f"mask-{session.revision}-{len(session.steps)}{shared.ending_of(name, of_mask=True)}"
    await shared.receive(request, session.folder / file)
    return await run_in_threadpool(lambda: shared.done(session, "marks", {"action": "load", "mask": file}))


@router.get("/sessions/{number}/marks")
def save_marks(session: Opened) -> FileResponse:
    """Return the marks as a PNG: white is damage, grey damaged in part."""
    return shared.sent(f"{Path(session.about.name).stem}-mask.png", session.write_marks)


@router.get("/sessions/{number}/picture")
def save(session: Opened, ending: str | None = None) -> FileResponse:
    """Return the picture as it is, in its own depth and format, or in that of another ending."""
    name = Path(session.about.name)
    if ending not in shared.PICTURES:
        own = ENDINGS[session.picture.format]
        ending = name.suffix if name.suffix.lower() in own else own[0]
    return shared.sent(f"{name.stem}-restored{ending}", session.write)


@router.get("/sessions/{number}/project")
def save_project(session: Opened) -> FileResponse:
    """Return the session as a project file: the picture with all that was done to it, to be opened again."""
    return shared.sent(f"{Path(session.about.name).stem}{projects.ENDING}", partial(projects.write_project, session))


@router.get("/sessions/{number}/layers")
def save_layers(session: Opened, ending: Literal[".ora", ".tif"] = ".ora") -> FileResponse:
    """Return the session as OpenRaster or TIFF: the untouched picture, what was restored by kind, masks by name."""
    return shared.sent(f"{Path(session.about.name).stem}-layers{ending}", partial(layered.save_layers, session))


@router.put("/sessions/{number}/layers")
async def load_layers(request: Request, session: Opened) -> dict[str, Any]:
    """Take what was changed by hand in a layered file, the request's body: pixels become a result, marks marks."""
    file = session.folder / f"layers-{session.revision}.ora"
    try:
        await shared.receive(request, file)
        return await run_in_threadpool(shared.edited, session, file)
    finally:
        file.unlink(missing_ok=True)


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
    return shared.done(session, "switch", {"of": body.number, "shown": body.shown})


@router.post("/sessions/{number}/part")
def take_part(session: Opened, body: asked.AskedPart) -> dict[str, Any]:
    """Put on top what a result made of an area, whether it is shown or not."""
    return shared.done(session, "part", {"of": body.number, "area": body.area.stroke().as_dict()})


@router.post("/refusals")
def refusals(body: asked.AskedGrain) -> dict[str, str | None]:
    """Return why a method isn't given `grain`, and why `variants` aren't made by it; null where it may be."""
    return asked.refusals(body)


@router.post("/sessions/{number}/restore")
def restore(session: Opened, server: Shared, owner: Owner, body: asked.AskedRestore) -> dict[str, Any]:
    """Restore what is marked, as a job; of several variants the last one is shown."""
    method = make_method(body.method, dict(body.parameters))
    if policy := session.policy:
        policy.check_method(method)
    check_grain(body.grain, method)
    if body.variants > 1:
        check_varies(method, body.grain)
    if not session.marks.any():
        raise MaskError("Nothing is marked: paint over the damage first, or load a mask.")
    area = body.area and body.area.stroke().as_dict()
    values = {"method": body.method, "parameters": body.parameters, "area": area, "grain": body.grain}
    seeds = range(body.seed, body.seed + body.variants)
    return shared.started(server, owner, session, "restore", *({**values, "seed": seed} for seed in seeds))


@router.post("/sessions/{number}/redo-from")
def redo_from(session: Opened, server: Shared, owner: Owner, body: asked.AskedRedo) -> dict[str, Any]:
    """Restore all from one result on anew, as a job: what was stale isn't any more."""
    return shared.started(server, owner, session, "redo", {"of": body.number})


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

    return StreamingResponse(events(), media_type="text/event-stream", headers=shared.NOW)


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
