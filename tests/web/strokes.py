"""Strokes as the page sends them, and pictures to draw them on."""

from __future__ import annotations

import json
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


def mask_of(values: dict[str, Any], size: tuple[int, int] = (110, 130)) -> NDArray[np.bool_]:
    """Return the pixels that a stroke covers, wholly or in part."""
    box, levels = Stroke.of(values).drawn(size)
    mask = np.zeros(size, np.bool_)
    mask[box[0] : box[1], box[2] : box[3]] = levels > 0
    return mask


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


HEALS = [
    (stroke((20, 30), (60, 35), radius=3), "edge-enhancing", {}),
    (stroke((58, 34), (90.3, 70.7), radius=5.5), "telea", {"radius": 7}),
    (stroke((50, 20), (50, 60), radius=6, hardness=0.4), "harmonic", {}),
    (stroke((0, 0), (12, 12), radius=5), "biharmonic", {}),
    (stroke((118, 80), (140, 100), radius=4), "coherence", {}),
    ({**stroke((30, 60), (52, 64), (40, 85)), "shape": "polygon"}, "navier-stokes", {}),
    (stroke((70, 20), (80, 25), radius=4), "patchmatch", {}),
]


def heal(client: TestClient, session: str, values: dict[str, Any], method: str, parameters: dict[str, Any]) -> Any:
    body = {"stroke": values, "method": method, "parameters": parameters}
    answer = client.post(f"/api/sessions/{session}/heal", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def saved(client: TestClient, session: str, folder: Path, ending: str = ".tif") -> Path:
    answer = client.get(f"/api/sessions/{session}/picture", params={"ending": ending})
    assert answer.status_code == 200, answer.text
    path = folder / f"saved{ending}"
    path.write_bytes(answer.content)
    return path


def events(client: TestClient, job: str) -> list[dict[str, Any]]:
    text = client.get(f"/api/jobs/{job}").text
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]


def run(client: TestClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    last = events(client, answer.json()["job"])[-1]
    assert last["state"] == "done", last
    result: dict[str, Any] = last["result"]
    return result
