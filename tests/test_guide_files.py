"""Drawings of lines: what is read of SVG, compared with curves and transforms computed another way; what isn't."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restauro.errors import ReadError
from restauro.guide_files import read_guides

SIZE = (80, 120)


def drawing(folder: Path, inside: str, head: str = 'viewBox="0 0 120 80"') -> Path:
    path = folder / "lines.svg"
    text = f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" {head}>{inside}</svg>'
    path.write_text(text, encoding="utf-8")
    return path


def read(
    folder: Path, inside: str, head: str = 'viewBox="0 0 120 80"', size: tuple[int, int] = SIZE
) -> list[np.ndarray]:
    """Return lines as x and y from the picture's corner."""
    return [line[:, ::-1] + 0.5 for line in read_guides(drawing(folder, inside, head), size)]


def path(d: str) -> str:
    return f'<path d="{d}"/>'


@pytest.mark.parametrize(
    ("d", "expected"),
    [
        ("M 1,2 L 3,4 5 6", [[1, 2], [3, 4], [5, 6]]),
        ("M1 2 3 4", [[1, 2], [3, 4]]),
        ("m 1,2 3,4 l-1-2", [[1, 2], [4, 6], [3, 4]]),
        ("M1,2H7V9h-2v-.5", [[1, 2], [7, 2], [7, 9], [5, 9], [5, 8.5]]),
        ("M1 2L3 4 5 4Z", [[1, 2], [3, 4], [5, 4], [1, 2]]),
        ("M 1e1,2.5E-1 L 2.e1+3", [[10, 0.25], [20, 3]]),
        ("M0 0H4 6", [[0, 0], [4, 0], [6, 0]]),
    ],
)
def test_straight_paths(tmp_path: Path, d: str, expected: list[list[float]]) -> None:
    (line,) = read(tmp_path, path(d))
    np.testing.assert_allclose(line, expected, atol=1e-12)


def test_a_path_of_several_lines(tmp_path: Path) -> None:
    lines = read(tmp_path, path("M 1,2 3,4 m 10,0 0,5 z l 2,2 M 50,50 M 60,60 61,61"))
    expected = [[[1, 2], [3, 4]], [[13, 4], [13, 9], [13, 4]], [[13, 4], [15, 6]], [[60, 60], [61, 61]]]
    assert len(lines) == len(expected)
    for line, points in zip(lines, expected, strict=True):
        np.testing.assert_allclose(line, points, atol=1e-12)


def test_other_shapes_groups_and_programs_own_things(tmp_path: Path) -> None:
    lines = read(
        tmp_path,
        """<defs><path d="M0 0L9 9"/></defs><title>x</title><metadata/>
        <n:namedview xmlns:n="http://n"><n:grid/></n:namedview>
        <image href="scan.png" width="120" height="80"/>
        <g style="display: none"><path d="M0 0L9 9"/></g><path display="none" d="M0 0L9 9"/>
        <g transform="translate(10)"><g><line x1="1" y1="2" x2="3" y2="4"/></g></g>
        <polyline points="1,2 3,4 5,6"/><polygon points="1 2 3 4 5 6"/><polyline points="7,7"/>""",
    )
    expected = [[[11, 2], [13, 4]], [[1, 2], [3, 4], [5, 6]], [[1, 2], [3, 4], [5, 6], [1, 2]]]
    assert [line.tolist() for line in lines] == expected


@pytest.mark.parametrize(
    ("head", "size", "expected"),
    [
        ('viewBox="0 0 60 40"', (80, 120), [[2, 4], [40, 20]]),
        ('viewBox="10,-5,60,40"', (80, 120), [[-18, 14], [20, 30]]),
        ('width="60" height="40px"', (40, 60), [[1, 2], [20, 10]]),
        ('width="30" height="20"', (40, 60), [[2, 4], [40, 20]]),
        ('width="210mm" height="140mm"', (40, 60), [[1, 2], [20, 10]]),
        ("", (40, 60), [[1, 2], [20, 10]]),
    ],
)
def test_the_drawing_covers_the_picture(
    tmp_path: Path, head: str, size: tuple[int, int], expected: list[list[float]]
) -> None:
    (line,) = read(tmp_path, path("M1,2 20,10"), head, size)
    np.testing.assert_allclose(line, expected, atol=1e-12)


