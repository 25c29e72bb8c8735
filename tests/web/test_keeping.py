"""Nothing is lost: sessions and projects are opened again with all that was done."""

from __future__ import annotations

import gc
import io
import json
import re
import time
import weakref
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import restauro
from restauro.web.session import Session
from tests.web.conftest import Start
from tests.web.strokes import HEALS, heal, run, save, saved, stroke, textured, upload


def test_a_session_is_there_again_after_the_server_has_ended(start: Start, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    client = start()
    session = upload(client, path)["session"]
    client.post(f"/api/sessions/{session}/marks", json={"stroke": stroke((20, 20), (90, 50))})
    run(client, f"/api/sessions/{session}/restore", {"method": "telea"})
    for values in HEALS[:4]:
        heal(client, session, *values)
    client.post(f"/api/sessions/{session}/switch", json={"number": 2, "shown": False})
    run(client, f"/api/sessions/{session}/redo-from", {"number": 3})
    client.post(f"/api/sessions/{session}/undo")
    before = client.get(f"/api/sessions/{session}").json()
    pixels = restauro.read_picture(saved(client, session, tmp_path)).pixels
    with (tmp_path / "cache" / "sessions" / session / "steps.jsonl").open("a") as log:
        log.write('{"kind": "und')  # it was killed while it wrote

    again = start(let_in=False)
    again.cookies.update(client.cookies)
    (kept,) = again.get("/api/start").json()["sessions"]
    assert (kept["session"], kept["name"]) == (session, "deep.tif")
    assert time.time() - 600 < kept["used"] <= time.time() + 1
    after = again.get(f"/api/sessions/{session}").json()
    assert (after["retouch"], after["marked"]) == (before["retouch"], True)
    np.testing.assert_array_equal(restauro.read_picture(saved(again, session, tmp_path)).pixels, pixels)
    assert again.post(f"/api/sessions/{session}/redo").json()["canUndo"]
    while again.post(f"/api/sessions/{session}/undo").json()["canUndo"]:
        pass
    result = restauro.read_picture(saved(again, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, restauro.read_picture(path).pixels)


def test_what_cannot_be_written_down_is_not_done(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    session = upload(client, path)["session"]

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full)
        answer = client.post(f"/api/sessions/{session}/heal", json={"stroke": stroke((20, 20))})
    assert answer.status_code == 400
    assert "make room" in answer.json()["detail"]
    assert client.get(f"/api/sessions/{session}").json()["canUndo"] is False
    result = restauro.read_picture(saved(client, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, restauro.read_picture(path).pixels)


def sessions() -> list[Session]:
    return [one for one in gc.get_objects() if type(one) is Session]  # asking some others what they are warns


def test_a_closed_picture_is_not_kept_in_memory(client: TestClient, tmp_path: Path) -> None:
    others = sessions()  # of tests before, where something still holds them
    session = upload(client, save(tmp_path / "deep.tif", textured(110, 130)))["session"]
    heal(client, session, *HEALS[0])
    client.get(f"/api/sessions/{session}/tiles/picture/0/0/0")
    (mine,) = (weakref.ref(one) for one in sessions() if all(one is not other for other in others))
    client.post(f"/api/sessions/{session}/close")
    assert mine() is None
    assert len(client.get(f"/api/sessions/{session}").json()["retouch"]) == 1


def test_a_project_is_opened_anywhere_with_all_that_was_done(start: Start, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    client = start(path)
    session = client.post("/api/given").json()["session"]
    client.put(
        f"/api/sessions/{session}/marks",
        params={"name": "m.png"},
        content=save(tmp_path / "m.png", np.full((110, 130), 0, np.uint8)).read_bytes(),
    )
    client.post(f"/api/sessions/{session}/marks", json={"stroke": stroke((20, 20), (90, 50))})
    run(client, f"/api/sessions/{session}/restore", {"method": "telea"})
    heal(client, session, *HEALS[0])
    project = client.get(f"/api/sessions/{session}/project").content
    pixels = restauro.read_picture(saved(client, session, tmp_path)).pixels
    path.unlink()
    opened = start().post("/api/projects", content=project)
    assert opened.status_code == 200, opened.text
    other = opened.json()
    assert (other["name"], len(other["retouch"]), other["canUndo"]) == ("deep.tif", 2, True)
    again = start()
    session = again.post("/api/projects", content=project).json()["session"]
    np.testing.assert_array_equal(restauro.read_picture(saved(again, session, tmp_path)).pixels, pixels)


def project_of(**files: Any) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content in files.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return data.getvalue()


STEP = {"number": 0, "kind": "marks", "values": {"action": "load", "mask": "../../../secret.png"}}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "damaged or cut short"),
        ({"project_dot_json": "[]"}, "damaged or cut short"),
        ({"project_dot_json": '{"name": "a", "picture": "../x.tif"}'}, "no picture"),
        (
            {"project_dot_json": '{"name": "a", "picture": "picture.tif"}', "picture_dot_tif": "", "__etc__x": ""},
            "no project",
        ),
        ({"steps_dot_jsonl": '{"kind": "undo"}\n'}, "damaged"),
        ({"steps_dot_jsonl": "nonsense\n"}, "damaged"),
        ({"steps_dot_jsonl": '{"kind": "undo"}\n{"kind": "heal"}\n'}, "damaged"),
        ({"steps_dot_jsonl": json.dumps(STEP) + "\n"}, "no such file"),
        ({"steps_dot_jsonl": '{"number": "../1", "kind": "heal", "values": {}}\n'}, "damaged"),
    ],
)
def test_a_project_that_is_none_is_refused(
    client: TestClient, tmp_path: Path, files: dict[str, Any], said: str
) -> None:
    if files and "project_dot_json" not in files:
        picture = save(tmp_path / "a.tif", textured(20, 20)).read_bytes()
        files = {"project_dot_json": '{"name": "a", "picture": "picture.tif"}', "picture_dot_tif": picture, **files}
    save(tmp_path / "secret.png", np.zeros((20, 20), np.uint8))
    answer = client.post("/api/projects", content=project_of(**files))
    assert answer.status_code == 400, answer.text
    assert re.search(said, answer.json()["detail"]), answer.text
    assert list((tmp_path / "cache" / "sessions").iterdir()) == []
