"""Stains as they look: soaked with a tide line, foxing, tape; darker or paler, what is beneath shows through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.damage import patches
from restauro.damage.wear.canvas import STAIN, Canvas, Colour, Field, Mask, blurred, log_uniform, rough, smooth
from restauro.numerics.soft_strokes import draw_soft

_STRENGTHS = 28.0, 100.0  # levels that a stain changes pixels by, on the mean, as far as what is beneath allows
_STRENGTHENED = 3.0  # times, at most
_LEFT = 0.25  # of a pixel's level is left at least: what hides all is no stain
_SEEN, _SHARE = 14.0, 0.35  # levels, and share of the mean, that it changes a pixel by that counts
_AROUND = 2.5  # sigma of what counts as a pixel there
_LEAST = 20.0  # levels: what changes pixels by less on the mean is too faint to be seen, and isn't drawn
_INSIDE = 0.3  # of its strength, from which on pixels count for that mean
_SMALLEST = 4  # pixels of a side: in less there is no stain
_DARK = 70.0  # levels: on what is darker, few stains would be seen that darken


def stains(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint stains: water with a tide line, foxing, dirt, pale spots, tape; most with soft rims."""
    if min(canvas.shape) < _SMALLEST:
        return
    before = canvas.picture.copy()
    way = rng.random()
    soaked = way >= 0.4
    field = _soaked(canvas.shape, rng) if soaked else (_tape if way < 0.12 else _foxing)(canvas.shape, rng)
    inside = field > _INSIDE
    if not inside.any():
        return
    mottled = np.clip(0.8 + 0.25 * rough(canvas.shape, 25, rng), 0, 1)
    strength = rng.uniform(0.35, 1.0) * mottled
    darkens = rng.random() < (0.8 if before[inside].mean() > _DARK else 0.35)
    if darkens:
        canvas.blend(before * _tint(rng), field * strength)
    else:  # bleached, or bloom
        canvas.blend(np.array([225, 220, 205], np.float32), 0.6 * field * strength)
    if soaked and rng.random() < 0.6:  # the tide line, where water stood longest
        tide = np.exp(-(((field - 0.35) / rng.uniform(0.06, 0.2)) ** 2)) * (field > 0.02)
        canvas.blend(canvas.picture * _tint(rng), rng.uniform(0.2, 0.8) * tide * mottled)
    _strengthen(canvas, before, inside, rng)
    changed = blurred(np.abs(canvas.picture - before).max(axis=2), _AROUND)
    mean = float(changed[inside].mean())
    if mean < _LEAST:
        canvas.picture = before
    else:
        canvas.mark(changed > max(_SEEN, _SHARE * mean), STAIN)


def _soaked(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Return the strengths of patches of any size, some of which come in from the picture's rim; rims are soft."""
    softness = log_uniform(rng, 1, 12)
    if rng.random() < 0.5:
        height, width = shape
        where = patches.blobs(2 * height, 2 * width, log_uniform(rng, 0.02, 0.25), rng)[:height, :width]
        field = blurred(where.astype(np.float32), softness)
    else:
        hills = rough(shape, log_uniform(rng, 60, 400), rng, int(rng.integers(2, 5)))
        level = np.quantile(hills, 1 - log_uniform(rng, 0.02, 0.3))
        steep = float(np.hypot(*np.gradient(hills)).mean())  # hills a pixel
        field = np.clip(0.5 + (hills - level) / (4 * softness * steep), 0, 1)
    field = np.clip(field + 0.12 * rough(shape, 20, rng) * (field > 0.02), 0, 1)
    return field.astype(np.float32, copy=False)


def _foxing(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Return the strengths of small soft spots."""
    alpha, ignored = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    usual = log_uniform(rng, 0.7, 2)
    for _ in range(int(log_uniform(rng, 2, 40))):
        place = rng.random((1, 2)) * shape
        path = place + rng.normal(0, usual, (3, 2))
        radius = usual * log_uniform(rng, 1.5, 9)
        draw_soft(path, np.full(3, radius), np.full(3, rng.uniform(0.3, 1)), 0.0, alpha, ignored)
    return np.clip(alpha * (1 + 0.3 * smooth(shape, 4, rng)), 0, 1)


def _tape(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Return the strength of a strip of tape that has yellowed, or of the glue that it left."""
    angle, (row, column) = rng.normal(0, 0.15) + rng.integers(2) * np.pi / 2, rng.random(2) * shape
    down, across = np.arange(shape[0])[:, np.newaxis] - row, np.arange(shape[1]) - column
    along, aside = down * np.sin(angle) + across * np.cos(angle), down * np.cos(angle) - across * np.sin(angle)
    outside = np.maximum(np.abs(aside) - log_uniform(rng, 5, 45), np.abs(along) - log_uniform(rng, 20, 400))
    outside = outside + rng.uniform(0, 1.5) * rough(shape, rng.uniform(3, 15), rng)
    worn = np.clip(rng.uniform(0.7, 1.2) + 0.25 * rough(shape, log_uniform(rng, 8, 60), rng), 0, 1)
    strength: Field = (np.clip(0.5 - outside / rng.uniform(0.8, 4), 0, 1) * worn).astype(np.float32)
    return strength


def _strengthen(canvas: Canvas, before: NDArray[np.float32], inside: Mask, rng: np.random.Generator) -> None:
    """Make a stain so strong that it is seen: what nobody can see, nothing can be learned from."""
    change = canvas.picture - before
    mean = float(np.abs(change[inside]).max(axis=-1).mean())
    # A NumPy number of 64 bits would make the picture float64.
    times = float(np.clip(log_uniform(rng, *_STRENGTHS) / max(mean, 1e-3), 1, _STRENGTHENED))
    canvas.picture = np.clip(before + times * change, _LEFT * before, 255)


def _tint(rng: np.random.Generator) -> Colour:
    """Return what a stain multiplies colours with: brown, yellow, grey."""
    grey = rng.uniform(0.35, 0.8)
    return np.array([grey + rng.uniform(0, 0.15), grey, grey - rng.uniform(0, 0.25)], np.float32)
