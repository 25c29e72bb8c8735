"""A folder's policy at the page: what it forbids is refused in the command line's words, and nothing has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import restauro
from restauro.errors import PolicyError
from restauro.web.sessions import Sessions
from tests.web.conftest import Start
from tests.web.strokes import events, mask_of, run, save, saved, stroke, textured, upload

PIXELS = textured(110, 130)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    return save(folder / "panel.tif", PIXELS)


def says(folder: Path, text: str) -> Path:
    path = folder / "restauro.toml"
    path.write_text(text, encoding="utf-8")
    return path


def given(start: Start, picture: Path, **more: Any) -> tuple[TestClient, dict[str, Any]]:
    client = start(picture, **more)
    answer = client.post("/api/given")
    assert answer.status_code == 200, answer.text
    return client, answer.json()


def refusal(client: TestClient, session: str, route: str, **body: Any) -> str:
    """Return the sentence with which something is refused, at once or by its job; nothing has changed."""
    before = client.get(f"/api/sessions/{session}").json()["retouch"]
    answer = client.post(f"/api/sessions/{session}/{route}", json=body)
    if answer.status_code == 200:
        last = events(client, answer.json()["job"])[-1]
        assert last["state"] == "failed", last
        sentence = last["detail"]
    else:
        assert answer.status_code == 400, answer.text
        sentence = answer.json()["detail"]
    assert client.get(f"/api/sessions/{session}").json()["retouch"] == before
    return str(sentence)


def on_the_command_line(picture: Path, mask: Any, method: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        restauro.restore_file(picture, picture.parent / "out.tif", mask=mask, method=method, dry_run=True)
    return caught.value


def same(sentence: str, error: PolicyError, folder: Path) -> bool:
    """Whether it is the command line's sentence, without this machine's folders and with the page's ways out."""
    return sentence.startswith(error.fact.replace(f"{folder}/", ""))


def test_what_a_fill_may_not_be_made_of_is_refused(start: Start, scan: Path, tmp_path: Path) -> None:
    says(scan.parent, 'allow = ["interpolates"]')
    client, session = given(start, scan)
    number, hole = session["session"], stroke((40, 40), (60, 50), radius=4)
    expected = on_the_command_line(scan, mask_of(hole), "patchmatch")
    client.post(f"/api/sessions/{number}/marks", json={"stroke": hole})
    sentences = [
        refusal(client, number, "heal", stroke=hole, method="patchmatch"),
        refusal(client, number, "restore", method="patchmatch"),
    ]
    for sentence in sentences:
        assert same(sentence, expected, scan.parent)
        assert sentence.endswith(": use another method of telea, harmonic, biharmonic, coherence, edge-enhancing, "
                                 "navier-stokes.")  # fmt: skip
    healed = refusal(client, number, "heal", stroke=hole, source={"down": 40, "right": 0})
    assert healed.startswith("The policy restauro.toml forbids it. Method 'heal' copies, and what is allowed is interp")
    np.testing.assert_array_equal(restauro.read_picture(saved(client, number, tmp_path)).pixels, PIXELS)
    run(client, f"/api/sessions/{number}/restore", {"method": "telea"})
    assert (restauro.read_picture(saved(client, number, tmp_path)).pixels != PIXELS).any()


def test_the_page_is_told_which_methods_are_refused_and_why(start: Start, scan: Path) -> None:
    says(scan.parent, 'allow = ["interpolates", "corrects"]')
    client, session = given(start, scan)
    assert sorted(session["refused"]) == ["heal", "network", "partial-convolution", "patchmatch"]
    assert session["refused"]["patchmatch"] == refusal(
        client, session["session"], "heal", stroke=stroke((40, 40)), method="patchmatch"
    )


def test_what_tone_can_not_correct_is_put_back_where_only_correcting_is_allowed(start: Start, scan: Path) -> None:
    lost = textured(110, 130, 1, np.float32)
    lost[40, 40] = np.nan
    path = save(scan.with_name("lost.tif"), lost)
    says(scan.parent, 'allow = ["corrects"]')
    client, session = given(start, path)
    sentence = refusal(client, session["session"], "heal", stroke=stroke((40, 40), radius=6), method="tone")
    assert sentence.startswith("1 pixels are lost, not dimmed, and so interpolated, which isn't allowed: leave them")


@pytest.mark.parametrize("turn", [1, 6])
def test_a_hole_that_is_too_wide_is_refused_where_it_is(start: Start, scan: Path, turn: int) -> None:
    scan = save(scan, PIXELS if turn == 1 else textured(130, 110), turn)
    says(scan.parent, "widest-hole = 12")
    client, session = given(start, scan)
    wide, narrow = stroke((80, 60), (82, 61), radius=9), stroke((80, 60), (82, 61), radius=5)
    as_seen = save(scan.with_name("seen.tif"), PIXELS)
    expected = on_the_command_line(as_seen, mask_of(wide), "telea")
    assert "forbids holes wider than 12 pixels, and one is, at row 5" in expected.fact
    sentence = refusal(client, session["session"], "heal", stroke=wide, method="telea")
    assert sentence == str(expected).replace(f"{scan.parent}/", "")
    client.post(f"/api/sessions/{session['session']}/marks", json={"stroke": wide})
    assert refusal(client, session["session"], "restore", method="telea") == sentence
    healed = client.post(f"/api/sessions/{session['session']}/heal", json={"stroke": narrow, "method": "telea"})
    assert healed.status_code == 200, healed.text


