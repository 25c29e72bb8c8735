"""Measures how near restored paintings come to the undamaged ones: all methods of restauro, and OpenCV's.

Needs 60 paintings and 10 masks for each bin that are not in the repository, in the folder that RESTAURO_SHARED names
or in ../shared: data/paintings-val and data/masks/irregular, each with an index.csv.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import _tables
import restauro

SIDE = 512
MASKS_A_BIN = 10
BINS_WITH_TARGET = (1, 2)
PEER = "OpenCV Telea"
PEERS = {PEER: cv2.INPAINT_TELEA, "OpenCV Navier-Stokes": cv2.INPAINT_NS}
RESAMPLES = 10_000  # of the bootstrap

Fill = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[Any]]


@dataclass(frozen=True)
class Way:
    """A way to fill: whose, with which radius (None: the method has none)."""

    name: str
    radius: int | None
    fill: Fill


@dataclass(frozen=True)
class Scores:
    """What a way reached on each painting: PSNR of the whole picture (dB), RMSE inside the holes (of 255)."""

    way: Way
    psnr: NDArray[np.float64]
    rmse: NDArray[np.float64]


def folder() -> Path:
    named = Path(os.environ.get("RESTAURO_SHARED", _tables.CLONE.parent / "shared")) / "data"
    if not named.is_dir():
        sys.exit(f"There are no paintings in {named}: name the folder that holds data/ in RESTAURO_SHARED.")
    return named


def names_of(index: Path) -> list[str]:
    with index.open(encoding="utf-8", newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]


def pairs(data: Path, bin_number: int, count: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield painting i with the bin's mask i mod 10, both in the order of their index: [H, W, 3], [H, W]."""
    paintings, masks = data / "paintings-val", data / "masks" / "irregular"
    of_bin = [name for name in names_of(masks / "index.csv") if name.startswith(f"nv-b{bin_number}-")]
    if len(of_bin) != MASKS_A_BIN:
        sys.exit(f"Bin {bin_number} has {len(of_bin)} masks instead of {MASKS_A_BIN}; bins are 1 to 6.")
    for i, name in enumerate(names_of(paintings / "index.csv")[:count]):
        painting = _read(paintings / name, cv2.IMREAD_COLOR)
        top, left = ((side - SIDE) // 2 for side in painting.shape[:2])
        mask = _read(masks / of_bin[i % MASKS_A_BIN], cv2.IMREAD_GRAYSCALE)
        yield painting[top : top + SIDE, left : left + SIDE].copy(), mask


def _read(path: Path, how: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), how)
    if picture is None:
        sys.exit(f"{path} can't be read.")
    return picture.astype(np.uint8, copy=False)


def ways(methods: list[str], radii: list[int]) -> list[Way]:
    """Return OpenCV's methods and ours, each at all radii if it has one."""
    found = [Way(name, radius, partial(_opencv, flag, radius)) for name, flag in PEERS.items() for radius in radii]
    for method in methods:
        names = [parameter.name for parameter in restauro.method_class(method).parameters()]
        for radius in radii if "radius" in names else [None]:
            chosen = restauro.method_class(method)(**({} if radius is None else {"radius": radius}))
            found.append(Way(method, radius, partial(restauro.inpaint, method=chosen)))
    return found


def _opencv(flag: int, radius: int, image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[Any]:
    return cv2.inpaint(image, mask, radius, flag)


def measure(chosen: list[Way], data: Path, bin_number: int, count: int) -> list[Scores]:
    errors: list[list[tuple[float, float]]] = [[] for _ in chosen]
    for painting, mask in pairs(data, bin_number, count):
        damaged = painting.copy()
        damaged[mask != 0] = 0  # so that nobody can see what was there
        for way, found in zip(chosen, errors, strict=True):
            found.append(_errors(painting, way.fill(damaged, mask), mask != 0))
    return [Scores(way, *np.array(found).T) for way, found in zip(chosen, errors, strict=True)]


def _errors(painting: NDArray[np.uint8], restored: NDArray[Any], hole: NDArray[np.bool_]) -> tuple[float, float]:
    squares = np.square(restored.astype(float) - painting)
    return 10 * np.log10(255**2 / squares.mean()), np.sqrt(squares[hole].mean())


def best(scores: list[Scores], name: str) -> Scores:
    """Return the radius of a method that has the highest mean PSNR."""
    return max((score for score in scores if score.way.name == name), key=lambda score: score.psnr.mean())


def difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the mean of the paired differences, and the ends of its 95 % interval by bootstrap."""
    apart = ours - theirs
    drawn = np.random.default_rng(0).integers(len(apart), size=(RESAMPLES, len(apart)))
    low, high = np.percentile(apart[drawn].mean(axis=1), [2.5, 97.5])
    return float(apart.mean()), float(low), float(high)


def rows(scores: list[Scores], *, has_target: bool) -> list[list[str]]:
    """Return a row for every way, the best radius of each method marked with a star."""
    peer, names = best(scores, PEER), {score.way.name for score in scores}
    stars = {id(best(scores, name)) for name in names}
    found = []
    for score in scores:
        name, radius = score.way.name, score.way.radius
        mean, low, high = difference(score.psnr, peer.psnr)
        found.append(
            [
                name + " *" * (id(score) in stars),
                "-" if radius is None else str(radius),
                f"{score.psnr.mean():.3f}",
                f"{score.rmse.mean():.3f}",
                "-" if score is peer else f"{mean:+.3f} ({low:+.3f} to {high:+.3f})",
                _tables.met(mean, 0) if has_target and name == "telea" and id(score) in stars else "-",
            ]
        )
    return found


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument(
        "--bins", type=int, nargs="+", default=[*BINS_WITH_TARGET], help="1: 1 to 10 %% hole, ... 6: 50 to 60 %%"
    )
    options.add_argument("--methods", nargs="+", default=restauro.method_names(), help="by default all")
    options.add_argument("--radii", type=int, nargs="+", default=[3, 5])
    options.add_argument("--paintings", type=int, default=60, help="how many, from the first")
    arguments = options.parse_args()
    load, data, parts = _tables.load_before(), folder(), []
    for bin_number in arguments.bins:
        scores = measure(ways(arguments.methods, arguments.radii), data, bin_number, arguments.paintings)
        head = ["method", "radius", "PSNR dB", "RMSE in holes", f"PSNR against {PEER}'s best", "target"]
        title = f"## Holes of {max(1, 10 * (bin_number - 1))} to {10 * bin_number} %"
        parts += [title, _tables.table(head, rows(scores, has_target=bin_number in BINS_WITH_TARGET))]
    introduction = (
        f"{_tables.conditions(load, 'restauro', 'numpy', 'opencv-python-headless')}\n\n"
        f"The middle {SIDE} x {SIDE} pixels of {arguments.paintings} paintings that nothing was tuned on, 8-bit "
        f"colour, under {MASKS_A_BIN} irregular masks a bin in turn. Means over the paintings of PSNR (the whole "
        "picture) and of RMSE (hole pixels, of 255); the paired difference of PSNR in dB with its 95 % interval "
        "(bootstrap). *: the best radius of a method. Target, up to 20 %: Telea's method reaches at least OpenCV "
        "Telea's mean PSNR, best radius against best radius."
    )
    _tables.publish("quality", "Quality", [introduction, *parts], print_only=arguments.print_only)


if __name__ == "__main__":
    main()
