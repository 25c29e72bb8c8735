"""Cracks, scratches and folds as they look: dark, bright or both, faint or not, soft, doubled, granular, broken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restauro.damage import cracks as nets
from restauro.damage.rendering import render_cracks
from restauro.damage.synthesis import scratches as scratch_mask
from restauro.damage.wear import paths
from restauro.damage.wear.canvas import (
    CRACK,
    LOSS,
    SCRATCH,
    Canvas,
    Colour,
    Field,
    blurred,
    colour_of,
    log_uniform,
    rough,
    shifted,
    smooth,
)
from restauro.mask import grow_mask
from restauro.numerics.soft_strokes import draw_soft


def cracks(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint cracks; in one picture in four dark and bright ones."""
    if rng.random() < 0.45:
        _hard_cracks(canvas, rng)
        return
    radius = 0.5 * log_uniform(rng, 0.9, 7)
    way = rng.random()
    if way < 0.5:
        drawn = paths.net(canvas.shape, rng, radius)
    else:
        found = paths.cells(canvas.shape, rng) if way < 0.65 else paths.strokes(canvas.shape, rng)
        drawn = [(path, _swelling(len(path), radius, rng)) for path in found]
    polarity = rng.random()
    contrast = log_uniform(rng, 12, 120) if rng.random() < 0.5 else rng.uniform(15, 75)
    softness = 0.0 if rng.random() < 0.5 else rng.uniform(0.6, 1.8)
    broken = _breaks(canvas.shape, rng)
    for bright in (False, True):
        share = _share(polarity, bright)
        if share == 0:
            continue
        field, core = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
        for path, radii in drawn:
            if rng.random() < share:
                depths = np.clip(1 + 0.35 * paths.along(len(path), 20, rng), 0.35, 1.7)
                draw_soft(path, radii, depths, softness, field, core)
        by = contrast * field * broken
        if rng.random() < 0.25:
            _rim(canvas, core, contrast * rng.uniform(0.25, 0.6), rng)
        canvas.shift(by, _bright(rng) if bright else _dark(rng))
        canvas.mark(core, CRACK)


