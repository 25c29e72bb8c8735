"""Layered files: what is saved for other programs, and what comes back from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from starlette.testclient import TestClient

import restauro
from restauro.files.layers import Layer, Layered, flattened, read_layers, write_layers
from restauro.picture import as_seen
from tests.web.strokes import heal, mask_of, run, save, saved, stroke, textured, upload


def layers_of(client: TestClient, session: str, folder: Path, ending: str = ".ora") -> Layered:
    answer = client.get(f"/api/sessions/{session}/layers", params={"ending": ending})
    assert answer.status_code == 200, answer.text
    (folder / f"saved{ending}").write_bytes(answer.content)
    return read_layers(folder / f"saved{ending}")


def load(client: TestClient, session: str, path: Path) -> dict[str, Any]:
    answer = client.put(f"/api/sessions/{session}/layers", content=path.read_bytes())
    assert answer.status_code == 200, answer.text
    loaded: dict[str, Any] = answer.json()
    return loaded


def worked_on(client: TestClient, path: Path) -> str:
    """Return a session in which all kinds of results lie over each other."""
    session = str(upload(client, path)["session"])
    client.post(f"/api/sessions/{session}/marks", json={"stroke": stroke((20, 20), (90, 50), hardness=0.5)})
    run(client, f"/api/sessions/{session}/restore", {"method": "telea"})
    heal(client, session, stroke((50, 20), (50, 60), radius=6, hardness=0.4), "harmonic", {})
    client.post(
        f"/api/sessions/{session}/heal", json={"stroke": stroke((20, 20), radius=5), "source": {"down": 50, "right": 9}}
    )
    area = {**stroke((60, 0), (129, 0), (129, 109), (60, 109)), "shape": "polygon"}
    client.post(f"/api/sessions/{session}/part", json={"number": 1, "area": area})
    heal(client, session, stroke((75, 40), radius=8), "telea", {})  # upon the part
    hidden = heal(client, session, stroke((110, 20), radius=8), "telea", {})["retouch"][-1]["number"]
    client.post(f"/api/sessions/{session}/switch", json={"number": hidden, "shown": False})
    body = {"plane": "guides", "what": "avoid", "stroke": stroke((100, 80), radius=5)}
    client.post(f"/api/sessions/{session}/paint", json=body)
    return session


def covered(layer: Layer | None) -> Any:
    """Return where a layer of a picture of 110 x 130 pixels is opaque."""
    assert layer is not None
    opacity = np.where(layer.pixels[..., -1:] > 0, np.uint8(255), np.uint8(0))
    return flattened([Layer("", opacity, layer.top, layer.left)], np.zeros((110, 130), np.uint8)) > 0


@pytest.mark.parametrize("ending", [".ora", ".tif"])
@pytest.mark.parametrize(("bands", "dtype", "turn"), [(3, np.uint16, 1), (1, np.uint8, 6)])
def test_layers_together_are_the_picture_and_what_is_edited_comes_back(
    client: TestClient, tmp_path: Path, bands: int, dtype: type, turn: int, ending: str
) -> None:
    if ending == ".tif":
        pytest.importorskip("psdtags", reason="layers in a TIFF need the extra layers")
    pixels = textured(110, 130, bands, dtype) if turn < 5 else textured(130, 110, bands, dtype)
    path = save(tmp_path / "panel.tif", pixels, turn)
    session = worked_on(client, path)
    before = as_seen(restauro.read_picture(saved(client, session, tmp_path)).pixels, turn)
    found = layers_of(client, session, tmp_path, ending)
    results, masks = ["Healed", "Healed from a source", "Restored", "Parts taken"], ["marks", "forbidden sources"]
    assert [one.name for one in found.layers] == ["Original", *results, *(f"Mask: {name}" for name in masks)]
    np.testing.assert_array_equal(np.squeeze(found.layers[0].pixels[..., :bands]), as_seen(pixels, turn))
    np.testing.assert_array_equal(flattened(found.layers, np.zeros_like(before)), before)
    healed = covered(found.named("Healed"))
    assert healed[mask_of(stroke((75, 40), radius=8))].all()
    assert not healed[mask_of(stroke((110, 20), radius=8))].any()
    assert not covered(found.named("Parts taken"))[healed].any()
    marks = found.named("Mask: marks")
    assert marks is not None
    assert not marks.visible
    assert found.layers[0].pixels.dtype == dtype

    done = load(client, session, tmp_path / f"saved{ending}")
    assert len(done["retouch"]) == 6  # nothing was changed by hand

    full = np.iinfo(dtype).max
    dab = Layer("A hand", np.full((6, 9, bands + 1), full, dtype), top=90, left=-2)
    kept = [layer for layer in found.layers if layer.name != "Mask: marks"]
    white = np.full((4, 5, 2), full, dtype)
    write_layers(
        [*kept, dab, Layer("Mask: marks", white, top=100, left=3, visible=False)], tmp_path / f"edited{ending}"
    )
    done = load(client, session, tmp_path / f"edited{ending}")
    assert (done["retouch"][-1]["kind"], done["retouch"][-1]["method"]) == ("edits", "by hand")
    expected = before.copy()
    expected[90:96, :7] = full
    now = as_seen(restauro.read_picture(saved(client, session, tmp_path)).pixels, turn)
    np.testing.assert_array_equal(now, expected)
    loaded = pyvips.Image.new_from_buffer(client.get(f"/api/sessions/{session}/marks").content, "").numpy()
    assert loaded[100:104, 3:8].all()
    assert np.count_nonzero(loaded) == 20
    assert "By hand" in [layer.name for layer in layers_of(client, session, tmp_path, ending).layers]
    redone = run(client, f"/api/sessions/{session}/redo-from", {"number": done["retouch"][-1]["number"]})
    assert not redone["retouch"][-1]["stale"]
    for _ in range(3):
        client.post(f"/api/sessions/{session}/undo")
    np.testing.assert_array_equal(as_seen(restauro.read_picture(saved(client, session, tmp_path)).pixels, turn), before)


def test_a_layered_file_is_opened_as_a_picture(client: TestClient, tmp_path: Path) -> None:
    session = worked_on(client, save(tmp_path / "panel.tif", textured(110, 130)))
    before = restauro.read_picture(saved(client, session, tmp_path)).pixels
    layers_of(client, session, tmp_path)
    content = (tmp_path / "saved.ora").read_bytes()
    opened = client.post("/api/layers", params={"name": "../panel.ora"}, content=content)
    assert opened.status_code == 200, opened.text
    other = opened.json()
    assert (other["name"], other["bits"], other["marked"]) == ("panel.png", 16, True)
    assert [one["kind"] for one in other["retouch"]] == ["edits"]
    np.testing.assert_array_equal(
        restauro.read_picture(saved(client, other["session"], tmp_path, ".png")).pixels, before
    )
    client.post(f"/api/sessions/{other['session']}/switch", json={"number": 0, "shown": False})
    np.testing.assert_array_equal(
        restauro.read_picture(saved(client, other["session"], tmp_path, ".png")).pixels, textured(110, 130)
    )


@pytest.mark.parametrize(
    ("name", "pixels", "said"),
    [
        ("a.tif", textured(40, 40, 3, np.float32), "8 or 16 bits"),
        ("a.png", textured(40, 40, 4), "without transparency"),
    ],
)
def test_pictures_that_layers_cannot_hold(
    client: TestClient, tmp_path: Path, name: str, pixels: Any, said: str
) -> None:
    session = upload(client, save(tmp_path / name, pixels))["session"]
    answer = client.get(f"/api/sessions/{session}/layers")
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Layer("Original", np.zeros((20, 30, 3), np.uint16)), "30 x 20 pixels and the picture 130 x 110"),
        (Layer("Original", np.zeros((110, 130, 3), np.uint8)), "has 8 bits and the picture 16"),
    ],
)
def test_layers_of_another_picture_are_refused(client: TestClient, tmp_path: Path, layer: Layer, said: str) -> None:
    session = upload(client, save(tmp_path / "panel.tif", textured(110, 130)))["session"]
    write_layers([layer], tmp_path / "other.ora")
    answer = client.put(f"/api/sessions/{session}/layers", content=(tmp_path / "other.ora").read_bytes())
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True)
    assert client.get(f"/api/sessions/{session}").json()["canUndo"] is False
    for content in (b"", b"PK nonsense"):
        for send, path in ((client.put, f"sessions/{session}/layers"), (client.post, "layers?name=a.ora")):
            answer = send(f"/api/{path}", content=content)
            assert (answer.status_code, "can't be read" in answer.json()["detail"]) == (400, True)
            assert "/" not in answer.json()["detail"]
