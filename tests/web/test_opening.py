"""How pictures are opened, and which are refused."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import pyvips
from starlette.testclient import TestClient

import restauro
from restauro.picture import Picture
from restauro.web import sessions
from restauro.web.session import read_whole
from tests.web.conftest import Start
from tests.web.strokes import HEALS, heal, save, textured


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


def test_the_picture_of_the_command_line_is_read_while_the_browser_starts(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, read = threading.Event(), []

    def noted(path: Path) -> Picture:
        read.append(path)
        began.set()
        return read_whole(path)

    monkeypatch.setattr(sessions, "read_whole", noted)
    path = save(tmp_path / "deep.tif", textured(110, 130))
    client = start(path)
    assert began.wait(30)
    first = client.post("/api/given").json()
    assert (first["height"], read) == (110, [path])
    assert client.post("/api/sessions", params={"name": "a.tif"}, content=path.read_bytes()).json()["height"] == 110
    other = start(path)  # another server, whose picture is changed before it is opened
    while len(read) < 3:
        time.sleep(0.01)
    save(path, textured(100, 130))
    assert other.post("/api/given").json()["height"] == 100
    path.write_bytes(b"no picture")
    answer = start(path).post("/api/given")
    assert (answer.status_code, answer.json()["detail"][-1]) == (400, ".")


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


def test_a_server_that_a_page_may_not_end_goes_on(client: TestClient) -> None:
    assert client.get("/api/start").json()["ends"] is False
    answer = client.post("/api/end")
    assert (answer.status_code, answer.json()["detail"][:12]) == (404, "This server ")
    assert client.get("/api/start").status_code == 200


def test_the_interface_describes_itself(client: TestClient) -> None:
    assert client.get("/docs").status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert "/api/sessions/{number}/heal" in paths
    assert all(route.get("description") for verbs in paths.values() for route in verbs.values())


def test_a_picture_whose_name_has_no_ending_is_saved_in_its_own_format(client: TestClient, tmp_path: Path) -> None:
    path = save(tmp_path / "deep.tif", textured(40, 40))
    answer = client.post("/api/sessions", params={"name": "../Scän no. 1"}, content=path.read_bytes())
    got = client.get(f"/api/sessions/{answer.json()['session']}/picture")
    assert got.status_code == 200, got.text
    assert "Sc%C3%A4n%20no-restored.tif" in got.headers["content-disposition"]
    assert got.content[:2] == b"II"