def scratches(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint scratches: white, brighter or darker; single, in bundles, with doubled edges; straight and curved."""
    if rng.random() < 0.4:
        _hard_scratches(canvas, rng)
        return
    usual = rng.uniform(0, np.pi)
    contrast = log_uniform(rng, 18, 170)
    bright = rng.random() < 0.55
    colour = _bright(rng) if bright else _dark(rng)
    doubled = rng.random() < 0.3
    softness = 0.0 if rng.random() < 0.4 else rng.uniform(0.6, 1.6)
    field, core = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
    edges, beyond = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
    for _ in range(int(log_uniform(rng, 1, 14))):
        heading = usual + rng.normal(0, 0.12) if rng.random() < 0.6 else rng.uniform(0, np.pi)
        arc = rng.normal(0, 0.12) if rng.random() < 0.7 else rng.normal(0, 1.2)
        path = paths.straight(canvas.shape, heading, log_uniform(rng, 20, 420), arc, rng)
        radius = 0.5 * log_uniform(rng, 0.8, 5)
        for beside in range(1 + (rng.random() < 0.15) * int(rng.integers(1, 4))):
            one = paths.aside(path, beside * (2 + 5 * rng.random()) * max(1.0, radius))
            radii, depths = _swelling(len(one), radius, rng), _depths(len(one), rng)
            draw_soft(one, radii, depths, softness, field, core)
            if doubled:
                for side in (-1, 1):
                    rim = paths.aside(one, side * (radius + 0.8))
                    draw_soft(rim, np.full(len(rim), 0.6), depths * rng.uniform(0.4, 1), 0.0, edges, beyond)
    if doubled:
        canvas.shift(rng.uniform(0.2, 0.7) * contrast * edges, _dark(rng) if bright else _bright(rng))
    canvas.shift(contrast * field, colour)
    canvas.mark(core, SCRATCH)


def folds(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint a fold or two: a granular line where the emulsion broke, or a soft one; a side lit and one in shade.

    It counts as a crack and as a scratch.
    """
    for _ in range(1 + (rng.random() < 0.35)):
        path = paths.across(canvas.shape, rng)
        field, core = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
        radius = log_uniform(rng, 0.6, 4)
        depths = np.clip(0.8 + 0.5 * paths.along(len(path), 15, rng), 0, 1.5)
        draw_soft(path, _swelling(len(path), radius, rng), depths, 0.0, field, core)
        _shade(canvas, path, rng)
        contrast = log_uniform(rng, 15, 140)
        if rng.random() < 0.7:  # broken into grains
            grains = rough(canvas.shape, rng.uniform(2, 7), rng)
            field *= np.clip(0.8 + rng.uniform(0.5, 1.5) * grains, 0, 1.6)
        canvas.shift(contrast * field, _bright(rng) if rng.random() < 0.75 else _dark(rng))
        canvas.mark(core, CRACK)
        canvas.mark(core, SCRATCH)


def breaks(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint where emulsion or varnish broke along a fold or a blow: jagged, of any width, with flakes beside it.

    Whoever asks for cracks means these too, and whoever asks for losses or scratches as well: they count as two kinds.
    """
    way = rng.random()
    if way < 0.35:
        courses = [paths.across(canvas.shape, rng) for _ in range(int(rng.integers(1, 3)))]
    elif way < 0.7:
        courses = paths.strokes(canvas.shape, rng)[:8]
    else:
        courses = [path for path, _ in paths.net(canvas.shape, rng, 1.0, sparse=True)]
    usual = log_uniform(rng, 0.5, 3.5)
    field, core = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.bool_)
    for path in courses:
        count = len(path)
        jag = rng.uniform(0.2, 1.6) * paths.along(count, 2, rng) + rng.uniform(0.3, 3) * paths.along(count, 9, rng)
        path = paths.aside(path, 1.0) + jag[:, None] * rng.normal(0, 0.8, 2)
        radii = usual * np.exp(rng.uniform(0.3, 0.9) * paths.along(count, rng.uniform(1.5, 6), rng))
        there = (paths.along(count, rng.uniform(4, 25), rng) > rng.uniform(-3, 0)).astype(np.float64)
        draw_soft(path, np.minimum(radii, 9), there, rng.uniform(0.7, 1.5), field, core)
        for _ in range(int(rng.integers(0, 9))):  # flakes
            place = path[rng.integers(count)] + rng.normal(0, 2 + 3 * usual, 2) + rng.normal(0, usual, (3, 2))
            draw_soft(place, usual * rng.uniform(0.4, 1.4, 3), np.ones(3), 1.0, field, core)
    if rng.random() < 0.6:
        down, right = rng.integers(-2, 3, 2)
        shadow = blurred(shifted(field, int(down), int(right)), rng.uniform(0.5, 1.2))
        canvas.picture *= 1 - rng.uniform(0.1, 0.5) * shadow[..., None]
    grains = np.clip(rng.uniform(0.8, 1.1) + rng.uniform(0, 0.35) * rough(canvas.shape, 3, rng, 2), 0, 1)
    field = field * grains
    if rng.random() < 0.7:
        canvas.blend(_bright(rng), rng.uniform(0.5, 1) * field)
    else:
        canvas.shift(log_uniform(rng, 20, 120) * field, _bright(rng) if rng.random() < 0.6 else _dark(rng))
    canvas.mark(core, CRACK)
    canvas.mark(core, LOSS if usual > 2 else SCRATCH)


def _hard_cracks(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint cracks as `render_cracks` does, whose masks are exact."""
    shape = canvas.shape
    radius = 0.5 * log_uniform(rng, 1, 6.5)
    core, field = np.zeros(shape, np.bool_), np.zeros(shape, np.float32)
    if rng.random() < 0.4:
        most = min(shape) / 4
        core = nets.cracks(*shape, log_uniform(rng, 0.006, 0.14), rng, crack_width=min(most, 2 * radius))
    else:
        for path, radii in paths.net(shape, rng, radius):
            draw_soft(path, radii, np.ones(len(radii)), 1.0, field, core)
    contrast = rng.uniform(15, 80)
    for bright in (False, True):
        share = _share(rng.random(), bright) if bright else 1.0
        hole = core if share == 1 else core & (smooth(shape, 60, rng) < (3 if share else -3) * (share - 0.4))
        if hole.any():
            painted, truth = render_cracks(canvas.picture / 255, hole, rng, contrast=contrast)
            canvas.picture[:] = 255 * painted
            canvas.mark(truth, CRACK)
        if rng.random() < 0.8:
            break


def _hard_scratches(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint scratches of one colour, or of one difference, with hard or soft rims."""
    height, width = canvas.shape
    large = rng.random() < 0.5  # as if the picture were twice as large
    hole = scratch_mask(height * (1 + large), width * (1 + large), log_uniform(rng, 0.002, 0.04), rng)[:height, :width]
    soft = blurred(hole.astype(np.float32), rng.choice([0.0, 0.5, 0.6, 0.8]))
    if rng.random() < 0.4:
        canvas.blend(_bright(rng), soft)
    else:
        canvas.add(soft * log_uniform(rng, 15, 90) * (1 if rng.random() < 0.4 else -1))
    canvas.mark(hole, SCRATCH)


def _share(polarity: float, bright: bool) -> float:
    """Return the share of the lines that are bright, or dark: all, none, or some of each."""
    if polarity < 0.5:
        return 0.0 if bright else 1.0
    if polarity < 0.75:
        return 1.0 if bright else 0.0
    return 0.5


def _swelling(count: int, radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the radii of a line that swells and ebbs, and runs out at its ends."""
    ends = np.minimum(1, (np.minimum(np.arange(count), np.arange(count)[::-1]) + 1) / 8)
    return radius * np.exp(0.22 * paths.along(count, 12, rng)) * np.sqrt(ends)


def _depths(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a scratch's strengths along it: even, or interrupted."""
    depths = np.clip(1 + 0.3 * paths.along(count, 15, rng), 0.3, 1.6)
    if rng.random() < 0.35:
        depths = np.where(paths.along(count, rng.uniform(3, 14), rng) > -0.4, depths, 0)
    return depths


def _breaks(shape: tuple[int, int], rng: np.random.Generator) -> Field:
    """Return what cracks are multiplied with: mostly 1; where they are granular, or fade, less."""
    way = rng.random()
    if way < 0.6:
        return np.ones(shape, np.float32)
    wave = rng.uniform(2, 6) if way < 0.8 else rng.uniform(8, 40)
    left: Field = np.clip(rng.uniform(0.5, 1.1) + 0.8 * rough(shape, wave, rng, 2), 0, 1.4)
    return left


def _rim(canvas: Canvas, core: NDArray[np.bool_], by: float, rng: np.random.Generator) -> None:
    """Paint the bright rim of paint that cupped; it counts as crack."""
    ring = grow_mask(core, 1 + int(rng.random() < 0.3))
    canvas.shift(by * blurred((ring & ~core).astype(np.float32), 0.4), _bright(rng))
    canvas.mark(ring, CRACK)


def _shade(canvas: Canvas, path: paths.Path, rng: np.random.Generator) -> None:
    """Light one side of a fold, and shade the other, softly."""
    if rng.random() < 0.3:
        return
    wide = log_uniform(rng, 2, 14)
    lit, shade = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.float32)
    ignored = np.zeros(canvas.shape, np.bool_)
    for side, field in ((1, lit), (-1, shade)):
        beside = paths.aside(path, side * wide)
        draw_soft(beside, np.full(len(beside), wide), np.ones(len(beside)), 0.0, field, ignored)
    canvas.add(rng.uniform(3, 22) * (lit - shade))


def _bright(rng: np.random.Generator) -> Colour:
    """Return white, or what is as bright: paper, ground, gelatine."""
    tint = rng.normal(0, 8, 3) + np.array([4, 0, -rng.uniform(0, 25)])
    return colour_of(rng.normal(235, 18) + tint)


def _dark(rng: np.random.Generator) -> Colour:
    """Return black, or the brown of dirt."""
    return colour_of(rng.normal(18, 16) + np.array([rng.uniform(0, 12), 0, -rng.uniform(0, 10)]))
