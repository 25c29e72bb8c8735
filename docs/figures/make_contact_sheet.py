"""Makes contact-sheet.jpg, all methods on six paintings: python docs/figures/make_contact_sheet.py.

The paintings are not in the repository: they are in data/paintings-val of the folder that RESTAURO_SHARED names, or of
../shared.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

import restauro

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("RESTAURO_SHARED", HERE.parents[2] / "shared"))

SIDE = 112  # of a crop, pixels
ZOOM = 2
GAP = 6
LOSS = (225, 30, 140)  # the colour that a hole is shown in
FONT = "sans 13"

Hole = NDArray[np.bool_]
Pixels = NDArray[np.uint8]


def cracks(rng: np.random.Generator) -> Hole:
    """Return five crossing cracks 2 to 4 pixels wide."""
    hole = np.zeros((SIDE, SIDE), bool)
    for start in rng.uniform(0, 2 * np.pi, 5):
        here = SIDE / 2 + 0.6 * SIDE * np.array([np.cos(start), np.sin(start)])
        headings = start + np.pi + rng.normal(0, 0.3) + np.cumsum(rng.normal(0, 0.25, 20))
        steps = 7 * np.stack([np.cos(headings), np.sin(headings)], axis=1)
        hole |= _line(here + np.cumsum(steps, axis=0), rng.uniform(2, 4))
    return hole


def strokes(_: np.random.Generator) -> Hole:
    """Return two wide strokes, 12 and 18 pixels, that cross."""
    first = _line(np.array([[12, 20], [50, 46], [66, 84], [100, 100]]), 18)
    return first | _line(np.array([[14, 92], [44, 70], [76, 40], [98, 16]]), 12)


def slanting(_: np.random.Generator) -> Hole:
    """Return a slanting band 20 pixels wide."""
    return _line(np.array([[8, 34], [104, 78]]), 20)


def ragged(rng: np.random.Generator) -> Hole:
    """Return a ragged loss about 50 pixels across."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    angle, waves = np.arctan2(y, x), np.arange(2, 9)[:, np.newaxis, np.newaxis]
    rim = (0.35 / waves * np.cos(waves * angle + rng.uniform(0, 2 * np.pi, waves.shape))).sum(axis=0)
    return np.hypot(x, y) < 25 * (1 + rim)


def _line(points: NDArray[np.float64], width: float) -> Hole:
    """Return what is within half the width of the line through points [n, 2], x before y."""
    place = np.stack(np.mgrid[:SIDE, :SIDE][::-1], axis=-1).astype(float)
    hole = np.zeros((SIDE, SIDE), bool)
    for a, b in pairwise(points):
        along = np.clip((place - a) @ (b - a) / np.square(b - a).sum(), 0, 1)
        hole |= np.linalg.norm(place - a - along[..., np.newaxis] * (b - a), axis=-1) <= width / 2
    return hole


@dataclass(frozen=True)
class Case:
    """A painting, the left and top of what is shown of it, and its damage there."""

    file: str
    left: int
    top: int
    damage: Callable[[np.random.Generator], Hole]
    words: str


CASES = [
    Case("val-007.jpg", 196, 190, cracks, "thin cracks"),
    Case("val-014.jpg", 790, 250, strokes, "wide strokes"),
    Case("val-025.jpg", 560, 190, slanting, "a loss across straight edges"),
    Case("val-060.jpg", 420, 120, slanting, "a loss across curved edges"),
    Case("val-042.jpg", 90, 740, ragged, "a loss in brushwork"),
    Case("val-011.jpg", 300, 590, ragged, "a loss in texture"),
]


def row(case: Case, names: list[str]) -> list[Pixels]:
    """Return what is shown of a painting [SIDE, SIDE, 3]: undamaged, damaged, restored by every method."""
    pixels = restauro.read_picture(SHARED / "data" / "paintings-val" / case.file).pixels
    shown = (slice(case.top, case.top + SIDE), slice(case.left, case.left + SIDE))
    hole = np.zeros(pixels.shape[:2], bool)
    hole[shown] = case.damage(np.random.default_rng(1))
    damaged = pixels.copy()
    damaged[hole] = LOSS
    return [part[shown] for part in (pixels, damaged, *(restauro.inpaint(damaged, hole, name) for name in names))]


def titles() -> dict[str, str]:
    """Return artist and title of every painting."""
    with (SHARED / "data" / "paintings-val" / "index.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: f"{row['artist']}, {row['title']}" for row in csv.DictReader(file)}


def text(words: str, width: int) -> pyvips.Image:
    """Return words in black on white, as high as a line."""
    written = pyvips.Image.text(words, font=FONT, dpi=96)
    if written.width > width - 4:
        written = written.resize((width - 4) / written.width)
    return written.invert().embed(4, 4, width, 30, extend="white").colourspace("srgb")


def panel(pixels: Pixels) -> pyvips.Image:
    """Return a crop enlarged, every pixel a square."""
    return pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation="srgb").zoom(ZOOM, ZOOM)


def main() -> None:
    """Make the figure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    classical = [name for name in restauro.method_names() if name != "network"]  # which has its own figures
    classical = [name for name in classical if restauro.method_class(name).nature != "corrects"]
    options.add_argument("--methods", nargs="*", default=classical, help="by default all but network")
    options.add_argument("-o", "--output", type=Path, default=HERE / "contact-sheet.jpg")
    arguments = options.parse_args()
    heads = ["undamaged", "damaged", *arguments.methods]
    width = len(heads) * (SIDE * ZOOM + GAP)
    figure = pyvips.Image.arrayjoin([text(head, SIDE * ZOOM) for head in heads], shim=GAP, background=255)
    named = titles()
    for case in CASES:
        panels = [panel(pixels) for pixels in row(case, arguments.methods)]
        strip = pyvips.Image.arrayjoin(panels, shim=GAP, background=255)
        for part in (text(f"{named[case.file]}: {case.words}", width), strip):
            figure = figure.join(part, "vertical", expand=True, background=255)
    figure.jpegsave(str(arguments.output), Q=88, keep="none")


if __name__ == "__main__":
    main()
