"""Who gets in, and who doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import ADDRESS, TOKEN, Start
from tests.web.strokes import save, textured, upload


def test_nobody_gets_in_without_the_token(start: Start) -> None:
    client = start(let_in=False)
    for path in ("/", "/api/start", "/openapi.json", "/main.js"):
        assert client.get(path).status_code == 401
    assert client.get("/", params={"token": "another"}).status_code == 403
    assert client.post("/api/sessions", params={"name": "x.png"}, content=b"x").status_code == 401


def test_the_address_with_the_token_gives_cookies_that_scripts_cannot_read(start: Start) -> None:
    client = start(let_in=False)
    answer = client.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("HttpOnly; SameSite=Strict" in cookie for cookie in cookies)
    assert client.get("/api/start").status_code == 200


def test_a_program_gives_the_token_in_a_header(start: Start) -> None:
    client = start(let_in=False)
    assert client.get("/api/start", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/api/start", headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:9"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9"},
        {"Origin": "null"},
    ],
)
def test_other_hosts_and_origins_are_refused(start: Start, headers: dict[str, str]) -> None:
    client = start()
    assert client.post("/api/examples/0", headers=headers).status_code == 403
    assert client.get("/api/start", headers={"Origin": ADDRESS}).status_code == 200


def test_sessions_of_one_browser_are_not_seen_by_another(start: Start, tmp_path: Path) -> None:
    client = start()
    session = upload(client, save(tmp_path / "panel.tif", textured(40, 40)))["session"]
    other = start()
    assert other.get("/api/start").json()["sessions"] == []
    for path in (f"/api/sessions/{session}", f"/api/sessions/{session}/picture"):
        assert other.get(path).status_code == 404
    assert other.delete(f"/api/sessions/{session}").status_code == 404
    assert client.get(f"/api/sessions/{session}").status_code == 200
    assert client.delete(f"/api/sessions/{session}").status_code == 200
    assert client.get(f"/api/sessions/{session}").status_code == 404


def test_nothing_may_be_framed_or_loaded_from_elsewhere(start: Start) -> None:
    policy = start().get("/api/start").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
