"""The page in a browser: a picture is opened, healed, marked, restored, compared, saved; nothing is lost."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest

import restauro
from restauro.files.layers import Layer, flattened, read_layers, write_layers
from restauro.picture import as_stored
from restauro.strokes import Stroke
from tests.web.strokes import save, textured

pytest.importorskip("fastapi", reason="the page needs the extra web")
pytest.importorskip("playwright", reason="the page is tried with Playwright, of the extra dev")

from tests.web.browser import Page, Server, drag, idle, needs_browser, ready

STATIC = Path(restauro.__file__).parent / "web" / "static"
VENDORED = {"openseadragon.min.js": "14d587cd3ee7c4861f1a41077ce642029364a21029956ba635bd8fb1202cf9ad"}


def test_what_others_wrote_is_what_they_published() -> None:
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (STATIC / "vendor").glob("*.js")}
    assert files == VENDORED
    assert "OpenSeadragon contributors" in (STATIC / "vendor" / "openseadragon.LICENSE.txt").read_text()


def test_the_page_is_light_and_names_no_other_server() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 600_000
    for path in files:
        if path.parent == STATIC:
            named = set(re.findall(r"https?://[\w.]+", path.read_text(encoding="utf-8")))
            assert named <= {"http://www.w3.org"}


@needs_browser
def test_heal_mark_restore_undo_save(opened: tuple[Page, Server, Path], tmp_path: Path) -> None:
    on, server, path = opened
    page = on.page
    drag(page, (0.3, 0.3), (0.5, 0.35))
    drag(page, (0.5, 0.35), (0.6, 0.5))
    assert on.results == 2
    page.keyboard.press("Control+z")
    idle(page)
    assert on.results == 1
    page.keyboard.press("Control+Shift+z")
    idle(page)
    assert on.results == 2
    page.keyboard.press("b")
    drag(page, (0.7, 0.7), (0.8, 0.6))
    page.select_option("#panel-method select", "telea")
    page.click("text=Restore what is marked")
    page.wait_for_selector(".results li:nth-child(3)")
    idle(page)

    assert not page.is_checked("#panel-marks label:has-text('Show') input")
    page.keyboard.press("Control+z")
    idle(page)
    page.keyboard.press("Control+z")
    idle(page)
    assert page.is_checked("#panel-marks label:has-text('Show') input")
    page.keyboard.press("Control+Shift+z")
    idle(page)
    page.keyboard.press("Control+Shift+z")
    idle(page)
    page.keyboard.press("m")  # and so they stay, after a reload too
    page.reload()
    ready(page)
    assert not page.is_checked("#panel-marks label:has-text('Show') input")
    page.keyboard.press("m")
    page.reload()
    ready(page)
    assert page.is_checked("#panel-marks label:has-text('Show') input")

    page.keyboard.press("s")
    page.wait_for_selector("#divider:not([hidden])")
    page.locator("#divider").fill("250")
    page.keyboard.press("Escape")

    result = restauro.read_picture(on.saved(tmp_path))
    assert result.pixels.dtype == np.uint16
    picture = restauro.read_picture(path)
    assert [what for what, _ in on.sent] == ["heal", "heal", "marks", "restore"]
    strokes = [body["stroke"] for what, body in on.sent if what != "restore"]
    for values, method in zip(strokes, ["edge-enhancing", "edge-enhancing", "telea"], strict=True):
        box, levels = Stroke.of(values).drawn((400, 600))
        mask = np.zeros((400, 600), bool)
        mask[box[0] : box[1], box[2] : box[3]] = levels > 0
        restauro.inpaint(picture.pixels, as_stored(mask, 1), method, out=picture.pixels)
    np.testing.assert_array_equal(result.pixels, picture.pixels)
    assert (result.pixels != textured(400, 600)).any()
    hosts = {urllib.parse.urlsplit(url).netloc for url in on.asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {f"127.0.0.1:{server.port}"}
    assert on.wrong == []


@needs_browser
def test_what_was_done_is_there_after_a_reload_and_after_the_server_was_killed(
    opened: tuple[Page, Server, Path], tmp_path: Path
) -> None:
    on, server, _ = opened
    page = on.page
    drag(page, (0.3, 0.3), (0.5, 0.35))
    before = restauro.read_picture(on.saved(tmp_path)).pixels
    page.reload()
    ready(page)
    assert on.results == 1
    server.kill()
    page.keyboard.press("Control+z")
    page.wait_for_selector("#message.wrong")
    assert "What was done is kept" in page.inner_text("#message")
    server.start()
    page.goto(server.address)
    ready(page)
    assert on.results == 1
    np.testing.assert_array_equal(restauro.read_picture(on.saved(tmp_path)).pixels, before)


@needs_browser
def test_a_mask_is_loaded_and_a_picture_is_sent(opened: tuple[Page, Server, Path], tmp_path: Path) -> None:
    on, _, _ = opened
    page = on.page
    mask = np.zeros((400, 600), np.uint8)
    mask[100:110, 200:300] = 255
    page.set_input_files("#panel-marks input[type=file]", save(tmp_path / "mask.png", mask))
    page.wait_for_selector("#undo:not([disabled])")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".results li")
    idle(page)
    pixels = restauro.read_picture(on.saved(tmp_path)).pixels
    np.testing.assert_array_equal((pixels != textured(400, 600)).any(axis=2) & (mask == 0), False)
    page.evaluate("document.getElementById('panel-file').open = true")
    page.select_option("#panel-file select", ".webp")
    page.click("#save")
    page.wait_for_selector("#message.wrong")
    assert "WebP can't hold" in page.inner_text("#message")
    on.wrong.clear()  # the browser's own words about a refused request
    page.click("#home")
    page.set_input_files("#file", save(tmp_path / "other.png", textured(50, 70, 1, np.uint8)))
    page.wait_for_selector("body[data-state=work]")
    assert "70 × 50" in page.inner_text("#name")
    assert on.wrong == []


@needs_browser
def test_layers_are_saved_and_loaded(opened: tuple[Page, Server, Path], tmp_path: Path) -> None:
    on, _, _ = opened
    page = on.page
    drag(page, (0.3, 0.3), (0.5, 0.35))
    page.click("#panel-file summary")
    with page.expect_download() as waiting:
        page.click("text=Save layers")
    waiting.value.save_as(tmp_path / "panel.ora")
    assert waiting.value.suggested_filename == "panel-layers.ora"
    found = read_layers(tmp_path / "panel.ora")
    dab = Layer("dab", np.full((5, 5, 3), 777, np.uint16), top=300, left=500)
    write_layers([*found.layers, dab], tmp_path / "edited.ora")
    page.set_input_files("#panel-file input[type=file]", tmp_path / "edited.ora")
    page.wait_for_selector('.results li:has-text("Edited 2")')
    idle(page)
    expected = flattened(found.layers[1:], textured(400, 600))
    expected[300:305, 500:505] = 777
    np.testing.assert_array_equal(restauro.read_picture(on.saved(tmp_path)).pixels, expected)
    page.click("#home")
    page.set_input_files("#file", tmp_path / "edited.ora")
    page.wait_for_selector("body[data-state=work]")
    assert "edited.png" in page.inner_text("#name")
    assert on.wrong == []


@needs_browser
def test_a_restoration_is_cancelled_where_its_button_was(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    page.keyboard.press("r")
    drag(page, (0.1, 0.25), (0.9, 0.75))
    page.select_option("#panel-method select", "patchmatch")
    button = page.locator("button:has-text('Restore what is marked')")
    place = button.bounding_box()
    below = page.locator("#panel-results").bounding_box()
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#progress")
    assert page.evaluate("document.activeElement.textContent") == "Cancel"
    assert page.locator("#progress").bounding_box()["y"] >= place["y"]
    assert page.locator("#panel-results").bounding_box() == below
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Restore what is marked')")
    idle(page)
    assert "Cancelled" in page.inner_text("#message")
    assert page.evaluate("document.activeElement.textContent") == "Restore what is marked"
    assert on.results == 0
    assert on.wrong == []


@needs_browser
def test_two_tabs_see_the_same(opened: tuple[Page, Server, Path]) -> None:
    on, server, _ = opened
    other = on.page.context.new_page()
    other.goto(f"http://127.0.0.1:{server.port}/")
    ready(other)
    drag(on.page, (0.3, 0.3), (0.5, 0.35))
    drag(other, (0.6, 0.6), (0.7, 0.65))
    assert other.locator(".results li").count() == 2


@needs_browser
def test_the_keyboard_alone_is_enough(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    page = on.page
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    page.keyboard.press("]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".results li")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".results li:nth-child(2)")
    assert on.wrong == []


@needs_browser
def test_every_control_has_a_name_and_a_tooltip(opened: tuple[Page, Server, Path]) -> None:
    on, _, _ = opened
    without = on.page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, summary, a")].filter((element) => {
            const words = [element.getAttribute("aria-label"), element.textContent, element.labels?.[0]?.textContent];
            const named = words.some((text) => text?.trim());
            const tip = element.title || element.closest("[title]");
            return !(named && tip);
        }).map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert without == []


@needs_browser
def test_end_ends_it_and_what_was_done_is_kept(opened: tuple[Page, Server, Path]) -> None:
    on, server, _ = opened
    page = on.page
    drag(page, (0.3, 0.3), (0.5, 0.35))
    page.click("#home")
    page.click("#quit")
    page.wait_for_selector("text=restauro has ended")
    assert server.process.wait(timeout=30) == 0
    server.kill()
    server.start()
    page.goto(server.address)
    ready(page)
    assert on.results == 1
    assert on.wrong == []
