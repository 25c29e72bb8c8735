"""The page's routes, with real files: what is saved is what restauro's Python makes of the same strokes."""

from __future__ import annotations

import gc
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from starlette.testclient import TestClient

import restauro
from restauro.web.sessions import Session
from tests.web.conftest import Start
from tests.web.strokes import replayed, save, stroke, textured, upload

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


KINDS = [
    ("grey8.tif", textured(110, 130, 1, np.uint8), 1),
    ("deep.tif", textured(110, 130), 1),
    ("turned.tif", textured(130, 110), 6),
    ("mirrored.tif", textured(130, 110), 5),
    ("floats.tif", textured(110, 130, 3, np.float32), 1),
    ("alpha.png", textured(110, 130, 4, np.uint8), 1),
]


@pytest.mark.parametrize(("name", "pixels", "turn"), KINDS, ids=[kind[0] for kind in KINDS])
def test_what_is_saved_equals_the_replay_of_the_strokes_in_python(
    client: TestClient, tmp_path: Path, name: str, pixels: Any, turn: int
) -> None:
    path = save(tmp_path / name, pixels, turn)
    session = upload(client, path)
    assert (session["width"], session["height"]) == (130, 110)
    for number, (values, method, parameters) in enumerate(HEALS):
        done = heal(client, session["session"], values, method, parameters)
        assert [step["number"] for step in done["retouch"]] == list(range(number + 1))
    result = restauro.read_picture(saved(client, session["session"], tmp_path, path.suffix))
    np.testing.assert_array_equal(result.pixels, replayed(path, HEALS))
    assert result.orientation == turn
    assert (result.pixels != pixels).any()


