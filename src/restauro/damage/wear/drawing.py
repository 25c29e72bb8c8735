"""What painters and printers draw that must not be taken for damage: hair, hatching, letters, masts, cards, cloth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.damage.wear import paths
from restauro.damage.wear.canvas import Canvas, Colour, blurred, colour_of, log_uniform, rough, smooth
from restauro.numerics.soft_strokes import draw_soft


class Pen:
    """What collects the strokes of one colour, with the texture of a brush."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self.canvas, self.rng = canvas, rng
        self.field, self.ignored = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
        self.softness = rng.uniform(0.7, 1.8)

    def draw(self, path: NDArray[np.float64], radius: float | NDArray[np.float64], strength: float = 1.0) -> None:
        """Draw one stroke."""
        count = len(path)
        draw_soft(
            path, np.broadcast_to(radius, count).astype(np.float64), np.full(count, strength), self.softness,
            self.field, self.ignored,
        )  # fmt: skip

    def paint(self) -> None:
        """Put the strokes on the picture, in a colour of its own or in ink."""
        brush = np.clip(0.9 + self.rng.uniform(0, 0.3) * rough(self.canvas.shape, 5, self.rng, 2), 0, 1)
        self.canvas.blend(_ink(self.canvas, self.rng), self.field * brush * self.rng.uniform(0.35, 1))


