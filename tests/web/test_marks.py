"""Marks: painted, loaded, changed, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from starlette.testclient import TestClient

import restauro
from tests.web.strokes import save, stroke, textured, upload


def test_a_mask_is_loaded_changed_and_saved(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "turned.tif", textured(130, 110), 6)
    session = upload(client, path)["session"]
    mask = np.zeros((110, 130), np.uint8)
    mask[40:44, 50:90] = 255
    file = save(tmp_path / "mask.png", mask)
    client.put(f"/api/sessions/{session}/marks", params={"name": "mask.png"}, content=file.read_bytes())

    def marks() -> Any:
        return pyvips.Image.new_from_buffer(client.get(f"/api/sessions/{session}/marks").content, "").numpy()

    def change(**values: Any) -> None:
        assert client.post(f"/api/sessions/{session}/marks/all", json=values).status_code == 200

    np.testing.assert_array_equal(marks(), mask)
    change(action="grow", pixels=2)
    np.testing.assert_array_equal(marks() > 0, restauro.grow_mask(mask, 2))
    change(action="shrink", pixels=2)
    np.testing.assert_array_equal(marks(), mask)
    change(action="invert")
    np.testing.assert_array_equal(marks(), 255 - mask)
    change(action="clear")
    assert not marks().any()
    for _ in range(5):
        client.post(f"/api/sessions/{session}/undo")
    assert not marks().any()
    client.post(f"/api/sessions/{session}/redo")
    np.testing.assert_array_equal(marks(), mask)
    client.post(f"/api/sessions/{session}/marks", json={"stroke": stroke((70, 42), radius=9), "mode": "erase"})
    assert 0 < np.count_nonzero(marks()) < np.count_nonzero(mask)


def test_marks_of_a_colour(client: TestClient, tmp_path: Path) -> None:
    pixels = np.full((40, 50, 3), 40000, np.uint16)
    pixels[5:9, 10:20] = 65535, 257, 257
    session = upload(client, save(tmp_path / "scribbled.tif", pixels))["session"]
    client.post(f"/api/sessions/{session}/marks/all", json={"action": "colour", "x": 12.5, "y": 6.5, "tolerance": 4})
    marks = pyvips.Image.new_from_buffer(client.get(f"/api/sessions/{session}/marks").content, "").numpy()
    np.testing.assert_array_equal(marks > 0, pixels[..., 0] == 65535)
