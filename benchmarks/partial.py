"""Measures what correcting the tone of made stains, foxing, fading and tape gives, beside leaving or filling them.

The damage is put into paintings in linear light, rounded to 8 bits, and marked by a mask two pixels wider, or by its
own weights. Needs the folder of shared pictures (RESTAURO_SHARED, or ../shared).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

import _pictures
import _tables
import restauro

SIDE = 384
KINDS = ("stain, soft edge", "stain, hard edge", "stain, dark rim", "tide lines", "foxing", "fading", "tape")
SHOWN_BELOW = 0.7  # weights from which on detail needn't be kept

PAINTINGS = 10  # from the first of paintings-val, every sixth
GAIN = 8.0  # dB above the untouched damage that are wanted in the mean of a kind
DETAIL = 0.95  # correlation of detail that is wanted

Light = NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """A damaged picture, its mask, and its weights: how much of each pixel's light is lost or covered, 0 to 1."""

    picture: NDArray[np.uint8]
    hole: NDArray[np.bool_]
    weights: NDArray[np.float32]


def to_light(picture: NDArray[np.uint8]) -> Light:
    v = picture / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def to_stored(light: Light) -> NDArray[np.uint8]:
    v = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.clip(light, 0, 1) ** (1 / 2.4) - 0.055)
    return np.rint(np.clip(v, 0, 1) * 255).astype(np.uint8)


def make(kind: str, truth: NDArray[np.uint8], seed: int) -> Made:
    """Damage a picture, uint8 [H, W, 3]."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    light = to_light(truth)
    height, width = truth.shape[:2]
    if kind == "foxing":
        density = _spots(rng, height, width)
    else:
        depth = _band(rng, height, width) if kind == "tape" else _blob(rng, height, width)
        edge = {"stain, soft edge": 12.0, "fading": 16.0, "tape": 1.0, "stain, hard edge": 1.0}.get(kind, 3.0)
        density = 1 / (1 + np.exp(-np.clip((depth - 2 * edge) / edge * 4, -50, 50)))
        if kind in ("stain, dark rim", "tide lines"):
            lines = (8.0,) if kind == "stain, dark rim" else (8.0, 22.0, 40.0)
            rims = sum(np.exp(-(((depth - at) / 3) ** 2)) for at in lines)
            density = (0.6 if kind == "stain, dark rim" else 0.35) * density + 0.7 * rims
        density *= 1 + 0.15 * _noise(rng, height, width, 60)
    density = np.where(density < 0.01, 0, density)
    absorbed = rng.uniform(0.35, 0.75) * np.array([0.55, 0.9, 1.45]) * rng.uniform(0.85, 1.15, 3)
    if kind == "fading":
        share = np.clip(rng.uniform(0.35, 0.55) * density, 0, 1)[..., np.newaxis]
        damaged = (1 - share) * light + share * np.array([0.62, 0.58, 0.48])
        weights = share[..., 0]
    else:
        passing = np.exp(-density[..., np.newaxis] * absorbed)
        damaged = light * passing
        weights = 1 - np.exp(-density * absorbed.mean())
        if kind == "tape":  # glue scatters a little light
            damaged += 0.03 * np.minimum(density, 1)[..., np.newaxis] * np.array([1.0, 0.9, 0.7])
    hole = cv2.dilate((weights > 0.01).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return Made(to_stored(damaged), hole, np.where(hole, weights, 0).astype(np.float32))


def _noise(rng: np.random.Generator, height: int, width: int, size: float) -> Light:
    """Return smooth noise with spread 1."""
    noise = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), size, borderType=cv2.BORDER_REFLECT)
    return (noise - noise.mean()) / noise.std()


def _blob(rng: np.random.Generator, height: int, width: int) -> Light:
    """Return how far pixels of a blob of some 150 to 220 pixels lie from its edge; 0 outside."""
    y, x = np.mgrid[:height, :width]
    centre = rng.uniform(0.4, 0.6, 2) * (height, width)
    radius = rng.uniform(75, 110) * (1 + 0.14 * _noise(rng, height, width, 28))
    inside = np.hypot(y - centre[0], (x - centre[1]) / rng.uniform(0.8, 1.25)) < radius
    return cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float64)


def _band(rng: np.random.Generator, height: int, width: int) -> Light:
    """Return how far pixels of a strip across the picture lie from its edge; 0 outside."""
    y, x = np.mgrid[:height, :width]
    angle = rng.uniform(-0.5, 0.5)
    across = np.abs((y - height / 2) * np.cos(angle) - (x - width / 2) * np.sin(angle))
    return np.maximum(rng.uniform(28, 45) - across, 0)


def _spots(rng: np.random.Generator, height: int, width: int) -> Light:
    """Return the density of some soft spots, which may touch."""
    y, x = np.mgrid[:height, :width]
    density = np.zeros((height, width))
    for _ in range(14):
        centre, radius = rng.uniform(0.08, 0.92, 2) * (height, width), rng.uniform(4, 12)
        distance = np.hypot(y - centre[0], x - centre[1]) / (radius * (1 + 0.15 * _noise(rng, height, width, 6)))
        density = np.maximum(density, rng.uniform(0.6, 1.1) * np.exp(-(np.abs(distance) ** 3)))
    return density


def psnr(truth: NDArray[np.uint8], picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Return the PSNR of some pixels, in dB."""
    return float(-10 * np.log10(np.mean((truth[where] / 255 - picture[where] / 255) ** 2) + 1e-9))


