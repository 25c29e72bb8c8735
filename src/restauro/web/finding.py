"""Routes by which damage is looked for, and what was found is judged and becomes marks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from restauro.detection.detecting import check_options
from restauro.errors import MaskError, ParameterError
from restauro.holes import Box
from restauro.web import asked, shared
from restauro.web.finder import Found, Place
from restauro.web.session import Session
from restauro.web.shared import Opened, Owner, Shared

router = APIRouter()


@router.post("/sessions/{number}/found/look")
def look(session: Opened, body: asked.AskedLook) -> dict[str, Any]:
    """Propose what the network finds in a box; where `complete` is false, ask again: it looks at some at a time."""
    _check_kinds(body)
    left, top, right, bottom = body.box
    box = max(top, 0), min(bottom, session.size[0]), max(left, 0), min(right, session.size[1])
    if box[0] >= box[1] or box[2] >= box[3]:
        raise ParameterError("The box lies outside of the picture: give left, top, right and bottom in it.")
    return _proposed(session, session.finder.look(box, body.kinds, body.sensitivity))


@router.post("/sessions/{number}/found/search")
def search(session: Opened, server: Shared, owner: Owner, body: asked.AskedSearch) -> dict[str, Any]:
    """Propose what is found in all of the picture, by network and hints, as a job; see `restauro.detect`."""
    hints = session.planes["hints"].levels.copy() if body.hints else None
    if hints is not None:
        check_options(body.kinds or None, None, None, None, None, has_hints=True)
    else:
        _check_kinds(body)

    def work(progress: Callable[[float], object]) -> dict[str, Any]:
        return _proposed(session, session.finder.search(body.kinds, body.sensitivity, hints, progress))

    return {"job": server.jobs.start(owner, work).number}


@router.get("/sessions/{number}/found")
def proposed(session: Opened) -> dict[str, Any]:
    """Return what is proposed: the largest marks, how many there are of each kind, how many are left out."""
    return _proposed(session, [])


@router.delete("/sessions/{number}/found")
def forget(session: Opened) -> dict[str, Any]:
    """Propose nothing any more."""
    return _proposed(session, session.finder.forget())


@router.post("/sessions/{number}/found/judge")
def judge(session: Opened, body: asked.AskedJudgement) -> dict[str, Any]:
    """Leave marks out, or take them: one by its number, or those that an area meets."""
    with session.lock:
        found = session.finder.found
        if found is None:
            raise MaskError("Nothing is proposed: look for damage first.")
        numbers = _meant(session, found, body)
        if not numbers:
            return asked.answered(session)
        now = session.finder.left
        left = not now[numbers].all() if body.left is None else body.left
        places: list[Place] = found.middles([number for number in numbers if not now[number]])
        if not left:
            places = sorted(session.finder.left_out & found.places_of(numbers))
        return shared.done(session, "judge", {"left": left, "places": places})


@router.post("/sessions/{number}/found/take")
def take(session: Opened) -> dict[str, Any]:
    """Mark all that is proposed and isn't left out."""
    return shared.done(session, "take-found", {})


def _check_kinds(body: asked.AskedFind) -> None:
    if not body.kinds:
        raise ParameterError("It isn't said what to look for: choose a kind of damage.")


def _meant(session: Session, found: Found, body: asked.AskedJudgement) -> list[int]:
    """Return the numbers of the marks that are meant."""
    if body.area is not None:
        return [int(number) for number in found.within(*body.area.stroke().drawn(session.size)).nonzero()[0]]
    if body.number is None or not 0 <= body.number < len(found.kinds):
        raise ParameterError("There is no such mark: name one by its number, or an area.")
    return [body.number]


def _proposed(session: Session, boxes: list[Box]) -> dict[str, Any]:
    changed = [(left, top, right, bottom) for top, bottom, left, right in boxes]
    return {"found": session.finder.described(), "changed": {"found": changed}}
