"""Measures what guidance gives: healing's time, grain's spectrum and what it costs, the gain of guides and sources.

Made pictures, and for grain's cost also the middles of paintings, which need the folder of shared pictures
(RESTAURO_SHARED, or ../shared).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
import restauro

SIDE = 256
WIDE = np.zeros((SIDE, SIDE), bool)
WIDE[80:176, 72:184] = True  # for grain
WITHIN, SQUARE = (slice(100, 156), slice(100, 156)), 56
BESIDE = [(8, 8), (8, 192), (192, 8), (192, 192), (100, 8), (8, 100)]  # first row and column of squares outside
OCTAVES = ((1 / 4, "1/2 to 1/4"), (1 / 8, "1/4 to 1/8"), (1 / 16, "1/8 to 1/16"))  # cycles a pixel, from
LOW, HIGH = 0.8, 1.25  # of the power outside
HEALED, WANTED_MS = 100, 100.0  # side of the hole, milliseconds
PICTURES = 12  # made ones of each kind, and paintings
GRAIN_METHODS = ("harmonic", "edge-enhancing", "biharmonic", "coherence", "navier-stokes", "telea", "network")
GUIDED_METHODS = ("edge-enhancing", "coherence", "patchmatch")

Light = NDArray[np.float64]
Picture = NDArray[np.uint8]


def _smooth(rng: np.random.Generator, size: float, bands: int = 1) -> Light:
    """Return noise with spread 1, [H, W, bands]."""
    noise = rng.normal(size=(SIDE, SIDE, bands))
    blurred = cv2.GaussianBlur(noise, (0, 0), size, borderType=cv2.BORDER_REFLECT).reshape(noise.shape)
    return blurred / blurred.std(axis=(0, 1))


def film(size: float) -> Callable[[np.random.Generator], Picture]:
    """Return a maker of soft scenes with grain of a size, in part common to the bands, stronger in the shadows."""

    def make(rng: np.random.Generator) -> Picture:
        scene = 120 + 25 * _smooth(rng, 60, 3)
        grain = 4 * _smooth(rng, size, 3) + 5 * _smooth(rng, size)
        return np.rint(np.clip(scene + grain * (1.4 - scene / 300), 0, 255)).astype(np.uint8)

    return make


def canvas(rng: np.random.Generator) -> Picture:
    """Return a soft scene on wavering threads some 4 to 9 pixels apart."""
    y, x = np.mgrid[:SIDE, :SIDE]
    across, down = (rng.uniform(4, 9), rng.uniform(4, 9))
    wavers = _smooth(rng, 12, 2)
    weave = np.sin(2 * np.pi * x / across + wavers[..., 0]) * np.sin(2 * np.pi * y / down + wavers[..., 1])
    scene = 120 + 25 * _smooth(rng, 60, 3) + (7 * weave[..., np.newaxis] + 3 * _smooth(rng, 1)) * [1, 0.9, 0.8]
    return np.rint(np.clip(scene, 0, 255)).astype(np.uint8)


MADE = {"film, grain 0.8": film(0.8), "film, grain 1.5": film(1.5), "canvas": canvas}


def power(square: NDArray[np.floating]) -> Light:
    """Return the mean power of each octave of a square [n, n], without its slope."""
    side = len(square)
    y, x = np.mgrid[:side, :side]
    slope = np.stack([np.ones(side * side), y.ravel(), x.ravel()], axis=1)
    rest = square.ravel() - slope @ np.linalg.lstsq(slope, square.ravel(), rcond=None)[0]
    spectrum = np.abs(np.fft.fft2(rest.reshape(side, side) * np.outer(np.hanning(side), np.hanning(side)))) ** 2
    f = np.hypot(np.fft.fftfreq(side)[:, np.newaxis], np.fft.fftfreq(side))
    return np.array([spectrum[(f >= low) & (f < 2 * low)].mean() for low, _ in OCTAVES])


def of_bands(picture: Picture, *places: tuple[slice, slice]) -> Light:
    squares = [picture[place].astype(np.float64) for place in places]
    return np.mean([power(square[..., c]) for square in squares for c in range(3)], axis=0)


def psnr(truth: Picture, picture: Picture, where: NDArray[np.bool_]) -> float:
    return float(-10 * np.log10(np.mean((truth[where] / 255 - picture[where] / 255) ** 2) + 1e-9))


def grain_rows() -> list[list[str]]:
    """Measure grain in made pictures: power inside over that outside, mean and range, and PSNR without and with it."""
    outside = [(slice(y, y + SQUARE), slice(x, x + SQUARE)) for y, x in BESIDE]
    rows = []
    for kind, make in MADE.items():
        for method in GRAIN_METHODS:
            found, without, before, after = [], [], [], []
            for seed in range(PICTURES):
                truth = make(np.random.default_rng([seed, 3]))
                damaged = np.where(WIDE[..., np.newaxis], 0, truth).astype(np.uint8)
                smooth, grainy = (
                    restauro.inpaint(damaged, WIDE, method, grain=grain, seed=seed, workers=1)
                    for grain in (None, "match")
                )
                found.append(of_bands(grainy, WITHIN) / of_bands(truth, *outside))
                without.append(of_bands(smooth, WITHIN) / of_bands(truth, *outside))
                before.append(psnr(truth, smooth, WIDE))
                after.append(psnr(truth, grainy, WIDE))
            mean = np.mean(found, axis=0)
            cells = [
                f"{m:.2f} ({low:.2f}–{high:.2f})"
                for m, low, high in zip(mean, np.min(found, 0), np.max(found, 0), strict=True)
            ]
            smooth_cell = " ".join(f"{value:.2f}" for value in np.mean(without, axis=0))
            verdict = "met" if ((mean >= LOW) & (mean <= HIGH)).all() else "missed"
            psnrs = f"{np.mean(before):.1f}", f"{np.mean(after):.1f}", f"{np.mean(after) - np.mean(before):+.1f}"
            rows.append([kind, method, smooth_cell, *cells, *psnrs, verdict])
            print(*rows[-1], flush=True)
    return rows


def painting_rows() -> list[list[str]]:
    """Measure grain in paintings: power over that of the truth at the same place, and PSNR."""
    folder = _pictures.shared() / "data" / "paintings-val"
    names = sorted(path.name for path in folder.glob("*.jpg"))[::5][:PICTURES]
    rows = []
    for method in ("edge-enhancing", "network"):
        ratios, before, after = {None: [], "match": []}, [], []
        for seed, name in enumerate(names):
            truth = _pictures.middle(_pictures.read(folder / name))[:SIDE, :SIDE]
            for grain, found in ((None, before), ("match", after)):
                filled = restauro.inpaint(truth, WIDE, method, grain=grain, seed=seed, workers=1)
                ratios[grain].append(of_bands(filled, WITHIN) / of_bands(truth, WITHIN))
                found.append(psnr(truth, filled, WIDE))
        smooth, grainy = (np.median(ratios[grain], axis=0) for grain in (None, "match"))
        rows.append(
            [
                method,
                " ".join(f"{value:.2f}" for value in smooth),
                *(f"{value:.2f}" for value in grainy),
                f"{np.mean(before):.1f}",
                f"{np.mean(after):.1f}",
                f"{np.mean(np.subtract(after, before)):+.1f}",
                f"{np.min(np.subtract(after, before)):+.1f}",
            ]
        )
        print(*rows[-1], flush=True)
    return rows


def heal_row() -> list[str]:
    """Time healing of 10 000 pixels in three bands, by one thread."""
    rng = np.random.default_rng(0)
    image = (120 + 20 * _smooth(rng, 2, 3)).clip(0, 255).astype(np.uint8)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[20 : 20 + HEALED, 30 : 30 + HEALED] = True
    restauro.heal(image, hole, (110, 20), workers=1)
    walls, works = [], []
    for _ in range(15):
        wall, work = time.perf_counter(), time.process_time()
        restauro.heal(image, hole, (110, 20), workers=1)
        walls.append(1000 * (time.perf_counter() - wall))
        works.append(1000 * (time.process_time() - work))
    verdict = _tables.met(statistics.median(walls), WANTED_MS, at_most=True)
    return [
        "heal",
        f"{int(hole.sum())}",
        _tables.median_and_range(walls, 1),
        _tables.median_and_range(works, 1),
        verdict,
    ]


def outlined(rng: np.random.Generator) -> tuple[Picture, NDArray[np.bool_], Light]:
    """Return a hill of another tone than what is behind it, a hole across its outline, and a hand's line along that."""
    y, x = np.mgrid[:160, :160]
    centre, radius = np.array([rng.uniform(120, 150), rng.uniform(70, 90)]), rng.uniform(50, 80)
    inside = np.hypot(y - centre[0], x - centre[1]) < radius
    tones = rng.uniform(40, 100, 3), rng.uniform(150, 220, 3)
    picture = cv2.GaussianBlur(np.where(inside[..., np.newaxis], *tones), (0, 0), 0.7)
    picture = np.rint(picture + 2 * rng.normal(size=picture.shape)).clip(0, 255).astype(np.uint8)
    top = centre - [radius, 0]
    hole = (np.abs(y - top[0] - 6) < 18) & (np.abs(x - top[1]) < rng.uniform(18, 32))
    angle = np.linspace(-1, 1, 24)
    line = centre + radius * np.stack([-np.cos(angle), np.sin(angle)], axis=1)
    return picture, hole, line + cv2.GaussianBlur(rng.normal(size=(24, 2)), (1, 0), 1, sigmaY=3) * 2


