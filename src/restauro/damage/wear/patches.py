"""Losses, tears and dust as they look: ground and paper that show, lit edges, shadows, fibres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.damage import patches
from restauro.damage.wear import paths
from restauro.damage.wear.canvas import (
    CRACK,
    DUST,
    LOSS,
    Canvas,
    Colour,
    Field,
    Mask,
    blurred,
    colour_of,
    log_uniform,
    rough,
    shifted,
    smooth,
)
from restauro.filters import pieces
from restauro.numerics.soft_strokes import draw_soft

# What shows under lost paint or emulsion: ground of chalk, aged ground, bole, ochre, grey; wood, canvas, card, black.
_GROUNDS = np.array(
    [
        [235, 230, 220], [225, 215, 195], [205, 190, 160], [150, 80, 55], [190, 150, 90], [140, 135, 125],
        [95, 70, 45], [120, 100, 75], [200, 195, 185], [25, 22, 20], [250, 250, 248], [60, 50, 45], [175, 185, 200],
    ],
    np.float32,
)  # fmt: skip


def losses(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint flaked paint or peeled emulsion: the ground shows, with the edge of the layer around it."""
    cracked = canvas.marks >> CRACK & 1 > 0
    where = _flakes(cracked, rng) if cracked.any() and rng.random() < 0.4 else np.zeros_like(cracked)
    if not where.any():
        where = _ragged(canvas.shape, rng)
    if not where.any():
        return
    before = canvas.picture.copy()
    ground = _ground(rng)
    if abs(ground.mean() - before[where].mean()) < 25:  # who can't be seen can't be found
        ground = ground + (70 if before[where].mean() < 128 else -70)
    ground = colour_of(ground)
    alpha = blurred(where.astype(np.float32), rng.choice([0.0, 0.4, 0.6, 0.9]))
    way = rng.random()
    if way < 0.25:  # one colour, nothing else
        canvas.blend(ground, alpha)
    else:
        if way < 0.45:  # rubbed rather than flaked: paint is left in the hollows
            left = rough(canvas.shape, rng.uniform(2, 6), rng)
            alpha = alpha * np.clip(0.75 + rng.uniform(0.2, 0.6) * left, 0, 1)
        canvas.blend(_textured(canvas.shape, ground, rng), alpha)
        _relief(canvas, alpha, rng)
    canvas.mark_seen(where, LOSS, before)


