"""Measures how much of a step edge's contrast methods keep across a wide gap: all methods of restauro, and OpenCV's.

python3 dev.py bench step_edges --figure step-edges.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import _peers
import _tables

SIDE, BAND = 256, 20  # pixels
DARK, BRIGHT = 64, 192
ANGLES = (0, 30, 45, 60)  # degrees between the edge and the normal of the band
ACROSS = 5  # pixels on either side of the edge
SAMPLES = 16  # a pixel and direction, for anti-aliasing
LEAST = {"edge-enhancing": 70, "navier-stokes": 70, "coherence": 80}  # % of the contrast
PEERS = (_peers.OPENCV_TELEA, _peers.OPENCV_NAVIER_STOKES)
UNDAMAGED = "(undamaged)"

_CENTRE = (SIDE - 1) / 2
_SCALE, _SHOWN = 3, 64  # of the figure: how often a pixel is repeated, pixels shown

Steps = dict[tuple[int, bool], NDArray[np.uint8]]  # by angle, and whether anti-aliased


@dataclass(frozen=True)
class Kept:
    """What a filled step kept: contrast (mean over 5 px, at 5 px), of the height; how far the edge strays, pixels."""

    mean: float
    at: float
    strays: float


def distance(angle: float, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far, in pixels, places lie beyond an edge through the centre of the picture."""
    turn = np.deg2rad(angle)
    return np.round(np.cos(turn) * (y - _CENTRE) - np.sin(turn) * (x - _CENTRE), 9)


def step(angle: float, *, smooth: bool) -> NDArray[np.uint8]:
    """Return a step edge, uint8 [SIDE, SIDE]: pixels whose centre lies beyond it are bright, or the share that does."""
    samples = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5 if smooth else np.zeros(1)
    places = (np.arange(SIDE)[:, np.newaxis] + samples).ravel()
    beyond = distance(angle, places, places[:, np.newaxis]) >= 0
    share = beyond.reshape(SIDE, len(samples), SIDE, len(samples)).mean(axis=(1, 3))
    return np.rint(DARK + (BRIGHT - DARK) * share).astype(np.uint8)


