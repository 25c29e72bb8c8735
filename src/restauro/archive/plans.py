"""Plans: which pictures there are, and what a manifest (CSV) says of each."""

from __future__ import annotations

import csv
import glob
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restauro.archive import places
from restauro.archive.jobs import DECISIONS
from restauro.errors import DataError, MaskError, ParameterError
from restauro.files.formats import ENDINGS
from restauro.mask_files import ENDINGS as MASK_ENDINGS
from restauro.mask_files import NoMaskError
from restauro.picture_mask import is_file, is_infrared

# What a plan says of a picture, a column each; but for the first they may be missing.
COLUMNS = ("picture", "mask", "output", "method", "parameters", "decision", "reviewer", "mask_sha256")
# What a report says beside: it is a plan too, and so these may stand in one.
REPORTED = ("state", "width", "height", "regions", "hole_pixels", "largest", "widest", "near_lettering",
            "needs_an_eye",
            "changed_outside", "seconds", "notes", "error")  # fmt: skip
_PICTURE_ENDINGS = tuple(ending for endings in ENDINGS.values() for ending in endings)


@dataclass(frozen=True)
class Row:
    """What a manifest says of a picture: absolute places; empty where it says nothing.

    Attributes are `COLUMNS`, beside
    number
        The row's line in a spreadsheet: 2 is the first below the names.
    problem
        What is wrong with the row; None: nothing.
    """

    number: int
    picture: str
    mask: str = ""
    output: str = ""
    method: str = ""
    parameters: Mapping[str, Any] | None = None
    decision: str = ""
    reviewer: str = ""
    mask_sha256: str = ""
    problem: Exception | None = None


def read_manifest(place: str) -> list[Row]:
    """Read a manifest: CSV in UTF-8, a line a picture, names of columns in the first; see docs/archives.md.

    Columns are `COLUMNS`, of which `picture` must be there. Places are relative to the manifest's folder. Where there
    is a column `decision`, what isn't decided is "undecided".

    Raises
    ------
    DataError
        It has no column of pictures, one of another name, or no row.
    """
    text = places.read_text(place)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    names = [name.strip().lower() for name in next(reader, [])]
    if "picture" not in names:
        raise DataError(f"{place} has no column picture: name the columns in its first line, {', '.join(COLUMNS[:7])}.")
    for name in names:
        if name not in COLUMNS + REPORTED:
            raise DataError(f"{place} has a column {name!r}, which isn't one of {', '.join(COLUMNS[:7])}: rename it.")
        if names.count(name) > 1:
            raise DataError(f"{place} has two columns {name!r}: rename one.")
    rows = [
        _row(place, number, dict(zip(names, map(str.strip, cells), strict=False)))
        for number, cells in enumerate(reader, start=2)
        if any(cells)
    ]
    if not rows:
        raise DataError(f"{place} names no picture: write one a line below the columns' names.")
    return rows


def _row(place: str, number: int, cells: dict[str, str]) -> Row:
    """Return a row; what is wrong with it is its problem alone."""
    problem: Exception | None = None
    parameters: dict[str, Any] | None = None
    decision, reviewer = cells.get("decision", "").lower(), cells.get("reviewer", "")
    try:
        parameters = parse_parameters(cells.get("parameters", ""))
        if decision and decision not in DECISIONS:
            raise ParameterError(
                f"Line {number} of {place} decides {decision!r}: say {', '.join(DECISIONS[:-1])} or {DECISIONS[-1]}."
            )
        if decision and not reviewer:
            raise ParameterError(f"Line {number} of {place} says {decision}, and not who: name the reviewer.")
        if not cells["picture"]:
            raise ParameterError(f"Line {number} of {place} names no picture.")
    except (ParameterError, KeyError) as error:
        problem = error
    if not decision and "decision" in cells:
        decision = "undecided"
    mask = cells.get("mask", "")
    named = mask.removeprefix("infrared:") if is_infrared(mask) and _names_file(mask) else mask
    if mask and _names_file(mask):
        mask = mask.removesuffix(named) + places.beside(place, named)
    return Row(
        number,
        places.beside(place, cells.get("picture", "")),
        mask,
        places.beside(place, cells["output"]) if cells.get("output") else "",
        cells.get("method", ""),
        parameters,
        decision,
        reviewer,
        cells.get("mask_sha256", ""),
        problem,
    )