def striped(rng: np.random.Generator) -> tuple[Picture, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return stripes beside others of the same tones, a hole in the first that touches these, and where they are."""
    y, x = np.mgrid[:160, :160]
    angles, periods = rng.uniform(0, np.pi, 2), rng.uniform(7, 14, 2)
    angles[1] = angles[0] + rng.uniform(0.6, 1.5)
    waves = [np.sin(2 * np.pi * (y * np.cos(a) + x * np.sin(a)) / p) for a, p in zip(angles, periods, strict=True)]
    others = x > 95 + rng.uniform(-5, 5)
    picture = (
        120
        + 50 * np.where(others, waves[1], waves[0])[..., np.newaxis] * [1, 0.9, 0.8]
        + 3 * rng.normal(size=(160, 160, 1))
    )
    hole = (np.abs(y - 80) < 22) & ~others & (x > 55)
    return np.rint(picture).clip(0, 255).astype(np.uint8), hole, others


def gain_rows() -> tuple[list[list[str]], list[list[str]]]:
    """Measure the error inside without and with guides, and without and with sources or what is to be avoided."""
    guides, sources = [], []
    for method in GUIDED_METHODS:
        figures = []
        for seed in range(PICTURES):
            truth, hole, line = outlined(np.random.default_rng([seed, 5]))
            damaged = np.where(hole[..., np.newaxis], 0, truth).astype(np.uint8)
            ways = ({}, {"guides": [line]})
            figures.append(
                [psnr(truth, restauro.inpaint(damaged, hole, method, workers=1, **way), hole) for way in ways]
            )
        guides.append(_gain(method, figures))
    ways = {"--avoid": lambda others: {"avoid": others}, "--sources": lambda others: {"sources": ~others}}
    for name, said in ways.items():
        figures = []
        for seed in range(PICTURES):
            truth, hole, others = striped(np.random.default_rng([seed, 7]))
            damaged = np.where(hole[..., np.newaxis], 0, truth).astype(np.uint8)
            both = ({}, said(others))
            figures.append(
                [psnr(truth, restauro.inpaint(damaged, hole, "patchmatch", workers=1, **way), hole) for way in both]
            )
        sources.append(_gain(name, figures))
    return guides, sources


def _gain(name: str, figures: list[list[float]]) -> list[str]:
    without, told = np.transpose(figures)
    print(name, figures, flush=True)
    better = int((told > without).sum())
    return [
        name,
        f"{without.mean():.1f}",
        f"{told.mean():.1f}",
        f"{(told - without).mean():+.1f}",
        f"{(told - without).min():+.1f}",
        f"{better} of {len(told)}",
    ]


def main() -> None:
    arguments = _tables.parser(__doc__).parse_args()
    load = _tables.load_before()
    healed = heal_row()
    guides, sources = gain_rows()
    octaves = [name for _, name in OCTAVES]
    grain, paintings = grain_rows(), painting_rows()
    told = ["without", "told", "gain", "worst", "better in"]
    parts = [
        _tables.conditions(load, "restauro", "numpy"),
        "## Heal",
        f"{HEALED} x {HEALED} pixels in three bands, 8 bits, one thread; milliseconds, median (range) of 15, by the "
        f"clock and of processor time. Wanted: {WANTED_MS:g}.",
        _tables.table(["what", "pixels", "by the clock", "processor", f"{WANTED_MS:g} ms"], [healed]),
        "## Grain in made pictures",
        f"{PICTURES} soft scenes each with film's grain of a Gaussian's size, stronger in the shadows, or on wavering "
        "threads; a hole of 96 x 112 pixels. The power of a square inside over that of six outside by octaves of "
        "frequency (cycles a pixel): smooth as it is without grain, the three octaves in turn; then with it, mean "
        "(lowest and highest picture: squares differ by chance, and threads by whether their frequency lies at an "
        f"octave's end). Wanted: {LOW:g} to {HIGH:g} in the mean in every octave. PSNR in dB inside. Above 1/4 grain "
        "1.5 is next to nothing but rounding. `telea`, and `coherence` a little, have streaks of their own, to which "
        "grain is added.",
        _tables.table(["picture", "method", "smooth", *octaves, "PSNR", "with grain", "cost", "0.8 to 1.25"], grain, 2),
        "## Grain in paintings",
        f"The same hole in the middles of {PICTURES} paintings: power over the truth's own at that place, the median "
        "of them. A painting has more there than grain, which no noise brings back; what counts is the cost. Worst: "
        "the picture that loses most.",
        _tables.table(["method", "smooth", *octaves, "PSNR", "with grain", "cost", "worst"], paintings),
        "## Guides",
        f"Outlines of {PICTURES} hills across a hole 36 pixels high and as wide or wider, with a line along them as a "
        "hand draws it, some 2 pixels off. PSNR in dB inside, mean, and the gain of the picture that gains least.",
        _tables.table(["method", *told], guides),
        "## Sources",
        f"{PICTURES} times stripes beside stripes of another direction and period, in the same tones; the hole lies in "
        "the first and touches the others, which aren't to be copied. `patchmatch`, PSNR in dB inside.",
        _tables.table(["told by", *told], sources),
    ]
    _tables.publish("guidance", "Guidance: heal, grain, guides, sources", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
