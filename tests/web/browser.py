"""A real server in a process of its own, and a headless Chromium that is led through its page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here (apt-get install chromium)")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Server:
    """`restauro serve`, with a cache of its own, that can be killed and started again at its port."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self._environment = {**os.environ, "RESTAURO_CACHE": str(folder)}
        self._arguments = [str(argument) for argument in arguments]
        self.port = "0"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "restauro", "serve", "--no-browser", "--port", self.port, *self._arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self._environment)
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        self.port = self.address.split("/?")[0].rpartition(":")[2]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@contextmanager
def serving(folder: Path, *arguments: str | Path) -> Iterator[Server]:
    server = Server(folder, *arguments)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser, as Playwright has it. While it runs no other event loop can run in this thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def profile(browser: Any) -> Iterator[Any]:
    """Give a new profile of a browser: nothing is stored in it yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    try:
        yield context
    finally:
        context.close()


def ready(page: Any) -> None:
    page.wait_for_selector("body[data-ready]", timeout=60_000)


def idle(page: Any) -> None:
    """Wait until all that was asked for is shown."""
    page.wait_for_selector("body:not([data-busy])", timeout=60_000)


def drag(page: Any, *places: tuple[float, float]) -> None:
    """Draw a line with the mouse between places of the view, from 0 to 1 of its width and height."""
    box = page.locator("#view").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()
    page.wait_for_timeout(50)
    idle(page)


class Page:
    """A page, what it asked for, and what went wrong on it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.sent: list[tuple[str, dict[str, Any]]] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.wrong.append(said.text))
        page.on("request", self._note)

    def _note(self, request: Any) -> None:
        self.asked.append(request.url)
        if request.method == "POST" and request.post_data and request.url.endswith(("/heal", "/marks", "/restore")):
            self.sent.append((request.url.rpartition("/")[2], json.loads(request.post_data)))

    def saved(self, folder: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.page.click("#save")
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    @property
    def results(self) -> int:
        return int(self.page.locator(".results li").count())
