"""The page in a browser: damage is looked for, judged by click and lasso, and marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

import restauro

pytest.importorskip("playwright", reason="the page is tried with Playwright, of the extra dev")

from tests.web.browser import Page, drag, idle, needs_browser, profile, ready, serving
from tests.web.strokes import save
from tests.web.test_finding import dusty


def found(page: Any, text: str) -> None:
    page.wait_for_selector(f'.found:has-text("{text}"):not(:has-text("…"))', timeout=120_000)


@needs_browser
def test_damage_is_previewed_searched_judged_and_marked(tmp_path: Path, browser: Any) -> None:
    with (
        serving(tmp_path / "cache", save(tmp_path / "dusty.tif", dusty())) as server,
        profile(browser) as own,
    ):
        on = Page(own.new_page())
        page = on.page
        page.goto(server.address)
        ready(page)
        page.click("#panel-find summary")
        for kind in ("Scratches", "Losses"):
            page.uncheck(f"#panel-find >> text={kind}")
        page.check("#panel-find >> text=Show what is found in view")
        expected = restauro.detect_each(dusty(), ["dust"], sensitivity=3)["dust"]
        count = len(np.unique(restauro.filters.pieces(expected).numbers))
        found(page, f"dust {count}")
        page.fill("#panel-find input[type=number]", "0.3")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        page.fill("#panel-find input[type=number]", "3")
        page.keyboard.press("Enter")
        page.click("text=Search the whole picture")
        page.wait_for_selector("#panel-find >> text=Leave out")
        found(page, f"dust {count}")
        box = page.locator("#view").bounding_box()
        scale = min(box["width"] / 520, box["height"] / 420)
        left, top = (box["width"] - 520 * scale) / 2, (box["height"] - 420 * scale) / 2

        def at(x: float, y: float) -> tuple[float, float]:
            return (left + x * scale) / box["width"], (top + y * scale) / box["height"]

        drag(page, at(300, 60))
        found(page, "1 left out")
        drag(page, at(10, 260), at(510, 260), at(510, 415), at(10, 415))
        page.keyboard.press("Control+z")
        found(page, "1 left out")
        page.click("text=Mark these")
        page.wait_for_selector("#panel-find >> text=Mark these >> visible=true")
        idle(page)
        with page.expect_download() as waiting:
            page.click("text=Save mask")
        waiting.value.save_as(tmp_path / "mask.png")
        expected[40:80, 280:320] = False
        marks = pyvips.Image.new_from_file(str(tmp_path / "mask.png")).numpy() > 0
        np.testing.assert_array_equal(marks, expected)
        assert on.wrong == []
