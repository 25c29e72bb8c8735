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
    page.click("text=4 variants")
    page.wait_for_selector("#message.wrong:has-text('would be the same')")
    assert "use Match grain" in page.inner_text("#message")
    page.check("text=Match grain")
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