def bernstein(points: np.ndarray, t: np.ndarray) -> np.ndarray:
    degree = len(points) - 1
    weights = [math.comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(degree + 1)]
    return np.einsum("kt,kc->tc", np.array(weights), points)


def distances(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distance of each point from a polyline."""
    a, b = line[:-1], line[1:]
    along = b - a
    share = np.einsum("psc,sc->ps", points[:, np.newaxis] - a, along) / np.maximum((along**2).sum(axis=1), 1e-30)
    nearest = a + np.clip(share, 0, 1)[..., np.newaxis] * along
    return np.linalg.norm(points[:, np.newaxis] - nearest, axis=2).min(axis=1)


places = st.tuples(st.floats(-200, 200), st.floats(-200, 200)).map(lambda pair: tuple(round(x, 3) for x in pair))


@given(start=places, points=st.lists(places, min_size=7, max_size=7), relative=st.booleans())
@settings(max_examples=50)
def test_curves_lie_on_their_polylines(
    tmp_path_factory: pytest.TempPathFactory,
    start: tuple[float, float],
    points: list[tuple[float, float]],
    relative: bool,
) -> None:
    """C, S, Q and T one after the other, against Bernstein's polynomials."""
    words, curves, at = [], [], np.array(start)
    rest = [np.array(point) for point in points]
    for letter, count in (("C", 3), ("S", 2), ("Q", 2), ("T", 1)):
        if letter == "Q":
            rest = [np.array(point) for point in points]
        given_points = [rest.pop(0) for _ in range(count)]
        absolute = [at + point for point in given_points] if relative else list(given_points)
        before = curves[-1] if curves else None
        if letter in "ST":
            assert before is not None
            absolute.insert(0, 2 * at - before[-2])
        curves.append(np.array([at, *absolute]))
        at = absolute[-1]
        numbers = " ".join(f"{x!r},{y!r}" for x, y in (map(float, point) for point in given_points))
        words.append(f"{letter.lower() if relative else letter} {numbers}")
    folder = tmp_path_factory.mktemp("svg")
    (line,) = read(folder, path(f"M {start[0]!r},{start[1]!r} {' '.join(words)}"))
    true = np.concatenate([bernstein(curve, np.linspace(0, 1, 60)) for curve in curves])
    assert distances(true, line).max() < 0.12
    np.testing.assert_allclose(line[-1], at, atol=1e-9)
    np.testing.assert_allclose(line[0], start, atol=1e-9)


def test_transforms_are_composed_as_matrices(tmp_path: Path) -> None:
    text = "translate(3 4) rotate(30, 5, 6),scale(2) skewX(10) skewY(-5) matrix(1 .2 .3 4 5 6) rotate(7) scale(2, .5)"

    def rotation(angle: float) -> np.ndarray:
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])

    def shift(x: float, y: float) -> np.ndarray:
        return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])

    x10, y5 = math.tan(math.radians(10)), math.tan(math.radians(-5))
    whole = shift(3, 4) @ shift(5, 6) @ rotation(30) @ shift(-5, -6) @ np.diag([2, 2, 1])
    whole = whole @ np.array([[1, x10, 0], [0, 1, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [y5, 1, 0], [0, 0, 1]])
    whole = whole @ np.array([[1, 0.3, 5], [0.2, 4, 6], [0, 0, 1]]) @ rotation(7) @ np.diag([2, 0.5, 1])
    points = np.array([[1, 2, 1], [30, 7, 1]]).T
    (line,) = read(tmp_path, f'<g transform="{text}">{path("M1,2 30,7")}</g>')
    np.testing.assert_allclose(line, (whole @ points)[:2].T, rtol=1e-9)


@pytest.mark.parametrize(
    ("inside", "head", "says"),
    [
        ("", None, "has no lines that can be seen: draw paths, polylines or lines"),
        (path("M 1,2"), None, "has no lines that can be seen"),
        ('<rect x="1"/>', None, "It has a <rect>, which isn't read: draw paths, polylines and lines, or"),
        ('<g><circle r="2"/></g>', None, "It has a <circle>, which isn't read"),
        (path("M0 0A 5 5 0 0 1 9 9"), None, "It has a path with 'A', which isn't read: use lines and Bézier curves"),
        (path("M0 0C 5 5 0 0 1"), None, "It has a path with C and 5 numbers, too many or too few"),
        (path("M0 0L"), None, "It has a path with L and 0 numbers"),
        (path("M0 0Z3"), None, "It has a path with Z and 1 numbers"),
        (path("L 5 5"), None, "It has a path that begins with 'L' and not with M"),
        (path("5 5 L 3 3"), None, "It has a path that begins with '5 5' and not with M"),
        (path("M 5 x L 3 3"), None, "It has a path with M and 1 numbers"),
        (path("M 5 # L 3 3"), None, "It has the path '5 #', which aren't numbers"),
        ('<polyline points="1,2 a"/>', None, "It has the points '1,2 a', which aren't numbers"),
        ('<line x1="4%"/>', None, "It has the x1 '4%', which aren't numbers"),
        ('<line x1=""/>', None, "It has a <line> whose ends aren't numbers"),
        ('<g transform="rotate(1 2)"/>', None, r"It has the transform 'rotate\(1 2\)', which isn't read"),
        ('<g transform="spin(1)"/>', None, r"It has the transform 'spin\(1\)', which isn't read"),
        ('<g transform="none"/>', None, "It has the transform 'none', which isn't read"),
        (path("M0 0L9 9"), 'viewBox="0 0 80 120"', r"It is 80 x 120 units large and the picture 120 x 80 pixels"),
        (path("M0 0L9 9"), 'viewBox="0 0 80"', "Its viewBox '0 0 80' isn't four numbers"),
        (path("M0 0L9 9"), 'viewBox="0 0 -80 4"', "isn't four numbers: left, top, width and height"),
        (path("M0 0L9 9"), 'width="0" height="4"', "It is 0 x 4 units large: give it a viewBox"),
    ],
)  # fmt: skip
def test_what_is_not_read_gets_a_sentence(tmp_path: Path, inside: str, head: str | None, says: str) -> None:
    file = drawing(tmp_path, inside, head or 'viewBox="0 0 120 80"')
    with pytest.raises(ReadError, match=rf"^The drawing {file}.*{says}"):
        read_guides(file, SIZE)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "isn't an SVG file"),
        (b"\x89PNG", "isn't an SVG file"),
        (b"<html/>", "isn't an SVG file: it begins with <html>"),
        (b"<svg><path></svg>", "isn't an SVG file"),
        (
            b'<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa">'
            + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(98, 110))
            + b"]><svg>&m;</svg>",
            "isn't an SVG file",
        ),
    ],
)
def test_what_is_no_drawing_gets_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "lines.svg"
    file.write_bytes(content)
    with pytest.raises(ReadError, match=f"^The drawing .*{says}"):
        read_guides(file, SIZE)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none.svg can't be read \(No such file or directory\)\.$"):
        read_guides(tmp_path / "none.svg", SIZE)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "lines.svg"
    with file.open("wb") as sparse:
        sparse.truncate(20_000_001)
    with pytest.raises(ReadError, match="has more than 20 megabytes: leave out all but its lines"):
        read_guides(file, SIZE)


@given(
    text=st.text(alphabet="MmLlHhVvCcSsQqTtZzAa0123456789.,-+eE ()", max_size=60),
    where=st.sampled_from(["d", "t", "p"]),
)
@settings(max_examples=200)
def test_any_text_gives_lines_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, text: str, where: str) -> None:
    inside = {
        "d": path(text),
        "t": f'<g transform="{text}"><path d="M0 0L1 1"/></g>',
        "p": f'<polyline points="{text}"/>',
    }[where]
    try:
        lines = read(tmp_path_factory.mktemp("svg"), inside)
    except ReadError as error:
        assert str(error).startswith("The drawing ")  # noqa: PT017
    else:
        assert all(line.ndim == 2 and line.shape[1] == 2 and len(line) > 1 for line in lines)