def test_strokes_side_by_side_are_one_hole(start: Start, scan: Path) -> None:
    says(scan.parent, "widest-hole = 12")
    client, session = given(start, scan)
    number = session["session"]
    strokes = [stroke((30, 30 + 9 * k), (90, 30 + 9 * k), radius=5) for k in range(3)]
    first = client.post(f"/api/sessions/{number}/heal", json={"stroke": strokes[0], "method": "telea"})
    assert first.status_code == 200, first.text
    beside = refusal(client, number, "heal", stroke=strokes[1], method="telea")
    assert "forbids holes wider than 12 pixels, and one is, at row" in beside
    for again in (strokes[0], strokes[2]):  # once more the same, and one that is apart
        answer = client.post(f"/api/sessions/{number}/heal", json={"stroke": again, "method": "telea"})
        assert answer.status_code == 200, answer.text
    for hidden in (0, 1):
        client.post(f"/api/sessions/{number}/switch", json={"number": hidden, "shown": False})
    assert "at row" in refusal(client, number, "heal", stroke=strokes[1], method="telea")  # beside the third
    client.post(f"/api/sessions/{number}/switch", json={"number": 2, "shown": False})
    answer = client.post(f"/api/sessions/{number}/heal", json={"stroke": strokes[1], "method": "telea"})
    assert answer.status_code == 200, answer.text


def test_a_narrow_stroke_that_widens_another_is_refused_at_the_middle_of_both(start: Start, scan: Path) -> None:
    says(scan.parent, "widest-hole = 12")
    client, session = given(start, scan)
    first, second = stroke((30, 30), (90, 30), radius=5), stroke((40, 36), (80, 36), radius=2.5)
    answer = client.post(f"/api/sessions/{session['session']}/heal", json={"stroke": first, "method": "telea"})
    assert answer.status_code == 200, answer.text
    expected = on_the_command_line(scan, mask_of(first) | mask_of(second), "telea")
    assert np.flatnonzero(mask_of(second).any(axis=1))[0] > int(expected.fact.partition("row ")[2].partition(",")[0])
    sentence = refusal(client, session["session"], "heal", stroke=second, method="telea")
    assert sentence == str(expected).replace(f"{scan.parent}/", "")


@pytest.mark.parametrize("seed", range(12))
def test_a_window_says_what_the_whole_picture_does(start: Start, scan: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = textured(110, 130, 1, np.float32)
    pixels[rng.random(pixels.shape) < 0.3] = np.nan
    scan = save(scan, pixels)
    width = int(rng.integers(3, 9))
    policy = restauro.policy.Policy(says(scan.parent, f"widest-hole = {width}"), widest_hole=width)
    client, session = given(start, scan)
    drawn = stroke(*(tuple(rng.uniform(5, 105, 2)) for _ in range(2)), radius=float(rng.uniform(1, 4)))
    hole = mask_of(drawn)
    unknown = np.isnan(pixels) & ~hole
    answer = client.post(f"/api/sessions/{session['session']}/heal", json={"stroke": drawn, "method": "harmonic"})
    refused = None
    try:
        policy.check(restauro.method.make_method("harmonic", {}), hole, unknown)
    except PolicyError as error:
        refused = str(error).replace(f"{scan.parent}/", "")
    assert answer.json().get("detail") == refused


def test_a_policy_is_read_anew_for_every_fill(start: Start, scan: Path) -> None:
    client, session = given(start, scan)
    assert session["refused"] == {}
    body = {"stroke": stroke((40, 40)), "method": "patchmatch"}
    assert client.post(f"/api/sessions/{session['session']}/heal", json=body).status_code == 200
    policy = says(scan.parent, 'allow = ["interpolates"]')
    assert "'patchmatch' copies" in refusal(client, session["session"], "heal", **body)
    assert "'patchmatch' copies" in refusal(client, session["session"], "redo-from", number=0)
    policy.write_text("alow = 3", encoding="utf-8")
    assert "says alow, which means nothing" in refusal_of_broken(client, session["session"], body)


def refusal_of_broken(client: TestClient, session: str, body: dict[str, Any]) -> str:
    answer = client.post(f"/api/sessions/{session}/heal", json=body)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["detail"])


def test_a_picture_with_a_policy_that_can_not_be_read_is_not_opened(start: Start, scan: Path, tmp_path: Path) -> None:
    says(scan.parent, "allow")
    client = start(scan)
    answer = client.post("/api/given")
    assert (answer.status_code, "isn't TOML" in answer.json()["detail"]) == (400, True)
    sessions = Sessions(tmp_path / "cache" / "sessions")
    assert list(sessions.folder.iterdir()) == []
    with sessions.new() as folder, pytest.raises(PolicyError, match="isn't TOML"):
        sessions.begin("me", "panel.tif", scan, folder)


def test_what_is_sent_is_bound_by_the_folder_that_the_server_was_started_in(
    start: Start, scan: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    says(work, 'allow = ["copies"]')
    client, opened = given(start, scan, started_in=work)
    assert opened["refused"] == {}  # for it has a folder of its own
    example = client.post("/api/examples/0").json()
    for session in (upload(client, scan), example):
        assert "telea" in session["refused"]
        assert "'telea' interpolates" in refusal(
            client, session["session"], "heal", stroke=stroke((40, 40)), method="telea"
        )
    project = client.get(f"/api/sessions/{opened['session']}/project").content
    again = client.post("/api/projects", content=project).json()
    assert "telea" in again["refused"]
