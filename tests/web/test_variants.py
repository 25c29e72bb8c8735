"""Grain and variants at the page: what is saved is what `restauro.inpaint` makes by the same grain and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import restauro
from tests.web.conftest import Start
from tests.web.strokes import events, mask_of, run, save, saved, stroke, textured, upload

PIXELS = textured(110, 130)
HOLE = stroke((30, 40), (70, 50), radius=4)


@pytest.fixture
def session(client: TestClient, tmp_path: Path) -> str:
    number = str(upload(client, save(tmp_path / "panel.tif", PIXELS))["session"])
    client.post(f"/api/sessions/{number}/marks", json={"stroke": HOLE})
    return number


def now(client: TestClient, session: str, folder: Path) -> Any:
    return restauro.read_picture(saved(client, session, folder)).pixels


@pytest.mark.parametrize(("method", "grain"), [("harmonic", "match"), ("patchmatch", None)])
def test_four_variants_are_in_the_list_and_the_last_is_shown(
    client: TestClient, start: Start, session: str, tmp_path: Path, method: str, grain: str | None
) -> None:
    body = {"method": method, "grain": grain, "seed": 3, "variants": 4}
    retouch = run(client, f"/api/sessions/{session}/restore", body)["retouch"]
    assert [one["seed"] for one in retouch] == [3, 4, 5, 6]
    assert [one["shown"] for one in retouch] == [False, False, False, True]
    expected = [restauro.inpaint(PIXELS, mask_of(HOLE), method, grain=grain, seed=3 + k) for k in range(4)]
    assert all((expected[0] != other).any() for other in expected[1:])
    np.testing.assert_array_equal(now(client, session, tmp_path), expected[3])
    for number, shown in ((4, False), (2, True)):  # the marks were step 0
        client.post(f"/api/sessions/{session}/switch", json={"number": number, "shown": shown})
    np.testing.assert_array_equal(now(client, session, tmp_path), expected[1])
    run(client, f"/api/sessions/{session}/redo-from", {"number": 1})
    np.testing.assert_array_equal(now(client, session, tmp_path), expected[1])
    again = start(let_in=False)
    again.cookies.update(client.cookies)
    np.testing.assert_array_equal(now(again, session, tmp_path), expected[1])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"method": "telea", "variants": 4}, "leaves nothing to chance: use Match grain to vary the grain, or use the "
         "method patchmatch to vary what is copied."),
        ({"method": "patchmatch", "grain": "match"}, "Method 'patchmatch' copies texture, which has its grain: leave"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(client: TestClient, session: str, body: dict[str, Any], says: str) -> None:
    answer = client.post(f"/api/sessions/{session}/restore", json=body)
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["detail"]


def test_variants_are_all_taken_back_where_one_fails(
    client: TestClient, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from restauro.web.retouch import Retouch

    filled, calls = Retouch.filled, []

    def third_fails(self: Retouch, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise MemoryError
        return filled(self, *arguments)

    monkeypatch.setattr(Retouch, "filled", third_fails)
    body = {"method": "harmonic", "grain": "match", "variants": 4}
    job = client.post(f"/api/sessions/{session}/restore", json=body).json()["job"]
    assert events(client, job)[-1]["state"] == "failed"
    assert client.get(f"/api/sessions/{session}").json()["retouch"] == []
    np.testing.assert_array_equal(now(client, session, tmp_path), PIXELS)


def test_grain_may_depend_on_what_is_further_away_than_a_smooth_fill_does(client: TestClient, session: str) -> None:
    client.post(f"/api/sessions/{session}/heal", json={"stroke": stroke((50, 104), radius=3), "method": "telea"})
    for grain, stale in ((None, False), ("match", True)):
        run(client, f"/api/sessions/{session}/restore", {"method": "harmonic", "grain": grain})
        off = client.post(f"/api/sessions/{session}/switch", json={"number": 1, "shown": False}).json()
        assert [one["stale"] for one in off["retouch"] if one["kind"] == "restore" and one["shown"]] == [stale]
        client.post(f"/api/sessions/{session}/undo")
