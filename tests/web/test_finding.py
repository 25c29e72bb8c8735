"""Damage that is looked for: proposed, judged, taken."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from starlette.testclient import TestClient

import restauro
from restauro.picture import as_seen, as_stored
from restauro.strokes import Stroke
from restauro.web import blocks
from restauro.web.finder import Found, Place
from tests.web.conftest import Start
from tests.web.strokes import events, heal, save, stroke, textured, upload

KINDS = ["scratches", "dust"]


def dusty(height: int = 420, width: int = 520) -> NDArray[np.uint8]:
    """A soft picture with specks of dust, which the network finds."""
    down, across = np.mgrid[:height, :width]
    soft = 90 + 40 * np.sin(down / 60)[..., np.newaxis] + 30 * np.cos(across / 80)[..., np.newaxis] * [1, 0.8, 0.6]
    pixels = np.clip(soft + np.random.default_rng(1).normal(0, 2, (height, width, 3)), 0, 255).astype(np.uint8)
    for row, column in ((60, 70), (60, 300), (200, 150), (300, 400), (390, 40)):
        pixels[(down - row) ** 2 + (across - column) ** 2 <= 16] = 250
    return pixels


def ask(client: TestClient, session: str, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/sessions/{session}/found/{path}", json=body)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def look(client: TestClient, session: str, box: tuple[int, ...], kinds: list[str] = KINDS) -> dict[str, Any]:
    """Look until all of a box has been seen."""
    for _ in range(20):
        found: dict[str, Any] = ask(client, session, "look", kinds=kinds, box=box, sensitivity=3)["found"]
        if found["complete"]:
            return found
    raise AssertionError("it never ends")


def search(client: TestClient, session: str, kinds: list[str] = KINDS) -> dict[str, Any]:
    job = ask(client, session, "search", kinds=kinds, sensitivity=3)["job"]
    told = events(client, job)[-1]
    assert told["state"] == "done", told
    found: dict[str, Any] = told["result"]["found"]
    return found


def tile(client: TestClient, session: str, level: int, layer: str = "found") -> Any:
    content = client.get(f"/api/sessions/{session}/tiles/{layer}/{level}/0/0", params={"colour": "ffe600"}).content
    return pyvips.Image.new_from_buffer(content, "").numpy()


def marks(client: TestClient, session: str) -> Any:
    return pyvips.Image.new_from_buffer(client.get(f"/api/sessions/{session}/marks").content, "").numpy() > 0


@pytest.mark.parametrize("turn", [1, 6])
def test_a_search_proposes_what_detect_each_finds_and_what_is_taken_is_marked(
    client: TestClient, tmp_path: Path, turn: int
) -> None:
    path = save(tmp_path / "dusty.tif", dusty(), turn)
    opened = upload(client, path)
    session, top = opened["session"], opened["levels"] - 1
    found = search(client, session)
    expected = restauro.detect_each(dusty(), KINDS, sensitivity=3)
    every = as_seen(expected["dust"] | expected["scratches"], turn)
    assert found["kinds"]["dust"] >= 4
    assert len(found["marks"]) == sum(found["kinds"].values())
    np.testing.assert_array_equal(tile(client, session, top)[..., 3] == 255, every[:256, :256])
    assert not marks(client, session).any()
    taken = ask(client, session, "take")
    np.testing.assert_array_equal(marks(client, session), every)
    assert taken["found"]["marks"] == []
    assert not tile(client, session, top).any()
    client.post(f"/api/sessions/{session}/undo")
    assert not marks(client, session).any()
    client.post(f"/api/sessions/{session}/redo")
    np.testing.assert_array_equal(marks(client, session), every)


@pytest.mark.parametrize("orientation", [1, 6])
def test_marks_on_lettering_are_told_of_first(client: TestClient, tmp_path: Path, orientation: int) -> None:
    pixels = dusty()
    for left in range(240, 400, 16):  # LLLLLLLLLL
        pixels[240:254, left : left + 3] = pixels[252:254, left : left + 9] = 20
    down, across = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    pixels[(down - 246) ** 2 + (across - 300) ** 2 <= 9] = 250
    path = save(tmp_path / "panel.tif", np.ascontiguousarray(as_stored(pixels, orientation)), orientation)
    found = search(client, upload(client, path)["session"], ["dust", "losses"])
    on_it = [mark["lettering"] for mark in found["marks"]]
    assert on_it == sorted(on_it, reverse=True)
    assert 1 <= sum(on_it) == found["lettering"] < len(on_it)
    boxes = [mark["box"] for mark in found["marks"] if mark["lettering"]]
    for left, top, right, bottom in boxes:  # letters may be taken for losses, too
        assert 220 < left < right < 420
        assert 220 < top < bottom < 274
    assert any(left < 300 < right and top < 246 < bottom for left, top, right, bottom in boxes)


def test_marks_are_left_out_by_a_click_and_a_lasso_and_taken_again(client: TestClient, tmp_path: Path) -> None:
    session = upload(client, save(tmp_path / "dusty.tif", dusty()))["session"]
    found = search(client, session, ["dust"])
    click = stroke((302, 62), radius=3)
    judged = ask(client, session, "judge", area=click)["found"]
    assert [mark["box"][0] > 250 for mark in judged["marks"] if mark["left"]] == [True]
    lasso = {**stroke((0, 250), (500, 250), (500, 419), (0, 419)), "shape": "polygon"}
    judged = ask(client, session, "judge", area=lasso, left=True)["found"]
    below = sum(mark["box"][3] > 250 for mark in found["marks"])
    assert judged["left"] == 1 + below
    assert below >= 2
    judged = ask(client, session, "judge", number=judged["marks"][0]["number"])["found"]
    assert client.post(f"/api/sessions/{session}/undo").json()["found"]["left"] == 1 + below
    assert ask(client, session, "judge", area=click)["found"]["left"] == below
    again = search(client, session, ["dust"])
    assert again["left"] == below
    ask(client, session, "take")
    expected = restauro.detect_each(dusty(), ["dust"], sensitivity=3)["dust"]
    expected[250:] = False
    np.testing.assert_array_equal(marks(client, session), expected)


@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("kinds", [[], ["dust"]])
def test_hints_that_are_painted_find_what_detect_finds_by_them(
    client: TestClient, tmp_path: Path, turn: int, kinds: list[str]
) -> None:
    opened = upload(client, save(tmp_path / "dusty.tif", dusty(240, 260), turn))
    session, size = opened["session"], (opened["height"], opened["width"])
    labels = np.zeros(size, np.int8)
    strokes = [
        ("damage", stroke((70, 60), radius=3)),
        ("damage", stroke((150, 200), radius=3)),
        ("sound", stroke((20, 20), (200, 130), radius=4)),
    ]
    for what, values in strokes:
        if turn == 6:  # (x, y) as stored is (239 - y, x) as seen
            values = {**values, "points": [[240 - y, x, radius] for x, y, radius in values["points"]]}
        box, levels = Stroke.of(values).drawn(size)
        labels[box[0] : box[1], box[2] : box[3]][levels > 0] = 1 if what == "damage" else -1
        body = {"plane": "hints", "what": what, "stroke": values}
        assert client.post(f"/api/sessions/{session}/paint", json=body).status_code == 200
    job = ask(client, session, "search", kinds=kinds, sensitivity=3, hints=True)["job"]
    told = events(client, job)[-1]
    assert told["state"] == "done", told
    assert list(told["result"]["found"]["kinds"]) == ["like the hints"]
    ask(client, session, "take")
    how: dict[str, Any] = {"sensitivity": 3} if kinds else {}
    hints = np.ascontiguousarray(as_stored(labels, turn))
    expected = restauro.detect(dusty(240, 260), kinds or None, hints=hints, **how)
    np.testing.assert_array_equal(marks(client, session), as_seen(expected, turn))
    assert expected.any()


@pytest.mark.parametrize("turn", [1, 6])
def test_what_is_in_view_is_looked_at_alone_and_anew_once_it_has_changed(
    client: TestClient, tmp_path: Path, turn: int
) -> None:
    stored = np.ascontiguousarray(as_stored(dusty(), turn))
    session = upload(client, save(tmp_path / "dusty.tif", stored, turn))["session"]
    first = ask(client, session, "look", kinds=["dust"], box=(-50, -50, 9999, 9999), sensitivity=3)["found"]
    assert not first["complete"]
    found = look(client, session, (20, 20, 240, 240), ["dust"])
    assert found["box"] == [20, 20, 240, 240]
    assert sorted(mark["box"][0] // 100 for mark in found["marks"]) == [0, 1]
    heal(client, session, stroke((70, 60), radius=9), "harmonic", {})
    assert [mark["box"][0] // 100 for mark in look(client, session, (20, 20, 240, 240), ["dust"])["marks"]] == [1]
    whole = look(client, session, (-50, -50, 9999, 9999), ["dust"])
    assert whole["box"] == [0, 0, 520, 420]
    assert len(whole["marks"]) >= 4
    assert client.delete(f"/api/sessions/{session}/found").json()["found"]["box"] is None


@given(
    size=st.tuples(st.integers(1, 18), st.integers(1, 18)),
    known=st.sets(st.tuples(st.integers(0, 17), st.integers(0, 17))),
    threads=st.integers(1, 4),
)
def test_all_of_a_view_is_looked_at_in_few_blocks(size: tuple[int, int], known: set[Place], threads: int) -> None:
    cells = [(row, column) for row in range(size[0]) for column in range(size[1])]
    new = [cell for cell in cells if cell not in known]
    only_middle, looks = len(new) == len(cells), 0
    while new:
        some = blocks.blocks_of(new, threads, only_middle=only_middle)
        assert 1 <= len(some) <= threads
        most = math.prod(blocks.FIRST) if only_middle else blocks.LARGEST
        assert max(blocks.cells_of(block) for block in some) <= most
        seen = {(row, column) for a, b, c, d in some for row in range(a, b) for column in range(c, d)}
        assert sum(blocks.cells_of(block) for block in some) == len(seen)
        assert seen & set(new)
        assert seen <= set(cells)
        new = [cell for cell in new if cell not in seen]
        only_middle, looks = False, looks + 1
    if not known:
        assert looks <= 2 + len(cells) // (threads * blocks.LARGEST // 2)


def test_what_was_judged_and_taken_is_there_after_the_server_has_ended(start: Start, tmp_path: Path) -> None:
    client = start()
    session = upload(client, save(tmp_path / "dusty.tif", dusty()))["session"]
    search(client, session, ["dust"])
    ask(client, session, "judge", area=stroke((300, 60), radius=3))
    ask(client, session, "take")
    before = marks(client, session)
    assert before.any()
    again = start(let_in=False)
    again.cookies.update(client.cookies)
    np.testing.assert_array_equal(marks(again, session), before)
    assert search(again, session, ["dust"])["left"] == 1
    project = again.get(f"/api/sessions/{session}/project").content
    other = start().post("/api/projects", content=project).json()
    assert other["marked"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("take", {}, "Nothing is proposed"),
        ("judge", {"number": 0}, "Nothing is proposed"),
        ("look", {"kinds": [], "box": [0, 0, 50, 50]}, "choose a kind"),
        ("search", {"kinds": []}, "choose a kind"),
        ("look", {"kinds": ["dust"], "box": [900, 0, 950, 50]}, "outside of the picture"),
    ],
)
def test_what_cannot_be_is_refused(
    client: TestClient, tmp_path: Path, path: str, body: dict[str, Any], said: str
) -> None:
    session = upload(client, save(tmp_path / "a.tif", textured(60, 70)))["session"]
    answer = client.post(f"/api/sessions/{session}/found/{path}", json=body)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True)
    assert client.get(f"/api/sessions/{session}").json()["canUndo"] is False


def test_a_search_is_cancelled_and_what_was_proposed_stays(client: TestClient, tmp_path: Path) -> None:
    session = upload(client, save(tmp_path / "dusty.tif", np.tile(dusty(), (2, 2, 1))))["session"]
    before = look(client, session, (0, 0, 240, 240), ["dust"])
    assert before["marks"]
    job = ask(client, session, "search", kinds=["scratches", "dust"], sensitivity=30)["job"]
    assert client.delete(f"/api/jobs/{job}").status_code == 200
    assert events(client, job)[-1]["state"] == "cancelled"
    assert client.get(f"/api/sessions/{session}/found").json()["found"] == before


def test_a_number_that_no_mark_has_is_refused(client: TestClient, tmp_path: Path) -> None:
    session = upload(client, save(tmp_path / "dusty.tif", dusty(100, 120)))["session"]
    look(client, session, (0, 0, 120, 100))
    answer = client.post(f"/api/sessions/{session}/found/judge", json={"number": 99})
    assert (answer.status_code, "no such mark" in answer.json()["detail"]) == (400, True)


def test_marks_of_masks_by_kind() -> None:
    dust, cracks = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    dust[0, :2] = dust[3, 5] = cracks[0, 1] = True
    found = Found.of({"cracks": cracks, "dust": dust}, (10, 14, 20, 26))
    assert found.kinds == ["cracks", "dust", "dust"]
    assert found.boxes.tolist() == [[10, 11, 21, 22], [10, 11, 20, 22], [13, 14, 25, 26]]
    assert found.pixels.tolist() == [1, 2, 1]
    assert found.at([(10, 21)]).tolist() == [True, True, False]
    assert found.at([(13, 25), (500, 500), (9, 47)]).tolist() == [False, False, True]
    assert found.middles([2, 0, 1]) == [(13, 25), (10, 21), (10, 21)]
    assert found.middles([]) == []
    assert found.places_of([1]) == {(10, 20), (10, 21)}
