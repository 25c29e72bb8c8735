"""Lines that go on across holes, from SVG drawings as Inkscape and other programs write them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from restauro.errors import ReadError, checked_path

_LARGEST = 20_000_000  # bytes of a file
_FLAT = 0.1  # pixels that a curve may lie beside its polyline, about
_MOST_PIECES = 256  # of one curve
_PROPORTIONS = 0.01  # by which part a drawing's may differ from the picture's
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_SHAPES = {"path", "polyline", "polygon", "line"}
_OTHER_SHAPES = {"rect", "circle", "ellipse", "text", "use", "svg"}
_UNSEEN = {"defs", "clipPath", "mask", "marker", "pattern", "symbol", "metadata", "title", "desc", "style", "namedview"}

Points = NDArray[np.float64]  # [n, 2], x and y, in the drawing's units


def read_guides(path: str | os.PathLike[str], size: tuple[int, int]) -> list[Points]:
    """Return the lines of an SVG drawing as polylines on a picture.

    The drawing's viewBox covers the picture. Read are paths (M, L, H, V, C, S, Q, T, Z and the same in small letters),
    polylines, polygons and lines, moved by transforms; curves become polylines. Hidden ones, and a picture that lies
    beneath, aren't seen; shapes of other kinds are an error.

    Parameters
    ----------
    path
        The file.
    size
        Height and width of the picture as people see it.

    Returns
    -------
    float64 [n, 2] each: rows and columns; whole numbers are the middles of pixels.

    Raises
    ------
    ReadError
        It isn't an SVG file, has other proportions than the picture, no lines, or something that isn't read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = pathlib.Path(folder.name, "lines.svg")
    >>> _ = file.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40"><path d="M 0,1 h 60"/></svg>')
    >>> read_guides(file, (80, 120))
    [array([[  1.5,  -0.5],
           [  1.5, 119.5]])]
    >>> folder.cleanup()
    """
    file = checked_path(path, "The drawing")
    try:
        if file.stat().st_size > _LARGEST:
            most = _LARGEST // 1_000_000
            raise ReadError(f"The drawing {file} has more than {most} megabytes: leave out all but its lines.")
        root = ElementTree.fromstring(file.read_bytes())
    except OSError as error:
        raise ReadError(f"The drawing {file} can't be read ({error.strerror}).") from None
    except ElementTree.ParseError as error:
        raise ReadError(f"The drawing {file} isn't an SVG file ({error}).") from None
    if _name(root) != "svg":
        raise ReadError(f"The drawing {file} isn't an SVG file: it begins with <{_name(root)}>.")
    try:
        to_picture = _to_picture(root, size)
        lines = [_mapped(line, matrix) for matrix, shape in _shapes(root, to_picture) for line in _lines(shape, matrix)]
    except ReadError as error:
        raise error.of(f"The drawing {file}") from None
    if not lines:
        raise ReadError(f"The drawing {file} has no lines that can be seen: draw paths, polylines or lines.")
    return [line[:, ::-1] - 0.5 for line in lines]


def _name(element: ElementTree.Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _to_picture(root: ElementTree.Element, size: tuple[int, int]) -> Points:
    """Return the matrix, [2, 3], that brings the drawing's units to pixels, x and y from the picture's corner."""
    height, width = size
    if "viewBox" in root.attrib:
        numbers = _numbers(root.attrib["viewBox"], "viewBox")
        if len(numbers) != 4 or min(numbers[2:]) <= 0:
            raise ReadError(f"Its viewBox {root.attrib['viewBox']!r} isn't four numbers: left, top, width and height.")
        left, top, across, down = numbers
    else:
        left, top = 0.0, 0.0
        across, down = _length(root.attrib.get("width"), width), _length(root.attrib.get("height"), height)
        if min(across, down) <= 0:
            raise ReadError(f"It is {across:g} x {down:g} units large: give it a viewBox.")
    if abs(math.log(across / down * height / width)) > _PROPORTIONS:
        raise ReadError(
            f"It is {across:g} x {down:g} units large and the picture {width} x {height} pixels, of other proportions: "
            "draw it on this very picture, on a page as large."
        )
    return np.array([[width / across, 0, -left * width / across], [0, height / down, -top * height / down]])


def _length(text: str | None, otherwise: int) -> float:
    """Return a page's side in units; where it is in millimetres, say, units are pixels."""
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(px)?\s*", text or "")
    return float(found[1]) if found else float(otherwise)


def _shapes(parent: ElementTree.Element, matrix: Points) -> Iterator[tuple[Points, ElementTree.Element]]:
    """Give all shapes that can be seen, with the matrices that bring them to the picture."""
    for element in parent:
        name = _name(element)
        style = element.attrib.get("style", "").replace(" ", "")
        if name in _UNSEEN or "display:none" in style or element.attrib.get("display") == "none":
            continue
        if name in _OTHER_SHAPES:
            raise ReadError(f"It has a <{name}>, which isn't read: draw paths, polylines and lines, or make it a path.")
        own = _composed(matrix, _transform(element.attrib.get("transform", "")))
        if name in _SHAPES:
            yield own, element
        else:
            yield from _shapes(element, own)


def _composed(first: Points, then: Points) -> Points:
    """Return the matrix of both: what `then` does comes before what `first` does."""
    whole: Points = first @ np.vstack([then, [0, 0, 1]])
    return whole


def _mapped(points: Points, matrix: Points) -> Points:
    mapped: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def _transform(text: str) -> Points:
    """Return the matrix, [2, 3], of a transform attribute."""
    matrix = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    rest = re.sub(r"([a-zA-Z]+)\s*\(([^)]*)\)[\s,]*", "", text.strip())
    if rest:
        raise ReadError(f"It has the transform {text!r}, which isn't read.")
    for word, arguments in re.findall(r"([a-zA-Z]+)\s*\(([^)]*)\)", text):
        matrix = _composed(matrix, _one_transform(word, _numbers(arguments, "transform"), text))
    return matrix


