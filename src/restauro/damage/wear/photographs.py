"""What cameras, printers, years and files do to pictures: photographs imitated from paintings, grain, dots, JPEG."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from restauro.damage.wear.canvas import Canvas, blurred, log_uniform, rough, smooth


def imitate(canvas: Canvas, rng: np.random.Generator) -> None:
    """Make a painting look like an old photograph: grey or sepia, another tone curve, faded, grain, paper's tone."""
    weights = rng.dirichlet((3, 5, 2)).astype(np.float32)  # emulsions saw colours differently
    grey: NDArray[Any] = canvas.picture @ weights / 255
    grey = np.clip(grey, 0, 1) ** log_uniform(rng, 0.6, 1.6)
    low, high = rng.uniform(0, 0.25), rng.uniform(0.7, 1.0)  # faded: neither black nor white is left
    grey = low + (high - low) * np.clip((grey - 0.5) * rng.uniform(0.8, 1.5) + 0.5, 0, 1)
    if rng.random() < 0.3:
        grey = blurred(grey.astype(np.float32), rng.uniform(0.5, 1.5))
    if rng.random() < 0.6:
        grey = grey + rng.uniform(0.01, 0.05) * rough(canvas.shape, rng.uniform(1.5, 3), rng, 2)
    dark, light = np.zeros(3, np.float32), np.full(3, 255, np.float32)
    if rng.random() < 0.6:  # sepia, selenium, a paper that yellowed
        warm = rng.uniform(0, 1) if rng.random() < 0.8 else 2
        dark = np.array([50, 35, 25], np.float32) * rng.uniform(0, 1)
        light = light - np.array([0, 14, 50], np.float32) * warm
    canvas.picture[:] = np.clip(dark + grey[..., None] * (light - dark), 0, 255)
    if rng.random() < 0.15:
        _dots(canvas, rng)


def vary(canvas: Canvas, rng: np.random.Generator) -> None:
    """Change tones and colours as other light and other scanners would."""
    picture = canvas.picture
    if rng.random() < 0.4:
        picture[:] = 255 * (np.clip(picture, 0, 255) / 255) ** log_uniform(rng, 0.65, 1.5)
    if rng.random() < 0.3:
        grey = picture.mean(axis=2, keepdims=True)
        picture[:] = grey + (picture - grey) * rng.uniform(0.2, 1.3)
    if rng.random() < 0.3:
        picture *= rng.uniform(0.85, 1.12, 3).astype(np.float32)
    if rng.random() < 0.2:
        picture[:] = 128 + (picture - 128) * rng.uniform(0.6, 1.3) + rng.normal(0, 12)
    if rng.random() < 0.1:
        _weave(canvas, rng)
    np.clip(picture, 0, 255, out=picture)


def scan(canvas: Canvas, rng: np.random.Generator) -> None:
    """Do what happens after the damage: blur or sharpening, grain, uneven light, JPEG."""
    picture = canvas.picture
    chance = rng.random()
    if chance < 0.3:
        picture[:] = blurred(picture, rng.uniform(0.35, 1.0))
    elif chance < 0.42:
        picture += rng.uniform(0.3, 1.2) * (picture - blurred(picture, rng.uniform(0.6, 1.5)))
    if rng.random() < 0.15:
        canvas.picture += rng.uniform(2, 12) * smooth(canvas.shape, 150, rng)[..., None]
    if rng.random() < 0.3:
        bands = 1 if rng.random() < 0.6 else 3
        picture += log_uniform(rng, 0.8, 6) * rng.standard_normal((*canvas.shape, bands), np.float32)
    np.clip(picture, 0, 255, out=picture)
    if rng.random() < 0.5:
        _jpeg(canvas, int(rng.integers(40, 97)), rng)


def _jpeg(canvas: Canvas, quality: int, rng: np.random.Generator) -> None:
    """Compress and decompress; the blocks lie anywhere."""
    down, right = (int(by) for by in rng.integers(0, 8, 2))
    moved = np.roll(np.rint(canvas.picture).astype(np.uint8), (down, right), (0, 1))
    image = pyvips.Image.new_from_array(moved, interpretation="srgb")
    data = image.jpegsave_buffer(Q=quality, subsample_mode="on" if quality < 85 else "off")
    decoded = np.frombuffer(pyvips.Image.jpegload_buffer(data).write_to_memory(), np.uint8).reshape(moved.shape)
    canvas.picture[:] = np.roll(decoded, (-down, -right), (0, 1))


def _dots(canvas: Canvas, rng: np.random.Generator) -> None:
    """Print the picture in dots."""
    height, width = canvas.shape
    angle, period = rng.uniform(0, np.pi / 2), log_uniform(rng, 2.5, 7)
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
    u = (rows * np.sin(angle) + columns * np.cos(angle)) * (2 * np.pi / period)
    v = (rows * np.cos(angle) - columns * np.sin(angle)) * (2 * np.pi / period)
    screen = (0.5 + 0.25 * (np.sin(u) + np.sin(v)))[..., None]
    grey = canvas.picture.mean(axis=2, keepdims=True) / 255
    printed = np.clip((grey - screen) * rng.uniform(1.5, 4) + 0.5, 0, 1)
    share = np.float32(rng.uniform(0.3, 1))
    canvas.picture *= 1 - share + share * (printed / np.maximum(grey, 0.15)).clip(0, 1.6)
    np.clip(canvas.picture, 0, 255, out=canvas.picture)


def _weave(canvas: Canvas, rng: np.random.Generator) -> None:
    """Let canvas or laid paper show through."""
    height, width = canvas.shape
    period, slope = log_uniform(rng, 2.5, 8), rng.normal(0, 0.05)
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
    threads = np.sin((rows + slope * columns) * 2 * np.pi / period)
    if rng.random() < 0.7:
        threads = threads * np.sin((columns - slope * rows) * 2 * np.pi / period)
    canvas.add(
        (rng.uniform(2, 9) * threads * np.clip(0.6 + 0.4 * smooth(canvas.shape, 60, rng), 0, 1)).astype(np.float32)
    )