def tears(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a tear: jagged, the white fibres of the paper bare on one side of it, a shadow on the other."""
    start = rng.random(2) * canvas.shape
    path = paths.across(canvas.shape, rng) if rng.random() < 0.6 else paths.walk(start, 150, 0.02, rng)
    count = len(path)
    jag = rng.uniform(0.4, 2.5) * paths.along(count, 2, rng) + rng.uniform(1, 5) * paths.along(count, 12, rng)
    path = paths.aside(path, 1.0) + jag[:, None] * rng.standard_normal(2)
    radius = log_uniform(rng, 0.8, 7)
    radii = radius * np.exp(0.45 * paths.along(count, 6, rng))
    alpha, where = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
    draw_soft(path, radii, np.ones(count), 1.2, alpha, where)
    frayed = rough(canvas.shape, rng.uniform(1.5, 4), rng)
    alpha = np.clip(alpha + 0.35 * frayed * blurred(alpha, 1.0) * (alpha < 0.98), 0, 1)
    before = canvas.picture.copy()
    paper = colour_of(rng.normal(232, 14) + np.array([3, 0, -rng.uniform(0, 25)]))
    _cast(canvas, alpha, rng, rng.uniform(0.1, 0.5))
    canvas.blend(_textured(canvas.shape, paper, rng), alpha)
    if rng.random() < 0.5:  # the gap itself, dark, beside the fibres
        gap, core = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
        beside = paths.aside(path, radius * rng.uniform(0.5, 1.1))
        draw_soft(beside, 0.25 * radii + 0.3, np.ones(count), 1.0, gap, core)
        canvas.blend(np.full(3, rng.uniform(0, 60), np.float32), rng.uniform(0.4, 1) * gap)
        where |= core
    canvas.mark_seen(where | (alpha > 0.5), LOSS, before)


def dust(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint dust, specks and fibres: small, light or dark, some with a shadow."""
    before = canvas.picture.copy()
    height, width = canvas.shape
    alpha, where = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
    usual = log_uniform(rng, 0.6, 4)
    softness = rng.uniform(0.6, 1.6)
    for _ in range(int(log_uniform(rng, 1, 60))):
        place = rng.random(2) * (height, width)
        radius = usual * log_uniform(rng, 0.5, 2)
        count = int(rng.integers(2, 5))
        path = place + rng.normal(0, 0.55 * radius, (count, 2))
        radii = radius * rng.uniform(0.5, 1.1, count)
        draw_soft(path, radii, np.full(count, rng.uniform(0.6, 1)), softness, alpha, where)
    for _ in range(int(rng.integers(0, 4)) * (rng.random() < 0.5)):
        fibre = paths.walk(rng.random(2) * (height, width), log_uniform(rng, 8, 70), rng.uniform(0.03, 0.2), rng)
        thin = np.full(len(fibre), rng.uniform(0.4, 1.0))
        draw_soft(fibre, thin, np.ones(len(fibre)), 0.0, alpha, where)
    if rng.random() < 0.4:
        _cast(canvas, alpha, rng, rng.uniform(0.1, 0.4))
    if rng.random() < 0.35:  # faint, on a bright or a dark place alike
        canvas.add(log_uniform(rng, 18, 90) * (1 if rng.random() < 0.5 else -1) * alpha)
    else:
        _speckle(canvas, alpha, where, before, rng)
    canvas.mark_seen(where, DUST, before)


def _speckle(canvas: Canvas, alpha: Field, where: Mask, before: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Paint specks light or dark, mostly as what they lie on isn't."""
    light = rng.random() < 0.65
    if light == (before[where].mean() > 128 if where.any() else False) and rng.random() < 0.6:
        light = not light
    colour = rng.uniform(190, 255) if light else rng.uniform(0, 60)
    tinted = colour_of(colour + rng.normal(0, 8, 3))
    canvas.blend(tinted, rng.uniform(0.35, 1) * alpha)


def _ground(rng: np.random.Generator) -> Colour:
    """Return what shows: in a third of all losses black or white, as where a hole, a bed or a filling shows."""
    chance = rng.random()
    if chance < 1 / 3:
        return colour_of(np.full(3, rng.exponential(12) if chance < 0.2 else 255 - rng.exponential(12)))
    usual = _GROUNDS[rng.integers(len(_GROUNDS))]
    return colour_of(usual + rng.normal(0, 10) + rng.normal(0, 4, 3))


def _ragged(shape: tuple[int, int], rng: np.random.Generator) -> Mask:
    """Return where paint is lost: flakes small or large, one large patch, or what a threshold leaves of a field."""
    height, width = shape
    way = rng.random()
    if way < 0.4:
        return patches.losses(height, width, log_uniform(rng, 0.0008, 0.15), rng)
    if way < 0.6:
        times = int(rng.integers(2, 6))  # as large as on a scan of so many times the size
        return patches.losses(times * height, times * width, log_uniform(rng, 0.003, 0.3), rng)[:height, :width]
    if way < 0.75:
        return patches.blobs(height, width, log_uniform(rng, 0.003, 0.15), rng)
    field = rough(shape, log_uniform(rng, 10, 120), rng, 5)
    if way < 0.87:  # many small ones, thick here and thin there, as on frescoes
        field = rough(shape, rng.uniform(3, 9), rng, 3) + rng.uniform(0.3, 1.2) * smooth(shape, 70, rng)
    return field > np.quantile(field, 1 - log_uniform(rng, 0.003, 0.3))


def _flakes(cracked: Mask, rng: np.random.Generator) -> Mask:
    """Return where paint has flaked off along cracks, as it does first."""
    height, width = cracked.shape
    found = pieces(patches.losses(height, width, log_uniform(rng, 0.005, 0.08), rng))
    return found.those(found.count(cracked) > 0)


def _textured(shape: tuple[int, int], colour: Colour, rng: np.random.Generator) -> Field:
    """Return a ground of about a colour [H, W, 3]: clouded, grainy, some with the weave of a canvas."""
    levels = rng.uniform(2, 12) * rough(shape, log_uniform(rng, 6, 60), rng)
    levels += rng.uniform(1, 7) * rng.standard_normal(shape, np.float32)
    if rng.random() < 0.25:
        rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])
        period = rng.uniform(3, 7)
        levels += rng.uniform(3, 12) * np.sin(2 * np.pi * rows / period) * np.sin(2 * np.pi * columns / period)
    return np.clip(colour + levels[..., None], 0, 255).astype(np.float32)


def _relief(canvas: Canvas, alpha: Field, rng: np.random.Generator) -> None:
    """Light the edge of the layer that was lost on one side, and shade the ground on the other."""
    if rng.random() < 0.2:
        return
    down, right = _light(rng)
    shade = alpha * (1 - shifted(alpha, down, right))  # the layer towards the light throws a shadow into the loss
    edge = (1 - alpha) * shifted(alpha, -down, -right)  # and its far edge is lit, or shows white
    canvas.picture *= 1 - rng.uniform(0.1, 0.65) * blurred(shade, 0.5)[..., None]
    canvas.blend(np.full(3, rng.uniform(190, 255), np.float32), rng.uniform(0, 0.55) * edge)


def _cast(canvas: Canvas, alpha: Field, rng: np.random.Generator, strength: float) -> None:
    """Darken what lies beside something that stands up."""
    down, right = _light(rng)
    shadow = blurred(shifted(alpha, down, right), rng.uniform(0.5, 1.8))
    canvas.picture *= 1 - strength * shadow[..., None]


def _light(rng: np.random.Generator) -> tuple[int, int]:
    """Return how far a shadow falls, in pixels down and to the right; mostly the light comes from above, left."""
    far = int(rng.integers(1, 4))
    down, right = ((far, far), (far, 0), (0, far), (far, -far))[rng.integers(4)]
    return (down, right) if rng.random() < 0.7 else (-down, -right)