def draw_something(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw one or two things."""
    for _ in range(1 + (rng.random() < 0.35)):
        _THINGS[rng.choice(len(_THINGS), p=_OFTEN)](canvas, rng)


def hair(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a bundle of curves that run beside one another: hair, fur, grass, the folds of thin cloth."""
    pen = Pen(canvas, rng)
    first = paths.walk(rng.random(2) * canvas.shape, log_uniform(rng, 40, 220), rng.uniform(0.005, 0.04), rng)
    spread = log_uniform(rng, 4, 50)
    thin = log_uniform(rng, 0.35, 1.4)
    for _ in range(int(log_uniform(rng, 8, 70))):
        fan = np.linspace(rng.uniform(0.2, 1), rng.uniform(0.4, 1.4), len(first))
        strand = paths.aside(first, 1.0) + (rng.normal(0, spread) * fan)[:, None] * _normal(first)
        strand += rng.normal(0, 0.6) * paths.along(len(first), 10, rng)[:, None]
        end = int(len(strand) * rng.uniform(0.4, 1))
        if end > 2:
            pen.draw(strand[:end], thin * np.linspace(1, 0.5, end), rng.uniform(0.4, 1))
    pen.paint()


def hatching(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw parallel strokes, once or crossed, as engravers and draughtsmen do."""
    pen = Pen(canvas, rng)
    heading, place = rng.uniform(0, np.pi), rng.random(2) * canvas.shape
    gap, radius = log_uniform(rng, 2.5, 11), log_uniform(rng, 0.35, 1.3)
    for turn in range(1 + (rng.random() < 0.4)):
        along = heading + turn * rng.uniform(0.6, 1.6)
        ahead = np.array([np.sin(along), np.cos(along)])
        beside = np.array([ahead[1], -ahead[0]])
        count, length = int(rng.integers(6, 45)), log_uniform(rng, 15, 120)
        bow = rng.normal(0, 0.06)
        for k in range(count):
            middle = place + (k - count / 2) * gap * beside + rng.normal(0, 0.4, 2)
            steps = np.linspace(-0.5, 0.5, 12)[:, None] * length * rng.uniform(0.75, 1.1)
            pen.draw(middle + steps * ahead + bow * steps**2 / length * beside, radius, rng.uniform(0.6, 1))
    pen.paint()


def letters(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw rows of signs made of bars and bows, or a signature: one curling stroke."""
    pen = Pen(canvas, rng)
    size = log_uniform(rng, 6, 45)
    weight = size * rng.uniform(0.035, 0.1)
    tilt = rng.normal(0, 0.12)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    origin = rng.random(2) * canvas.shape
    if rng.random() < 0.3:
        time = np.arange(0, rng.uniform(20, 70), 0.35)
        wave = size * 0.5 * np.sin(time) * (1 + 0.5 * paths.along(len(time), 6, rng))
        path = np.column_stack([wave, size * (0.28 * time + 0.3 * np.cos(time * 1.02 + rng.uniform(0, 6)))])
        pen.draw(origin + path @ turn, weight * np.exp(0.3 * paths.along(len(path), 4, rng)))
    else:
        for row in range(int(rng.integers(1, 5))):
            column = 0.0
            for _ in range(int(rng.integers(2, 16))):
                if rng.random() < 0.85:
                    for stroke in _sign(rng):
                        pen.draw(origin + (stroke * size + (row * 1.6 * size, column)) @ turn, weight)
                if rng.random() < 0.2:  # a stop, or the dot of an i
                    dot = np.array([rng.choice([-0.35, 0.0, 1.0]), 0.25]) + rng.normal(0, 0.02, (2, 2))
                    pen.draw(origin + (dot * size + (row * 1.6 * size, column)) @ turn, weight * rng.uniform(0.9, 1.6))
                column += size * rng.uniform(0.6, 0.95)
    pen.paint()


def masts(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw stems, masts and rods: long, tapering, lit from a side; some with twigs at sharp angles."""
    pen = Pen(canvas, rng)
    twigs = rng.random() < 0.5
    for _ in range(int(rng.integers(1, 5))):
        heading = -np.pi / 2 + rng.normal(0, 0.15 if rng.random() < 0.7 else 1)
        start = rng.random(2) * canvas.shape + (canvas.shape[0] * 0.4, 0)
        _branch(pen, start, heading, log_uniform(rng, 50, 260), log_uniform(rng, 0.9, 5), 3 if twigs else 0)
    lit = pen.field * np.clip(smooth(canvas.shape, 30, rng), -1, 1)
    pen.paint()
    canvas.add(rng.uniform(0, 30) * lit)


def planes(canvas: Canvas, rng: np.random.Generator) -> None:
    """Lay planes of a colour over a part of the picture: edges of cards, tables, walls, sheets; some are outlined."""
    height, width = canvas.shape
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
    for _ in range(int(rng.integers(1, 4))):
        angle = rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]) + rng.normal(0, 0.04 if rng.random() < 0.6 else 0.7)
        down, right = rng.random(2) * (height, width)
        away = (rows - down) * np.sin(angle) + (columns - right) * np.cos(angle)
        if rng.random() < 0.3:
            away = away + rng.uniform(2, 20) * smooth(canvas.shape, 120, rng)
        alpha = np.clip(away / rng.uniform(0.6, 3) + 0.5, 0, 1).astype(np.float32)
        strip = np.clip((log_uniform(rng, 8, 200) - away) / 1.5 + 0.5, 0, 1) if rng.random() < 0.5 else 1
        colour = _ink(canvas, rng)
        canvas.blend(colour + 3 * rng.standard_normal((height, width, 1), np.float32), alpha * strip)
        if rng.random() < 0.4:  # a line printed along it, or the edge's thickness
            line = np.exp(-(((away - rng.uniform(-12, 12)) / log_uniform(rng, 0.6, 2.5)) ** 2))
            canvas.blend(_ink(canvas, rng), (rng.uniform(0.3, 1) * line).astype(np.float32))


def cloth(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw folds of cloth, seams and contours: a sharp side, and a soft one that fades away from it."""
    height, width = canvas.shape
    usual = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(1, 9))):
        path = paths.straight(
            (height, width), usual + rng.normal(0, 0.5), log_uniform(rng, 40, 300), rng.normal(0, 1), rng
        )
        wide = log_uniform(rng, 2, 16)
        field, ignored = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
        steps = max(4, int(wide / 1.2))
        ends = np.sin(np.pi * np.linspace(0.02, 0.98, len(path))) ** 0.6
        for k in range(steps):
            beside = paths.aside(path, wide * k / steps)
            draw_soft(beside, np.full(len(path), 0.8 + wide / steps), (1 - k / steps) * ends, 1.0, field, ignored)
        canvas.add(blurred(field, 0.5) * log_uniform(rng, 12, 70) * (1 if rng.random() < 0.4 else -1))


def bars(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw a grid or parallel double lines: window bars, mouldings, tiles, staves, edges of pages."""
    pen = Pen(canvas, rng)
    heading, gap, radius = (
        rng.choice([0, np.pi / 2]) + rng.normal(0, 0.1),
        log_uniform(rng, 5, 60),
        log_uniform(rng, 0.5, 3),
    )
    for turn in range(1 + (rng.random() < 0.5)):
        along = heading + turn * np.pi / 2
        ahead = np.array([np.sin(along), np.cos(along)])
        beside = np.array([ahead[1], -ahead[0]])
        place = rng.random(2) * canvas.shape
        half = log_uniform(rng, 20, 250)
        for k in range(int(rng.integers(2, 9))):
            middle = place + k * gap * beside
            pen.draw(np.array([middle - half * ahead, middle + half * ahead]), radius)
    pen.paint()


def _branch(pen: Pen, start: NDArray[np.float64], heading: float, length: float, radius: float, depth: int) -> None:
    """Draw a branch that tapers, and its twigs."""
    rng = pen.rng
    count = max(4, int(length / 3))
    headings = heading + np.cumsum(rng.normal(0, 0.03 + 0.05 * bool(depth), count))
    path = start + np.cumsum(np.column_stack([np.sin(headings), np.cos(headings)]), axis=0) * length / count
    pen.draw(path, radius * np.linspace(1, 0.45, count))
    if depth and radius > 0.4:
        for _ in range(int(rng.integers(1, 4))):
            k = int(rng.integers(count // 4, count))
            side = rng.choice([-1, 1]) * rng.uniform(0.3, 0.8)
            _branch(pen, path[k], headings[k] + side, length * rng.uniform(0.3, 0.6), radius * 0.5, depth - 1)


def _sign(rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return the strokes of a sign one unit high: bars and bows."""
    found = []
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.6:
            ends = np.array([[0, 0], [1, 0]], float)
            shape = rng.integers(4)
            if shape == 0:
                ends = np.array([[0, 0.0], [0, 0.5]]) + np.array([rng.choice([0, 0.5, 1]), 0])
            elif shape == 1:
                ends = np.array([[0, 0.0], [1, 0.5]])
            elif shape == 2:
                ends = np.array([[0, 0.5], [1, 0.0]])
            found.append(ends + np.array([0, 0.5 * float(rng.random() < 0.3)]))
        else:
            angles = rng.uniform(0, 6.3) + np.linspace(0, rng.uniform(2, 6.2), 14)
            middle, size = (rng.choice([0.25, 0.5, 0.75]), 0.25), rng.choice([0.25, 0.5])
            found.append(np.column_stack([size * np.sin(angles), 0.28 * np.cos(angles)]) + middle)
    return found


def _normal(path: NDArray[np.float64]) -> NDArray[np.float64]:
    return paths.aside(path, 1.0) - path


def _ink(canvas: Canvas, rng: np.random.Generator) -> Colour:
    """Return a colour of the picture, made darker or lighter; or ink, chalk, paper."""
    height, width = canvas.shape
    chance = rng.random()
    if chance < 0.2:
        return colour_of(rng.normal(25, 15, 3))
    if chance < 0.35:
        return colour_of(rng.normal(225, 20) + rng.normal(0, 6, 3))
    there = canvas.picture[rng.integers(height), rng.integers(width)]
    return colour_of(there * rng.uniform(0.4, 1.5) + rng.normal(0, 15))


_THINGS = (hair, hatching, letters, masts, planes, cloth, bars)
_OFTEN = (0.2, 0.12, 0.18, 0.13, 0.15, 0.14, 0.08)