def band() -> NDArray[np.uint8]:
    """Return the hole, a vertical band through the middle, 255 in it."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, _columns()] = 255
    return mask


def _columns() -> slice:
    return slice((SIDE - BAND) // 2, (SIDE + BAND) // 2)


def kept(picture: NDArray[np.uint8], undamaged: NDArray[np.uint8], angle: float) -> Kept:
    """Measure a step edge on the midline of the band, and how far it strays inside the band."""
    heights, true = ((levels.astype(float) - DARK) / (BRIGHT - DARK) for levels in (picture, undamaged))
    y, x = np.mgrid[:SIDE, SIDE // 2 - 1 : SIDE // 2 + 1].astype(float)
    middle, d = heights[:, SIDE // 2 - 1 : SIDE // 2 + 1], distance(angle, x, y)
    near = np.abs(d) <= ACROSS
    mean = middle[near & (d > 0)].mean() - middle[near & (d < 0)].mean()
    at = [
        np.mean([np.interp(side, d[:, column], middle[:, column]) for column in range(2)]) for side in (ACROSS, -ACROSS)
    ]
    moved = (true - heights)[:, _columns()].sum(axis=0) * np.cos(np.deg2rad(angle))
    return Kept(float(mean), float(at[0] - at[1]), float(np.abs(moved).max()))


def measure(ways: Sequence[str]) -> dict[str, Steps]:
    """Return what every way makes of every step; first the undamaged ones."""
    steps = {(angle, smooth): step(angle, smooth=smooth) for angle in ANGLES for smooth in (False, True)}
    mask, filled = band(), {UNDAMAGED: steps}
    for way in ways:
        fill = _peers.fill_of(way)
        filled[way] = {
            which: fill(np.where(mask == 0, picture, 0).astype(np.uint8), mask) for which, picture in steps.items()
        }
    return filled


def row(way: str, filled: Steps, undamaged: Steps, *, smooth: bool) -> list[str]:
    found = [kept(filled[angle, smooth], undamaged[angle, smooth], angle) for angle in ANGLES]
    least = LEAST.get(_peers.settings(way)[0])
    verdict = "-" if least is None else _verdict(found, least / 100)
    cells = [f"{100 * one.mean:.0f} ({100 * one.at:.0f})" for one in found]
    return [way, *cells, f"{max(one.strays for one in found):.1f}", "-" if least is None else f"{least}", verdict]


def _verdict(found: Sequence[Kept], least: float) -> str:
    if min(one.mean for one in found) >= least:
        return "met"
    if min(one.at for one in found) >= least:
        return "only at 5 px"
    return f"missed by {100 * (least - min(one.mean for one in found)):.0f}"


def save_figure(path: Path, filled: dict[str, Steps]) -> None:
    """Save the middle of all pictures enlarged, a row a method, a column a step (sharp, then anti-aliased)."""
    shown = slice((SIDE - _SHOWN) // 2, (SIDE + _SHOWN) // 2)
    rows = []
    for way, pictures in filled.items():
        title = np.full((_SHOWN * _SCALE, 2 * _SHOWN * _SCALE), 255, np.uint8)
        cv2.putText(title, way, (6, _SHOWN * _SCALE // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.75, 0, 1, cv2.LINE_AA)
        crops = [pictures[angle, smooth][shown, shown] for smooth in (False, True) for angle in ANGLES]
        panels = [title, *(crop.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1) for crop in crops)]
        rows.append(np.hstack([np.pad(panel, 2, constant_values=255) for panel in panels]))
    if not cv2.imwrite(str(path), np.vstack(rows)):
        sys.exit(f"{path} can't be written.")


def parts(filled: dict[str, Steps], load: str) -> list[str]:
    head = ["method", *(f"{angle}°, %" for angle in ANGLES), "strays, px", "at least, %", "target"]
    explained = (
        f"{_tables.conditions(load, 'restauro', 'numpy', 'opencv-contrib-python-headless')}\n\n"
        f"A step from {DARK} to {BRIGHT} (8-bit grey) along a straight edge through the centre of a picture of "
        f"{SIDE} x {SIDE} pixels; the hole is a vertical band {BAND} pixels wide through it, from top to bottom. The "
        "angle is that between the edge and the normal of the band: at 0° the edge crosses the band by the shortest "
        "way.\n\n"
        "The contrast that is kept, in % of the height of the step: on the band's midline, its two middle columns, the "
        f"mean of the pixels up to {ACROSS} pixels beyond the true edge less the mean of those up to {ACROSS} pixels "
        f"before it, distances taken across the edge. In brackets the same for the values exactly {ACROSS} pixels away "
        "alone, which forgives an edge that is blurred or displaced by less. Strays: how far the filled edge lies "
        "beside the true one at most, over all angles, as the area between them in each column of the band, across the "
        "edge. Targets hold for every angle."
    )
    sharp, smooth = (
        _tables.table(head, [row(way, pictures, filled[UNDAMAGED], smooth=smooth) for way, pictures in filled.items()])
        for smooth in (False, True)
    )
    return [explained, "## A sharp step: each pixel dark or bright", sharp, "## An anti-aliased step", smooth]


def main() -> None:
    options: argparse.ArgumentParser = _tables.parser(__doc__)
    options.add_argument("--methods", nargs="*", default=_tables.classical_methods(), help="by default all but network")
    options.add_argument("--peers", nargs="*", default=list(PEERS), help=f"of {', '.join(_peers.PEERS)}")
    options.add_argument("--figure", type=Path, metavar="FILE", help="save the filled steps as a picture")
    arguments = options.parse_args()
    load = _tables.load_before()
    filled = measure([*arguments.peers, *arguments.methods])
    if arguments.figure:
        save_figure(arguments.figure, filled)
    _tables.publish("step-edges", "Step edges across a gap", parts(filled, load), print_only=arguments.print_only)


if __name__ == "__main__":
    main()