def _names_file(mask: str) -> bool:
    from restauro.picture_mask import file_of

    return is_file(mask) or file_of(mask) is not None


def parse_parameters(text: str) -> dict[str, Any]:
    """Read a method's parameters: name=value, with commas or semicolons between.

    >>> parse_parameters("radius=5; sharpness=2.5; model=paintings")
    {'radius': 5, 'sharpness': 2.5, 'model': 'paintings'}

    Raises
    ------
    ParameterError
        It isn't written so.
    """
    found = {}
    for part in filter(None, map(str.strip, text.replace(";", ",").split(","))):
        name, sign, value = map(str.strip, part.partition("="))
        if not (name and sign and value):
            raise ParameterError(f"Parameters are written name=value, with commas between, and not {part!r}.")
        found[name.replace("-", "_")] = _value(value)
    return found


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parameters_as_text(parameters: Mapping[str, Any]) -> str:
    """Write parameters as `parse_parameters` reads them.

    >>> parameters_as_text({"radius": 5, "model": "paintings"})
    'radius=5; model=paintings'
    """
    return "; ".join(f"{name}={value}" for name, value in parameters.items())


def is_pattern(place: str) -> bool:
    """Whether a place is a pattern: it has a * and no file is called so."""
    return "*" in place and not os.path.exists(place)


def pictures_in(place: str) -> list[str]:
    """Return the pictures that a URL stands for (a file, a folder that ends in /, a pattern), or a local pattern.

    Raises
    ------
    DataError
        There is none.
    """
    if places.is_remote(place):
        if not (place.endswith("/") or "*" in place):
            return [place]
        found = places.listed(place)
    else:
        found = sorted(os.path.abspath(path) for path in glob.glob(place, recursive=True) if os.path.isfile(path))
    pictures = [path for path in found if path.lower().endswith(_PICTURE_ENDINGS)]
    pictures = [path for path in pictures if not places.name_of(path).startswith(".")]
    if not pictures:
        raise DataError(f"There is no picture file at {place}.")
    return pictures


class MaskFolder:
    """A folder of masks, looked into once: which is a picture's, by the rules of `restauro.mask_files.find_mask`.

    Parameters
    ----------
    folder
        A path or a URL.
    pattern
        What masks are called, with {stem} for the picture's name without its ending.
    """

    def __init__(self, folder: str, pattern: str | None = None) -> None:
        self.folder, self.pattern = folder, pattern
        self._by_stem: dict[str, list[str]] = {}
        for name in self._names():
            if pattern or name.lower().endswith(MASK_ENDINGS):
                self._by_stem.setdefault(os.path.splitext(name)[0], []).append(name)

    def _names(self) -> list[str]:
        if places.is_remote(self.folder):
            return sorted(places.name_of(url) for url in places.listed(self.folder.rstrip("/") + "/"))
        try:
            return sorted(entry.name for entry in os.scandir(self.folder))
        except OSError as error:
            raise MaskError(f"The folder of masks {self.folder} can't be read ({error.strerror}).") from None

    def of(self, picture: str) -> str:
        """Return the mask of a picture.

        Raises
        ------
        NoMaskError, MaskError
            There is none; there are two.
        """
        stem = Path(places.name_of(picture)).stem
        if self.pattern:
            name = self.pattern.replace("{stem}", stem)
            if name not in self._by_stem.get(os.path.splitext(name)[0], ()):
                raise NoMaskError(f"There is no mask for it: it would be called {places.within(self.folder, name)}.")
            return places.within(self.folder, name)
        for of_stem in (stem, f"{stem}_mask"):
            found = [places.within(self.folder, name) for name in self._by_stem.get(of_stem, ())]
            found = [place for place in found if place != places.absolute(picture)]
            if len(found) > 1:
                names = " and ".join(map(places.name_of, found))
                raise MaskError(f"There are two masks for it in {self.folder}: {names}. Move one of them away.")
            if found:
                return found[0]
        raise NoMaskError(
            f"There is no mask for it in {self.folder}: it would be called {stem}.png or {stem}_mask.png."
        )
