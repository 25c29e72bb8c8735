"""Strokes as the page sends them, and pictures to draw them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from starlette.testclient import TestClient

import restauro
from restauro.picture import as_stored
from restauro.strokes import Stroke


def stroke(*points: tuple[float, float], radius: float = 4.0, **more: Any) -> dict[str, Any]:
    return {"points": [[x, y, radius] for x, y in points], **more}


def textured(height: int, width: int, bands: int = 3, dtype: type = np.uint16) -> NDArray[Any]:
    rng = np.random.default_rng(7)
    down, across = np.mgrid[:height, :width] / 9.0
    waves = 0.5 + 0.35 * np.sin(down[..., np.newaxis] + across[..., np.newaxis] * np.arange(1, bands + 1) / 2)
    noisy = np.clip(waves + rng.normal(0, 0.02, (height, width, bands)), 0, 1)
    full = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    return np.squeeze((noisy * full).astype(dtype))


def save(path: Path, pixels: NDArray[Any], orientation: int = 1) -> Path:
    image = pyvips.Image.new_from_array(np.atleast_3d(pixels))
    deep = pixels.dtype == np.uint16
    space = ("grey16" if deep else "b-w") if pixels.ndim == 2 else ("rgb16" if deep else "srgb")
    image = image.copy(interpretation=space)
    if orientation > 1:
        image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.write_to_file(str(path))
    return path


def upload(client: TestClient, path: Path) -> dict[str, Any]:
    answer = client.post("/api/sessions", params={"name": path.name}, content=path.read_bytes())
    assert answer.status_code == 200, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


def replayed(path: Path, heals: list[tuple[dict[str, Any], str, dict[str, Any]]]) -> NDArray[Any]:
    """What restauro's Python makes of a file by the same strokes, one after the other, each with the whole picture."""
    picture = restauro.read_picture(path)
    turn, size = picture.orientation, picture.pixels.shape[:2]
    size = size if turn < 5 else size[::-1]
    for values, method, parameters in heals:
        box, levels = Stroke.of(values).drawn(size)
        mask = np.zeros(size, np.float32)
        mask[box[0] : box[1], box[2] : box[3]] = levels / np.float32(255)
        restauro.inpaint(
            picture.pixels, np.ascontiguousarray(as_stored(mask, turn)), method, partial="cover", out=picture.pixels,
            **parameters,
        )  # fmt: skip
    return picture.pixels
