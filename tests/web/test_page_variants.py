"""The page in a browser: grain, and four variants to choose from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import restauro

pytest.importorskip("playwright", reason="the page is tried with Playwright, of the extra dev")

from tests.web.browser import Page, Server, drag, idle, needs_browser
from tests.web.strokes import mask_of, textured


@needs_browser
def test_four_variants_with_grain_are_listed_with_their_seeds_and_one_is_chosen(
    opened: tuple[Page, Server, Path], tmp_path: Path
) -> None:
    on, _, _ = opened
    page = on.page
    page.keyboard.press("b")
    drag(page, (0.4, 0.5), (0.5, 0.5))
    page.wait_for_selector("button[aria-disabled=true]:text('4 variants')")
    page.click("text=4 variants", force=True)  # it is grey
    page.wait_for_selector("#message.wrong:has-text('would be the same')")
    assert "use Match grain" in page.inner_text("#message")
    page.check("text=Match grain")
    page.wait_for_selector("button[aria-disabled=false]:text('4 variants')")
    page.click("text=4 variants")
    page.wait_for_selector(".results li >> nth=3")
    idle(page)
    texts = page.locator(".results li").all_inner_texts()
    assert [text.rpartition("seed")[2].strip() for text in texts] == ["4", "3", "2", "1"]
    boxes = page.locator(".results li input")
    assert [boxes.nth(k).is_checked() for k in range(4)] == [True, False, False, False]
    boxes.nth(0).uncheck()
    idle(page)
    boxes.nth(2).check()
    idle(page)
    marks = mask_of(next(body for kind, body in on.sent if kind == "marks")["stroke"], (400, 600))
    expected = restauro.inpaint(textured(400, 600), marks, grain="match", seed=2)
    np.testing.assert_array_equal(restauro.read_picture(on.saved(tmp_path)).pixels, expected)
    page.click("text=4 variants")
    page.wait_for_selector(".results li >> nth=7")
    idle(page)
    assert on.sent[-1][1]["seed"] == 5
    assert on.results == 8


@needs_browser
def test_what_a_method_does_not_go_with_is_grey_and_says_why(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    variants, grain = page.get_by_role("button", name="4 variants"), page.get_by_label("Match grain")

    def wait_for(*grey: bool) -> None:
        for control, is_grey in zip((variants, grain), grey, strict=True):
            name = control.evaluate("element => (element.id ||= 'tried' + Math.random().toString(36).slice(2))")
            page.wait_for_selector(f"#{name}[aria-disabled={str(is_grey).lower()}]")

    wait_for(True, False)
    assert "leaves nothing to chance" in variants.get_attribute("title")
    grain.check()
    wait_for(False, False)
    assert variants.get_attribute("title").startswith("Restore what is marked four times")
    page.select_option("#panel-method select", "patchmatch")
    wait_for(False, True)
    assert not grain.is_checked()
    assert "copies texture, which has its grain" in grain.get_attribute("title")
    page.click("text=Match grain", force=True)
    page.wait_for_selector("#message.wrong:has-text('which has its grain')")
    assert not grain.is_checked()
    page.evaluate("document.querySelector('.parameters').open = true")
    detail = page.get_by_label("detail, as a number")
    detail.fill("0")
    detail.press("Tab")
    wait_for(True, True)
    page.select_option("#panel-method select", "telea")
    wait_for(False, False)
    assert grain.is_checked()
    assert on.wrong == []
