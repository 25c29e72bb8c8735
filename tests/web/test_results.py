"""Healing and restoring: what is saved is what restauro's Python makes of the same strokes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from starlette.testclient import TestClient

import restauro
from tests.web.conftest import Start
from tests.web.strokes import HEALS, events, heal, mask_of, replayed, run, save, saved, stroke, textured, upload

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
    assert not any(done["changed"].values())
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


def test_results_are_taken_region_by_region(start: Start, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    client = start()
    session = upload(client, path)["session"]
    marks = stroke((20, 20), (90, 50), radius=4)
    client.post(f"/api/sessions/{session}/marks", json={"stroke": marks})
    made = {}
    for method in ("telea", "harmonic"):
        run(client, f"/api/sessions/{session}/restore", {"method": method})
        made[method] = restauro.inpaint(textured(110, 130), mask := mask_of(marks), method)
    area = {**stroke((0, 0), (50, 0), (50, 109), (0, 109)), "shape": "polygon"}
    assert client.get(f"/api/sessions/{session}").json()["retouch"][0]["shown"] is False
    taken = client.post(f"/api/sessions/{session}/part", json={"number": 1, "area": area}).json()
    assert [(one["kind"], one["method"]) for one in taken["retouch"]][-1] == ("part", "telea")
    expected = made["harmonic"].copy()
    expected[:, :50] = made["telea"][:, :50]
    assert (made["harmonic"][:, :50] != made["telea"][:, :50]).any()

    def now(of: TestClient) -> Any:
        return restauro.read_picture(saved(of, session, tmp_path)).pixels

    np.testing.assert_array_equal(now(client), expected)
    redone = run(client, f"/api/sessions/{session}/redo-from", {"number": 2})
    assert not any(one["stale"] for one in redone["retouch"])
    np.testing.assert_array_equal(now(client), expected)
    client.post(f"/api/sessions/{session}/undo")
    client.post(f"/api/sessions/{session}/undo")
    np.testing.assert_array_equal(now(client), made["harmonic"])
    client.post(f"/api/sessions/{session}/redo")
    again = start(let_in=False)
    again.cookies.update(client.cookies)
    np.testing.assert_array_equal(now(again), expected)
    switched = again.post(f"/api/sessions/{session}/switch", json={"number": 2, "shown": False}).json()
    assert not any(one["stale"] for one in switched["retouch"])
    elsewhere = {**stroke((100, 80), (120, 80), (120, 100)), "shape": "polygon"}
    for body, said in (
        ({"number": 1, "area": elsewhere}, "changed nothing"),
        ({"number": 77, "area": area}, "Step 77"),
    ):
        answer = again.post(f"/api/sessions/{session}/part", json=body)
        assert (answer.status_code, said in answer.json()["detail"]) == (400, True)
    assert not mask[:, 100:].any()


def test_an_area_alone_is_restored(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(110, 130))
    session = upload(client, path)["session"]
    for place in ((20, 20), (100, 90)):
        client.post(f"/api/sessions/{session}/marks", json={"stroke": stroke(place)})
    area = {**stroke((0, 0), (60, 0), (60, 60), (0, 60)), "shape": "polygon"}
    run(client, f"/api/sessions/{session}/restore", {"method": "telea", "area": area})
    result = restauro.read_picture(saved(client, session, tmp_path)).pixels
    np.testing.assert_array_equal(result, replayed(path, [(stroke((20, 20)), "telea", {})]))


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
