"""The courses that lines take over a picture: crack nets, cells, strokes of chance, nearly straight ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.damage.cracks import crack_paths
from restauro.damage.wear.canvas import log_uniform

Path = NDArray[np.float64]  # [n, 2], rows and columns
_STEP = 2.0  # pixels between the points of a path


def net(
    shape: tuple[int, int], rng: np.random.Generator, radius: float, sparse: bool = False
) -> list[tuple[Path, NDArray[np.float64]]]:
    """Return a net of cracks that grew, sparse to dense, with their radii; see `restauro.damage.cracks`."""
    scale = log_uniform(rng, 0.35, 1.3)
    densest = 0.012 if sparse else 0.16 / max(1.0, radius)  # thin ones stand as close as every ten pixels
    length = log_uniform(rng, 0.004, densest) * shape[0] * shape[1]  # pixels of all paths together
    return crack_paths(*shape, length, rng, scale, 2 * radius)


def cells(shape: tuple[int, int], rng: np.random.Generator) -> list[Path]:
    """Return cracks around cells, as where paint dried and drew apart: some of a Voronoi diagram's edges, wavering."""
    from scipy.spatial import Voronoi

    height, width = shape
    size = log_uniform(rng, 9, 90)  # pixels across a cell
    stretch = log_uniform(rng, 0.6, 1.7)
    count = max(6, int(2.2 * height * width / size**2))
    places = (rng.random((count, 2)) * 1.5 - 0.25) * (height * stretch, width)
    diagram = Voronoi(places)
    kept = rng.uniform(0.45, 1.0)
    waver = size * rng.uniform(0.02, 0.12)
    found = []
    for first, second in diagram.ridge_vertices:
        if first < 0 or rng.random() > kept:
            continue
        ends = diagram.vertices[[first, second]] / (stretch, 1)
        if ends.max() > 1.5 * max(shape) or ends.min() < -0.5 * max(shape):
            continue
        if (ends.max(axis=0) < 0).any() or (ends.min(axis=0) > shape).any():
            continue
        found.append(_wavering(ends, waver, rng))
    return found


def strokes(shape: tuple[int, int], rng: np.random.Generator) -> list[Path]:
    """Return strokes of chance: each from anywhere to anywhere, curving as it likes."""
    count = int(log_uniform(rng, 1, 30))
    bend = log_uniform(rng, 0.004, 0.09)
    return [walk(rng.random(2) * shape, log_uniform(rng, 12, 300), bend, rng) for _ in range(count)]


def walk(start: NDArray[np.float64], length: float, bend: float, rng: np.random.Generator) -> Path:
    """Return a path of a length in pixels whose heading wanders smoothly, by about `bend` radians a pixel."""
    count = max(3, int(length / _STEP))
    knots = rng.standard_normal(count // 8 + 3) * bend * _STEP
    turns = np.interp(np.arange(count) / 8, np.arange(len(knots)), knots)
    headings = rng.uniform(0, 2 * np.pi) + np.cumsum(turns) + rng.uniform(-0.5, 0.5) * bend * np.arange(count)
    return np.cumsum(np.column_stack([np.sin(headings), np.cos(headings)]) * _STEP, axis=0) + start


def straight(shape: tuple[int, int], heading: float, length: float, arc: float, rng: np.random.Generator) -> Path:
    """Return a nearly straight path through anywhere; its heading changes by `arc` radians over its length."""
    count = max(3, int(length / _STEP))
    headings = heading + arc * np.linspace(-0.5, 0.5, count) + 0.004 * np.cumsum(rng.standard_normal(count))
    steps = np.column_stack([np.sin(headings), np.cos(headings)]) * _STEP
    path = np.cumsum(steps, axis=0)
    middle = (rng.random(2) * 1.2 - 0.1) * shape
    found: Path = path - path[count // 2] + middle
    return found


def across(shape: tuple[int, int], rng: np.random.Generator) -> Path:
    """Return a path from one side of the picture to another, as folds and long tears are; often along an axis."""
    heading = rng.uniform(0, np.pi)
    if rng.random() < 0.5:
        heading = np.pi / 2 * rng.integers(2) + rng.normal(0, 0.06)
    return straight(shape, heading, 1.6 * max(shape), rng.normal(0, 0.15), rng)


def aside(path: Path, by: float) -> Path:
    """Return the path that runs beside another; beside a single point there is none."""
    if len(path) < 2:
        return path
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.hypot(*along.T)[:, None], 1e-6)
    return path + by * np.column_stack([along[:, 1], -along[:, 0]])


def along(count: int, wave: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `count` values that vary smoothly over about `wave` points, standard deviation about 0.8."""
    knots = rng.standard_normal(int(count / wave) + 3)
    return np.interp(np.arange(count) / wave + rng.random(), np.arange(len(knots)), knots)


def _wavering(ends: Path, waver: float, rng: np.random.Generator) -> Path:
    """Return the way between two points that isn't quite straight."""
    count = max(3, int(np.hypot(*(ends[1] - ends[0])) / _STEP))
    share = np.linspace(0, 1, count)[:, None]
    straight_way = ends[0] + share * (ends[1] - ends[0])
    off = np.column_stack([along(count, 5, rng), along(count, 5, rng)])
    found: Path = straight_way + waver * np.sin(np.pi * share) ** 0.5 * off
    return found
