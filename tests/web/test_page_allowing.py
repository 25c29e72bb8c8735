"""The page in a browser: what a folder's policy forbids is grey, with the reason, and refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the page is tried with Playwright, of the extra dev")

from tests.web.browser import Page, drag, needs_browser, profile, ready, serving
from tests.web.strokes import save, textured


@needs_browser
def test_what_the_policy_of_the_folder_that_was_named_forbids_is_grey_and_refused(tmp_path: Path, browser: Any) -> None:
    scans, store = tmp_path / "scans", tmp_path / "store"
    scans.mkdir()
    store.mkdir()
    picture, policy = scans / "panel.tif", scans / "restauro.toml"
    picture.symlink_to(save(store / "panel.tif", textured(400, 600)))
    policy.write_text('allow = ["interpolates"]\nwidest-hole = 12\n', encoding="utf-8")
    with serving(tmp_path / "cache", picture) as server, profile(browser) as own:
        on = Page(own.new_page())
        page = on.page
        page.goto(server.address)
        ready(page)
        menu = page.get_by_label("Method", exact=True)
        grey = menu.locator("option:disabled").evaluate_all("options => options.map(one => [one.value, one.title])")
        assert sorted(name for name, _ in grey) == ["network", "partial-convolution", "patchmatch", "tone"]
        reasons = dict(grey)
        assert reasons["patchmatch"].startswith("The policy restauro.toml forbids it. Method 'patchmatch' copies, and")
        assert not menu.locator("option[value=telea]").get_attribute("title")
        source = page.locator("#tool-source")
        assert source.get_attribute("aria-disabled") == "true"
        assert "Method 'heal' copies" in source.get_attribute("title")
        page.keyboard.press("j")
        assert "Method 'heal' copies" in page.inner_text("#message.wrong")
        assert page.get_attribute("body", "data-tool") == "heal"
        drag(page, (0.4, 0.5), (0.5, 0.5))  # with the brush of 24 pixels
        assert "forbids holes wider than 12 pixels, and one is, at row" in page.inner_text("#message.wrong")
        assert on.results == 0
        page.keyboard.press("b")
        drag(page, (0.4, 0.5), (0.5, 0.5))
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#message.wrong:has-text('forbids holes wider than 12')")
        assert on.results == 0
        policy.write_text('allow = ["copies"]\n', encoding="utf-8")
        page.reload()
        ready(page)
        assert menu.input_value() == "patchmatch"
        assert source.get_attribute("aria-disabled") == "false"
        assert "policy" not in source.get_attribute("title")
        assert menu.locator("option[value=edge-enhancing]").is_disabled()
        drag(page, (0.4, 0.5), (0.5, 0.5))
        assert on.results == 1
        assert on.sent[-1][1]["method"] == "patchmatch"
