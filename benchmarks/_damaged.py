"""Paintings damaged in all the ways that finding damage is measured by, the same for every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import _pictures
from restauro.damage import patches as masks
from restauro.damage.cracks import cracks
from restauro.damage.rendering import render_cracks
from restauro.damage.synthesis import scratches
from restauro.damage.wear import patches
from restauro.damage.wear.canvas import Canvas, rough
from restauro.damage.wear.stains import stains
from restauro.training.finding import with_strokes

Pixels = NDArray[np.uint8]  # [H, W, 3]
Hole = NDArray[np.bool_]
Case = tuple[str, str, Pixels, Hole]  # kind, how it is drawn, picture, truth

CONTRASTS, WIDTHS = (15, 30, 60), (1, 3, 6)
PATTERNS = ("ghent-altarpiece-*.png", "craquelure-*.png")
PALE = (225, 215, 195)  # ground that shows
RATIOS = {"scratches": 0.015, "losses": 0.04}
MASKS = {"scratches": scratches, "losses": masks.losses}


def drawn(
    image: Pixels, seed: int, *, contrast: float | None = None, width: float | None = None
) -> tuple[Pixels, Hole]:
    """Return a painting with cracks as the seed draws them."""
    rng = np.random.default_rng([2026, seed])
    ratio, usual = rng.uniform(0.01, 0.04), rng.uniform(1, 6)
    hole = cracks(*image.shape[:2], ratio, rng, crack_width=usual if width is None else width)
    return render_cracks(image, hole, rng, contrast=contrast)


def patterns() -> list[Path]:
    """Return the masks of eight real nets of cracks."""
    folder = _pictures.shared() / "data" / "masks" / "cracks"
    return sorted(path for pattern in PATTERNS for path in folder.glob(pattern))


def patterned(image: Pixels, pattern: Path, seed: int) -> tuple[Pixels, Hole]:
    """Return a painting with the cracks of another."""
    hole = _pictures.middle(_pictures.read(pattern)[..., 0]) > 127
    return render_cracks(image, hole, np.random.default_rng([2027, seed]))


def painted(painting: Pixels, hole: Hole, colour: tuple[int, int, int]) -> Pixels:
    """Return the painting with a hole in one colour, hard edges."""
    damaged = painting.copy()
    damaged[hole] = colour
    return damaged


def shifted(painting: Pixels, hole: Hole, by: float) -> Pixels:
    """Return the painting brighter or darker in the hole, with soft edges."""
    soft = ndimage.gaussian_filter(hole.astype(float), 0.6)[..., np.newaxis]
    return np.clip(np.rint(painting + by * soft), 0, 255).astype(np.uint8)


def bare(painting: Pixels, hole: Hole) -> Pixels:
    """Return the painting with pale ground in the hole: soft edges, and noise of 4 levels."""
    soft = ndimage.gaussian_filter(hole.astype(float), 0.6)[..., np.newaxis]
    ground = np.array(PALE) + np.random.default_rng(0).normal(0, 4, (*hole.shape, 1))
    return np.clip(np.rint(painting * (1 - soft) + ground * soft), 0, 255).astype(np.uint8)


WAYS: dict[str, dict[str, Callable[[Pixels, Hole], Pixels]]] = {
    "scratches": {
        "white": lambda painting, hole: painted(painting, hole, (255, 255, 255)),
        "60 levels brighter": lambda painting, hole: shifted(painting, hole, 60),
        "30 levels darker": lambda painting, hole: shifted(painting, hole, -30),
    },
    "losses": {
        "white": lambda painting, hole: painted(painting, hole, (255, 255, 255)),
        "black": lambda painting, hole: painted(painting, hole, (0, 0, 0)),
        "pale": bare,
    },
}


def small_losses(shape: tuple[int, ...], rng: np.random.Generator) -> Hole:
    """Return ragged spots of fewer than 120 pixels."""
    hole = np.zeros(shape[:2], np.bool_)
    for _ in range(25):
        side = int(rng.integers(8, 14))
        y, x = np.mgrid[:side, :side] - side / 2
        top, left = (int(rng.integers(length - side)) for length in shape[:2])
        ragged = 0.3 * rough((side, side), 8, rng) + 1 - 3.2 * np.hypot(y, x) / side > 0
        hole[top : top + side, left : left + side] |= ragged
    return hole


def specks(image: Pixels, rng: np.random.Generator) -> tuple[Pixels, Hole]:
    """Return a picture with antialiased discs, 30 or 60 levels brighter or darker, and where they are."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    alpha = np.zeros(image.shape[:2])
    for _ in range(60):
        radius, (row, column) = rng.uniform(1, 4), rng.random(2) * image.shape[:2]
        alpha = np.maximum(alpha, np.clip(radius + 0.5 - np.hypot(y - row, x - column), 0, 1))
    changed = image + rng.choice([60, -60, 30, -30]) * alpha[..., None]
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8), alpha >= 0.5


def worn(
    image: Pixels, draw: Callable[[Canvas, np.random.Generator], None], rng: np.random.Generator
) -> tuple[Pixels, Hole]:
    """Return a picture with damage as training has it."""
    canvas = Canvas.of(image)
    draw(canvas, rng)
    return np.rint(np.clip(canvas.picture, 0, 255)).astype(np.uint8), canvas.marks > 0


def cases(image: Pixels, i: int) -> Iterator[Case]:
    """Yield a painting, the ith, damaged in all ways."""
    yield "cracks", "all contrasts and widths", *drawn(image, i)
    for contrast in CONTRASTS:
        yield "cracks", f"contrast {contrast}", *drawn(image, i, contrast=contrast)
    for width in WIDTHS:
        yield "cracks", f"{width} px wide", *drawn(image, i, width=width)
    found = patterns()
    yield "cracks", "eight real patterns", *patterned(image, found[i % len(found)], i)
    yield "cracks", "another renderer", *with_strokes(image, np.random.default_rng([2028, i]))
    for kind, ways in WAYS.items():
        hole = MASKS[kind](*image.shape[:2], RATIOS[kind], np.random.default_rng(i))
        for way, damage in ways.items():
            yield kind, way, damage(image, hole), hole
    hole = small_losses(image.shape, np.random.default_rng([11, i]))
    yield "losses", "small ones alone, pale", bare(image, hole), hole
    yield "losses", "as in training", *worn(image, patches.losses, np.random.default_rng([7, 2, i]))
    yield "dust", "faint specks of 2 to 8 px", *specks(image, np.random.default_rng([5, i]))
    yield "dust", "as in training", *worn(image, patches.dust, np.random.default_rng([7, 0, i]))
    yield "stains", "as in training", *worn(image, stains, np.random.default_rng([7, 4, i]))
