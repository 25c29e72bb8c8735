"""What may be asked for over HTTP, as FastAPI checks and describes it; and what is answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from restauro.detection.marks import LEAST, MOST
from restauro.errors import Remedy, RestauroError
from restauro.grain import check_grain, check_varies
from restauro.holes import Box
from restauro.method import DEFAULT_METHOD, make_method, method_class, method_names
from restauro.parameters import ChoiceParameter, Parameter
from restauro.strokes import LARGEST_RADIUS, MOST_POINTS, Stroke
from restauro.web import allowing
from restauro.web.planes import LEVELS
from restauro.web.session import Session
from restauro.web.step import Changed
from restauro.web.zoom import TILE

LARGEST_SIDE = 1_000_000  # pixels
Coordinate = Annotated[float, Field(ge=-LARGEST_SIDE, le=LARGEST_SIDE)]


class Asked(BaseModel):
    """What comes in; no field is let pass that isn't known."""

    model_config = ConfigDict(extra="forbid")


class Refusal(BaseModel):
    """Why something isn't done."""

    detail: str = Field(description="One sentence that says what is wrong and what to do")


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "It can't be done, and nothing has changed"},
    404: {"model": Refusal, "description": "There is no such session, job or example"},
    429: {"model": Refusal, "description": "Too many restorations are waiting"},
    507: {"model": Refusal, "description": "There isn't memory enough"},
}


class AskedStroke(Asked):
    """A stroke in pixels of the picture as it is seen; see `restauro.strokes.Stroke`."""

    points: list[tuple[float, float, float]] = Field(
        min_length=1, max_length=MOST_POINTS, description="x, y and radius each, from the upper left corner"
    )
    shape: Literal["brush", "polygon"] = "brush"
    hardness: float = Field(1.0, ge=0, le=1)
    strength: float = Field(1.0, gt=0, le=1)

    def stroke(self) -> Stroke:
        """Return it as restauro has it."""
        return Stroke(tuple(self.points), self.shape, self.hardness, self.strength)


class AskedMethod(Asked):
    """A way to restore; `/api/start` lists the methods and their parameters."""

    method: str = DEFAULT_METHOD
    parameters: dict[str, float | int | str] = {}


class AskedSource(Asked):
    """From where a stroke is healed: so many pixels further down and to the right, as the picture is seen."""

    down: int = Field(ge=-LARGEST_SIDE, le=LARGEST_SIDE)
    right: int = Field(ge=-LARGEST_SIDE, le=LARGEST_SIDE)


class AskedHeal(AskedMethod):
    """A stroke that is restored at once; from a source, where one is given, whatever the method."""

    stroke: AskedStroke
    source: AskedSource | None = None


class AskedPaint(Asked):
    """A stroke on a plane: where patchmatch may copy from and where it mustn't, or hints of what is damage."""

    plane: Literal["guides", "hints"]
    what: Literal["sources", "avoid", "damage", "sound", "erase"]
    stroke: AskedStroke


class AskedClear(Asked):
    """All that is painted on a plane is taken away; of guides the lines too."""

    plane: Literal["guides", "hints"]


class AskedLine(Asked):
    """A line that goes on across holes: x and y of its points."""

    points: list[tuple[Coordinate, Coordinate]] = Field(min_length=2, max_length=1000)


class AskedGrain(AskedMethod):
    """A way to restore, with grain or without."""

    grain: Literal["match"] | None = None


class AskedRestore(AskedGrain):
    """All that is marked is restored, or what of it lies in an area; several variants by so many seeds, from one on."""

    area: AskedStroke | None = None
    seed: int = Field(0, ge=0, lt=2**32)
    variants: int = Field(1, ge=1, le=8)


class AskedMark(Asked):
    """A stroke that marks damage, or takes marks away."""

    stroke: AskedStroke
    mode: Literal["add", "erase"] = "add"


class AskedAction(Asked):
    """All marks are changed: grown or shrunk by `pixels`, or those added that have the colour at x, y."""

    action: Literal["invert", "clear", "grow", "shrink", "colour"]
    pixels: int = Field(1, ge=1, le=100)
    x: float = Field(0, ge=0, le=LARGEST_RADIUS**2)
    y: float = Field(0, ge=0, le=LARGEST_RADIUS**2)
    tolerance: int = Field(16, ge=0, le=255)


class AskedFind(Asked):
    """Damage is looked for: kinds of it, and false marks a megapixel that may be expected of each."""

    kinds: list[Literal["cracks", "scratches", "losses", "dust"]] = Field(max_length=4)
    sensitivity: float = Field(3.0, ge=LEAST, le=MOST)


