"""The page in a browser: how it looks to fingers, and to those who come to it first."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the page is tried with Playwright, of the extra dev")

from tests.web.browser import Page, Server, drag, idle, needs_browser

TARGETS = """() => [...document.querySelectorAll("button, select, summary, input, label.file span")]
    .map((element) => (element.type === "checkbox" ? element.closest("label") : element))
    .filter((element) => element.type !== "file" && element.checkVisibility({ visibilityProperty: true }))
    .map((element) => [element, element.getBoundingClientRect()])
    .filter(([, { width, height }]) => width < 43.9 || height < 43.9)
    .map(([{ id, title, textContent }, { width, height }]) => `${id || title || textContent}: ${width} x ${height}`)
"""


@needs_browser
def test_everything_is_wide_enough_for_fingers_on_a_phone(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    drag(page, (0.3, 0.3), (0.5, 0.35))
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate(TARGETS) == []
    page.keyboard.press("j")
    page.keyboard.press("c")
    assert page.evaluate(TARGETS) == []
    for button in page.locator("#tools button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#home")
    page.wait_for_selector("#last li")
    assert page.evaluate(TARGETS) == []


@needs_browser
def test_a_tool_says_how_it_is_used_and_brings_its_panel_into_sight(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    assert "Paint over damage" in page.inner_text("#message")
    page.evaluate("document.getElementById('side').scrollTop = 10000")
    for key, control in (("g", "Clear the guides"), ("n", "Sound"), ("j", "Pick the source")):
        page.keyboard.press(key)
        place = page.get_by_role("button", name=control).bounding_box()
        panels = page.locator("#side").bounding_box()
        assert panels["y"] <= place["y"] < panels["y"] + panels["height"]


@needs_browser
def test_before_is_on_the_left_and_now_on_the_right(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    page.click("text=Side by side")
    page.wait_for_selector("#beside canvas")
    before, now, over = (page.locator(name).bounding_box() for name in ("#beside", "#view", "#over"))
    assert before["x"] + before["width"] <= now["x"]
    assert over == now
    assert page.inner_text("#tag") == "before | now"
    page.keyboard.press("Escape")
    drag(page, (0.3, 0.3), (0.5, 0.35))
    assert on.results == 1
    assert on.wrong == []


@needs_browser
def test_words_can_be_read_under_the_pointer(opened: tuple[Page, Server, Path]) -> None:
    """A button's colours are those of its state, be the pointer over it or not."""
    on, _, _ = opened
    page = on.page
    page.evaluate("document.getElementById('panel-find').open = true")
    grey, pressed = page.get_by_role("button", name="Mark these"), page.get_by_role("button", name="Now")
    for button in (grey, pressed):
        looks = "element => { const look = getComputedStyle(element); return look.color + look.backgroundColor; }"
        away = button.evaluate(looks)
        button.hover(force=True)
        assert button.evaluate(looks) == away


@needs_browser
def test_a_stroke_that_takes_long_says_so(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page, waiting = on.page, []
    page.route("**/heal", lambda route: waiting.append(route))
    page.mouse.move(600, 400)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("#message:has-text('Healing …')")
    waiting[0].continue_()
    idle(page)
    assert page.inner_text("#message") == ""
    assert on.results == 1


@needs_browser
def test_nothing_is_cut_off_in_narrower_windows(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    height = page.locator("header").bounding_box()["height"]
    for width in (1024, 800):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.locator("header").bounding_box()["height"] == height
        save = page.locator("#save").bounding_box()
        assert save["x"] + save["width"] <= width
    page.set_viewport_size({"width": 390, "height": 844})
    page.click("#help")
    assert page.locator("#keys-title").bounding_box()["y"] > 0
    page.keyboard.press("Escape")
    page.click("#home")
    assert page.inner_text("#place") == ""


@needs_browser
def test_what_was_done_is_removed_when_asked_twice_alone(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    page.wait_for_load_state("networkidle")  # tiles that come too late for what is removed are errors to the browser
    page.click("#home")
    remove = page.get_by_role("button", name="Remove panel.tif")
    remove.click()
    assert remove.inner_text() == "Remove?"
    page.locator("#help").focus()
    assert remove.inner_text() == "×"
    assert page.locator("#last li").count() == 1
    remove.click()
    remove.click()
    page.wait_for_selector("#last", state="hidden")
    assert page.locator("#last li").count() == 0
    assert on.wrong == []