def detail(truth: NDArray[np.uint8], picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Return the correlation of what a Gaussian of 2 pixels takes away, in some pixels."""
    fine = [image - cv2.GaussianBlur(image.astype(np.float64), (0, 0), 2) for image in (truth, picture)]
    return float(np.corrcoef(fine[0][where].ravel(), fine[1][where].ravel())[0, 1])


WAYS: dict[str, Callable[[Made], NDArray[np.uint8]]] = {
    "harmonic": lambda made: restauro.inpaint(made.picture, made.hole, "harmonic", workers=1),
    "tone": lambda made: restauro.inpaint(made.picture, made.hole, "tone", workers=1),
    "tone, weights": lambda made: restauro.inpaint(made.picture, made.weights, "tone", partial="tone", workers=1),
}


def main() -> None:
    options = _tables.parser(__doc__)
    options.add_argument("--paintings", type=int, default=PAINTINGS)
    arguments = options.parse_args()
    load = _tables.load_before()
    folder = _pictures.shared() / "data" / "paintings-val"
    names = sorted(path.name for path in folder.glob("*.jpg"))[::6][: arguments.paintings]
    rows, worst_first = [], []
    for kind in KINDS:
        before, gains, kept = [], {way: [] for way in WAYS}, {way: [] for way in WAYS}
        for seed, name in enumerate(names):
            truth = _pictures.middle(_pictures.read(folder / name))[:SIDE, :SIDE]
            made = make(kind, truth, seed)
            below = made.hole & (made.weights < SHOWN_BELOW)
            before.append(psnr(truth, made.picture, made.hole))
            for way, restore in WAYS.items():
                restored = restore(made)
                gains[way].append(psnr(truth, restored, made.hole) - before[-1])
                kept[way].append(detail(truth, restored, below))
            print(kind, name, f"{before[-1]:.1f}", [f"{gains[way][-1]:+.1f}" for way in WAYS], flush=True)
            worst_first.append((gains["tone"][-1], kind, name))
        figures = [
            cell
            for way in WAYS
            for cell in (f"{np.mean(gains[way]):+.1f}", f"{min(gains[way]):+.1f}", f"{np.mean(kept[way]):.3f}")
        ]
        verdicts = _tables.met(float(np.mean(gains["tone"])), GAIN), _tables.met(float(np.mean(kept["tone"])), DETAIL)
        rows.append([kind, f"{np.mean(before):.1f}", *figures, *verdicts])
    head = ["damage", "untouched", *(f"{way}: {what}" for way in WAYS for what in ("mean", "worst", "detail"))]
    failing = sorted(one for one in worst_first if one[0] < 0)
    parts = [
        _tables.conditions(load, "restauro", "numpy"),
        f"{SIDE} x {SIDE} pixels of {len(names)} paintings that nothing was tuned on, damaged in linear light and "
        "rounded to 8 bits. Untouched: PSNR in dB inside the mask. Then by how many dB a way is above it, in the mean "
        f"and in the worst picture, and how its detail inside (what a Gaussian of 2 pixels takes away, where w < "
        f"{SHOWN_BELOW:g}) correlates with the truth's. `tone` knows the mask alone, two pixels wider than the damage; "
        '`tone, weights` knows the made weights (`partial="tone"`), as an infrared channel would tell them. Wanted: '
        f"{GAIN:g} dB in the mean, and {DETAIL:g}.",
        _tables.table([*head, f"{GAIN:g} dB", f"detail {DETAIL:g}"], rows),
        f"`tone` is below the untouched picture in {len(failing)} of {len(worst_first)} pictures"
        + (": " + ", ".join(f"{kind} in {name} ({gain:+.1f} dB)" for gain, kind, name in failing) if failing else "")
        + ".",
    ]
    _tables.publish("partial", "Damage in part: stains, foxing, fading, tape", parts, print_only=arguments.print_only)


if __name__ == "__main__":
    main()