class AskedSearch(AskedFind):
    """It is looked for in all of the picture; with what is painted as hints, too, or by them alone."""

    hints: bool = False


class AskedLook(AskedFind):
    """It is looked for in a box alone: left, top, right, bottom, as the picture is seen."""

    box: tuple[int, int, int, int]


class AskedJudgement(Asked):
    """Marks that are proposed are left out or taken: one by its number, or those that an area meets.

    `left` None turns over what the one was.
    """

    number: int | None = None
    area: AskedStroke | None = None
    left: bool | None = None


class AskedSwitch(Asked):
    """A result is shown or hidden."""

    number: int
    shown: bool


class AskedPart(Asked):
    """What a result made of an area is put on top."""

    number: int
    area: AskedStroke


class AskedRedo(Asked):
    """All results from one on are restored anew."""

    number: int


def answered(session: Session, changed: Changed | None = None) -> dict[str, Any]:
    """Return what a page needs after something was done: which boxes look different, what there is to undo.

    Boxes are [left, top, right, bottom], as the picture is seen.
    """
    changed = changed or Changed()
    layers = ("picture", "marks", "found", *LEVELS)
    boxes = {layer: [_turned(box) for box in getattr(changed, layer)] for layer in layers}
    judged = {"found": session.finder.described()} if changed.judged else {}
    return {**session.described(), **judged, "changed": boxes}


def described(session: Session) -> dict[str, Any]:
    """Return what a page needs to open a session."""
    picture = session.picture
    return {
        "session": session.about.number,
        "name": session.about.name,
        "format": picture.format,
        "width": session.size[1],
        "height": session.size[0],
        "bands": picture.bands,
        "bits": picture.bits,
        "tile": TILE,
        "levels": session.zoom.top + 1,
        "marked": bool(session.marks.any()),
        "refused": {name: sentence(error) for name, error in allowing.refusals(session.policy).items()},
        "notes": [str(note) for note in (*picture.notes, *session.notes)],
        **answered(session),
    }


def methods() -> list[dict[str, Any]]:
    """Return all methods with their parameters, as the command line has them."""
    listed = []
    for name in method_names():
        chosen = method_class(name)
        about: dict[str, Any] = {"name": name, "title": chosen.title, "summary": " ".join(chosen.summary.split())}
        about["takes"] = sorted(chosen.takes)
        parameters = [
            {
                "name": parameter.name,
                "default": parameter.default,
                "meaning": parameter.about.meaning,
                "range": parameter.about.range_text,
                "kind": "choice" if isinstance(parameter.about, ChoiceParameter) else parameter.kind.__name__,
                "choices": parameter.about.choices if isinstance(parameter.about, ChoiceParameter) else None,
                "minimum": parameter.about.minimum if isinstance(parameter.about, Parameter) else None,
                "maximum": parameter.about.maximum if isinstance(parameter.about, Parameter) else None,
                "unit": parameter.about.unit if isinstance(parameter.about, Parameter) else "",
            }
            for parameter in chosen.parameters()
        ]
        listed.append({**about, "default": name == DEFAULT_METHOD, "parameters": parameters})
    return listed


def refusals(asked: AskedGrain) -> dict[str, str | None]:
    """Return why a method isn't given grain, and why it isn't varied; None where it may be."""
    method = make_method(asked.method, dict(asked.parameters))
    grain = why_not(lambda: check_grain("match", method))
    return {"grain": grain, "variants": why_not(lambda: check_varies(method, None if grain else asked.grain))}


def why_not(check: Callable[[], None]) -> str | None:
    """Return what is said of the error that a check raises, None where it raises none."""
    try:
        check()
    except RestauroError as error:
        return sentence(error)
    return None


def sentence(error: Exception) -> str:
    """Return what an error says to a person at the page."""
    if not isinstance(error, RestauroError):
        return f"restauro failed on it ({type(error).__name__}). The fault is restauro's: please report it."
    ways = [way for way in error.remedies if isinstance(way, str) or way.parameter in ("method", "grain")]
    said = RestauroError(error.fact.removeprefix(f"{error.subject}: "), *ways)
    text = said.worded(_as_in_the_menu) if ways or not error.remedies else f"{said.fact}."
    return re.sub(r"(?:/[^\s/:']+)+/(?=[^\s/])", "", text)


def _as_in_the_menu(remedy: Remedy) -> str:
    """Word a way out for which the page has a control: another method, or grain."""
    if remedy.parameter == "grain":
        return f"Match grain {remedy.why}".rstrip()
    which = "another method" if remedy.value is ... else f"the method {remedy.value}"
    return f"{which} {remedy.why}".rstrip()


def _turned(box: Box) -> tuple[int, int, int, int]:
    return box[2], box[0], box[3], box[1]
