"""Makes the damage of the examples: python examples/make_examples.py SCANS, a folder with the scans of README.md.

A net of cracks is the edges of Voronoi cells, bent by noise; paint is lost where cracks meet; scratches are arcs. Each
comes as an opacity (0 to 1) and is painted over the picture; the mask is where the picture changed, grown a little.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter
from scipy.spatial import cKDTree

Field = NDArray[np.float64]
HERE = Path(__file__).resolve().parent

GROUND = np.array([205.0, 189.0, 158.0])
DIRT = np.array([38.0, 30.0, 24.0])
DUST = np.array([148.0, 139.0, 120.0])


def noise(shape: tuple[int, int], size: float, rng: np.random.Generator) -> Field:
    """Return smooth noise [H, W] of deviation 1, with features of about `size` pixels."""
    field: Field = gaussian_filter(rng.standard_normal(shape), size, mode="wrap")
    return np.asarray(field / field.std())


def cracks(shape: tuple[int, int], cell: float, rng: np.random.Generator) -> tuple[Field, NDArray[np.int64]]:
    """Return the opacity [H, W] of a net of cracks with meshes of about `cell` pixels, and where three of them meet."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    y += 0.12 * cell * noise(shape, 0.3 * cell, rng) + 0.6 * noise(shape, 3, rng)
    x += 0.12 * cell * noise(shape, 0.3 * cell, rng) + 0.6 * noise(shape, 3, rng)
    count = round(shape[0] * shape[1] / cell**2)
    sites = rng.uniform(-cell, np.array(shape) + cell, (count, 2))
    found = cKDTree(sites).query(np.stack([y, x], axis=2), k=3)
    distances, nearest = np.asarray(found[0]), np.asarray(found[1])
    between = np.linalg.norm(sites[nearest[..., 0]] - sites[nearest[..., 1]], axis=2)
    to_edge = (distances[..., 1] ** 2 - distances[..., 0] ** 2) / (2 * between)

    pair = np.sort(nearest[..., :2], axis=2)
    of_edge = np.modf(np.sin(pair[..., 0] * 12.9898 + pair[..., 1] * 78.233) * 43758.5453)[0]  # -1 to 1, one an edge
    half_width = np.clip(0.6 + 0.7 * of_edge + 0.4 * noise(shape, 1.5 * cell, rng), -1, 1.4)
    junctions = np.argwhere((distances[..., 2] - distances[..., 0] < 1.2) & (half_width > 0.7))
    return np.clip(half_width - to_edge + 0.5, 0, 1) * (half_width > 0.25), junctions


def losses(shape: tuple[int, int], places: NDArray[np.int64], count: int, rng: np.random.Generator) -> Field:
    """Return the opacity [H, W] of flakes 5 to 15 pixels wide that are gone around some of the places."""
    centres = places[rng.choice(len(places), count, replace=False)]
    apart = np.ones(shape, bool)
    apart[centres[:, 0], centres[:, 1]] = False
    distance = distance_transform_edt(apart) * (1 + 0.35 * noise(shape, 3, rng))
    radius = 4.0 + 1.5 * noise(shape, 60, rng)
    return np.clip(np.clip(radius, 2.5, 6.5) - distance + 0.5, 0, 1)


def scratches(shape: tuple[int, int], count: int, rng: np.random.Generator) -> Field:
    """Return the opacity [H, W] of arcs 2 to 3 pixels wide."""
    apart = np.ones(shape, bool)
    for _ in range(count):
        start = rng.uniform(0, shape)
        angle, length, bend = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.45) * max(shape), rng.uniform(-0.7, 0.7)
        t = np.linspace(0, 1, 4 * max(shape))[:, np.newaxis]
        along, across = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
        points = np.rint(start + length * (t * along + bend * t * (1 - t) * across)).astype(int)
        points = points[(points >= 0).all(axis=1) & (points < shape).all(axis=1)]
        apart[points[:, 0], points[:, 1]] = False
    width = np.clip(0.6 + 0.5 * noise(shape, 30, rng), 0, 1.1)
    return np.clip(width - distance_transform_edt(apart) + 0.5, 0, 1) * (width > 0.3)


def paint(picture: Field, opacity: Field, colour: Field) -> Field:
    """Paint a colour [3] or a picture [H, W, 3] over a picture [H, W, 3]."""
    return picture + opacity[..., np.newaxis] * (colour - picture)


def damage(
    pristine: NDArray[np.uint8], *, cell: float, flakes: int, arcs: int, margin: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the damaged picture [H, W, 3] and the mask [H, W], which is `margin` pixels wider than the damage."""
    rng = np.random.default_rng(seed)
    shape = pristine.shape[:2]
    net, junctions = cracks(shape, cell, rng)
    lost = losses(shape, junctions, flakes, rng)
    arcs_drawn = scratches(shape, arcs, rng)
    picture = pristine.astype(float)
    brightness = gaussian_filter(picture.mean(axis=2), 15)
    is_dark = np.clip((70 - brightness) / 30, 0, 1)[..., np.newaxis]
    picture = paint(picture, 0.9 * net, DIRT + is_dark * (DUST - DIRT))
    picture = paint(picture, 0.8 * np.roll(lost, (1, 1), (0, 1)), DIRT)  # the flake's edge throws a shadow
    picture = paint(picture, lost, GROUND + 6 * noise(shape, 1.5, rng)[..., np.newaxis])
    picture = paint(picture, 0.7 * arcs_drawn, np.array([215.0, 208.0, 194.0]))
    touched = (net > 0) | (np.roll(lost, (1, 1), (0, 1)) > 0) | (lost > 0) | (arcs_drawn > 0)
    mask = binary_dilation(touched, np.ones((3, 3), bool), iterations=margin)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), mask


def save(name: str, damaged: NDArray[np.uint8], mask: NDArray[np.bool_], **options: Any) -> None:
    """Write a damaged picture and its mask beside this file."""
    pyvips.Image.new_from_array(damaged, interpretation="srgb").write_to_file(str(HERE / name), **options)
    white = mask.astype(np.uint8) * 255
    stem = name.partition("-")[0]
    pyvips.Image.new_from_array(white, interpretation="b-w").pngsave(
        str(HERE / f"{stem}-mask.png"), bitdepth=1, compression=9
    )
    print(f"{name}: {mask.mean():.1%} is hole")


def main() -> None:
    """Make both examples."""
    scans = Path(sys.argv[1])
    canaletto = pyvips.Image.new_from_file(str(scans / "example-2.jpg")).numpy()
    save("canaletto-damaged.jpg", *damage(canaletto, cell=60, flakes=110, arcs=6, margin=1, seed=1), Q=90)
    goya = pyvips.Image.new_from_file(str(scans / "example-4.jpg")).resize(0.5).numpy()
    save(
        "goya-damaged.tif",
        *damage(goya, cell=52, flakes=45, arcs=6, margin=1, seed=2),
        compression="deflate",
        predictor="horizontal",
        xres=11.811,
        yres=11.811,
        resunit="cm",
    )


if __name__ == "__main__":
    main()
