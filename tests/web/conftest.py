"""What tests of the page share: pictures of all kinds, and a client that is let in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra web")
pytest.importorskip("httpx2", reason="tests of the page need httpx2, which Starlette's test client is made of")

from starlette.testclient import TestClient

from restauro.web.app import make_app
from tests.web.browser import Page, Server, chromium, profile, ready, serving
from tests.web.strokes import save, textured

TOKEN, PORT = "a-token", 8123
ADDRESS = f"http://127.0.0.1:{PORT}"
Start = Callable[..., TestClient]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the server and gives a client that has come by the address with the token; it may be started again."""
    clients = []

    def started(picture: Path | None = None, *, let_in: bool = True, started_in: Path = tmp_path) -> TestClient:
        folder = tmp_path / "cache" / "sessions"
        app = make_app(token=TOKEN, port=PORT, folder=folder, picture=picture, started_in=started_in)
        client = TestClient(app, base_url=ADDRESS)
        client.__enter__()
        clients.append(client)
        if let_in:
            assert client.get("/", params={"token": TOKEN}).status_code == 200
        return client

    yield started
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(start: Start) -> TestClient:
    return start()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(tmp_path: Path, browser: Any) -> Iterator[tuple[Page, Server, Path]]:
    """Gives the page in a browser with a picture of 600 x 400 pixels, its server, the picture."""
    path = save(tmp_path / "panel.tif", textured(400, 600))
    with serving(tmp_path / "cache", path) as server, profile(browser) as own:
        page = Page(own.new_page())
        page.page.goto(server.address)
        ready(page.page)
        yield page, server, path