def _one_transform(word: str, numbers: list[float], text: str) -> Points:
    count = len(numbers)
    if word == "matrix" and count == 6:
        return np.array(numbers).reshape(3, 2).T
    if word == "translate" and count in (1, 2):
        return np.array([[1, 0, numbers[0]], [0, 1, numbers[1] if count == 2 else 0]])
    if word == "scale" and count in (1, 2):
        return np.array([[numbers[0], 0, 0], [0, numbers[-1], 0]])
    if word in ("skewX", "skewY") and count == 1:
        tangent = math.tan(math.radians(numbers[0]))
        return np.array([[1, tangent, 0], [0, 1, 0]] if word == "skewX" else [[1, 0, 0], [tangent, 1, 0]])
    if word == "rotate" and count in (1, 3):
        cosine, sine = math.cos(math.radians(numbers[0])), math.sin(math.radians(numbers[0]))
        x, y = numbers[1:] or (0, 0)
        return np.array([[cosine, -sine, x - cosine * x + sine * y], [sine, cosine, y - sine * x - cosine * y]])
    raise ReadError(f"It has the transform {text!r}, which isn't read.")


def _numbers(text: str, what: str) -> list[float]:
    """Return the numbers of an attribute."""
    if re.sub(r"[\s,]+", "", _NUMBER.sub("", text)):
        raise ReadError(f"It has the {what} {text.strip()[:60]!r}, which aren't numbers.")
    return [float(number) for number in _NUMBER.findall(text)]


def _lines(shape: ElementTree.Element, matrix: Points) -> list[Points]:
    """Return a shape's polylines, those of two points or more."""
    name, about = _name(shape), shape.attrib
    if name == "path":
        scale = float(np.linalg.norm(matrix[:, :2], 2))
        lines = _Path(scale).read(about.get("d", ""))
    elif name == "line":
        ends = [_numbers(about.get(key, "0"), key) for key in ("x1", "y1", "x2", "y2")]
        if any(len(end) != 1 for end in ends):
            raise ReadError("It has a <line> whose ends aren't numbers.")
        lines = [np.array(ends).reshape(2, 2)]
    else:
        numbers = _numbers(about.get("points", ""), "points")
        line = np.array(numbers[: len(numbers) // 2 * 2]).reshape(-1, 2)
        lines = [np.vstack([line, line[:1]]) if name == "polygon" else line]
    return [line for line in lines if len(line) > 1]


class _Path:
    """A path's description on its way to polylines. scale: pixels of the picture a unit, for how fine curves are."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._lines: list[list[tuple[float, float]]] = []
        self._at = self._start = self._control = (0.0, 0.0)
        self._last = ""

    def read(self, text: str) -> list[Points]:
        """Read it all."""
        start, *parts = re.split(r"([a-df-zA-DF-Z])", text)  # e is of numbers
        if start.strip():
            raise ReadError(f"It has a path that begins with {start.strip()[:20]!r} and not with M.")
        for letter, arguments in zip(parts[::2], parts[1::2], strict=True):
            if letter.upper() not in _ARGUMENTS:
                raise ReadError(f"It has a path with {letter!r}, which isn't read: use lines and Bézier curves.")
            numbers, count = _numbers(arguments, "path"), _ARGUMENTS[letter.upper()]
            if (count and (not numbers or len(numbers) % count)) or (not count and numbers):
                raise ReadError(f"It has a path with {letter} and {len(numbers)} numbers, too many or too few.")
            for first in range(0, len(numbers), count) if count else (0,):
                self._go(letter, numbers[first : first + count])
                letter = {"M": "L", "m": "l"}.get(letter, letter)
        return [np.array(line) for line in self._lines]

    def _go(self, letter: str, numbers: list[float]) -> None:
        kind, (x, y) = letter.upper(), self._at
        if kind in "HV":
            base = 0.0 if letter == kind else (x if kind == "H" else y)
            numbers = [base + numbers[0], y] if kind == "H" else [x, base + numbers[0]]
        elif letter != kind:
            numbers = [number + (x, y)[k % 2] for k, number in enumerate(numbers)]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        if kind == "M":
            self._lines.append([points[0]])
            self._start = points[0]
        elif not self._lines:
            raise ReadError(f"It has a path that begins with {letter!r} and not with M.")
        elif self._last == "Z":
            self._lines.append([self._at])
        if kind in "ST":  # the first control point is the last one's mirror image
            smooth = self._last in ("CS" if kind == "S" else "QT")
            points = [(2 * x - self._control[0], 2 * y - self._control[1]) if smooth else (x, y), *points]
        if kind == "Z":
            points = [self._start]
        if kind in "CSQT":
            self._lines[-1] += self._flat([(x, y), *points])
            self._control = points[-2]
        elif kind != "M":
            self._lines[-1].append(points[-1])
        self._at, self._last = points[-1], kind

    def _flat(self, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return points along a Bézier curve of three or four, after its first."""
        control = np.array(points)
        bend = np.abs(np.diff(control, 2, axis=0)).max() * self._scale
        pieces = min(max(math.ceil(math.sqrt(bend / _FLAT)), 1), _MOST_PIECES)
        t = np.linspace(0, 1, pieces + 1)[1:, np.newaxis]
        while len(control) > 1 and control.ndim == 2:
            control = control[:, np.newaxis]
        while len(control) > 1:
            control = (1 - t) * control[:-1] + t * control[1:]  # de Casteljau
        return [(float(x), float(y)) for x, y in control[0]]


_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "Z": 0}
