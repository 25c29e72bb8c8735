"""Makes scans of film: paintings with dust, hairs, scratches and a smear, and an infrared plane that sees these too.

The plane is shifted, enlarged a little, out of focus, has noise and some of the picture leaking in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 512
LEAKS = (0.05, 0.1, 0.2)  # share of the red's density that the infrared has
PAINTINGS = 6  # from the first of paintings-val, every tenth
SEEN = 0.95  # light that passes where damage can be seen
NEAR = 2  # pixels from visible damage up to which a mark isn't false

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """A scan, uint16: what it shows, its infrared plane, what it would show undamaged, and how much light passes."""

    picture: NDArray[np.uint16]
    infrared: NDArray[np.uint16]
    truth: NDArray[np.uint16]
    passing: Plane
    shift: tuple[float, float]


def to_stored(light: Plane) -> NDArray[np.uint16]:
    v = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.clip(light, 0, 1) ** (1 / 2.4) - 0.055)
    return np.rint(np.clip(v, 0, 1) * 65535).astype(np.uint16)


def make(painting: NDArray[np.uint8], leak: float, seed: int, *, smear: float = 1, clean: bool = False) -> Made:
    """Scan a painting, uint8 [H, W, 3], as if it were a slide; `clean` has no damage.

    smear: the smear's density in the picture, as a share of what it has in infrared.
    """
    rng = np.random.default_rng([seed, round(100 * leak)])
    stored = painting / 255
    light = np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)
    light = 0.004 + 0.9 * light  # film has a densest black, and a base
    height, width = light.shape[:2]
    marks, smeared = np.zeros((2, height, width)) if clean else _damage(rng, height, width)
    density = marks + smeared
    passing = cv2.GaussianBlur(np.exp(-marks - smear * smeared), (0, 0), 0.6)
    y, x = np.mgrid[:height, :width]
    fall = 1 - 0.08 * ((x / width - 0.45) ** 2 + (y / height - 0.5) ** 2)
    infrared = 0.85 * fall * np.exp(-density) * light[..., 0] ** leak
    shift, scale = rng.uniform(-3, 3, 2), rng.uniform(-0.001, 0.001, 2)
    matrix = np.array([[1 + scale[1], 0, -shift[1]], [0, 1 + scale[0], -shift[0]]])
    infrared = cv2.warpAffine(
        cv2.GaussianBlur(infrared, (0, 0), 1.0), matrix, (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    infrared *= 1 + 0.008 * rng.normal(size=infrared.shape)
    noise = 1 + 0.004 * rng.normal(size=light.shape)
    seen = light * passing[..., np.newaxis] * noise
    return Made(to_stored(seen), to_stored(infrared), to_stored(light * noise), passing, (shift[0], shift[1]))


def _damage(rng: np.random.Generator, height: int, width: int) -> tuple[Plane, Plane]:
    """Return the density, natural logarithm, of dust, hairs and scratches, and of a smear."""
    fine = 4  # drawn so much larger
    dust = np.zeros((fine * height, fine * width), np.uint8)
    for _ in range(int(height * width / 6000)):
        centre = rng.uniform(0, 1, 2) * (fine * width, fine * height)
        angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
        radius = fine * rng.uniform(0.6, 3.5) * rng.uniform(0.5, 1, 7)
        corners = centre + radius[:, np.newaxis] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        cv2.fillPoly(dust, [np.rint(corners).astype(np.int32)], int(rng.uniform(120, 255)))
    for _ in range(int(height * width / 60000) + 1):
        points, angle = [rng.uniform(0, 1, 2) * (fine * width, fine * height)], rng.uniform(0, 2 * np.pi)
        bend = rng.uniform(-0.12, 0.12)
        for _ in range(int(rng.uniform(15, 40))):
            angle += bend + rng.normal() * 0.12
            points.append(points[-1] + 3 * fine * np.array([np.cos(angle), np.sin(angle)]))
        line = np.rint(points).astype(np.int32)
        cv2.polylines(dust, [line], isClosed=False, color=int(rng.uniform(100, 230)), thickness=int(rng.uniform(4, 10)))
    density = cv2.resize(dust, (width, height), interpolation=cv2.INTER_AREA) * (3 / 255)
    for _ in range(3):
        lines = np.zeros((fine * height, fine * width), np.uint8)
        start, tilt = rng.uniform(0, fine * width), rng.normal() * 0.03
        ends = np.array([[start, 0], [start + tilt * fine * height, fine * height]])
        lines = cv2.polylines(
            lines, [np.rint(ends).astype(np.int32)], isClosed=False, color=255, thickness=int(rng.uniform(3, 7))
        )
        along = cv2.GaussianBlur(rng.normal(size=(height, 1)), (1, 0), 1, sigmaY=25, borderType=cv2.BORDER_REFLECT)
        along = rng.uniform(0.15, 0.8) * np.clip(0.6 + along / along.std(), 0, 1)
        density += along * cv2.resize(lines, (width, height), interpolation=cv2.INTER_AREA) / 255
    waves = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), 12, borderType=cv2.BORDER_REFLECT)
    centre, size = rng.uniform(0.25, 0.75, 2) * (height, width), rng.uniform(40, 80)
    y, x = np.mgrid[:height, :width]
    spot = np.exp(-((((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / size**2) ** 2))
    return density, rng.uniform(0.2, 0.6) * spot * np.clip(0.7 + 0.4 * waves / waves.std(), 0, 1.5)