def test_a_jpeg_keeps_its_untouched_blocks(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    pyvips.Image.new_from_array(textured(96, 96, 3, np.uint8)).copy(interpretation="srgb").jpegsave(str(path), Q=80)
    session = upload(client, path)["session"]
    heal(client, session, stroke((20, 20), radius=3), "telea", {})
    before, after = (restauro.read_picture(file).pixels for file in (path, saved(client, session, tmp_path, ".jpg")))
    np.testing.assert_array_equal(before[48:], after[48:])
    assert (before[16:24, 16:24] != after[16:24, 16:24]).any()


def test_undo_and_redo_come_back_to_the_same_bits(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    session = upload(client, path)["session"]
    states = [restauro.read_picture(path).pixels]
    for values, method, parameters in HEALS:
        heal(client, session, values, method, parameters)
        states.append(restauro.read_picture(saved(client, session, tmp_path)).pixels)
    for state in reversed(states[:-1]):
        client.post(f"/api/sessions/{session}/undo")
        np.testing.assert_array_equal(restauro.read_picture(saved(client, session, tmp_path)).pixels, state)
    done = client.post(f"/api/sessions/{session}/undo").json()
    assert not done["canUndo"]
    assert done["changed"] == {"picture": [], "marks": []}
    for state in states[1:]:
        done = client.post(f"/api/sessions/{session}/redo").json()
        np.testing.assert_array_equal(restauro.read_picture(saved(client, session, tmp_path)).pixels, state)
    assert not done["canRedo"]


def test_a_stroke_in_the_middle_is_taken_back_what_read_it_is_stale_and_is_done_anew(
    client: TestClient, tmp_path: Path
) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    session = upload(client, path)["session"]
    first, second, far = HEALS[0], HEALS[1], (stroke((110, 15), radius=3), "harmonic", {})
    for values in (first, second, far):
        heal(client, session, *values)
    switched = client.post(f"/api/sessions/{session}/switch", json={"number": 0, "shown": False}).json()
    states = [(step["shown"], step["stale"]) for step in switched["retouch"]]
    assert states == [(False, False), (True, True), (True, False)]
    redone = run(client, f"/api/sessions/{session}/redo-from", {"number": 1})
    assert not any(step["stale"] for step in redone["retouch"])
    result = restauro.read_picture(saved(client, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, replayed(path, [second, far]))
    client.post(f"/api/sessions/{session}/undo")
    back = client.post(f"/api/sessions/{session}/undo").json()
    assert not any(step["stale"] for step in back["retouch"])
    result = restauro.read_picture(saved(client, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, replayed(path, [first, second, far]))


def test_marks_are_restored_and_other_results_take_the_place_of_earlier_ones(
    client: TestClient, tmp_path: Path
) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    session = upload(client, path)["session"]
    marks = stroke((20, 20), (90, 50), radius=4)
    client.post(f"/api/sessions/{session}/marks", json={"stroke": marks})
    for method in ("telea", "harmonic"):
        done = run(client, f"/api/sessions/{session}/restore", {"method": method})
    assert [(step["method"], step["shown"]) for step in done["retouch"]] == [("telea", False), ("harmonic", True)]
    result = restauro.read_picture(saved(client, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, replayed(path, [(marks, "harmonic", {})]))
    client.post(f"/api/sessions/{session}/undo")
    result = restauro.read_picture(saved(client, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, replayed(path, [(marks, "telea", {})]))


def test_an_area_alone_is_restored(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    session = upload(client, path)["session"]
    for place in ((20, 20), (100, 90)):
        client.post(f"/api/sessions/{session}/marks", json={"stroke": stroke(place)})
    area = {**stroke((0, 0), (60, 0), (60, 60), (0, 60)), "shape": "polygon"}
    run(client, f"/api/sessions/{session}/restore", {"method": "telea", "area": area})
    result = restauro.read_picture(saved(client, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, replayed(path, [(stroke((20, 20)), "telea", {})]))


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
    assert again.get("/api/start").json()["sessions"] == [{"session": session, "name": "deep.tif"}]
    after = again.get(f"/api/sessions/{session}").json()
    assert (after["retouch"], after["marked"]) == (before["retouch"], True)
    np.testing.assert_array_equal(restauro.read_picture(saved(again, session, tmp_path)).pixels, pixels)
    assert again.post(f"/api/sessions/{session}/redo").json()["canUndo"]
    while again.post(f"/api/sessions/{session}/undo").json()["canUndo"]:
        pass
    result = restauro.read_picture(saved(again, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, restauro.read_picture(path).pixels)


def test_the_picture_of_the_command_line_is_opened_where_it_was_left(start: Start, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    client = start(path)
    assert client.get("/api/start").json()["given"] == "deep.tif"
    session = client.post("/api/given").json()["session"]
    heal(client, session, *HEALS[0])
    assert client.post("/api/given").json()["session"] == session
    save(path, textured(100, 130))
    other = client.post("/api/given").json()
    assert other["session"] != session
    assert (other["height"], other["retouch"]) == (100, [])


def test_a_restoration_is_cancelled_and_leaves_nothing(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(900, 900))
    session = upload(client, path)["session"]
    area = {**stroke((100, 100), (800, 100), (800, 800), (100, 800)), "shape": "polygon"}
    client.post(f"/api/sessions/{session}/marks", json={"stroke": area})
    job = client.post(f"/api/sessions/{session}/restore", json={"method": "patchmatch"}).json()["job"]
    assert client.delete(f"/api/jobs/{job}").status_code == 200
    assert events(client, job)[-1]["state"] == "cancelled"
    assert client.get(f"/api/sessions/{session}").json()["retouch"] == []
    np.testing.assert_array_equal(restauro.read_picture(saved(client, session, tmp_path)).pixels, textured(900, 900))


def test_tiles_show_the_picture_as_viewing_does(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "turned.tif", textured(700, 300), 6)
    opened = upload(client, path)
    session, top = opened["session"], opened["levels"] - 1
    from restauro.viewing import view

    def tile(layer: str, column: int, row: int, **look: Any) -> Any:
        answer = client.get(f"/api/sessions/{session}/tiles/{layer}/{top}/{column}/{row}", params=look)
        assert answer.status_code == 200, answer.text
        return pyvips.Image.new_from_buffer(answer.content, "").numpy()

    whole = view(restauro.read_picture(path))
    np.testing.assert_array_equal(tile("picture", 1, 1), whole[256:512, 256:512])
    assert tile("picture", 2, 1).shape == (44, 188, 3)
    np.testing.assert_array_equal(tile("picture", 0, 0, band=1), whole[:256, :256, 1])
    np.testing.assert_allclose(tile("picture", 0, 0, inverted=True), 255 - whole[:256, :256].astype(int), atol=1)
    assert tile("picture", 0, 0, exposure=1).mean() > whole[:256, :256].mean() + 10
    heal(client, session, stroke((100, 100), radius=9), "harmonic", {})
    np.testing.assert_array_equal(tile("untouched", 0, 0), whole[:256, :256])
    changed = (tile("difference", 0, 0, exposure=8) > 0).any(axis=2)
    assert changed.any()
    assert not changed[120:].any()
    coarse = client.get(f"/api/sessions/{session}/tiles/picture/0/0/0").content
    assert pyvips.Image.new_from_buffer(coarse, "").numpy().shape[:2] == (75, 175)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty|begins|kind"),
        (b"GIF89a...", "GIF"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "PNG"),
        (b"II*\0\xff\xff\xff\xff", "TIFF"),
    ],
)
def test_a_broken_picture_gets_a_sentence_without_paths(
    client: TestClient, tmp_path: Path, content: bytes, said: str
) -> None:
    answer = client.post("/api/sessions", params={"name": "../../etc/x.tif"}, content=content)
    assert answer.status_code == 400
    detail = answer.json()["detail"]
    assert str(tmp_path) not in detail
    assert "/" not in detail
    assert detail.endswith(".")
    assert list((tmp_path / "cache" / "sessions").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("heal", {"stroke": stroke((500, 500))}, 400),
        ("heal", {"stroke": stroke((5, 5)), "method": "magic"}, 400),
        ("heal", {"stroke": stroke((5, 5)), "method": "telea", "parameters": {"radius": 900}}, 400),
        ("heal", {"stroke": {"points": []}}, 422),
        ("restore", {"method": "telea"}, 400),
        ("switch", {"number": 7, "shown": True}, 400),
        ("marks/all", {"action": "explode"}, 422),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    client: TestClient, tmp_path: Path, path: str, body: dict[str, Any], status: int
) -> None:
    session = upload(client, save(tmp_path / "deep.tif", textured(110, 130)))["session"]
    answer = client.post(f"/api/sessions/{session}/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert client.get(f"/api/sessions/{session}").json()["canUndo"] is False


def test_a_picture_of_signed_samples_is_refused_with_a_sentence(client: TestClient, tmp_path: Path) -> None:
    pyvips.Image.black(9, 9).cast("short").write_to_file(str(tmp_path / "dem.tif"))
    answer = client.post("/api/sessions", params={"name": "dem.tif"}, content=(tmp_path / "dem.tif").read_bytes())
    assert answer.status_code == 400
    assert "can't be shown" in answer.json()["detail"]


def test_examples_open(client: TestClient) -> None:
    names = client.get("/api/start").json()["examples"]
    assert len(names) == 2
    assert client.post("/api/examples/1").json()["name"] == "goya-damaged.tif"
    assert client.post("/api/examples/7").status_code == 404


def test_methods_are_described_with_their_parameters(client: TestClient) -> None:
    listed = {method["name"]: method for method in client.get("/api/start").json()["methods"]}
    assert list(listed) == restauro.method_names()
    assert [name for name in listed if listed[name]["default"]] == [restauro.DEFAULT_METHOD]
    radius = listed["telea"]["parameters"][0]
    assert (radius["name"], radius["kind"], radius["minimum"]) == ("radius", "int", 1)


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


def test_the_interface_describes_itself(client: TestClient) -> None:
    assert client.get("/docs").status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert "/api/sessions/{number}/heal" in paths
    assert all(route.get("description") for verbs in paths.values() for route in verbs.values())


def test_a_closed_picture_is_not_kept_in_memory(client: TestClient, tmp_path: Path) -> None:
    session = upload(client, save(tmp_path / "deep.tif", textured(110, 130)))["session"]
    heal(client, session, *HEALS[0])
    client.get(f"/api/sessions/{session}/tiles/picture/0/0/0")
    assert any(isinstance(one, Session) for one in gc.get_objects())
    client.post(f"/api/sessions/{session}/close")
    assert not any(isinstance(one, Session) for one in gc.get_objects())
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
