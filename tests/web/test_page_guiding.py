"""The page in a browser: healing from a source, guides, hints, results taken in part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import restauro
from restauro.strokes import Stroke

pytest.importorskip("playwright", reason="the page is tried with Playwright, of the extra dev")

from tests.web.browser import Page, Server, drag, idle, needs_browser
from tests.web.strokes import mask_of, textured

Opened = tuple[Page, Server, Path]


def bodies(page: Any, *endings: str) -> list[tuple[str, dict[str, Any]]]:
    """Return a list that what is sent to some routes is put into."""
    sent: list[tuple[str, dict[str, Any]]] = []

    def note(request: Any) -> None:
        name = request.url.rpartition("/")[2]
        if request.method == "POST" and name in endings and request.post_data:
            sent.append((name, json.loads(request.post_data)))

    page.on("request", note)
    return sent


def healed(picture: np.ndarray[Any, Any], sent: dict[str, Any]) -> np.ndarray[Any, Any]:
    box, levels = Stroke.of(sent["stroke"]).drawn((400, 600))
    mask = np.zeros((400, 600), bool)
    mask[box[0] : box[1], box[2] : box[3]] = levels > 0
    return restauro.heal(picture, mask, (sent["source"]["down"], sent["source"]["right"]))


@needs_browser
def test_strokes_are_healed_from_a_source_aligned_or_not(opened: Opened, tmp_path: Path) -> None:
    on, _, _ = opened
    page = on.page
    sent = bodies(page, "heal")
    page.keyboard.press("j")
    drag(page, (0.3, 0.5), (0.33, 0.5))
    assert "Alt-click" in page.inner_text("#message.wrong")
    page.keyboard.down("Alt")
    drag(page, (0.3, 0.2))
    page.keyboard.up("Alt")
    drag(page, (0.3, 0.5), (0.33, 0.5))
    drag(page, (0.5, 0.7), (0.52, 0.72))
    page.uncheck("#panel-source >> text=Aligned")
    drag(page, (0.6, 0.6), (0.62, 0.6))
    page.click("text=Pick the source")
    drag(page, (0.7, 0.7))
    drag(page, (0.4, 0.4), (0.42, 0.4))
    sources = [body["source"] for _, body in sent]
    assert len(sources) == on.results == 4
    assert sources[0] == sources[1]
    assert sources[0]["down"] < -50
    assert abs(sources[0]["right"]) <= 1
    first = [body["stroke"]["points"][0] for _, body in sent]
    places = [(point[0] + one["right"], point[1] + one["down"]) for point, one in zip(first, sources, strict=True)]
    assert np.hypot(*np.subtract(places[2], places[0])) < 2
    assert places[3][0] > places[2][0] + 100
    expected = textured(400, 600)
    for _, body in sent:
        expected = healed(expected, body)
    np.testing.assert_array_equal(restauro.read_picture(on.saved(tmp_path)).pixels, expected)
    assert on.wrong == []


@needs_browser
def test_guides_are_painted_and_drawn_and_patchmatch_goes_by_them(opened: Opened, tmp_path: Path) -> None:
    on, _, _ = opened
    page = on.page
    sent = bodies(page, "paint", "lines", "heal")
    page.select_option("#panel-method select", "telea")
    page.keyboard.press("g")
    assert "takes no guides" in page.inner_text("#panel-guide")
    page.select_option("#panel-method select", "patchmatch")
    assert "allowed and forbidden" in page.inner_text("#panel-guide")
    drag(page, (0.2, 0.7), (0.4, 0.75))
    page.click("#panel-guide [data-mode=avoid]")
    drag(page, (0.3, 0.72), (0.32, 0.72))
    page.click("#panel-guide [data-mode=line]")
    drag(page, (0.4, 0.3), (0.45, 0.35), (0.6, 0.3))
    page.keyboard.press("h")
    drag(page, (0.48, 0.33), (0.52, 0.33))
    idle(page)
    assert [what for what, _ in sent] == ["paint", "paint", "lines", "heal"]
    planes = {}
    for (_, body), what in zip(sent[:2], ("sources", "avoid"), strict=True):
        assert body["what"] == what
        box, levels = Stroke.of(body["stroke"]).drawn((400, 600))
        planes[what] = np.zeros((400, 600), bool)
        planes[what][box[0] : box[1], box[2] : box[3]] = levels > 0
    planes["sources"] &= ~planes["avoid"]
    assert planes["sources"].any()
    box, levels = Stroke.of(sent[3][1]["stroke"]).drawn((400, 600))
    mask = np.zeros((400, 600), bool)
    mask[box[0] : box[1], box[2] : box[3]] = levels > 0
    points = sent[2][1]["points"]
    assert 2 < len(points) < 9
    guide = [(y - 0.5, x - 0.5) for x, y in points]
    expected = restauro.inpaint(textured(400, 600), mask, "patchmatch", guides=[guide], **planes)
    np.testing.assert_array_equal(restauro.read_picture(on.saved(tmp_path)).pixels, expected)
    page.click("text=Clear the guides")
    page.wait_for_selector("#panel-guide >> text=Clear the guides >> visible=true")
    idle(page)
    assert page.is_disabled("text=Clear the guides")
    page.keyboard.press("Control+z")
    idle(page)
    assert page.is_enabled("text=Clear the guides")
    assert on.wrong == []


@needs_browser
def test_hints_are_painted_and_searched_by(opened: Opened) -> None:
    on, _, _ = opened
    page = on.page
    page.click("#panel-find summary")
    page.click("text=By hints")
    assert page.is_disabled("#panel-find >> text=/^Search$/")
    page.click("#panel-find [data-mode=damage]")
    drag(page, (0.3, 0.3), (0.35, 0.35))
    page.click("#panel-find [data-mode=sound]")
    drag(page, (0.6, 0.6), (0.65, 0.65))
    for kind in ("Dust", "Scratches", "Losses"):
        page.uncheck(f"#panel-find >> text={kind}")
    page.click("#panel-find >> text=/^Search$/")
    page.wait_for_selector('.found:has-text("like the hints")', timeout=120_000)
    assert on.wrong == []


@needs_browser
def test_sources_guides_and_hints_by_the_keyboard_alone(opened: Opened) -> None:
    on, _, _ = opened
    page = on.page
    page.keyboard.press("j")
    page.focus("text=Source in the middle")
    page.keyboard.press("Enter")
    page.keyboard.press("+")
    page.wait_for_timeout(500)
    page.focus("#view .openseadragon-canvas")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    page.wait_for_selector(".results li")
    assert "from a source" in page.inner_text(".results li")
    page.keyboard.press("g")
    page.keyboard.press("Enter")
    idle(page)
    assert page.is_enabled("text=Clear the guides")
    assert on.wrong == []


@needs_browser
def test_a_part_of_a_result_is_taken(opened: Opened, tmp_path: Path) -> None:
    on, _, _ = opened
    page = on.page
    sent = bodies(page, "marks", "part")
    page.keyboard.press("b")
    drag(page, (0.3, 0.5), (0.7, 0.5))
    for count, method in enumerate(("telea", "harmonic"), 1):
        page.select_option("#panel-method select", method)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(f".results li:nth-child({count})")
        idle(page)
    assert not page.is_visible("text=Take here")
    page.keyboard.press("a")
    drag(page, (0.2, 0.4), (0.5, 0.4), (0.5, 0.6), (0.2, 0.6))
    page.click(".results li:nth-child(2) >> text=Take here")
    page.wait_for_selector(".results li:nth-child(3)")
    idle(page)
    page.keyboard.press("Escape")
    assert not page.is_visible("text=Take here")
    mask = mask_of(sent[0][1]["stroke"], (400, 600))
    area = mask_of(sent[1][1]["area"], (400, 600))
    one, other = (restauro.inpaint(textured(400, 600), mask, method) for method in ("telea", "harmonic"))
    expected = np.where(area[..., np.newaxis], one, other)
    np.testing.assert_array_equal(restauro.read_picture(on.saved(tmp_path)).pixels, expected)
    assert (expected != one).any()
    assert (expected != other).any()
    assert on.wrong == []
